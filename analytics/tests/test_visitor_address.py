"""Whose address it is, how little of it is kept, and how often one network may call."""

import json
import random
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from analytics.models import ARViewSession
from analytics.tests.conftest import Post

pytestmark = [pytest.mark.django_db, pytest.mark.orm]


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1234:5678:9abc:def0:1:2", "2001:db8:1234::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("fe80::1%eth0", "fe80::"),
        ("::1", "::"),
        ("not an address", None),
        ("203.0.113.77:1234", None),
        ("999.1.1.1", None),
        ("", None),
    ],
)
def test_only_the_network_of_an_address_is_stored(
    post: Post, start: dict[str, Any], address: str, kept: str | None
) -> None:
    assert post(start, REMOTE_ADDR=address).status_code == 200
    assert ARViewSession.objects.get().ip_address == kept


@pytest.mark.parametrize(
    ("hops", "forwarded", "kept"),
    [
        (0, "198.51.100.9", "203.0.113.0"),
        (1, "198.51.100.9", "198.51.100.0"),
        (1, "10.9.9.9, 192.0.2.5, 198.51.100.9", "198.51.100.0"),
        (2, "10.9.9.9, 198.51.100.9, 192.0.2.5", "198.51.100.0"),
        (2, "198.51.100.9", "203.0.113.0"),
        (1, "", "203.0.113.0"),
        (1, "<script>", None),
    ],
)
def test_a_forged_forwarded_header_convinces_only_behind_trusted_proxies(
    post: Post,
    start: dict[str, Any],
    settings: Settings,
    hops: int,
    forwarded: str,
    kept: str | None,
) -> None:
    settings.TRUSTED_PROXY_HOPS = hops
    post(start, REMOTE_ADDR="203.0.113.1", headers={"X-Forwarded-For": forwarded})
    assert ARViewSession.objects.get().ip_address == kept


@pytest.fixture
def network(settings: Settings) -> str:
    """A /24 that no other test uses, allowed five events a minute."""
    settings.PUBLIC_REQUESTS_PER_MINUTE = 5
    numbers = random.SystemRandom()
    return f"10.{numbers.randrange(256)}.{numbers.randrange(256)}"


@pytest.fixture
def one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole test happens ten seconds into one minute."""
    monkeypatch.setattr("arv.api.time.time", lambda: 1_800_000_010.0)


@pytest.mark.usefixtures("one_minute")
class TestLimit:
    def test_a_network_that_sends_too_much_is_told_when_to_come_back(
        self, post: Post, start: dict[str, Any], network: str
    ) -> None:
        for host in range(5):
            assert post(start, REMOTE_ADDR=f"{network}.{host}").status_code == 200
        refused = post(start, REMOTE_ADDR=f"{network}.200")
        assert (refused.status_code, json.loads(refused.content)["code"]) == (429, "throttled")
        assert refused.headers["Retry-After"] == "50"

    def test_a_neighbour_is_not_affected(
        self, post: Post, start: dict[str, Any], network: str
    ) -> None:
        for _ in range(6):
            post(start, REMOTE_ADDR=f"{network}.1")
        assert post(start, REMOTE_ADDR="192.0.2.1").status_code == 200

    def test_a_forged_header_does_not_give_a_fresh_allowance(
        self, post: Post, start: dict[str, Any], network: str, settings: Settings
    ) -> None:
        settings.TRUSTED_PROXY_HOPS = 1
        statuses = [
            post(
                start,
                REMOTE_ADDR="127.0.0.1",
                headers={"X-Forwarded-For": f"{uuid.uuid4()}, {network}.7"},
            ).status_code
            for _ in range(12)
        ]
        assert statuses == [200] * 5 + [429] * 7

    def test_the_next_minute_is_a_new_one(
        self,
        post: Post,
        start: dict[str, Any],
        network: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for _ in range(6):
            post(start, REMOTE_ADDR=f"{network}.1")
        monkeypatch.setattr("arv.api.time.time", lambda: 1_800_000_060.0)
        assert post(start, REMOTE_ADDR=f"{network}.1").status_code == 200

    def test_visits_are_counted_while_the_cache_is_down(
        self,
        post: Post,
        start: dict[str, Any],
        settings: Settings,
    ) -> None:
        # Nothing listens on port 1.
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": "redis://127.0.0.1:1",
            }
        }
        assert "RedisCache" in repr(cache._connections["default"])  # type: ignore[attr-defined]
        assert post(start).status_code == 200
        assert ARViewSession.objects.count() == 1
