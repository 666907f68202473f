from datetime import datetime, timedelta

from django.conf import settings
from django.test import Client
from django.utils import timezone


def test_the_status_says_which_version_runs_where_without_the_database(client: Client) -> None:
    response = client.get("/api/health/status")
    assert response.status_code == 200
    body = response.json()
    moment = datetime.fromisoformat(body.pop("timestamp"))
    assert abs(timezone.now() - moment) < timedelta(seconds=30)
    assert body == {"status": "healthy", "environment": "test", "version": settings.VERSION}
    assert "no-store" in response.headers["Cache-Control"]


def test_the_status_is_only_read(client: Client) -> None:
    assert client.head("/api/health/status").status_code == 200
    assert client.post("/api/health/status").status_code == 405
