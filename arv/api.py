"""What every API view shares: the shape of errors, and the limits on requests and bodies.

An error is `{"code": str, "detail": str}`; a rejected payload adds
`"fields": {name: [what is wrong]}`.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views import defaults
from rest_framework import exceptions, parsers, status, views
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from arv.lib import client_ip, rate_limit


def error_body(
    code: str, detail: str, fields: dict[str, list[str]] | None = None
) -> dict[str, object]:
    body: dict[str, object] = {"code": code, "detail": detail}
    if fields is not None:
        body["fields"] = fields
    return body


def _texts(what: Any, where: str = "") -> Iterator[str]:
    """The messages about one field, flat; those about an item of it begin with its place."""
    if isinstance(what, Mapping):
        for place, inner in what.items():
            yield from _texts(inner, f"{place}: ")
    elif isinstance(what, list):
        for inner in what:
            yield from _texts(inner, where)
    else:
        yield f"{where}{what}"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Give DRF's errors, Http404 and PermissionDenied the common shape; None for anything else."""
    response = views.exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        if isinstance(error.detail, dict):
            response.data = {
                **error_body("invalid", "The request is not valid."),
                "fields": {name: list(_texts(what)) for name, what in error.detail.items()},
            }
        else:
            response.data = error_body("invalid", " ".join(str(detail) for detail in error.detail))
    else:
        # DRF has turned Http404 and PermissionDenied into its own exceptions by now.
        detail = response.data["detail"]
        response.data = error_body(detail.code, str(detail))
    return response


def seconds_to_wait(
    request: HttpRequest,
    *,
    scope: str,
    most: int | None = None,
    seconds: int = rate_limit.MINUTE,
) -> int:
    """Count a public request against its client's network; 0 when it may pass.

    As many as the setting says in a minute, or `most` in so many `seconds`.
    """
    address = client_ip.client_ip(request)
    return rate_limit.seconds_to_wait(
        client_ip.cut(address) or "unknown",
        scope=scope,
        most=settings.PUBLIC_REQUESTS_PER_MINUTE if most is None else most,
        now=time.time(),
        seconds=seconds,
    )


class PublicThrottle(BaseThrottle):
    """Limits the views that anyone may call. Put it in `throttle_classes`."""

    waiting = 0

    def allow_request(self, request: Request, view: views.APIView) -> bool:
        self.waiting = seconds_to_wait(request._request, scope="public")
        return self.waiting == 0

    def wait(self) -> float:
        return self.waiting


class ClientThrottle(BaseThrottle):
    """Limits each API token, and each user who works without one. The default of every view."""

    waiting = 0

    def allow_request(self, request: Request, view: views.APIView) -> bool:
        token = getattr(request.auth, "pk", None)
        client = f"token-{token}" if token else f"user-{request.user.pk}"
        self.waiting = rate_limit.seconds_to_wait(
            client,
            scope="api",
            most=settings.API_REQUESTS_PER_MINUTE,
            now=time.time(),
        )
        return self.waiting == 0

    def wait(self) -> float:
        return self.waiting


class TooLarge(exceptions.APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = _("The body is too large.")


class SmallJSONParser(parsers.JSONParser):
    """JSON of at most 1 MiB. Files come as multipart/form-data, which is not kept in memory."""

    largest = 1024 * 1024

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read(self.largest + 1)
        if len(body) > self.largest:
            raise TooLarge
        try:
            return json.loads(body.decode(), parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise exceptions.ParseError(_("The body is not JSON.")) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`: JSON below /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse(error_body("not_found", "There is nothing here."), status=404)
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`: JSON below /api/, a page elsewhere."""
    if request.path.startswith("/api/"):
        return JsonResponse(error_body("error", "Something went wrong here."), status=500)
    return defaults.server_error(request)
