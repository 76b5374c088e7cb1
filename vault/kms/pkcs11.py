"""KEKs in a hardware security module, by PKCS#11 2.40 (python-pkcs11, the extra `pkcs11`).

The KEK `full` is every AES key of 32 bytes labelled `{prefix}full-1`, `{prefix}full-2`, ... in the
token; the highest number is the newest, and is found without a restart. Its version is kept as
`pkcs11:2`. A key that may leave the module, or that is not marked as sensitive, is not taken.

A wrapped key is: format byte 1 | 96-bit nonce | AES-256-GCM ciphertext and 128-bit tag
(CKM_AES_GCM), with the KEK's name and version and the caller's context as associated data, as with
local files. The nonce is random and ours (NIST SP 800-38D, 8.2.2): a module that demands to choose
it itself, as some do in FIPS mode, does not serve here.

PKCS#11 is of the whole process: a library is loaded once, a token is logged in to once, and
sessions without a PIN share that. So the login is held in `_logins`, and each operation has a
session of its own. python-pkcs11 loads a library without telling it that there are threads
(C_Initialize without CKF_OS_LOCKING_OK), so one thread is in it at a time: `_in_library`. A wrong
PIN is tried once only, since tokens lock themselves after a few.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from vault.kms.checking import CHECK_CONTEXT, check_given
from vault.kms.errors import KekMissing, KekUnfit, KmsUnavailable, UnwrapRefused
from vault.kms.keybytes import framed
from vault.kms.port import KekName, WrappedKey
from vault.kms.private_files import key_folder, read_private

T = TypeVar("T")
_FORMAT: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_OVERHEAD: Final = len(_FORMAT) + _NONCE_BYTES + _TAG_BYTES
_KEK_BITS: Final = 256
_VERSION: Final = re.compile(r"pkcs11:([1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pkcs11Settings:
    """`module` is the library that the module's maker gives, `token` the token's label,
    `pin_file` has its user PIN in one line. `timeout`, in seconds, is for the turn in the library:
    for what happens in there, there is none."""

    module: Path
    token: str
    pin_file: Path
    prefix: str = "recordsvault-"
    timeout: float = 2.0


class Pkcs11Kms:
    """The KEKs of a token.

    Raises KmsUnavailable where python-pkcs11 is not installed or the library does not load.
    """

    def __init__(self, settings: Pkcs11Settings) -> None:
        try:
            import pkcs11
        except ImportError:
            raise KmsUnavailable(
                "python-pkcs11 is not installed: pip install 'records-vault[pkcs11]'"
            ) from None
        self._api: Any = pkcs11
        self._settings = settings
        self._label = re.compile(re.escape(settings.prefix) + r"([a-z]+)-([1-9][0-9]{0,8})")

    def __repr__(self) -> str:
        return f"<Pkcs11Kms of token {self._settings.token!r}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""

        def work(session: Any) -> WrappedKey:
            version, handle = self._newest(session, kek)
            nonce = secrets.token_bytes(_NONCE_BYTES)
            how = self._gcm(nonce, _aad(kek, version, context))
            sealed = handle.encrypt(bytes(key), **how)
            if len(sealed) != len(key) + _TAG_BYTES:
                raise KmsUnavailable("the token gave a ciphertext of a wrong length")
            return WrappedKey(kek, version, _FORMAT + nonce + sealed)

        return self._in_session(work)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        version = _VERSION.fullmatch(wrapped.kek_version)
        if version is None:
            raise KekMissing(f"the token has no KEK {wrapped.kek.value!r} of that version")
        blob = wrapped.blob
        if len(blob) < _OVERHEAD or not blob.startswith(_FORMAT):
            raise UnwrapRefused("not a key that this provider wrapped")
        nonce, sealed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        aad = _aad(wrapped.kek, wrapped.kek_version, context)

        def work(session: Any) -> bytearray:
            handle = self._key(session, f"{self._settings.prefix}{wrapped.kek.value}-{version[1]}")
            refused = self._api.exceptions
            try:
                return bytearray(handle.decrypt(sealed, **self._gcm(nonce, aad)))
            except (refused.EncryptedDataInvalid, refused.EncryptedDataLenRange):
                raise UnwrapRefused("the wrapped key was changed or belongs elsewhere") from None
            except (refused.GeneralError, refused.FunctionFailed):
                # Some modules say of a wrong tag no more than that: SoftHSM among them. Whether
                # the key works at all is asked by what was wrapped just now.
                self._require_working(handle)
                raise UnwrapRefused("the wrapped key was changed or belongs elsewhere") from None

        return self._in_session(work)

    def check(self) -> None:
        """As Kms.check. The KEKs that the node was given are those in its token."""
        check_given(
            self,
            wrong="the token gave back another key than it was given",
            none=f"token {self._settings.token!r} has no KEK",
        )

    def _gcm(self, nonce: bytes, aad: bytes) -> dict[str, Any]:
        return {
            "mechanism": self._api.Mechanism.AES_GCM,
            "mechanism_param": self._api.GCMParams(nonce, aad, _TAG_BYTES * 8),
        }

    def _require_working(self, handle: Any) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        how = self._gcm(nonce, CHECK_CONTEXT)
        if handle.decrypt(handle.encrypt(CHECK_CONTEXT, **how), **how) != CHECK_CONTEXT:
            raise KmsUnavailable("the token does not decrypt what it encrypted")

    def _newest(self, session: Any, kek: KekName) -> tuple[str, Any]:
        found: dict[int, Any] = {}
        for one in session.get_objects(self._aes()):
            label = self._label.fullmatch(str(one.label or ""))
            if label is None or label[1] != kek.value:
                continue
            number = int(label[2])
            if number in found:
                raise KekUnfit(f"the token has two keys labelled {one.label}: rename one")
            found[number] = one
        if not found:
            raise KekMissing(f"token {self._settings.token!r} has no KEK {kek.value!r}")
        number = max(found)
        self._require_fit(found[number])
        return f"pkcs11:{number}", found[number]

    def _key(self, session: Any, label: str) -> Any:
        found = list(session.get_objects({**self._aes(), self._api.Attribute.LABEL: label}))
        if not found:
            raise KekMissing(f"token {self._settings.token!r} has no key {label!r}")
        if len(found) > 1:
            raise KekUnfit(f"the token has two keys labelled {label}: rename one")
        self._require_fit(found[0])
        return found[0]

    def _aes(self) -> dict[Any, Any]:
        kind = self._api.Attribute
        secret = self._api.ObjectClass.SECRET_KEY
        return {kind.CLASS: secret, kind.KEY_TYPE: self._api.KeyType.AES}

    def _require_fit(self, key: Any) -> None:
        kind = self._api.Attribute
        if key[kind.EXTRACTABLE] or not key[kind.SENSITIVE] or key.key_length != _KEK_BITS:
            raise KekUnfit(
                f"the token's key {key.label!r} may leave it, or is not of 256 bits: make one with "
                "CKA_SENSITIVE and without CKA_EXTRACTABLE"
            )

    def _in_session(self, work: Callable[[Any], T]) -> T:
        with _in_library(self._settings):
            login = _login(self._settings)
            try:
                with login.open(self._api).open() as session:
                    return work(session)
            except self._api.exceptions.PKCS11Error as error:
                # Whatever it was, the next attempt logs in anew: after a module was lost, nothing
                # of the old login is worth anything.
                login.forget()
                raise KmsUnavailable(f"the token cannot be used ({type(error).__name__})") from None


class _Login:
    """The one login of this process to a token; used by one thread at a time."""

    def __init__(self, settings: Pkcs11Settings) -> None:
        self._settings = settings
        self._token: Any = None
        self._session: Any = None
        self._refused_pin = b""

    def open(self, api: Any) -> Any:
        """The token, logged in to. Raises PKCS11Error, KmsUnavailable, KekUnfit."""
        if self._session is None:
            self._token = self._found(api)
            self._session = self._logged_in(api, self._token)
        return self._token

    def forget(self) -> None:
        """Log in anew the next time."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(Exception):  # of a module that is gone there is nothing to close
                session.close()

    def _found(self, api: Any) -> Any:
        try:
            library = api.lib(str(self._settings.module))
        except (RuntimeError, OSError) as error:
            raise KmsUnavailable(
                f"{self._settings.module} cannot be loaded ({type(error).__name__})"
            ) from None
        try:
            return library.get_token(token_label=self._settings.token)
        except api.exceptions.NoSuchToken:
            raise KmsUnavailable(f"there is no token {self._settings.token!r}") from None
        except api.exceptions.MultipleTokensReturned:
            raise KekUnfit(
                f"two tokens are labelled {self._settings.token!r}: rename one"
            ) from None

    def _logged_in(self, api: Any, token: Any) -> Any:
        file = self._settings.pin_file
        with key_folder(file.parent) as folder:
            pin = (read_private(folder, file) or b"").strip()
        wrong = KekUnfit(
            f"the PIN in {file} is not that of token {self._settings.token!r}: put the right one "
            "there; this one is not tried again, since tokens lock themselves"
        )
        digest = hashlib.sha256(pin).digest()
        if not pin or digest == self._refused_pin:
            raise wrong
        try:
            return token.open(user_pin=pin.decode())
        except api.exceptions.UserAlreadyLoggedIn:
            return token.open()
        except (
            UnicodeDecodeError,
            api.exceptions.PinIncorrect,
            api.exceptions.PinInvalid,
            api.exceptions.PinLenRange,
            api.exceptions.PinLocked,
        ):
            self._refused_pin = digest
            raise wrong from None


_logins: dict[tuple[Path, str], _Login] = {}
_libraries: dict[Path, threading.Lock] = {}


@contextmanager
def _in_library(settings: Pkcs11Settings) -> Iterator[None]:
    turn = _libraries.setdefault(settings.module, threading.Lock())
    if not turn.acquire(timeout=settings.timeout):
        raise KmsUnavailable(f"{settings.module.name} does not come back from an earlier call")
    try:
        yield
    finally:
        turn.release()


def _login(settings: Pkcs11Settings) -> _Login:
    return _logins.setdefault((settings.module, settings.token), _Login(settings))


def _aad(kek: KekName, version: str, context: bytes) -> bytes:
    return framed(b"recordsvault/kek-wrap/v1", kek.value.encode(), version.encode(), context)
