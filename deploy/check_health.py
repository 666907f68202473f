"""Exits with 0 when the web server of this container answers its health check."""

import http.client
import os
import sys
from urllib.parse import urlsplit

# Asked by the public name: ALLOWED_HOSTS may hold no other.
host = urlsplit(os.environ.get("PUBLIC_URL", "")).netloc or "127.0.0.1"
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=4)
try:
    connection.request("GET", "/api/health/status", headers={"Host": host})
    status = connection.getresponse().status
except OSError as error:
    sys.exit(f"unhealthy: {error}")
if status != 200:
    sys.exit(f"unhealthy: the answer is {status}")
