"""Which addresses the server may be sent to by an endpoint that staff typed."""

import re
import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from companies.storage.backend import StorageUnavailable

# Cloud metadata services, and ranges that lead to them or to nobody. Never a storage.
FORBIDDEN = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "224.0.0.0/3",
        "::/128",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fd00:ec2::/32",
        "fe80::/10",
        "ff00::/8",
    )
]
# Shared address space of carriers and overlay networks: not `is_private` to Python.
SHARED = ip_network("100.64.0.0/10")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")


class EndpointRefused(StorageUnavailable):
    """The address of a storage is malformed, or one the server must not connect to."""


class NoAddress(EndpointRefused):
    """The host of a storage has no address now."""


def split_endpoint(url: str) -> SplitResult:
    """The parts of an `http(s)://host[:port][/path]` address. Raises EndpointRefused."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        # Its text repeats the address, where somebody may have typed a password.
        raise EndpointRefused(_("This is not an address.")) from None
    if parts.scheme not in {"http", "https"}:
        raise EndpointRefused(_("An address starts with http:// or https://."))
    # The host becomes part of a Content-Security-Policy: nothing but host characters may pass.
    if not _HOST.fullmatch(host) or port == 0 or not url.isprintable():
        raise EndpointRefused(_("This is not an address."))
    if parts.username is not None or parts.query or parts.fragment:
        raise EndpointRefused(_("Write only the scheme, the host and the port."))
    return parts


def is_allowed(address: IPv4Address | IPv6Address, *, allow_private: bool) -> bool:
    """Whether the server may connect to `address`."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if any(address in network for network in FORBIDDEN if network.version == address.version):
        return False
    is_inside = address.is_private or address in SHARED
    return allow_private or not is_inside


def may_be_private(*, platform: bool) -> bool:
    """Whether a storage of the platform, or else of a company, may be in a private network.

    In production a company's own never may: its owners would reach whatever is beside the server.
    """
    own_network = platform or settings.ENVIRONMENT != "production"
    return own_network and bool(settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS)


def allowed_addresses(
    host: str, port: int | None, *, platform: bool, look_up: bool = True
) -> list[str]:
    """The addresses that `host` has now, in the order in which they should be tried.

    Raises EndpointRefused when it has none (NoAddress), or a single one that is forbidden.
    """
    allow_private = may_be_private(platform=platform)
    # The same text for both: it shall not tell which names the private network knows.
    nowhere = _("“%(host)s” has no public address.") % {"host": host}
    flags = 0 if look_up else socket.AI_NUMERICHOST
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    except (socket.gaierror, UnicodeError):
        found = []
    if not found:
        raise NoAddress(
            _("“%(host)s” has no address.") % {"host": host} if allow_private else nowhere
        )
    texts = [str(where[0]) for *_others, where in found]
    for text in texts:
        # A scope id ("fe80::1%eth0") is no part of the address.
        address = ip_address(text.partition("%")[0])
        if not is_allowed(address, allow_private=allow_private):
            raise EndpointRefused(
                _("The server must not connect to %(address)s.") % {"address": address}
                if allow_private
                else nowhere
            )
    return list(dict.fromkeys(texts))


def check_endpoint(url: str, *, platform: bool, look_up: bool = True) -> None:
    """Raises EndpointRefused when any address that the host of `url` has now is forbidden.

    A host without an address passes: a form is not the place to find out, and nothing is sent
    there. So does every host name when `look_up` is False, which asks no name server.
    """
    parts = split_endpoint(url)
    with suppress(NoAddress):
        allowed_addresses(parts.hostname or "", parts.port, platform=platform, look_up=look_up)
