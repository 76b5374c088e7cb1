"""MT940, statements in lines of fields (SWIFT): part by part, flat memory.

A parser of our own, since the one that is kept for Python (mt-940) reads a file whole and guesses
its encoding; a test holds the two together. A line that is no field of the message is an entry that
cannot be understood: it may have been one, and is counted. Lines between messages (headers of
SWIFT, of banks' own) are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, Final

from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.proto_json import Problem
from vault.cli.vaultctl.statements.decoding import lines, of_text
from vault.cli.vaultctl.statements.mt940_fields import (
    Information,
    balance,
    information,
    number,
    own_account,
    statement_line,
)
from vault.cli.vaultctl.statements.parts import Begins, Broken, Ends, Entry, Line, Part, Statement

_TAG: Final = re.compile(r":([0-9]{2}[A-Z]?|NS):")
_END: Final = re.compile(r"-\}?|-\}.*")
_LONGEST: Final = 1 << 16
_MOST_LINES: Final = 200
"""Lines of one field; the standard has six."""
_OPENING, _CLOSING = ("60F", "60M"), ("62F", "62M")
# Told, and of no use here: other balances, forward values, sums of the bank's own.
_PASSED: Final = frozenset("13D 21 34F 37A 64 65 90C 90D NS".split())


_HELD: Final = 2_000
"""Lines of a statement that wait for its closing balance, which comes last; of longer ones, the
entries do not know it."""


def mt940(name: str, stream: BinaryIO, encoding: str = "") -> Iterator[Part]:
    """The parts of a file in their order. Raises CommandError if it cannot be read to its end."""
    held: list[Part] = []
    for part in _Reading(name).parts(stream, encoding):
        held.append(part)
        if isinstance(part, Ends) or len(held) > _HELD:
            yield from held
            held.clear()
    yield from held


class _Reading:
    """One file: the open statement, the open field, and the line 61 that waits for its field 86."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._statement: Statement | None = None
        self._account = ""
        self._statements = 0
        self._places = 0
        self._tag = ""
        self._text: list[str] = []
        self._at = 0
        self._entry: Entry | None = None
        self._entry_at = 0
        self._end = 0

    def parts(self, stream: BinaryIO, encoding: str) -> Iterator[Part]:
        stream.seek(0)
        found, mark = of_text(stream.read(4), encoding)
        for at, (line, read) in enumerate(lines(self._name, stream, found, mark, _LONGEST), 1):
            self._end = read
            # What some banks append to a file, and what is left of a message's end.
            line = line.rstrip("\x1a\x03 ")
            tag = _TAG.match(line)
            if tag is not None:
                yield from self._field()
                self._tag, self._text, self._at = tag[1], [line[tag.end() :]], at
            elif self._statement is not None and _END.fullmatch(line):
                yield from self._close(cut=False)
            elif self._tag and line and not line.startswith("{"):
                self._text.append(line)
                if len(self._text) > _MOST_LINES:
                    yield from self._field()
            elif self._statement is not None and line and not line.startswith("{"):
                yield self._broken(at, line)
        yield from self._close(cut=False)
        if not self._statements:
            raise CommandError(
                f"{self._name} holds no MT940 message: none of its lines begins with :20:.",
                f"{self._name} 不含 MT940 报文：没有以 :20: 开头的行。",
                INPUT,
            )

    def _close(self, *, cut: bool) -> Iterator[Part]:
        yield from self._field()
        yield from self._flush()
        if self._statement is not None:
            statement, self._statement = self._statement, None
            yield Ends(statement, cut or statement.closing is None)

    def _field(self) -> Iterator[Part]:
        """Read the field that has come to its end."""
        tag, text, at = self._tag, "\n".join(self._text), self._at
        self._tag, self._text = "", []
        if not tag:
            return
        if tag == "20":
            yield from self._close(cut=True)
            self._statements += 1
            self._places = 0
            self._account = ""
            self._statement = Statement(self._statements, identification=text.strip()[:60])
            yield Begins(self._statement)
            return
        statement = self._statement
        if statement is None:
            # Behind a message's end, or before any: an entry there would belong to no account.
            if tag in ("61", "86"):
                self._statements += 1
                self._places = 0
                self._statement = Statement(self._statements)
                yield Begins(self._statement)
                yield self._broken(at, f":{tag}:{text}")
                yield from self._close(cut=True)
            return
        if tag == "86" and self._entry is not None:
            self._entry = _told(self._entry, information(text))
            yield from self._flush()
            return
        yield from self._flush()
        if tag == "61":
            yield from self._line(statement, at, text)
        elif tag in ("25", "25P"):
            self._account = text
            statement.own = own_account(text, statement.currency)
        elif tag in ("28", "28C"):
            statement.number, statement.page = number(text)
        elif tag in _OPENING or tag in _CLOSING:
            yield from self._balance(statement, tag, at, text)
        elif tag not in _PASSED and tag != "86":
            yield self._broken(at, f":{tag}:{text}")

    def _balance(self, statement: Statement, tag: str, at: int, text: str) -> Iterator[Part]:
        found = balance(text, interim=tag.endswith("M"))
        if found is None:
            yield self._broken(at, f":{tag}:{text}")
        elif tag in _CLOSING:
            statement.closing = found
        else:
            statement.opening, statement.currency = found, found.currency
            statement.own = own_account(self._account, found.currency)

    def _line(self, statement: Statement, at: int, text: str) -> Iterator[Part]:
        found = statement_line(text)
        if found is None:
            yield self._broken(at, f":61:{text}")
            return
        self._entry_at = at
        self._entry = Entry(
            reference=found.bank_reference or found.reference,
            amount=found.amount,
            currency=statement.currency,
            credit=found.credit,
            booked=found.booked,
            valued=found.valued,
            reversal=found.reversal,
            code=found.code,
            end_to_end=found.reference if found.bank_reference else "",
        )

    def _flush(self) -> Iterator[Part]:
        entry, self._entry = self._entry, None
        if entry is not None and self._statement is not None:
            self._places += 1
            yield Line(self._statement, self._entry_at, self._places, self._end, entry)

    def _broken(self, at: int, text: str) -> Line:
        statement = self._statement
        assert statement is not None  # noqa: S101 - who calls has looked
        self._places += 1
        en = f"line {at:,} is no field of MT940 that can be read here"
        problem = Problem("", en, f"第 {at:,} 行不是可读取的 MT940 字段")
        return Line(statement, at, self._places, self._end, Broken((problem,), text[:_LONGEST]))


def _told(entry: Entry, told: Information) -> Entry:
    return replace(
        entry,
        code=f"{entry.code}+{told.code}" if told.code else entry.code,
        remittance=told.remittance,
        end_to_end=told.end_to_end or entry.end_to_end,
        purpose=told.purpose,
        other=told.other,
    )
