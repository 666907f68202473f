"""Storage connections in the admin: secrets go in and never come out."""

from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from companies.models import Company, StorageConnection, User
from companies.storage.router import TenantStorage, generated_name
from companies.tests.factories import StorageConnectionFactory

pytestmark = pytest.mark.django_db
ADD = "/admin/companies/storageconnection/add/"
SECRET = "s3cr3t-and-never-shown"
DEAD_END = "http://127.0.0.1:1"


@pytest.fixture
def staff(client: Client, superuser: User) -> Client:
    client.force_login(superuser)
    return client


def form(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Bucket",
        "provider": "minio",
        "base_path": "arv",
        "is_active": "on",
        "credential_endpoint_url": "http://127.0.0.1:9000",
        "credential_bucket": "pictures",
        "credential_access_key": "key",
        "credential_secret_key": SECRET,
        **changes,
    }


def test_a_saved_secret_is_not_shown_and_survives_an_empty_field(staff: Client) -> None:
    assert staff.post(ADD, form()).status_code == 302
    connection = StorageConnection.objects.get(name="Bucket")
    assert connection.credentials["secret_key"] == SECRET
    change = f"/admin/companies/storageconnection/{connection.pk}/change/"
    assert SECRET not in staff.get(change).content.decode()
    answer = staff.post(change, form(credential_secret_key="", credential_bucket="other"))
    assert answer.status_code == 302
    connection.refresh_from_db()
    assert connection.credentials["secret_key"] == SECRET
    assert connection.credentials["bucket"] == "other"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credential_endpoint_url", "ftp://files.example.com"),
        ("credential_endpoint_url", "http://169.254.169.254/latest"),
        ("credential_endpoint_url", ""),
        ("credential_secret_key", ""),
        ("credential_bucket", "Not A Bucket"),
        ("base_path", "../../etc"),
    ],
)
def test_what_cannot_work_is_a_form_error(staff: Client, field: str, value: str) -> None:
    answer = staff.post(ADD, form(**{field: value}))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors[field]
    assert not StorageConnection.objects.filter(name="Bucket").exists()


def test_yandex_disk_is_not_offered_yet(staff: Client) -> None:
    answer = staff.post(ADD, form(provider="yandex_disk"))
    assert answer.context["adminform"].form.errors["provider"]


def test_where_the_files_are_stays_while_there_are_files(staff: Client, company: Company) -> None:
    TenantStorage().save(generated_name(company, "portraits", "a.png"), ContentFile(b"x"))
    connection = company.storage_connection
    change = f"/admin/companies/storageconnection/{connection.pk}/change/"
    staff.post(change, {"name": "Renamed", "base_path": "elsewhere", "is_active": "on"})
    before = connection.base_path
    connection.refresh_from_db()
    assert (connection.name, connection.base_path) == ("Renamed", before)


@pytest.mark.parametrize("provider", ["", "floppy"])
def test_a_missing_or_unknown_provider_is_a_form_error(staff: Client, provider: str) -> None:
    answer = staff.post(ADD, form(provider=provider))
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors.keys() == {"provider"}


def test_staff_test_the_chosen_connections_and_read_how_each_did(
    staff: Client, s3_connection: StorageConnection, local_connection: StorageConnection
) -> None:
    # The reason names the bucket, which is a secret here for once.
    bucket = "no-such-bucket-and-never-shown"
    s3_connection.credentials.update(bucket=bucket, access_key=bucket, endpoint_url=DEAD_END)
    s3_connection.save()
    untouched = StorageConnectionFactory.create()
    chosen = [s3_connection.pk, local_connection.pk]
    data = {"action": "test_chosen", "_selected_action": chosen}
    answer = staff.post("/admin/companies/storageconnection/", data, follow=True)
    texts = {message.level_tag: str(message) for message in answer.context["messages"]}
    assert texts.keys() == {"success", "error"}
    assert local_connection.name in texts["success"]
    assert s3_connection.name in texts["error"]
    assert "Could not connect" in texts["error"]
    assert bucket not in texts["error"]
    for connection, status in (
        (s3_connection, "failed"),
        (local_connection, "ok"),
        (untouched, "untested"),
    ):
        connection.refresh_from_db()
        assert connection.test_status == status
