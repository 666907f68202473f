"""Notices on their way to a company: written once, and carried by each channel on its own.

A Delivery row is the job, a message to a worker only wakes. It is claimed by a conditional update
for the length of a lease; no transaction is open while a mail server or Telegram is talked to.
"""

import time
import zoneinfo
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from celery import current_app
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from arv.lib import rate_limit
from companies.limits import LimitReached
from companies.models import Company, Project
from content.models import (
    ARContent,
    Channel,
    Delivery,
    DeliveryState,
    Notification,
    NotificationType,
)
from content.notice_texts import compose
from content.transports import (
    LONGEST_WAIT,
    MAIL_AWAY,
    TELEGRAM_AWAY,
    TELEGRAM_LENGTH,
    PutOff,
    Refused,
    send_letter,
    send_telegram,
    shortened,
)

# Longer than the time limits of the task; short enough that a dead worker is soon replaced.
LEASE = timedelta(seconds=60)
# After an attempt that failed: eight of them within a day.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 360, 720))
MAX_ATTEMPTS = len(WAITS) + 1
# A message normally arrives within a second; a row that waits longer has lost its own.
PATIENCE = timedelta(seconds=30)
BATCH = 500
# That people may have sent, again or as a test, of one company.
REQUESTS_PER_HOUR, HOUR = 20, 3600

# Stored as they are, shown in the reader's language: Notification.email_reason.
NO_ADDRESS = gettext_noop("The company has no address for it any more.")
NO_BOT = gettext_noop("The platform has no Telegram bot.")
GAVE_UP = gettext_noop("It could not be sent in eight attempts: see the worker's log.")

ADDRESS_FIELDS = {Channel.EMAIL: "contact_email", Channel.TELEGRAM: "telegram_chat_id"}
AWAY = {Channel.EMAIL: MAIL_AWAY, Channel.TELEGRAM: TELEGRAM_AWAY}


def announce(
    kind: NotificationType,
    *,
    company: Company,
    project: Project | None = None,
    content: ARContent | None = None,
    key: str = "",
    context: Mapping[str, Any] | None = None,
) -> Notification | None:
    """Write a notice in the company's language, and send it once the transaction is committed.

    Of one kind, about one content, project or company, there is one notice per `key`, such as the
    day that it is about: None for whoever comes second. An empty key may be used again and again.
    `context` holds what the words of the kind (notice_texts) name beside the company, project and
    content: `date` (an aware datetime; by default the end of the project or subscription),
    `video`, `reason`, `name`, `contact`, `message`, and `url`, the admin page that helps.
    """
    row: Company | Project | ARContent = content or project or company
    key = key and f"{kind}:{row._meta.model_name}-{row.pk}:{key}"
    if key and Notification.objects.filter(key=key).exists():
        return None
    if content is not None and project is None:
        project = content.project
    values: dict[str, Any] = {
        "company": company.name,
        "project": project.name if project else "",
        "content": content.title if content else "",
        "date": project.expires_at if project else company.subscription_expires_at,
        **(context or {}),
    }
    with translation.override(company.language):
        subject, message = compose(kind, values, zoneinfo.ZoneInfo(company.time_zone))
    url = values.get("url") or reverse(
        f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]
    )
    notice = Notification(
        company=company,
        project=project,
        ar_content=content,
        notification_type=kind,
        subject=subject,
        message=message,
        key=key,
        metadata={"url": url},
    )
    try:
        with transaction.atomic():
            notice.save(force_insert=True)
            _enqueue(notice, channels_of(company), now=timezone.now())
    except IntegrityError:
        if key and Notification.objects.filter(key=key).exists():
            return None
        raise
    return notice


def channels_of(company: Company) -> list[Channel]:
    """The channels by which a notice can reach the company."""
    has_bot = bool(settings.TELEGRAM_BOT_TOKEN)
    return [
        channel
        for channel, field in ADDRESS_FIELDS.items()
        if getattr(company, field) and (has_bot or channel != Channel.TELEGRAM)
    ]


@transaction.atomic
def resend(notice: Notification, *, now: datetime) -> int:
    """Send a notice once more, whatever became of it; by how many channels.

    What waits for its next attempt is tried at once. What was sent or failed starts afresh, under
    another Message-ID: as a letter of its own. Raises LimitReached for too many in an hour.
    """
    channels = channels_of(notice.company)
    if channels:
        _count_request(notice.company)
    done = notice.deliveries.exclude(state=DeliveryState.WAITING)
    done.filter(channel__in=channels).delete()
    notice.deliveries.filter(due_at__gt=now).update(due_at=now)
    forgotten: dict[str, Any] = {}
    for channel in channels:
        forgotten |= _columns(channel, sent=False, sent_at=None, error="")
    Notification.objects.filter(pk=notice.pk).update(**forgotten)
    return _enqueue(notice, channels, now=now)


def send_test(company: Company) -> int:
    """Send the company a notice that says no more than that it arrived; by how many channels.

    Without any, nothing is written. Raises LimitReached as `resend` does.
    """
    count = len(channels_of(company))
    if count:
        _count_request(company)
        announce(NotificationType.TEST, company=company)
    return count


def _count_request(company: Company) -> None:
    """People could have the platform's mail sent without end."""
    if rate_limit.seconds_to_wait(
        str(company.pk), scope="notices", most=REQUESTS_PER_HOUR, now=time.time(), seconds=HOUR
    ):
        raise LimitReached(
            _("%(company)s has had %(most)d notices sent within an hour. Try again later."),
            code="too_many_notices",
            params={"company": company, "most": REQUESTS_PER_HOUR},
        )


def deliver(delivery_id: int, *, now: datetime) -> bool:
    """Carry a notice through one channel, if that is due at `now`; whether it was taken.

    At least once: a worker that dies between the answer and its record leaves a delivery that is
    made again when its lease is over, with the same Message-ID.
    """
    started = time.monotonic()
    rows = Delivery.objects.filter(pk=delivery_id)
    due = rows.claimable(now, lease=LEASE, attempts=MAX_ATTEMPTS)
    if due.update(claimed_at=now, attempts=F("attempts") + 1) != 1:
        return False
    delivery = rows.select_related("notification__company").first()
    if delivery is None:
        return False
    try:
        _CARRIERS[Channel(delivery.channel)](delivery)
    except Refused as refused:
        _record_failure(delivery, refused.reason, by_contact=refused.by_contact)
        return False
    except (PutOff, SoftTimeLimitExceeded) as error:
        put_off = error if isinstance(error, PutOff) else PutOff(AWAY[Channel(delivery.channel)])
        # The other side counts from its answer, not from our question.
        answered_at = now + timedelta(seconds=time.monotonic() - started)
        wait = _wait(delivery.attempts, put_off.after)
        due_at = answered_at + wait if wait else None
        _record_failure(delivery, put_off.reason, due_at=due_at)
        return False
    _record_success(delivery, now)
    return True


def deliver_due(*, now: datetime) -> int:
    """Wake workers for deliveries that are due and have no message on its way; how many.

    A bounded batch. Of what a worker wakes for twice the second claim comes to nothing, so two
    of these at once do no harm.
    """
    dead = Delivery.objects.filter(
        state=DeliveryState.WAITING, attempts__gte=MAX_ATTEMPTS, claimed_at__lte=now - LEASE
    )
    for delivery in dead.select_related("notification__company")[:BATCH]:
        _record_failure(delivery, GAVE_UP)
    due = Delivery.objects.claimable(now, lease=LEASE, attempts=MAX_ATTEMPTS)
    waiting = due.filter(Q(attempts__gt=0) | Q(due_at__lte=now - PATIENCE)).order_by("due_at", "pk")
    pks = list(waiting.values_list("pk", flat=True)[:BATCH])
    # Where workers are behind, the next tick's messages replace these.
    _wake(pks, expires=LEASE.total_seconds())
    return len(pks)


def _send_email(delivery: Delivery) -> None:
    notice, company = delivery.notification, delivery.notification.company
    if not company.contact_email:
        raise Refused(NO_ADDRESS, by_contact=False)
    subject = " ".join(notice.subject.split())
    context = _context(notice) | {"subject": subject}
    host = urlsplit(settings.PUBLIC_URL).hostname
    # The same at each attempt: a letter that was taken although its answer was lost is known by it.
    message_id = f"<notice.{delivery.pk}.{int(delivery.created_at.timestamp() * 1e6)}@{host}>"
    with translation.override(company.language):
        letter = EmailMultiAlternatives(
            subject,
            render_to_string("content/email/notice.txt", context),
            to=[company.contact_email],
            headers={"Message-ID": message_id},
        )
        html = render_to_string("content/email/notice.html", context)
    letter.attach_alternative(html, "text/html")
    send_letter(letter, secrets=(settings.EMAIL_HOST_PASSWORD, settings.EMAIL_HOST_USER))


def _send_telegram(delivery: Delivery) -> None:
    notice, company = delivery.notification, delivery.notification.company
    if not company.telegram_chat_id:
        raise Refused(NO_ADDRESS, by_contact=False)
    if not settings.TELEGRAM_BOT_TOKEN:
        raise PutOff(NO_BOT)
    # The link is at the end, and the room for it is kept.
    context = _context(notice) | {"message": shortened(notice.message, TELEGRAM_LENGTH - 1000)}
    with translation.override(company.language):
        text = render_to_string("content/telegram/notice.txt", context)
    send_telegram(
        text.strip(),
        chat_id=company.telegram_chat_id,
        token=settings.TELEGRAM_BOT_TOKEN,
        api_url=settings.TELEGRAM_API_URL,
    )


_CARRIERS = {Channel.EMAIL: _send_email, Channel.TELEGRAM: _send_telegram}


def _context(notice: Notification) -> dict[str, str]:
    path = notice.metadata.get("url")
    return {
        "subject": notice.subject,
        "message": notice.message,
        "company": notice.company.name,
        "url": f"{settings.PUBLIC_URL}{path}" if path else "",
    }


def _wait(attempts: int, asked: timedelta | None) -> timedelta | None:
    """How long to wait after so many attempts; None when there is no other."""
    if attempts >= MAX_ATTEMPTS:
        return None
    own = WAITS[attempts - 1]
    if asked is None:
        return own
    # Who asks for little again and again would soon have used up all attempts.
    return min(asked if attempts == 1 else max(asked, own), LONGEST_WAIT)


@transaction.atomic
def _record_success(delivery: Delivery, now: datetime) -> None:
    # Whoever took over meanwhile: it was sent.
    rows = Delivery.objects.filter(pk=delivery.pk).exclude(state=DeliveryState.SENT)
    if rows.update(state=DeliveryState.SENT, claimed_at=None) != 1:
        return
    sent = _columns(delivery.channel, sent=True, sent_at=now, error="")
    Notification.objects.filter(pk=delivery.notification_id).update(**sent)
    _record_problem(delivery, "")


@transaction.atomic
def _record_failure(
    delivery: Delivery, reason: str, *, due_at: datetime | None = None, by_contact: bool = False
) -> None:
    """The reason against an attempt; without another `due_at` it was the last one."""
    mine = Delivery.objects.filter(
        pk=delivery.pk, state=DeliveryState.WAITING, claimed_at=delivery.claimed_at
    )
    outcome: dict[str, Any] = {"due_at": due_at} if due_at else {"state": DeliveryState.FAILED}
    if mine.update(claimed_at=None, **outcome) != 1:
        return
    error = _columns(delivery.channel, error=reason)
    Notification.objects.filter(pk=delivery.notification_id).update(**error)
    if by_contact:
        _record_problem(delivery, reason)


def _record_problem(delivery: Delivery, reason: str) -> None:
    """What the company's staff shall see at its address; a new address starts without."""
    company, channel = delivery.notification.company, Channel(delivery.channel)
    field, address = f"{channel}_problem", ADDRESS_FIELDS[channel]
    same_address = {address: getattr(company, address)}
    rows = Company.objects.filter(pk=company.pk, **same_address)
    # Beside the row's history, which is of what people change.
    rows.exclude(**{field: reason[:255]}).update(**{field: reason[:255]})


def _enqueue(notice: Notification, channels: Iterable[Channel], *, now: datetime) -> int:
    """Make the deliveries that are missing; wake workers for all that wait."""
    Delivery.objects.bulk_create(
        [Delivery(notification=notice, channel=channel, due_at=now) for channel in channels],
        ignore_conflicts=True,
    )
    waiting = notice.deliveries.filter(state=DeliveryState.WAITING)
    pks = list(waiting.values_list("pk", flat=True))
    # Robust: with the broker away the rows are kept all the same, and the tick finds them.
    transaction.on_commit(lambda: _wake(pks), robust=True)
    return len(pks)


def _wake(pks: Iterable[int], **options: Any) -> None:
    for pk in pks:
        # By its name: the tasks are above the workflows.
        current_app.send_task("content.tasks.deliver", (pk,), **options)


def _columns(channel: str, **values: Any) -> dict[str, Any]:
    return {f"{channel}_{name}": value for name, value in values.items()}
