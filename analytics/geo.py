"""Where a network is, by files in MaxMind's format on this machine: no call to anybody."""

import logging
from functools import lru_cache
from typing import Any, NamedTuple

import maxminddb

logger = logging.getLogger(__name__)

CITY_LENGTH = 100


class Place(NamedTuple):
    """`country` is an ISO 3166 code of two letters, `city` an English name; "" is not known."""

    country: str
    city: str


NOWHERE = Place("", "")


@lru_cache(maxsize=8192)
def locate(network: str, *, country_file: str, city_file: str) -> Place:
    """Where the network is that begins with this address, such as 203.0.113.0.

    A file that is not given, not there or not readable says nothing.
    """
    country = _country(_record(country_file, network))
    of_city = _record(city_file, network)
    return Place(country or _country(of_city), _city(of_city))


@lru_cache(maxsize=8)
def _reader(path: str) -> maxminddb.Reader | None:
    try:
        return maxminddb.open_database(path)
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        logger.warning("geo_file_unreadable", extra={"path": path, "error": str(error)})
        return None


def _record(path: str, address: str) -> dict[str, Any]:
    reader = _reader(path) if path else None
    if reader is None:
        return {}
    try:
        found = reader.get(address)
    except (ValueError, maxminddb.InvalidDatabaseError):
        # An IPv6 address in a file of IPv4 alone, or a damaged file.
        return {}
    return found if isinstance(found, dict) else {}


def _country(record: dict[str, Any]) -> str:
    """MaxMind's files nest it, others have it at the top."""
    country = record.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else record.get("country_code")
    return code.upper() if isinstance(code, str) and len(code) == 2 and code.isascii() else ""


def _city(record: dict[str, Any]) -> str:
    city = record.get("city")
    if isinstance(city, dict):
        names = city.get("names")
        city = names.get("en") if isinstance(names, dict) else None
    return city[:CITY_LENGTH] if isinstance(city, str) and city.isprintable() else ""
