"""The visitor's address: who is asking, and how much of it may be kept."""

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from django.conf import settings
from django.http import HttpRequest

_IPV4_IN_IPV6 = bytes(10) + b"\xff\xff"


def client_ip(request: HttpRequest) -> str:
    """The address that the outermost trusted proxy saw.

    `TRUSTED_PROXY_HOPS` proxies stand before us and each appends one entry to
    X-Forwarded-For; whatever lies left of those was written by the client and proves nothing.
    """
    hops: int = settings.TRUSTED_PROXY_HOPS
    if hops:
        given = str(request.META.get("HTTP_X_FORWARDED_FOR", ""))
        forwarded = [part.strip() for part in given.split(",")]
        if len(forwarded) >= hops and forwarded[-hops]:
            return forwarded[-hops]
    return str(request.META.get("REMOTE_ADDR", ""))


def wants_privacy(request: HttpRequest) -> bool:
    """Whether the client asks, by DNT or Sec-GPC, that nothing be kept of who and where it is."""
    return "1" in (request.META.get("HTTP_DNT"), request.META.get("HTTP_SEC_GPC"))


@lru_cache(maxsize=8192)
def cut(address: str) -> str | None:
    """Cut an address to its network: /24 for IPv4, /48 for IPv6; None when it is not one."""
    family = AF_INET
    if ":" in address:
        # The name of a network card may follow.
        family, address = AF_INET6, address.partition("%")[0]
    try:
        packed = inet_pton(family, address)
    except (OSError, ValueError):
        return None
    if packed.startswith(_IPV4_IN_IPV6):
        family, packed = AF_INET, packed[len(_IPV4_IN_IPV6) :]
    kept = 3 if family == AF_INET else 6
    return inet_ntop(family, packed[:kept].ljust(len(packed), b"\0"))
