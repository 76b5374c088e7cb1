"""Text out of bytes, in bounded memory: nothing is guessed and nothing is replaced.

What is not valid in the encoding ends the reading, with the byte where it was: a file that is read
wrongly would store names that nobody bears.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

from vault.cli.vaultctl.failures import INPUT, CommandError

CHUNK: Final = 1 << 16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# XML that begins without a mark in UTF-16 begins with <? in it (XML 1.0, appendix F).
_BARE: Final = ((b"<\0?\0", "utf-16-le"), (b"\0<\0?", "utf-16-be"))
_DECLARED: Final = re.compile(
    rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
# Those in which statements come. Python knows others that are no encodings of text at all.
_ALLOWED: Final = frozenset(
    "utf-8 utf-16 utf-16-le utf-16-be ascii iso8859-1 iso8859-2 iso8859-15 cp1250 cp1252 cp850 "
    "cp852 gb18030 gbk gb2312 big5 big5hkscs shift_jis euc_jp euc_kr".split()
)


def known(name: str) -> str:
    """The canonical name of an encoding. Raises CommandError for one that is not taken."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        found = ""
    if found not in _ALLOWED:
        listed = ", ".join(sorted(_ALLOWED))
        raise CommandError(
            f"That encoding is not known: give one of {listed}.",
            f"编码未知：请使用以下之一：{listed}。",
            INPUT,
        )
    return found


def of_xml(name: str, head: bytes, given: str) -> tuple[str, int]:
    """The encoding of an XML file by its first bytes, and how many of them are its mark.

    Raises CommandError.
    """
    if given:
        return _after_mark(head, known(given))
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    for begin, encoding in _BARE:
        if head.startswith(begin):
            return encoding, 0
    declared = _DECLARED.match(head)
    if declared is None:
        return "utf-8", 0
    try:
        found = known(declared[1].decode())
    except CommandError:
        raise CommandError(
            f"{name} is in an encoding that is not taken: convert it to UTF-8.",
            f"{name} 的编码不受支持：请转换为 UTF-8。",
            INPUT,
        ) from None
    # A declaration that could be read as ASCII is in no UTF-16 (XML 1.0, 4.3.3).
    return ("utf-8" if found.startswith("utf-16") else found), 0


def of_text(head: bytes, given: str) -> tuple[str, int]:
    """The encoding of a text file: `given`, else that of its mark, else UTF-8."""
    if given:
        return _after_mark(head, known(given))
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return "utf-8", 0


def _after_mark(head: bytes, encoding: str) -> tuple[str, int]:
    for mark, marked in _MARKS:
        if head.startswith(mark) and encoding in (marked, "utf-16"):
            return marked, len(mark)
    return ("utf-16-le" if encoding == "utf-16" else encoding), 0


def chunks(name: str, stream: BinaryIO, encoding: str, mark: int) -> Iterator[tuple[str, int]]:
    """The text in pieces, each with how many bytes of the file were read for it and before.

    Raises CommandError where the bytes are no text of the encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    stream.seek(mark)
    read = mark
    while True:
        data = stream.read(CHUNK)
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            at = read - pending + error.start
            raise CommandError(
                f"{name} is not {encoding} at byte {at:,}: give the encoding it is in "
                "(--encoding, such as gb18030 or iso8859-1), or mend it. Nothing of it is stored.",
                f"{name} 在第 {at:,} 字节处不是有效的 {encoding}：请用 --encoding 指定编码"
                "（如 gb18030、iso8859-1）或修复文件。尚未存储任何内容。",
                INPUT,
            ) from None
        read += len(data)
        if text:
            yield text, read
        if not data:
            return


def lines(
    name: str, stream: BinaryIO, encoding: str, mark: int, longest: int
) -> Iterator[tuple[str, int]]:
    """The lines without their ends, each with how far the file was read for it.

    Only CR and LF end a line: other characters that Python counts among line ends may stand in a
    name. Raises CommandError as `chunks`, and for a line of more than `longest` characters.
    """
    left = ""
    number = 0
    for text, read in chunks(name, stream, encoding, mark):
        pieces = (left + text).replace("\r\n", "\n")
        # A CR at the end of the piece may be half of a line end.
        held = "\r" if pieces.endswith("\r") else ""
        split = pieces[: len(pieces) - len(held)].replace("\r", "\n").split("\n")
        left = split.pop() + held
        for line in split:
            number += 1
            _short(name, line, longest, number)
            yield line, read
        _short(name, left, longest, number + 1)
    if left:
        yield left.rstrip("\r"), read


def _short(name: str, line: str, longest: int, number: int) -> None:
    if len(line) > longest:
        raise CommandError(
            f"{name} has more than {longest:,} characters in line {number:,}. Nothing of it is "
            "stored.",
            f"{name} 第 {number:,} 行超过 {longest:,} 个字符。尚未存储任何内容。",
            INPUT,
        )
