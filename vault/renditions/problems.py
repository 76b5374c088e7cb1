"""Why a document is refused: a code for programs and a sentence in English and Chinese for people.

No sentence holds anything of the document.
"""

from enum import StrEnum
from typing import Final


class Problem(StrEnum):
    """What is wrong with a document, or became of the attempt to read it."""

    EMPTY = "EMPTY"
    TYPE_NOT_TAKEN = "TYPE_NOT_TAKEN"
    TYPE_DIFFERS = "TYPE_DIFFERS"
    POLYGLOT = "POLYGLOT"
    TRAILING_DATA = "TRAILING_DATA"
    ANIMATED = "ANIMATED"
    ENCRYPTED = "ENCRYPTED"
    BROKEN = "BROKEN"
    TOO_MANY_PIXELS = "TOO_MANY_PIXELS"
    TOO_MANY_PAGES = "TOO_MANY_PAGES"
    TOO_MUCH_MEMORY = "TOO_MUCH_MEMORY"
    TIMED_OUT = "TIMED_OUT"
    CRASHED = "CRASHED"
    BUSY = "BUSY"

    @property
    def en(self) -> str:
        """The sentence in English: what is wrong, and how to mend it."""
        return _TEXTS[self][0]

    @property
    def zh(self) -> str:
        """The sentence in Chinese."""
        return _TEXTS[self][1]


class DocumentRefused(Exception):
    """A document is not taken. `problem` says why; the text is its English sentence."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.en)
        self.problem: Final = problem


_TEXTS: dict[Problem, tuple[str, str]] = {
    Problem.EMPTY: ("The document is empty.", "文件为空。"),
    Problem.TYPE_NOT_TAKEN: (
        "This is no JPEG, PNG, TIFF, WebP, HEIC or PDF; convert the document to one of them.",
        "文件不是 JPEG、PNG、TIFF、WebP、HEIC 或 PDF，请先转换格式。",
    ),
    Problem.TYPE_DIFFERS: (
        "The content is of another type than was declared; declare the type that it has.",
        "文件内容与声明的类型不一致，请声明实际类型。",
    ),
    Problem.POLYGLOT: (
        "The document can also be read as a file of another type; save it anew from its pages.",
        "文件同时可被识别为其他类型，请由页面重新生成。",
    ),
    Problem.TRAILING_DATA: (
        "Data follow the end of the document; save it anew without them.",
        "文件结尾之后还有数据，请重新保存以去除。",
    ),
    Problem.ANIMATED: (
        "The picture is animated; upload a still picture of each page.",
        "图片为动画，请上传每页的静态图片。",
    ),
    Problem.ENCRYPTED: (
        "The PDF is encrypted; upload it without a password. The vault seals it itself.",
        "PDF 已加密，请上传不带密码的文件；本系统会自行加密保存。",
    ),
    Problem.BROKEN: (
        "The document is damaged or incomplete; scan or export it again.",
        "文件已损坏或不完整，请重新扫描或导出。",
    ),
    Problem.TOO_MANY_PIXELS: (
        "A page has too many pixels; scan it with a lower resolution.",
        "单页像素过多，请降低扫描分辨率。",
    ),
    Problem.TOO_MANY_PAGES: (
        "The document has too many pages; upload it in parts.",
        "页数过多，请分多个文件上传。",
    ),
    Problem.TOO_MUCH_MEMORY: (
        "Reading the document takes too much memory; scan it with a lower resolution.",
        "读取该文件占用内存过多，请降低扫描分辨率。",
    ),
    Problem.TIMED_OUT: (
        "Reading the document takes too long; save it anew in a simpler form.",
        "读取该文件耗时过长，请以更简单的形式重新保存。",
    ),
    Problem.CRASHED: (
        "The document could not be read: its reader ended over it; save it anew.",
        "读取该文件时解码进程异常终止，请重新保存。",
    ),
    Problem.BUSY: (
        "Too many documents are being read now; try again.",
        "当前正在读取的文件过多，请稍后重试。",
    ),
}
