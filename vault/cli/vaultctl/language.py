"""The language in which vaultctl speaks to the person at the terminal."""

from __future__ import annotations

from contextvars import ContextVar
from enum import Enum


class Language(str, Enum):
    """A language of messages; names of fields, codes and JSON are the same in all."""

    EN = "en"
    ZH = "zh"


_current: ContextVar[Language] = ContextVar("language", default=Language.EN)


def speak(language: Language) -> None:
    """Use `language` from here on."""
    _current.set(language)


def language() -> Language:
    """The language in use."""
    return _current.get()


def say(en: str, zh: str) -> str:
    """The text in the language in use."""
    return zh if _current.get() is Language.ZH else en
