"""Notices on their way to a company: the e-mail of each, and what became of it."""

from datetime import datetime
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils.translation import gettext_noop

from content.models import Notification

# Stored as they are, shown in the reader's language: Notification.email_reason.
NO_ADDRESS = gettext_noop("The company has no contact e-mail address.")
NOT_TAKEN = gettext_noop("The platform's mail server did not take the letter.")
NOT_HANDED_OVER = gettext_noop("The job queue does not answer. Send it again later.")


def send_email_again(notice: Notification) -> None:
    """Forget what became of the e-mail; whoever calls wakes a worker: tasks.request_notice_email.

    Sent, failed or waiting: it is sent once more.
    """
    notice.email_sent, notice.email_sent_at, notice.email_error = False, None, ""
    notice.save(update_fields=["email_sent", "email_sent_at", "email_error"])


def send_email(pk: int, *, now: datetime) -> bool:
    """Send a notice to its company's contact address, unless it was sent before; whether it was.

    At least once: a worker that dies between the letter and its record sends it twice. What the
    mail server refuses for good is recorded; what may pass is recorded and raised as an OSError.
    """
    notice = Notification.objects.select_related("company").filter(pk=pk, email_sent=False).first()
    if notice is None:
        return False
    if not notice.company.contact_email:
        record_email_error(pk, NO_ADDRESS)
        return False
    try:
        # No transaction meanwhile: a slow mail server would hold a lock that others wait for.
        _letter(notice).send()
    except OSError as error:
        refusal = _refusal(error)
        record_email_error(pk, refusal[1] if refusal else NOT_TAKEN)
        if refusal and refusal[0] >= 500:
            return False
        raise
    Notification.objects.filter(pk=pk).update(email_sent=True, email_sent_at=now, email_error="")
    return True


def record_email_error(pk: int, reason: str) -> None:
    Notification.objects.filter(pk=pk, email_sent=False).update(email_error=reason)


def _letter(notice: Notification) -> EmailMultiAlternatives:
    company = notice.company
    subject = " ".join(notice.subject.split())
    context = {"subject": subject, "message": notice.message, "company": company.name}
    letter = EmailMultiAlternatives(
        subject, render_to_string("content/email/notice.txt", context), to=[company.contact_email]
    )
    letter.attach_alternative(render_to_string("content/email/notice.html", context), "text/html")
    return letter


def _refusal(error: OSError) -> tuple[int, str] | None:
    """Code and words of a server that does not want this letter; None for any other failure.

    Those others, such as a refused password, are the platform's, and no words for a company.
    """
    answer: bytes | str
    if isinstance(error, SMTPRecipientsRefused):
        code, answer = next(iter(error.recipients.values()))
    elif isinstance(error, SMTPSenderRefused | SMTPDataError):
        code, answer = error.smtp_code, error.smtp_error
    else:
        return None
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    for secret in (settings.EMAIL_HOST_PASSWORD, settings.EMAIL_HOST_USER):
        if secret:
            text = text.replace(secret, "•••")
    words = " ".join(f"{code} {text}".split())
    return code, "".join(letter for letter in words if letter.isprintable())[:500]
