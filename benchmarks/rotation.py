"""The rotation tick on PostgreSQL: many schedules, a tenth of them due, two workers at once.

    python -m benchmarks.rotation [--schedules 100000] [--due 10000] [--workers 2]

Makes a PostgreSQL of its own, which is gone afterwards. The clock starts when all workers wait for
it, connected. Beside it, in the same run: a bare `UPDATE … FROM` of the same rows with the same
values, which asks nothing and decides nothing.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
# Turns were last counted so long ago that each kind of rule has a boundary since.
COUNTED = NOW - timedelta(days=32)
VIDEOS = 3
TARGET_SECONDS = 60
CHECKED_AT_ONCE = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description="The rotation tick on PostgreSQL")
    parser.add_argument("--schedules", type=int, default=100_000)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--child", choices=["prepare", "work", "check"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        import django

        django.setup()
        if options.child == "prepare":
            prepare(options.schedules, options.due)
        elif options.child == "work":
            work()
        else:
            check(options.due)
        return
    sys.path.insert(0, str(ROOT / "script"))
    from processes import exit_on_signals
    from throwaway_servers import postgresql

    exit_on_signals()
    with postgresql() as url:
        os.environ |= {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "arv.settings",
            "ENVIRONMENT": "test",
        }
        measure(options)


def measure(options: argparse.Namespace) -> None:
    sizes = ["--schedules", str(options.schedules), "--due", str(options.due)]
    finish(start("prepare", *sizes))
    workers = [start("work") for _number in range(options.workers)]
    for worker in workers:
        assert worker.stdout is not None  # noqa: S101
        worker.stdout.readline()
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None  # noqa: S101
        worker.stdin.write("go\n")
        worker.stdin.flush()
    counts = [int(finish(worker)) for worker in workers]
    seconds = time.perf_counter() - began
    each = " + ".join(f"{count:,}" for count in counts)
    print(f"{options.due:,} of {options.schedules:,} schedules due, {options.workers} workers:")
    print(f"  {each} in {seconds:.1f} s, {sum(counts) / seconds:,.0f} rows/s")
    print(finish(start("check", *sizes)), end="")
    if sum(counts) != options.due:
        sys.exit(f"{sum(counts):,} were worked on, not {options.due:,}")
    met = "met" if seconds < TARGET_SECONDS else "MISSED"
    print(f"  target: below {TARGET_SECONDS} s: {met}")


def start(task: str, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.rotation", "--child", task, *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def finish(process: "subprocess.Popen[str]") -> str:
    output, _errors = process.communicate()
    if process.returncode:
        sys.exit(f"A process ended with {process.returncode}")
    return output


def prepare(schedules: int, due: int) -> None:
    """One content by the product's own means, and copies of its rows."""
    from django.core.management import call_command
    from django.db import connection, transaction

    from companies.provisioning import seed_defaults
    from companies.tests.factories import ProjectFactory
    from content import playback
    from content.models import ARContent, RotationItem, Video, VideoRotationSchedule
    from content.tests.factories import ARContentFactory, VideoFactory

    call_command("migrate", verbosity=0)
    project = ProjectFactory.create(company=seed_defaults())
    videos = VideoFactory.create_batch(VIDEOS, ar_content=ARContentFactory.create(project=project))
    content = videos[0].ar_content
    schedule = VideoRotationSchedule(
        ar_content=content, rotation_type="daily", cron_expression="0 */6 * * *"
    )
    # The first row of all is not due, nor are all after the first `due` copies.
    playback.save_schedule(schedule, sequence=[video.pk for video in videos], now=NOW)
    kinds = "(ARRAY['daily', 'weekly', 'monthly', 'cron', 'random'])[1 + n % 5]"
    last_due = f"n <= {due}"
    overdue = f"timestamptz '{NOW.isoformat()}' - n % 600 * interval '1 second'"
    next_at = f"CASE WHEN {last_due} THEN {overdue} ELSE template.{{}} END"
    ids = {video.pk: f"{video.pk} + n * {VIDEOS}" for video in videos}
    content_id = f"{content.pk} + n"
    with transaction.atomic():
        copy(
            ARContent,
            content.pk,
            schedules - 1,
            id=content_id,
            unique_id="gen_random_uuid()",
            active_video_id=ids[videos[0].pk],
            plays_until=next_at.format("plays_until"),
        )
        for video in videos:
            copy(Video, video.pk, schedules - 1, id=ids[video.pk], ar_content_id=content_id)
        copy(
            VideoRotationSchedule,
            schedule.pk,
            schedules - 1,
            id=f"{schedule.pk} + n",
            ar_content_id=content_id,
            rotation_type=kinds,
            counts_from=f"CASE WHEN {last_due} THEN timestamptz '{COUNTED.isoformat()}'"
            " ELSE template.counts_from END",
            next_rotation_at=next_at.format("next_rotation_at"),
        )
        for item in schedule.items.all():
            copy(
                RotationItem,
                item.pk,
                schedules - 1,
                id=f"{item.pk} + n * {VIDEOS}",
                schedule_id=f"{schedule.pk} + n",
                video_id=ids[item.video_id],
            )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE before AS " + rows_of_interest(f"<= '{NOW.isoformat()}'"))
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT pg_stat_reset()")


def copy(model: Any, pk: int, count: int, **values: str) -> None:
    """Copies of a row; `values` are SQL by column, with n from 1 to `count`."""
    from django.db import connection

    table = model._meta.db_table
    columns = [field.column for field in model._meta.concrete_fields]
    chosen = ", ".join(values.get(column, f"template.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen}"  # noqa: S608
            f" FROM {table} AS template, generate_series(1, {count}) AS n"
            f" WHERE template.id = {pk}"
        )


def rows_of_interest(when: str) -> str:
    return (
        "SELECT schedule.id, schedule.ar_content_id, schedule.current_index, schedule.counts_from,"  # noqa: S608
        " schedule.last_rotation_at, schedule.next_rotation_at, content.active_video_id,"
        " content.plays_until"
        " FROM content_videorotationschedule AS schedule"
        " JOIN content_arcontent AS content ON content.id = schedule.ar_content_id"
        f" WHERE schedule.next_rotation_at {when}"
    )


def work() -> None:
    from django.db import connection

    from content import playback

    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    print(playback.rotate_all_due(now=NOW))


def check(due: int) -> None:
    """Each row written once and as it should be; then the same by bare statements."""
    from django.db import connection, transaction

    from content.models import ARContent
    from content.programme import ROWS, choice_for

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_upd FROM pg_stat_user_tables WHERE relname IN"
            " ('content_videorotationschedule', 'content_arcontent') ORDER BY relname"
        )
        written = dict(cursor.fetchall())
        cursor.execute("SELECT ar_content_id FROM before ORDER BY ar_content_id")
        pks = [pk for (pk,) in cursor.fetchall()]
    wrong = 0
    for first in range(0, len(pks), CHECKED_AT_ONCE):
        rows = ARContent.objects.select_related("company").prefetch_related(*ROWS)
        for content in rows.filter(pk__in=pks[first : first + CHECKED_AT_ONCE]):
            choice = choice_for(content, NOW)
            [schedule] = content.rotation_schedules.all()
            flagged = [video.pk for video in content.videos.all() if video.is_active]
            says = choice.video_id if choice else None
            is_right = [says] == flagged == [content.active_video_id]
            wrong += not (
                is_right and schedule.next_rotation_at and schedule.next_rotation_at > NOW
            )
    once = set(written.values()) == {due}
    print(f"  written: {written}: each {'exactly once' if once else 'NOT ONCE'}; {wrong} wrong")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE after AS " + rows_of_interest("IS NOT NULL"))
        cursor.execute("DELETE FROM after WHERE id NOT IN (SELECT id FROM before)")
        restore(cursor, "before")
        cursor.execute("VACUUM ANALYZE")
        began = time.perf_counter()
        with transaction.atomic():
            restore(cursor, "after")
        seconds = time.perf_counter() - began
    print(f"  bare UPDATE … FROM: {seconds:.2f} s, {due / seconds:,.0f} rows/s")
    if wrong or not once:
        sys.exit("The rows are not as they should be")


def restore(cursor: Any, table: str) -> None:
    """Make the rows as they are in `table`."""
    cursor.execute(
        "UPDATE content_videorotationschedule AS row SET current_index = kept.current_index,"  # noqa: S608
        " counts_from = kept.counts_from, last_rotation_at = kept.last_rotation_at,"
        f" next_rotation_at = kept.next_rotation_at FROM {table} AS kept WHERE kept.id = row.id"
    )
    cursor.execute(
        "UPDATE content_arcontent AS row SET active_video_id = kept.active_video_id,"  # noqa: S608
        f" plays_until = kept.plays_until FROM {table} AS kept WHERE kept.ar_content_id = row.id"
    )
    for flag, sign in ((False, "<>"), (True, "=")):
        cursor.execute(
            f"UPDATE content_video AS row SET is_active = {flag} FROM {table} AS kept"  # noqa: S608
            " WHERE kept.ar_content_id = row.ar_content_id"
            f" AND row.id {sign} kept.active_video_id AND row.is_active <> {flag}"
        )


if __name__ == "__main__":
    main()
