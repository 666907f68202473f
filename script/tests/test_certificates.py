"""The demo's certificate, as a phone would judge it: by a real TLS handshake."""

import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from certificates import Certificate, ensure_certificate

LAN = "192.0.2.7"


def handshake(made: Certificate, name: str) -> None:
    """Connect to a server with the certificate, trusting its authority. Raises ssl.SSLError."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.certificate, made.key)
    client = ssl.create_default_context(cafile=str(made.authority))
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            server.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        client.wrap_socket(ours, server_hostname=name).close()
    finally:
        ours.close()
        thread.join()


@pytest.mark.parametrize("name", [LAN, "127.0.0.1", "localhost"])
def test_every_name_of_the_machine_is_trusted(tmp_path: Path, name: str) -> None:
    handshake(ensure_certificate(tmp_path, [LAN, "127.0.0.1", "localhost"]), name)


def test_another_machine_is_not(tmp_path: Path) -> None:
    made = ensure_certificate(tmp_path, [LAN])
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made, "192.0.2.8")


def test_a_good_certificate_is_kept(tmp_path: Path) -> None:
    first = ensure_certificate(tmp_path, [LAN]).certificate.read_bytes()
    assert ensure_certificate(tmp_path, [LAN]).certificate.read_bytes() == first


def test_a_new_address_gets_a_new_certificate_of_the_authority_that_is_trusted_already(
    tmp_path: Path,
) -> None:
    trusted = ensure_certificate(tmp_path, [LAN]).authority.read_bytes()
    moved = ensure_certificate(tmp_path, ["192.0.2.8"])
    assert moved.authority.read_bytes() == trusted
    handshake(moved, "192.0.2.8")


def test_a_certificate_that_is_about_to_end_is_renewed(tmp_path: Path) -> None:
    eleven_months_ago = datetime.now(UTC) - timedelta(days=340)
    old = ensure_certificate(tmp_path, [LAN], eleven_months_ago).certificate.read_bytes()
    renewed = ensure_certificate(tmp_path, [LAN])
    assert renewed.certificate.read_bytes() != old
    handshake(renewed, LAN)


def test_only_the_owner_may_read_the_keys(tmp_path: Path) -> None:
    ensure_certificate(tmp_path, [LAN])
    keys = sorted(tmp_path.glob("*.key"))
    assert [(key.name, key.stat().st_mode & 0o777) for key in keys] == [
        ("authority.key", 0o600),
        ("web.key", 0o600),
    ]
