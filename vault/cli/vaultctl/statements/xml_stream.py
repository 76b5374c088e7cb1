"""XML from somebody else, element by element: no DTD, no entities, no network, bounded memory.

A document type is where every attack by entities begins (billion laughs, external entities), and no
message of ISO 20022 has one: who sends one is refused before anything in it is read. That is told
by a parser of its own, which sees each piece first and is let go at the root; behind that no
declaration can come. What remains are bounds: how deep, how long one token, how much one element.

The parser is expat, that of the standard library; it takes text which is decoded already, so that
an encoding means the same here and everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final, cast
from xml.etree.ElementTree import Element, ParseError, XMLPullParser
from xml.parsers import expat

from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.statements.decoding import CHUNK, chunks, of_xml

DEEPEST: Final = 64
"""Elements within each other; a statement has about a dozen."""
LONGEST: Final = 1 << 20
"""Bytes in which an element must begin or end."""


def pieces(
    name: str, stream: BinaryIO, encoding: str
) -> Iterator[tuple[Iterable[tuple[str, Element]], int]]:
    """The file in pieces: of each, `("start", element)` and `("end", element)` in the order of the
    file, and how many bytes were read for it and before.

    An element that has begun is not whole yet; one that has ended is. The caller counts how deep he
    is (see `too_deep`), and takes out of the tree what he has read. Raises CommandError for what is
    no XML, has a document type, or has a tag or text out of bounds.
    """
    stream.seek(0)
    head = stream.read(256)
    found, mark = of_xml(name, head, encoding)
    guard: _Guard | None = _Guard(name)
    parser: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    quiet = before = 0
    try:
        for text, read in chunks(name, stream, found, mark):
            if guard is not None and guard.passed(text):
                guard = None
            parser.feed(text)
            events = _events(parser)
            quiet = 0 if events else quiet + read - before
            before = read
            yield events, read
            if quiet > LONGEST + CHUNK:
                raise _out_of_bounds(
                    name, "has a tag or text of more than 1 MiB", "标签或文本超过 1 MiB"
                )
        parser.close()
        # Whatever the last piece still held back.
        yield _events(parser), before
    except ParseError as error:
        line, column = error.position
        raise _no_xml(name, line, column, error.code) from None
    except expat.ExpatError as error:
        raise _no_xml(name, error.lineno, error.offset, error.code) from None


def too_deep(name: str) -> CommandError:
    """That elements are within each other more than DEEPEST times."""
    return _out_of_bounds(name, f"is nested more than {DEEPEST} deep", "嵌套过深")


def _events(parser: XMLPullParser[Element]) -> list[tuple[str, Element]]:
    """Starts and ends only, which is all that was asked for."""
    return cast("list[tuple[str, Element]]", list(parser.read_events()))


class _Guard:
    """Sees the beginning of the text before the parser does."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rooted = False
        # What the prolog may hold is small; comments in front of the root are not what is wanted.
        self._fed = 0
        self._parser = expat.ParserCreate("utf-8")
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._root

    def passed(self, text: str) -> bool:
        """Whether the root has come, and with it no document type any more."""
        self._fed += len(text)
        if self._fed > LONGEST + CHUNK:
            raise _out_of_bounds(
                self._name, "more than 1 MiB before its root", "根元素前超过 1 MiB"
            )
        self._parser.Parse(text.encode(), False)
        return self._rooted

    def _root(self, name: str, attributes: object) -> None:
        self._rooted = True

    def _doctype(self, *declared: object) -> None:
        raise CommandError(
            f"{self._name} declares a document type (DTD): no statement has one, and none is read.",
            f"{self._name} 声明了文档类型（DTD）：对账单不应包含，拒绝读取。",
            INPUT,
        )


def _out_of_bounds(name: str, en: str, zh: str) -> CommandError:
    return CommandError(
        f"{name} {en}: that is no statement. Nothing of it is stored.",
        f"{name} {zh}：不是对账单。尚未存储任何内容。",
        INPUT,
    )


def _no_xml(name: str, line: int, column: int, code: int) -> CommandError:
    # The parser's own words are constants; its longer message may quote the file.
    why = expat.ErrorString(code) or "error"
    return CommandError(
        f"{name} is no XML at line {line:,}, column {column + 1:,} ({why}). Nothing of it is "
        "stored.",
        f"{name} 第 {line:,} 行第 {column + 1:,} 列不是有效的 XML（{why}）。尚未存储任何内容。",
        INPUT,
    )
