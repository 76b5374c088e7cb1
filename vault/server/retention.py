"""The room of retention, built from a tier's parts."""

from __future__ import annotations

from dataclasses import dataclass

from vault.access.proposals import Proposal
from vault.rpc.servicers import retention
from vault.rules.retention_files import read_rule_sets
from vault.server.parts import Parts
from vault.server.settings import SettingsInvalid
from vault.services.compartments import Ground, Holding
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.proposing import Proposing
from vault.services.recording import Recorder
from vault.services.retention.certificate import BackupDays
from vault.services.retention.certifying import Certifying
from vault.services.retention.changing import Changing
from vault.services.retention.disposals import Disposals, RetentionGround
from vault.services.retention.executing import DisposalGround, DisposalRunner
from vault.services.retention.rules import RulesInForce


@dataclass(slots=True)
class Later:
    """What proposals about retention are held to: made after whoever approves them."""

    changing: Changing | None = None

    async def require(self, proposal: Proposal) -> None:
        """Make sure that what was proposed can be put in force as things stand."""
        if self.changing is None:
            raise RuntimeError("the room of retention is not built")
        await self.changing.require(proposal)


def build(
    parts: Parts, proposing: Proposing, recorder: Recorder, compartments: Ground, later: Later
) -> tuple[retention.RetentionUseCases, DisposalRunner]:
    """The use cases, and what carries disposals out in this process of the full tier."""
    if parts.access_signer is None:
        raise SettingsInvalid("the full tier needs the signing keys of changes of access")
    table = parts.settings.retention
    recovery = parts.guard.recovery
    days = BackupDays(table.key_backup_days, table.data_backup_days)
    rules = RulesInForce(
        read_rule_sets(), lambda: parts.access.retention_steps, table.jurisdictions
    )
    kin = MergedKin(Merges(lambda: parts.access.merge_steps))
    ground = RetentionGround(
        parts.database,
        parts.keys_database,
        parts.keys,
        recorder,
        rules,
        proposing,
        parts.clock,
        kin,
    )
    disposals = Disposals(ground)
    later.changing = Changing(ground, disposals.require_plan)
    runner = DisposalRunner(
        DisposalGround(
            parts.database,
            parts.keys_database,
            parts.keys,
            parts.ring,
            parts.log,
            parts.blobs,
            rules,
            disposals,
            proposing,
            parts.access_signer,
            days,
            parts.clock,
            kin=kin,
            may=lambda: not recovery.closed,
        )
    )
    use_cases = retention.RetentionUseCases(
        later.changing,
        disposals,
        Certifying(parts.database, proposing, parts.access_signer),
        Holding(compartments),
        parts.clock,
    )
    return use_cases, runner
