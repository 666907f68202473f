"""How long visits are kept, and how those of one session are erased. The figures stay.

A company's visits are removed by the day, once their days are rolled up. On PostgreSQL a month that
no company keeps any more is dropped, and a large one waits for that instead of being deleted.
"""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from analytics import partitions, rollups
from analytics.models import ARViewSession, DailyStat, RollUp
from analytics.partitions import Month
from analytics.windows import DAY, local_day, midnight
from companies.models import Company
from companies.models.company import SHORTEST_RETENTION
from content.models import ARContent

logger = logging.getLogger(__name__)

BATCH = 5_000
# Of a tick; the next one goes on.
MOST_SECONDS = 60
# To delete so many costs far more than to keep them until their month is over, and drop it.
LARGE_MONTH = 1_000_000
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Removed:
    """What a tick has removed: visits one by one, and whole months."""

    visits: int
    months: int


@dataclass(frozen=True)
class Kept:
    """The first day whose visits a company keeps, and the instant at which it begins there."""

    day: date
    begins: datetime


@dataclass(frozen=True)
class Erased:
    """What became of the visits of a session.

    The figures of the `rebuilt` days are without them. Those of the `unchanged` days, whose other
    visits have been removed already, still count them, and know nothing else of them.
    """

    visits: int
    rebuilt: tuple[tuple[Company, date], ...] = ()
    unchanged: tuple[tuple[Company, date], ...] = ()


def remove_expired(*, now: datetime, seconds: float = MOST_SECONDS) -> Removed:
    """Remove the visits that their companies keep no longer, for about so many `seconds`.

    What is not done by then, or is locked, is left to the next tick. A visit whose day is not
    rolled up stays, however old. RollUp.kept_since changes together with what is removed.
    """
    until = time.monotonic() + seconds
    kept = _kept(RollUp.objects.all(), now)
    months, waiting = _drop_months(kept, now)
    # How far each has come: what PostgreSQL has just deleted is slow to skip.
    visits, reached = 0, dict.fromkeys(kept, NEVER)
    while reached:
        for company in list(reached):
            if time.monotonic() >= until:
                logger.info("retention_goes_on", extra={"companies": len(reached)})
                return Removed(visits, months)
            removed, last = _remove_batch(company, waiting, now, since=reached.pop(company))
            visits += removed
            if last is not None:
                reached[company] = last
    return Removed(visits, months)


def _kept(roll_ups: QuerySet[RollUp], now: datetime) -> dict[int, Kept]:
    """By company; without those whose days are just being cut anew by another time zone."""
    kept = {}
    for roll_up in roll_ups.select_related("company"):
        company = roll_up.company
        if roll_up.time_zone == company.time_zone:
            zone = ZoneInfo(roll_up.time_zone)
            day = local_day(now, zone) - company.session_retention_days * DAY
            day = min(day, roll_up.built_until)
            kept[company.pk] = Kept(day, midnight(day, zone))
    return kept


def _held(companies: Iterable[int]) -> QuerySet[RollUp]:
    """Locked, so that no day of theirs is built meanwhile; without those that others hold."""
    locked = RollUp.objects.select_for_update(skip_locked=True, of=("self",))
    return locked.filter(company__in=companies).order_by("pk")


def _drop_months(kept: dict[int, Kept], now: datetime) -> tuple[int, list[Month]]:
    """Drop the months that nobody keeps; how many, and which ones are to be dropped soon."""
    dropped, waiting = 0, []
    newest = max((one.begins for one in kept.values()), default=now)
    for month in partitions.months():
        if month.begins >= newest or month.ends > now - SHORTEST_RETENTION * DAY:
            break
        companies = _companies_in(month)
        keeping = [one for one in companies if one not in kept or kept[one].begins < month.ends]
        if not keeping:
            if not _drop(month, companies, now):
                break
            dropped += 1
        elif partitions.visits_about(month) >= LARGE_MONTH and all(
            one in kept and kept[one].begins >= month.begins for one in keeping
        ):
            waiting.append(month)
    return dropped, waiting


def _companies_in(month: Month) -> list[int]:
    visits = ARViewSession.objects.filter(
        company=OuterRef("pk"), created_at__gte=month.begins, created_at__lt=month.ends
    )
    return list(Company.objects.filter(Exists(visits)).values_list("pk", flat=True))


@transaction.atomic
def _drop(month: Month, companies: Sequence[int], now: datetime) -> bool:
    """False when the table or a company's roll-up is in use, or a company keeps more by now."""
    kept = _kept(_held(companies), now)
    if any(one not in kept or kept[one].begins < month.ends for one in companies):
        return False
    if not partitions.drop(month):
        return False
    for roll_up in RollUp.objects.filter(company__in=companies):
        zone = ZoneInfo(roll_up.time_zone)
        day = local_day(month.ends, zone)
        _note(roll_up.pk, day if midnight(day, zone) >= month.ends else day + DAY)
    return True


def _note(company: int, day: date) -> None:
    """Visits of earlier days are gone."""
    earlier = Q(kept_since=None) | Q(kept_since__lt=day)
    RollUp.objects.filter(earlier, company=company).update(kept_since=day)


@transaction.atomic
def _remove_batch(
    company: int, waiting: Sequence[Month], now: datetime, *, since: datetime
) -> tuple[int, datetime | None]:
    """Remove the oldest visits since then: how many, and where the next batch begins, if any.

    Nothing while others hold the roll-up.
    """
    kept = _kept(_held([company]), now).get(company)
    if kept is None:
        return 0, None
    visits = ARViewSession.objects.filter(
        company=company, created_at__gte=since, created_at__lt=kept.begins
    )
    for month in waiting:
        visits = visits.exclude(created_at__gte=month.begins, created_at__lt=month.ends)
    instants = visits.order_by("created_at").values_list("created_at", flat=True)
    last = instants[BATCH - 1 : BATCH].first()
    if last is not None:
        visits = visits.filter(created_at__lte=last)
    removed, _by_model = visits.delete()
    if removed:
        _note(company, kept.day)
    return removed, last


@transaction.atomic
def erase_session(session_id: UUID, *, now: datetime) -> Erased:
    """Remove all visits of a session, of any company, and count the days anew that counted them.

    `visits` is 0 when there is none. Of the day that goes on, the next tick counts what is over.
    """
    visits = ARViewSession.objects.filter(session_id=session_id)
    owners = Company.objects.in_bulk(set(visits.values_list("company", flat=True)))
    roll_ups = {
        one.pk: one
        for one in RollUp.objects.select_for_update().filter(pk__in=owners).order_by("pk")
    }
    counted = set()
    contents: dict[int, dict[int, datetime | None]] = {pk: {} for pk in roll_ups}
    instants, going_on = set(), set()
    seen = visits.filter(is_bot=False).values_list("company", "ar_content", "created_at")
    for company, content, instant in seen:
        if roll_up := roll_ups.get(company):
            day = local_day(instant, ZoneInfo(roll_up.time_zone))
            counted.add((company, day))
            if day == roll_up.built_until and roll_up.part_until and instant < roll_up.part_until:
                going_on.add(company)
            instants.add(instant)
            if content is not None:
                contents[company][content] = None
    removed, _by_model = visits.delete()
    rebuilt, unchanged = [], []
    for company, day in sorted(counted):
        roll_up = roll_ups[company]
        if day >= roll_up.built_until:
            continue
        if roll_up.kept_since is not None and day < roll_up.kept_since:
            unchanged.append((owners[company], day))
        else:
            rollups.rebuild(owners[company], day, day, now=now)
            rebuilt.append((owners[company], day))
    for company, roll_up in roll_ups.items():
        if company in going_on:
            rollups.forget_part(roll_up)
        seen_last = ARContent.objects.filter(pk__in=contents[company], last_viewed_at__in=instants)
        for one in seen_last:
            contents[company][one.pk] = _seen_last(one, roll_up)
        seen_last.update(last_viewed_at=None)
        rollups.count_views(roll_up, contents[company], now)
    return Erased(removed, tuple(rebuilt), tuple(unchanged))


def _seen_last(content: ARContent, roll_up: RollUp) -> datetime | None:
    """By the visits that are left; of days without them, when the last one began."""
    visits = ARViewSession.objects.filter(ar_content=content, is_bot=False)
    instant: datetime | None = visits.aggregate(last=Max("created_at"))["last"]
    if instant is None:
        days = DailyStat.objects.filter(ar_content=content).aggregate(last=Max("day"))
        if days["last"] is not None:
            return midnight(days["last"], ZoneInfo(roll_up.time_zone))
    return instant
