"""The sign-in pages: for the keyboard, for screen readers, on a phone, by day and by night."""

import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from companies.tests.authenticator import code_of
from content.tests.browser import visitor
from content.tests.browser.axe import grave_violations
from content.tests.browser.server import ADMIN, PASSWORD, Platform, wait_until

pytestmark = pytest.mark.browser


def sign_in_by_keyboard(page: Page, platform: Platform, password: str = PASSWORD) -> None:
    page.goto(f"{platform.url}/account/password/change/")
    expect(page.locator("#id_login")).to_be_focused()
    page.keyboard.type(ADMIN)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_sign_in_is_clean_for_axe_and_fits_a_phone(
    plain_browser: Browser,
    platform: Platform,
    screenshots: Path,
    scheme: Literal["light", "dark"],
) -> None:
    with plain_browser.new_context(
        viewport=visitor.PHONE, locale="en", color_scheme=scheme
    ) as context:
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        page.goto(f"{platform.url}/admin/")
        expect(page.get_by_role("heading", name="Sign in")).to_be_in_viewport(ratio=1)
        assert grave_violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= visitor.PHONE["width"]
        page.screenshot(path=screenshots / f"sign-in-{scheme}.png")
        sign_in_by_keyboard(page, platform, "wrong")
        expect(page.get_by_role("alert")).to_be_visible()
        assert grave_violations(page) == []
        page.screenshot(path=screenshots / f"sign-in-refused-{scheme}.png")
        page.get_by_role("link", name="Forgot your password?").click()
        expect(page.get_by_role("heading", name="Forgot your password?")).to_be_visible()
        assert grave_violations(page) == []
        page.get_by_role("button", name="Русский").click()
        expect(page.locator("html")).to_have_attribute("lang", "ru")
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert (notes.violations, notes.errors, notes.strangers) == ([], [], [])


def test_the_second_step_is_set_up_with_what_the_page_shows(
    plain_browser: Browser, platform: Platform, screenshots: Path
) -> None:
    with plain_browser.new_context(viewport=visitor.PHONE, locale="en") as context:
        page = context.new_page()
        notes = visitor.take_notes(page, platform.url)
        sign_in_by_keyboard(page, platform)
        page.get_by_role("link", name="Two-factor sign-in").click()
        page.get_by_role("link", name="Set it up").click()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        code = page.get_by_role("img", name="QR code for the authenticator app")
        # Shown, and not forbidden by the policy.
        wait_until(lambda: code.evaluate("image => image.naturalWidth > 0"), "the QR code")
        assert grave_violations(page) == []
        page.screenshot(path=screenshots / "second-step.png", full_page=True)
        secret = page.locator("p code").inner_text()
        page.locator("#id_code").fill(code_of(secret))
        page.get_by_role("button", name="Switch it on").click()
        expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        assert len(re.findall(r"\b\d{8}\b", page.locator(".codes").inner_text())) == 10
        assert grave_violations(page) == []
        page.screenshot(path=screenshots / "recovery-codes.png", full_page=True)
        # The other tests sign in without it.
        page.goto(f"{platform.url}/account/2fa/totp/deactivate/")
        page.get_by_role("button", name="Switch it off").click()
        expect(page.get_by_role("link", name="Set it up")).to_be_visible()
        assert (notes.violations, notes.errors, notes.strangers) == ([], [], [])
