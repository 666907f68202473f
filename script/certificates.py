"""Certificates for the demo on a local network: phones open the camera over HTTPS only.

A small authority of one's own signs a certificate for this machine's addresses. Whoever trusts
the authority once on a phone sees no warning, even when the address changes later.
"""

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
# iOS refuses certificates that are valid for longer than 825 days.
LEAF_DAYS = 365
RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True)
class Certificate:
    """Where the files are: what the server needs and what a phone should trust."""

    authority: Path
    certificate: Path
    key: Path


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _write(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _builder(subject: str, issuer: x509.Name, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        # A phone's clock may be a little behind.
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _make_authority(certificate: Path, key_file: Path, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"ARV demo {key.public_key().public_numbers().x % 16**6:06x}"
    public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        _builder(name, _name(name), now, AUTHORITY_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(public, critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _pem(key))
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _alternative_names(hosts: list[str]) -> x509.SubjectAlternativeName:
    names: list[x509.GeneralName] = []
    for host in hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    return x509.SubjectAlternativeName(names)


def _is_good(certificate: Path, hosts: list[str], now: datetime) -> bool:
    if not certificate.exists():
        return False
    leaf = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return leaf.not_valid_after_utc > now + RENEW_BEFORE and names == _alternative_names(hosts)


def ensure_certificate(folder: Path, hosts: list[str], now: datetime | None = None) -> Certificate:
    """Keep or make, in `folder`, an authority and a certificate for `hosts` (names, addresses)."""
    now = now or datetime.now(UTC)
    folder.mkdir(parents=True, exist_ok=True)
    result = Certificate(
        authority=folder / "authority.crt", certificate=folder / "web.pem", key=folder / "web.key"
    )
    authority_key = folder / "authority.key"
    if not (result.authority.exists() and authority_key.exists()):
        _make_authority(result.authority, authority_key, now)
        result.certificate.unlink(missing_ok=True)
    if _is_good(result.certificate, hosts, now) and result.key.exists():
        return result
    authority = x509.load_pem_x509_certificate(result.authority.read_bytes())
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), password=None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{authority_key} holds another kind of key")
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        _builder(hosts[0], authority.subject, now, LEAF_DAYS)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_alternative_names(hosts), critical=False)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    _write(result.key, _pem(key))
    pem = serialization.Encoding.PEM
    result.certificate.write_bytes(leaf.public_bytes(pem) + authority.public_bytes(pem))
    return result
