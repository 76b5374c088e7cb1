"""The rows of an import file, one at a time: JSONL and CSV of any size in bounded memory.

JSONL: a line is the ProtoJSON of `recordsvault.records.v1.ImportItem`, or a line of a file of
refused rows that was mended. CSV (RFC 4180, UTF-8): one
kind of record a file, a header of paths (see `csv_paths`). Reading a row and understanding it are
apart, so that rows which are stored already are passed over quickly.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from recordsvault.records.v1.records_pb2 import ImportItem
from vault.cli.vaultctl.csv_paths import Column, Kind, compact, record_of, resolve
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.import_sums import Weight
from vault.cli.vaultctl.proto_json import Problem, Refused, parse_json, parse_message

MAX_LINE = 4 << 20
"""Bytes that a line may have; the vault takes no larger message."""

_REJECTED = {"row", "code", "item"}
_TOO_LONG = Problem("", f"the line has more than {MAX_LINE} bytes", f"该行超过 {MAX_LINE} 字节")


@dataclass(frozen=True, slots=True)
class RawRow:
    """A row as read: its number in the file (line, or record of a CSV), and where it ends."""

    number: int
    end: int
    data: Any


class Rows(Protocol):
    """The rows of a file."""

    def __iter__(self) -> Iterator[RawRow]:
        """Row by row. Raises CommandError if the rest of the file cannot be told apart in rows."""
        ...

    def item(self, row: RawRow) -> ImportItem:
        """What a row means. Raises Refused."""
        ...

    def original(self, row: RawRow) -> dict[str, Any]:
        """The row for the file of refused rows, as far as it can be read."""
        ...

    def weight(self, row: RawRow) -> Weight | None:
        """What a row of a statement weighs; records have no sums."""
        ...


def open_rows(path: Path, stream: BinaryIO, kind: Kind | None) -> Rows:
    """The rows of an open file, by the file's ending. Raises CommandError for a bad header."""
    if path.suffix.lower() == ".csv":
        return CsvRows(path, stream, kind)
    return JsonRows(stream, kind)


class JsonRows:
    """The lines of a JSONL file; empty lines do not count as rows."""

    def __init__(self, stream: BinaryIO, kind: Kind | None) -> None:
        """With `kind`, a row of another kind is refused."""
        self._stream = stream
        self._record = record_of(kind) if kind else ""

    def __iter__(self) -> Iterator[RawRow]:
        """Line by line; `data` is the line, or None for one that is too long."""
        end = 0
        for number, (line, size) in enumerate(_lines(self._stream), 1):
            end += size
            if line is None or line.strip():
                yield RawRow(number, end, line)

    def item(self, row: RawRow) -> ImportItem:
        """The item of a line. Raises Refused."""
        if row.data is None:
            raise Refused(_TOO_LONG)
        value = parse_json(row.data)
        if value.keys() >= _REJECTED:
            # A line of a file of refused rows: what is mended in it is imported as it stands.
            value = _item_of(value)
        item = parse_message(value, ImportItem)
        if self._record and item.WhichOneof("record") != self._record:
            raise Refused(Problem("", f"is no {self._record}", f"不是 {self._record}"))
        return item

    def original(self, row: RawRow) -> dict[str, Any]:
        """The object of the line, or its text where it is none."""
        if row.data is None:
            return {}
        try:
            return {"item": parse_json(row.data)}
        except Refused:
            return {"text": row.data.decode("utf-8", "replace").rstrip("\r\n")}

    def weight(self, row: RawRow) -> None:
        """None."""


class CsvRows:
    """The records of a CSV file."""

    def __init__(self, path: Path, stream: BinaryIO, kind: Kind | None) -> None:
        """Read the header. Raises CommandError."""
        self._path = path
        self._size = 0
        self._stream = stream
        self._reader = csv.reader(self._text(), strict=True)
        try:
            header = next(self._reader, None)
        except csv.Error:
            raise self._broken(1) from None
        if not header:
            raise CommandError(
                f"{path} is empty: a CSV file begins with a header of field paths.",
                f"{path} 为空：CSV 文件应以字段路径表头开始。",
                INPUT,
            )
        self._header = header
        self._columns: list[Column] = resolve(path, header, kind)

    def __iter__(self) -> Iterator[RawRow]:
        """Record by record; `data` is the list of cells."""
        number = 0
        while True:
            number += 1
            try:
                cells = next(self._reader, None)
            except csv.Error:
                raise self._broken(number) from None
            if cells is None:
                return
            if cells:
                yield RawRow(number, self._size, cells)

    def item(self, row: RawRow) -> ImportItem:
        """The item of a record. Raises Refused."""
        if len(row.data) != len(self._columns):
            count = len(self._columns)
            raise Refused(
                Problem("", f"does not have {count} cells, as the header", f"单元格数不是 {count}")
            )
        value: dict[str, Any] = {}
        problems: list[Problem] = []
        for column, cell in zip(self._columns, row.data, strict=True):
            if cell:
                try:
                    column.put(value, cell)
                except Refused as refused:
                    problems.extend(refused.problems)
        try:
            item = parse_message(compact(value), ImportItem)
        except Refused as refused:
            problems.extend(refused.problems)
        else:
            if not problems:
                return item
        raise Refused(*problems)

    def original(self, row: RawRow) -> dict[str, Any]:
        """The cells by their columns."""
        cells = [cell.encode("utf-8", "replace").decode() for cell in row.data]
        if len(cells) != len(self._header):
            return {"cells": cells}
        return {"cells": dict(zip(self._header, cells, strict=True))}

    def weight(self, row: RawRow) -> None:
        """None."""

    def _text(self) -> Iterator[str]:
        for line, size in _lines(self._stream):
            if line is None:
                raise CommandError(
                    f"{self._path} has a line of more than {MAX_LINE} bytes: is a quote left open?",
                    f"{self._path} 中有一行超过 {MAX_LINE} 字节：是否有引号未闭合？",
                    INPUT,
                )
            # What is no UTF-8 becomes half characters, which the row is then refused for.
            text = line.decode("utf-8", "surrogateescape")
            if not self._size:
                text = text.removeprefix("\ufeff")
            self._size += size
            yield text

    def _broken(self, number: int) -> CommandError:
        return CommandError(
            f"{self._path} is no CSV from record {number} on: check its quotes.",
            f"{self._path} 自第 {number} 条记录起无法解析：请检查引号。",
            INPUT,
        )


def _item_of(rejected: dict[str, Any]) -> dict[str, Any]:
    item = rejected["item"]
    if not isinstance(item, dict):
        raise Refused(Problem("item", "must be an object", "必须是对象"))
    return item


def _lines(stream: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
    """Lines and their sizes; None for a line that is too long, which is passed over in pieces."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE:
            yield line, len(line)
            continue
        size = len(line)
        while not line.endswith(b"\n") and (line := stream.readline(MAX_LINE + 1)):
            size += len(line)
        yield None, size
