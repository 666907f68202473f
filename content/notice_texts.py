"""The words of the notices, by kind, in the language that is active."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from unicodedata import category
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from content.models import NotificationType

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

SUBJECT_LENGTH = 255
# What a visitor or a file's name may bring along has its bounds too.
VALUE_LENGTH = 1000


@dataclass(frozen=True)
class Words:
    """A subject and paragraphs; those whose every value is empty are left out."""

    subject: "StrOrPromise"
    paragraphs: tuple["StrOrPromise", ...]


WORDS: dict[str, Words] = {
    NotificationType.PROJECT_EXPIRING: Words(
        _("Project “%(project)s” ends on %(day)s"),
        (
            _("The project “%(project)s” ends on %(date)s."),
            _("From then on visitors do not see its contents. Extend the project to keep them."),
        ),
    ),
    NotificationType.PROJECT_EXPIRED: Words(
        _("Project “%(project)s” has ended"),
        (
            _("The project “%(project)s” ended on %(date)s."),
            _("Visitors do not see its contents any more. They come back when it is extended."),
        ),
    ),
    NotificationType.SUBSCRIPTION_EXPIRING: Words(
        _("The subscription of %(company)s ends on %(day)s"),
        (
            _("The subscription of %(company)s ends on %(date)s."),
            _("From then on visitors do not see the contents. Renew it to keep them visible."),
        ),
    ),
    NotificationType.SUBSCRIPTION_EXPIRED: Words(
        _("The subscription of %(company)s has ended"),
        (
            _("The subscription of %(company)s ended on %(date)s."),
            _("Visitors do not see the contents any more. They come back when it is renewed."),
        ),
    ),
    NotificationType.RENEWAL_REQUESTED: Words(
        _("A visitor asks for “%(content)s” again"),
        (
            _("A visitor opened “%(content)s”, which is over, and asks you to renew it."),
            _("Project: %(project)s"),
            _("Name: %(name)s"),
            _("How to reach the visitor: %(contact)s"),
            _("Message: %(message)s"),
        ),
    ),
    NotificationType.VIDEO_FAILED: Words(
        _("The video “%(video)s” cannot be shown"),
        (
            _("The video “%(video)s” of “%(content)s” could not be prepared for phones."),
            _("Reason: %(reason)s"),
            _("Upload another file, or try again on the page of the content."),
        ),
    ),
    NotificationType.MARKER_FAILED: Words(
        _("“%(content)s” is not recognised by phones"),
        (
            _("The marker of “%(content)s” could not be made."),
            _("Reason: %(reason)s"),
            _("Upload another picture, or make the marker again."),
        ),
    ),
    NotificationType.TEST: Words(
        _("A test notice for %(company)s"),
        (_("If you read this, the notices of %(company)s arrive here. Nothing is to be done."),),
    ),
}


def compose(kind: str, context: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, str]:
    """(subject, message) of a notice of that kind.

    `context` has the values of the placeholders; what is missing is empty. `date` is an aware
    datetime and told in `zone`; `reason` is told in the active language when it is one of ours.
    """
    values = _Values({name: _one_line(value) for name, value in context.items()})
    date = context.get("date")
    if isinstance(date, datetime):
        local = _on_the_clock(date, zone)
        values["day"] = date_format(local, "DATE_FORMAT")
        values["date"] = f"{date_format(local, 'DATETIME_FORMAT')} ({zone.key})"
    if values["reason"]:
        values["reason"] = gettext(values["reason"])
    words = WORDS[kind]
    subject = str(words.subject) % values
    if len(subject) > SUBJECT_LENGTH:
        subject = subject[: SUBJECT_LENGTH - 1] + "…"
    return subject, "\n\n".join(_paragraphs(words, values))


def _on_the_clock(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        return timezone.localtime(moment, zone)
    except OverflowError:
        # At either end of the calendar: hours are the least that is wrong with it.
        return moment


class _Values(dict[str, str]):
    """The values of placeholders; those that are missing are empty."""

    def __missing__(self, name: str) -> str:
        return ""


def _paragraphs(words: Words, values: _Values) -> list[str]:
    blank = _Values()
    told = []
    for paragraph in words.paragraphs:
        text = str(paragraph)
        # Without its values a paragraph of one label says nothing.
        if text % values == text % blank != text:
            continue
        told.append(text % values)
    return told


def _one_line(value: Any) -> str:
    """No line breaks, and nothing that a database or a mail server refuses."""
    text = "" if value is None else str(value)
    line = " ".join("".join(c if category(c) not in {"Cc", "Cs"} else " " for c in text).split())
    return line if len(line) <= VALUE_LENGTH else line[: VALUE_LENGTH - 1] + "…"
