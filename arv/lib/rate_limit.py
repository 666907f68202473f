"""How often one client may ask: a counter in Django's cache for each window of time."""

import logging
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.core.cache import cache, caches
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

MINUTE = 60
# After a failure the cache is left alone for so many seconds: waiting for it takes one each time.
PAUSE = 5.0


def seconds_to_wait(
    client: str, *, scope: str, most: int, now: float, seconds: int = MINUTE
) -> int:
    """Count a request of `client` at `now` (Unix time); 0 when it may pass.

    Of each window of `seconds`, `most` may. Otherwise the seconds until the next window opens.
    Each `scope` counts for itself.
    """
    window = int(now // seconds)
    try:
        [count] = _add_up([(f"rate:{scope}:{client}:{window}", 1)], timeout=2 * seconds)
    except (RedisError, OSError):
        # The limit protects the platform; without its cache the platform still serves.
        logger.warning("rate limit is off: the cache does not answer", exc_info=True)
        return 0
    return 0 if count <= most else _until_next(window, seconds, now)


class Limit(NamedTuple):
    """At most `most` of what `key` names, in each window."""

    key: str
    most: int


@dataclass
class _Count:
    # What the cache said when it was asked last, and what has come to this process since.
    known: int = 0
    since: int = 0


@dataclass
class LooseLimits:
    """Limits for what comes a thousand times a second, where a few more do no harm.

    Each process counts for itself and tells the cache, which counts for all of them, of several
    at once: a process lets pass a fiftieth of a limit that it has not told of yet. While the cache
    does not answer, each process keeps the limits alone.
    """

    seconds: int = MINUTE
    _window: int = 0
    _counts: dict[str, _Count] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _silent_until: float = 0.0

    def seconds_to_wait(self, limits: Sequence[Limit], *, now: float) -> int:
        """Count one event at `now` (Unix time) against the limits, in one round trip or none;
        0 when it may pass all of them, else the seconds until the next window opens.

        The narrowest limit comes first: what it is known to refuse does not use up the next ones.
        """
        window = int(now // self.seconds)
        to_tell: list[tuple[str, int]] = []
        with self._lock:
            if window > self._window:
                self._window = window
                self._counts = {}
            counts: list[_Count] = []
            for limit in limits:
                count = self._counts.setdefault(limit.key, _Count())
                counts.append(count)
                count.since += 1
                if count.known <= limit.most and count.since > limit.most // 50:
                    to_tell.append((limit.key, count.since))
                    count.known += count.since
                    count.since = 0
                if count.known + count.since > limit.most:
                    break
        if to_tell:
            self._tell(to_tell, window)
        if any(
            one.known + one.since > limit.most for limit, one in zip(limits, counts, strict=False)
        ):
            return _until_next(window, self.seconds, now)
        return 0

    def _tell(self, news: list[tuple[str, int]], window: int) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            totals = _add_up(
                [(f"rate:{key}:{window}", more) for key, more in news], timeout=2 * self.seconds
            )
        except (RedisError, OSError):
            self._silent_until = time.monotonic() + PAUSE
            logger.warning("rate limits count by process: the cache is away", exc_info=True)
            return
        with self._lock:
            if window != self._window:
                # The answer came after its window was over.
                return
            for (key, _more), total in zip(news, totals, strict=True):
                if count := self._counts.get(key):
                    count.known = max(count.known, total)


def _until_next(window: int, seconds: int, now: float) -> int:
    return max(1, math.ceil((window + 1) * seconds - now))


def _add_up(news: Sequence[tuple[str, int]], *, timeout: int) -> list[int]:
    """Add to counters that last `timeout` seconds; what each of them says then."""
    backend = caches["default"]
    if isinstance(backend, RedisCache):
        # Django's own way would take three round trips for each counter.
        client = backend._cache.get_client(None, write=True)
        with client.pipeline(transaction=False) as pipeline:
            for key, more in news:
                name = backend.make_and_validate_key(key)
                pipeline.incrby(name, more)
                pipeline.expire(name, timeout)
            return [int(total) for total in pipeline.execute()[::2]]
    totals = []
    for key, more in news:
        # `add` leaves a counter that is there already, so parallel requests all count.
        cache.add(key, 0, timeout=timeout)
        try:
            totals.append(cache.incr(key, more))
        except ValueError:
            # Flushed between the two calls.
            totals.append(more)
    return totals
