"""Signing keys: of the log's checkpoints, of what changes access, and of a node's receipts. Local
files, Ed25519.

Format, one file a purpose, such as `log.signing`, JSON (UTF-8), the newest key last:

    {"format": "recordsvault-signing-v1", "purpose": "log",
     "keys": [{"id": "1", "algorithm": "ed25519", "created": "2026-01-01T00:00:00Z",
               "state": "active", "public": "<base64>", "seed": "<base64, 32 bytes>"}]}

Every active key signs: during a rotation the old one and the new one, so that whoever still knows
the old one alone can verify. A retired key has no seed any more; its public half stays, since what
it signed stays. Beside Ed25519 (RFC 8032) the log may have an ML-DSA-44 key (FIPS 204).
"""

import base64
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vault.kms.errors import KekMissing, KeyFileRefused, KmsUnavailable
from vault.kms.private_files import (
    create_private,
    key_folder,
    make_key_folder,
    read_private,
    replace_private,
)

FORMAT = "recordsvault-signing-v1"
SEED_BYTES = 32


class Purpose(StrEnum):
    """What a key signs. A masked node has a receipt key and no other."""

    LOG = "log"
    ACCESS = "access"
    RECEIPT = "receipt"


class Algorithm(StrEnum):
    """How it signs."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"


class _Private(Protocol):
    def sign(self, data: bytes, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key. `seed` is empty once it is retired; it then verifies and signs no more."""

    id: str
    algorithm: Algorithm
    created: str
    public: bytes
    seed: bytes = field(repr=False)
    _private: _Private | None = field(repr=False, compare=False, default=None)

    @property
    def active(self) -> bool:
        """Whether it signs."""
        return self._private is not None

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`. Raises KekMissing when the key is retired."""
        if self._private is None:
            raise KekMissing(f"the signing key {self.id} is retired")
        return self._private.sign(data)


def signing_file(directory: Path, purpose: Purpose) -> Path:
    """Where the keys of a purpose are."""
    return directory / f"{purpose.value}.signing"


def read_signing_keys(directory: Path, purpose: Purpose) -> tuple[SigningKey, ...]:
    """The keys of `purpose`, retired ones too, newest last; none where there is no file.

    Raises KeyFileRefused if folder or file is open to others or is no such file, KmsUnavailable
    if it cannot be read.
    """
    path = signing_file(directory, purpose)
    with key_folder(directory) as folder:
        content = read_private(folder, path)
    return () if content is None else _parse(content, purpose, path)


def create_signing_keys(
    directory: Path, purpose: Purpose, algorithms: Iterable[Algorithm] = (Algorithm.ED25519,)
) -> tuple[SigningKey, ...]:
    """Make the file with a key of each algorithm; the folder is made with mode 0700 where absent.

    Raises KeyFileRefused if there is one: a signing key is never replaced, only followed.
    """
    keys = tuple(_new(str(n), algorithm) for n, algorithm in enumerate(algorithms, 1))
    make_key_folder(directory)
    with key_folder(directory) as folder:
        create_private(folder, signing_file(directory, purpose), _content(purpose, keys))
    return keys


def rotate_signing_keys(
    directory: Path, purpose: Purpose, add: Iterable[Algorithm] = ()
) -> tuple[SigningKey, ...]:
    """Add a new key of each algorithm that signs now, and of those of `add`; all sign from now on.

    Returns all keys. Raises KeyFileRefused where there is no file.
    """
    keys = _existing(directory, purpose)
    number = max(int(key.id) for key in keys)
    wanted = sorted({key.algorithm for key in keys if key.active} | set(add))
    after = keys + tuple(_new(str(number + n), a) for n, a in enumerate(wanted, 1))
    _write(directory, purpose, after)
    return after


def retire_signing_keys(directory: Path, purpose: Purpose) -> tuple[SigningKey, ...]:
    """End a rotation: of each algorithm the newest key goes on, older ones lose their seed.

    Returns all keys. Raises KeyFileRefused where there is no older key that signs.
    """
    keys = _existing(directory, purpose)
    newest = {key.algorithm: key.id for key in keys if key.active}
    after = tuple(
        key
        if not key.active or newest[key.algorithm] == key.id
        else replace(key, seed=b"", _private=None)
        for key in keys
    )
    if after == keys:
        path = signing_file(directory, purpose)
        raise KeyFileRefused(f"{path} has no older key to retire: rotate first")
    _write(directory, purpose, after)
    return after


class SigningKeys:
    """The keys of a purpose as their file has them: a rotation is taken up without a restart.

    Thread-safe. A file that is gone or broken later leaves the keys that were read; `problem` says
    so. Raises KekMissing where there is no file, else as `read_signing_keys`.
    """

    def __init__(self, directory: Path, purpose: Purpose) -> None:
        self._directory = directory
        self._purpose = purpose
        self._seen = self._stamp()
        self._keys = read_signing_keys(directory, purpose)
        self.problem: str | None = None
        if not self._keys:
            raise KekMissing(
                f"{signing_file(directory, purpose)} is missing: restore it, or make it with "
                "`vaultd keys create`"
            )

    def __repr__(self) -> str:
        return f"<SigningKeys of the {self._purpose.value}: {len(self._keys)}>"

    def refresh(self) -> Sequence[SigningKey]:
        """All keys, read again if the file has changed."""
        stamp = self._stamp()
        if stamp != self._seen:
            self._seen = stamp
            try:
                keys = read_signing_keys(self._directory, self._purpose)
                self.problem = None if keys else "the key file is missing"
            except (KeyFileRefused, KmsUnavailable) as error:
                keys, self.problem = (), str(error)
            self._keys = keys or self._keys
        return self._keys

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = signing_file(self._directory, self._purpose).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_mode


def _existing(directory: Path, purpose: Purpose) -> tuple[SigningKey, ...]:
    keys = read_signing_keys(directory, purpose)
    if not keys:
        raise KeyFileRefused(f"{signing_file(directory, purpose)} is missing: create it first")
    return keys


def _private(algorithm: Algorithm, seed: bytes) -> tuple[_Private, bytes]:
    """The key of a seed, and its public half as the formats have it."""
    if algorithm is Algorithm.ED25519:
        key = Ed25519PrivateKey.from_private_bytes(seed)
        return key, key.public_key().public_bytes_raw()
    # Only here: a build of OpenSSL may lack it.
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

    try:
        lattice = MLDSA44PrivateKey.from_seed_bytes(seed)
    except UnsupportedAlgorithm:
        raise KmsUnavailable("this machine's OpenSSL has no ML-DSA-44") from None
    return lattice, lattice.public_key().public_bytes_raw()


def _new(key_id: str, algorithm: Algorithm) -> SigningKey:
    seed = secrets.token_bytes(SEED_BYTES)
    private, public = _private(algorithm, seed)
    created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SigningKey(key_id, algorithm, created, public, seed, private)


def _parse(content: bytes, purpose: Purpose, path: Path) -> tuple[SigningKey, ...]:
    def refused(why: str) -> KeyFileRefused:
        return KeyFileRefused(f"{path} is no {FORMAT} file: {why}; restore it from its backup")

    try:
        document: Any = json.loads(content)
        if document["format"] != FORMAT:
            raise refused("another format")
        if document["purpose"] != purpose.value:
            # A receipt key in the log's place would let a masked node sign checkpoints.
            raise refused(f"its keys are not for the {purpose.value}")
        keys = tuple(_parse_key(entry) for entry in document["keys"])
    # `from None`: the errors of the parsers quote what they read, which here is a key.
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise refused("malformed") from None
    if not any(key.active for key in keys):
        raise refused("it holds no key that signs")
    if len({key.id for key in keys}) != len(keys):
        raise refused("two keys have one id")
    return keys


def _parse_key(entry: Any) -> SigningKey:
    algorithm = Algorithm(entry["algorithm"])
    public = base64.b64decode(entry["public"], None, True)
    key_id, created = str(int(entry["id"])), str(entry["created"])
    if entry["state"] == "retired":
        return SigningKey(key_id, algorithm, created, public, b"")
    if entry["state"] != "active":
        raise ValueError("unknown state")
    seed = base64.b64decode(entry["seed"], None, True)
    private, derived = _private(algorithm, seed)
    if derived != public:
        raise ValueError("the halves do not belong together")
    return SigningKey(key_id, algorithm, created, public, seed, private)


def _content(purpose: Purpose, keys: Iterable[SigningKey]) -> bytes:
    def entry(key: SigningKey) -> dict[str, str]:
        out = {
            "id": key.id,
            "algorithm": key.algorithm.value,
            "created": key.created,
            "state": "active" if key.active else "retired",
            "public": base64.b64encode(key.public).decode("ascii"),
        }
        return out | ({"seed": base64.b64encode(key.seed).decode("ascii")} if key.active else {})

    document = {"format": FORMAT, "purpose": purpose.value, "keys": [entry(key) for key in keys]}
    return json.dumps(document, indent=2).encode("ascii") + b"\n"


def _write(directory: Path, purpose: Purpose, keys: Iterable[SigningKey]) -> None:
    with key_folder(directory) as folder:
        replace_private(folder, signing_file(directory, purpose), _content(purpose, keys))
