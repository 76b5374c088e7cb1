"""Hostile XML: nothing is expanded, fetched or kept; what is told quotes nothing of the file."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.statements.reading import broken, entries, lines, parts
from tests.support.statements import entry, message, statement
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.statements.camt053 import camt053
from vault.cli.vaultctl.statements.parts import Broken, Line

GOOD = message(statement(entry(1) + entry(2)))


def with_doctype(doctype: str, inside: str = "") -> str:
    head, rest = GOOD.split("?>\n", 1)
    return f"{head}?>\n{doctype}{rest.replace('with thanks', 'with thanks' + inside, 1)}"


LAUGHS = (
    "<!DOCTYPE d [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {chr(98 + n)} '{'&' + chr(97 + n) + ';'}{'&' + chr(97 + n) + ';'}'>"
        for n in range(20)
    )
    + "]>"
)


@pytest.mark.parametrize(
    "text",
    [
        with_doctype(LAUGHS, "&t;"),
        with_doctype("<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>", "&x;"),
        with_doctype("<!DOCTYPE d SYSTEM 'http://192.0.2.1/evil.dtd'>"),
        with_doctype("<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]>"),
        with_doctype("<!DOCTYPE Document>"),
        with_doctype("<!-- x -->\n <!DOCTYPE d [<!ATTLIST Amt Ccy CDATA 'XXX'>]>"),
        with_doctype(f"<!--{'x' * 70_000}--><!DOCTYPE d [<!ENTITY x 'y'>]>", "&x;"),
    ],
    ids="laughs external-file external-dtd parameter plain attributes behind-a-chunk".split(),
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_anything_is_read(text: str, encoding: str) -> None:
    data = text.replace('encoding="UTF-8"', "", 1).encode(encoding)
    with pytest.raises(CommandError, match="document type"):
        parts(data)


def test_an_entity_that_nobody_declared_is_no_xml() -> None:
    with pytest.raises(CommandError, match="no XML at line") as told:
        parts(GOOD.replace("with thanks", "&secret;", 1))
    assert "secret" not in str(told.value)


class Pieces(io.RawIOBase):
    """A file of pieces, of which only the beginning can be gone back to."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = self._given = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (piece := next(self._pieces, b"")):
            self._left += piece
        out, self._left = self._left[:size], self._left[size:]
        self._given = self._given + out if len(self._given) < 1024 else self._given
        return out

    def seek(self, position: int, whence: int = 0) -> int:
        self._left, self._given = self._given[position:] + self._left, b""
        return position


def peak(pieces: Iterator[bytes]) -> int:
    """Bytes that it takes to read them to the end or to an error."""
    tracemalloc.start()
    try:
        for _ in camt053("file", Pieces(pieces), ""):  # type: ignore[arg-type]  # all that is used
            pass
    except CommandError:
        pass
    finally:
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return found


def _open() -> bytes:
    return message(statement("@")).split("@")[0].encode()


def _nested() -> Iterator[bytes]:
    yield _open()
    yield from (b"<a>" * 10_000 for _ in range(2_000))


def _one_attribute() -> Iterator[bytes]:
    yield _open() + b'<Ntry x="'
    yield from (b"y" * 60_000 for _ in range(2_000))


def _one_text() -> Iterator[bytes]:
    yield _open() + b"<Ntry><Amt>"
    yield from (b"1" * 60_000 for _ in range(2_000))


def _many_unknown() -> Iterator[bytes]:
    yield _open()
    yield from (b"<x>y</x>" * 5_000 for _ in range(100))


def _many_at_the_root() -> Iterator[bytes]:
    yield b"<r>"
    yield from (b"<x>y</x>" * 5_000 for _ in range(100))


def _endless_details() -> Iterator[bytes]:
    yield _open() + b"<Ntry><Amt Ccy='EUR'>1</Amt><CdtDbtInd>CRDT</CdtDbtInd><NtryDtls>"
    yield from (
        b"<TxDtls><Refs><EndToEndId>x</EndToEndId></Refs></TxDtls>" * 1_000 for _ in range(120)
    )


def _endless_entry() -> Iterator[bytes]:
    yield _open() + b"<Ntry>"
    yield from (b"<a>b</a>" * 5_000 for _ in range(100))


def _comment() -> Iterator[bytes]:
    yield b"<?xml version='1.0'?><!--"
    yield from (b"x" * 60_000 for _ in range(2_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    "pieces",
    [
        _nested,
        _one_attribute,
        _one_text,
        _many_unknown,
        _many_at_the_root,
        _endless_details,
        _endless_entry,
        _comment,
    ],
)
def test_no_input_takes_memory_without_bound(pieces: Callable[[], Iterator[bytes]]) -> None:
    assert peak(pieces()) < 48 << 20


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (GOOD[:-40], "no XML"),
        (GOOD.replace("</Ntry>", "</Entry>", 1), "no XML"),
        ("", "no XML"),
        ("{}", "no XML"),
        (GOOD + GOOD, "no XML"),
        ("<a>" * 70 + "</a>" * 70, "nested"),
    ],
    ids="cut wrong-end empty json twice deep".split(),
)
def test_what_is_no_xml_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        parts(text)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "iso8859-1", "cp1252"]
)
def test_the_declared_encoding_is_the_one_that_is_read(encoding: str) -> None:
    name = "Jörg" if encoding in ("iso8859-1", "cp1252") else "孙慧丽"
    declared = encoding.removesuffix("-sig").removesuffix("-le")
    text = GOOD.replace("UTF-8", declared, 1).replace("Example Company 1", name)
    assert entries(text.encode(encoding))[0].other.name == f"{name} Ltd"  # type: ignore[union-attr]  # it has one


def test_what_is_not_in_its_encoding_is_told_with_the_byte() -> None:
    text = GOOD.replace("Example Company 1", "Jörg").encode("iso8859-1")
    with pytest.raises(CommandError, match=rf"byte {text.index(0xF6):,}:"):
        parts(text)
    assert entries(text, encoding="iso8859-1")[0].other.name == "Jörg Ltd"  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("name", ["utf-7", "idna", "rot13", "unicode_escape", "zlib", "no-such"])
def test_an_encoding_that_statements_do_not_come_in_is_refused(name: str) -> None:
    with pytest.raises(CommandError, match="encoding"):
        parts(GOOD.replace("UTF-8", name, 1))


def test_an_entry_with_too_many_details_is_refused_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vault.cli.vaultctl.statements.camt053._MOST_ELEMENTS", 60)
    details = "<NtryDtls>" + "<TxDtls><Refs><EndToEndId>x</EndToEndId></Refs></TxDtls>" * 50
    text = message(statement(entry(1) + entry(2, details=details + "</NtryDtls>") + entry(3)))
    found = lines(text)
    assert [isinstance(line.entry, Broken) for line in found] == [False, True, False]
    (large,) = broken(text)
    assert str(large.signed) == "10.01"


@given(st.integers(0, len(GOOD)), st.binary(max_size=12), st.integers(0, 12))
def test_a_damaged_file_is_read_or_refused_and_never_anything_else(
    at: int, put: bytes, cut: int
) -> None:
    data = GOOD.encode()
    damaged = data[:at] + put + data[at + cut :]
    try:
        found = [part for part in parts(damaged) if isinstance(part, Line)]
    except CommandError:
        return
    assert len(found) <= 2


def test_files_that_are_named_are_not_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("what nobody should see")
    text = GOOD.replace(
        "<Ustrd>Invoice 1",
        f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}"/><Ustrd>Invoice 1',
        1,
    )
    assert all("nobody" not in one.remittance for one in entries(text))
