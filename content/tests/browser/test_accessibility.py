"""axe-core finds nothing on our pages; what the admin's theme brings is listed here."""

from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from content.tests.browser import staff, visitor
from content.tests.browser.axe import Violation, violations
from content.tests.browser.sample_month import sample_month
from content.tests.browser.sample_year import sample_year
from content.tests.browser.server import Platform

pytestmark = pytest.mark.browser

SIZES = {"desk": visitor.WIDE, "phone": visitor.PHONE}
Scheme = Literal["light", "dark"]
# Each size and each scheme once; the other two pairs in the thorough run.
LOOKS = [
    pytest.param(visitor.WIDE, "light", id="desk-light"),
    pytest.param(visitor.PHONE, "dark", id="phone-dark"),
    pytest.param(visitor.WIDE, "dark", id="desk-dark", marks=pytest.mark.thorough),
    pytest.param(visitor.PHONE, "light", id="phone-light", marks=pytest.mark.thorough),
]
# Of the theme: the rule and the component that breaks it, and why we leave it so.
THEME = {
    (
        "landmark-unique",
        ".simplebar-content-wrapper",
    ): "each scrolled part is a region of the same name; nothing is lost by it",
}


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_sign_in_is_for_everybody(
    size: ViewportSize,
    scheme: Scheme,
    platform: Platform,
    plain_browser: Browser,
) -> None:
    with plain_browser.new_context(viewport=size, color_scheme=scheme, locale="en") as context:
        page = context.new_page()
        page.goto(f"{platform.url}/admin/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_ar_page_is_for_everybody(
    size: ViewportSize, plain_browser: Browser, contents: dict[str, staff.Content]
) -> None:
    with plain_browser.new_context(viewport=size, locale="en") as context:
        page = context.new_page()
        page.goto(contents["coffee"].url)
        expect(page.locator("#start")).to_be_visible()
        page.wait_for_load_state("networkidle")
        assert violations(page) == []
        # There is no camera: the page tells why it shows the video instead.
        page.click("#start")
        expect(page.locator("#viewer")).to_have_attribute("data-state", "watching", timeout=60_000)
        expect(page.locator("#reason")).to_be_visible()
        assert violations(page) == []


def refused_form(page: Page, platform: Platform) -> None:
    page.goto(f"{platform.url}/admin/content/arcontent/add/")
    with page.expect_navigation():
        page.locator("[name=_save]").evaluate("button => { button.form.noValidate = true; }")
        page.click("[name=_save]")
    expect(page.locator(".errornote, .errorlist").first).to_be_visible()


def open_everything(page: Page) -> None:
    """What is folded away is looked at, too."""
    for summary in page.locator("#content summary").all():
        summary.click()


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_dashboard_is_for_everybody(
    size: ViewportSize,
    scheme: Scheme,
    platform: Platform,
    plain_browser: Browser,
    contents: dict[str, staff.Content],
) -> None:
    components = sorted({component for _rule, component in THEME})
    queries = ["?period=90", f"?content={contents['coffee'].pk}", "?from=2026-05-05&to=2026-05-01"]
    with (
        sample_year(platform),
        plain_browser.new_context(viewport=size, color_scheme=scheme, locale="en") as context,
    ):
        page = context.new_page()
        staff.sign_in(page, platform)
        for query in queries:
            page.goto(staff.dashboard(platform, query))
            page.wait_for_load_state("networkidle")
            open_everything(page)
            found = violations(page, components=components)
            assert [one for one in found if (one.rule, one.component) not in THEME] == []


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_admin_is_for_everybody(
    size: ViewportSize,
    scheme: Scheme,
    platform: Platform,
    plain_browser: Browser,
    contents: dict[str, staff.Content],
) -> None:
    components = sorted({component for _rule, component in THEME})
    own: list[tuple[str, Violation]] = []
    of_theme: set[tuple[str, str]] = set()

    def look(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle")
        for one in violations(page, components=components):
            if (one.rule, one.component) in THEME:
                of_theme.add((one.rule, one.component))
            else:
                own.append((name, one))

    with (
        sample_month(platform, contents),
        plain_browser.new_context(viewport=size, color_scheme=scheme, locale="en") as context,
    ):
        page = context.new_page()
        staff.sign_in(page, platform)
        for name, address in staff.desk(platform, contents["coffee"]).items():
            page.goto(address)
            look(page, name)
        refused_form(page, platform)
        look(page, "refused form")
    assert own == []
    if size == visitor.WIDE:
        assert of_theme == set(THEME), "no longer found: take it from the list"
