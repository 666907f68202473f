import pytest
from django.core.exceptions import SuspiciousFileOperation
from hypothesis import given
from hypothesis import strategies as st

from companies.storage.names import StoredName, content_type_of

HEX = "0123456789abcdef" * 2
GOOD = f"7/vertex-ar/videos/{HEX}.mp4"


def test_a_stored_name_is_read_back_as_it_was_written() -> None:
    stored = StoredName.parse(GOOD)
    assert (stored.connection_id, stored.company_slug, stored.kind) == (7, "vertex-ar", "videos")
    assert (stored.stem, stored.extension) == (HEX, "mp4")
    assert str(stored) == GOOD


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/" + GOOD,
        GOOD + "/",
        GOOD + "\n",
        GOOD + "\0",
        GOOD.replace("7/", "07/"),
        GOOD.replace("7/", "٧/"),
        GOOD.replace("7/", "-7/"),
        GOOD.replace("7/", "9" * 30 + "/"),
        GOOD.replace("videos", "secrets"),
        GOOD.replace("vertex-ar", ".."),
        GOOD.replace("vertex-ar", "a/../b"),
        GOOD.replace("vertex-ar", ""),
        GOOD.replace("/", "\\"),
        GOOD.replace("a", "A"),
        GOOD.replace(".mp4", ""),
        GOOD.replace(".mp4", "."),
        GOOD.replace(".mp4", ".mp4.php"),
        GOOD.replace(".mp4", ".MP4"),
        GOOD.replace(HEX, HEX + "0"),
        GOOD.replace(HEX, "../" * 10 + "etc"),
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(SuspiciousFileOperation):
        StoredName.parse(name)


@given(filename=st.text(max_size=80))
def test_whatever_a_user_calls_a_file_its_stored_name_is_sound(filename: str) -> None:
    stored = StoredName.generate(
        connection_id=1, company_slug="a_b-C", kind="portraits", filename=filename
    )
    assert StoredName.parse(str(stored)) == stored


@pytest.mark.parametrize(
    ("filename", "extension"),
    [("a.JPG", "jpg"), ("a.tar.gz", "gz"), ("a", "bin"), ("a.жпг", "bin"), ("a.p/../q", "bin")],
)
def test_only_a_sane_extension_of_the_users_name_survives(filename: str, extension: str) -> None:
    stored = StoredName.generate(
        connection_id=1, company_slug="a", kind="videos", filename=filename
    )
    assert stored.extension == extension


def test_the_content_type_comes_from_the_extension() -> None:
    assert content_type_of(GOOD) == "video/mp4"
    assert content_type_of(GOOD.replace("mp4", "mind")) == "application/octet-stream"
    assert content_type_of(GOOD.replace("mp4", "html")) == "application/octet-stream"
