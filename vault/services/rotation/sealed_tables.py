"""Which tables hold what is sealed, under which key, and for which place.

Contents are not among them: they are moved with their bytes and pictures (content_work.py). Each
place is told by the room of the rows themselves, so that a row that is sealed anew opens
wherever it did before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Row, Table

from vault.records import IDENTITY_SCOPE, ScopeRef
from vault.sealing import SealContext
from vault.services import check_out_rows, sealer
from vault.services.compartments import rows as compartment_rows
from vault.services.contents import sealed as content_rows
from vault.services.subjects import rows as subject_rows
from vault.store import schema
from vault.store.uploads import UploadRow


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row's sealed columns stand: under which scope's keys, and for which context each.
    `name` is the row's in the log, relative to its institution; "" if no event names it."""

    scope: ScopeRef
    contexts: dict[str, SealContext]
    name: str


@dataclass(frozen=True, slots=True)
class SealedTable:
    """A table, and the place of each of its rows."""

    table: Table
    place: Callable[[Row[Any]], Place]


def _record(scope: ScopeRef, record: str, version: int, name: str) -> Place:
    contexts = {
        column: sealer.place(scope, record, version, column) for column in ("sealed", "masked")
    }
    return Place(scope, contexts, name)


def _customer(row: Row[Any]) -> Place:
    scope = ScopeRef(row.institution, row.customer, IDENTITY_SCOPE)
    return _record(scope, "", row.version, f"customers/{row.customer}@{row.version}")


def _document(row: Row[Any]) -> Place:
    scope = ScopeRef(row.institution, row.customer, IDENTITY_SCOPE)
    record = f"documents/{row.document}"
    return _record(scope, record, row.version, f"customers/{row.customer}/{record}@{row.version}")


def _transaction(row: Row[Any]) -> Place:
    scope = ScopeRef(row.institution, row.customer, row.scope)
    record = f"transactions/{row.transaction}"
    return _record(scope, record, 1, f"customers/{row.customer}/{record}")


def _check_out(row: Row[Any]) -> Place:
    return Place(
        check_out_rows.scope_of(row.institution, row.customer),
        {"sealed": check_out_rows.place(row.institution, row.customer, row.check_out)},
        f"checkOuts/{row.check_out}@{row.version}",
    )


def _words(row: Row[Any]) -> Place:
    return Place(
        subject_rows.scope_of(row.institution, row.customer),
        {
            "sealed": subject_rows.place(row.institution, row.customer, row.request, row.version),
        },
        f"customers/{row.customer}/subjectRequests/{row.request}/words@{row.version}",
    )


def _in_compartment(row: Row[Any], below: str, version: int, name: str) -> Place:
    base = f"compartments/{row.compartment}"
    return Place(
        compartment_rows.scope_of(row.institution, row.compartment),
        {
            "sealed": compartment_rows.context_of(row.institution, row.compartment, below, version),
        },
        f"{base}{name}",
    )


def _compartment(row: Row[Any]) -> Place:
    return _in_compartment(row, "", row.version, f"@{row.version}")


def _member(row: Row[Any]) -> Place:
    below = f"members/{row.person}"
    return _in_compartment(row, below, row.version, f"/{below}@{row.version}")


def _item(row: Row[Any]) -> Place:
    below = f"items/{row.item}"
    return _in_compartment(row, below, 1, f"/{below}")


def _hold(row: Row[Any]) -> Place:
    below = f"holds/{row.hold}"
    return _in_compartment(row, below, row.version, f"/{below}@{row.version}")


def _upload(row: Row[Any]) -> Place:
    return Place(
        ScopeRef(row.institution, row.customer, row.scope),
        {"sealed": content_rows.place_of_upload(cast(UploadRow, row))},
        "",
    )


SEALED_TABLES: Final = (
    SealedTable(schema.customers, _customer),
    SealedTable(schema.documents, _document),
    SealedTable(schema.transactions, _transaction),
    SealedTable(schema.check_outs, _check_out),
    SealedTable(schema.subject_words, _words),
    SealedTable(schema.compartments, _compartment),
    SealedTable(schema.compartment_members, _member),
    SealedTable(schema.compartment_items, _item),
    SealedTable(schema.compartment_holds, _hold),
    SealedTable(schema.uploads, _upload),
)
