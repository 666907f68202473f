"""The visitor's address: who is asking, and how much of it may be kept."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest


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
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    dropped = ip.max_prefixlen - (24 if ip.version == 4 else 48)
    return str(type(ip)(int(ip) >> dropped << dropped))
