"""An issuer of tokens for a development vault: a key, what it publishes, and tokens on demand.

In production this is the bank's identity provider. Here whoever has the folder may speak for any
of its bearers, as he may with every other key in it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jws
from joserfc.jwk import ECKey

from vault.server.dev.files import PRIVATE, PUBLIC, DevFolderUnusable, create, make_folder, replace
from vault.server.dev.layout import AUDIENCE, BEARERS, ISSUER, JWKS, PEOPLE, subject

_KEY = "issuer/issuer.key"
TOKEN_SECONDS = 900


def ensure_issuer(folder: Path) -> None:
    """Make the issuer's key where it is missing, and publish it. Raises DevFolderUnusable."""
    make_folder((folder / _KEY).parent)
    made = ec.generate_private_key(ec.SECP256R1())
    create(
        folder / _KEY,
        made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        PRIVATE,
    )
    public = _key(folder).as_dict(private=False, use="sig", alg="ES256")
    data = json.dumps({"keys": [public]}, indent=1).encode() + b"\n"
    if not create(folder / JWKS, data, PUBLIC) and (folder / JWKS).read_bytes() != data:
        replace(folder / JWKS, data, PUBLIC)


def dev_token(folder: Path, bearer: str, program: str, seconds: int = TOKEN_SECONDS) -> str:
    """A token of a bearer of the folder, bound to a program's certificate, for some seconds.

    Raises DevFolderUnusable: there is no such person or program, or the folder was made before it
    had an issuer.
    """
    named = {one.name: one for one in BEARERS}
    if bearer not in named:
        raise DevFolderUnusable(f"nobody's token can be had but for {', '.join(named)}")
    if program not in {one.name for one in PEOPLE}:
        raise DevFolderUnusable(f"name a caller of the folder: {', '.join(p.name for p in PEOPLE)}")
    key, now = _key(folder), int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject(named[bearer]),
        "iat": now,
        "exp": now + seconds,
        "cnf": {"x5t#S256": _thumbprint(folder / "pki" / f"{program}.pem")},
    }
    header = {"alg": "ES256", "kid": key.thumbprint(), "typ": "at+jwt"}
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=["ES256"])


def _key(folder: Path) -> ECKey:
    path = folder / _KEY
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise DevFolderUnusable(
            f"{path} cannot be read ({error.strerror}); `vaultd dev --dir {folder}` makes it, "
            "but not in a folder of an older vault"
        ) from None
    except (ValueError, TypeError):
        raise DevFolderUnusable(f"{path} is not what it was when it was made; remove it") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise DevFolderUnusable(f"{path} is not what it was when it was made; remove it")
    key = ECKey.import_key(private)
    # Named by itself (RFC 7638).
    key.ensure_kid()
    return key


def _thumbprint(path: Path) -> str:
    """RFC 8705, section 3.1."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        raise DevFolderUnusable(f"{path} is not a certificate that can be read") from None
    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
