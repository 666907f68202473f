"""The dry run: each row that cannot become a content says why, and nothing is written."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from companies.limits import LimitReached
from companies.models import Company, Project, StoredFile
from companies.tests.factories import ProjectFactory
from content import bulk_plan
from content.bulk_plan import Plan
from content.models import ARContent, BulkImport
from content.tests.factories import ARContentFactory
from content.tests.media import clip
from content.tests.zips import packed, pictures, small_picture, table

pytestmark = pytest.mark.django_db


def inspected(company: Company, data: bytes, **options: Any) -> Plan:
    file = ContentFile(data, name="archive.zip")
    return bulk_plan.inspect(file, company=company, now=timezone.now(), **options)


def problems(
    company: Company, *rows: tuple[str, str, str, str], files: dict[str, bytes] | None = None
) -> list[list[str]]:
    all_files = {"a.jpg": small_picture(1), "b.jpg": small_picture(2), **(files or {})}
    plan = inspected(company, packed({"table.csv": table(rows), **all_files}))
    return [planned.problems for planned in plan.rows]


def test_good_rows_are_planned_and_nothing_is_written(project: Project) -> None:
    company = project.company
    plan = inspected(company, pictures(3, project=project.name.upper()))
    assert [planned.project for planned in plan.good] == [project] * 3
    assert not plan.bad
    assert plan.unused == []
    assert plan.needed > 3 * len(small_picture(1))
    assert not ARContent.objects.exists()
    assert not BulkImport.objects.exists()
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (("", "Album", "a.jpg", ""), "The title is missing."),
        (("x" * 256, "Album", "a.jpg", ""), "longer than 255"),
        (("A", "", "a.jpg", ""), "names no project"),
        (("A", "Unknown", "a.jpg", ""), "no project “Unknown”"),
        (("A", "Album", "", ""), "The picture is missing."),
        (("A", "Album", "c.jpg", ""), "no file c.jpg"),
        (("A", "Album", "../a.jpg", ""), "no file ../a.jpg"),
        (("A", "Album", "text.jpg", ""), "not a JPEG, PNG or WebP"),
        (("A", "Album", "empty.jpg", ""), "empty.jpg is empty"),
        (("A", "Album", "small.jpg", ""), "at least 200 pixels"),
        (("A", "Album", "cut.jpg", ""), "damaged"),
        (("A", "Album", "a.jpg", "c.mp4"), "no file c.mp4"),
        (("A", "Album", "a.jpg", "text.jpg"), "not an MP4, MOV or WebM"),
        (("A", "Album", "a.jpg", "good.mp4|large.mp4"), "large.mp4 is larger than"),
        (("Taken", "Album", "a.jpg", ""), "“Taken” already"),
    ],
)
def test_a_row_that_cannot_become_a_content_says_why(
    company: Company, settings: Settings, row: tuple[str, str, str, str], reason: str
) -> None:
    settings.VIDEO_MAX_BYTES = 100_000
    album = ProjectFactory.create(company=company, name="Album")
    ARContentFactory.create(project=album, title="Taken")
    small = io.BytesIO()
    Image.new("RGB", (100, 100)).save(small, "JPEG")
    files = {
        "text.jpg": b"text" * 100,
        "empty.jpg": b"",
        "small.jpg": small.getvalue(),
        "cut.jpg": small_picture(1)[:20],
        "good.mp4": clip(),
        "large.mp4": clip() + bytes(100_000),
    }
    [found, good] = problems(company, row, ("B", "Album", "b.jpg", "good.mp4"), files=files)
    assert len(found) == 1
    assert reason in found[0]
    assert good == []


def test_all_that_is_wrong_with_a_row_is_said_at_once(company: Company) -> None:
    [found] = problems(company, ("", "Unknown", "c.jpg", "c.mp4"))
    assert len(found) == 4


def test_rows_that_repeat_others_are_errors(project: Project) -> None:
    name = project.name
    first, title, picture = problems(
        project.company,
        ("A", name, "a.jpg", ""),
        ("A", name, "b.jpg", ""),
        ("C", name, "a.jpg", ""),
    )
    assert first == []
    assert "same title" in title[0]
    assert "same picture" in picture[0]


def test_another_companys_project_is_unknown(company: Company, stranger_company: Company) -> None:
    ProjectFactory.create(company=stranger_company, name="Theirs")
    [found] = problems(company, ("A", "Theirs", "a.jpg", ""))
    assert "no project “Theirs”" in found[0]


def test_missing_projects_count_against_the_limit(company: Company) -> None:
    company.projects_limit = 2
    company.save()
    ProjectFactory.create(company=company, name="Album")
    rows = [("A", "New", "a.jpg", ""), ("B", "new", "b.jpg", ""), ("C", "More", "c.jpg", "")]
    files = {f"{letter}.jpg": small_picture(n) for n, letter in enumerate("abc")}
    plan = inspected(company, packed({"t.csv": table(rows), **files}), create_projects=True)
    assert plan.new_projects == ["New"]
    [bad] = plan.bad
    assert "more than the company may have" in bad.problems[0]


def test_files_that_no_row_names_are_listed(project: Project) -> None:
    data = packed(
        {
            "t.csv": table([("A", "", "a.jpg", "")]),
            "a.jpg": small_picture(1),
            "b.jpg": small_picture(2),
            "Thumbs.db": b"junk",
        }
    )
    assert inspected(project.company, data, project=project).unused == ["b.jpg"]


def test_a_company_whose_subscription_has_run_out_gets_no_plan(project: Project) -> None:
    project.company.subscription_expires_at = timezone.now() - timedelta(days=1)
    with pytest.raises(LimitReached):
        inspected(project.company, pictures(1), project=project)


def test_more_rows_ask_the_database_no_more(
    project: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for count in (1, 40):
        with django_assert_num_queries(4):
            inspected(project.company, pictures(count), project=project)
