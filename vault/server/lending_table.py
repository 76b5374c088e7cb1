"""The classes of check-outs that a configuration names, held against the contract."""

from __future__ import annotations

from vault.access.lending import ClassesInvalid, LendingClasses, read_classes
from vault.rpc.opened import is_known
from vault.server.settings import Settings


def lending_classes(settings: Settings) -> LendingClasses:
    """The classes that the settings name, or the vault's own.

    Raises ClassesInvalid for those that cannot be read, or that name a field which no record has:
    such a class would not hold where it is meant to.
    """
    named = settings.table.lending
    classes = read_classes(settings.path(named)) if named else read_classes()
    unknown = sorted(path for path in classes.paths if not is_known(path))
    if unknown:
        raise ClassesInvalid(
            f"the classes of check-outs name {', '.join(unknown)}, which no record has; see the "
            "API reference, and correct it"
        )
    return classes
