"""Looks over the providers of key-encryption keys: there, with the KEKs of the tier alone."""

from __future__ import annotations

from collections.abc import Set

from vault.kms import KekName, KmsError, SplitKms
from vault.kms.keyfiles import kek_file
from vault.server.checking_log import Doubt
from vault.server.kms import keks_of, open_kms, wanted_keks
from vault.server.kms_settings import KmsTable
from vault.server.settings import Settings, TierName


def look_at_kms(settings: Settings) -> str:
    """Ask every provider for its KEKs. Raises KmsError, SettingsInvalid, Doubt."""
    table = settings.table
    told, found = _look(settings, table.kms)
    texts, missing = [told], wanted_keks(settings.tier) - found
    for name, kms in table.kms_others.items():
        told, found = _look(settings, kms)
        texts.append(f"{name}: {told}")
        missing -= found
    if missing:
        place = _place(settings, table.kms)
        raise KmsError(f"{place} has no KEK {_names(missing)}; {_mend(table.kms)}")
    return "; ".join(texts)


def _place(settings: Settings, table: KmsTable) -> str:
    if table.provider == "local-file":
        return str(settings.path(table.directory))
    return f"the provider {table.provider}"


def _look(settings: Settings, table: KmsTable) -> tuple[str, Set[KekName]]:
    """What there is to say of a provider, and the KEKs that it has: a KEK may have been moved to
    another one."""
    folder = settings.path(table.directory)
    kms = open_kms(settings, table)
    if not isinstance(kms, SplitKms):
        kms.check()
    where = _place(settings, table)
    present, wanted = keks_of(kms), wanted_keks(settings.tier)
    surplus = _names(present - wanted)
    if surplus and settings.tier is TierName.MASKED:
        raise KmsError(f"{where} has the KEK {surplus}, which no masked node may have; remove it")
    if not isinstance(kms, SplitKms):
        return f"KEK {_names(present) or 'none'}", present
    for kek in KekName:
        if kek_file(folder, kek) is not None:
            raise Doubt(
                f"{folder / kek.value}.kek lies in the clear beside the split KEKs; delete it when "
                "the shares were tried"
            )
    standing = kms.standing
    opened = f"of which {standing.threshold} of {standing.shares} shares open"
    return f"KEK {_names(present)}, {opened}", present


def _mend(table: KmsTable) -> str:
    if table.provider == "local-file":
        return "put its file there"
    return "make it there, or let this node use it (deploy/kms/README.md)"


def _names(keks: Set[KekName]) -> str:
    return ", ".join(kek.value for kek in KekName if kek in keks)
