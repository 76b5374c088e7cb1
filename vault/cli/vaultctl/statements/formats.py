"""Which format a file is in: by its ending, or by what the person says."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final

from vault.cli.vaultctl.statements.booking import Terms
from vault.cli.vaultctl.statements.camt053 import camt053
from vault.cli.vaultctl.statements.mapped_csv import MappedCsv
from vault.cli.vaultctl.statements.mt940 import mt940
from vault.cli.vaultctl.statements.parts import Part
from vault.cli.vaultctl.statements.rows import StatementRows


class Format(str, Enum):
    """Format of an import file. `RECORDS` are the vault's own: JSONL, and CSV of field paths."""

    RECORDS = "records"
    CAMT053 = "camt053"
    MT940 = "mt940"
    CSV = "csv"


_ENDINGS: Final = {
    ".xml": Format.CAMT053,
    ".camt": Format.CAMT053,
    ".c53": Format.CAMT053,
    ".sta": Format.MT940,
    ".940": Format.MT940,
    ".mt940": Format.MT940,
    ".swi": Format.MT940,
}


def format_of(path: Path, given: Format | None, *, mapped: bool) -> Format:
    """The format of a file; a CSV is one by mapping where there is a mapping."""
    ending = path.suffix.lower()
    if given is not None:
        return given
    if ending == ".csv" and mapped:
        return Format.CSV
    return _ENDINGS.get(ending, Format.RECORDS)


def open_statements(form: Format, path: Path, stream: BinaryIO, terms: Terms) -> StatementRows:
    """The rows of a file of statements. Raises CommandError when they are read."""

    def parts() -> Iterator[Part]:
        if form is Format.CAMT053:
            return camt053(path.name, stream, terms.encoding)
        if form is Format.MT940:
            return mt940(path.name, stream, terms.encoding)
        return iter(MappedCsv(path.name, stream, terms.mapping, terms.encoding))

    return StatementRows(parts, terms)
