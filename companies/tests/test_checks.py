"""A misconfigured platform says so at start."""

from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from pytest_django.fixtures import Settings


def found() -> set[str]:
    return {str(message.id) for message in run_checks()}


def test_a_sound_configuration_passes(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), Fernet.generate_key().decode()]
    settings.MEDIA_ACCEL_LOCATION = "/stored-files/"
    assert not {message for message in found() if message.startswith("companies.")}


@pytest.mark.parametrize("keys", [["short"], [""], [Fernet.generate_key().decode(), "no key"]])
def test_an_unusable_key_is_found(settings: Settings, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys
    assert "companies.E001" in found()


def test_a_storage_root_that_is_a_file_is_found(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.LOCAL_STORAGE_ROOT = tmp_path / "file" / "storage"
    assert "companies.E002" in found()


def test_a_storage_root_among_the_static_files_is_found(settings: Settings) -> None:
    settings.LOCAL_STORAGE_ROOT = Path(settings.STATIC_ROOT) / "storage"
    assert "companies.E003" in found()


@pytest.mark.parametrize("location", ["stored-files", "/stored-files", "stored-files/"])
def test_a_location_that_nginx_would_misread_is_found(settings: Settings, location: str) -> None:
    settings.MEDIA_ACCEL_LOCATION = location
    assert "companies.E004" in found()
