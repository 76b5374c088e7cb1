"""KEKs in AWS KMS, by boto3 (the extra `aws`).

The KEK `full` is the symmetric key that the alias `alias/{prefix}full` names, and so on; a new
version of a KEK is another key that the alias is moved to. Its version is the key's ARN, by which
it is asked to unwrap, whatever the alias names by then. (AWS's own yearly rotation of a key's
material stays inside of the key and is not a version here.)

The context is AWS's encryption context: `kek` in clear and the vault's context in base64. Both
stand in CloudTrail; they name institution and branch, and nobody's file.

Credentials come as boto3 finds them: a role of the machine, the environment, a profile.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from vault.kms.checking import check_given
from vault.kms.errors import KekMissing, KmsUnavailable, UnwrapRefused
from vault.kms.port import KekName, WrappedKey

if TYPE_CHECKING:
    from collections.abc import Callable

_FORMAT: Final = b"\x01"
_MAX_BLOB: Final = 6_144  # what Decrypt takes
_MISSING: Final = {
    "NotFoundException",
    "AccessDeniedException",
    # What the key's owner withdrew. To be held on to would be against his will.
    "DisabledException",
    "KMSInvalidStateException",
    "InvalidArnException",
}
_REFUSED: Final = {"InvalidCiphertextException", "IncorrectKeyException", "ValidationException"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsSettings:
    """`endpoint` is another than the region's own, as of a VPC; `timeout` in seconds, for a
    connection and for each read of it."""

    region: str
    prefix: str = "recordsvault-"
    endpoint: str = ""
    timeout: float = 2.0


class AwsKms:
    """The KEKs that the node's credentials may use.

    Raises KmsUnavailable where boto3 is not installed.
    """

    def __init__(self, settings: AwsSettings) -> None:
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError:
            raise KmsUnavailable(
                "boto3 is not installed: pip install 'records-vault[aws]'"
            ) from None
        self._prefix = settings.prefix
        self._region = settings.region
        self._client_error: type[Exception] = ClientError
        self._any_error: tuple[type[Exception], ...] = (ClientError, BotoCoreError)
        # A session of its own: boto3's default one is not safe among threads. Retries are the
        # guard's, who knows how much time is left.
        self._client: Any = boto3.session.Session().client(
            "kms",
            region_name=settings.region,
            endpoint_url=settings.endpoint or None,
            config=Config(
                connect_timeout=settings.timeout,
                read_timeout=settings.timeout,
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )

    def __repr__(self) -> str:
        return f"<AwsKms in {self._region}>"

    def wrap(self, kek: KekName, key: bytes | bytearray, context: bytes) -> WrappedKey:
        """As Kms.wrap."""
        alias = f"alias/{self._prefix}{kek.value}"
        answer = self._ask(
            kek,
            lambda: self._client.encrypt(
                KeyId=alias, Plaintext=bytes(key), EncryptionContext=_context(kek, context)
            ),
        )
        blob, arn = answer.get("CiphertextBlob"), answer.get("KeyId")
        if not isinstance(blob, bytes) or not blob or not isinstance(arn, str) or not arn:
            raise KmsUnavailable("AWS KMS answered without a ciphertext")
        return WrappedKey(kek, arn, _FORMAT + blob)

    def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytearray:
        """As Kms.unwrap."""
        if not wrapped.kek_version.startswith("arn:"):
            raise KekMissing(f"AWS KMS has no KEK {wrapped.kek.value!r} of that version")
        blob = wrapped.blob[1:]
        if not wrapped.blob.startswith(_FORMAT) or not 0 < len(blob) <= _MAX_BLOB:
            raise UnwrapRefused("not a key that this provider wrapped")
        answer = self._ask(
            wrapped.kek,
            lambda: self._client.decrypt(
                KeyId=wrapped.kek_version,
                CiphertextBlob=blob,
                EncryptionContext=_context(wrapped.kek, context),
            ),
        )
        key = answer.get("Plaintext")
        if not isinstance(key, bytes):
            raise KmsUnavailable("AWS KMS answered without a plaintext")
        if answer.get("KeyId") != wrapped.kek_version:
            raise UnwrapRefused("the wrapped key belongs to another KEK")
        return bytearray(key)

    def check(self) -> None:
        """As Kms.check. Which KEKs the node was given, AWS knows: those that it may use."""
        check_given(
            self,
            wrong="AWS KMS gave back another key than it was given",
            none="the node's credentials may use no KEK in AWS KMS",
        )

    def _ask(self, kek: KekName, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            answer = call()
        except self._any_error as error:
            # Its text may quote what was sent.
            raise self._meant(kek, error) from None
        if not isinstance(answer, dict):
            raise KmsUnavailable("AWS KMS gave no answer that can be understood")
        return answer

    def _meant(self, kek: KekName, error: Exception) -> Exception:
        if not isinstance(error, self._client_error):
            return KmsUnavailable(f"AWS KMS cannot be reached ({type(error).__name__})")
        code = str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))
        if code in _MISSING:
            return KekMissing(f"AWS KMS lets this node not use a KEK {kek.value!r} ({code})")
        if code in _REFUSED:
            return UnwrapRefused("the wrapped key was changed or belongs elsewhere")
        return KmsUnavailable(f"AWS KMS answered {code if code.isalnum() else 'an error'}")


def _context(kek: KekName, context: bytes) -> dict[str, str]:
    return {
        "recordsvault:kek": kek.value,
        "recordsvault:context": base64.b64encode(context).decode("ascii"),
    }
