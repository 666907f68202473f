"""An S3 client's connections go to the addresses that were checked, and to no others."""

from functools import partial
from socket import socket
from typing import Any

from botocore.awsrequest import (
    AWSHTTPConnection,
    AWSHTTPConnectionPool,
    AWSHTTPSConnection,
    AWSHTTPSConnectionPool,
)
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from companies.storage.endpoints import EndpointRefused, allowed_addresses


class _Pinned(HTTPConnection):
    def __init__(self, *args: Any, platform: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self._platform = platform

    def _new_conn(self) -> socket:
        """Look the name up once: a second answer of its name server could be another one."""
        name = self._dns_host
        try:
            addresses = allowed_addresses(name.strip("[]"), self.port, platform=self._platform)
        except EndpointRefused as refusal:
            raise NewConnectionError(self, str(refusal)) from None
        for left in reversed(range(len(addresses))):
            try:
                self.host = addresses[-1 - left]
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError):
                if not left:
                    raise
            finally:
                # The certificate is the name's.
                self.host = name
        raise AssertionError("No address is a refusal.")


class _Connection(_Pinned, AWSHTTPConnection):  # type: ignore[misc]  # its types differ by themselves
    pass


class _SecureConnection(_Pinned, AWSHTTPSConnection):  # type: ignore[misc]  # as above
    pass


class _Pool(AWSHTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(AWSHTTPSConnectionPool):
    ConnectionCls = _SecureConnection


def pin(client: Any, *, platform: bool) -> None:
    """Let a new client connect to allowed addresses alone (see `allowed_addresses`).

    A proxy that the environment names looks names up by itself, and is not held to this.
    """
    manager = client._endpoint.http_session._manager
    manager.pool_classes_by_scheme = {
        "http": partial(_Pool, platform=platform),
        "https": partial(_SecurePool, platform=platform),
    }
