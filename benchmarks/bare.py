"""What a visit costs at the very least: Django with no middleware and one INSERT. For ingest.py."""

import json
import os
from pathlib import Path
from typing import Any

import environ
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

INSERT = Path(__file__).with_name("bare.sql").read_text()
DEVICE: dict[str, Any] = {
    "device_type": "mobile",
    "browser": "Chrome Mobile 126",
    "os": "Android",
    "ip_address": "203.0.113.0",
    "country": "AU",
    "city": "",
    "tracking_quality": "",
    "video_played": False,
}


@csrf_exempt
def visit(request: HttpRequest) -> HttpResponse:
    event = json.loads(request.body)
    visit = {
        "session_id": event["session_id"],
        "user_agent": event["user_agent"],
        "unique_id": event["ar_content_unique_id"],
    }
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {**DEVICE, **visit})
        if cursor.rowcount != 1:
            return HttpResponse(status=404)
    return HttpResponse(b'{"status": "tracked"}', content_type="application/json")


def hello(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"hello")


urlpatterns = [path("visit", visit), path("hello", csrf_exempt(hello))]

settings.configure(
    SECRET_KEY="bare",  # noqa: S106
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    DATABASES={"default": environ.Env.db_url_config(os.environ["DATABASE_URL"])},
    USE_TZ=True,
)
settings.DATABASES["default"]["CONN_MAX_AGE"] = None
application = get_wsgi_application()
