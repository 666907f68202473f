"""Nothing secret gets into a log line or an error report, however it is written."""

import json
import logging
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arv.lib.redaction import HIDDEN, redacted
from arv.logging import bind, unbind
from arv.tests.conftest import Lines

SECRET = "s3cr3tValue-0123456789"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization='Basic {SECRET}'",
        f"Bearer {SECRET} was refused",
        f"token arv_{SECRET} is not known",
        f"https://api.telegram.org/bot123456:{SECRET}/sendMessage",
        f"postgresql://arv:{SECRET}@db/arv does not answer",
        f"redis://:{SECRET}@redis:6379/0",
        f"https://s3.example/key?X-Amz-Credential=a&X-Amz-Signature={SECRET}&x=1",
        f"https://yandex.example/d?sig={SECRET}",
        f"Cookie: csrftoken=abc; sessionid={SECRET}",
        f"Cookie: theme=dark; other={SECRET}",
        f'Set-Cookie: "a"=b; other={SECRET}; Path=/',
        f"{{'HTTP_COOKIE': 'a=\\'b\\'; other={SECRET}', 'x': 1}}",
        f'password="one\\"two {SECRET}"',
        f"{{'secret': 'one\\\\\\'two {SECRET}'}}",
        f'password="never closed\\" token={SECRET}',
        f"{{'secret_key': '{SECRET}', 'bucket': 'b'}}",
        f'{{"access_key": "{SECRET}"}}',
        f"password={SECRET}",
        f"ENCRYPTION_KEYS={SECRET}",
        f"SENTRY_DSN=https://{SECRET}@sentry.example/1",
        f"GET /account/password/reset/key/1-{SECRET}/",
    ],
)
def test_a_secret_is_hidden_by_its_shape(text: str) -> None:
    hidden = redacted(text)
    assert SECRET not in hidden
    assert HIDDEN in hidden


@pytest.mark.parametrize(
    "name",
    ["password", "Authorization", "HTTP_COOKIE", "api_token", "credentials", "secret_key", "csrf"],
)
def test_a_secret_is_hidden_by_its_name_at_any_depth(name: str) -> None:
    assert redacted({"a": [{name: [SECRET]}, (1, {"b": {name: SECRET}})]}) == {
        "a": [{name: HIDDEN}, [1, {"b": {name: HIDDEN}}]]
    }


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "wrong password for user 5 from 203.0.113.77",
            "wrong password for user 5 from 203.0.113.0",
        ),
        ("2001:db8:1:2:3:4:5:6 asked", "2001:db8:1:: asked"),
        ("[2001:db8::7]:443", "[2001:db8::]:443"),
        ("at 2026-11-21T12:10:05.123Z, 12:10:05", "at 2026-11-21T12:10:05.123Z, 12:10:05"),
        ("listening at 127.0.0.1:8000", "listening at 127.0.0.1:8000"),
        ("content 7 has 3 tokens, key 5", "content 7 has 3 tokens, key 5"),
        ("::", "::"),
    ],
)
def test_addresses_are_cut_and_the_rest_stays(text: str, kept: str) -> None:
    assert redacted(text) == kept


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists, max_leaves=20))
def test_anything_can_be_looked_through_and_again(value: Any) -> None:
    once = redacted(value)
    assert redacted(once) == once


def test_a_long_text_takes_no_longer_than_its_length_says() -> None:
    parts = ("a", "token", ":", "1.", "//:", "cookie=", 'token="\\', "token='\\\"", "password=\\'")
    for part in parts:
        text = part * (200_000 // len(part))
        began = time.process_time()
        redacted(text)
        # Some tenths; what grows with the square takes minutes.
        assert time.process_time() - began < 5, part


def test_what_stands_around_a_cookie_stays() -> None:
    text = f"GET /a\r\nCookie: a={SECRET}; b={SECRET}\r\nAccept: text/html"
    assert redacted(text) == f"GET /a\r\nCookie: {HIDDEN}\r\nAccept: text/html"
    text = f'{{"cookie": "a=1; b={SECRET}", "path": "/a"}}'
    assert redacted(text) == f'{{"cookie": {HIDDEN}, "path": "/a"}}'


def test_a_line_has_its_values_its_ids_and_no_secret(lines: Lines) -> None:
    logger = logging.getLogger("arv.somewhere")
    bind(request_id="abcdefgh")
    try:
        int(f"https://api.telegram.org/bot1:{SECRET}")
    except ValueError:
        password = SECRET
        logger.exception("not_sent of %s", "7", extra={"token": password, "pk": 7})
    unbind()
    logger.info("later", extra={"of": {1, 2}})
    first, later = lines()
    assert first["event"] == "not_sent of 7"
    assert (first["level"], first["logger"]) == ("error", "arv.somewhere")
    assert (first["pk"], first["token"], first["request_id"]) == (7, HIDDEN, "abcdefgh")
    assert "ValueError" in first["exception"]
    assert SECRET not in json.dumps(first)
    assert later["of"] == "{1, 2}"
    assert "request_id" not in later
