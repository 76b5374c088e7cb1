"""A caller whom the vault knows."""

import re
from dataclasses import InitVar, dataclass
from typing import Final

from vault.access.scope import EVERYWHERE, Scope

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
    for a node of the vault itself. `person` is an opaque name of the natural person whose account
    this is, the same in all his accounts; empty for a program. `scope` is how far his roles reach
    within the institution, `own_files` and `related_files` the customers that he or a declared
    relative is. `home_branch` is where a person works: it bars nothing, but files of other
    branches are noticed. His name is left out of the representation: it may be a person's.
    """

    name: str
    institution: str
    roles: frozenset[str]
    workload: str
    made_by: InitVar[object]
    person: str = ""
    scope: Scope = EVERYWHERE
    own_files: frozenset[str] = frozenset()
    related_files: frozenset[str] = frozenset()
    home_branch: str = ""

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _DIRECTORY:
            raise TypeError("a Principal comes from Directory.lookup() only")

    @property
    def close_files(self) -> frozenset[str]:
        """Customers whose files he must neither open nor decide on."""
        return self.own_files | self.related_files

    def __repr__(self) -> str:
        return f"Principal(institution={self.institution!r}, roles={sorted(self.roles)!r})"
