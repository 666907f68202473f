"""The outside ways of a notice, e-mail and Telegram: whether it was taken, and if not, why.

Neither settings nor rows. The token of a bot is part of every address of Telegram's API: it leaves
this module in no log line and in no reason.
"""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any

import httpx
from django.core.mail import EmailMessage
from django.utils.translation import gettext_noop

# Stored as they are, shown in the reader's language.
MAIL_AWAY = gettext_noop("The platform's mail server did not take the letter.")
TELEGRAM_AWAY = gettext_noop("Telegram did not take the message.")
BOT_REFUSED = gettext_noop("Telegram does not accept the platform's bot.")

TELEGRAM_TIMEOUT = 10
# Telegram counts in UTF-16 units.
TELEGRAM_LENGTH = 4096
REASON_LENGTH = 500
LONGEST_WAIT = timedelta(hours=24)
# What Telegram's refusals of a chat, and none of a text, speak of.
_CHAT_WORDS = ("chat", "user", "peer", "rights")


class Refused(Exception):
    """Not taken, and it never will be; `by_contact` when the address is the cause."""

    def __init__(self, reason: str, *, by_contact: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.by_contact = by_contact


class PutOff(Exception):
    """Not taken this time; `after` is how long the other side asks to be left alone."""

    def __init__(self, reason: str, *, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class _WithoutToken(logging.Filter):
    """httpx logs the address of every request."""

    _pattern = re.compile(r"/bot[^/\s]+")

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._pattern.sub("/bot•••", record.getMessage()), ()
        return True


logging.getLogger("httpx").addFilter(_WithoutToken())


def send_letter(letter: EmailMessage, *, secrets: Sequence[str] = ()) -> None:
    """Hand a letter for one recipient to the mail server; raises Refused or PutOff.

    A connection that breaks is PutOff, even where the server may have taken the letter: it shall
    carry a Message-ID of its own by which another one is known as the same.
    """
    try:
        letter.send()
    except SMTPRecipientsRefused as error:
        raise _refusal(*next(iter(error.recipients.values())), secrets) from None
    except SMTPDataError as error:
        raise _refusal(error.smtp_code, error.smtp_error, secrets) from None
    except OSError as error:
        # A refused sender, password or connection is the platform's, and no words for a company.
        raise PutOff(MAIL_AWAY) from error


def _refusal(code: int, answer: bytes | str, secrets: Sequence[str]) -> Refused | PutOff:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    reason = _clean(f"{code} {text}", secrets)
    return Refused(reason, by_contact=True) if code >= 500 else PutOff(reason)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    """One for the process, made when it is needed: workers fork. It keeps its connections."""
    return httpx.Client(timeout=TELEGRAM_TIMEOUT)


def send_telegram(text: str, *, chat_id: str, token: str, api_url: str) -> None:
    """Send a plain text to a chat through the Bot API; raises Refused or PutOff.

    At most once per call: a request that was not answered is not repeated here.
    """
    payload = {
        "chat_id": chat_id,
        "text": shortened(text, TELEGRAM_LENGTH),
        "link_preview_options": {"is_disabled": True},
    }
    try:
        response = _client().post(f"{api_url}/bot{token}/sendMessage", json=payload)
    except (httpx.HTTPError, httpx.InvalidURL):
        # Without its cause, whose request knows the token.
        raise PutOff(TELEGRAM_AWAY) from None
    answer: Any = None
    with suppress(ValueError):
        answer = response.json()
    if not isinstance(answer, dict):
        answer = {}
    if response.status_code == 200 and answer.get("ok") is True:
        return
    raise _telegram_refusal(response, answer, token)


def _telegram_refusal(
    response: httpx.Response, answer: dict[str, Any], token: str
) -> Refused | PutOff:
    code = response.status_code
    # The number before the colon is the bot's public id.
    words = _clean(f"{code} {answer.get('description', '')}", (token, token.rpartition(":")[2]))
    if code == 403:
        return Refused(words, by_contact=True)
    if code == 400 and answer:
        return Refused(words, by_contact=any(word in words.lower() for word in _CHAT_WORDS))
    if code in {401, 404}:
        return PutOff(BOT_REFUSED)
    if code == 429:
        return PutOff(words, after=_asked_wait(response, answer))
    return PutOff(TELEGRAM_AWAY)


def _asked_wait(response: httpx.Response, answer: dict[str, Any]) -> timedelta | None:
    parameters = answer.get("parameters")
    told = parameters.get("retry_after") if isinstance(parameters, dict) else None
    for value in (told, response.headers.get("Retry-After")):
        text = str(value)
        if text.isascii() and text.isdigit():
            # More digits than that are years.
            seconds = int(text[:9])
            return min(timedelta(seconds=max(seconds, 1)), LONGEST_WAIT)
    return None


def shortened(text: str, units: int) -> str:
    """The text, cut to so many UTF-16 units."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * units:
        return text
    return encoded[: 2 * (units - 1)].decode("utf-16-le", errors="ignore") + "…"


def _clean(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        if secret:
            text = text.replace(secret, "•••")
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable())[:REASON_LENGTH]
