"""Reads statements that a test gives as text."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements.booking import Bookings, Terms
from vault.cli.vaultctl.statements.camt053 import camt053
from vault.cli.vaultctl.statements.mapping import Mapping
from vault.cli.vaultctl.statements.mt940 import mt940
from vault.cli.vaultctl.statements.parts import Broken, Entry, Line, Part
from vault.cli.vaultctl.statements.reconcile import Reconciler, Reconciliation

TERMS = Terms(Mapping(instrument="ENTRY", channel="API"), "Europe/Berlin")


def parts(text: str | bytes, *, mt: bool = False, encoding: str = "") -> list[Part]:
    data = text.encode() if isinstance(text, str) else text
    return list((mt940 if mt else camt053)("file", io.BytesIO(data), encoding))


def lines(text: str | bytes, **options: Any) -> list[Line]:
    return [part for part in parts(text, **options) if isinstance(part, Line)]


def entries(text: str | bytes, **options: Any) -> list[Entry]:
    """All entries, none of which may be broken."""
    found = []
    for line in lines(text, **options):
        assert isinstance(line.entry, Entry), line.entry.problems
        found.append(line.entry)
    return found


def broken(text: str | bytes, **options: Any) -> list[Broken]:
    return [one.entry for one in lines(text, **options) if isinstance(one.entry, Broken)]


def items(
    text: str | bytes, terms: Terms = TERMS, **options: Any
) -> Iterator[ImportItem | Refused]:
    bookings = Bookings(terms)
    for line in lines(text, **options):
        assert isinstance(line.entry, Entry)
        try:
            yield bookings.item(line.statement, line.entry, line.place)
        except Refused as refused:
            yield refused


def reconciled(text: str | bytes, **options: Any) -> Reconciliation:
    reconciler = Reconciler()
    for part in parts(text, **options):
        reconciler.take(part)
    return reconciler.result
