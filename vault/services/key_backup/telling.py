"""The events of backups and restores, written by whoever makes them on the vault's own machine."""

from __future__ import annotations

from sqlalchemy import Connection

from vault.access import Action
from vault.audit import AuditEvent, AuditLog
from vault.audit import Decision as Verdict
from vault.records import new_ulid
from vault.sealing import SystemClock
from vault.services.key_backup.file import Header
from vault.store import Database


async def tell_backed_up(data: Database, header: Header, *, rows: int, uid: int) -> None:
    """That a backup was made, of how many rows, and for whom: the custodians by name, and all of
    them with their keys by their digest. Raises LogUnavailable, StoreError."""
    names = [one.name for one in header.custodians.all]
    of_all = f"custodians/sha256:{header.custodians.digest}"
    await _tell(data, Action.KEYS_BACKED_UP, header, (of_all, *_named(names)), rows, uid)


async def tell_restored(
    data: Database, header: Header, by: tuple[str, ...], *, rows: int, uid: int
) -> None:
    """That a backup was restored, and which custodians opened it. Raises as `tell_backed_up`."""
    await _tell(data, Action.KEYS_RESTORED, header, tuple(_named(by)), rows, uid)


def _named(names: list[str] | tuple[str, ...]) -> list[str]:
    return [f"custodians/{name}" for name in names]


async def _tell(
    data: Database,
    action: Action,
    header: Header,
    resources: tuple[str, ...],
    rows: int,
    uid: int,
) -> None:
    clock = SystemClock()
    now = clock.now_micros()
    event = AuditEvent(
        event_id=new_ulid(now // 1000),
        time=now,
        tier="full",
        action=action.value,
        resource=f"keys/backups/{header.backup}",
        # Which person of the machine it was; the custodians are beside it.
        workload=f"uid:{uid}",
        resources=resources,
        decision=Verdict.NOT_EVALUATED,
        outcome="OK",
        count=rows,
    )
    log = AuditLog(data, clock.now_micros)
    await log.start()
    try:
        await log.commit(_nothing, lambda _: (event,))
    finally:
        await log.stop()


def _nothing(_conn: Connection) -> None:
    return None
