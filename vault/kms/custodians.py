"""The recovery custodians: to whom the key of a backup is sealed, share by share.

A custodian has an X25519 key. His share of a backup key is sealed to it by HPKE (RFC 9180, base
mode, single-shot: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM), bound to the backup and to
him by HPKE's `info`; what is sealed is the encapsulated key followed by the ciphertext. The private
key is a PKCS#8 file in PEM, as `openssl genpkey -algorithm X25519` makes it, with a passphrase as a
rule. Who they are stands in a file:

    threshold = 2

    [[custodian]]
    name = "alice"
    public_key = "<base64, 32 bytes>"
"""

import base64
import hashlib
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from vault.kms.errors import KeyFileRefused, KmsError
from vault.kms.keybytes import framed
from vault.kms.private_files import create_private, key_folder, read_private
from vault.kms.shares import MOST_SHARES

HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_MOST_BYTES: Final = 1 << 16


class CustodiansInvalid(KmsError):
    """The file of custodians cannot be used; says what is wrong and how to mend it."""


class ShareRefused(KmsError):
    """A sealed share does not open with this key, for this backup."""


@dataclass(frozen=True, slots=True)
class Custodian:
    """One of them, and his public key."""

    name: str
    public_key: bytes

    @property
    def public_text(self) -> str:
        """The key as the file has it."""
        return base64.b64encode(self.public_key).decode("ascii")


@dataclass(frozen=True, slots=True)
class Custodians:
    """All of them; `threshold` of them restore."""

    threshold: int
    all: tuple[Custodian, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of who they are, in hexadecimal: what an event can say of them."""
        parts = [part for one in self.all for part in (one.name.encode(), one.public_key)]
        framing = framed(b"recordsvault/custodians/v1", str(self.threshold).encode(), *parts)
        return hashlib.sha256(framing).hexdigest()


def read_custodians(path: Path) -> Custodians:
    """Read the file. Raises CustodiansInvalid."""
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise CustodiansInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise CustodiansInvalid(f"{path} is not TOML") from None
    entries, threshold = document.get("custodian"), document.get("threshold")
    unknown = set(document) - {"custodian", "threshold"}
    if unknown or not isinstance(entries, list) or type(threshold) is not int:
        raise CustodiansInvalid(f"{path} has `threshold` and tables [[custodian]], and no more")
    found = tuple(_custodian(path, entry) for entry in entries)
    if len({one.name for one in found}) != len(found):
        raise CustodiansInvalid(f"{path} names a custodian twice")
    if len({one.public_key for one in found}) != len(found):
        # Two names on one key would make one person enough.
        raise CustodiansInvalid(f"{path} has one public key twice")
    if not 2 <= threshold <= len(found) <= MOST_SHARES:
        raise CustodiansInvalid(
            f"{path}: name 2 to {MOST_SHARES} custodians, and a threshold of 2 to that many"
        )
    return Custodians(threshold, found)


def _custodian(path: Path, entry: object) -> Custodian:
    if not isinstance(entry, dict) or set(entry) != {"name", "public_key"}:
        raise CustodiansInvalid(f"{path}: a custodian has `name` and `public_key`, and no more")
    name, text = str(entry["name"]), str(entry["public_key"])
    if not _NAME.fullmatch(name):
        raise CustodiansInvalid(f"{path}: a name is of lower-case letters, digits, . _ and -")
    try:
        key = base64.b64decode(text, validate=True)
        # Refuses points that would make every shared secret zero only when used: so use it.
        HPKE.encrypt(b"", X25519PublicKey.from_public_bytes(key), b"")
    except ValueError:
        raise CustodiansInvalid(
            f"{path}: the public_key of {name} is none; `vaultctl keys custodian` shows it"
        ) from None
    return Custodian(name, key)


def make_custodian_key(path: Path, passphrase: bytes) -> bytes:
    """Make a private key file of mode 0600; the public key. Without a passphrase it is in clear.

    Raises KeyFileRefused where there is a file, or the folder is open to others.
    """
    key = X25519PrivateKey.generate()
    how = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    content = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)
    with key_folder(path.parent) as folder:
        create_private(folder, path, content)
    return key.public_key().public_bytes_raw()


def read_custodian_key(path: Path, passphrase: Callable[[], bytes]) -> X25519PrivateKey:
    """Read a private key; `passphrase` is asked where it has one. Raises KeyFileRefused."""
    with key_folder(path.parent) as folder:
        content = read_private(folder, path)
    if content is None:
        raise KeyFileRefused(f"there is no {path}")
    given: bytes | None = passphrase() if b"ENCRYPTED" in content else None
    try:
        key = load_pem_private_key(content, given)
    except (ValueError, TypeError):
        raise KeyFileRefused(f"{path} does not open: another passphrase, or no key") from None
    if not isinstance(key, X25519PrivateKey):
        raise KeyFileRefused(f"{path} is not a key of X25519")
    return key


def seal_share(custodian: Custodian, backup: bytes, words: str) -> bytes:
    """A share, sealed to a custodian for one backup."""
    key = X25519PublicKey.from_public_bytes(custodian.public_key)
    return HPKE.encrypt(words.encode(), key, _info(custodian, backup))


def open_share(key: X25519PrivateKey, custodian: Custodian, backup: bytes, sealed: bytes) -> str:
    """The words of a share. Raises ShareRefused."""
    try:
        return HPKE.decrypt(sealed, key, _info(custodian, backup)).decode()
    except (InvalidTag, ValueError):
        raise ShareRefused(f"the share of {custodian.name} does not open with this key") from None


def _info(custodian: Custodian, backup: bytes) -> bytes:
    return framed(b"recordsvault/key-backup-share/v1", backup, custodian.name.encode())
