"""System checks of the configuration: found at start, not by the first visitor."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security)
def encryption_keys(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """companies.E001: every key must be usable, the old ones too."""
    try:
        for key in settings.ENCRYPTION_KEYS:
            Fernet(key)
    except ValueError:
        return [
            Error(
                "ENCRYPTION_KEYS holds an unusable key.",
                hint="A key is 32 random bytes as URL-safe base64; make one with "
                "cryptography.fernet.Fernet.generate_key(). Separate several with commas.",
                id="companies.E001",
            )
        ]
    return []


@register("files")
def local_storage_root(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """companies.E002: it can be written; companies.E003: it is not served as static files."""
    root = Path(settings.LOCAL_STORAGE_ROOT).absolute()
    messages: list[CheckMessage] = []
    existing = next(path for path in (root, *root.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        messages.append(
            Error(
                "LOCAL_STORAGE_ROOT cannot be written.",
                hint=f"Give this process the right to write {existing}.",
                id="companies.E002",
            )
        )
    public = [Path(settings.STATIC_ROOT), *map(Path, settings.STATICFILES_DIRS)]
    if any(root.resolve().is_relative_to(folder.resolve()) for folder in public):
        messages.append(
            Error(
                "LOCAL_STORAGE_ROOT lies among the static files, where everybody may read it.",
                hint="Choose a folder of its own.",
                id="companies.E003",
            )
        )
    return messages


@register("files")
def accel_location(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """companies.E004: nginx would look for the files in a wrong place."""
    location = settings.MEDIA_ACCEL_LOCATION
    if not location or (location.startswith("/") and location.endswith("/")):
        return []
    return [
        Error(
            "MEDIA_ACCEL_LOCATION must begin and end with a slash.",
            hint="For example /stored-files/, with `alias` of LOCAL_STORAGE_ROOT/ in nginx.",
            id="companies.E004",
        )
    ]
