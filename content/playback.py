"""What the rows of a content say about playing, and what of it is written down.

What plays is asked of the rows at read time. `settle` and `rotate_due` only persist the answer,
so a late one never shows anybody the wrong video. Whoever writes holds the content's row first,
which orders staff, visitors and the tick.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count, F, Model, OuterRef, Subquery, prefetch_related_objects
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from content.models import ARContent, RotationItem, Video, VideoRotationSchedule
from content.programme import (
    ROWS,
    all_in_order,
    check_rule,
    choice_for,
    programme_of,
    rule_of,
)
from content.rotation import Choice, turn_at

__all__ = [
    "choice_for",
    "choose",
    "count_view",
    "delete_schedule",
    "make_way",
    "rotate_all_due",
    "rotate_due",
    "rule_of",
    "save_schedule",
    "settle",
]

logger = logging.getLogger(__name__)

# How long a content that cannot be worked on waits for the next attempt.
PUT_OFF = timedelta(hours=1)
# Each of them is asked for its turn with every view.
MOST_SCHEDULES = 20
RULE_FIELDS = (
    "rotation_type",
    "time_of_day",
    "day_of_week",
    "day_of_month",
    "cron_expression",
    "is_active",
)
PROGRESS_FIELDS = ("current_index", "counts_from", "last_rotation_at", "next_rotation_at")
PLAYING_FIELDS = ("active_video_id", "chosen_video_id", "chosen_at", "plays_until")


def choose(video: Video, *, now: datetime) -> None:
    """Staff make `video` the one that plays, until a window opens or a turn comes.

    One that is still being prepared waits: until it is ready, all goes on as it was.
    """
    with transaction.atomic():
        content = _held(video.ar_content_id)
        waiting = Video.objects.filter(ar_content=content)
        waiting.filter(plays_when_ready=True).update(plays_when_ready=False)
        if not waiting.filter(pk=video.pk).exclude(video="").exists():
            waiting.filter(pk=video.pk).update(plays_when_ready=True)
            _write([_played(content, now)])
            return
        content.chosen_video_id, content.chosen_at = video.pk, now
        _write([_played(content, now)])
        # Saved, not updated: the histories shall tell who chose it.
        content.save(update_fields=["chosen_video", "chosen_at", "updated_at"])
        video.is_active = content.active_video_id == video.pk
        video.save(update_fields=["is_active", "updated_at"])


def settle(content: ARContent, *, now: datetime) -> Choice | None:
    """Write down what the content plays at `now`, also in `content` itself; returns it.

    For after every change of its videos and schedules. Writes nothing that is so already.
    """
    with transaction.atomic():
        held = _held(content.pk)
        played = _played(held, now)
        _write([played])
    for name in PLAYING_FIELDS:
        setattr(content, name, getattr(held, name))
    return played.choice


def make_way(video: Video, *, now: datetime) -> None:
    """Before `video` is deleted: the items after it move up, and the one in turn stays so."""
    with transaction.atomic():
        try:
            content = _held(video.ar_content_id)
        except ARContent.DoesNotExist:
            # Somebody else has deleted all of it.
            return
        _write([_played(content, now)])
        everything = all_in_order(content)
        for schedule in content.rotation_schedules.all():
            items = sorted(schedule.items.all(), key=lambda item: item.position)
            sequence = [item.video_id for item in items] or everything
            before = sequence[: schedule.current_index].count(video.pk)
            if before:
                VideoRotationSchedule.objects.filter(pk=schedule.pk).update(
                    current_index=schedule.current_index - before
                )


def save_schedule(
    schedule: VideoRotationSchedule, *, sequence: Sequence[int] | None, now: datetime
) -> None:
    """Save a new or changed schedule, and with a `sequence` its items.

    A sequence has ids of the content's videos; empty: all of them, in their order; None: it stays
    as it is. A new schedule begins with its first video. Another rule counts from `now`; the video
    that has its turn keeps it. A schedule that is switched off leaves what it has put on. Raises
    ValidationError, with nothing changed, for what cannot be.
    """
    schedule.clean_fields()
    check_rule(schedule)
    with transaction.atomic():
        content = _held(schedule.ar_content_id)
        if schedule.pk is None and content.rotation_schedules.count() >= MOST_SCHEDULES:
            message = _("A content has at most %(most)d rotation schedules: delete one first.")
            raise ValidationError(message, code="limit", params={"most": MOST_SCHEDULES})
        if sequence is not None and not set(sequence) <= {one.pk for one in content.videos.all()}:
            message = _("The sequence names a video that the content does not have.")
            raise ValidationError({"video_sequence": [message]})
        played = _played(content, now)
        _write([played])
        former = next((one for one in played.schedules if one.pk == schedule.pk), None)
        if former is not None:
            for name in PROGRESS_FIELDS:
                setattr(schedule, name, getattr(former, name))
            if not schedule.is_active:
                _leave_on(played, now)
        items = [item.video_id for item in former.items.all()] if former else []
        is_new_sequence = sequence is not None and list(sequence) != items
        if former is None or is_new_sequence or _is_another_rule(schedule, former):
            schedule.counts_from = now
        if former is not None and sequence is not None and is_new_sequence:
            everything = all_in_order(content)
            turns, later = items or everything, list(sequence) or everything
            in_turn = turns[former.current_index % len(turns)] if turns else None
            schedule.current_index = later.index(in_turn) if in_turn in later else 0
        schedule.save()
        if is_new_sequence:
            schedule.items.all().delete()
            RotationItem.objects.bulk_create(
                RotationItem(schedule=schedule, video_id=video_id, position=position)
                for position, video_id in enumerate(sequence or ())
            )
        _show_rotation(content)
        settle(content, now=now)
        schedule.refresh_from_db(fields=PROGRESS_FIELDS)


def delete_schedule(schedule: VideoRotationSchedule, *, now: datetime) -> None:
    """Delete a schedule; what it has put on goes on playing."""
    with transaction.atomic():
        content = _held(schedule.ar_content_id)
        played = _played(content, now)
        _write([played])
        if schedule.is_active:
            _leave_on(played, now)
        schedule.delete()
        _show_rotation(content)
        settle(content, now=now)


def count_view(content_id: int, *, now: datetime) -> None:
    """A visit has begun: where each view is the next, the next item takes its turn."""
    items = RotationItem.objects.filter(schedule=OuterRef("pk")).order_by().values("schedule")
    videos = Video.objects.filter(ar_content=OuterRef("ar_content")).exclude(video="")
    length = Coalesce(
        Subquery(items.annotate(length=Count("pk")).values("length")),
        Subquery(
            videos.order_by().values("ar_content").annotate(length=Count("pk")).values("length")
        ),
        1,
    )
    VideoRotationSchedule.objects.by_view().filter(ar_content=content_id).update(
        current_index=(F("current_index") + 1) % length,
        counts_from=now,
        last_rotation_at=now,
        # The tick writes down what plays: not each of a thousand visitors in a minute.
        next_rotation_at=now,
    )


def rotate_due(*, now: datetime, limit: int = 500) -> int:
    """Settle the contents with a turn or a window's edge that has come; how many were due.

    One batch, in one transaction; others may work on other batches at the same time. Nothing is
    due twice: an instant that was counted is not counted again, whatever the clock says later.
    """
    with transaction.atomic():
        contents = _due(now, limit)
        prefetch_related_objects(contents, *ROWS)
        due = [content for content in contents if _is_due(content, now)]
        played = []
        for content in due:
            try:
                played.append(_played(content, now))
            except (ArithmeticError, LookupError, ValueError):
                logger.exception("rotation_put_off", extra={"content": content.pk})
                _put_off(content, now)
        _write(played)
    return len(due)


def rotate_all_due(*, now: datetime) -> int:
    """Batches until nothing is due that no other worker holds; how many contents were due."""
    total = 0
    while count := rotate_due(now=now):
        total += count
    return total


@dataclass(frozen=True)
class _Played:
    """A content's rows with what they say now put into them, and which of them that changed."""

    content: ARContent
    choice: Choice | None
    schedules: list[VideoRotationSchedule]
    changed: list[ARContent | VideoRotationSchedule]
    flags_on: list[int]
    flags_off: list[int]


def _played(content: ARContent, now: datetime) -> _Played:
    # The turns until now are counted once, for all that is asked of them.
    programme = programme_of(content).moved(now)
    choice = programme.choice(now)
    schedules = list(content.rotation_schedules.all())
    changed: list[ARContent | VideoRotationSchedule] = []
    before = _values(content, PLAYING_FIELDS)
    content.active_video_id = choice.video_id if choice else None
    content.plays_until = programme.next_change(now)
    if choice and choice.reason == "flagged" and not content.chosen_video_id:
        # A flag moves with what plays: that somebody raised it would be forgotten.
        content.chosen_video_id, content.chosen_at = choice.video_id, None
    if _values(content, PLAYING_FIELDS) != before:
        changed.append(content)
    rules = {rule.id: rule for rule in programme.rules}
    for schedule in schedules:
        former = _values(schedule, PROGRESS_FIELDS)
        rule = rules.get(schedule.pk)
        turn = turn_at(rule, now) if rule else None
        if rule and turn:
            schedule.current_index, schedule.next_rotation_at = turn.index, turn.next_at
            if schedule.counts_from != rule.counts_from:
                schedule.counts_from = schedule.last_rotation_at = rule.counts_from
        else:
            unreadable = schedule.is_active and rule is None
            schedule.next_rotation_at = now + PUT_OFF if unreadable else None
        if _values(schedule, PROGRESS_FIELDS) != former:
            changed.append(schedule)
    videos = content.videos.all()
    active = content.active_video_id
    return _Played(
        content=content,
        choice=choice,
        schedules=schedules,
        changed=changed,
        flags_on=[one.pk for one in videos if one.pk == active and not one.is_active],
        flags_off=[one.pk for one in videos if one.pk != active and one.is_active],
    )


def _values(row: ARContent | VideoRotationSchedule, names: Sequence[str]) -> list[object]:
    return [getattr(row, name) for name in names]


def _write(played: Sequence[_Played]) -> None:
    """In a few statements, however many there are."""
    rows = [row for one in played for row in one.changed]
    _update(ARContent, PLAYING_FIELDS, rows)
    _update(VideoRotationSchedule, PROGRESS_FIELDS, rows)
    # Off before on: a content never has two.
    for pks, flag in (
        ([pk for one in played for pk in one.flags_off], False),
        ([pk for one in played for pk in one.flags_on], True),
    ):
        if pks:
            Video.objects.filter(pk__in=pks).update(is_active=flag)


def _update(model: type[Model], attributes: Sequence[str], rows: Sequence[Model]) -> None:
    """Write these attributes of the rows of that model.

    `bulk_update` would take three times as long as all the rest of a batch: it makes a CASE of
    every value.
    """
    mine = [row for row in rows if isinstance(row, model)]
    if not mine:
        return
    quote = connection.ops.quote_name
    fields = [field for field in model._meta.concrete_fields if field.attname in attributes]
    columns = ", ".join(f"{quote(str(field.column))} = %s" for field in fields)
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
        for row in mine
    ]
    with connection.cursor() as cursor:
        # Names come from the models, every value is a parameter.
        cursor.executemany(
            f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE id = %s",  # noqa: S608
            [[*of_row, row.pk] for of_row, row in zip(values, mine, strict=True)],
        )


def _held(content_id: int) -> ARContent:
    """The content, which nobody else writes until the transaction ends, with its `ROWS`."""
    return (
        # Not against rows that come to point here, such as a new video or a visit.
        ARContent.objects.select_for_update(of=("self",), no_key=True)
        .select_related("company", "project")
        .prefetch_related(*ROWS)
        .get(pk=content_id)
    )


def _due(now: datetime, limit: int) -> list[ARContent]:
    """Up to `limit` contents with something due, locked; without those that another works on."""
    contents = ARContent.objects.select_related("company").select_for_update(
        skip_locked=True, of=("self",), no_key=True
    )
    turns = contents.filter(
        rotation_schedules__is_active=True, rotation_schedules__next_rotation_at__lte=now
    ).order_by("rotation_schedules__next_rotation_at")
    found = {content.pk: content for content in turns[:limit]}
    if len(found) < limit:
        edges = contents.filter(plays_until__lte=now).order_by("plays_until")
        found |= {one.pk: one for one in edges.exclude(pk__in=found)[: limit - len(found)]}
    return list(found.values())


def _is_due(content: ARContent, now: datetime) -> bool:
    """Asked again of locked rows: another worker may have been here a moment ago."""
    times = [one.next_rotation_at for one in content.rotation_schedules.all() if one.is_active]
    return any(at is not None and at <= now for at in [content.plays_until, *times])


def _put_off(content: ARContent, now: datetime) -> None:
    later = now + PUT_OFF
    ARContent.objects.filter(pk=content.pk).update(plays_until=later)
    content.rotation_schedules.filter(next_rotation_at__lte=now).update(next_rotation_at=later)


def _is_another_rule(schedule: VideoRotationSchedule, former: VideoRotationSchedule) -> bool:
    return _values(schedule, RULE_FIELDS) != _values(former, RULE_FIELDS)


def _leave_on(played: _Played, now: datetime) -> None:
    """What a schedule has put on is what plays without it, as if staff had chosen it."""
    if played.choice and played.choice.reason == "rotation":
        ARContent.objects.filter(pk=played.content.pk).update(
            chosen_video=played.choice.video_id, chosen_at=now
        )


def _show_rotation(content: ARContent) -> None:
    """The content's own columns about rotation: of the newest schedule that is switched on."""
    newest = content.rotation_schedules.filter(is_active=True).order_by("-pk").first()
    ARContent.objects.filter(pk=content.pk).update(
        video_rotation_enabled=newest is not None,
        video_rotation_type=newest.rotation_type if newest else "",
    )
