"""A caller whom the vault knows."""

import re
from dataclasses import InitVar, dataclass
from typing import Final

# Only vault.access.directory passes it on: a Principal is proof that the directory knows a caller.
_DIRECTORY: Final = object()
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")


def is_principal_name(text: str) -> bool:
    """Whether the directory could know somebody by this name."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, repr=False)
class Principal:
    """A caller whom the directory of principals knows. Only the directory makes one.

    `name` is what the log calls him, `workload` the URI of his certificate, `institution` is empty
    for a node of the vault itself. His name is left out of the representation: it may be a
    person's.
    """

    name: str
    institution: str
    roles: frozenset[str]
    workload: str
    made_by: InitVar[object]

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _DIRECTORY:
            raise TypeError("a Principal comes from Directory.lookup() only")

    def __repr__(self) -> str:
        return f"Principal(institution={self.institution!r}, roles={sorted(self.roles)!r})"
