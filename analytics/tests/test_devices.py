import pytest

from analytics.devices import Device, Labels, describe

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (
            f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36",
            Device("Chrome Mobile 126", "Android", "mobile"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {CHROME} Safari/537.36",
            Device("Chrome 126", "Android", "tablet"),
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {SAFARI} Mobile/15E148"
            " Safari/604.1",
            Device("Mobile Safari 17", "iOS", "mobile"),
        ),
        (
            f"Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) {SAFARI} Mobile/15E148 Safari/604.1",
            Device("Mobile Safari 17", "iOS", "tablet"),
        ),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {SAFARI} Safari/605.1.15",
            Device("Safari 17", "Mac OS X", "desktop"),
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:127.0) Gecko/20100101 Firefox/127.0",
            Device("Firefox 127", "Windows", "desktop"),
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            Device("Googlebot 2", "", "unknown", is_bot=True),
        ),
        ("curl/8", Device("curl 8", "", "unknown", is_bot=True)),
        ("", Device("", "", "unknown")),
        ("\x00 ☃ nothing known", Device("", "", "unknown")),
    ],
)
def test_a_user_agent_names_browser_system_and_device(user_agent: str, device: Device) -> None:
    assert describe(user_agent) == device


def test_a_label_never_outgrows_its_column() -> None:
    device = describe("Mozilla/5.0 " + "Bot" * 150 + "bot/9")
    assert len(device.browser) <= 60
    assert len(device.os) <= 60


def test_new_names_are_taken_so_many_an_hour_and_known_ones_always() -> None:
    labels = Labels(most_new=2)
    assert [labels.taken(name, now=0) for name in ("A", "B", "C", "A", "")] == [
        "A",
        "B",
        "",
        "A",
        "",
    ]
    assert [labels.taken(name, now=3600) for name in ("C", "B", "D", "E")] == ["C", "B", "D", ""]


def test_the_names_that_are_remembered_are_bounded() -> None:
    labels = Labels(most_new=2, most_kept=1)
    assert [labels.taken(name, now=0) for name in ("A", "B")] == ["A", "B"]
    assert [labels.taken(name, now=3600) for name in ("C", "D", "A")] == ["C", "D", ""]
