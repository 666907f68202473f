"""Where staff may send the server by typing the endpoint of a storage."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from pytest_django.fixtures import Settings

from companies.models import Company, StorageConnection
from companies.storage.connections import validate_connection
from companies.storage.endpoints import (
    EndpointRefused,
    check_endpoint,
    is_allowed,
    split_endpoint,
)
from companies.storage.router import TenantStorage, generated_name
from conftest import S3Server

NEVER = [
    "169.254.169.254",
    "169.254.0.1",
    "0.0.0.0",  # noqa: S104 -- an address to refuse
    "0.1.2.3",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a9fe:a9fe::1",
]
INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.127.255.255",
    "::1",
    "fd12::1",
    "::ffff:10.0.0.1",
]
OUTSIDE = ["93.184.215.14", "100.128.0.1", "2606:4700::1111"]


@pytest.mark.parametrize("address", NEVER)
def test_metadata_services_and_nowhere_are_never_reached(address: str) -> None:
    assert not is_allowed(ip_address(address), allow_private=True)
    assert not is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", INSIDE)
def test_the_inner_network_is_reached_only_when_the_operator_says_so(address: str) -> None:
    assert is_allowed(ip_address(address), allow_private=True)
    assert not is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_internet_is_reached(address: str) -> None:
    assert is_allowed(ip_address(address), allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3.example.com",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/x",
        "ftp://example.com",
        "http://",
        "http://user:password@example.com",
        "http://example.com/?x=1",
        "http://example.com/#x",
        "http://example.com:99999",
        "http://example.com:0",
        "http://exa mple.com",
        "http://example.com;script-src *",
        "http://example.com\r\nX: y",
        "http://'self'",
        "http://[::1",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefused):
        split_endpoint(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254",
        "http://2852039166",
        "http://0xa9fea9fe",
        "http://[::ffff:169.254.169.254]:80",
        "https://[fe80::1]",
    ],
)
def test_a_metadata_service_in_any_spelling_is_refused(url: str) -> None:
    with pytest.raises(EndpointRefused):
        check_endpoint(url, platform=True)


def test_one_forbidden_address_of_a_host_is_enough(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    def two_addresses(host: str, port: int | None, **options: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0))
            for address in ("93.184.215.14", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", two_addresses)
    check_endpoint("https://s3.example.com", platform=True)
    settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS = False
    with pytest.raises(EndpointRefused, match="no public address"):
        check_endpoint("https://s3.example.com", platform=True)


@pytest.mark.django_db
def test_a_host_that_moves_inside_later_is_not_followed(
    company: Company, s3_connection: StorageConnection, settings: Settings
) -> None:
    """The client was built while the address was allowed; each request is looked at again."""
    company.storage_connection = s3_connection
    company.save()
    storage = TenantStorage()
    name = storage.save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))
    settings.STORAGE_ALLOW_PRIVATE_ENDPOINTS = False
    with pytest.raises(EndpointRefused):
        storage.size(name)
    with pytest.raises(EndpointRefused):
        storage.save(generated_name(company, "videos", "a.mp4"), ContentFile(b"x"))


class TestTheFormsQuestions:
    GOOD = S3Server("http://127.0.0.1:9000").credentials("bucket")

    def errors(self, **changed: Any) -> dict[str, list[str]]:
        base_path = changed.pop("base_path", "tenants/arv")
        provider = changed.pop("provider", "minio")
        with pytest.raises(ValidationError) as refusal:
            validate_connection(
                provider=provider, base_path=base_path, credentials={**self.GOOD, **changed}
            )
        return refusal.value.message_dict

    def test_good_credentials_pass(self) -> None:
        validate_connection(provider="minio", base_path="a/b", credentials=self.GOOD)
        validate_connection(provider="local_disk", base_path="", credentials={})

    def test_each_wrong_parameter_is_named(self) -> None:
        assert self.errors(secret_key="").keys() == {"secret_key"}
        assert self.errors(bucket=5).keys() == {"bucket"}
        assert self.errors(bucket="a/b").keys() == {"bucket"}
        assert self.errors(endpoint_url="http://169.254.169.254").keys() == {"endpoint_url"}
        assert self.errors(public_endpoint_url="ftp://a").keys() == {"public_endpoint_url"}
        assert self.errors(addressing_style="x").keys() == {"addressing_style"}
        assert self.errors(token="x").keys() == {"credentials"}

    @pytest.mark.parametrize("base_path", ["/etc", "../other", "a/../../b", "a\0b", "a\nb"])
    @pytest.mark.parametrize("provider", ["local_disk", "minio"])
    def test_a_base_path_stays_inside(self, provider: str, base_path: str) -> None:
        credentials = self.GOOD if provider == "minio" else {}
        with pytest.raises(ValidationError) as refusal:
            validate_connection(provider=provider, base_path=base_path, credentials=credentials)
        assert refusal.value.message_dict.keys() == {"base_path"}

    def test_yandex_disk_is_not_available_yet(self) -> None:
        (message,) = self.errors(provider="yandex_disk")["provider"]
        assert "not available yet" in message
