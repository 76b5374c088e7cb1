"""From what went wrong to what the caller is told: gRPC status, ErrorInfo, BadRequest and both
languages.

One table; an exception that is not in it is a defect of the vault: the caller gets INTERNAL with
the call's identifier and nothing else, and the details stay in the server's own log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from vault.audit import LogUnavailable
from vault.audit.archive import ArchiveDamaged, ArchiveUnavailable
from vault.audit.tiles import TileInvalid
from vault.blobs import BlobsUnavailable
from vault.kms import KekMissing, KekUnfit, KeyFileRefused, KmsSealed, KmsUnavailable, UnwrapRefused
from vault.sealing import BranchNotHeld, InstitutionKeysMissing, ScopeShredded, SealBroken
from vault.services import errors as refused
from vault.services.sealed_keks import KeysSealed
from vault.services.spent_up import BudgetExhausted
from vault.store import StoreAltered, StoreDamaged, StoreForbidden, StoreUnavailable
from vault.store.errors import KeyVersionGone
from vault.store.index_state import IndexMoved

DOMAIN = "recordsvault"
_RETRY_SECONDS = 1
# A status travels as metadata, of which gRPC clients take 8 KiB unless told otherwise; what is
# larger reaches them as another error. Other implementations count its base64, a third more; and
# the receipt beside it has up to 900 bytes, 1,000 while keys are being rotated.
STATUS_BYTES = 4_400


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure ready for the wire and for the log: both get the same code and reason."""

    code: grpc.StatusCode
    reason: str
    en: str
    zh: str
    metadata: dict[str, str]
    violations: tuple[refused.FieldViolation, ...] = ()
    retry: bool = False
    resource: str = ""
    retry_seconds: int = _RETRY_SECONDS

    def status(self, limit: int = 0) -> status_pb2.Status:
        """As ``google.rpc.Status`` with its details (AIP-193), in at most ``limit`` bytes if it is
        not 0: then a text is told once where there is little room, and what still does not fit is
        left out and counted."""
        status = self._status(self.violations)
        if not limit or status.ByteSize() <= limit:
            return status
        told: set[str] = set()
        short = []
        for v in self.violations:
            short.append(replace(v, en="", zh="") if v.reason in told else v)
            told.add(v.reason)
        fits, least = 0, len(short) + 1
        while fits + 1 < least:
            middle = (fits + least) // 2
            if self._status(short[:middle]).ByteSize() <= limit:
                fits = middle
            else:
                least = middle
        return self._status(short[:fits])

    def _status(self, violations: Sequence[refused.FieldViolation]) -> status_pb2.Status:
        details: list[any_pb2.Any] = []

        def add(message: object) -> None:
            packed = any_pb2.Any()
            packed.Pack(message)  # type: ignore[arg-type]  # error_details messages are untyped
            details.append(packed)

        left_out = len(self.violations) - len(violations)
        metadata = {**self.metadata, "violations_left_out": str(left_out)}
        add(
            error_details_pb2.ErrorInfo(
                reason=self.reason, domain=DOMAIN, metadata=metadata if left_out else self.metadata
            )
        )
        add(error_details_pb2.LocalizedMessage(locale="en", message=self.en))
        add(error_details_pb2.LocalizedMessage(locale="zh-CN", message=self.zh))
        if violations:
            add(_bad_request(violations))
        if self.resource:
            add(error_details_pb2.ResourceInfo(resource_name=self.resource))
        if self.retry:
            add(
                error_details_pb2.RetryInfo(
                    retry_delay=duration_pb2.Duration(seconds=self.retry_seconds)
                )
            )
        return status_pb2.Status(code=self.code.value[0], message=self.en, details=details)


def _bad_request(violations: Sequence[refused.FieldViolation]) -> error_details_pb2.BadRequest:
    bad = error_details_pb2.BadRequest()
    for v in violations:
        one = bad.field_violations.add(field=v.field, description=v.en, reason=v.reason)
        if v.zh:
            one.localized_message.locale = "zh-CN"
            one.localized_message.message = v.zh
    return bad


class Refusal(Exception):
    """Raised inside the pipeline for what it refuses itself."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.en)
        self.fault = fault


def denied(reason: str, en: str, zh: str, policies: tuple[str, ...]) -> Refusal:
    """Policy says no."""
    return Refusal(
        Fault(grpc.StatusCode.PERMISSION_DENIED, reason, en, zh, {"policies": ",".join(policies)})
    )


def _refused(error: refused.VaultError) -> Fault:
    code = grpc.StatusCode[error.code]
    return Fault(
        code,
        error.reason,
        error.en,
        error.zh,
        error.metadata,
        violations=error.violations if isinstance(error, refused.InvalidArgument) else (),
        retry=code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED),
        resource=error.existing if isinstance(error, refused.AlreadyExists) else "",
        retry_seconds=error.retry_seconds if isinstance(error, BudgetExhausted) else _RETRY_SECONDS,
    )


def status_of(error: refused.VaultError) -> status_pb2.Status:
    """A refusal as a status inside an answer, for one item of many."""
    return _refused(error).status()


def _away(reason: str, en: str, zh: str) -> Callable[[], Fault]:
    return lambda: Fault(grpc.StatusCode.UNAVAILABLE, reason, en, zh, {}, retry=True)


def _key_damaged() -> Fault:
    return Fault(
        grpc.StatusCode.DATA_LOSS,
        "KEY_DAMAGED",
        "A stored key does not open: it was altered, exchanged or damaged. "
        "Tell the security officer; operations can restore the key store.",
        "存储的密钥无法解封：已被篡改、调换或损坏。请通知安全官；运维人员可恢复密钥库。",
        {},
    )


_Kinds = tuple[type[Exception], ...]
_AWAY: tuple[tuple[_Kinds, Callable[[], Fault]], ...] = (
    (
        (LogUnavailable,),
        _away(
            "LOG_UNAVAILABLE",
            "The access log cannot be written, so nothing is answered. "
            "Operations must mend the log's database.",
            "访问日志无法写入，因此不予应答。请运维人员修复日志数据库。",
        ),
    ),
    (
        (StoreUnavailable,),
        _away(
            "STORE_UNAVAILABLE",
            "The database is away. Try again; operations can see the cause with `vaultctl health`.",
            "数据库暂不可用。请稍后重试；运维人员可用 `vaultctl health` 查看原因。",
        ),
    ),
    (
        # Whoever meets them has tried again by himself, some times.
        (IndexMoved, KeyVersionGone),
        _away(
            "KEYS_MOVED",
            "Keys were rotated while the call was carried out, and nothing was stored. Try again.",
            "调用执行期间密钥已轮换，未存储任何内容。请重试。",
        ),
    ),
    (
        (ArchiveUnavailable,),
        _away(
            "ARCHIVE_UNAVAILABLE",
            "The object store with the log's old entries is away. Try again; operations can see "
            "the cause with `vaultctl health`.",
            "存放日志旧条目的对象存储暂不可用。请稍后重试；"
            "运维人员可用 `vaultctl health` 查看原因。",
        ),
    ),
    (
        (BlobsUnavailable,),
        _away(
            "OBJECTS_UNAVAILABLE",
            "The object store is away. Try again, and go on where the call broke off; operations "
            "can see the cause with `vaultctl health`.",
            "对象存储暂不可用。请稍后从中断处重试；运维人员可用 `vaultctl health` 查看原因。",
        ),
    ),
    (
        (ArchiveDamaged,),
        lambda: Fault(
            grpc.StatusCode.DATA_LOSS,
            "ARCHIVE_DAMAGED",
            "Archived entries of the log are missing or altered. Tell the security officer; "
            "`vaultctl audit verify --live` names them.",
            "日志的归档条目缺失或被篡改。请通知安全官；"
            "`vaultctl audit verify --live` 可指明具体条目。",
            {},
        ),
    ),
    (
        # Before KmsUnavailable, of which it is one: calls that came past the gate.
        (KmsSealed,),
        _away("KMS_SEALED", KeysSealed().en, KeysSealed().zh),
    ),
    (
        # A key file that was replaced by one that others can read is mended like an outage.
        (KmsUnavailable, KeyFileRefused, KekUnfit),
        _away(
            "KMS_UNAVAILABLE",
            "The key management service is away and held keys have expired. Try again later.",
            "密钥管理服务不可用且已持有的密钥已过期。请稍后重试。",
        ),
    ),
    (
        (KekMissing, BranchNotHeld),
        lambda: Fault(
            grpc.StatusCode.FAILED_PRECONDITION,
            "KEK_MISSING",
            "This node holds no key for that. Call the full tier.",
            "本节点不持有该操作所需的密钥。请调用完整层。",
            {},
        ),
    ),
    (
        (StoreForbidden,),
        lambda: Fault(
            grpc.StatusCode.FAILED_PRECONDITION,
            "STORE_FORBIDDEN",
            "This node's database role may not do that. Call the full tier.",
            "本节点的数据库角色无权执行该操作。请调用完整层。",
            {},
        ),
    ),
    # A record that does not open is told by the use case; these are keys.
    ((SealBroken, UnwrapRefused), _key_damaged),
    (
        (ScopeShredded,),
        lambda: Fault(
            grpc.StatusCode.NOT_FOUND,
            "SHREDDED",
            "The record has been destroyed; its keys no longer exist.",
            "该记录已被销毁，其密钥已不存在。",
            {},
        ),
    ),
    (
        (InstitutionKeysMissing,),
        lambda: Fault(
            grpc.StatusCode.FAILED_PRECONDITION,
            "INSTITUTION_WITHOUT_KEYS",
            "The institution has no keys here. Operations add it to `institutions` "
            "in the full tier's configuration, or restore the key store.",
            "该机构在此没有密钥。请运维人员将其加入完整层配置的 `institutions`，或恢复密钥库。",
            {},
        ),
    ),
    (
        # A tile that is none stands in a table, too.
        (StoreAltered, TileInvalid),
        lambda: Fault(
            grpc.StatusCode.DATA_LOSS,
            "STORE_ALTERED",
            "The database holds a value that the vault did not write: it was altered past the "
            "vault. Tell the security officer; `vaultctl audit verify --live` says what was.",
            "数据库中存有并非由保险库写入的值：数据库被绕过保险库改动。请通知安全官；"
            "`vaultctl audit verify --live` 可指出改动之处。",
            {},
        ),
    ),
    (
        (StoreDamaged,),
        lambda: Fault(
            grpc.StatusCode.DATA_LOSS,
            "STORE_DAMAGED",
            "The database is damaged. Operations must restore it.",
            "数据库已损坏，需由运维人员恢复。",
            {},
        ),
    ),
)


MAPPED: _Kinds = tuple(kind for kinds, _ in _AWAY for kind in kinds)


def fault_of(error: BaseException, call_id: str) -> Fault | None:
    """The fault that an exception stands for; None for a defect of the vault (see ``internal``)."""
    if isinstance(error, Refusal):
        return error.fault
    if isinstance(error, refused.VaultError):
        return _refused(error)
    for kinds, make in _AWAY:
        if isinstance(error, kinds):
            return make()
    return None


def internal(call_id: str) -> Fault:
    """What a caller is told of a defect: that it happened, and by which name to ask about it."""
    return Fault(
        grpc.StatusCode.INTERNAL,
        "INTERNAL",
        f"The vault failed to carry out the call. Tell operations its identifier: {call_id}.",
        f"保险库未能完成该调用。请将其标识告知运维人员：{call_id}。",
        {"call_id": call_id},
    )
