"""Where a visit comes from, whether a person made it, and what it asks us not to keep."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from pytest_django.fixtures import Settings

from analytics import geo
from analytics.devices import describe
from analytics.models import ARViewSession
from analytics.tests.conftest import Post
from content import playback
from content.models import ARContent, RotationType, VideoRotationSchedule
from content.tests.factories import VideoFactory

RUSSIAN, AMERICAN, NOBODY = "77.88.8.0", "8.8.8.0", "127.0.0.0"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def write_places(path: Path, records: dict[str, Any]) -> str:
    """A file in MaxMind's format with a record for each network."""
    file = MMDBWriter(ip_version=6, ipv4_compatible=True)
    for network, record in records.items():
        file.insert_network(IPSet([network]), record)
    file.to_db_file(str(path))
    return str(path)


@pytest.fixture
def countries(tmp_path: Path, settings: Settings) -> str:
    settings.GEOIP_COUNTRY_FILE = write_places(
        tmp_path / "countries.mmdb",
        {
            f"{RUSSIAN}/24": {"country": {"iso_code": "RU"}},
            f"{AMERICAN}/24": {"country_code": "us"},
            "2a02:6b8::/32": {"country": {"iso_code": "RU"}},
        },
    )
    return str(settings.GEOIP_COUNTRY_FILE)


@pytest.fixture(autouse=True)
def no_memory() -> None:
    geo.locate.cache_clear()
    geo._reader.cache_clear()


@pytest.mark.parametrize(
    ("network", "country"), [(RUSSIAN, "RU"), (AMERICAN, "US"), ("2a02:6b8::", "RU"), (NOBODY, "")]
)
def test_the_country_comes_from_the_file(countries: str, network: str, country: str) -> None:
    assert geo.locate(network, country_file=countries, city_file="") == (country, "")


def test_no_file_a_missing_and_a_broken_one_say_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"no database" * 100)
    for path in ("", str(tmp_path / "missing.mmdb"), str(broken), str(tmp_path)):
        geo.locate.cache_clear()
        assert geo.locate(AMERICAN, country_file=path, city_file=path) == geo.NOWHERE


@pytest.mark.parametrize(
    ("record", "place"),
    [
        ({"city": {"names": {"en": "Kazan", "ru": "Казань"}}}, ("US", "Kazan")),
        ({"city": "Kazan", "country_code": "RU"}, ("US", "Kazan")),
        ({"city": {"geoname_id": 5}}, ("US", "")),
        ({"city": "x" * 300}, ("US", "x" * 100)),
        ("text", ("US", "")),
    ],
)
def test_a_city_is_found_in_either_layout(
    countries: str, tmp_path: Path, record: Any, place: tuple[str, str]
) -> None:
    cities = write_places(tmp_path / "cities.mmdb", {f"{AMERICAN}/24": record})
    assert geo.locate(AMERICAN, country_file=countries, city_file=cities) == place
    assert geo.locate(NOBODY, country_file=countries, city_file=cities) == geo.NOWHERE


@pytest.mark.django_db
@pytest.mark.usefixtures("countries")
def test_only_the_cut_address_is_looked_up_and_stored(
    post: Post, start: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    locate = geo.locate

    def note(network: str, **files: str) -> geo.Place:
        asked.append(network)
        return locate(network, **files)

    monkeypatch.setattr(geo, "locate", note)
    assert post(start, REMOTE_ADDR="77.88.8.8").status_code == 200
    row = ARViewSession.objects.get()
    assert asked == [RUSSIAN]
    assert (row.ip_address, row.country, row.city) == (RUSSIAN, "RU", "")


@pytest.mark.django_db
@pytest.mark.usefixtures("countries")
@pytest.mark.parametrize(
    ("header", "kept"), [({"DNT": "1"}, False), ({"Sec-GPC": "1"}, False), ({"DNT": "0"}, True)]
)
def test_who_asks_for_privacy_is_counted_by_the_coarse_figures_alone(
    post: Post, start: dict[str, Any], header: dict[str, str], kept: bool
) -> None:
    agent = (
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/126.0.0.0 Mobile Safari/537.36"
    )
    headers = {"User-Agent": agent, **header}
    assert post(start, headers=headers, REMOTE_ADDR="77.88.8.8").status_code == 200
    row = ARViewSession.objects.get()
    assert (row.browser, row.os, row.device_type) == ("Chrome Mobile 126", "Android", "mobile")
    private = (row.user_agent, row.ip_address, row.country, row.city)
    assert private == ((agent, RUSSIAN, "RU", "") if kept else ("", None, "", ""))


@pytest.mark.parametrize(
    ("user_agent", "is_bot"),
    [
        (GOOGLEBOT, True),
        ("TelegramBot (like TwitterBot)", True),
        ("WhatsApp/2.23.20.0", True),
        ("python-requests/2.32", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/126.0 Safari/537.36", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Instagram 334.0", False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/21F79 [FBAN/FBIOS;FBAV/468.0]", False),
        ("Mozilla/5.0 (Linux; Android 13; wv) Chrome/126.0 Telegram-Android/11.0", False),
        ("Mozilla/5.0 (Linux; Android 13; wv) Chrome/126.0 VKAndroidApp/8.80-20180", False),
        ("Mozilla/5.0 (Linux; Android 14; wv) musical_ly_2023 BytedanceWebview/d8a21c6", False),
        ("", False),
    ],
)
def test_robots_are_known_and_browsers_inside_apps_are_none(user_agent: str, is_bot: bool) -> None:
    assert describe(user_agent).is_bot is is_bot


@pytest.mark.django_db
def test_a_robot_is_stored_and_takes_nobodys_turn(post: Post, content: ARContent) -> None:
    VideoFactory.create_batch(2, ar_content=content)
    schedule = VideoRotationSchedule(ar_content=content, rotation_type=RotationType.SEQUENCE)
    playback.save_schedule(schedule, sequence=[], now=timezone.now())
    for agent, turn in ((GOOGLEBOT, 0), ("A person's browser", 1)):
        event = {"session_id": str(uuid.uuid4()), "ar_content_unique_id": str(content.unique_id)}
        assert post(event | {"user_agent": agent}).status_code == 200
        schedule.refresh_from_db()
        assert schedule.current_index == turn
    assert list(ARViewSession.objects.order_by("pk").values_list("is_bot", flat=True)) == [
        True,
        False,
    ]


@pytest.mark.django_db
def test_without_files_a_visit_is_counted_all_the_same(
    post: Post, start: dict[str, Any], settings: Settings
) -> None:
    settings.GEOIP_COUNTRY_FILE = settings.GEOIP_CITY_FILE = "/nowhere/at-all.mmdb"
    assert post(start, REMOTE_ADDR="77.88.8.8").status_code == 200
    assert ARViewSession.objects.get().country == ""
