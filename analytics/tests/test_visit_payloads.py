"""Whatever is posted: a clear 4xx and nothing stored, or a visit; never a server error."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import ARViewSession
from analytics.tests.conftest import START, Post
from content.models import ARContent

pytestmark = [pytest.mark.django_db, pytest.mark.orm]

FIELDS = [
    "portrait_id",
    "ar_content_unique_id",
    "ar_content_id",
    "session_id",
    "user_agent",
    "device_type",
    "browser",
    "os",
    "tracking_quality",
    "video_played",
    "duration_seconds",
]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("session_id", None),
        ("session_id", ""),
        ("session_id", 7),
        ("session_id", "not a uuid"),
        ("session_id", "{12345678-1234-5678-1234-567812345678}"),
        ("session_id", "1-2345678123456781234567812345678"),
        ("ar_content_unique_id", "x" * 36),
        ("ar_content_unique_id", ["a"]),
        ("ar_content_unique_id", None),
        ("portrait_id", "'; DROP TABLE x; --"),
        ("portrait_id", {"a": 1}),
        ("ar_content_id", "1"),
        ("ar_content_id", True),
        ("ar_content_id", 1.0),
        ("ar_content_id", -1),
        ("ar_content_id", 2**63),
        ("ar_content_id", 10**100),
        ("user_agent", 5),
        ("device_type", "fridge"),
        ("device_type", 1),
        ("browser", "x" * 61),
        ("browser", "a\x00b"),
        ("browser", ["Chrome"]),
        ("os", "\ud800"),
        ("os", "x" * 61),
        ("os", False),
        ("tracking_quality", "excellent"),
        ("tracking_quality", 3),
        ("video_played", "true"),
        ("video_played", 1),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(
    post: Post, start: dict[str, Any], field: str, value: Any
) -> None:
    response = post(start | {field: value})
    assert response.status_code == 400
    error = json.loads(response.content)
    assert error["code"] == "invalid"
    assert list(error["fields"]) == [field]
    assert error["fields"][field] == [error["detail"]]
    assert not ARViewSession.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe",
        b"[" * 4096,
        b'{"a":' * 800,
        b"1" * 4096,
    ],
)
def test_a_body_that_is_no_json_object_is_400(post: Post, body: bytes) -> None:
    response = post(body)
    assert response.status_code == 400
    assert json.loads(response.content)["code"] == "invalid"


def test_a_body_of_4_kb_passes_and_one_byte_more_is_413(post: Post, start: dict[str, Any]) -> None:
    body = json.dumps(start | {"padding": ""})
    padded = body[:-2] + " " * (4096 - len(body)) + body[-2:]
    assert len(padded) == 4096
    response = post(padded.replace("}", " }"))
    assert (response.status_code, json.loads(response.content)["code"]) == (413, "too_large")
    assert not ARViewSession.objects.exists()
    assert post(padded).status_code == 200


def test_a_form_is_not_read_as_json(client: Client, start: dict[str, Any]) -> None:
    assert client.post(START, start).status_code == 415


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=2**62, max_value=2**70)
    | st.floats()
    | st.text(st.characters(), max_size=80)
    | st.uuids().map(str)
    | st.sampled_from(["mobile", "good", "\x00", "\ud800", "x" * 600]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    changes=st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=4),
    is_end=st.booleans(),
)
def test_no_json_object_is_a_server_error(
    client: Client, content: ARContent, changes: dict[str, Any], is_end: bool
) -> None:
    session_id = uuid.uuid4()
    event = {"session_id": str(session_id), "ar_content_id": content.pk, "duration_seconds": 1}
    path = f"{START}/{session_id}/end" if is_end else START
    before = ARViewSession.objects.count()
    response = client.post(path, json.dumps(event | changes), content_type="application/json")
    assert response.status_code in ({400, 404} if is_end else {200, 400, 404})
    if response.status_code == 200:
        # The same session id may come up twice: then it is a retry.
        assert ARViewSession.objects.filter(
            session_id=str((event | changes)["session_id"])
        ).exists()
    else:
        assert ARViewSession.objects.count() == before


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=5000),
    path=st.sampled_from([START, f"{START}/{uuid.uuid4()}/end"])
    | st.text(max_size=30).map(lambda text: f"{START}/{text.replace('/', '')}x/end"),
)
def test_no_bytes_are_a_server_error(client: Client, db: None, body: bytes, path: str) -> None:
    response = client.post(path, body, content_type="text/plain")
    assert 400 <= response.status_code < 500
