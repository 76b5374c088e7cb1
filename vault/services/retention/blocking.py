"""What stands against disposal, whoever may know of it: read by the vault itself, shown to nobody.

Holds, and items of compartments that are open: while an investigation goes on, the file stays. What
comes out of here is whether something is kept, never why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from vault.access.roll import Kin, alone
from vault.records import ScopeRef
from vault.services.compartments.hold_rows import HoldBody, open_hold
from vault.services.compartments.rows import open_case, open_item, scope_of
from vault.services.keys import Keys
from vault.store import Database, compartments, holds
from vault.store.holds import HoldRow, Stamp
from vault.store.scopes import ScopeRow

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept by holds and investigations, as of a stamp. What is held of a customer is
    held of every file that is his."""

    stamp: Stamp
    whole: frozenset[str] = field(repr=False)
    holds: dict[str, tuple[HoldBody, ...]] = field(repr=False)
    kin: Kin = alone

    def keeps(self, row: ScopeRow) -> bool:
        """Whether a scope must not be disposed of."""
        return any(
            customer in self.whole
            or any(
                hold.keeps(row.scope, row.first_on, row.last_on)
                for hold in self.holds.get(customer, ())
            )
            for customer in self.kin(row.institution, row.customer)
        )


async def read_kept(database: Database, keys: Keys, institution: str, kin: Kin = alone) -> Kept:
    """Read all of them. The stamp is from before: what comes meanwhile makes it another one.

    Raises Corrupted, ScopeShredded, KmsUnavailable, StoreUnavailable: then nothing is disposed of.
    """
    stamp = await database.read(lambda conn: holds.stamp(conn, institution))
    rows: list[HoldRow] = []
    after = ""
    while True:
        more = await database.read(
            lambda conn, after=after: holds.page(conn, institution, after=after, limit=_PAGE)  # type: ignore[misc]  # a default, not a parameter
        )
        rows += more
        if len(more) < _PAGE:
            break
        after = f"{more[-1].compartment}/{more[-1].hold}"
    cases = await database.read(lambda conn: compartments.all_current(conn, institution))
    held = {row.compartment for row in rows} | {case.compartment for case in cases}
    refs = {one: scope_of(institution, one) for one in held}
    opened = await keys.full(refs.values())
    by_customer: dict[str, list[HoldBody]] = {}
    for row in rows:
        body = open_hold(opened[refs[row.compartment]], row)
        if body.stands:
            by_customer.setdefault(body.customer, []).append(body)
    whole: set[str] = set()
    for case in cases:
        key = opened[refs[case.compartment]]
        if not open_case(key, case).closed:
            whole |= await _subjects(database, keys, institution, case.compartment, refs)
    held_by = {c: tuple(all_of) for c, all_of in by_customer.items()}
    return Kept(stamp, frozenset(whole), held_by, kin)


async def _subjects(
    database: Database,
    keys: Keys,
    institution: str,
    compartment: str,
    refs: dict[str, ScopeRef],
) -> set[str]:
    """Whom the items of a compartment are about."""
    index = await keys.index(institution)
    ref = refs[compartment]
    key = (await keys.full([ref]))[ref]
    found: set[str] = set()
    after = ""

    def page(conn: Connection) -> Iterable[compartments.ItemRow]:
        return compartments.items(conn, institution, compartment, after=after, limit=_PAGE)

    while rows := list(await database.read(page)):
        found |= {open_item(key, index, row).customer for row in rows}
        after = rows[-1].item
    return found
