"""Every error of the API has one shape."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from arv.api import PublicThrottle, server_error


class Failing(APIView):
    authentication_classes = ()
    permission_classes = ()
    error: Exception = NotImplementedError()

    def get(self, request: Request) -> Response:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (
            exceptions.ValidationError({"name": ["Too long."]}),
            400,
            {
                "code": "invalid",
                "detail": "The request is not valid.",
                "fields": {"name": ["Too long."]},
            },
        ),
        (exceptions.ValidationError("Wrong."), 400, {"code": "invalid", "detail": "Wrong."}),
        (
            exceptions.ParseError("Not JSON."),
            400,
            {"code": "parse_error", "detail": "Not JSON."},
        ),
        (Http404(), 404, {"code": "not_found", "detail": "Not found."}),
        (
            PermissionDenied(),
            403,
            {
                "code": "permission_denied",
                "detail": "You do not have permission to perform this action.",
            },
        ),
    ],
)
def test_errors_of_views_have_one_shape(
    rf: RequestFactory, error: Exception, status: int, body: dict[str, object]
) -> None:
    response = Failing.as_view(error=error)(rf.get("/"))
    assert (response.status_code, response.data) == (status, body)


def test_an_unexpected_error_is_not_dressed_up(rf: RequestFactory) -> None:
    with pytest.raises(ZeroDivisionError):
        Failing.as_view(error=ZeroDivisionError())(rf.get("/"))


def test_an_unknown_address_of_the_api_is_json_and_elsewhere_a_page(client: Client) -> None:
    response = client.get("/api/nothing/here")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"
    assert client.get("/nothing/here").headers["Content-Type"].startswith("text/html")


def test_a_crash_below_the_api_is_json(rf: RequestFactory) -> None:
    assert server_error(rf.get("/api/x")).headers["Content-Type"] == "application/json"
    assert server_error(rf.get("/x")).headers["Content-Type"].startswith("text/html")


def test_public_views_are_limited_for_each_network(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    class Public(APIView):
        authentication_classes = ()
        permission_classes = ()
        throttle_classes = (PublicThrottle,)

        def get(self, request: Request) -> Response:
            return Response()

    def ask(address: str) -> Response:
        request: HttpRequest = rf.get("/", REMOTE_ADDR=address)
        response = Public.as_view()(request)
        assert isinstance(response, Response)
        return response

    settings.PUBLIC_REQUESTS_PER_MINUTE = 3
    monkeypatch.setattr("arv.api.time.time", lambda: 1_800_000_030.0)
    assert [ask("198.18.4.1").status_code for _ in range(3)] == [200] * 3
    refused = ask("198.18.4.2")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")
    assert refused.data["code"] == "throttled"
    assert ask("198.18.5.1").status_code == 200
