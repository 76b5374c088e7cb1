"""What can go wrong between a caller and the vault, as typed errors.

Every error says in one sentence, for people, what happened and how to mend it: `str(error)` in
English, `error.text("zh")` in Chinese. No error carries a value of a record or of a search: only
the names of fields and of resources.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import grpc

_NOTHING: Mapping[str, str] = MappingProxyType({})
# More would not be read; `InvalidArgument.violations` has them all.
_VIOLATIONS_IN_SENTENCE = 20


class ClientError(Exception):
    """Base of every error of this client.

    `texts` maps a language (`en`, `zh`) to the sentence; `en` is always there.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Keep the sentences; `en` is the one that `str()` gives."""
        super().__init__(texts["en"])
        self.texts = dict(texts)

    def text(self, lang: str = "en") -> str:
        """The sentence in `lang`, in English if there is none."""
        return self.texts.get(lang, self.texts["en"])


class ProfileError(ClientError):
    """A profile, or a file that it names, cannot be used; the sentence says how to mend it."""

    def __init__(self, en: str, zh: str) -> None:
        """Take the sentence in both languages."""
        super().__init__({"en": en, "zh": zh})


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One field that the vault did not accept (google.rpc.BadRequest.FieldViolation).

    `field` is the path in the request, such as `customer.natural_person.identity.number`;
    `reason` a code such as `CHECK_DIGIT`; `description` the sentence in English.
    """

    field: str
    description: str
    reason: str = ""
    localized: Mapping[str, str] = dataclasses.field(default_factory=lambda: _NOTHING)

    def text(self, lang: str = "en") -> str:
        """The description in `lang`, in English if there is none."""
        return self.localized.get(lang, self.description)

    def sentence(self, lang: str = "en") -> str:
        """The field, if it is about one, and the description."""
        return f"{self.field}: {self.text(lang)}" if self.field else self.text(lang)


class VaultError(ClientError):
    """The vault, or the way to it, answered with an error.

    `code` is the gRPC status code, `reason` and `metadata` come from google.rpc.ErrorInfo,
    `retry_delay` (seconds) from RetryInfo, `request_id` from the write that failed: sent again
    with that request_id it is not done twice.
    """

    default_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN

    def __init__(
        self,
        texts: Mapping[str, str],
        *,
        code: grpc.StatusCode | None = None,
        reason: str = "",
        metadata: Mapping[str, str] = _NOTHING,
        retry_delay: float | None = None,
    ) -> None:
        """Take what the status said; see `recordsvault_masked.status`."""
        super().__init__(texts)
        self.code = code or self.default_code
        self.reason = reason
        self.metadata = dict(metadata)
        self.retry_delay = retry_delay
        self.request_id = ""


class InvalidArgument(VaultError):
    """The request was not acceptable; `violations` names every field at once."""

    default_code = grpc.StatusCode.INVALID_ARGUMENT
    violations: tuple[Violation, ...] = ()

    def text(self, lang: str = "en") -> str:
        """The sentence, with each field and what is wrong with it."""
        if not self.violations:
            return super().text(lang)
        shown = self.violations[:_VIOLATIONS_IN_SENTENCE]
        listed = "; ".join(item.sentence(lang) for item in shown)
        rest = len(self.violations) - len(shown)
        if rest:
            listed += f"; 另有 {rest} 处" if lang == "zh" else f"; and {rest} more"
        return (
            f"请求不可接受：{listed}"
            if lang == "zh"
            else f"The request is not acceptable: {listed}"
        )

    def __str__(self) -> str:
        """As `text()`."""
        return self.text()


class Unauthenticated(VaultError):
    """The vault does not know the caller's certificate."""

    default_code = grpc.StatusCode.UNAUTHENTICATED


class PermissionDenied(VaultError):
    """Policy denies the call; `reason` says why, such as `PURPOSE_REQUIRED`."""

    default_code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(VaultError):
    """There is no such record for this caller."""

    default_code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(VaultError):
    """The record is there already; `existing` is its resource name."""

    default_code = grpc.StatusCode.ALREADY_EXISTS
    existing: str = ""


class Aborted(VaultError):
    """The record has changed since it was read: read it again and repeat the change."""

    default_code = grpc.StatusCode.ABORTED


class FailedPrecondition(VaultError):
    """The vault is not in the state that the call needs."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION


class ResourceExhausted(VaultError):
    """A limit is reached: too many calls, or a message that is too large."""

    default_code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(VaultError):
    """The vault cannot be reached or cannot serve now."""

    default_code = grpc.StatusCode.UNAVAILABLE
    # A handshake that failed will fail again: it is not tried twice.
    handshake: bool = False


class DeadlineExceeded(VaultError):
    """No answer within the deadline; a write may have been done: repeat it by its request_id."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED


class Cancelled(VaultError):
    """The caller gave the call up."""

    default_code = grpc.StatusCode.CANCELLED


class Unimplemented(VaultError):
    """The endpoint does not serve this method: the wrong tier, or an older vault."""

    default_code = grpc.StatusCode.UNIMPLEMENTED


class ServerFault(VaultError):
    """The vault failed in a way that it did not expect (INTERNAL, UNKNOWN, DATA_LOSS)."""

    default_code = grpc.StatusCode.INTERNAL


class ProtocolError(VaultError):
    """The vault's answer does not fit what was asked."""

    default_code = grpc.StatusCode.INTERNAL
