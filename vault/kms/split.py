"""KEKs sealed under a secret that k of n custodians hold together, and give at each start.

The file `keks.sealed` holds the KEK files of a tier (vault.kms.keyfiles), sealed as one by
AES-256-GCM under a key that HKDF-SHA-256 derives from the split secret:

    {"format": "recordsvault-split-keks-v1", "split": 12345, "threshold": 3, "shares": 5,
     "keks": ["full", "masked", "index"], "created": "2026-01-01T00:00:00Z",
     "sealed": "<base64: 96-bit nonce, ciphertext, 128-bit tag>"}

All that stands beside `sealed` is its associated data. Until enough shares were given, every use of
a KEK raises KmsSealed, and `threshold` shares later the KEKs are in memory, as those of local files
are. Wrapped keys are the same as under local files: splitting the KEKs of a running vault rewraps
nothing.
"""

import base64
import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vault.kms.errors import KekMissing, KeyFileRefused, KmsSealed, SharesRefused
from vault.kms.keybytes import framed, random_key, wipe
from vault.kms.keyfiles import kek_file, parse_kek
from vault.kms.local import KeksInMemory
from vault.kms.port import KekName, WrappedKey
from vault.kms.private_files import create_private, key_folder, make_key_folder, read_private
from vault.kms.shares import SECRET_BYTES, ReadShare, combine, read_share, split_secret

FORMAT: Final = "recordsvault-split-keks-v1"
FILE: Final = "keks.sealed"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_FORGET_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class SealedKeks:
    """A read `keks.sealed`."""

    split: int
    threshold: int
    shares: int
    keks: tuple[KekName, ...]
    created: str
    sealed: bytes = field(repr=False)

    def aad(self) -> bytes:
        """Associated data of `sealed`."""
        numbers = (self.split, self.threshold, self.shares)
        parts = [*map(str, numbers), self.created, *(kek.value for kek in self.keks)]
        return framed(FORMAT.encode(), *(part.encode() for part in parts))


@dataclass(frozen=True, slots=True)
class Standing:
    """How far an unsealing is."""

    sealed: bool
    given: int
    threshold: int
    shares: int


class SplitKms:
    """The KEKs of `keks.sealed` in `directory`, sealed until its shares are given. Thread-safe.

    Shares that stay too few are forgotten ten minutes after the first one. `monotonic` is for tests
    to turn. Raises KeyFileRefused, KekMissing where there is no such file, KmsUnavailable.
    """

    def __init__(self, directory: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._directory = directory
        self._file = read_sealed(directory)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keks: KeksInMemory | None = None
        self._given: dict[int, ReadShare] = {}
        self._forget_at = 0.0

    def __repr__(self) -> str:
        return f"<SplitKms, {'sealed' if self._keks is None else 'unsealed'}>"

    @property
    def names(self) -> tuple[KekName, ...]:
        """The KEKs in the file, which can be told without a share."""
        return self._file.keks

    @property
    def standing(self) -> Standing:
        """How far the unsealing is."""
        with self._lock:
            self._forget_late()
            return self._standing()

    def give(self, words: str) -> Standing:
        """Take one share; the last one that is needed unseals.

        Raises SharesRefused for what is no share of this file, or is given twice. When the shares
        together do not open it, all are forgotten.
        """
        share = read_share(words)
        if share.split != self._file.split:
            raise SharesRefused("this share belongs to another key, or to an earlier split of it")
        with self._lock:
            if self._keks is not None:
                return self._standing()
            self._forget_late()
            if share.number in self._given:
                raise SharesRefused("this share was given already: another holder's is needed")
            if not self._given:
                self._forget_at = self._monotonic() + _FORGET_SECONDS
            self._given[share.number] = share
            if len(self._given) >= self._file.threshold:
                shares = list(self._given.values())
                # Whether they open it or not: they have no business in memory any more.
                self._given = {}
                self._keks = KeksInMemory(_opened(self._file, shares))
            return self._standing()

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap. Raises KmsSealed before enough shares were given."""
        return self._held(kek).wrap(kek, key, context)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap. Raises KmsSealed before enough shares were given."""
        return self._held(wrapped.kek).unwrap(wrapped, context)

    def check(self) -> None:
        """As Kms.check: unsealed, and the file is still the one that it was unsealed from."""
        keks = self._keks
        if keks is None:
            raise self._still_sealed()
        if read_sealed(self._directory) != self._file:
            raise KeyFileRefused(
                f"{self._directory / FILE} is another one than at the start: restart, and give the "
                "shares of the new one"
            )
        keks.check_with(keks)

    def _held(self, kek: KekName) -> KeksInMemory:
        if kek not in self._file.keks:
            raise KekMissing(f"this node has no KEK {kek.value!r}")
        keks = self._keks
        if keks is None:
            raise self._still_sealed()
        return keks

    def _still_sealed(self) -> KmsSealed:
        now = self.standing
        return KmsSealed(f"sealed: {now.given} of {now.threshold} shares were given")

    def _standing(self) -> Standing:
        file = self._file
        return Standing(self._keks is None, len(self._given), file.threshold, file.shares)

    def _forget_late(self) -> None:
        if self._given and self._monotonic() >= self._forget_at:
            self._given = {}


def split_keks(directory: Path, target: Path, threshold: int, shares: int) -> list[ReadShare]:
    """Seal the KEK files of `directory` into `target`/keks.sealed; the shares that open it.

    The KEK files stay: delete them when the shares were tried. Raises KekMissing where there are
    none, KeyFileRefused where `target` has a `keks.sealed` already, ValueError as `split_secret`.
    """
    contents: dict[str, str] = {}
    for kek in KekName:
        content = kek_file(directory, kek)
        if content is not None:
            for version in parse_kek(content, kek, directory / f"{kek.value}.kek"):
                wipe(version.key)
            contents[kek.value] = content.decode("utf-8")
    if not contents:
        raise KekMissing(f"{directory} has no KEK files to seal")
    secret = random_key(SECRET_BYTES)
    try:
        made = split_secret(secret, threshold, shares)
        # Everything will hang on them: what cannot be put together again must not be sealed.
        if combine(made[-threshold:]) != secret:
            raise SharesRefused("the shares do not give back what was split")
        keks = tuple(KekName(name) for name in contents)
        created = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        header = SealedKeks(made[0].split, threshold, shares, keks, created, b"")
        nonce = secrets.token_bytes(_NONCE_BYTES)
        plain = json.dumps(contents).encode()
        sealed = nonce + AESGCM(_key(secret)).encrypt(nonce, plain, header.aad())
    finally:
        wipe(secret)
    document = {
        "format": FORMAT,
        "split": header.split,
        "threshold": threshold,
        "shares": shares,
        "keks": [kek.value for kek in keks],
        "created": created,
        "sealed": base64.b64encode(sealed).decode("ascii"),
    }
    make_key_folder(target)
    with key_folder(target) as folder:
        create_private(folder, target / FILE, json.dumps(document, indent=2).encode() + b"\n")
    return made


def read_sealed(directory: Path) -> SealedKeks:
    """Read `keks.sealed`. Raises KekMissing where there is none, KeyFileRefused, KmsUnavailable."""
    path = directory / FILE
    with key_folder(directory) as folder:
        content = read_private(folder, path)
    if content is None:
        raise KekMissing(
            f"there is no {path}: restore it there, or make it by `vaultctl kms split`"
        )
    try:
        document: Any = json.loads(content)
        if document["format"] != FORMAT:
            raise ValueError
        split, threshold, shares = (int(document[key]) for key in ("split", "threshold", "shares"))
        keks = tuple(KekName(name) for name in document["keks"])
        sealed = base64.b64decode(document["sealed"], None, True)
        if not 2 <= threshold <= shares or not keks or len(sealed) < _NONCE_BYTES + _TAG_BYTES:
            raise ValueError
        return SealedKeks(split, threshold, shares, keks, str(document["created"]), sealed)
    except (ValueError, LookupError, TypeError, RecursionError):
        raise KeyFileRefused(
            f"{path} is no {FORMAT} file: malformed; restore it from its backup"
        ) from None


def _opened(file: SealedKeks, shares: list[ReadShare]) -> Mapping[KekName, Any]:
    wrong = SharesRefused("the shares do not open the sealed KEKs: all are to be given again")
    try:
        secret = combine(shares)
    except SharesRefused:
        raise wrong from None
    try:
        nonce, sealed = file.sealed[:_NONCE_BYTES], file.sealed[_NONCE_BYTES:]
        plain = bytearray(len(sealed) - _TAG_BYTES)
        AESGCM(_key(secret)).decrypt_into(nonce, sealed, file.aad(), plain)
    except InvalidTag:
        raise wrong from None
    finally:
        wipe(secret)
    try:
        contents: dict[str, str] = json.loads(plain)
        return {
            kek: parse_kek(contents[kek.value].encode(), kek, Path(f"{kek.value}.kek"))
            for kek in file.keks
        }
    finally:
        wipe(plain)


def _key(secret: bytearray) -> bytes:
    return HKDF(SHA256(), 32, None, FORMAT.encode()).derive(bytes(secret))
