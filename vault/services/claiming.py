"""What a record claims for its customer alone, among the customers of an institution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vault.records import (
    IDENTITY_SCOPE,
    CustomerKind,
    DocumentKind,
    MaskedCustomer,
    ScopeRef,
    claims,
)
from vault.records.index_terms import Term
from vault.sealing import ScopeShredded
from vault.services import sealer
from vault.services.errors import Shredded
from vault.services.keys import Keys
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS, AnyKind
from vault.store import Database, customers

_OF_THE_ENTITY = frozenset({DocumentKind.CN_BUSINESS_LICENCE, DocumentKind.COMPANY_REGISTRATION})


def claims_of(kind: AnyKind, record: Any, owner: CustomerKind) -> frozenset[Term]:
    """The claims of a record whose customer is of the kind ``owner``.

    The file of a legal entity also holds papers of the people who act for it or own it. Their
    numbers are theirs, and they may be customers themselves: only the entity's own papers claim.
    """
    if kind is TRANSACTIONS:
        return frozenset()
    if (
        kind is DOCUMENTS
        and owner is CustomerKind.LEGAL_ENTITY
        and record.kind not in _OF_THE_ENTITY
    ):
        return frozenset()
    return claims(record)


class OwnerKinds:
    """Tells what sort of customer a file is about, from its masked view."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database = database
        self._keys = keys

    async def of(self, institution: str, ids: Iterable[str]) -> dict[str, CustomerKind]:
        """The kinds of those customers that exist. Raises Shredded, Corrupted."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        rows = await self._database.read(
            lambda conn: customers.many_masked(conn, institution, wanted)
        )
        refs = {c: ScopeRef(institution, c, IDENTITY_SCOPE) for c in rows}
        try:
            keys = await self._keys.masked(refs.values())
        except ScopeShredded as error:
            raise Shredded(sealer.resource_name(institution, error.ref.customer)) from None
        kinds: dict[str, CustomerKind] = {}
        for customer, row in rows.items():
            ref = refs[customer]
            view: MaskedCustomer = sealer.unseal_view(
                CUSTOMERS, row.masked, ref, "", row.version, keys[ref]
            )
            kinds[customer] = view.kind
        return kinds
