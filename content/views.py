"""The AR page: what a phone opens after scanning the QR code."""

import re
from typing import Any
from uuid import UUID

from csp.constants import SELF
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    QueryDict,
    UnreadablePostError,
)
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from arv.api import seconds_to_wait
from companies.models import Company
from companies.storage.router import media_origin, media_path
from content.expiry import find_gone, request_renewal
from content.models import ARContent
from content.previews import preview_time
from content.publishing import Published, find_published
from content.viewer_texts import viewer_texts

SESSION_PATH = "/api/analytics/ar-session"
# Ad blockers eat paths with "analytics" in them.
ALIAS_PATH = "/api/v/visit"
# Of a visitor who asks for renewal; each character may take twelve bytes on the way.
CONTACT_LENGTH = 200
PLAIN_NAME = re.compile(r"[\w.+'-]+", re.ASCII)
PHONE = re.compile(r"\+?[0-9 ()./-]+")
LARGEST_BODY = 4096
# Wishes from one network: altogether in a minute, and about one content in a day.
WISHES_PER_MINUTE = 10
WISHES_PER_DAY, DAY_SECONDS = 3, 24 * 3600


@never_cache
@require_safe
def ar_page(request: HttpRequest, unique_id: str) -> HttpResponse:
    now = timezone.now()
    try:
        preview = preview_time(request, unique_id, now=now)
    except Http404:
        return unknown_page(request)
    except ValidationError as error:
        return HttpResponseBadRequest(" ".join(error.messages), content_type="text/plain")
    published = find_published(unique_id, preview or now)
    if published is None:
        gone = find_gone(unique_id, preview or now)
        return gone_page(request, gone) if gone else unknown_page(request)
    viewer = viewer_config(published)
    if preview:
        # Not a visit: the page reports to nobody.
        viewer |= {"sessionUrl": None, "aliasUrl": None}
    response = render(
        request,
        "content/ar_page.html",
        {
            "content": published.content,
            "poster_url": viewer["posterUrl"],
            "viewer": viewer,
        },
    )
    response._csp_update = media_sources(published)  # type: ignore[attr-defined]
    return response


def viewer_config(published: Published) -> dict[str, Any]:
    """The data of the page's script, as JSON types."""
    content = published.content
    target = content.target
    video = None
    if row := published.video:
        video = {
            # What is transparent is drawn from its frames, which a script reads from here alone.
            "url": media_path(str(row.video)) if row.has_alpha else row.video.url,
            "type": row.mime_type,
            "width": row.width,
            "height": row.height,
            "transparent": row.has_alpha,
        }
    return {
        "contentId": str(content.unique_id),
        "title": content.title,
        # Always from here: a bucket would need CORS rules for a script to read it.
        "markerUrl": media_path(str(target.marker)) if target.has_marker else None,
        "markerBytes": target.marker_bytes if target.has_marker else 0,
        "target": {"width": target.image_width, "height": target.image_height},
        "video": video,
        "posterUrl": target.image.url,
        "sessionUrl": SESSION_PATH,
        "aliasUrl": ALIAS_PATH,
        "workerUrl": static("build/tracker-worker.js"),
        "texts": viewer_texts(),
    }


def media_sources(published: Published) -> dict[str, list[str]]:
    """The hosts, besides our own, that this page's pictures and video come from."""
    names = [str(published.content.target.image)]
    if published.video:
        names.append(str(published.video.video))
    origins = sorted({origin for name in names if (origin := media_origin(name))})
    return {"img-src": origins, "media-src": origins} if origins else {}


def unknown_page(request: HttpRequest) -> HttpResponse:
    return render(request, "content/unavailable.html", status=404)


class RenewalForm(forms.Form):
    contact = forms.CharField(max_length=CONTACT_LENGTH, required=False)

    def clean_contact(self) -> str:
        """An e-mail address or a phone number in one line: the platform's mail carries it."""
        typed: str = self.cleaned_data["contact"]
        text = " ".join("".join(one if one.isprintable() else " " for one in typed).split())
        if text and not _is_address(text) and not _is_phone(text):
            raise ValidationError(_("Enter an e-mail address or a phone number, and nothing else."))
        return text


def _is_address(text: str) -> bool:
    # An address may hold more before its @, even a link in quotes.
    if not PLAIN_NAME.fullmatch(text.partition("@")[0]):
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _is_phone(text: str) -> bool:
    return bool(PHONE.fullmatch(text)) and 5 <= sum(one.isdigit() for one in text) <= 15


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def renewal(request: HttpRequest, unique_id: str) -> HttpResponse:
    """A visitor asks to see again what is over.

    There is neither a session nor a cookie, so a forged request can do no more than anybody's.
    """
    now = timezone.now()
    gone = find_gone(unique_id, now)
    if request.method != "POST" or (gone is None and find_published(unique_id, now)):
        return redirect("ar-page", unique_id=unique_id)
    if gone is None:
        return unknown_page(request)
    if waiting := seconds_to_wait(request, scope="renewal", most=WISHES_PER_MINUTE):
        error = _("Too many requests come from your network. Please try again in a minute.")
        return gone_page(request, gone, status=429, error=error, wait=waiting)
    try:
        body = request.read(LARGEST_BODY + 1)
    except UnreadablePostError:
        return gone_page(request, gone, status=400, error=_("Your request broke off."))
    if len(body) > LARGEST_BODY or request.content_type != "application/x-www-form-urlencoded":
        return gone_page(request, gone, status=400, error=_("Your request cannot be read."))
    form = RenewalForm(QueryDict(body))
    if not form.is_valid():
        return gone_page(request, gone, form, status=400)
    about_it = f"renewal-{gone.pk}"
    if waiting := seconds_to_wait(
        request, scope=about_it, most=WISHES_PER_DAY, seconds=DAY_SECONDS
    ):
        error = _("Your wish has been passed on already. Please try again tomorrow.")
        return gone_page(request, gone, form, status=429, error=error, wait=waiting)
    request_renewal(gone, contact=form.cleaned_data["contact"], now=now)
    return gone_page(request, gone, status=200)


def gone_page(
    request: HttpRequest,
    content: ARContent,
    form: RenewalForm | None = None,
    *,
    status: int = 410,
    error: str = "",
    wait: int = 0,
) -> HttpResponse:
    """Whom to ask about a content that is over, and a form to ask with.

    200: it has been asked for. `wait`: so many seconds before asking again makes sense.
    """
    response = render(
        request,
        "content/gone.html",
        {
            "content": content,
            **contact(content.company, subject=content.ar_url),
            "form": form or RenewalForm(),
            "error": error,
            "is_asked": status == 200,
        },
        status=status,
    )
    if wait:
        response["Retry-After"] = str(wait)
    response._csp_replace = {"form-action": [SELF]}  # type: ignore[attr-defined]
    return response


def contact(company: Company | None, *, subject: str = "") -> dict[str, Any]:
    """What the template of a company's contact shows; `subject` is that of a mail to it."""
    digits = (
        "".join(one for one in company.contact_phone if one in "+0123456789") if company else ""
    )
    return {"company": company, "dial": digits if len(digits) > 3 else "", "subject": subject}


@never_cache
@require_safe
def privacy(request: HttpRequest, unique_id: str | None = None) -> HttpResponse:
    """What is kept of a visit, and of whom to ask for it: of a content's visit, or of any.

    `?visit=` is the session id of the visit that led here, to be shown.
    """
    content, company = None, Company.objects.filter(is_default=True).first()
    if unique_id is not None:
        now = timezone.now()
        published = find_published(unique_id, now)
        content = published.content if published else find_gone(unique_id, now)
        if content is None:
            return unknown_page(request)
        company = content.company
    try:
        visit = str(UUID(request.GET.get("visit", "")))
    except ValueError:
        visit = ""
    subject = " ".join(filter(None, [content.ar_url if content else "", visit]))
    return render(
        request,
        "content/privacy.html",
        {
            "content": content,
            **contact(company, subject=subject),
            "visit": visit,
            "finds_country": bool(settings.GEOIP_COUNTRY_FILE or settings.GEOIP_CITY_FILE),
            "finds_city": bool(settings.GEOIP_CITY_FILE),
        },
    )
