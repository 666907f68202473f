"""Imports as a queue of rows: each row one content, whatever dies on the way."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.db.models import Sum
from django.utils import timezone
from pytest_django.fixtures import Settings

from companies.models import (
    Company,
    FileKind,
    Project,
    StorageConnection,
    StoredFile,
    User,
)
from companies.orphans import unreferenced
from companies.storage.backend import StorageUnavailable
from companies.storage.router import TenantStorage
from content import bulk, bulk_plan, tasks
from content.models import ARContent, BulkImport, BulkStatus, RowStatus
from content.tests.media import clip
from content.tests.test_print_sheets import codes, scanned
from content.tests.zips import packed, pictures, small_picture, table

pytestmark = pytest.mark.django_db(transaction=True)


def checked(company: Company, data: bytes, **options: Any) -> BulkImport:
    """An import as the admin leaves it after the dry run."""
    language, user = options.pop("language", "en"), options.pop("created_by", None)
    file = ContentFile(data, name="portraits.zip")
    file.file = io.BytesIO(data)
    bulk_import = BulkImport(company=company, language=language, created_by=user, **options)
    plan = bulk_plan.inspect(file, company=company, now=timezone.now(), **options)
    bulk_plan.prepare(bulk_import, plan, file)
    return bulk_import


def started(company: Company, data: bytes, **options: Any) -> BulkImport:
    bulk_import = checked(company, data, **options)
    assert bulk.start(bulk_import, now=timezone.now())
    return bulk_import


def run(bulk_import: BulkImport, *, later: timedelta = timedelta(0)) -> bool:
    return bulk.run(bulk_import.pk, now=timezone.now() + later, created=lambda content: None)


def errors(bulk_import: BulkImport) -> dict[int, str]:
    failed = bulk_import.rows.filter(status=RowStatus.FAILED)
    return dict(failed.values_list("number", "error"))


def assert_ledger_holds(company: Company) -> None:
    """The counter is the sum of the ledger, and each of its files is there and somebody's."""
    company.refresh_from_db()
    files = StoredFile.objects.filter(company=company)
    assert company.storage_used_bytes == (files.aggregate(total=Sum("size_bytes"))["total"] or 0)
    assert not unreferenced(timezone.now() + timedelta(days=1)).exists()
    assert all(TenantStorage().exists(name) for name in files.values_list("name", flat=True))


def test_three_rows_become_three_contents_and_a_sheet(project: Project, editor: User) -> None:
    company = project.company
    rows = [
        ("Бабушка", project.name, "a.jpg", "one.mp4|two.webm"),
        ("Grandfather", "New album", "b.jpg", ""),
        ("Dog", "", "c.jpg", "one.mp4"),
    ]
    files = {f"{letter}.jpg": small_picture(n) for n, letter in enumerate("abc")}
    videos = {"one.mp4": clip(), "two.webm": clip("libvpx", container="webm")}
    bulk_import = checked(
        company,
        packed({"t.csv": table(rows), **files, **videos}),
        project=project,
        create_projects=True,
        created_by=editor,
    )
    assert not run(bulk_import), "nothing happens before it is started"
    assert not ARContent.objects.exists()
    assert bulk.start(bulk_import, now=timezone.now())
    asked: list[ARContent] = []
    assert not bulk.run(bulk_import.pk, now=timezone.now(), created=asked.append)

    contents = list(ARContent.objects.order_by("pk"))
    assert asked == contents
    assert [content.title for content in contents] == ["Бабушка", "Grandfather", "Dog"]
    assert [content.project.name for content in contents] == [
        project.name,
        "New album",
        project.name,
    ]
    first = contents[0]
    assert [video.title for video in first.videos.all()] == ["one", "two"]
    assert [video.status for video in first.videos.all()] == ["pending", "pending"]
    assert [bool(content.active_video) for content in contents] == [False, False, False]
    assert all(content.image and content.qr_code for content in contents)
    assert first.history.get().history_user == editor

    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.DONE
    assert bulk_import.finished_at is not None
    assert not bulk_import.archive
    with bulk_import.sheet.open("rb") as stored:
        drawn = codes(stored.read())
    assert [scanned(code) for code in drawn] == [content.ar_url for content in contents]
    kept = StoredFile.objects.filter(kind=FileKind.IMPORTS)
    assert [file.name for file in kept] == [bulk_import.sheet.name]
    assert_ledger_holds(company)
    assert not run(bulk_import)


def test_rows_with_errors_do_not_stop_the_others(project: Project, settings: Settings) -> None:
    rows = [
        ("A", "", "a.jpg", ""),
        ("B", "", "b.jpg", "false.mp4"),
        ("C", "", "no.jpg", ""),
        ("D", "", "d.jpg", ""),
        ("E", "", "e.jpg", ""),
    ]
    whole = small_picture(4)
    files = {
        "a.jpg": small_picture(1),
        "b.jpg": small_picture(2),
        "false.mp4": b"\0\0\0\x18ftypmp42" + bytes(500),
        # Its header is sound, and nothing else.
        "d.jpg": whole[: len(whole) // 3],
        "e.jpg": small_picture(5),
    }
    bulk_import = started(project.company, packed({"t.csv": table(rows), **files}), project=project)
    assert not run(bulk_import)
    assert set(ARContent.objects.values_list("title", flat=True)) == {"A", "E"}
    found = errors(bulk_import)
    assert found.keys() == {3, 4, 5}
    assert found[3].startswith("false.mp4: This file is not a video")
    assert found[4] == "There is no file no.jpg in the archive."
    assert "damaged" in found[5]
    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.DONE
    assert_ledger_holds(project.company)


def test_a_full_quota_and_a_reached_limit_are_errors_of_the_rows(project: Project) -> None:
    company = project.company
    data = pictures(3)
    bulk_import = started(company, data, project=project)
    company.refresh_from_db()
    gigabyte = company.storage_quota_bytes // company.storage_quota_gb
    # Room for about one content.
    filler = gigabyte - company.storage_used_bytes - 15_000
    StoredFile.objects.create(
        name="1/x/videos/" + "0" * 32 + ".mp4",
        company=company,
        connection=company.storage_connection,
        kind=FileKind.VIDEOS,
        size_bytes=filler,
    )
    Company.objects.filter(pk=company.pk).update(
        storage_quota_gb=1, storage_used_bytes=company.storage_used_bytes + filler
    )
    assert not run(bulk_import)
    found = errors(bulk_import)
    assert found
    assert all("quota" in error for error in found.values())
    assert ARContent.objects.count() == 3 - len(found)
    company.refresh_from_db()
    total = StoredFile.objects.aggregate(total=Sum("size_bytes"))["total"]
    assert company.storage_used_bytes == total


def test_a_subscription_that_runs_out_on_the_way_fails_the_rows_that_are_left(
    project: Project,
) -> None:
    bulk_import = started(project.company, pictures(2), project=project)
    Company.objects.filter(pk=project.company_id).update(
        subscription_expires_at=timezone.now() - timedelta(hours=1)
    )
    assert not run(bulk_import)
    assert not ARContent.objects.exists()
    assert all("subscription" in error for error in errors(bulk_import).values())


def test_errors_and_sheet_are_in_the_language_of_whoever_uploaded(project: Project) -> None:
    bulk_import = started(project.company, pictures(2), project=project, language="ru")
    run(bulk_import)
    bulk_import.refresh_from_db()
    with bulk_import.sheet.open("rb") as stored:
        assert b"/Lang (ru)" in stored.read()


def test_the_same_archive_twice_makes_its_contents_once(project: Project) -> None:
    first = started(project.company, pictures(2), project=project)
    second = started(project.company, pictures(2), project=project)
    assert not run(first)
    assert not run(second)
    assert ARContent.objects.count() == 2
    assert all("already" in error for error in errors(second).values())


def test_a_worker_that_lost_its_lease_stops_and_doubles_nothing(project: Project) -> None:
    bulk_import = started(project.company, pictures(4), project=project)
    seen = []

    def slow(content: ARContent) -> None:
        seen.append(content.title)
        if len(seen) == 1:
            # The lease ran out: the sweeper has let another worker in.
            BulkImport.objects.filter(pk=bulk_import.pk).update(
                claimed_at=timezone.now() - timedelta(seconds=1)
            )

    assert not bulk.run(bulk_import.pk, now=timezone.now(), created=slow)
    assert seen == ["Picture 1"]
    assert not run(bulk_import), "a lease that runs is not taken over"
    assert not run(bulk_import, later=bulk.LEASE)
    titles = list(ARContent.objects.order_by("title").values_list("title", flat=True))
    assert titles == [f"Picture {n}" for n in range(1, 5)]
    assert_ledger_holds(project.company)


def test_a_row_that_another_worker_finished_leaves_nothing_behind(project: Project) -> None:
    bulk_import = started(project.company, pictures(1), project=project)

    def meanwhile(content: ARContent) -> None:
        raise bulk.RowTaken

    bulk.run(bulk_import.pk, now=timezone.now(), created=meanwhile)
    assert not ARContent.objects.exists()
    assert_ledger_holds(project.company)


def test_a_long_import_goes_on_in_the_next_message(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk_import = started(project.company, pictures(3), project=project)
    monkeypatch.setattr(bulk, "SLICE_SECONDS", 0.0)
    assert run(bulk_import)
    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.PENDING
    assert bulk_import.claimed_at is None
    monkeypatch.undo()
    assert not run(bulk_import)
    assert ARContent.objects.count() == 3


def test_a_storage_that_fails_is_tried_again_and_no_row_is_blamed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk_import = started(project.company, pictures(2), project=project)

    def unavailable(*_: object) -> None:
        raise StorageUnavailable("The disk is away.")

    with monkeypatch.context() as patched:
        patched.setattr(TenantStorage, "_save", unavailable)
        for attempt in range(1, bulk.MAX_ATTEMPTS + 1):
            with pytest.raises(StorageUnavailable):
                run(bulk_import)
            bulk_import.refresh_from_db()
            assert bulk_import.attempts == attempt
    assert bulk_import.status == BulkStatus.FAILED
    assert bulk_import.error == bulk.GAVE_UP
    assert not errors(bulk_import)
    assert not run(bulk_import)
    # Staff continue it when the storage is back.
    assert bulk.start(bulk_import, now=timezone.now())
    assert not run(bulk_import)
    assert ARContent.objects.count() == 2


def test_a_bucket_serves_as_well_as_a_disk(
    project: Project, s3_connection: StorageConnection
) -> None:
    company = project.company
    company.storage_connection = s3_connection
    company.save()
    bulk_import = started(company, pictures(2), project=project)
    assert not run(bulk_import)
    bulk_import.refresh_from_db()
    with bulk_import.sheet.open("rb") as stored:
        assert len(codes(stored.read())) == 2
    assert_ledger_holds(company)


def test_a_row_that_stops_the_worker_three_times_is_left_out(project: Project) -> None:
    bulk_import = started(project.company, pictures(2), project=project)

    def fatal(content: ARContent) -> None:
        if content.title == "Picture 1":
            raise MemoryError

    for _time in range(bulk.ROW_ATTEMPTS):
        with pytest.raises(MemoryError):
            bulk.run(bulk_import.pk, now=timezone.now(), created=fatal)
    assert not bulk.run(bulk_import.pk, now=timezone.now(), created=fatal)
    assert list(ARContent.objects.values_list("title", flat=True)) == ["Picture 2"]
    assert "three times" in errors(bulk_import)[2]


def test_an_archive_that_is_gone_stops_the_import_for_good(project: Project) -> None:
    bulk_import = started(project.company, pictures(1), project=project)
    folder = Path(django_settings.LOCAL_STORAGE_ROOT)
    (folder / str(bulk_import.archive)).unlink()
    assert not run(bulk_import)
    bulk_import.refresh_from_db()
    assert (bulk_import.status, bulk_import.error) == (BulkStatus.FAILED, bulk.ARCHIVE_LOST)


def test_deleting_an_import_removes_its_files_and_keeps_its_contents(project: Project) -> None:
    done = started(project.company, pictures(2), project=project)
    run(done)
    draft = checked(
        project.company,
        packed({"t.csv": table([("X", "", "x.jpg", "")]), "x.jpg": small_picture(9)}),
        project=project,
    )
    for row in (done, draft):
        row.refresh_from_db()
        bulk.delete_import(row)
    assert ARContent.objects.count() == 2
    assert not StoredFile.objects.filter(kind=FileKind.IMPORTS).exists()
    assert_ledger_holds(project.company)


def test_an_import_that_is_deleted_while_a_worker_is_at_it_just_ends(project: Project) -> None:
    bulk_import = started(project.company, pictures(3), project=project)

    def deleted(content: ARContent) -> None:
        if content.title == "Picture 2":
            BulkImport.objects.get(pk=bulk_import.pk).delete()

    assert not bulk.run(bulk_import.pk, now=timezone.now(), created=deleted)
    assert ARContent.objects.count() == 2


def test_the_sweeper_wakes_what_waits_too_long_and_drops_old_drafts(project: Project) -> None:
    data = pictures(1)
    waiting, held, draft = (checked(project.company, data, project=project) for _ in range(3))
    now = timezone.now()
    assert bulk.start(waiting, now=now)
    assert bulk.start(held, now=now)
    BulkImport.objects.filter(pk=held.pk).update(status=BulkStatus.PROCESSING, claimed_at=now)
    assert bulk.overdue_imports(now) == []
    assert bulk.overdue_imports(now + timedelta(minutes=1)) == [waiting.pk]
    assert set(bulk.overdue_imports(now + timedelta(minutes=4))) == {waiting.pk, held.pk}
    assert BulkImport.objects.filter(pk=draft.pk).exists()
    bulk.overdue_imports(now + timedelta(days=8))
    assert not BulkImport.objects.filter(pk=draft.pk).exists()
    assert BulkImport.objects.count() == 2


def test_the_tasks_make_contents_and_ask_for_their_markers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks.generate_marker, "delay", lambda *ids: asked.append(ids))
    bulk_import = started(project.company, pictures(2), project=project)
    tasks.run_bulk_import(bulk_import.pk)
    pks = ARContent.objects.order_by("pk").values_list("pk", flat=True)
    assert asked == [("content.arcontent", pk) for pk in pks]
