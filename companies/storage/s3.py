"""Files in a bucket of any S3 API, through django-storages."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.utils.translation import gettext_lazy as _
from storages.backends.s3 import S3Storage

from companies.storage.backend import (
    Backend,
    ByteStream,
    Parameter,
    StorageUnavailable,
    StoredObject,
)
from companies.storage.endpoints import (
    EndpointRefused,
    allowed_addresses,
    check_endpoint,
    split_endpoint,
)
from companies.storage.names import content_type_of
from companies.storage.pinned import pin

URL_LIFETIME_SECONDS = 6 * 3600
CACHE_CONTROL = "public, max-age=31536000, immutable"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")


class _Bucket(S3Storage):  # type: ignore[misc]  # django-storages has no types
    platform = False

    def _create_session(self) -> boto3.Session:
        session: boto3.Session = super()._create_session()
        session.events.register("before-send.s3", self._check_before_sending)
        return session

    def _check_before_sending(self, request: Any, **_event: Any) -> None:
        """Look again at each request: a name may lead elsewhere than when the form was saved."""
        parts = split_endpoint(request.url.partition("?")[0])
        allowed_addresses(parts.hostname or "", parts.port, platform=self.platform)

    @property
    def connection(self) -> Any:
        is_new = not hasattr(self._connections, "connection")
        connection = super().connection
        if is_new:
            pin(connection.meta.client, platform=self.platform)
        return connection

    def get_object_parameters(self, name: str) -> dict[str, str]:
        # From the name: what the uploading client claims would be served to every visitor.
        return {"ContentType": content_type_of(name), "CacheControl": CACHE_CONTROL}


class S3Backend(Backend):
    parameters: ClassVar[tuple[Parameter, ...]] = (
        Parameter("endpoint_url", _("Endpoint"), help_text="https://s3.example.com"),
        Parameter("bucket", _("Bucket")),
        Parameter("access_key", _("Access key"), sensitive=True),
        Parameter("secret_key", _("Secret key"), sensitive=True),
        Parameter("region", _("Region"), required=False, help_text="us-east-1"),
        Parameter(
            "public_endpoint_url",
            _("Endpoint for visitors"),
            required=False,
            help_text=_("When browsers reach the storage under another address."),
        ),
        Parameter(
            "addressing_style",
            _("Addressing style"),
            required=False,
            help_text=_("path, virtual or auto; empty: path."),
        ),
    )

    @classmethod
    def validate(
        cls,
        *,
        base_path: str,
        credentials: dict[str, Any],
        platform: bool = False,
        look_up: bool = True,
    ) -> None:
        super().validate(
            base_path=base_path, credentials=credentials, platform=platform, look_up=look_up
        )
        errors: dict[str, Any] = {}
        try:
            check_endpoint(credentials["endpoint_url"], platform=platform, look_up=look_up)
        except EndpointRefused as error:
            errors["endpoint_url"] = str(error)
        if public := credentials.get("public_endpoint_url"):
            try:
                split_endpoint(public)
            except EndpointRefused as error:
                errors["public_endpoint_url"] = str(error)
        if not _BUCKET.fullmatch(credentials["bucket"]):
            errors["bucket"] = _("This is not the name of a bucket.")
        if credentials.get("addressing_style", "") not in {"", "path", "virtual", "auto"}:
            errors["addressing_style"] = _("Choose path, virtual or auto.")
        if errors:
            raise ValidationError(errors)

    def _bucket_at(self, endpoint_url: str) -> _Bucket:
        options = self.credentials
        bucket = _Bucket(
            access_key=options["access_key"],
            secret_key=options["secret_key"],
            # Nothing may come from the environment of the process.
            security_token=None,
            session_profile=None,
            custom_domain=None,
            bucket_name=options["bucket"],
            region_name=options.get("region") or "us-east-1",
            endpoint_url=endpoint_url,
            location=self.base_path,
            file_overwrite=False,
            default_acl=None,
            gzip=False,
            querystring_auth=True,
            querystring_expire=URL_LIFETIME_SECONDS,
            max_memory_size=8 * 1024 * 1024,
            client_config=Config(
                signature_version="s3v4",
                s3={"addressing_style": options.get("addressing_style") or "path"},
                connect_timeout=5,
                read_timeout=20,
                retries={"total_max_attempts": 3, "mode": "standard"},
                # Newer checksums are unknown to many S3 servers.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        bucket.platform = self.platform
        return bucket

    @cached_property
    def _bucket(self) -> _Bucket:
        return self._bucket_at(self.credentials["endpoint_url"])

    @cached_property
    def _public_bucket(self) -> _Bucket:
        public = self.credentials.get("public_endpoint_url")
        return self._bucket_at(public) if public else self._bucket

    @property
    def _client(self) -> Any:
        return self._bucket.connection.meta.client

    def _key(self, name: str) -> str:
        return f"{self.base_path}/{name}" if self.base_path else name

    @contextmanager
    def _errors(self) -> Iterator[None]:
        # `from None`: a traceback would print the original, with the access key, into the logs.
        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in {"404", "NoSuchKey", "NotFound"}:
                raise FileNotFoundError("No such object.") from None
            raise StorageUnavailable(self.redacted(str(error))) from None
        except (BotoCoreError, Boto3Error) as error:
            raise StorageUnavailable(self.redacted(str(error))) from None

    def write(self, name: str, content: File[bytes]) -> None:
        with self._errors():
            if self._bucket.exists(name):
                raise FileExistsError(name)
            self._bucket._save(name, content)

    def open(self, name: str) -> File[bytes]:
        with self._errors():
            file: File[bytes] = self._bucket.open(name)
            file.open()  # fetches it now, where errors are translated
            return file

    def read(self, name: str, *, start: int, length: int) -> ByteStream:
        if not length:
            return ByteStream(io.BytesIO(), 0)
        with self._errors():
            answer = self._client.get_object(
                Bucket=self.credentials["bucket"],
                Key=self._key(name),
                Range=f"bytes={start}-{start + length - 1}",
            )
        if answer["ContentLength"] != length:
            answer["Body"].close()
            raise StorageUnavailable(_("The storage does not answer byte ranges as asked."))
        return ByteStream(_Answer(answer["Body"], self), length)

    def delete(self, name: str) -> None:
        with self._errors():
            self._bucket.delete(name)

    def exists(self, name: str) -> bool:
        with self._errors():
            return bool(self._bucket.exists(name))

    def size(self, name: str) -> int:
        with self._errors():
            return int(self._bucket.size(name))

    def walk(self, folder: str, *, after: str) -> Iterator[StoredObject]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.credentials["bucket"],
            Prefix=self._key(f"{folder}/"),
            **({"StartAfter": self._key(after)} if after else {}),
        )
        skip = len(self._key(""))
        with self._errors():
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield StoredObject(entry["Key"][skip:], entry["Size"], entry["LastModified"])

    def drop_partial(self, folder: str, *, before: datetime, limit: int) -> int:
        bucket = self.credentials["bucket"]
        dropped = 0
        with self._errors():
            listed = self._client.list_multipart_uploads(
                Bucket=bucket, Prefix=self._key(f"{folder}/")
            )
            for upload in listed.get("Uploads", ()):
                if dropped == limit:
                    break
                if upload["Initiated"] < before:
                    self._client.abort_multipart_upload(
                        Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )
                    dropped += 1
        return dropped

    def url(self, name: str) -> str:
        with self._errors():
            return str(self._public_bucket.url(name))

    def origin(self) -> str:
        parts = urlsplit(self.url("0/origin/videos/" + "0" * 32 + ".mp4"))
        return f"{parts.scheme}://{parts.netloc}"


class _Answer:
    """The body of an answer, whose failures are the storage's too."""

    def __init__(self, body: Any, backend: S3Backend) -> None:
        self._body = body
        self._backend = backend

    def read(self, size: int, /) -> bytes:
        with self._backend._errors():
            data: bytes = self._body.read(size)
            return data

    def close(self) -> None:
        self._body.close()
