"""How long staff stay signed in: `SESSION_COOKIE_AGE` from the last use, noted once a minute."""

import time
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

RENEW_SECONDS = 60


class SessionStore(db.SessionStore):
    """Django's own, in the database; each row knows when it was saved."""

    def create_model_instance(self, data: dict[str, Any]) -> AbstractBaseSession:
        return super().create_model_instance({**data, "saved_at": int(time.time())})


class SlidingSessionMiddleware(SessionMiddleware):
    """Prolongs the session with each page that asks who is there.

    Django's SESSION_SAVE_EVERY_REQUEST would have the public pages load and save the session of
    everyone who sends a cookie.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = request.session
        if (
            session.accessed
            and SESSION_KEY in session
            and time.time() - session.get("saved_at", 0) >= RENEW_SECONDS
        ):
            session.modified = True
        return super().process_response(request, response)
