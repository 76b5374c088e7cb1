"""The room of files for life, built from a tier's parts."""

from __future__ import annotations

from pathlib import Path

from vault.audit.history import History
from vault.rpc.servicers import life, records
from vault.rules.business import read_business
from vault.rules.currency import read_currency
from vault.rules.element_files import read_elements
from vault.rules.reading import RulesInvalid
from vault.server.parts import Parts
from vault.server.settings import Settings, SettingsInvalid
from vault.services.filing import Filing
from vault.services.life import (
    Assessor,
    Changes,
    Files,
    HandingOver,
    Reminding,
    Reports,
    Rules,
    When,
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
            read_business(*folder(table.business)),
            read_currency(*folder(table.currency)),
            frozenset(settings.retention.jurisdictions),
            table.custodians,
        )
    except RulesInvalid as problem:
        raise SettingsInvalid(f"[life]: {problem}") from None


def assessor(parts: Parts, made: Rules, merges: Merges) -> Assessor:
    """Looks at files by these rules."""
    return Assessor(Files(parts.database, parts.keys, parts.clock, merges), made)


def filing(made: Rules) -> Filing:
    """Looks at files that are written by these rules."""
    return Filing(made.elements, made.business, made.jurisdictions)


def use_cases(
    parts: Parts, of_records: records.RecordsUseCases, made: Rules, history: History
) -> life.LifeUseCases:
    """What the service is built on."""
    looking = of_records.assessor

    def is_here(institution: str, name: str) -> bool:
        return parts.directory.named(institution, name) is not None

    return life.LifeUseCases(
        Reports(looking, is_here),
        HandingOver(parts.database, looking.files, made, of_records.updating, is_here),
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
