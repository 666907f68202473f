"""DailyStat, built for each day that is over, and what the tick keeps up besides.

A day is sealed when no event can change its visits any more: five hours and a little after its
end, by the clock of the company. Until then it is built anew every hour, as far as it stands. All
that is done for a company happens in transactions that hold its RollUp row, so that two workers,
or a removal of old visits, never meet in it.
"""

import logging
from collections import Counter
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import (
    Count,
    Exists,
    JSONField,
    Max,
    Min,
    OuterRef,
    PositiveBigIntegerField,
    PositiveIntegerField,
    Sum,
)

from analytics.days import build_days
from analytics.models import ARViewSession, DailyStat, RollUp
from analytics.recording import CHANGES_FOR
from analytics.shared_sessions import mark, mark_all
from analytics.windows import DAY, HOUR, INSTANT, Period, Window, instants, local_day, midnight
from companies.models import Company
from content.models import ARContent

logger = logging.getLogger(__name__)

# In one transaction, and in one tick: a long way back is gone in steps.
DAYS_AT_ONCE = 14
DAYS_IN_A_TICK = 2000
# Who is further behind has not been attended to for a while.
USUAL_DAYS = 2
# With an older visit, a company is further behind than that in any time zone.
LONG_AGO = (USUAL_DAYS + 2) * DAY
ROWS_AT_ONCE = 500
# Every visit is committed that long after its `created_at`.
SETTLED = timedelta(minutes=2)
# A large company's days take longer than a visitor's statement may.
STATEMENT_SECONDS = 300


class VisitsRemoved(Exception):
    """The visits of some of the days are gone: what was counted of them stands."""

    def __init__(self, kept_since: date) -> None:
        super().__init__(f"Visits before {kept_since:%Y-%m-%d} have been removed.")
        self.kept_since = kept_since


def roll_up_due(*, now: datetime, most: int = DAYS_IN_A_TICK) -> int:
    """Bring every company's roll-up up to `now`; returns how many days were built.

    Visits that share their session id are marked, sealed days are built, and the contents that
    were visited get their `views_count` and `last_viewed_at`. Those furthest behind come first;
    after about `most` days the rest waits for the next tick. What fails for one company is logged
    and does not stop the others.
    """
    _begin(now)
    waiting, built = _due(now), 0
    while waiting and built < most:
        unfinished = []
        for pk in waiting:
            try:
                days, is_done = _tend(pk, now)
            except Exception:
                logger.exception("roll_up_failed", extra={"company": pk})
                continue
            built += days
            if not is_done:
                unfinished.append(pk)
            if built >= most:
                break
        waiting = unfinished
    return built


def rebuild(company: Company, first: date, last: date, *, now: datetime) -> int:
    """Build the days from `first` to `last` anew; returns how many there were to build.

    Days that are not built yet are left to the tick. Raises VisitsRemoved, with nothing changed,
    when visits of one of the days have been removed.
    """
    _begin(now)
    total = 0
    while True:
        with transaction.atomic():
            _allow_time()
            roll_up = RollUp.objects.select_for_update().get(pk=company.pk)
            if roll_up.kept_since is not None and first < roll_up.kept_since:
                raise VisitsRemoved(roll_up.kept_since)
            known = _known_days(roll_up)
            if known is None:
                return total
            first, last = max(first, known.first), min(last, known.last)
            if first > last:
                return total
            period = Period(first, min(last, first + (DAYS_AT_ONCE - 1) * DAY))
            before = _contents_on(roll_up, period)
            zone = ZoneInfo(roll_up.time_zone)
            mark(company.pk, instants(period, zone))
            build_days(roll_up.company_id, period, zone)
            count_views(roll_up, {**before, **_contents_on(roll_up, period)}, now)
        total += (period.last - period.first).days + 1
        first = period.last + DAY


def sealed_until(zone: ZoneInfo, now: datetime) -> date:
    """The first day that events may still change."""
    return local_day(_unchanging(now), zone)


def _unchanging(now: datetime) -> datetime:
    """No visit from before then changes any more."""
    # Clocks differ, and the last change is committed a little after its time.
    return now - CHANGES_FOR - SETTLED


def _begin(now: datetime) -> None:
    """A RollUp for each company that has none, from its oldest visit on."""
    new = []
    is_marked = False
    for company in Company.objects.filter(roll_up=None).only("pk", "time_zone"):
        zone = ZoneInfo(company.time_zone)
        oldest = _oldest_visit(company.pk)
        is_old = oldest is not None and oldest < now - LONG_AGO
        if is_old and not is_marked:
            # Visits from before there were roll-ups: one pass over all of them.
            with transaction.atomic():
                _allow_time()
                mark_all()
            is_marked = True
        new.append(
            RollUp(
                company=company,
                time_zone=company.time_zone,
                built_until=local_day(oldest, zone) if oldest else sealed_until(zone, now),
                # Of a few days, contents are counted since then: not a visit is left out.
                shared_until=now - SETTLED if is_old or not oldest else oldest,
            )
        )
    RollUp.objects.bulk_create(new, ignore_conflicts=True)


def _oldest_visit(company_id: int) -> datetime | None:
    oldest: datetime | None = ARViewSession.objects.filter(company=company_id).aggregate(
        oldest=Min("created_at")
    )["oldest"]
    return oldest


def _due(now: datetime) -> list[int]:
    """The companies with something to do, those furthest behind first; the others are settled."""
    rows = RollUp.objects.order_by("shared_until", "pk")
    since = rows.aggregate(since=Min("shared_until"))["since"]
    if since is None:
        return []
    fresh = ARViewSession.objects.filter(
        # The bound that is the same for all lets PostgreSQL leave out the older partitions.
        company=OuterRef("pk"),
        created_at__gte=OuterRef("shared_until"),
    ).filter(created_at__gte=since)
    # And those from before the hours that are not over are to be built, of who is idle since, too.
    late = ARViewSession.objects.filter(
        company=OuterRef("pk"),
        created_at__gte=OuterRef("part_until"),
        created_at__lt=_unchanging(now) - HOUR,
    ).filter(created_at__gte=now - USUAL_DAYS * DAY)
    found = rows.annotate(
        has_visits=Exists(fresh.order_by()) | Exists(late.order_by())
    ).values_list("pk", "has_visits", "time_zone", "company__time_zone", "built_until")
    due: list[int] = []
    idle: list[int] = []
    for pk, has_visits, built_by, zone, built_until in found:
        is_over = built_by != zone or built_until < sealed_until(ZoneInfo(zone), now)
        (due if has_visits or is_over else idle).append(pk)
    settled = now - SETTLED
    for number in range(0, len(idle), ROWS_AT_ONCE):
        some = RollUp.objects.filter(pk__in=idle[number : number + ROWS_AT_ONCE])
        some.filter(shared_until__lt=settled).update(shared_until=settled)
    return due


@transaction.atomic
def _tend(pk: int, now: datetime) -> tuple[int, bool]:
    """One step of a company: how many days were built, and whether nothing is left to do."""
    _allow_time()
    held = RollUp.objects.select_for_update(skip_locked=True, of=("self",))
    roll_up = held.select_related("company").filter(pk=pk).first()
    if roll_up is None:
        # Another worker has it.
        return 0, True
    _follow_zone(roll_up, now)
    zone = ZoneInfo(roll_up.time_zone)
    marked = roll_up.shared_until
    roll_up.shared_until = max(marked, now - SETTLED)
    mark(roll_up.company_id, Window(marked, roll_up.shared_until))
    begins, ends = roll_up.built_until, sealed_until(zone, now)
    is_last = (ends - begins).days <= DAYS_AT_ONCE + USUAL_DAYS
    after = ends if is_last else begins + DAYS_AT_ONCE * DAY
    if after > begins:
        period = Period(begins, after - DAY)
        # Once more, with what may have been committed later than anybody thought.
        again = max(instants(period, zone).begins, marked - USUAL_DAYS * DAY)
        mark(roll_up.company_id, Window(again, marked))
        build_days(roll_up.company_id, period, zone)
        roll_up.built_until, roll_up.part_until = after, None
    if is_last:
        _build_part(roll_up, now)
        is_usual = (after - begins).days <= USUAL_DAYS
        since = marked if is_usual else _oldest_visit(roll_up.company_id) or marked
        count_views(roll_up, _contents_in(roll_up, Window(since, now + INSTANT)), now)
    roll_up.save()
    return max(0, (after - begins).days), is_last


def _build_part(roll_up: RollUp, now: datetime) -> None:
    """Count the day that is not over as far as it stands, once an hour."""
    day, zone = roll_up.built_until, ZoneInfo(roll_up.time_zone)
    begins = midnight(day, zone)
    until = begins + (_unchanging(now) - begins) // HOUR * HOUR
    if until > (roll_up.part_until or begins):
        build_days(roll_up.company_id, Period(day, day), zone, until=until)
        roll_up.part_until = until
    elif roll_up.part_until is None and until == begins:
        roll_up.part_until = begins


def forget_part(roll_up: RollUp) -> None:
    """Of the day that is not over, nothing is counted any more. The roll-up is held."""
    DailyStat.objects.filter(company=roll_up.company_id, day=roll_up.built_until).delete()
    roll_up.part_until = None
    roll_up.save()


def _follow_zone(roll_up: RollUp, now: datetime) -> None:
    """Begin anew where the company has another time zone, with the days that can be rebuilt."""
    name = roll_up.company.time_zone
    if name == roll_up.time_zone:
        return
    kept = roll_up.kept_since
    zone = ZoneInfo(name)
    if kept is not None:
        _close_gap(roll_up.company_id, kept, ZoneInfo(roll_up.time_zone), zone)
    oldest = _oldest_visit(roll_up.company_id)
    first = local_day(oldest, zone) if oldest else sealed_until(zone, now)
    roll_up.time_zone, roll_up.built_until = name, max(kept, first) if kept else first
    roll_up.part_until = None
    # By the former clock, the oldest visit may have been a day earlier.
    gone = DailyStat.objects.filter(company=roll_up.company_id, day__lt=roll_up.built_until)
    (gone.filter(day__gte=kept) if kept else gone).delete()


def _close_gap(company: int, kept: date, former: ZoneInfo, zone: ZoneInfo) -> None:
    """Let the days from `kept` on begin by the new clock, with each visit in one day.

    What is before its new midnight, and was not before the former one, is added to the day before,
    which cannot be rebuilt. These visits go then, as those before them did: no later change of the
    time zone may count them again.
    """
    visits = ARViewSession.objects.filter(company=company)
    # Of a month that waits to be dropped as a whole.
    visits.filter(created_at__lt=midnight(kept, former)).delete()
    gap = visits.filter(created_at__lt=midnight(kept, zone))
    if not gap.exists():
        return
    stats = DailyStat.objects.filter(company=company, day=kept - DAY)
    rows = {(row.project_id, row.ar_content_id): row for row in stats}
    build_days(company, Period(kept - DAY, kept - DAY), zone)
    for row in stats.all():
        same = rows.setdefault((row.project_id, row.ar_content_id), row)
        if same is not row:
            _add(same, row)
    stats.all().delete()
    for row in rows.values():
        row.pk = None
    DailyStat.objects.bulk_create(rows.values(), batch_size=ROWS_AT_ONCE)
    gap.delete()


def _add(row: DailyStat, other: DailyStat) -> None:
    for field in DailyStat._meta.concrete_fields:
        mine, more = getattr(row, field.attname), getattr(other, field.attname)
        if isinstance(field, JSONField):
            setattr(row, field.attname, dict(Counter(mine) + Counter(more)))
        elif isinstance(field, PositiveIntegerField | PositiveBigIntegerField):
            setattr(row, field.attname, mine + more)


def _known_days(roll_up: RollUp) -> Period | None:
    """From the first day with a visit or a figure to the last one that is built."""
    oldest = _oldest_visit(roll_up.company_id)
    first = DailyStat.objects.filter(company=roll_up.company_id).aggregate(day=Min("day"))["day"]
    days = [local_day(oldest, ZoneInfo(roll_up.time_zone))] if oldest else []
    if first is not None:
        days.append(first)
    return Period(min(days), roll_up.built_until - DAY) if days else None


def _contents_in(roll_up: RollUp, window: Window) -> dict[int, datetime | None]:
    """The contents that were visited in the window, and when last."""
    visits = ARViewSession.objects.filter(
        company=roll_up.company_id,
        created_at__gte=window.begins,
        created_at__lt=window.ends,
        ar_content__isnull=False,
        is_bot=False,
    )
    return dict(visits.order_by().values_list("ar_content").annotate(seen_at=Max("created_at")))


def _contents_on(roll_up: RollUp, period: Period) -> dict[int, datetime | None]:
    """The contents that have figures on these days; when exactly is not known."""
    figures = DailyStat.objects.filter(
        company=roll_up.company_id,
        day__gte=period.first,
        day__lte=period.last,
        ar_content__isnull=False,
    )
    contents = figures.order_by().values_list("ar_content_id", flat=True).distinct()
    return dict.fromkeys(contents)


def count_views(roll_up: RollUp, contents: dict[int, datetime | None], now: datetime) -> None:
    """Write what has been counted of these contents: their built days and the visits since.

    `contents` tells when each was seen last, where that is known. The roll-up is held.
    """
    wanted = sorted(contents)
    begins = midnight(roll_up.built_until, ZoneInfo(roll_up.time_zone))
    for number in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[number : number + ROWS_AT_ONCE]
        built = DailyStat.objects.filter(ar_content__in=some, day__lt=roll_up.built_until)
        days = dict(built.order_by().values_list("ar_content").annotate(views=Sum("views")))
        visits = ARViewSession.objects.filter(
            ar_content__in=some, is_bot=False, created_at__gte=begins, created_at__lte=now
        )
        live = dict(visits.order_by().values_list("ar_content").annotate(views=Count("pk")))
        changed = []
        for content in ARContent.objects.filter(pk__in=some).only("views_count", "last_viewed_at"):
            views = days.get(content.pk, 0) + live.get(content.pk, 0)
            seen = [at for at in (content.last_viewed_at, contents[content.pk]) if at is not None]
            seen_at = max(seen, default=None)
            if (views, seen_at) != (content.views_count, content.last_viewed_at):
                content.views_count, content.last_viewed_at = views, seen_at
                changed.append(content)
        ARContent.objects.bulk_update(changed, ["views_count", "last_viewed_at"])


def _allow_time() -> None:
    """And room, for this transaction; SQLite has no bounds."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
            cursor.execute("SET LOCAL work_mem = '64MB'")
