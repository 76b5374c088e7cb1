"""The room of files for life, built from a tier's parts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from vault.access.keeping import may_keep
from vault.audit.history import History
from vault.rpc.servicers import life, records
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.rules.ownership_files import read_ownership
from vault.rules.reading import RulesInvalid
from vault.server.parts import Parts
from vault.server.settings import Settings, SettingsInvalid
from vault.services.custody import Custody
from vault.services.filing import Filing
from vault.services.leaving_keepers import Kept
from vault.services.life import (
    Assessor,
    Changes,
    Files,
    HandingOver,
    Reminding,
    Reports,
    Rules,
    When,
    kept_by,
)
from vault.services.merging.standing import Merges


def rules(settings: Settings) -> Rules:
    """The rules that hold: those of the configured folders in place of the vault's own. Raises
    SettingsInvalid."""
    table = settings.life

    def folder(name: str) -> tuple[Path, ...]:
        return (settings.path(name),) if name else ()

    try:
        return Rules(
            read_elements(*folder(table.elements)),
            read_ownership(*folder(table.ownership)),
            read_business(*folder(table.business)),
            read_currency(*folder(table.currency)),
            frozenset(settings.retention.jurisdictions),
            table.custodians,
        )
    except RulesInvalid as problem:
        raise SettingsInvalid(f"[life]: {problem}") from None


def custody(parts: Parts, made: Rules) -> Custody:
    """Who keeps a file, and who may, by the directory and the policies of the moment."""

    def may(institution: str, name: str) -> bool:
        return may_keep(parts.policy, parts.directory.named(institution, name))

    return Custody(made.custodian, may)


def assessor(parts: Parts, made: Rules, kept: Custody, merges: Merges) -> Assessor:
    """Looks at files by these rules."""
    return Assessor(Files(parts.database, parts.keys, parts.clock, merges), made, kept)


def kept(looking: Assessor) -> Kept:
    """Counts the files that somebody keeps."""
    return partial(kept_by, looking.files, looking.custody)


def filing(made: Rules) -> Filing:
    """Looks at files that are written by these rules."""
    return Filing(made.elements, made.business, made.jurisdictions)


def use_cases(
    parts: Parts, of_records: records.RecordsUseCases, history: History
) -> life.LifeUseCases:
    """What the service is built on."""
    looking = of_records.assessor
    return life.LifeUseCases(
        Reports(looking),
        HandingOver(parts.database, looking.files, looking.custody, of_records.updating),
        Changes(parts.database, history, parts.log),
        of_records.reading,
        of_records.lending,
    )


def reminding(parts: Parts, looking: Assessor) -> Reminding:
    """Reminds of what falls due, in this process of the full tier."""
    table, recovery = parts.settings.life, parts.guard.recovery
    return Reminding(
        parts.database,
        parts.log,
        looking,
        parts.settings.table.institutions,
        When(table.reminder_hours, table.reminder_days),
        parts.clock,
        may=lambda: not recovery.closed,
    )
