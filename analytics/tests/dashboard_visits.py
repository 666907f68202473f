"""Visits of the dashboard's tests, and what its pages show of them."""

import random
import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from analytics.models import ARViewSession
from analytics.tests.furnish import visit
from content.models import ARContent

PAGE = "/admin/analytics/arviewsession/dashboard/"
CHOICES = f"{PAGE}choices/"
ZONE = ZoneInfo("Asia/Tokyo")


def weeks_of_visits(contents: list[ARContent], now: datetime, count: int = 150) -> None:
    """Of phones and computers, by people and robots, some of them of several contents."""
    dice = random.Random(7)  # noqa: S311
    shared = [uuid.uuid4() for _number in range(20)]
    for number in range(count):
        started = dice.random() < 0.8
        camera = dice.choice(["allowed", "allowed", "denied"]) if started else ""
        found = dice.randint(300, 9000) if camera == "allowed" else None
        pick = contents[number % len(contents)]
        session = dice.choice(shared) if dice.random() < 0.3 else uuid.uuid4()
        if ARViewSession.objects.filter(session_id=session, ar_content=pick).exists():
            session = uuid.uuid4()
        visit(
            pick,
            now - timedelta(minutes=dice.randrange(45 * 24 * 60)),
            session_id=session,
            started=started,
            camera=camera,
            camera_reason=dice.choice(["refused", "in_use"]) if camera == "denied" else "",
            found_ms=found,
            video_played=bool(found) or camera == "denied",
            duration_seconds=dice.choice([None, dice.randint(1, 300)]),
            device_type=dice.choice(["mobile", "tablet", "desktop"]),
            browser=dice.choice(["Mobile Safari 17", "Mobile Safari 18", "Chrome 131", ""]),
            os=dice.choice(["iOS", "Android"]),
            country=dice.choice(["DE", "FR", ""]),
            city=dice.choice(["Berlin", "Paris", ""]),
            tracking_quality=dice.choice(["good", "fair"]) if found else "",
            is_bot=number % 11 == 0,
        )


def card_values(context: Any) -> dict[str, str]:
    return {card.key: card.value for card in context["cards"]}


def views_of(table: Any) -> dict[str, int]:
    return {row.label: row.views for row in table.rows}
