"""Bulk imports in the admin: dry run, start, progress, downloads; and whose they are."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from companies.models import Company, FileKind, Project, StoredFile, User
from companies.tests.factories import ProjectFactory
from content import bulk, tasks
from content.archives import read_table
from content.models import ARContent, BulkImport, BulkStatus
from content.tests.test_bulk_import import checked, run, started
from content.tests.zips import packed, pictures, small_picture, table

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("calm")]
LIST = "/admin/content/bulkimport/"
ADD = f"{LIST}add/"
PAGES = ("change/", "history/", "delete/", "progress/", "start/", "errors.csv", "qr-sheet.pdf")


@pytest.fixture
def wake_ups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []
    monkeypatch.setattr(tasks.run_bulk_import, "delay", asked.append)
    return asked


def form(company: Company, data: bytes, project: Project | None = None, **more: Any) -> Any:
    return {
        "company": company.pk,
        "project": project.pk if project else "",
        "upload": SimpleUploadedFile("Наши портреты.zip", data, "application/zip"),
        **more,
    }


def page(bulk_import: BulkImport, name: str = "change/") -> str:
    return f"{LIST}{bulk_import.pk}/{name}"


def test_an_editor_uploads_reads_the_report_starts_and_gets_the_sheet(
    client: Client, editor: User, project: Project, wake_ups: list[int]
) -> None:
    client.force_login(editor)
    rows = [("A", "", "a.jpg", ""), ("B", "Unknown", "b.jpg", ""), ("C", "New", "a.jpg", "")]
    data = packed(
        {
            "t.csv": table(rows),
            "a.jpg": small_picture(1),
            "b.jpg": small_picture(2),
            "spare.jpg": small_picture(3),
        }
    )
    assert client.get(ADD).status_code == 200
    report = client.post(ADD, form(project.company, data, project), follow=True)
    bulk_import = BulkImport.objects.get()
    assert report.redirect_chain == [(page(bulk_import), 302)]
    assert bulk_import.archive_name == "Наши портреты.zip"
    assert bulk_import.created_by == editor
    said = report.content.decode()
    assert "The archive was checked: 1 content can be made." in said
    assert "1 file is named by no row and is left out: spare.jpg." in said
    assert "no project “Unknown”" in said
    assert "A row above has the same picture" in said
    assert "Start the import" in said
    assert not ARContent.objects.exists()
    assert wake_ups == []

    waiting = client.post(page(bulk_import, "start/"), follow=True).content.decode()
    assert wake_ups == [bulk_import.pk]
    assert "data-waiting" in waiting
    assert "<progress" in waiting
    assert "Start the import" not in waiting
    client.post(page(bulk_import, "start/"))
    assert wake_ups == [bulk_import.pk], "started once"

    run(bulk_import)
    panel = client.get(page(bulk_import, "progress/")).content.decode()
    content = ARContent.objects.get()
    assert f"/admin/content/arcontent/{content.pk}/change/" in panel
    assert "data-waiting" not in panel
    sheet = client.get(page(bulk_import, "qr-sheet.pdf"))
    assert sheet["Content-Type"] == "application/pdf"
    assert "attachment" in sheet["Content-Disposition"]
    assert b"".join(sheet).startswith(b"%PDF-")


def test_without_room_for_the_sheet_it_is_made_at_each_download(
    client: Client, editor: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(editor)
    bulk_import = started(project.company, pictures(1), project=project)

    real = bulk.sheet_of

    def made_while_the_quota_shrinks(row: BulkImport) -> bytes | None:
        Company.objects.filter(pk=row.company_id).update(storage_quota_gb=0)
        return real(row)

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "sheet_of", made_while_the_quota_shrinks)
        assert not run(bulk_import)
    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.DONE
    assert not bulk_import.sheet
    assert not bulk_import.archive
    assert "each download" in client.get(page(bulk_import)).content.decode()
    answer = client.get(page(bulk_import, "qr-sheet.pdf"))
    assert answer.content.startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"no zip", "This is not a zip archive"),
        (packed({"a.jpg": b"x"}), "There is no CSV table"),
        (packed({"../t.csv": b"title,picture\nA,b"}), "outside of itself"),
        (packed({"t.csv": table([("A", "Nowhere", "a.jpg", "")])}), "Row 2: The company has no"),
    ],
)
def test_an_archive_without_one_good_row_is_refused_and_not_kept(
    client: Client, editor: User, project: Project, data: bytes, reason: str
) -> None:
    client.force_login(editor)
    response = client.post(ADD, form(project.company, data, project))
    assert response.status_code == 200
    assert reason in response.content.decode()
    assert not BulkImport.objects.exists()
    assert not StoredFile.objects.exists()


def test_an_archive_is_no_larger_than_allowed_and_fits_into_the_quota(
    client: Client, editor: User, project: Project, settings: Settings
) -> None:
    client.force_login(editor)
    company = project.company
    settings.BULK_MAX_BYTES = 1000
    too_large = client.post(ADD, form(company, pictures(2), project)).content.decode()
    assert "The file is larger than" in too_large
    settings.BULK_MAX_BYTES = 10**9
    Company.objects.filter(pk=company.pk).update(storage_quota_gb=0)
    no_room = client.post(ADD, form(company, pictures(2), project)).content.decode()
    assert "quota has only" in no_room
    assert not BulkImport.objects.exists()


def test_the_projects_that_will_be_created_are_named(
    client: Client, editor: User, company: Company
) -> None:
    client.force_login(editor)
    data = pictures(2, project="Summer")
    report = client.post(ADD, form(company, data, create_projects="on"), follow=True)
    assert "These projects will be created: Summer." in report.content.decode()
    assert not Project.objects.exists()


def test_errors_are_a_table_whose_cells_are_no_formulas(
    client: Client, editor: User, project: Project
) -> None:
    client.force_login(editor)
    rows = [("A", "", "a.jpg", ""), ("=1+2", "", "-2.jpg", ""), ("@SUM", "", "no.jpg", "")]
    bulk_import = checked(
        project.company,
        packed({"t.csv": table(rows), "a.jpg": small_picture(1)}),
        project=project,
    )
    response = client.get(page(bulk_import, "errors.csv"))
    text = response.content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(text)))
    assert lines[0] == ["row", "title", "project", "picture", "videos", "error"]
    assert lines[1][:4] == ["3", "'=1+2", "", "'-2.jpg"]
    assert lines[2][1] == "'@SUM"


def test_the_example_of_the_table_is_a_table_that_can_be_read(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    for language in ("en", "ru"):
        response = client.get(f"{LIST}table.csv", headers={"Accept-Language": language})
        rows = read_table(response.content)
        assert [len(row.videos) for row in rows] == [1, 2]


def test_an_import_is_no_longer_changed_and_its_deletion_keeps_the_contents(
    client: Client, editor: User, project: Project
) -> None:
    client.force_login(editor)
    bulk_import = started(project.company, pictures(1), project=project)
    run(bulk_import)
    assert client.post(page(bulk_import), {"archive_name": "x"}).status_code == 403
    client.post(page(bulk_import, "delete/"), {"post": "yes"})
    assert not BulkImport.objects.exists()
    assert ARContent.objects.count() == 1
    assert not StoredFile.objects.filter(kind=FileKind.IMPORTS).exists()


def test_a_viewer_reads_and_starts_deletes_and_uploads_nothing(
    client: Client, viewer: User, project: Project, wake_ups: list[int]
) -> None:
    client.force_login(viewer)
    bulk_import = checked(project.company, pictures(1), project=project)
    said = client.get(page(bulk_import)).content.decode()
    assert "Start the import" not in said
    assert client.get(LIST).status_code == 200
    assert client.get(ADD).status_code == 403
    assert client.post(ADD, form(project.company, pictures(1), project)).status_code == 403
    for name in ("start/", "delete/", "change/"):
        assert client.post(page(bulk_import, name), {"post": "yes"}).status_code == 403
    bulk_import.refresh_from_db()
    assert bulk_import.status == BulkStatus.CHECKED
    assert BulkImport.objects.count() == 1
    assert wake_ups == []


@pytest.mark.parametrize("finish", [False, True])
def test_a_stranger_finds_nothing_at_any_address(
    client: Client, stranger: User, project: Project, wake_ups: list[int], finish: bool
) -> None:
    client.force_login(stranger)
    bulk_import = started(project.company, pictures(1), project=project)
    if finish:
        run(bulk_import)
    before = BulkImport.objects.filter(pk=bulk_import.pk).values().get()
    for name in PAGES:
        for answer in (client.get(page(bulk_import, name)), client.post(page(bulk_import, name))):
            assert answer.status_code in {302, 404}, name
            assert b"portraits.zip" not in b"".join(answer)
            if answer.status_code == 302:
                assert name in {"change/", "delete/"}
                assert answer["Location"] == "/admin/"
    assert "portraits.zip" not in client.get(f"{LIST}?q=portraits").content.decode()
    action = {"action": "delete_selected", "_selected_action": bulk_import.pk, "post": "yes"}
    client.post(LIST, action)
    assert BulkImport.objects.filter(pk=bulk_import.pk).values().get() == before
    assert wake_ups == []


def test_a_foreign_company_or_project_is_an_error_of_the_form(
    client: Client, stranger: User, stranger_company: Company, project: Project
) -> None:
    client.force_login(stranger)
    own = ProjectFactory.create(company=stranger_company, name="Own")
    foreign_company = client.post(ADD, form(project.company, pictures(1), own))
    foreign_project = client.post(ADD, form(stranger_company, pictures(1), project))
    for answer in (foreign_company, foreign_project):
        assert answer.status_code == 200
        assert "Select a valid choice" in answer.content.decode()
        assert project.name not in answer.content.decode()
    assert not BulkImport.objects.exists()


def test_a_superuser_cannot_mix_the_companies_up(
    client: Client, superuser: User, stranger_company: Company, project: Project
) -> None:
    client.force_login(superuser)
    answer = client.post(ADD, form(stranger_company, pictures(1), project))
    assert "The project belongs to another company." in answer.content.decode()
    assert not BulkImport.objects.exists()


@pytest.mark.parametrize("address", [lambda row: LIST, page], ids=["list", "page"])
def test_more_rows_ask_the_database_no_more(
    client: Client,
    editor: User,
    project: Project,
    address: Callable[[BulkImport], str],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(editor)
    few = started(project.company, pictures(2), project=project)
    run(few)
    client.get(address(few))
    with django_assert_max_num_queries(30) as first:
        client.get(address(few))
    ARContent.objects.all().update(title="Older")
    many = started(project.company, pictures(30), project=project)
    run(many)
    for _time in range(5):
        checked(project.company, pictures(1, project=project.name.upper()))
        ARContent.objects.filter(title="Picture 1").update(title="Older")
    with django_assert_max_num_queries(len(first)):
        client.get(address(many))
