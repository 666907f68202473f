"""PostgreSQL keeps visits by the month; nobody above notices, and old months go at once."""

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor

from analytics import partitions
from analytics.models import ARViewSession
from analytics.partitions import DEFAULT, Month, drop, make_partitions, months
from analytics.tests.furnish import visit
from content.models import ARContent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]

BEFORE = ("analytics", "0002_visits_and_rollups")
# Far from the months that the database of the tests was made with.
MAY = datetime(2031, 5, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
INDEXES = {
    "idx_ar_sessions_company_created",
    "idx_ar_sessions_content",
    "idx_ar_sessions_project",
    "idx_ar_sessions_shared",
}


@pytest.fixture(autouse=True)
def months_as_before() -> Iterator[None]:
    before = months()
    yield
    for month in months():
        if month not in before:
            assert drop(month)
    make_partitions(now=before[0].begins)
    assert months() == before


def partition_of(session_id: uuid.UUID) -> str:
    [name] = query("SELECT tableoid::regclass::text FROM {} WHERE session_id = %s", session_id)
    return str(name)


def query(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(partitions.TABLE), values)
        return [row[0] if len(row) == 1 else row for row in cursor.fetchall()]


def test_a_filled_table_keeps_every_row_on_its_way_to_partitions_and_back(
    content: ARContent,
) -> None:
    catalogue = (
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = '{}'::regclass AND contype IN ('c', 'f') ORDER BY 1"
    )
    now = datetime.now(UTC)
    try:
        migrate(BEFORE)
        constraints = query(catalogue)
        moments = [now - number * 17 * DAY for number in range(30)]
        for moment in moments:
            visit(content, moment)
        ARViewSession.objects.filter(created_at=moments[3]).update(ar_content=None, found_ms=7)
        ARViewSession.objects.filter(created_at=moments[4]).delete()
        rows = list(ARViewSession.objects.order_by("pk").values())
        migrate()
        assert list(ARViewSession.objects.order_by("pk").values()) == rows
        assert query(catalogue) == constraints
        assert Month.of(moments[-1]) in months()
        assert query("SELECT count(*) FROM ONLY {}_default") == [0]
        visit(content, now)
        assert ARViewSession.objects.latest("pk").pk == rows[-1]["id"] + 1
        migrate(BEFORE)
        assert list(ARViewSession.objects.order_by("pk").values())[:-1] == rows
        assert query(catalogue) == constraints
        with pytest.raises(IntegrityError, match="counted_once"):
            visit(content, now, session_id=rows[0]["session_id"])
    finally:
        migrate()
        for month in months():
            if month < Month.of(now):
                assert drop(month)


def migrate(target: tuple[str, str] | None = None) -> None:
    executor = MigrationExecutor(connection)
    leaves = [node for node in executor.loader.graph.leaf_nodes() if node[0] == BEFORE[0]]
    executor.migrate([target] if target else leaves)


def test_indexes_have_the_names_of_the_model_on_every_partition(content: ARContent) -> None:
    names = query("SELECT indexname FROM pg_indexes WHERE tablename = '{}'")
    assert set(names) == INDEXES | {f"{partitions.TABLE}_pkey"}
    for table in (DEFAULT, *(month.table for month in months())):
        unique = query("SELECT indexdef FROM pg_indexes WHERE tablename = %s", table)
        assert len(unique) == len(names) + 1
        assert any("UNIQUE" in one and "(session_id, ar_content_id)" in one for one in unique)


@pytest.mark.parametrize("moment", [datetime.now(UTC), MAY])
def test_a_visit_is_stored_once_whether_its_month_has_a_partition_or_not(
    content: ARContent, moment: datetime
) -> None:
    session_id = uuid.uuid4()
    visit(content, moment, session_id=session_id)
    again = ARViewSession(
        session_id=session_id,
        ar_content=content,
        project=content.project,
        company=content.company,
        created_at=moment + timedelta(seconds=1),
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()
    again.pk = None
    ARViewSession.objects.bulk_create([again], ignore_conflicts=True)
    assert ARViewSession.objects.count() == 1
    assert (partition_of(session_id) == DEFAULT) is (moment == MAY)


def test_a_window_of_time_reads_only_its_months(content: ARContent) -> None:
    make_partitions(now=MAY)
    recent = ARViewSession.objects.filter(created_at__gte=MAY, created_at__lt=MAY + DAY)
    plan = recent.explain()
    assert "2031_05" in plan
    assert "2031_06" not in plan
    assert DEFAULT not in plan
    one = ARViewSession.objects.filter(pk=7).explain()
    assert "Seq Scan" not in one


def test_months_are_made_ahead_once_whoever_asks(content: ARContent) -> None:
    before = months()
    threads = [threading.Thread(target=_make) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _make()
    assert set(months()) - set(before) == {Month(2031, number) for number in (5, 6, 7, 8)}


def _make() -> None:
    make_partitions(now=MAY)
    if threading.current_thread() is not threading.main_thread():
        connection.close()


def test_what_came_while_nobody_made_months_moves_into_them(content: ARContent) -> None:
    february, may = uuid.uuid4(), uuid.uuid4()
    visit(content, MAY - 90 * DAY, session_id=february)
    visit(content, MAY, session_id=may)
    rows = list(ARViewSession.objects.order_by("pk").values())
    assert {partition_of(february), partition_of(may)} == {DEFAULT}
    make_partitions(now=MAY)
    assert partition_of(february).endswith("_2031_02")
    assert partition_of(may).endswith("_2031_05")
    assert list(ARViewSession.objects.order_by("pk").values()) == rows


def test_too_many_to_move_stay_and_count(
    content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOST_MOVED", 2)
    for number in range(3):
        visit(content, MAY + number * DAY)
    make_partitions(now=MAY)
    assert Month.of(MAY) not in months()
    assert Month(2031, 8) in months()
    assert ARViewSession.objects.filter(created_at__gte=MAY).count() == 3


def test_a_table_in_use_is_left_alone_and_nobody_waits_for_long(
    content: ARContent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "LOCK_SECONDS", 1)
    make_partitions(now=MAY)
    visit(content, MAY)
    reading, done = threading.Event(), threading.Event()

    def report() -> None:
        with transaction.atomic():
            assert ARViewSession.objects.count() == 1
            reading.set()
            done.wait(30)
        connection.close()

    reader = threading.Thread(target=report)
    reader.start()
    assert reading.wait(10)
    assert not drop(Month.of(MAY))
    make_partitions(now=MAY + 60 * DAY)
    assert Month(2031, 10) not in months()
    done.set()
    reader.join()
    assert ARViewSession.objects.count() == 1
    assert drop(Month.of(MAY))
    assert not ARViewSession.objects.exists()
    make_partitions(now=MAY + 60 * DAY)
    assert Month(2031, 10) in months()


def test_a_deleted_content_leaves_its_visits_in_every_partition(content: ARContent) -> None:
    make_partitions(now=MAY)
    for moment in (MAY, datetime.now(UTC), MAY + 700 * DAY):
        visit(content, moment)
    content.delete()
    assert list(ARViewSession.objects.values_list("ar_content", flat=True)) == [None] * 3
