"""Entries of statements as the rows of an import, after the whole file was found to be readable.

A statement is read twice. First all of it is read and held to its balances: a file that breaks off
in the middle, is in another encoding, or has bookings that the terms say nothing of, stores nothing
at all, so that the mended file can be imported without storing its first half again. Then its
entries are sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final

from google.protobuf.json_format import MessageToDict

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.import_rows import RawRow
from vault.cli.vaultctl.import_sums import Weight
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements.booking import Bookings, Terms
from vault.cli.vaultctl.statements.parts import Broken, Entry, Line, Part
from vault.cli.vaultctl.statements.reconcile import Reconciler, Reconciliation

Parts = Callable[[], Iterator[Part]]
"""Begins to read the file."""

_NAMED: Final = 10
_EVERY: Final = 500
"""Entries between two looks at the bar."""


class StatementRows:
    """The rows of one file of statements."""

    def __init__(self, parts: Parts, terms: Terms) -> None:
        """`parts` is called once for the check and once for the import."""
        self._parts = parts
        self._terms = terms
        self._bookings = Bookings(terms)

    def check(self, progress: Callable[[int, int], None]) -> Reconciliation:
        """Read the whole file. Raises CommandError if it cannot be imported by these terms."""
        reconciler = Reconciler()
        mapping = self._terms.mapping
        seen: set[tuple[str, bool, bool]] = set()
        open_codes: dict[str, None] = {}
        for part in self._parts():
            reconciler.take(part)
            if not isinstance(part, Line) or not isinstance(part.entry, Entry):
                continue
            entry = part.entry
            if reconciler.result.entries % _EVERY == 0:
                progress(0, part.end)
            known = (entry.code, bool(entry.instrument), bool(entry.channel))
            if known in seen:
                continue
            if len(seen) < 10_000:
                seen.add(known)
            instrument, channel = mapping.meaning(entry.code)
            if not (entry.instrument or instrument) or not (entry.channel or channel):
                open_codes[entry.code or "-"] = None
                if len(open_codes) > _NAMED:
                    break
        if open_codes:
            raise _says_too_little(list(open_codes))
        return reconciler.result

    def __iter__(self) -> Iterator[RawRow]:
        """Entry by entry; `data` is the line of the statement."""
        for part in self._parts():
            if isinstance(part, Line):
                yield RawRow(part.number, part.end, part)

    def item(self, row: RawRow) -> ImportItem:
        """The transaction of an entry. Raises Refused."""
        line: Line = row.data
        if isinstance(line.entry, Broken):
            raise Refused(*line.entry.problems)
        return self._bookings.item(line.statement, line.entry, line.place)

    def original(self, row: RawRow) -> dict[str, Any]:
        """Which statement's it is, and the item as far as it goes, or the text of the entry."""
        line: Line = row.data
        out: dict[str, Any] = {"statement": line.statement.identification, "entry": line.place}
        if isinstance(line.entry, Broken):
            return out | {"text": line.entry.text}
        item, _ = self._bookings.draft(line.statement, line.entry, line.place)
        return out | {"item": MessageToDict(item, preserving_proto_field_name=True)}

    def weight(self, row: RawRow) -> Weight | None:
        """Currency and signed amount; none where it is not known."""
        entry = row.data.entry
        if isinstance(entry, Broken):
            return None if entry.signed is None else (entry.currency, entry.signed)
        signed: Decimal = entry.signed
        return entry.currency, signed


def _says_too_little(codes: list[str]) -> CommandError:
    listed = ", ".join(codes[:_NAMED]) + (", ..." if len(codes) > _NAMED else "")
    return CommandError(
        f"Bookings of these codes say no instrument, or no channel: {listed}. Give --channel (and "
        "--instrument), or a mapping with [codes] or [defaults]. Nothing is stored.",
        f"下列交易代码未说明交易工具或渠道：{listed}。请用 --channel（及 --instrument），"
        "或映射文件的 [codes]、[defaults] 指定。尚未存储任何内容。",
        INPUT,
    )
