"""How often one client may ask: a counter in Django's cache for each window of time."""

import logging
import math

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

MINUTE = 60


def seconds_to_wait(
    client: str, *, scope: str, most: int, now: float, seconds: int = MINUTE
) -> int:
    """Count a request of `client` at `now` (Unix time); 0 when it may pass.

    Of each window of `seconds`, `most` may. Otherwise the seconds until the next window opens.
    Each `scope` counts for itself.
    """
    window = int(now // seconds)
    key = f"rate:{scope}:{client}:{window}"
    try:
        # `add` leaves a counter that is there already, so parallel requests all count.
        cache.add(key, 0, timeout=2 * seconds)
        count = cache.incr(key)
    except ValueError:
        # Flushed between the two calls.
        return 0
    except (RedisError, OSError):
        # The limit protects the platform; without its cache the platform still serves.
        logger.warning("rate limit is off: the cache does not answer", exc_info=True)
        return 0
    if count <= most:
        return 0
    return max(1, math.ceil((window + 1) * seconds - now))
