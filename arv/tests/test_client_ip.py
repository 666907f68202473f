"""Whose address a request carries, and how much of it may be kept."""

import ipaddress

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from arv.lib.client_ip import client_ip, cut


@pytest.mark.parametrize(
    ("hops", "forwarded", "expected"),
    [
        (0, None, "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1"),
        (1, None, "192.0.2.1"),
        (1, "", "192.0.2.1"),
        (1, "203.0.113.9, ", "192.0.2.1"),
        (1, "2001:db8::7", "2001:db8::7"),
    ],
)
def test_only_what_trusted_proxies_appended_counts(
    settings: Settings, hops: int, forwarded: str | None, expected: str
) -> None:
    settings.TRUSTED_PROXY_HOPS = hops
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR="192.0.2.1")
    assert client_ip(request) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.77", "203.0.113.0"),
        ("2001:db8:1234:5678::9", "2001:db8:1234::"),
        ("::ffff:203.0.113.77", "203.0.113.0"),
        ("::1", "::"),
        ("", None),
        ("unknown", None),
        ("203.0.113.77:1234", None),
        ("203.0.113.077", None),
        ("<script>", None),
    ],
)
def test_an_address_is_cut_to_its_network(address: str, expected: str | None) -> None:
    assert cut(address) == expected


@given(address=st.ip_addresses())
def test_whatever_is_kept_stands_for_at_least_a_whole_network(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    kept = cut(str(address))
    assert kept is not None
    low = int(ipaddress.ip_address(kept))
    bits = 8 if "." in kept else 80
    assert low % (1 << bits) == 0


@given(text=st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    cut(text)
