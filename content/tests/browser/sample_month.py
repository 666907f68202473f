"""A month in the life of a company: visits, a marker that failed, a project that ends."""

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from content.tests.browser.server import Platform
from content.tests.browser.staff import Content

FLAT = (
    "The picture has too little detail to be recognised. Choose one with more contrast, "
    "more edges and less empty area."
)
CHANGED = ("marker_status", "marker_error", "stars", "views_count", "last_viewed_at")
COLUMNS: dict[str, Callable[[random.Random], object]] = {
    "user_agent": lambda _dice: "",
    "device_type": lambda dice: dice.choice(["mobile", "mobile", "mobile", "tablet"]),
    "browser": lambda dice: dice.choice(["Chrome Mobile", "Mobile Safari"]),
    "os": lambda dice: dice.choice(["Android", "iOS"]),
    "country": lambda _dice: "",
    "city": lambda _dice: "",
    "duration_seconds": lambda dice: dice.randint(3, 90),
    "tracking_quality": lambda dice: dice.choice(["good", "good", "fair"]),
    "started": lambda _dice: True,
    "camera": lambda _dice: "allowed",
    "camera_reason": lambda _dice: "",
    "found_ms": lambda dice: dice.randint(400, 4000),
    "video_played": lambda _dice: True,
    "is_bot": lambda _dice: False,
    "is_shared": lambda _dice: False,
}


@contextmanager
def sample_month(platform: Platform, contents: dict[str, Content]) -> Iterator[None]:
    """The first content has failed, its project ends soon, and all have been looked at."""
    query = platform.database.query
    before = query("SELECT * FROM content_arcontent ORDER BY id")
    failed = min(content.pk for content in contents.values())
    [project] = query(
        "SELECT project.id, project.expires_at FROM companies_project project"
        " JOIN content_arcontent content ON content.project_id = project.id"
        " WHERE content.id = %s",
        failed,
    )
    now = datetime.now(UTC)
    views = _visits(platform, before, now)
    for pk, count in views.items():
        query(
            "UPDATE content_arcontent SET views_count = %s, last_viewed_at = %s WHERE id = %s",
            *(count, now - timedelta(hours=2), pk),
        )
    query(
        "UPDATE content_arcontent SET marker_status = %s, marker_error = %s, stars = %s"
        " WHERE id = %s",
        *("failed", FLAT, None, failed),
    )
    ends_at = "UPDATE companies_project SET expires_at = %s WHERE id = %s"
    query(ends_at, now + timedelta(days=12), project["id"])
    try:
        yield
    finally:
        query("DELETE FROM analytics_arviewsession")
        query(ends_at, project["expires_at"], project["id"])
        for row in before:
            assignments = ", ".join(f"{name} = %s" for name in CHANGED)
            query(
                f"UPDATE content_arcontent SET {assignments} WHERE id = %s",  # noqa: S608
                *(row[name] for name in CHANGED),
                row["id"],
            )


def _visits(platform: Platform, contents: list[dict[str, Any]], now: datetime) -> Counter[int]:
    """Store a month of visits to `contents`; returns how many each has got."""
    dice = random.Random(30)  # noqa: S311
    views: Counter[int] = Counter()
    names = [*COLUMNS, "session_id", "created_at", "ar_content_id", "company_id", "project_id"]
    values: list[object] = []
    for day in range(30):
        for _visitor in range(dice.randint(3, 10) + day // 3):
            session = uuid.uuid4().hex
            moment = now - timedelta(days=29 - day, minutes=dice.randint(1, 600))
            # Some go on to the next picture.
            for row in dice.sample(contents, k=dice.choice([1, 1, 2])):
                made = [make(dice) for make in COLUMNS.values()]
                values += [*made, session, moment]
                values += [row["id"], row["company_id"], row["project_id"]]
                views[row["id"]] += 1
    one = f"({', '.join(['%s'] * len(names))})"
    platform.database.query(
        f"INSERT INTO analytics_arviewsession ({', '.join(names)}) VALUES"  # noqa: S608
        f" {', '.join([one] * views.total())}",
        *values,
    )
    return views
