"""What the server and a process that decodes say to each other, through two pipes.

To the process: a job as JSON, the document in pieces, an empty piece. Back: an answer as JSON, and
the pixels that it announces. Each is led by its length in four bytes, and each length is bounded by
who reads it: a process that a document has taken over can send pixels, and nothing else.
"""

import struct
from dataclasses import dataclass
from typing import Final

import msgspec

from vault.records.content import ContentType
from vault.records.enums import DocumentKind
from vault.renditions.layouts import LAYOUTS
from vault.renditions.limits import Limits
from vault.renditions.problems import Problem

LENGTH: Final = struct.Struct(">I")
MOST_JSON: Final = 16 * 1024
PIECE: Final = 256 * 1024
_LAYOUTS: Final = frozenset(layout.name for layout in LAYOUTS)
READY: Final = b"R"
"""What a process says once it has given up what it does not need, before it reads anything; and
again, when it has been told what is coming."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be decoded, and within which limits."""

    kind: DocumentKind
    content_type: ContentType
    limits: Limits


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """One page: by which layout it was pictured, empty where by none, and how large it is."""

    layout: str = ""
    width: int = 0
    height: int = 0
    colours: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a job. Without `problem`: how many pages, and those looked at."""

    problem: Problem | None = None
    page_count: int = 0
    pages: tuple[PageAnswer, ...] = ()


class AnswerInvalid(Exception):
    """A process has answered what it could not have answered honestly."""


def framed(data: bytes) -> bytes:
    """Data led by its length."""
    return LENGTH.pack(len(data)) + data


def write_json(value: Job | Answer) -> bytes:
    """A frame of a job or an answer."""
    return framed(msgspec.json.encode(value))


def read_job(data: bytes) -> Job:
    """The other way round."""
    return msgspec.json.decode(data, type=Job)


def read_answer(data: bytes, limits: Limits) -> Answer:
    """The other way round, believing nothing. Raises AnswerInvalid."""
    try:
        answer = msgspec.json.decode(data, type=Answer)
    except msgspec.DecodeError as error:
        raise AnswerInvalid("no answer") from error
    if answer.problem is not None:
        return answer
    if not 1 <= answer.page_count <= limits.pages or len(answer.pages) > limits.pictured_pages:
        raise AnswerInvalid("pages")
    for page in answer.pages:
        sizes = (page.width, page.height, page.colours)
        if page.layout:
            if page.layout not in _LAYOUTS:
                raise AnswerInvalid("a layout that there is not")
            if not all(1 <= size <= limits.long_edge for size in sizes) or page.colours > 256:
                raise AnswerInvalid("size of a page")
        elif any(sizes):
            raise AnswerInvalid("pixels of a page without layout")
    return answer
