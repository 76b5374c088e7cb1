"""The import of one file: batches out, answers in, refused rows to a file of their own."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recordsvault.records.v1.records_pb2 import ImportItem
from recordsvault_client import (
    AlreadyExists,
    ImportBatch,
    ImportOutcome,
    InvalidArgument,
    VaultError,
    VaultServices,
)
from recordsvault_masked.recovery import OnInterrupt
from vault.cli.vaultctl.import_rows import RawRow, Rows
from vault.cli.vaultctl.import_state import Done, ImportKey, ImportState
from vault.cli.vaultctl.import_sums import Sums
from vault.cli.vaultctl.language import Language, language
from vault.cli.vaultctl.options import unreadable
from vault.cli.vaultctl.proto_json import Refused

MAX_MESSAGE = 2 << 20
"""Bytes of items in a message: well below what the vault takes."""

OnProgress = Callable[[int, int], None]
"""Told of each batch that is done: rows, and where in the file it ends."""


@dataclass(slots=True)
class Totals:
    """What became of a file's rows, those of earlier runs included.

    `there` are those of `stored` that were stored before this run: by its own state, or by the
    vault's word that a message had been carried out. The sums are of statements only.
    """

    stored: int = 0
    refused: int = 0
    resumed: int = 0
    there: int = 0
    read_sums: Sums = field(default_factory=Sums)
    refused_sums: Sums = field(default_factory=Sums)
    there_sums: Sums = field(default_factory=Sums)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.stored + self.refused

    @property
    def stored_sums(self) -> Sums:
        """What was stored, now or before."""
        found = Sums()
        found.merge(self.read_sums)
        found.merge(self.refused_sums, -1)
        return found

    def add(self, done: Done, read: Sums, *, there: bool) -> None:
        """Count a batch of rows with these sums."""
        self.stored += done.stored
        self.refused += done.refused
        self.read_sums.merge(read)
        self.refused_sums.merge(done.refused_sums)
        if there:
            self.there += done.stored
            self.there_sums.merge(read)
            self.there_sums.merge(done.refused_sums, -1)


@dataclass(slots=True)
class _Pending:
    """A batch on its way: which rows, and which of them were not even sent."""

    first: int
    sent: list[RawRow] = field(default_factory=list)
    refused: list[tuple[RawRow, Refused]] = field(default_factory=list)
    end: int = 0

    @property
    def rows(self) -> int:
        return len(self.sent) + len(self.refused)


class FileImport:
    """Imports one file, from where its state says."""

    def __init__(
        self,
        rows: Rows,
        key: ImportKey,
        state: ImportState,
        rejected: Path,
        progress: OnProgress,
    ) -> None:
        """`rejected` is made when the first row is refused, and cut to what the state knows."""
        self._rows = rows
        self._key = key
        self._state = state
        self._rejected = _RejectedFile(rejected, state.rejected_bytes)
        self._progress = progress
        self.totals = Totals()

    def run(self, client: VaultServices, in_flight: int, on_interrupt: OnInterrupt) -> None:
        """Send what is not done yet. Raises VaultError, CommandError."""
        try:
            for outcome in client.import_records(
                self._batches(), in_flight=in_flight, on_interrupt=on_interrupt
            ):
                pending = outcome.batch.tag
                assert isinstance(pending, _Pending)  # noqa: S101 - made in _batches, for the types
                self._settle(pending, outcome)
        finally:
            self._rejected.close()

    def _batches(self) -> Iterator[ImportBatch]:
        rows = iter(self._rows)
        first = 0
        held: RawRow | None = None
        while True:
            if held is None and (done := self._state.done.get(first)):
                self._skip(rows, done)
                first += done.rows
                continue
            pending = _Pending(first)
            items: list[ImportItem] = []
            size = 0
            while pending.rows < self._key.batch:
                row = held or next(rows, None)
                held = None
                if row is None:
                    break
                try:
                    item = self._rows.item(row)
                except Refused as refused:
                    pending.refused.append((row, refused))
                    pending.end = row.end
                    continue
                size += item.ByteSize()
                if items and size > MAX_MESSAGE:
                    held = row
                    break
                items.append(item)
                pending.sent.append(row)
                pending.end = row.end
            if not pending.rows:
                return
            if items:
                yield ImportBatch(items, self._key.request_id(first), pending)
            else:
                self._settle(pending, None)
            first += pending.rows

    def _skip(self, rows: Iterator[RawRow], done: Done) -> None:
        end = 0
        read = Sums()
        for row in itertools.islice(rows, done.rows):
            end = row.end
            read.add(self._rows.weight(row))
        self.totals.add(done, read, there=True)
        self.totals.resumed += done.rows
        self._progress(0, end)

    def _settle(self, pending: _Pending, outcome: ImportOutcome | None) -> None:
        read, refused_sums = Sums(), Sums()
        for row in pending.sent:
            read.add(self._rows.weight(row))
        for row, _ in pending.refused:
            read.add(self._rows.weight(row))
            refused_sums.add(self._rows.weight(row))
        lines = [
            (row, _why_not_sent(refused), self._rows.original(row))
            for row, refused in pending.refused
        ]
        stored = len(pending.sent)
        for item in outcome.refused if outcome else ():
            row = pending.sent[item.index]
            assert item.error is not None  # noqa: S101 - what `refused` means, for the types
            lines.append((row, _why_refused(item.error), self._rows.original(row)))
            refused_sums.add(self._rows.weight(row))
            stored -= 1
        for row, why, original in sorted(lines, key=lambda line: line[0].number):
            self._rejected.write({"row": row.number, **why, **original})
        length = self._rejected.sync()
        done = Done(pending.rows, stored, len(lines), refused_sums)
        self._state.record(pending.first, done, length)
        self.totals.add(done, read, there=outcome is not None and outcome.repeated)
        self._progress(done.rows, pending.end)


class _RejectedFile:
    """Refused rows with the reason, one JSON object a line; for the owner's eyes only."""

    def __init__(self, path: Path, length: int) -> None:
        self._path = path
        self._length = length
        self._dirty = False
        try:
            self._file = self._open() if length or path.exists() else None
        except OSError as error:
            raise unreadable(path, error) from None

    def write(self, line: dict[str, Any]) -> None:
        data = (json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "replace")
        try:
            if self._file is None:
                self._file = self._open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise unreadable(self._path, error) from None
        self._length += len(data)
        self._dirty = True

    def sync(self) -> int:
        """Bring what was written to the disk; the length of the file."""
        if self._dirty and self._file is not None:
            os.fsync(self._file)
            self._dirty = False
        return self._length

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(file, 0o600)
        os.ftruncate(file, self._length)
        return file


# Instead of a reason of the vault: what vaultctl found by itself.
_NOT_SENT = "NOT_SENT"


def _why_not_sent(refused: Refused) -> dict[str, Any]:
    zh = language() is Language.ZH
    return {
        "code": "INVALID_ARGUMENT",
        "reason": _NOT_SENT,
        "message": refused.text(zh),
        "violations": [
            _violation(problem.field, _NOT_SENT, problem.zh if zh else problem.en)
            for problem in refused.problems
        ],
    }


def _violation(field: str, reason: str, description: str) -> dict[str, str]:
    return {"field": field, "reason": reason, "description": description}


def _why_refused(error: VaultError) -> dict[str, Any]:
    lang = language().value
    why: dict[str, Any] = {
        "code": error.code.name,
        "reason": error.reason,
        "message": error.text(lang),
    }
    if isinstance(error, InvalidArgument):
        why["violations"] = [
            _violation(item.field, item.reason, item.text(lang)) for item in error.violations
        ]
    if isinstance(error, AlreadyExists):
        why["existing"] = error.existing
    return why
