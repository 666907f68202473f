"""How often one client may ask: a counter a minute in Django's cache."""

import logging
import math

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 60


def seconds_to_wait(client: str, *, scope: str, per_minute: int, now: float) -> int:
    """Count a request of `client` at `now` (Unix time); 0 when it may pass.

    Otherwise the seconds until the next window opens. Each `scope` counts for itself.
    """
    window = int(now // WINDOW_SECONDS)
    key = f"rate:{scope}:{client}:{window}"
    try:
        # `add` leaves a counter that is there already, so parallel requests all count.
        cache.add(key, 0, timeout=2 * WINDOW_SECONDS)
        count = cache.incr(key)
    except ValueError:
        # Flushed between the two calls.
        return 0
    except (RedisError, OSError):
        # The limit protects the platform; without its cache the platform still serves.
        logger.warning("rate limit is off: the cache does not answer", exc_info=True)
        return 0
    if count <= per_minute:
        return 0
    return max(1, math.ceil((window + 1) * WINDOW_SECONDS - now))
