"""An authenticator app's arithmetic."""

import base64
import hashlib
import hmac
import struct
import time


def code_of(secret: str, *, periods: int = 0) -> str:
    """RFC 6238 with SHA-1, six digits and thirty seconds; `periods` from now."""
    counter = struct.pack(">Q", int(time.time()) // 30 + periods)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    [number] = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"
