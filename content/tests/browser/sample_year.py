"""A year in the life of two companies: visitors of several countries, busy and quiet hours."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from content.tests.browser.server import Platform

DAYS = 365
PER_DAY = 42
AT_ONCE = 400
# How busy an hour and a weekday (Monday first) are, of the busiest one.
HOURS = [2, 1, 1, 0, 0, 1, 3, 8, 18, 32, 55, 72, 78, 74, 80, 88, 92, 84, 66, 48, 34, 22, 12, 5]
WEEKDAYS = [0.35, 0.5, 0.55, 0.6, 0.75, 1.0, 0.95]
# With how many of a hundred visitors.
PLACES = {
    ("DE", "Berlin"): 21,
    ("DE", "Hamburg"): 13,
    ("DE", "Munich"): 9,
    ("AT", "Vienna"): 9,
    ("CH", "Zurich"): 8,
    ("FR", "Paris"): 8,
    ("FR", "Strasbourg"): 3,
    ("PL", "Warsaw"): 6,
    ("GB", "London"): 5,
    ("US", "New York"): 4,
    ("NL", "Amsterdam"): 4,
    ("IT", "Milan"): 3,
    ("JP", "Tokyo"): 2,
    ("KZ", "Almaty"): 2,
    ("", ""): 3,
}
DEVICES = {
    ("mobile", "Mobile Safari 18", "iOS"): 38,
    ("mobile", "Chrome Mobile 131", "Android"): 37,
    ("mobile", "Samsung Internet 27", "Android"): 8,
    ("mobile", "Firefox Mobile 132", "Android"): 2,
    ("tablet", "Mobile Safari 17", "iOS"): 6,
    ("tablet", "Chrome 131", "Android"): 2,
    ("desktop", "Chrome 131", "Windows"): 4,
    ("desktop", "Safari 18", "Mac OS X"): 2,
    ("unknown", "", ""): 1,
}
# How many visits of a hundred ends the camera's question with.
CAMERA = {
    ("allowed", ""): 87,
    ("denied", "refused"): 8,
    ("denied", "no_camera"): 2,
    ("denied", "unsupported"): 1,
    ("denied", "in_use"): 1,
    ("", ""): 1,
}
COMPANIES = {
    "Maritime museum": {
        "Ships of the line": ["Figurehead", "The great storm", "Captain’s table"],
        "Night of museums": ["Lighthouse keeper"],
    }
}
PROJECTS = {
    "Permanent collection": ["Garden in May", "Lady with a fan", "Still life with lemons"],
    "City trail": ["Old town gate", "Market square", "The river in 1900: a walk along the quay"],
}


@contextmanager
def sample_year(platform: Platform, *, seed: int = 365) -> Iterator[None]:
    """More companies, projects and contents beside the first content, all looked at for a year."""
    query = platform.database.query
    tables = ("content_arcontent", "companies_project", "companies_company")
    last = {table: query(f"SELECT max(id) AS id FROM {table}")[0]["id"] for table in tables}  # noqa: S608
    [first] = query("SELECT * FROM content_arcontent ORDER BY id LIMIT 1")
    try:
        _furnish(platform, first["company_id"], first, PROJECTS)
        for name, projects in COMPANIES.items():
            slug = name.lower().replace(" ", "-")
            changed = {"name": name, "slug": slug, "is_default": False}
            company = _copy(platform, "companies_company", first["company_id"], **changed)
            _furnish(platform, company, first, projects)
        _visits(platform, random.Random(seed))  # noqa: S311
        yield
    finally:
        query("DELETE FROM analytics_arviewsession")
        for table in tables:
            query(f"DELETE FROM {table} WHERE id > %s", last[table])  # noqa: S608


def _furnish(
    platform: Platform, company: int, content: dict[str, Any], projects: dict[str, list[str]]
) -> None:
    for name, titles in projects.items():
        slug = name.lower().replace(" ", "-")
        changed = {"company_id": company, "name": name, "slug": slug, "folder_path": slug}
        project = _copy(platform, "companies_project", content["project_id"], **changed)
        for title in titles:
            _copy(
                platform,
                "content_arcontent",
                content["id"],
                company_id=company,
                project_id=project,
                title=title,
                unique_id=uuid.uuid4().hex,
                active_video_id=None,
                views_count=0,
            )


def _copy(platform: Platform, table: str, pk: int, **changed: Any) -> int:
    """A row like that one but for what is given; returns its id."""
    query = platform.database.query
    [row] = query(f"SELECT * FROM {table} WHERE id = %s", pk)  # noqa: S608
    names = [name for name in row if name != "id"]
    changed = {name: value for name, value in changed.items() if name in row}
    columns = ", ".join("%s" if name in changed else name for name in names)
    query(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {columns} FROM {table} WHERE id = %s",  # noqa: S608
        *(changed[name] for name in names if name in changed),
        pk,
    )
    made: int = query(f"SELECT max(id) AS id FROM {table}")[0]["id"]  # noqa: S608
    return made


def _visits(platform: Platform, dice: random.Random) -> None:
    contents = platform.database.query(
        "SELECT id, company_id, project_id FROM content_arcontent ORDER BY id"
    )
    now = datetime.now(UTC)
    # Few contents are looked at most, as everywhere.
    weights = [1 / (1 + number) ** 0.7 for number in range(len(contents))]
    dice.shuffle(weights)
    rows: list[dict[str, Any]] = []
    for number in range(DAYS):
        day = now - timedelta(days=DAYS - 1 - number)
        # It grows, with a wave over the seasons.
        season = 0.55 + 0.45 * number / DAYS + (0.25 if 120 < number % 365 < 215 else 0)
        busy = PER_DAY * season * WEEKDAYS[day.weekday()] * dice.uniform(0.75, 1.25)
        for _visitor in range(round(busy)):
            moment = _moment(day, now, dice)
            visitor = _visitor_of(dice)
            # Some go on to the next picture.
            for content in dice.choices(contents, weights, k=dice.choice([1, 1, 1, 2])):
                if not any(
                    row["session_id"] == visitor["session_id"]
                    and row["ar_content_id"] == content["id"]
                    for row in rows[-2:]
                ):
                    rows.append(
                        {
                            **visitor,
                            **_way(visitor["camera"], dice),
                            "created_at": moment,
                            "ar_content_id": content["id"],
                            "company_id": content["company_id"],
                            "project_id": content["project_id"],
                        }
                    )
    shared = {
        row["session_id"]
        for row, other in pairwise(rows)
        if row["session_id"] == other["session_id"]
    }
    for row in rows:
        row["is_shared"] = row["session_id"] in shared
    for at in range(0, len(rows), AT_ONCE):
        _insert(platform, rows[at : at + AT_ONCE])


def _moment(day: datetime, now: datetime, dice: random.Random) -> datetime:
    [hour] = dice.choices(range(24), HOURS)
    moment = day.replace(hour=hour, minute=dice.randrange(60), second=dice.randrange(60))
    return moment if moment < now else now - timedelta(minutes=dice.randrange(1, 300))


def _visitor_of(dice: random.Random) -> dict[str, Any]:
    [(country, city)] = dice.choices([*PLACES], [*PLACES.values()])
    [(device, browser, os)] = dice.choices([*DEVICES], [*DEVICES.values()])
    started = dice.random() < 0.86
    camera, reason = "", ""
    if started:
        [(camera, reason)] = dice.choices([*CAMERA], [*CAMERA.values()])
    return {
        "session_id": uuid.UUID(int=dice.getrandbits(128), version=4).hex,
        "user_agent": "",
        "device_type": device,
        "browser": browser,
        "os": os,
        "country": country,
        "city": city,
        "started": started,
        "camera": camera,
        "camera_reason": reason,
        "is_bot": False,
    }


def _way(camera: str, dice: random.Random) -> dict[str, Any]:
    found = camera == "allowed" and dice.random() < 0.9
    played = (found and dice.random() < 0.97) or (camera == "denied" and dice.random() < 0.8)
    return {
        "found_ms": round(dice.lognormvariate(7.4, 0.5)) if found else None,
        "tracking_quality": dice.choices(["good", "fair", "poor"], [76, 18, 6])[0] if found else "",
        "video_played": played,
        "duration_seconds": dice.randint(12, 140) if played else dice.randint(2, 15),
    }


def _insert(platform: Platform, rows: list[dict[str, Any]]) -> None:
    names = [*rows[0]]
    one = f"({', '.join(['%s'] * len(names))})"
    platform.database.query(
        f"INSERT INTO analytics_arviewsession ({', '.join(names)}) VALUES"  # noqa: S608
        f" {', '.join([one] * len(rows))}",
        *(row[name] for row in rows for name in names),
    )
