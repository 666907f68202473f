"""What is there before the camera: without any script, in the visitor's language, or no longer."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from content.tests.browser import staff, visitor
from content.tests.browser.server import Platform

pytestmark = pytest.mark.browser


def test_first_screen_needs_no_script(
    plain_browser: Browser, contents: dict[str, staff.Content]
) -> None:
    with plain_browser.new_context(
        viewport=visitor.PHONE, java_script_enabled=False, locale="en"
    ) as context:
        page = context.new_page()
        page.goto(contents["coffee"].url)
        expect(page.get_by_role("heading", name="Coffee")).to_be_in_viewport(ratio=1)
        expect(page.locator("#start")).to_be_in_viewport(ratio=1)
        poster = page.locator(".poster")
        expect(poster).to_be_in_viewport(ratio=1)
        expect(poster).to_have_js_property("naturalWidth", 600)
        link = page.locator("#watch")
        expect(link).to_be_visible()
        answer = page.request.get(
            page.url.split("/ar/")[0] + str(link.get_attribute("href")),
            headers={"Range": "bytes=0-99"},
        )
        assert answer.status == 206
        assert answer.headers["content-type"] == "video/mp4"


def test_start_page_fits_a_phone(
    plain_browser: Browser, contents: dict[str, staff.Content], screenshots: Path
) -> None:
    with plain_browser.new_context(viewport=visitor.PHONE, locale="en") as context:
        page = context.new_page()
        page.goto(contents["coffee"].url)
        expect(page.locator("#start")).to_be_in_viewport(ratio=1)
        expect(page.locator("#watch")).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") <= visitor.PHONE["width"]
        page.wait_for_load_state("networkidle")
        page.screenshot(path=screenshots / "start.png")


@pytest.mark.parametrize(
    ("languages", "language", "word"),
    [("ru-RU,ru;q=0.9,en;q=0.5", "ru", r"[А-Яа-я]"), ("de-DE,de;q=0.9", "en", r"Start")],
)
def test_page_speaks_the_visitors_language(
    languages: str,
    language: str,
    word: str,
    plain_browser: Browser,
    contents: dict[str, staff.Content],
) -> None:
    with plain_browser.new_context(extra_http_headers={"Accept-Language": languages}) as context:
        page = context.new_page()
        page.goto(contents["coffee"].url)
        expect(page.locator("html")).to_have_attribute("lang", language)
        expect(page.locator("#start")).to_have_text(re.compile(word))
        texts = page.evaluate(
            "Object.values(JSON.parse(document.getElementById('viewer-config').textContent).texts)"
        )
        russian = [bool(re.search(r"[А-Яа-я]", text)) for text in texts]
        assert all(russian) if language == "ru" else not any(russian)


UNPUBLISHED = {
    "inactive": ("is_active", False, 404),
    "expired": ("expires_at", timedelta(minutes=-1), 410),
    "not yet published": ("published_at", timedelta(days=1), 404),
}


@pytest.mark.parametrize(("field", "value", "status"), UNPUBLISHED.values(), ids=UNPUBLISHED.keys())
def test_content_that_is_not_on_show_says_so_kindly(
    field: str,
    value: bool | timedelta,
    status: int,
    platform: Platform,
    plain_browser: Browser,
    contents: dict[str, staff.Content],
) -> None:
    content = contents["chelsea"]
    change = datetime.now(UTC) + value if isinstance(value, timedelta) else value
    statement = f"UPDATE content_arcontent SET {field} = %s WHERE id = %s"  # noqa: S608
    platform.database.query(statement, change, content.pk)
    try:
        expect_kind_answer(plain_browser, content.url, status)
    finally:
        platform.database.query(statement, True if field == "is_active" else None, content.pk)


@pytest.mark.parametrize("unknown", [str(uuid.UUID(int=7)), "no-such-picture"])
def test_unknown_address_says_so_kindly(
    unknown: str, platform: Platform, plain_browser: Browser
) -> None:
    expect_kind_answer(plain_browser, f"{platform.url}/ar/{unknown}", 404)


def expect_kind_answer(browser: Browser, url: str, status: int) -> None:
    with browser.new_context(viewport=visitor.PHONE, locale="ru") as context:
        page = context.new_page()
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == status
        expect(page.locator("html")).to_have_attribute("lang", "ru")
        expect(page.get_by_role("heading")).to_be_visible()
        assert page.locator("#start").count() == 0
        assert "Traceback" not in page.content()
