"""Files of statements of which it is known what each of their entries is: as Hypothesis draws them,
and as a test writes them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from hypothesis import strategies as st

from tests.support.statements import entry, message, statement
from vault.cli.vaultctl.statements.mapping import ColumnRule, Mapping

MAPPING = Mapping(
    time_zone="UTC",
    instrument="CASH",
    channel="BRANCH",
    currency="EUR",
    account="ACC1",
    columns=(
        ColumnRule("day", "booked"),
        ColumnRule("sum", "amount"),
        ColumnRule("words", "remittance"),
    ),
)
# In what statements come; the last two only where the text is in them.
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "gb18030", "iso8859-1")
_WORDS = st.text(st.sampled_from("abc XYZ019äöüß&<>\"'];,|=+@-/?:{}"), min_size=1, max_size=12).map(
    lambda text: f"w{text}w"
)
_CHINESE = st.text(st.sampled_from("孙慧丽工资转账"), min_size=1, max_size=6)


@dataclass(frozen=True)
class Known:
    """A file, and which of its entries can be understood, in order; `marks` is a word of each."""

    data: bytes
    encoding: str
    good: tuple[bool, ...]
    marks: tuple[str, ...]
    numbers: tuple[int, ...]
    """How each entry is told: by its place, or by its line."""

    @property
    def rejected(self) -> list[int]:
        """The numbers of those that cannot."""
        return [n for n, good in zip(self.numbers, self.good, strict=True) if not good]


def _words(draw: Any, encoding: str) -> str:
    text: str = draw(_WORDS)
    if encoding != "iso8859-1":
        text += draw(_CHINESE)
    return text


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding)


_CAMT_HARMS: tuple[Callable[[str], str], ...] = (
    lambda one: one.replace(">10.01<", ">ten<"),
    lambda one: one.replace(">10.01<", ">1e9<"),
    lambda one: one.replace(">10.01<", "><"),
    lambda one: one.replace(">CRDT<", ">BOTH<", 1),
    lambda one: one.replace("<Cd>BOOK</Cd>", "<Cd>HELD</Cd>"),
    lambda one: one.replace("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", ""),
    lambda one: one.replace("<BookgDt><Dt>2026-03-02</Dt>", "<BookgDt><Dt>2026-02-30</Dt>"),
)


@st.composite
def camt_files(draw: Any) -> Known:
    """camt.053, several statements in one message."""
    encoding = draw(st.sampled_from(ENCODINGS))
    good: list[bool] = []
    marks: list[str] = []
    statements = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        entries = []
        for _ in range(draw(st.integers(0, 5))):
            mark = f"E2E-{len(good) + 1}<"
            one = entry(len(good) + 1).replace("with thanks", escape(_words(draw, encoding)))
            harm = draw(st.one_of(st.none(), st.sampled_from(_CAMT_HARMS)))
            entries.append(one if harm is None else harm(one))
            good.append(harm is None)
            marks.append(mark)
        statements.append(statement("".join(entries), number=number))
    declared = encoding.removesuffix("-sig")
    text = message(*statements).replace("UTF-8", declared, 1)
    return Known(
        _encoded(text, encoding),
        "",
        tuple(good),
        tuple(marks),
        tuple(range(1, len(good) + 1)),
    )


_MT_HARMS = (
    ":61:260302C1.00NTRFX",
    ":61:260302X1,00NTRFX",
    ":61:261302C1,00NTRFX",
    ":61:260302C1,00",
    ":61:",
    ":99Z:what is this",
)


@st.composite
def mt940_files(draw: Any) -> Known:
    """MT940, several messages; the numbers are those of lines."""
    encoding = draw(st.sampled_from(ENCODINGS))
    end = draw(st.sampled_from(("\n", "\r\n", "\r")))
    lines: list[str] = []
    good: list[bool] = []
    marks: list[str] = []
    numbers: list[int] = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        lines += draw(st.sampled_from(([], ["BANKDEFF", "940", "{1:F01}{2:I940}{4:"])))
        lines += [f":20:S{number}", ":25:ACC1", f":28C:{number}", ":60F:C260302EUR100,00"]
        for _ in range(draw(st.integers(0, 5))):
            harm = draw(st.one_of(st.none(), st.sampled_from(_MT_HARMS)))
            mark = f"REF{len(good):09}"
            lines.append(f":61:2603020302C10,01NTRF{mark}" if harm is None else harm)
            numbers.append(len(lines))
            good.append(harm is None)
            marks.append(mark if harm is None else harm)
            if harm is None and draw(st.booleans()):
                words = _words(draw, encoding).replace(":", ".")
                lines += [f":86:{words}", *([f"w{words}"] if draw(st.booleans()) else [])]
        lines += [":62F:C260302EUR100,00", "-"]
        if draw(st.booleans()):
            # Behind the end it is of no account.
            lines.append(":61:260302C1,00NTRFBEHIND")
            numbers.append(len(lines))
            good.append(False)
            marks.append(lines[-1])
    text = end.join(lines) + end
    given = "" if encoding in ("utf-8", "utf-8-sig", "utf-16") else encoding
    return Known(_encoded(text, encoding), given, tuple(good), tuple(marks), tuple(numbers))


@st.composite
def csv_files(draw: Any) -> Known:
    """CSV by `MAPPING`; the numbers are those of records, blank ones among them."""
    encoding = draw(st.sampled_from(ENCODINGS))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=draw(st.sampled_from(("\n", "\r\n"))))
    writer.writerow(["day", "sum", "words"])
    good: list[bool] = []
    marks: list[str] = []
    numbers: list[int] = []
    record = 0
    for _ in range(draw(st.integers(0, 8))):
        record += 1
        mark, words = f"M{record:04}", _words(draw, encoding)
        if draw(st.booleans()):
            words += "\nand on"
        kind = draw(st.sampled_from(("good", "good", "sum", "day", "cells", "more", "blank")))
        if kind == "blank":
            out.write("\n")
            continue
        row = ["2026-03-02", "10.01", f"{mark} {words}"]
        if kind == "sum":
            row[1] = draw(st.sampled_from(("", "ten", "1,5", "1e3", "--1")))
        elif kind == "day":
            row[0] = draw(st.sampled_from(("", "2026-02-30", "02.03.2026", "soon")))
        elif kind == "cells":
            row = row[1:]
        elif kind == "more":
            row.append("and this")
        writer.writerow(row)
        good.append(kind == "good")
        marks.append(mark)
        numbers.append(record)
    given = "" if encoding in ("utf-8", "utf-8-sig", "utf-16") else encoding
    data = _encoded(out.getvalue(), encoding)
    return Known(data, given, tuple(good), tuple(marks), tuple(numbers))
