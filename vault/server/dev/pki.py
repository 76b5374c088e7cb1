"""A certificate authority for one machine: it, a certificate for each tier, one for each caller.

A caller's certificate names him by exactly one URI in its subject alternative names, as a SPIFFE
X.509-SVID does (https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md, section 2), and
is good for TLS clients only; a server's is good for TLS servers only. Keys are EC P-256.

A certificate that ends within 30 days is issued again for the key it had, so that renewing
replaces one file and no crash can leave a key beside another key's certificate.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from vault.server.dev.files import PRIVATE, PUBLIC, DevFolderUnusable, create, replace

AUTHORITY_DAYS = 1825
LEAF_DAYS = 365
RENEW_WITHIN = timedelta(days=30)
# A client whose clock is a little behind must not find the certificate not yet valid.
_BACKDATED = timedelta(minutes=5)

Signer = Callable[[ec.EllipticCurvePublicKey], x509.Certificate]


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate authority; it issues what is missing in its folder, at the time given."""

    folder: Path
    now: datetime
    certificate: x509.Certificate
    _key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def open(cls, folder: Path, now: datetime) -> Authority:
        """The authority in `folder` (ca.pem, ca.key), made or renewed where needed.

        Raises DevFolderUnusable if its files do not belong together.
        """
        key = _key(folder / "ca.key", folder / "ca.pem")
        certificate = _standing(
            folder / "ca.pem", key, now, issuer=None, sign=lambda public: _root(key, public, now)
        )
        return cls(folder, now, certificate, key)

    def server(self, name: str) -> None:
        """A certificate for a server on this machine: {name}.pem and {name}.key."""
        names = x509.SubjectAlternativeName(
            [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.IPAddress(ipaddress.ip_address("::1")),
            ]
        )
        self._leaf(name, names, ExtendedKeyUsageOID.SERVER_AUTH)

    def client(self, name: str, uri: str) -> None:
        """A certificate for the caller `uri`: {name}.pem and {name}.key."""
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        self._leaf(name, names, ExtendedKeyUsageOID.CLIENT_AUTH)

    def _leaf(self, name: str, names: x509.SubjectAlternativeName, use: ObjectIdentifier) -> None:
        file = self.folder / f"{name}.pem"
        key = _key(self.folder / f"{name}.key", file)

        def sign(public: ec.EllipticCurvePublicKey) -> x509.Certificate:
            ends = min(self.now + timedelta(days=LEAF_DAYS), self.certificate.not_valid_after_utc)
            return (
                _builder(name, self.certificate.subject, public, self.now, ends)
                .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
                .add_extension(_usage(signs_certificates=False), critical=True)
                .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
                .add_extension(names, critical=False)
                .add_extension(
                    x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                    critical=False,
                )
                .sign(self._key, hashes.SHA256())
            )

        _standing(file, key, self.now, issuer=self.certificate, sign=sign)


def _root(
    key: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey, now: datetime
) -> x509.Certificate:
    name = "development authority"
    ends = now + timedelta(days=AUTHORITY_DAYS)
    return (
        _builder(name, _subject(name), public, now, ends)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    name: str,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    ends: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Records vault for development"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _key(file: Path, certificate: Path) -> ec.EllipticCurvePrivateKey:
    """The key in `file`; a new one where neither it nor its certificate is there."""
    if not file.exists():
        if certificate.exists():
            # A new key would make a certificate that somebody may have copied worthless.
            raise DevFolderUnusable(
                f"{file} is missing beside its certificate; restore it, or remove {certificate} too"
            )
        made = ec.generate_private_key(ec.SECP256R1())
        pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        create(file, pem, PRIVATE)
    mode = file.stat().st_mode
    if mode & 0o077:
        raise DevFolderUnusable(f"{file} can be read by others; run: chmod 600 {file}")
    try:
        key = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError):
        raise DevFolderUnusable(_broken(file)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise DevFolderUnusable(_broken(file))
    return key


def _standing(
    file: Path,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    *,
    issuer: x509.Certificate | None,
    sign: Signer,
) -> x509.Certificate:
    """The certificate in `file`: as it is, renewed if its time is nearly over, or new."""
    public = key.public_key()
    if not file.exists():
        certificate = sign(public)
        create(file, certificate.public_bytes(Encoding.PEM), PUBLIC)
        return certificate
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except ValueError:
        raise DevFolderUnusable(_broken(file)) from None
    if certificate.public_key() != public:
        raise DevFolderUnusable(f"{file} is not the certificate of the key beside it; remove both")
    try:
        certificate.verify_directly_issued_by(issuer or certificate)
    except (InvalidSignature, ValueError, TypeError):
        raise DevFolderUnusable(
            f"{file} was not issued by this folder's authority; remove it and its key"
        ) from None
    if certificate.not_valid_after_utc - now > RENEW_WITHIN:
        return certificate
    certificate = sign(public)
    replace(file, certificate.public_bytes(Encoding.PEM), PUBLIC)
    return certificate


def _broken(file: Path) -> str:
    return f"{file} is not what it was when it was made; remove it and what belongs to it"
