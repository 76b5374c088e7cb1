"""What a use case refuses, in terms that every caller can be told.

Each error knows its reason (a stable upper-case code, ``google.rpc.ErrorInfo.reason``) and a
sentence in English and Chinese, and its canonical code (``google.rpc.Code``). No sentence holds a
value of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field that is wrong: its path in the request, a code, and what to do about it."""

    field: str
    reason: str
    en: str
    zh: str


class VaultError(Exception):
    """A call that the vault refuses. ``metadata`` goes into ErrorInfo and holds no personal
    data."""

    code: str = "UNKNOWN"
    reason: str = "REFUSED"
    closed: bool = False
    """Whether it keeps something closed to the caller although its code says something else."""

    def __init__(self, en: str, zh: str, *, reason: str = "", **metadata: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh
        self.metadata = metadata
        if reason:
            self.reason = reason

    @property
    def denies(self) -> bool:
        """Whether it denies access, so that the log says that the call was denied."""
        return self.closed or self.code == "PERMISSION_DENIED"


class InvalidArgument(VaultError):
    """The request is wrong; ``violations`` names every field at once."""

    code = "INVALID_ARGUMENT"
    reason = "INVALID_FIELDS"

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        fields = ", ".join(v.field for v in violations[:5])
        more = f" and {len(violations) - 5} more" if len(violations) > 5 else ""
        super().__init__(
            f"The request has invalid fields: {fields}{more}. The details say what each should be.",
            f"请求中有无效字段：{fields}{'等' if more else ''}。详细信息说明了每个字段的要求。",
        )
        self.violations = tuple(violations)
        if len(violations) == 1:
            self.reason = violations[0].reason


class RequestIdReused(InvalidArgument):
    """A ``request_id`` came again with another body."""

    def __init__(self) -> None:
        super().__init__(
            [
                FieldViolation(
                    "request_id",
                    "REQUEST_ID_REUSED",
                    "was used before for a different request; make a new UUID for each new request",
                    "已用于另一个不同的请求；每个新请求请生成新的 UUID",
                )
            ]
        )


class NotFound(VaultError):
    """There is no such resource in the institution."""

    code = "NOT_FOUND"
    reason = "NOT_FOUND"

    def __init__(self, name: str, field: str = "name") -> None:
        super().__init__(f"{name} does not exist.", f"{name} 不存在。", resource=name, field=field)
        self.name = name


class AlreadyExists(VaultError):
    """Another customer of the institution holds what only one may hold. ``existing`` is his name;
    empty where the caller's roles do not reach him."""

    code = "ALREADY_EXISTS"
    reason = "IDENTITY_ALREADY_HELD"

    def __init__(self, existing: str) -> None:
        self.existing = existing
        if not existing:
            super().__init__(
                "A customer whom your roles do not reach already holds this identity or customer "
                "number. Have somebody look whose roles do, or correct the number.",
                "该证件号码或客户号已由您角色范围之外的客户登记。"
                "请由范围内的人员处理，或更正号码。",
            )
            return
        super().__init__(
            f"{existing} already holds this identity or customer number. "
            "Use that customer, or correct the number.",
            f"{existing} 已登记该证件号码或客户号。请使用该客户，或更正号码。",
            existing=existing,
        )


class Aborted(VaultError):
    """The record has changed since the caller read it."""

    code = "ABORTED"
    reason = "ETAG_MISMATCH"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has changed since the etag was read. Read it again and repeat the change.",
            f"{name} 在读取 etag 之后已被更改。请重新读取后再次提交更改。",
            resource=name,
        )


class Shredded(VaultError):
    """The record's keys have been destroyed."""

    code = "NOT_FOUND"
    reason = "SHREDDED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has been destroyed; its keys no longer exist.",
            f"{name} 已被销毁，其密钥已不存在。",
            resource=name,
        )


class Exhausted(VaultError):
    """A budget is used up for now."""

    code = "RESOURCE_EXHAUSTED"
    reason = "BUDGET_EXHAUSTED"


class Unavailable(VaultError):
    """A part that the call needs is away; trying again later may help."""

    code = "UNAVAILABLE"
    reason = "UNAVAILABLE"


class NotYetProvable(Unavailable):
    """The entry is in the log, and no checkpoint covers it yet."""

    reason = "NOT_YET_PROVABLE"

    def __init__(self) -> None:
        super().__init__(
            "The entry is in the log and will be covered by the next checkpoint. "
            "Ask again in a second.",
            "该条目已在日志中，下一个检查点将予以涵盖。请一秒后重试。",
        )


class LogRolledBack(Unavailable):
    """The log is not the one that the second place knows."""

    reason = "LOG_ROLLED_BACK"

    def __init__(self) -> None:
        super().__init__(
            "The log is older than, or not the same as, the one that this vault has signed, so "
            "nothing is answered. Operations see with `vaultctl recovery show` what to do.",
            "日志早于本保险库已签署的日志或与之不一致，因此不予应答。"
            "请运维人员用 `vaultctl recovery show` 查看处理方法。",
        )


class SecondPlaceUnavailable(Unavailable):
    """Whether the log was set back cannot be told now."""

    reason = "SECOND_PLACE_AWAY"

    def __init__(self) -> None:
        super().__init__(
            "The second place of the log's checkpoint is away, so it cannot be told whether the "
            "log was set back, and nothing is answered. Operations bring it back.",
            "日志检查点的第二存放处不可用，无法判断日志是否被回退，因此不予应答。请运维人员恢复。",
        )


class LogNotWitnessed(Unavailable):
    """The witnesses whose word this vault needs have not cosigned for too long."""

    reason = "LOG_NOT_WITNESSED"

    def __init__(self) -> None:
        super().__init__(
            "The log has not been cosigned by enough witnesses, which this vault requires. "
            "Operations see with `vaultctl health` which are missing.",
            "日志未获足够见证方联署，而本保险库要求联署。"
            "请运维人员用 `vaultctl health` 查看缺少哪些见证方。",
        )


class NothingToRecover(VaultError):
    """There is nothing to acknowledge."""

    code = "FAILED_PRECONDITION"
    reason = "NOTHING_TO_RECOVER"

    def __init__(self) -> None:
        super().__init__(
            "There is nothing to acknowledge: the log was not set back.",
            "无需确认：日志未被回退。",
        )


class RecoveryElsewhere(VaultError):
    """A masked node takes nobody's word."""

    code = "FAILED_PRECONDITION"
    reason = "RECOVERY_ELSEWHERE"

    def __init__(self) -> None:
        super().__init__(
            "A recovery is acknowledged on the full tier. This node goes on by itself then.",
            "恢复须在完整层确认。确认后本节点会自行继续。",
        )


class RecoveryChanged(VaultError):
    """Another incident than the one that was acknowledged."""

    code = "ABORTED"
    reason = "RECOVERY_CHANGED"

    def __init__(self) -> None:
        super().__init__(
            "That is not what is to be acknowledged now. Read the recovery again.",
            "该标识并非当前待确认的事项。请重新读取恢复状态。",
        )


class SecondPersonNeeded(VaultError):
    """He has acknowledged already; somebody else must."""

    code = "FAILED_PRECONDITION"
    reason = "SECOND_PERSON_NEEDED"

    def __init__(self) -> None:
        super().__init__(
            "You have acknowledged this already. An operator and a security officer must, and they "
            "must be two persons.",
            "您已确认过。须由运维人员与安全官两人分别确认。",
        )


class NoObjectStore(VaultError):
    """There is no place for objects."""

    code = "FAILED_PRECONDITION"
    reason = "NO_OBJECT_STORE"

    def __init__(self) -> None:
        super().__init__(
            "No object store is configured. Operations name a folder or a bucket in the table "
            "`blobs` of the configuration, and restart the server.",
            "未配置对象存储。请运维人员在配置的 `blobs` 表中指定文件夹或存储桶，并重启服务。",
        )


class BeyondLog(VaultError):
    """The log is not as long as the caller believes."""

    code = "OUT_OF_RANGE"
    reason = "BEYOND_LOG"

    def __init__(self) -> None:
        super().__init__(
            "The log is shorter than that. If a receipt or a checkpoint of this vault says "
            "otherwise, keep it and tell the security officer: the log may have been set back.",
            "日志没有这么长。若本保险库的回执或检查点与此不符，请妥善保存并通知安全官：日志可能已被回退。",
        )


class Corrupted(VaultError):
    """A stored row does not open: it was altered, moved or sealed for something else."""

    code = "DATA_LOSS"
    reason = "RECORD_DAMAGED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The stored record of {name} does not open: it was altered or damaged. "
            "Tell the security officer.",
            f"{name} 的存储记录无法解封：已被篡改或损坏。请通知安全官。",
            resource=name,
        )
