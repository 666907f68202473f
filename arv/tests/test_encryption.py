"""Secrets at rest: unreadable in the database, readable through every change of keys."""

import json

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection as database
from pytest_django.fixtures import Settings

from arv.lib.encryption import decrypt, encrypt
from companies.models import StorageConnection
from companies.tests.factories import StorageConnectionFactory

SECRETS = {"access_key": "AKIA-very-secret", "secret_key": "очень секретно"}


def column(connection: StorageConnection) -> str:
    with database.cursor() as cursor:
        cursor.execute(
            "SELECT credentials FROM companies_storageconnection WHERE id = %s", [connection.pk]
        )
        value: str = cursor.fetchone()[0]
        return value


@pytest.mark.django_db
class TestTheColumn:
    def test_no_part_of_a_secret_can_be_read_in_it(self) -> None:
        connection = StorageConnectionFactory.create(credentials=SECRETS)
        stored = column(connection)
        for text in (*SECRETS, *SECRETS.values(), json.dumps(SECRETS["secret_key"])):
            assert text not in stored
        connection.refresh_from_db()
        assert connection.credentials == SECRETS

    def test_equal_secrets_do_not_look_equal(self) -> None:
        one = StorageConnectionFactory.create(credentials=SECRETS)
        other = StorageConnectionFactory.create(credentials=SECRETS)
        assert column(one) != column(other)

    def test_no_credentials_are_an_empty_object(self) -> None:
        connection = StorageConnectionFactory.create()
        connection.refresh_from_db()
        assert connection.credentials == {}

    def test_only_objects_are_taken(self) -> None:
        with pytest.raises(TypeError):
            StorageConnectionFactory.create(credentials=["a", "list"])

    def test_after_a_rotation_saving_again_moves_a_row_to_the_new_key(
        self, settings: Settings
    ) -> None:
        connection = StorageConnectionFactory.create(credentials=SECRETS)
        new = Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
        connection.refresh_from_db()
        connection.save()
        settings.ENCRYPTION_KEYS = [new]
        connection.refresh_from_db()
        assert connection.credentials == SECRETS


def test_what_was_encrypted_with_an_older_key_stays_readable(settings: Settings) -> None:
    token = encrypt("secret")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    assert decrypt(token) == "secret"
    assert decrypt(encrypt("secret")) == "secret"


def test_a_key_that_was_dropped_too_early_is_a_clear_error(settings: Settings) -> None:
    token = encrypt("secret")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        decrypt(token)


def test_a_tampered_token_is_refused() -> None:
    token = encrypt("secret")
    middle = len(token) // 2
    flipped = "A" if token[middle] != "A" else "B"
    with pytest.raises(ImproperlyConfigured):
        decrypt(token[:middle] + flipped + token[middle + 1 :])
