"""What a call is told while the key-encryption keys are sealed; the event of their unsealing."""

from __future__ import annotations

from sqlalchemy import Connection

from vault.access import Action
from vault.audit import AuditEvent, AuditLog
from vault.audit import Decision as Verdict
from vault.records import new_ulid
from vault.sealing import Clock
from vault.services.errors import VaultError


class KeysSealed(VaultError):
    """Too few custodians have given their shares since this node was started."""

    code = "UNAVAILABLE"
    reason = "KMS_SEALED"

    def __init__(self) -> None:
        super().__init__(
            "This node was started and waits for its custodians: the key-encryption keys are "
            "sealed. Try again later; operations can see how far it is with `vaultctl health`.",
            "本节点已启动，正等待保管人：密钥加密密钥尚未解封。请稍后重试；"
            "运维人员可用 `vaultctl health` 查看进度。",
        )


async def tell_unsealed(
    log: AuditLog, clock: Clock, *, tier: str, shares: int, by: tuple[int, ...]
) -> None:
    """Write the event: how many shares, and from which user ids of this machine, each once.

    Raises LogUnavailable.
    """
    now = clock.now_micros()
    event = AuditEvent(
        event_id=new_ulid(now // 1000),
        time=now,
        tier=tier,
        action=Action.KEYS_UNSEALED.value,
        resource="keys/shares",
        resources=tuple(f"uids/{uid}" for uid in sorted(set(by))),
        decision=Verdict.NOT_EVALUATED,
        outcome="OK",
        count=shares,
    )
    await log.commit(_nothing, lambda _: (event,))


def _nothing(_conn: Connection) -> None:
    return None
