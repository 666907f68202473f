"""`?at=<time>`: staff look at a public page as visitors will see it then.

It is for those who may see the content in the admin or the API. Anybody else gets a 404: a page
that shows the present must not look like a preview, and visitors cannot look ahead. Nothing of a
preview may be cached or counted.
"""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.contrib.auth import get_user
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from companies.api.authentication import ApiTokenAuthentication
from companies.models import User
from companies.sign_in import second_factor
from companies.tenancy import Access
from content.models import ARContent

FARTHEST = timedelta(days=366)


def url_at(content: ARContent, at: datetime) -> str:
    """The path of the public page as visitors get it at that time."""
    return f"{content.get_absolute_url()}?at={at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def preview_time(request: HttpRequest, public_id: str, *, now: datetime) -> datetime | None:
    """When the request wants to look at the content; None when it does not ask for another time.

    A time without an offset is meant as the company's clock shows it. Raises Http404 for those
    who may not, and ValidationError for what is no time within a year from `now`.
    """
    asked = request.GET.get("at")
    if asked is None:
        return None
    content = _visible(request, public_id)
    if content is None:
        raise Http404
    try:
        # A plus sign that was not encoded arrives as a space.
        at = datetime.fromisoformat(asked[:11] + asked[11:].replace(" ", "+"))
        if timezone.is_naive(at):
            at = at.replace(tzinfo=ZoneInfo(content.company.time_zone))
        at = at.astimezone(UTC)
        is_near = abs(at - now) <= FARTHEST
    except (OverflowError, ValueError):
        is_near = False
    if not is_near:
        raise ValidationError(_("Write a time within a year, like 2026-03-01T09:30."), code="at")
    return at


def _visible(request: HttpRequest, public_id: str) -> ARContent | None:
    try:
        unique_id = uuid.UUID(public_id)
    except ValueError:
        return None
    contents = ARContent.objects.with_public_id(unique_id).select_related("company")
    return _access(request).rows(contents).first()


def _access(request: HttpRequest) -> Access:
    """Of an API token when one is sent, else of whoever is signed in."""
    try:
        found = ApiTokenAuthentication().authenticate(Request(request))
    except AuthenticationFailed as refused:
        raise Http404 from refused
    if found:
        return Access(*found)
    # Not `request.user`, which views that look at nobody have made anonymous.
    user = get_user(request)
    if not isinstance(user, User) or second_factor.is_missing(user):
        raise Http404
    return Access(user)
