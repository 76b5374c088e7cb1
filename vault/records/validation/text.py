"""What every text must be: NFC, visible, without outer blanks, and not a mask taken for a value.

Unicode in normalisation form C (UAX #15); no control characters; no zero-width, invisible or
direction-changing characters (UAX #9, UTS #39: they make two texts look alike); no blank at either
end. What looks like a masked value is refused, since a front end that writes back what it was
shown would overwrite the truth; how strictly depends on what the text is (`Masks`).
"""

import re
import unicodedata
from enum import Enum

from vault.records.reasons import Reason


class Masks(Enum):
    """What counts as a mask in a text."""

    NUMBER = "number"
    """An identifier: any mask character, or three X in a row."""
    PERSON = "person"
    """A person's name: any mask character, or four X in a row."""
    PARTY = "party"
    """A name that may hold an asterisk of its own (E*TRADE, SQ *CAFE): two mask characters in a
    row, one beside a Chinese character, or four X in a row."""
    FREE = "free"
    """Free text and references: a text that is nothing but a mask."""


# Asterisks, bullets, circles, blocks; the multiplication sign counts from two in a row.
MASK_CHARACTERS = "*＊﹡∗⁎✱•●⬤○◯█▇▓▒░■◼"
_M = "[" + re.escape(MASK_CHARACTERS) + "]"
_HAN = "[\u3400-\u9fff\U00020000-\U0003ffff]"
_PATTERNS = {
    Masks.NUMBER: re.compile(f"{_M}|×{{2}}|[xX]{{3}}"),
    Masks.PERSON: re.compile(f"{_M}|×{{2}}|[xX]{{4}}"),
    Masks.PARTY: re.compile(f"{_M}{{2}}|×{{2}}|[xX]{{4}}|{_HAN}{_M}|{_M}{_HAN}|^{_M}$"),
    Masks.FREE: re.compile(rf"^(?=.*(?:{_M}|[×xX]{{2}}))(?:{_M}|[×xX\W])+$", re.DOTALL),
}
_SUSPECT = frozenset(MASK_CHARACTERS + "×")

# Not of category Cf, and as invisible: fillers of Hangul, Mongolian and Khmer, Braille's blank,
# the grapheme joiner (Unicode's Default_Ignorable_Code_Point, less the variation selectors that
# Japanese names need).
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")


def problem(text: str, masks: Masks) -> Reason | None:
    """Return the first thing wrong with a text, or None; an empty text has nothing wrong."""
    if not text:
        return None
    if text.isascii():
        # The path of most texts of most banks: a few scans in C.
        if not text.isprintable():
            return Reason.CONTROL_CHARACTER
        if text[0] == " " or text[-1] == " ":
            return Reason.OUTER_BLANK
        if "*" in text or "XX" in text or "xx" in text or "xX" in text or "Xx" in text:
            return Reason.MASKED_VALUE if is_masked(text, masks) else None
        return None
    if not text.isprintable():
        for letter in text:
            reason = _character_problem(letter)
            if reason is not None:
                return reason
    if not _INVISIBLE.isdisjoint(text):
        return Reason.HIDDEN_CHARACTER
    if not unicodedata.is_normalized("NFC", text):
        return Reason.NOT_NORMALISED
    if text[0].isspace() or text[-1].isspace():
        return Reason.OUTER_BLANK
    if is_masked(text, masks):
        return Reason.MASKED_VALUE
    return None


def is_masked(text: str, masks: Masks) -> bool:
    """Tell whether a text looks like a masked value."""
    if _SUSPECT.isdisjoint(text) and "xx" not in text.lower():
        return False
    return _PATTERNS[masks].search(text) is not None


def _character_problem(letter: str) -> Reason | None:
    if letter.isprintable() or letter == "\u3000":
        return None
    category = unicodedata.category(letter)
    if category == "Cc":
        return Reason.CONTROL_CHARACTER
    if category in ("Cf", "Zl", "Zp", "Cs"):
        return Reason.HIDDEN_CHARACTER
    # Left are other blanks, private use (rare characters of GB 18030 fonts) and characters newer
    # than this Python's Unicode: people's names have them.
    return None
