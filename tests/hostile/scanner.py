"""Finds any of many texts in many bytes, however each may have been written down.

A text is looked for in UTF-8, UTF-16 (both orders), base64 of its UTF-8 bytes (at each of the three
places where it can begin in a group, both alphabets), hex (both cases), JSON with escapes and
percent-encoding. All of it is one pass: a pattern of at least 7 bytes covers one whole aligned word
of four bytes wherever it lies (of at least 15: one of eight bytes), so the data's words are looked
up in the set of all words that the patterns could have there, which the interpreter does in C, and
only the hits are compared in full.

Texts of less than `MIN_BYTES` in an encoding are not looked for in it: a name of two Chinese
characters is six bytes and might stand in a hundred megabytes of random bytes by chance.
"""

import base64
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

MIN_BYTES = 8
_LONG = 15
_STRETCH = 4_096  # words

Words = dict[int, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Found:
    """A text that stands in the data, how it is written there, and where."""

    text: str
    encoding: str
    offset: int


def encodings(text: str) -> Iterator[tuple[str, bytes]]:
    """The ways to write a text, by name. Each is at least `MIN_BYTES` long; some may be missing."""
    for name, pattern in _all_encodings(text):
        if len(pattern) >= MIN_BYTES:
            yield name, pattern


def _all_encodings(text: str) -> Iterator[tuple[str, bytes]]:
    plain = text.encode("utf-8")
    if len(plain) < MIN_BYTES:
        return
    yield "utf-8", plain
    yield "utf-16-le", text.encode("utf-16-le")
    yield "utf-16-be", text.encode("utf-16-be")
    yield "hex", plain.hex().encode()
    if plain.hex() != plain.hex().upper():
        yield "HEX", plain.hex().upper().encode()
    percent, form = quote(text, safe=""), quote_plus(text)
    for name, written in (("json", json.dumps(text)[1:-1]), ("percent", percent), ("form", form)):
        if written != text and (name, written) != ("form", percent):
            yield name, written.encode()
    for shift in range(3):
        # Characters that also hold bits of what stands before or behind are left out.
        lead, whole = (shift * 8 + 5) // 6, (shift + len(plain)) * 8 // 6
        standard = base64.b64encode(bytes(shift) + plain + bytes(3))[lead:whole]
        yield f"base64+{shift}", standard
        urlsafe = standard.replace(b"+", b"-").replace(b"/", b"_")
        if urlsafe != standard:
            yield f"base64url+{shift}", urlsafe


class Patterns:
    """Looks for many byte strings of at least 7 bytes at once, each with a name and a form."""

    def __init__(self, patterns: Iterable[tuple[str, str, bytes]]) -> None:
        # By word size: a word that a pattern may have, and (pattern, place of the word in it).
        self._words: dict[int, Words] = {4: defaultdict(list), 8: defaultdict(list)}
        self._patterns: list[tuple[str, str, bytes]] = []
        seen: set[bytes] = set()
        for name, form, pattern in patterns:
            if pattern not in seen:
                seen.add(pattern)
                self._add(name, form, pattern)
        self._present = {size: frozenset(words) for size, words in self._words.items()}

    def __len__(self) -> int:
        """How many patterns are looked for."""
        return len(self._patterns)

    def _add(self, text: str, encoding: str, pattern: bytes) -> None:
        number = len(self._patterns)
        self._patterns.append((text, encoding, pattern))
        size = 8 if len(pattern) >= _LONG else 4
        for at in range(size):
            word = int.from_bytes(pattern[at : at + size], sys.byteorder)
            self._words[size][word].append((number, at))

    def scan(self, data: bytes) -> list[Found]:
        """Every pattern that stands in `data`, once, where it stands first."""
        found: dict[int, int] = {}
        cut = data + bytes(-len(data) % 8)
        for size, view in ((4, memoryview(cut).cast("I")), (8, memoryview(cut).cast("Q"))):
            for number, offset in self._hits(data, size, view):
                found[number] = min(offset, found.get(number, offset))
        return sorted(
            (Found(*self._patterns[number][:2], offset) for number, offset in found.items()),
            key=lambda f: f.offset,
        )

    def _hits(self, data: bytes, size: int, view: "memoryview[int]") -> Iterator[tuple[int, int]]:
        # The first pass is all C; the second is made only where there is something to see.
        for begin in range(0, len(view), _STRETCH):
            stretch = view[begin : begin + _STRETCH]
            seen = self._present[size].intersection(stretch)
            if not seen:
                continue
            for index, word in enumerate(stretch, begin):
                if word not in seen:
                    continue
                for number, at in self._words[size][word]:
                    start = index * size - at
                    if start >= 0 and data.startswith(self._patterns[number][2], start):
                        yield number, start


class Scanner(Patterns):
    """Looks for all of `texts`, in every encoding, at once."""

    def __init__(self, texts: Iterable[str]) -> None:
        super().__init__((t, *written) for t in sorted(set(texts)) for written in encodings(t))
