"""Classes of check-outs: who must agree to what, for how long. Data, with every limit finite.

    [[class]]
    name = "sensitive"
    needs = ["custodian", "compliance"]   # one person for each; [] where nobody need agree
    longest = "4h"                        # from the approval on
    decide_within = "24h"                 # after that nobody can agree any more
    case_reference = true
    confidential = true                   # nobody learns of it but who asks and who is asked,
    sees = ["money_laundering_officer"]   # and these roles
    [class.when]                          # all that is given must hold
    purposes = ["REGULATOR_REQUEST"]      # one of these
    fields = ["customer.natural_person.identity"]   # the request touches one of these
    sensitive = true                      # the customer is of a sensitive class
    whole_institution = true              # not a customer's file is asked for, but all of them,
                                          # once; two must agree at least

    [register]
    sees = ["security_officer"]           # who sees all that is not confidential, beside who may
                                          # decide on some of it, and who reviews

    [break_glass]
    longest = "30m"                       # how long a file stays open
    review_within = "24h"                 # after that who broke it may not break another
    reviewers = ["security_officer"]      # who reviews it; never who broke it

All classes that match a request hold together: whoever one of them needs must agree, the shortest
time counts, and one that wants a case reference wants it. A confidential one asks nobody whom
another needs: he would learn of it. It is of purposes, so that a glass that is broken for one of
them is as confidential. What no class matches is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.access.lending.paths import overlaps
from vault.access.purposes import Purpose

DEFAULT_CLASSES: Final = Path(__file__).parent / "classes.toml"
_TIME: Final = re.compile(r"([1-9][0-9]{0,3})([mhd])")
_UNIT: Final = {"m": 60, "h": 3_600, "d": 86_400}
MAX_SECONDS: Final = 90 * 86_400


class ClassesInvalid(Exception):
    """The classes cannot be used; says which and how to mend it."""


@dataclass(frozen=True, slots=True)
class LendingClass:
    """A class. Times in microseconds; an empty tuple in a condition does not limit."""

    name: str
    needs: tuple[str, ...]
    longest: int
    decide_within: int
    case_reference: bool
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    sensitive: bool
    whole_institution: bool = False
    confidential: bool = False
    sees: tuple[str, ...] = ()

    @property
    def seen_by(self) -> tuple[str, ...]:
        """The roles that see a confidential check-out; empty where it is none."""
        return tuple(dict.fromkeys((*self.needs, *self.sees))) if self.confidential else ()

    def matches(self, purpose: str, fields: Sequence[str], *, sensitive: bool, whole: bool) -> bool:
        """Whether a request is of this class."""
        return (
            whole == self.whole_institution
            and (not self.purposes or purpose in self.purposes)
            and (not self.fields or any(overlaps(a, b) for a in fields for b in self.fields))
            and (sensitive or not self.sensitive)
        )


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """What holds for files that are opened in an emergency. Times in microseconds."""

    longest: int
    review_within: int
    reviewers: frozenset[str]


class LendingClasses:
    """All classes; `break_glass` is what holds where nobody is asked before. `viewers` are the
    roles that see all entries of their institution that are not confidential, `deciders` those of
    them that are asked about some, `initiates` the roles that see some confidential ones."""

    def __init__(
        self, classes: Iterable[LendingClass], break_glass: BreakGlass, auditors: frozenset[str]
    ) -> None:
        self._classes = tuple(classes)
        self.break_glass = break_glass
        secret = [one for one in self._classes if one.confidential]
        plain = [one for one in self._classes if not one.confidential]
        self.deciders = frozenset(role for one in plain for role in one.needs)
        self.viewers = auditors | break_glass.reviewers | self.deciders
        self.initiates = frozenset(role for one in secret for role in (*one.needs, *one.sees))

    def of(
        self, purpose: str, fields: Sequence[str], *, sensitive: bool, whole: bool = False
    ) -> LendingClass | None:
        """All classes that a request is of as one; None where there is none. ``whole``: it is of
        the files of all customers."""
        found = [
            one
            for one in self._classes
            if one.matches(purpose, fields, sensitive=sensitive, whole=whole)
        ]
        return reduce(_both, found) if found else None

    @property
    def paths(self) -> frozenset[str]:
        """Fields that some class is of."""
        return frozenset(path for one in self._classes for path in one.fields)


def _both(one: LendingClass, other: LendingClass) -> LendingClass:
    asking = [c for c in (one, other) if c.confidential] or [one, other]
    return LendingClass(
        name=f"{one.name}+{other.name}",
        needs=tuple(dict.fromkeys(role for c in asking for role in c.needs)),
        longest=min(one.longest, other.longest),
        decide_within=min(one.decide_within, other.decide_within),
        case_reference=one.case_reference or other.case_reference,
        purposes=(),
        fields=(),
        sensitive=one.sensitive or other.sensitive,
        whole_institution=one.whole_institution,
        confidential=one.confidential or other.confidential,
        sees=tuple(dict.fromkeys((*one.sees, *other.sees))),
    )


_Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
_Path = Annotated[
    str,
    msgspec.Meta(pattern=r"^(customer|identity_document|transaction)(\.[a-z][a-z0-9_]*){0,6}\Z"),
]


class _When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    purposes: list[str] = []
    fields: list[_Path] = []
    sensitive: bool = False
    whole_institution: bool = False


class _Class(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: _Role
    needs: list[_Role]
    longest: str
    decide_within: str
    case_reference: bool = False
    confidential: bool = False
    sees: list[_Role] = []
    when: _When = _When()


class _Register(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sees: list[_Role]


class _BreakGlass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    longest: str
    review_within: str
    reviewers: Annotated[list[_Role], msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    classes: list[_Class] = msgspec.field(name="class")
    register: _Register
    break_glass: _BreakGlass


def read_classes(path: Path = DEFAULT_CLASSES) -> LendingClasses:
    """The classes of a file. Raises ClassesInvalid."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ClassesInvalid(f"{path.name}: {error}") from None
    if not file.classes:
        raise ClassesInvalid(f"{path.name}: without a class nothing can be lent; write one")
    names = [one.name for one in file.classes]
    if len(set(names)) != len(names):
        raise ClassesInvalid(f"{path.name}: two classes have one name")
    glass = file.break_glass
    for one in file.classes:
        _check_confidential(path.name, one, frozenset(glass.reviewers))
        _check_whole(path.name, one)
    return LendingClasses(
        [_class(path.name, one) for one in file.classes],
        BreakGlass(
            longest=_micros(path.name, "break_glass", "longest", glass.longest),
            review_within=_micros(path.name, "break_glass", "review_within", glass.review_within),
            reviewers=frozenset(glass.reviewers),
        ),
        frozenset(file.register.sees),
    )


def _class(file: str, one: _Class) -> LendingClass:
    if len(set(one.needs)) != len(one.needs) or len(one.needs) > 4:
        raise ClassesInvalid(f"{file}: {one.name}: needs names up to four roles, each once")
    unknown = [p for p in one.when.purposes if not p or p not in set(Purpose)]
    if unknown:
        raise ClassesInvalid(f"{file}: {one.name}: no purpose is called {', '.join(unknown)}")
    return LendingClass(
        name=one.name,
        needs=tuple(one.needs),
        longest=_micros(file, one.name, "longest", one.longest),
        decide_within=_micros(file, one.name, "decide_within", one.decide_within),
        case_reference=one.case_reference,
        purposes=tuple(one.when.purposes),
        fields=tuple(one.when.fields),
        sensitive=one.when.sensitive,
        whole_institution=one.when.whole_institution,
        confidential=one.confidential,
        sees=tuple(one.sees),
    )


def _check_confidential(file: str, one: _Class, reviewers: frozenset[str]) -> None:
    place = f"{file}: {one.name}"
    if not one.confidential:
        if one.sees:
            raise ClassesInvalid(
                f"{place}: sees is for a confidential class; others have [register]"
            )
        return
    if not one.needs or not one.when.purposes:
        raise ClassesInvalid(
            f"{place}: a confidential class needs somebody, and names its purposes"
        )
    if reviewers.isdisjoint((*one.needs, *one.sees)):
        raise ClassesInvalid(
            f"{place}: nobody who sees it reviews a broken glass; give break_glass.reviewers one "
            f"of {', '.join((*one.needs, *one.sees))}"
        )


def _check_whole(file: str, one: _Class) -> None:
    if not one.when.whole_institution:
        return
    if len(one.needs) < 2:
        raise ClassesInvalid(
            f"{file}: {one.name}: all customers at once take two who agree; name two roles in needs"
        )
    if one.when.sensitive:
        raise ClassesInvalid(
            f"{file}: {one.name}: sensitive is for one customer's file; leave it out where "
            "whole_institution is true"
        )


def _micros(file: str, name: str, key: str, text: str) -> int:
    found = _TIME.fullmatch(text)
    seconds = int(found[1]) * _UNIT[found[2]] if found else 0
    if not 0 < seconds <= MAX_SECONDS:
        raise ClassesInvalid(f'{file}: {name}: {key}: write up to 90 days as in "30m", "8h", "2d"')
    return seconds * 1_000_000
