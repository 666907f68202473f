"""What a User-Agent says: browser, operating system, kind of device, and whether it is a robot."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import ua_parser
from crawleruseragents import is_crawler

DeviceType = Literal["mobile", "tablet", "desktop", "unknown"]

DESKTOP_SYSTEMS = frozenset({"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Chrome OS"})
TABLET_WORDS = ("iPad", "Tablet", "PlayBook", "Kindle", "Silk/")
MOBILE_WORDS = ("Mobi", "iPhone", "iPod", "Windows Phone")
LABEL_LENGTH = 60


@dataclass(frozen=True)
class Device:
    """`browser` is family and major version ("Mobile Safari 17"), `os` a family ("iOS").

    Both are "" when the User-Agent does not say. `is_bot`: it is on a kept list of robots.
    """

    browser: str
    os: str
    device_type: DeviceType
    is_bot: bool = False


class Labels:
    """Bounds how many different names of browsers and systems visitors bring.

    Anybody can send any name, and each one stands in the figures of its day for good. Of those
    that a process has not met yet it takes `most_new` an hour, many more than there are.
    """

    def __init__(self, most_new: int = 1000, most_kept: int = 20_000) -> None:
        self.most_new, self.most_kept = most_new, most_kept
        self._met: set[str] = set()
        self._hour, self._new = 0, 0

    def taken(self, label: str, *, now: float) -> str:
        """The label, or "" for one too many; `now` in seconds of any clock."""
        if not label or label in self._met:
            return label
        hour = int(now // 3600)
        if hour != self._hour:
            self._hour, self._new = hour, 0
            if len(self._met) > self.most_kept:
                self._met.clear()
        if self._new >= self.most_new:
            return ""
        self._new += 1
        self._met.add(label)
        return label


@lru_cache(maxsize=4096)
def describe(user_agent: str) -> Device:
    """Describe a User-Agent of any content. Bots and televisions are "unknown" devices."""
    parsed = ua_parser.parse(user_agent)
    browser = ""
    if parsed.user_agent:
        browser = f"{parsed.user_agent.family} {parsed.user_agent.major or ''}".rstrip()
    system = parsed.os.family if parsed.os else ""
    is_spider = parsed.device is not None and parsed.device.family == "Spider"
    is_bot = is_spider or is_crawler(user_agent)
    return Device(
        browser=browser[:LABEL_LENGTH],
        os=system[:LABEL_LENGTH],
        device_type="unknown" if is_bot else _device_type(user_agent, system),
        is_bot=is_bot,
    )


def _device_type(user_agent: str, system: str) -> DeviceType:
    if any(word in user_agent for word in TABLET_WORDS):
        return "tablet"
    if any(word in user_agent for word in MOBILE_WORDS):
        return "mobile"
    if system == "Android":
        # By Android's convention a phone's browser says "Mobile" and a tablet's does not.
        return "tablet"
    return "desktop" if system in DESKTOP_SYSTEMS else "unknown"
