"""Why something could not be sealed or opened. No message holds a key or a record's content."""

from vault.records.scopes import Branch, ScopeRef


class SealingError(Exception):
    """Nothing was sealed or opened."""


class SealBroken(SealingError):
    """The sealed bytes are not what was sealed under this key, here.

    One error for every cause (changed, cut short, another key, another place), so that it tells
    whoever sent the bytes nothing about how far they came.
    """

    def __init__(self) -> None:
        super().__init__("sealed bytes do not open here")


class UnknownSuite(SealBroken):
    """A suite id that this version does not know: a later version's bytes, or changed ones."""


class BranchNotHeld(SealingError):
    """This node was not given that branch of the key tree."""

    def __init__(self, branch: Branch) -> None:
        super().__init__(f"this node does not hold the key branch {branch.value!r}")
        self.branch = branch


class ScopeShredded(SealingError):
    """The scope has no file key: what was sealed under it can never be opened again."""

    def __init__(self, ref: ScopeRef) -> None:
        super().__init__("the scope has no file key")
        self.ref = ref


class InstitutionKeysMissing(SealingError):
    """The institution was never opened, or a version of its keys is gone from the key store."""

    def __init__(self, institution: str) -> None:
        super().__init__(f"the key store lacks keys of institution {institution!r}")
        self.institution = institution
