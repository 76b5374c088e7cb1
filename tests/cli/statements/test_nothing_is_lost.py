"""Whatever a file of statements holds: each entry is an item or is refused with its number, its
reason and its text, in whichever encoding; a file that breaks off is refused whole; and nothing
else ever happens. `make fuzz` draws many more of them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordsvault.records.v1.records_pb2 import ImportItem
from tests.cli.conftest import Vaultctl
from tests.cli.statements.files import MAPPING, Known, camt_files, csv_files, mt940_files
from tests.cli.statements.reading import TERMS
from tests.clients.fake_vault import FakeVault
from tests.support.statements import entry, message, statement
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements import Format, StatementRows, Terms, open_statements
from vault.cli.vaultctl.statements.parts import Begins, Ends, Line
from vault.cli.vaultctl.statements.reconcile import Reconciliation

# A quarter of what other properties draw.
FEW = settings(max_examples=settings().max_examples // 4)
FILES = {
    Format.CAMT053: camt_files(),
    Format.MT940: mt940_files(),
    Format.CSV: csv_files(),
}
_NAMESPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.053.001.08}"


def opened(form: Format, data: bytes, encoding: str) -> StatementRows:
    terms = Terms(MAPPING if form is Format.CSV else TERMS.mapping, "UTC", encoding=encoding)
    return open_statements(form, Path("file"), io.BytesIO(data), terms)


def account_for(rows: StatementRows) -> tuple[Reconciliation, list[tuple[int, Any]]]:
    """What the check says, and of each row its number, with its item or what it was refused for;
    held to each other on the way."""
    result = rows.check(lambda rows, end: None)
    found: list[tuple[int, Any]] = []
    ends = [0]
    for row in rows:
        try:
            item: Any = rows.item(row)
            assert isinstance(item, ImportItem)
        except Refused as refused:
            assert refused.problems and all(one.en and one.zh for one in refused.problems)
            item = refused
        # What the file of refused rows would have of it can be written and read.
        assert json.loads(json.dumps(rows.original(row), ensure_ascii=False).encode("utf-8"))
        weight = rows.weight(row)
        assert weight is None or isinstance(weight[1], Decimal)
        assert isinstance(item, Refused) or weight is not None
        found.append((row.number, item))
        ends.append(row.end)
    assert ends == sorted(ends)
    assert len(found) == result.entries
    return result, found


@pytest.mark.parametrize("form", FILES, ids=str)
@FEW
@given(st.data())
def test_each_entry_is_an_item_or_refused_with_its_number_and_text(
    form: Format, data: st.DataObject
) -> None:
    known: Known = data.draw(FILES[form])
    rows = opened(form, known.data, known.encoding)
    result, found = account_for(rows)
    assert [number for number, _ in found] == list(known.numbers)
    refused = [number for number, item in found if isinstance(item, Refused)]
    assert refused == known.rejected
    assert (result.entries, result.broken) == (len(known.good), len(known.rejected))
    for row, mark, good in zip(rows, known.marks, known.good, strict=True):
        original = rows.original(row)
        told = original["item"] if good else original["text"]
        shown = json.dumps(told, ensure_ascii=False)
        assert mark.rstrip("<") in shown.replace("\\n", "\n"), (mark, shown)


def counted(form: Format, data: bytes, encoding: str) -> int:
    """How many entries somebody else finds in a file that can be read."""
    if form is Format.CAMT053:
        # Somebody else, who knows no GB 18030 and is given text.
        mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        declared = re.match(rb"[^>]*encoding=\"([\w-]+)\"", data)
        text = data.decode("utf-16" if mark else declared[1].decode() if declared else "utf-8")
        root = ElementTree.fromstring(re.sub(r"^\ufeff?<\?xml[^>]*\?>", "", text))
        name = f"{_NAMESPACE}Stmt", f"{_NAMESPACE}Ntry"
        return sum(len(one.findall(name[1])) for one in root.iter(name[0]))
    mark = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if mark else encoding or "utf-8-sig")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if form is Format.MT940:
        return sum(line.startswith(":61:") for line in text.split("\n"))
    records = list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:]
    return sum(any(cell.strip() for cell in one) for one in records)


@st.composite
def damaged(draw: Any, form: Format) -> tuple[bytes, str]:
    """A file of which some bytes were cut, put in, doubled or exchanged."""
    known: Known = draw(FILES[form])
    data = bytearray(known.data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.sampled_from((0, 0, 1, 2, 7, 60)))
        put = draw(st.one_of(st.binary(max_size=4), st.sampled_from(_PUT)))
        copy = bytes(data[at : at + 80]) if draw(st.booleans()) else b""
        data[at : at + cut] = copy + put
    return bytes(data), known.encoding


_PUT = (
    *(b":61:", b"\n-\n", b"\n:20:X\n", b"{5:}", b'"', b",,", b"\0", b"\xef\xbb\xbf", b"\x1a"),
    *(b"<Ntry>", b"</Ntry>", b"<Ntry/>", b"&amp;", b"&x;", b"]]>", b"<!--", b"<!DOCTYPE d>"),
    *(b"<?x y?>", b"<![CDATA[", b"</Stmt>", b"<Stmt>", b"9" * 400, b"\xff\xfe", b"\r"),
)


@pytest.mark.parametrize("form", FILES, ids=str)
@FEW
@given(st.data())
def test_a_damaged_file_is_refused_whole_or_each_of_its_entries_is_accounted_for(
    form: Format, data: st.DataObject
) -> None:
    text, encoding = data.draw(damaged(form))
    try:
        rows = opened(form, text, encoding)
        _, found = account_for(rows)
    except CommandError as error:
        # And nothing of what stands in it is told.
        assert "w\ufffd" not in str(error) and "REF0000" not in str(error)
        return
    numbers = Counter(number for number, _ in found)
    if form is Format.CSV:
        assert len(found) == counted(form, text, encoding)
    elif form is Format.CAMT053:
        assert len(numbers) == counted(form, text, encoding)
    else:
        # Other lines than these may be ones that cannot be understood.
        assert len(numbers) >= counted(form, text, encoding)
        assert max(numbers.values(), default=1) == 1


@FEW
@given(st.data())
def test_every_line_61_is_told_by_its_own_line(data: st.DataObject) -> None:
    """Wherever it stands: in a message, in front of one, behind its end."""
    text, encoding = data.draw(damaged(Format.MT940))
    try:
        _, found = account_for(opened(Format.MT940, text, encoding))
    except CommandError:
        return
    mark = text.startswith((b"\xff\xfe", b"\xfe\xff"))
    whole = text.decode("utf-16" if mark else encoding or "utf-8-sig")
    lines = whole.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    written = {number for number, line in enumerate(lines, 1) if line.startswith(":61:")}
    assert written <= {number for number, _ in found}


@pytest.mark.parametrize("form", FILES, ids=str)
@FEW
@given(st.data())
def test_what_begins_ends(form: Format, data: st.DataObject) -> None:
    text, encoding = data.draw(damaged(form))
    open_ = 0
    try:
        for part in opened(form, text, encoding)._parts():
            open_ += isinstance(part, Begins) - isinstance(part, Ends)
            assert open_ in (0, 1) and (open_ or not isinstance(part, Line))
    except CommandError:
        return
    assert not open_


# -- by the command --------------------------------------------------------------------------------

ENDINGS = {Format.CAMT053: "xml", Format.MT940: "sta", Format.CSV: "csv"}
MAPPING_TEXT = (
    '[defaults]\ntime_zone = "UTC"\ncurrency = "EUR"\naccount = "ACC1"\n'
    'instrument = "CASH"\nchannel = "BRANCH"\n'
    '[columns]\nday = "booked"\nsum = "amount"\nwords = "remittance"\n'
)


def terms_of(form: Format, fake: FakeVault, encoding: str) -> list[object]:
    more: list[object] = ["--encoding", encoding] if encoding else []
    if form is Format.CSV:
        path = fake.folder / "mapping.toml"
        path.write_text(MAPPING_TEXT)
        return ["--mapping", path, *more]
    return ["--time-zone", "UTC", "--channel", "API", *more]


def of_some(form: Format, count: int, bad: set[int]) -> bytes:
    """A file of so many entries, some of which cannot be understood."""
    if form is Format.CAMT053:
        every = [entry(n, "ten" if n in bad else "10.01") for n in range(1, count + 1)]
        return message(statement("".join(every))).encode()
    if form is Format.MT940:
        lines = [
            f":61:260302C{'1.0' if n in bad else '1,0'}NTRFREF{n:09}" for n in range(1, count + 1)
        ]
        head = [":20:S1", ":25:ACC1", ":60F:C260302EUR100,00"]
        return "\n".join([*head, *lines, ":62F:C260302EUR100,00", "-", ""]).encode()
    lines = [f"2026-03-02,{'ten' if n in bad else '1'},word {n}" for n in range(1, count + 1)]
    return "\n".join(["day,sum,words", *lines, ""]).encode()


@pytest.mark.parametrize("form", FILES, ids=str)
def test_what_is_stored_and_what_is_refused_come_to_all_that_was_read(
    fake: FakeVault, vaultctl: Vaultctl, form: Format
) -> None:
    bad = {2, 3, 11, 60}
    path = fake.folder / f"file.{ENDINGS[form]}"
    path.write_bytes(of_some(form, 60, bad))
    ran = vaultctl("import", path, *terms_of(form, fake, ""), "--batch", 7, "--json")
    (one,) = ran.json["files"]
    assert (one["rows"], one["stored"], one["refused"]) == (60, 56, 4)
    assert (one["statements"]["entries"], one["statements"]["not_understood"]) == (60, 4)
    assert len(fake.transactions) == 56
    lines = path.with_name(f"{path.name}.rejected.jsonl").read_text().splitlines()
    rejected = [json.loads(line) for line in lines]
    # A line of MT940 is told by its number in the file, behind the three that begin the message.
    first = 3 if form is Format.MT940 else 0
    assert [row["row"] for row in rejected] == [first + n for n in sorted(bad)]
    assert all(row["violations"] and row["message"] and row["text"] for row in rejected)


@pytest.mark.parametrize(
    ("form", "harm"),
    [
        (Format.CAMT053, b"</Stmt>"),
        (Format.CAMT053, b"\xff"),
        (Format.CAMT053, b"<a>" * 80),
        (Format.MT940, b"\xff"),
        (Format.MT940, b"x" * 70_000),
        (Format.CSV, b"\xff"),
        (Format.CSV, b'2026-03-02,1,"open'),
        (Format.CSV, b"2026-03-02,1," + b"x" * (1 << 21)),
    ],
    ids=[
        *("camt-cut", "camt-encoding", "camt-deep"),
        *("mt940-encoding", "mt940-line"),
        *("csv-encoding", "csv-quote", "csv-cell"),
    ],
)
def test_a_file_that_cannot_be_read_to_its_end_stores_nothing_of_its_beginning(
    fake: FakeVault, vaultctl: Vaultctl, form: Format, harm: bytes
) -> None:
    path = fake.folder / f"file.{ENDINGS[form]}"
    whole = of_some(form, 400, set())
    path.write_bytes(
        whole[: whole.rindex(b"<Ntry>")] + harm if b"<Ntry>" in whole else whole + harm
    )
    ran = vaultctl("import", path, *terms_of(form, fake, ""), "--batch", 100)
    assert ran.code == 13 and path.name in ran.err
    assert not fake.called("ImportRecords")
    assert not [
        one for one in fake.folder.iterdir() if "rejected" in one.name or "state" in one.name
    ]
    path.write_bytes(whole)
    assert vaultctl("import", path, *terms_of(form, fake, ""), "--batch", 500).code in (0, 23)
    assert len(fake.transactions) == 400
