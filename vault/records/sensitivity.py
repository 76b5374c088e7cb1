"""Whose file needs more care than others, and the classes of files that this makes.

A class is why a file needs more care, by the name of its `Sensitivity`, or `ORDINARY` where nothing
does. A file that needs more care for two reasons is of both classes. Whoever is held to classes is
held against those of the full record; a masked view carries them sealed beside what it shows, as
`marks_of` writes them, and shows none.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from vault.records.customer import Customer, NaturalPerson
from vault.records.enums import Sensitivity

ORDINARY: Final = "ORDINARY"
FILE_CLASSES: Final = (
    ORDINARY,
    *(one.value for one in Sensitivity if one is not Sensitivity.UNSPECIFIED),
)
"""Every class, in the order of `marks_of`: a class that comes to be is put at the end."""

# 民法典 art. 17: a natural person of 18 years is of age.
_OF_AGE = 18
_SET, _UNSET = "1", "0"
# Of a later release: no class that anybody could be let into.
_UNKNOWN = "?"


def sensitive(customer: Customer, today: date) -> bool:
    """Whether it takes more to see this file: it says so itself, or it is that of a person under
    age, who need not have been marked."""
    return classes_of(customer, today) != {ORDINARY}


def classes_of(customer: Customer, today: date) -> frozenset[str]:
    """The classes of a customer's file; never none."""
    person = customer.natural_person
    if person is None and customer.sole_trader is not None:
        person = customer.sole_trader.person
    found = {one.value for one in customer.sensitivities}
    if _under_age(person, today):
        found.add(Sensitivity.MINOR.value)
    return frozenset(found) or frozenset({ORDINARY})


def marks_of(classes: Iterable[str]) -> str:
    """The classes as a text that is as long for one file as for another, so that the size of what
    is sealed tells nobody of them. Where one of them is no class, it says none."""
    held = frozenset(classes)
    if not held <= {*FILE_CLASSES}:
        held = frozenset()
    return "".join(_SET if one in held else _UNSET for one in FILE_CLASSES)


def classes_in(marks: str) -> frozenset[str] | None:
    """The classes that `marks_of` wrote; None where nothing was written."""
    if not marks:
        return None
    found = {one for one, mark in zip(FILE_CLASSES, marks, strict=False) if mark != _UNSET}
    if set(marks[len(FILE_CLASSES) :]) - {_UNSET}:
        found.add(_UNKNOWN)
    return frozenset(found) or None


def _under_age(person: NaturalPerson | None, today: date) -> bool:
    if person is None or person.birth_date is None:
        return False
    born = person.birth_date
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years < _OF_AGE
