"""A visitor's Chromium, and what is noticed while it is used."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Playwright, Request, Response, ViewportSize

from content.tests.browser.server import chromium, wait_until

FLAGS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# Answers the camera's permission prompt by itself.
ALLOWED = "--use-fake-ui-for-media-stream"
DENIED = "--use-fake-ui-for-media-stream=deny"
FAKE_CAMERA = "--use-fake-device-for-media-stream"
PHONE = ViewportSize(width=390, height=844)
PHONE_ACROSS = ViewportSize(width=844, height=390)
DESK = ViewportSize(width=1280, height=900)
WIDE = ViewportSize(width=1440, height=900)

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error(`policy violation: ${violatedDirective} ${blockedURI}`);
});
"""
# Counts the prompts a real visitor would see, and notes when the answer came.
COUNT_PROMPTS = """
if (isSecureContext) {
  window.prompts = [];
  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    const prompt = { constraints, answered: null };
    window.prompts.push(prompt);
    return ask(constraints).finally(() => { prompt.answered = performance.now(); });
  };
}
"""


@contextmanager
def browser(playwright: Playwright, *flags: str) -> Iterator[Browser]:
    running = playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])
    try:
        yield running
    finally:
        running.close()


@dataclass
class Notes:
    """What went wrong on a page, and what it loaded."""

    errors: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)  # requests to other hosts
    requests: list[Request] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)

    def scripts(self) -> dict[str, int]:
        """Path and gzip -9 size of every script the page and its workers loaded."""
        sizes = {}
        for response in self.responses:
            if "javascript" in response.headers.get("content-type", ""):
                sizes[urlsplit(response.url).path] = len(gzip.compress(response.body(), 9))
        return sizes


def take_notes(page: Page, home: str) -> Notes:
    """Begin to watch a page of the site `home`, before it is opened."""
    notes = Notes()

    def on_console(kind: str, text: str) -> None:
        if "policy violation:" in text or "Content Security Policy" in text:
            notes.violations.append(text)
        elif kind == "error":
            notes.errors.append(text)

    def on_request(request: Request) -> None:
        notes.requests.append(request)
        address = urlsplit(request.url)
        if (
            address.scheme not in {"data", "blob"}
            and f"{address.scheme}://{address.netloc}" != home
        ):
            notes.strangers.append(request.url)

    page.add_init_script(REPORT_VIOLATIONS)
    page.on("console", lambda message: on_console(message.type, message.text))
    page.on("pageerror", lambda error: notes.errors.append(str(error)))
    page.on("request", on_request)
    page.on("response", lambda response: notes.responses.append(response))
    return notes


State = Literal["idle", "loading", "searching", "tracking", "lost", "watching"]


def wait_for_state(page: Page, *states: State, seconds: float) -> None:
    """Until data-state is one of `states`; AssertionError when the page gives up instead."""

    def arrived() -> bool:
        data = page.evaluate("({ ...document.getElementById('viewer').dataset })")
        if data["state"] in states:
            return True
        assert data["state"] != "watching", f"the page gave up: {data['reason']}"
        return False

    wait_until(arrived, f"the state {states}", seconds=seconds)


def wait_for(page: Page, expression: str, *, seconds: float = 30.0) -> None:
    """Until a JavaScript expression is true. Playwright's own way needs eval: pages forbid it."""
    wait_until(lambda: page.evaluate(expression), expression, seconds=seconds)
