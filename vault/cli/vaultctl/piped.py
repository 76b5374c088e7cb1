"""Text that goes into a pipe or a file: lines without the blanks that pad a table to its width."""

from __future__ import annotations

import io
import re
from typing import Final, TextIO

_PADDING: Final = re.compile(r" +(?=\n)")


class Piped(io.TextIOBase):
    """Writes to `stream`, each line without the blanks at its end. A write is of whole lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]  # which io has writable
        """As the stream's: from it Rich knows with which signs a table may be drawn."""
        return self._stream.encoding

    def write(self, text: str) -> int:
        """As the stream's, of a shorter text."""
        self._stream.write(_PADDING.sub("", text))
        return len(text)

    def flush(self) -> None:
        """As the stream's."""
        self._stream.flush()

    def isatty(self) -> bool:
        """No."""
        return False
