"""Takes out of a text, or of anything made of texts, what nobody may read in a log.

Secrets by the names of their keys and by their shapes, and the last part of visitors' addresses.
"""

import re
from collections.abc import Mapping
from typing import Any

from arv.lib.client_ip import cut

HIDDEN = "•••"
# Nothing real is so deep; what holds itself would never end.
_DEEPEST = 12

_HIDDEN_NAMES = (
    r"passw(?:or)?d|secret|token|credential|authorization|cookie|sessionid|session[_-]key|csrf"
    r"|pepper|signature|dsn|(?:api|access|private|encryption|metrics|auth)[_-]?keys?|x-amz-[a-z]+"
)
_HIDDEN_NAME = re.compile(_HIDDEN_NAMES, re.IGNORECASE)
_QUOTED = r"""(?:"(?:[^"\\]++|\\.)*+"|'(?:[^'\\]++|\\.)*+')"""
# Every repetition has a bound or an end of its own: the time grows with the text, not faster.
_IN_TEXT = re.compile(
    rf"""
      (?P<quoted_cookie>cookies?["']\s{{0,2}}[=:]\s{{0,2}}){_QUOTED}
    | (?P<cookie>cookies?["']?[ \t]{{0,2}}[=:][ \t]{{0,2}})[^\r\n]+
    | (?P<named>(?:{_HIDDEN_NAMES})[\w.-]{{0,30}}["']?\s{{0,2}}[=:]\s{{0,2}})
        (?:(?:bearer|basic|token)\s{{1,2}})?(?:{_QUOTED}|["']?[^\s&,;)}}\]"']+)
    | (?P<scheme>\b(?:bearer|basic)\s{{1,2}})[\w.~+/=-]{{6,}}
    | (?P<bot>\bbot)\d{{1,20}}:[\w-]+
    | (?P<user>://[^\s/:@]{{0,60}}:)[^\s/]{{1,200}}(?=@)
    | (?P<query>[?&][\w.-]{{0,30}}?(?:sig|key|hash|auth|code)=)[^&\s"']+
    | (?P<link>/reset/key/)[^/\s"']+
    | (?P<own>\barv_)[\w-]{{8,}}
    | (?P<address>(?<![\w.:])
        (?:(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?!\.?\w)
        |[0-9a-f]{{0,4}}:[0-9a-f:]{{0,40}}:[0-9a-f.]{{0,20}}))
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


def _hidden(match: re.Match[str]) -> str:
    address = match["address"]
    if address is not None:
        return address if address.startswith("127.") else cut(address) or address
    return f"{match[match.lastgroup or 0]}{HIDDEN}"


def redacted(value: Any, *, depth: int = 0) -> Any:
    """A copy of `value` without secrets; what is neither text nor a container is kept as it is."""
    if isinstance(value, str):
        return _IN_TEXT.sub(_hidden, value)
    if depth > _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            key: HIDDEN
            if entry and isinstance(key, str) and _HIDDEN_NAME.search(key)
            else redacted(entry, depth=depth + 1)
            for key, entry in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(entry, depth=depth + 1) for entry in value]
    return value
