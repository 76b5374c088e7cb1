"""No byte of a sealed column can be changed, cut off or added.

Through the use cases every byte is tried, over the running vault some of each part.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.hostile.stage import (
    COLUMNS,
    FILE_KEY_SECONDS,
    OWN_ROWS,
    Row,
    Stage,
)
from vault.access import Action, ResourceRef
from vault.sealing import SystemClock
from vault.server.parts import Parts, build
from vault.server.settings import TierName, load
from vault.services.call import Call
from vault.services.errors import Corrupted
from vault.services.masked import MaskedReading
from vault.services.reach import FullReach
from vault.services.reading import Reading


class _Uncommitted:
    """A database as the use cases see it, within a transaction that is never committed."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn

    async def read(self, fn: Callable[[Connection], Any]) -> Any:
        return fn(self.conn)


def _call(parts: Parts, action: Action, row: Row, tier: TierName, who: str) -> Call:
    principal = parts.directory.lookup(f"spiffe://demo.bank/{who}")
    assert principal is not None
    place = ResourceRef(row.key["institution"], row.key["customer"], action.kind)
    decision = parts.policy.decide(principal, action, place, "ONBOARDING_CDD", False)
    return Call("c", tier.value, action.value, "", principal=principal, decision=decision)


def _use_case(parts: Parts, database: Any, row: Row, column: str) -> Callable[[], Any]:
    """Opens the row's column as the service does."""
    key = row.key
    full = Reading(database, parts.keys, FullReach(database, parts.keys, SystemClock()))
    masked = MaskedReading(database, parts.keys, None)  # type: ignore[arg-type]  # nothing is searched
    at = (key["institution"], key["customer"])
    if column == "sealed":
        actions = {
            "customers": (Action.CUSTOMERS_GET, full.customer, at),
            "documents": (Action.DOCUMENTS_GET, full.document, (*at, key.get("document"))),
            "transactions": (
                Action.TRANSACTIONS_GET,
                full.transaction,
                (*at, key.get("transaction")),
            ),
        }
    else:
        actions = {
            "customers": (Action.MASKED_CUSTOMERS_GET, masked.customer, at),
            "documents": (Action.MASKED_DOCUMENTS_GET, masked.document, (*at, key.get("document"))),
            "transactions": (
                Action.MASKED_TRANSACTIONS_GET,
                masked.transaction,
                (*at, key.get("transaction")),
            ),
        }
    action, use_case, arguments = actions[row.table.name]
    tier, who = (TierName.FULL, "compliance") if column == "sealed" else (TierName.MASKED, "crm")
    call = _call(parts, action, row, tier, who)
    return lambda: use_case(call, *arguments)  # type: ignore[operator]  # one of six methods


def _changed(value: bytes) -> Iterator[tuple[str, bytes]]:
    for at in range(len(value)):
        flipped = bytearray(value)
        flipped[at] ^= 1 << at % 8
        yield f"byte {at} of {len(value)}", bytes(flipped)
    for length in (0, 1, 17, 18, len(value) // 2, len(value) - 1):
        yield f"cut to {length} bytes", value[:length]
    yield "one byte more", value + b"\0"
    yield "one byte in front", b"\0" + value


@pytest.mark.parametrize("which", OWN_ROWS)
@pytest.mark.parametrize("column", COLUMNS)
def test_no_flipped_byte_of_a_column_opens(stage: Stage, which: str, column: str) -> None:
    row = stage.rows[which]
    opened_anyway: list[str] = []

    async def main(parts: Parts, conn: Connection) -> None:
        read = _use_case(parts, _Uncommitted(conn), row, column)
        good, put = row.get(conn, column), row.putting(conn, column)
        assert await read()
        for what, bad in _changed(good):
            put(bad)
            try:
                await read()
            except Corrupted as error:
                assert stage.secrets.scan(repr(vars(error)).encode()) == []
            else:
                opened_anyway.append(what)
        put(good)
        assert await read()

    # With the keys held as usual: here nobody touches them.
    parts = build(load(_usual_cache(stage.vault.config), TierName.FULL))
    try:
        with parts.database.engine.connect() as conn:
            transaction = conn.begin()
            asyncio.run(main(parts, conn))
            transaction.rollback()
    finally:
        parts.close()
    assert opened_anyway == []


def _usual_cache(config: Path) -> Path:
    text = config.read_text("utf-8")
    usual = config.with_name("usual.toml")
    usual.write_text(text.replace(f"_seconds = {FILE_KEY_SECONDS}", "_seconds = 300.0"), "utf-8")
    return usual


# Header: format, suite, key id; the wrapped data key (full only), nonce, text, tag.
@pytest.mark.parametrize("which", OWN_ROWS)
@pytest.mark.parametrize("column", COLUMNS)
def test_a_flipped_byte_is_refused_by_the_running_vault(
    stage: Stage, which: str, column: str
) -> None:
    row = stage.rows[which]
    value: bytes = stage.get(which, column)
    for at in (0, 1, 2, 17, 18, 29, 30, 77, 78, 90, len(value) // 2, len(value) - 17, -16, -1):
        bad = bytearray(value)
        bad[at] ^= 0x20
        with stage.instead(row, **{column: bytes(bad)}):
            stage.refused(row.name, column)
    stage.opens(row.name, column)
