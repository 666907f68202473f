"""Somebody at the admin's doors, and what of a foreign company comes out of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client

from arv.tests.admin_walk.worlds import World
from companies.models import User

# Not there, the way back, or 405: said before anybody looked for a row.
HIDDEN = {301, 302, 404, 405}
# What is drawn or packed cannot be searched for a canary.
OPAQUE = ("application/pdf", "application/zip", "image/", "video/")


@contextmanager
def noted_writes() -> Iterator[list[str]]:
    """The statements that change rows, other than those of sessions."""
    written: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and "django_session" not in sql:
            written.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield written


@dataclass(frozen=True)
class Visit:
    """A request with ids of a foreign company.

    `names_row`: it asks for one row, which must not be there; otherwise the page itself may open.
    `echoed`: what the request itself says, so that the answer may repeat it.
    """

    url: str
    data: dict[str, Any] | None = None
    names_row: bool = False
    echoed: frozenset[str] = frozenset()

    @property
    def method(self) -> str:
        return "GET" if self.data is None else "POST"


@dataclass
class Visitor:
    """A browser, with the session of a user."""

    role: str
    user: User | None
    seen: set[str] = field(default_factory=set)
    # One for all visits: a new one would load all middleware again.
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    session: str = ""

    def __post_init__(self) -> None:
        if self.user is not None:
            self.client.force_login(self.user)
            self.session = self.client.cookies[settings.SESSION_COOKIE_NAME].value

    def send(self, visit: Visit) -> Any:
        self.client.cookies.clear()
        if self.session:
            self.client.cookies[settings.SESSION_COOKIE_NAME] = self.session
        if visit.data is None:
            return self.client.get(visit.url)
        return self.client.post(visit.url, visit.data)

    def problems(self, visit: Visit, foreign: World, *, may_refuse: bool = False) -> Iterator[str]:
        """What is wrong with the answer to a visit at the rows of `foreign`."""
        response = self.send(visit)
        for problem in self._problems(visit, response, foreign, may_refuse):
            yield f"{self.role} {visit.method} {visit.url}: {problem}"
        if 300 <= response.status_code < 400:
            target = urljoin(visit.url, response["Location"])
            if target not in self.seen and not urlsplit(target).netloc:
                self.seen.add(target)
                page = self.client.get(target, follow=True)
                for leak in leaks(page, foreign, visit.echoed):
                    yield f"{self.role} {visit.method} {visit.url} → {target}: shows {leak}"

    def _problems(
        self, visit: Visit, response: Any, foreign: World, may_refuse: bool
    ) -> Iterator[str]:
        status = response.status_code
        if status >= 500:
            yield f"{status} {response.exc_info and response.exc_info[1]!r}"
        elif visit.names_row and status not in ({*HIDDEN, 403} if may_refuse else HIDDEN):
            yield f"answers {status}"
        if response.get("Content-Type", "").startswith(OPAQUE):
            yield f"gives a file of {response['Content-Type']}"
        for leak in leaks(response, foreign, visit.echoed):
            yield f"shows {leak}"


def text_of(response: Any) -> str:
    """Every byte of an answer: its body, its headers and the messages that it leaves behind."""
    body = b"".join(response.streaming_content) if response.streaming else response.content
    request = getattr(response, "wsgi_request", None)
    messages = [str(one) for one in get_messages(request)] if request else []
    headers = [f"{name}: {value}" for name, value in response.items()]
    return "\n".join([body.decode(errors="replace"), *headers, *messages])


def leaks(response: Any, foreign: World, echoed: frozenset[str] = frozenset()) -> list[str]:
    """The canaries of the foreign company in an answer, each with the words around it."""
    text = text_of(response).lower()
    found = []
    for canary in sorted(foreign.canaries | {foreign.secret}):
        at = -1 if canary in echoed else text.find(canary)
        if at >= 0:
            found.append(repr(" ".join(text[max(0, at - 60) : at + 80].split())))
    return found
