"""Records to a file, a line each; on disk when confirmed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from vault.cli.vaultctl.siem.records import Record
from vault.cli.vaultctl.siem.sinks import SinkAway

_BLOCK = 65_536


class FileSink:
    """Appends. A file that was moved away (logrotate) is made anew; a line that a crash cut short
    is taken away when the file is opened: its record comes again whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1

    def send(self, records: Sequence[Record]) -> None:
        """Append. Raises SinkAway: away, read-only, full."""
        data = b"".join(record.payload + b"\n" for record in records)
        try:
            self._open()
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            raise self._away(error) from error

    def confirm(self) -> None:
        """Sync. Raises SinkAway."""
        try:
            if self._file >= 0:
                os.fsync(self._file)
        except OSError as error:
            raise self._away(error) from error

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _away(self, error: OSError) -> SinkAway:
        self.close()
        return SinkAway((error.strerror or "error").lower())

    def _open(self) -> None:
        if self._file >= 0:
            try:
                there, mine = self._path.stat(), os.fstat(self._file)
                if (there.st_dev, there.st_ino) == (mine.st_dev, mine.st_ino):
                    return
            except FileNotFoundError:
                pass
            os.fsync(self._file)
            self.close()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._cut_torn_line()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _cut_torn_line(self) -> None:
        end = os.fstat(self._file).st_size
        while end:
            start = max(0, end - _BLOCK)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end != os.fstat(self._file).st_size:
            os.ftruncate(self._file, end)
