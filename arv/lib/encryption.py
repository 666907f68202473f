"""Encryption of secrets at rest: Fernet (AES-128-CBC, HMAC-SHA256) with rotating keys."""

import json
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


def encrypt(plain: str) -> str:
    """Encrypt with the first key of `ENCRYPTION_KEYS`."""
    return _fernet().encrypt(plain.encode()).decode("ascii")


def decrypt(token: str) -> str:
    """Decrypt with any key of `ENCRYPTION_KEYS`.

    Raises ImproperlyConfigured when none fits, which means a key was dropped too early.
    """
    try:
        return _fernet().decrypt(token.encode("ascii")).decode()
    except InvalidToken as error:
        raise ImproperlyConfigured(
            "A stored secret cannot be read with any key of ENCRYPTION_KEYS."
        ) from error


class EncryptedJSONField(models.TextField[dict[str, Any], dict[str, Any]]):
    """A JSON object that is stored encrypted; it cannot be searched."""

    def from_db_value(
        self, value: str | None, expression: object, connection: BaseDatabaseWrapper
    ) -> dict[str, Any]:
        return self.to_python(value and decrypt(value))

    def to_python(self, value: Any) -> dict[str, Any]:
        if not value:
            return {}
        loaded = json.loads(value) if isinstance(value, str) else value
        if not isinstance(loaded, dict):
            raise TypeError("An encrypted JSON field holds an object.")
        return loaded

    def get_prep_value(self, value: Any) -> str:
        return encrypt(json.dumps(self.to_python(value), sort_keys=True))
