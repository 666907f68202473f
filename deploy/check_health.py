"""Exits with 0 when the web server of this container answers its health check.

With the name of a part of the readiness, such as `beat`, the web server is asked for that part
alone: `check_health.py PART HOST`.
"""

import http.client
import json
import sys

part, host = sys.argv[1:] or (None, "127.0.0.1")
connection = http.client.HTTPConnection(host, 8000, timeout=5)
try:
    connection.request("GET", f"/api/health/{'readiness' if part else 'status'}")
    response = connection.getresponse()
    body = response.read()
except OSError as error:
    sys.exit(f"unhealthy: {error}")
if part is None and response.status != 200:
    sys.exit(f"unhealthy: the answer is {response.status}")
if part is not None:
    found = json.loads(body)["checks"][part]
    if found["status"] != "ok":
        sys.exit(f"unhealthy: {found['reason']}")
