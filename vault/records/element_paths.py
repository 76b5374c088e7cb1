"""The paths of a customer's elements, as sources name them: `natural_person.identity.number`.

Read off the domain's own types. Places in lists have no paths of their own: `phones` stands for all
of them.
"""

from dataclasses import is_dataclass
from typing import Any, Final, get_args, get_type_hints

from vault.records.customer import Customer

_NO_ELEMENTS: Final = {"change_reason", "sources", "valid_from", "correction"}
"""What tells of the version, not of the customer."""


def _below(kind: type[Any], path: str) -> set[str]:
    found = set()
    for name, hint in get_type_hints(kind).items():
        if not path and name in _NO_ELEMENTS:
            continue
        own = f"{path}.{name}" if path else name
        found.add(own)
        for inner in (hint, *get_args(hint)):
            if is_dataclass(inner) and isinstance(inner, type):
                found |= _below(inner, own)
    return found


ELEMENT_PATHS: Final = frozenset(_below(Customer, ""))
"""Every path of an element, those of messages and lists among them."""


def covers(path: str, element: str) -> bool:
    """Whether what is said of a path is said of an element: it is the same, or lies in it."""
    return element == path or element.startswith(path + ".")
