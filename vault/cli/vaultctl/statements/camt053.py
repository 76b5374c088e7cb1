"""camt.053, statements in XML (ISO 20022), versions 001.02 to 001.13: part by part, flat memory.

Of the tree that is read only one part of a statement is ever kept: its account, a balance, or one
entry. What is not understood is passed over, and so is an envelope around the message. An entry
out of all bounds is refused as one, and the rest of the file goes on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import BinaryIO, Final
from xml.etree.ElementTree import Element

from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.proto_json import Problem
from vault.cli.vaultctl.statements.amounts import plain
from vault.cli.vaultctl.statements.camt_entry import CamtEntries, as_day
from vault.cli.vaultctl.statements.parts import (
    Balance,
    Begins,
    Broken,
    Ends,
    Entry,
    Line,
    Part,
    Statement,
)
from vault.cli.vaultctl.statements.xml_stream import DEEPEST, LONGEST, pieces, too_deep

_MESSAGE: Final = re.compile(r"\{([^}]*\b(camt\.\d{3}\.\d{3})\.(\d\d))\}Document")
_NEWEST: Final = 13
_KEPT: Final = frozenset(
    "Id StmtPgntn ElctrncSeqNb LglSeqNb CpyDplctInd Acct Bal TxsSummry Ntry".split()
)
_MOST_ELEMENTS: Final = 100_000
"""Elements of one entry: about two thousand details. Beyond, its details are not kept."""
_MOST_BYTES: Final = 8 << 20
_FEW: Final = 50
"""Elements that need no look at the bounds."""
_LONGEST_ID: Final = 60
_OPENING: Final = ("OPBD", "PRCD")
_TOO_LARGE: Final = Problem(
    "",
    "has more details than one entry may have; ask for them as entries of their own",
    "该分录的明细过多；请要求以单独分录提供",
)


def camt053(name: str, stream: BinaryIO, encoding: str = "") -> Iterator[Part]:
    """The parts of a file in their order. Raises CommandError if it cannot be read to its end."""
    return _Reading(name).parts(stream, encoding)


@dataclass(slots=True)
class _Kept:
    """The part that is being collected."""

    element: Element
    depth: int
    since: int
    elements: int = 0
    too_large: bool = False


class _Reading:
    """One file. Its state: the statement, and the part of it, that is open."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._path: list[Element] = []
        self._read = 0
        self._entries: CamtEntries | None = None
        self._prefix = ""
        self._statement: Statement | None = None
        self._depth = 0
        self._kept: _Kept | None = None
        self._statements = 0
        self._rows = 0
        self._places = 0

    def parts(self, stream: BinaryIO, encoding: str) -> Iterator[Part]:
        path = self._path
        for events, read in pieces(self._name, stream, encoding):
            self._read = read
            for event, element in events:
                if event == "start":
                    path.append(element)
                    if len(path) > DEEPEST:
                        raise too_deep(self._name)
                    if self._kept is not None:
                        self._kept.elements += 1
                    else:
                        yield from self._start(element)
                    continue
                kept = self._kept
                if kept is not None:
                    if element is kept.element:
                        self._kept = None
                        if self._statement is not None:
                            yield from self._take(self._statement, element, kept.too_large)
                        self._drop()
                    elif kept.elements > _FEW or self._read - kept.since > LONGEST:
                        self._bound(kept)
                elif self._statement is not None and len(path) == self._depth:
                    yield Ends(self._statement)
                    self._statement = None
                    self._drop()
                else:
                    self._drop()
                path.pop()
        if self._entries is None:
            raise CommandError(
                f"{self._name} holds no camt.053 message (no Document of one).",
                f"{self._name} 不含 camt.053 报文（缺少 Document）。",
                INPUT,
            )

    # -- where things begin --------------------------------------------------------------------

    def _start(self, element: Element) -> Iterator[Part]:
        tag = element.tag
        if self._statement is not None:
            if len(self._path) == self._depth + 1 and self._local(tag) in _KEPT:
                self._kept = _Kept(element, len(self._path), self._read)
        elif self._entries is None or tag.endswith("}Document"):
            self._open(tag)
        elif tag == f"{self._prefix}Stmt":
            self._statements += 1
            self._places = 0
            self._depth = len(self._path)
            self._statement = Statement(self._statements)
            yield Begins(self._statement)

    def _open(self, tag: str) -> None:
        found = _MESSAGE.fullmatch(tag)
        if found is None:
            return
        message, version = found[2], int(found[3])
        if message != "camt.053.001":
            raise CommandError(
                f"{self._name} holds {message}, which is no statement: camt.053.001 is taken.",
                f"{self._name} 为 {message}，不是对账单：仅接受 camt.053.001。",
                INPUT,
            )
        if not 2 <= version <= _NEWEST:
            raise CommandError(
                f"{self._name} is version {version:02} of camt.053.001: 02 to {_NEWEST} are taken.",
                f"{self._name} 为 camt.053.001 的第 {version:02} 版：仅接受 02 至 {_NEWEST} 版。",
                INPUT,
            )
        self._prefix = f"{{{found[1]}}}"
        self._entries = CamtEntries(found[1])

    def _local(self, tag: str) -> str:
        return tag[len(self._prefix) :] if tag.startswith(self._prefix) else ""

    # -- what is read --------------------------------------------------------------------------

    def _take(self, statement: Statement, element: Element, too_large: bool) -> Iterator[Part]:
        entries = self._entries
        assert entries is not None  # noqa: S101 - a statement is found by its namespace
        name = self._local(element.tag)
        text = (element.text or "").strip()
        if name == "Ntry":
            yield from self._lines(statement, entries, element, too_large)
        elif name == "Id":
            # The standard has 35 characters; what is told of it is never longer than a few more.
            statement.identification = text[:_LONGEST_ID]
        elif name == "CpyDplctInd":
            statement.copy = text
        elif name in ("ElctrncSeqNb", "LglSeqNb"):
            # The electronic number counts what is sent, the legal one what is printed.
            if (
                text.isascii()
                and text.isdigit()
                and (name == "LglSeqNb" or statement.number is None)
            ):
                statement.number = int(text[:18])
        elif name == "StmtPgntn":
            page = entries.text(element, "PgNb")
            statement.page = (
                int(page) if page.isascii() and page.isdigit() and len(page) < 6 else None
            )
        elif name == "Acct":
            self._account(statement, entries, element)
        elif name == "Bal":
            self._balance(statement, entries, element)
        else:
            self._summary(statement, entries, element)

    def _lines(
        self, statement: Statement, entries: CamtEntries, element: Element, too_large: bool
    ) -> Iterator[Part]:
        self._rows += 1
        if too_large:
            read = entries.read(element, statement.currency)[0]
            signed = read.signed
            if isinstance(read, Entry) and not read.counts:
                signed = Decimal(0)
            broken = Broken((_TOO_LARGE,), "", signed, read.currency)
            self._places += 1
            yield Line(statement, self._rows, self._places, self._read, broken)
            return
        for one in entries.read(element, statement.currency):
            self._places += 1
            yield Line(statement, self._rows, self._places, self._read, one)

    def _account(self, statement: Statement, entries: CamtEntries, element: Element) -> None:
        side = entries.party(entries.first(element, "Ownr"), element)
        servicer = entries.first(element, "Svcr")
        statement.own = side if servicer is None else entries.with_bank(side, servicer)
        statement.currency = entries.text(element, "Ccy")

    def _balance(self, statement: Statement, entries: CamtEntries, element: Element) -> None:
        code = entries.text(element, "Tp", "CdOrPrtry", "Cd")
        amount, currency = entries.amount(element)
        sign = entries.text(element, "CdtDbtInd")
        if amount is None or sign not in ("CRDT", "DBIT"):
            return
        balance = Balance(
            amount if sign == "CRDT" else -amount,
            currency or statement.currency,
            as_day(entries.day(element, "Dt")),
            interim=code == "ITBD",
        )
        # Interim balances open and close a page of a statement that has several.
        if code == "ITBD":
            code = "OPBD" if statement.opening is None else "CLBD"
        if code in _OPENING and (statement.opening is None or code == "OPBD"):
            statement.opening = balance
        elif code == "CLBD":
            statement.closing = balance

    def _summary(self, statement: Statement, entries: CamtEntries, element: Element) -> None:
        count = entries.text(element, "TtlNtries", "NbOfNtries")
        if count.isascii() and count.isdigit() and len(count) < 16:
            statement.declared_entries = int(count)
        paid_in = plain(entries.text(element, "TtlCdtNtries", "Sum"))
        paid_out = plain(entries.text(element, "TtlDbtNtries", "Sum"))
        if paid_in is not None and paid_out is not None:
            statement.declared_net = paid_in - paid_out

    # -- memory --------------------------------------------------------------------------------

    def _drop(self) -> None:
        """Take an element that has ended out of its parent."""
        path = self._path
        if len(path) > 1:
            del path[-2][:]

    def _bound(self, kept: _Kept) -> None:
        """Let go of what an entry has too much of: below its own fields, which come first."""
        if not kept.too_large:
            size = self._read - kept.since
            kept.too_large = kept.elements > _MOST_ELEMENTS or size > _MOST_BYTES
            return
        depth = len(self._path) - kept.depth
        if depth >= 2:
            self._drop()
        elif len(kept.element) > _MOST_ELEMENTS or self._read - kept.since > 64 * _MOST_BYTES:
            raise CommandError(
                f"{self._name} has an entry of endless length. Nothing of it is stored.",
                f"{self._name} 含有无限长的分录。尚未存储任何内容。",
                INPUT,
            )
