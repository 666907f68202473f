"""Staff at work: contents made in the admin's own forms, in the browser."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from content.tests.browser.server import ADMIN, PASSWORD, Platform, wait_until


@dataclass(frozen=True)
class Content:
    """A published content."""

    pk: int
    url: str  # of the AR page
    admin_url: str
    stars: float


def sign_in(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.url}/admin/")
    page.fill("#id_login", ADMIN)
    page.fill("#id_password", PASSWORD)
    page.click("main [type=submit]")
    # Whole: the address of the sign-in page ends like that of the front page.
    page.wait_for_url(f"{platform.url}/admin/")


def choose(page: Page, field: str, text: str) -> None:
    """Pick the row whose label contains `text` in an autocomplete field."""
    page.click(f"#id_{field} + .select2 .select2-selection")
    page.locator(".select2-search__field").last.fill(text)
    page.click(f".select2-results__option:has-text('{text}')")


def save(page: Page) -> None:
    """Submit, and say what the form complains about when it does."""
    with page.expect_navigation():
        page.click("[name=_continue]")
    complaints = page.locator(".errorlist, .errornote").all_inner_texts()
    assert not complaints, complaints
    assert "/change/" in page.url, page.url


def create_project(page: Page, platform: Platform, name: str) -> None:
    page.goto(f"{platform.url}/admin/companies/project/add/")
    choose(page, "company", "Vertex AR")
    page.fill("#id_name", name)
    save(page)


def create_content(
    page: Page,
    platform: Platform,
    *,
    project: str,
    title: str,
    picture: Path,
    video: Path,
    is_transparent: bool = False,
) -> Content:
    """Upload a picture and a video, and wait until the worker has made both fit for phones."""
    page.goto(f"{platform.url}/admin/content/arcontent/add/")
    choose(page, "project", project)
    page.fill("#id_title", title)
    page.set_input_files("#id_picture", picture)
    page.click("#videos-group .add-row a, #videos-group a.add-row")
    page.set_input_files("#id_videos-0-upload", video)
    page.fill("#id_videos-0-title", title)
    page.set_checked("#id_videos-0-has_alpha", is_transparent)
    save(page)
    pk = int(page.url.split("/change/")[0].rsplit("/", 1)[1])

    def marker() -> dict[str, Any] | None:
        [row] = platform.database.query("SELECT * FROM content_arcontent WHERE id = %s", pk)
        assert row["marker_status"] != "failed", row["marker_error"]
        return row if row["marker_status"] == "ready" else None

    def playable() -> bool:
        query = "SELECT status, error FROM content_video WHERE ar_content_id = %s"
        [row] = platform.database.query(query, pk)
        assert row["status"] != "failed", row["error"]
        return bool(row["status"] == "ready")

    row = wait_until(marker, f"the marker of {title}\n{platform.logs()}")
    wait_until(playable, f"the video of {title}\n{platform.logs()}")
    return Content(
        pk, f"{platform.url}/ar/{uuid.UUID(str(row['unique_id']))}", page.url, row["stars"]
    )


def dashboard(platform: Platform, query: str = "") -> str:
    return f"{platform.url}/admin/analytics/arviewsession/dashboard/{query}"


def desk(platform: Platform, content: Content) -> dict[str, str]:
    """Addresses of the pages that staff have open all day."""
    [row] = platform.database.query(
        "SELECT company_id, project_id FROM content_arcontent WHERE id = %s", content.pk
    )
    [video] = platform.database.query(
        "SELECT id FROM content_video WHERE ar_content_id = %s", content.pk
    )
    admin = f"{platform.url}/admin"
    return {
        "front-page": f"{admin}/",
        "contents": f"{admin}/content/arcontent/",
        "content": content.admin_url,
        "month": content.admin_url.replace("/change/", "/rotation/calendar/"),
        "rotation": f"{admin}/content/videorotationschedule/add/?ar_content={content.pk}",
        "videos": f"{admin}/content/video/",
        "video": f"{admin}/content/video/{video['id']}/change/",
        "project": f"{admin}/companies/project/{row['project_id']}/change/",
        "company": f"{admin}/companies/company/{row['company_id']}/change/",
        "bulk": f"{admin}/content/bulkimport/add/",
        "dashboard": dashboard(platform),
    }
