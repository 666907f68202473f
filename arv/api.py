"""What every API view shares: the shape of errors and the limit on public requests.

An error is `{"code": str, "detail": str}`; a rejected payload adds
`"fields": {name: [what is wrong]}`.
"""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions, views
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


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Give DRF's errors, Http404 and PermissionDenied the common shape; None for anything else."""
    response = views.exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        if isinstance(error.detail, dict):
            response.data = {
                **error_body("invalid", "The request is not valid."),
                "fields": error.detail,
            }
        else:
            response.data = error_body("invalid", " ".join(str(detail) for detail in error.detail))
    else:
        # DRF has turned Http404 and PermissionDenied into its own exceptions by now.
        detail = response.data["detail"]
        response.data = error_body(detail.code, str(detail))
    return response


def seconds_to_wait(request: HttpRequest, *, scope: str) -> int:
    """Count a public request against its client's network; 0 when it may pass."""
    address = client_ip.client_ip(request)
    return rate_limit.seconds_to_wait(
        client_ip.cut(address) or "unknown",
        scope=scope,
        per_minute=settings.PUBLIC_REQUESTS_PER_MINUTE,
        now=time.time(),
    )


class PublicThrottle(BaseThrottle):
    """Limits the views that anyone may call. Put it in `throttle_classes`."""

    waiting = 0

    def allow_request(self, request: Request, view: views.APIView) -> bool:
        self.waiting = seconds_to_wait(request._request, scope="public")
        return self.waiting == 0

    def wait(self) -> float:
        return self.waiting


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
