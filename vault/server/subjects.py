"""The room of persons' requests about their own data, built from a tier's parts."""

from __future__ import annotations

from vault.audit.history import History
from vault.rpc.methods import Method
from vault.rpc.servicers import subjects
from vault.rpc.translate.subjects import categories
from vault.rules.disclosure import Disclosure, read_disclosure
from vault.rules.reading import RulesInvalid
from vault.rules.retention_files import read_rule_sets
from vault.rules.subjects import LimitBook, read_limits
from vault.server.parts import Parts
from vault.server.settings import Settings, SettingsInvalid
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.retention.rules import RulesInForce
from vault.services.subjects.closing import Closing
from vault.services.subjects.erasing import Erasing
from vault.services.subjects.ground import SubjectGround
from vault.services.subjects.register import Register
from vault.services.subjects.using import Using


def rules(settings: Settings) -> tuple[LimitBook, Disclosure]:
    """The rules that hold: those of the configured folders in place of the vault's own. Raises
    SettingsInvalid."""
    table = settings.life
    try:
        return (
            read_limits(settings.path(table.subjects)) if table.subjects else read_limits(),
            read_disclosure(settings.path(table.disclosure))
            if table.disclosure
            else read_disclosure(),
        )
    except RulesInvalid as problem:
        raise SettingsInvalid(f"[life]: {problem}") from None


def methods(
    parts: Parts, recorder: Recorder, reach: FullReach, merges: Merges, history: History
) -> dict[str, Method]:
    """The service's table. Raises SettingsInvalid."""
    jurisdictions = parts.settings.retention.jurisdictions
    limits, disclosure = rules(parts.settings)
    ground = SubjectGround(
        parts.database,
        parts.keys,
        recorder,
        parts.clock,
        reach,
        merges,
        MergedKin(merges),
        history,
        RulesInForce(read_rule_sets(), lambda: parts.access.retention_steps, jurisdictions),
        limits,
        disclosure,
        frozenset(jurisdictions),
        parts.directory.named,
    )
    erasing = Erasing(ground)
    register = Register(ground, erasing)
    return subjects.methods(
        subjects.SubjectUseCases(
            register,
            Closing(ground, register, erasing),
            Using(ground),
            categories(disclosure.all_categories),
        )
    )
