"""The two tiers: which services each serves, and on what."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Protocol

import grpc
from grpc import aio

from vault.access.fields import FieldTable
from vault.access.roll import Kin
from vault.audit.archive import Archive
from vault.audit.archiving import Archiver
from vault.audit.history import History
from vault.rpc.deciding import Standing
from vault.rpc.methods import Method
from vault.rpc.opened import Openings
from vault.rpc.oracle_client import RemoteOracle
from vault.rpc.servicers import (
    access,
    access_admin,
    accounts,
    admin,
    audit,
    bundles,
    compartments,
    contents,
    key_admin,
    life,
    masked,
    merges,
    oracle,
    proving,
    records,
    retention,
    standard,
    watch,
)
from vault.rpc.servicers.reads import Lending
from vault.server import exports as export_room
from vault.server import key_rotation, tls
from vault.server import life as life_room
from vault.server import retention as retention_room
from vault.server import subjects as subject_room
from vault.server import transfers as transfer_room
from vault.server.contents import full_contents
from vault.server.field_table import field_table
from vault.server.lending_table import lending_classes
from vault.server.parts import Parts, data_folder, release
from vault.server.settings import SettingsInvalid, TierName
from vault.services.access_ground import AccessGround
from vault.services.accounts import Accounts
from vault.services.archiving import Archiving
from vault.services.borrowing import Borrowing
from vault.services.bulk import BulkExport
from vault.services.compartments import Cases, Ground, Items, Members
from vault.services.decoying import Decoying
from vault.services.explaining import Explaining
from vault.services.exporting import Exporting
from vault.services.exports import MergedFiles
from vault.services.health import (
    Health,
    Probe,
    blobs_probe,
    certificate_probe,
    checkpoint_probe,
    database_probe,
    disk_probe,
    kms_probe,
    log_probe,
    oracle_probe,
    principals_probe,
    tokens_probe,
)
from vault.services.leaving_keepers import Kept
from vault.services.lending import Asking, Deciding, Looking, OpenNow, Register, Watching
from vault.services.likenesses import Likenesses
from vault.services.lookup import Budget, LocalOracle
from vault.services.masked import MaskedReading
from vault.services.merging.kin import MergedKin
from vault.services.merging.merging import Later as LaterMerging
from vault.services.merging.merging import Merging
from vault.services.merging.standing import Merges
from vault.services.proposing import Proposing
from vault.services.proving import Proving
from vault.services.reach import FullReach
from vault.services.reading import Reading
from vault.services.reconstructing import Reconstructing
from vault.services.recording import Recorder
from vault.services.replays import Replays
from vault.services.reporting import Reporting
from vault.services.rotation.health import rotation_probe
from vault.services.rotation.planning import Planning
from vault.services.rotation.showing import Showing
from vault.services.storing import Storing
from vault.services.suite_health import suites_probe
from vault.services.trail import Trail
from vault.services.updating import Updating
from vault.services.viewing import Viewing
from vault.store import KeyStore


class _Closable(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tier:
    """What a node serves: the methods by full path, and what to close at the end; whom the
    pipeline asks about check-outs; what is done beside the calls, until the server stops."""

    methods: dict[str, Method]
    services: tuple[str, ...]
    closing: tuple[_Closable, ...] = field(default=())
    standing: Standing | None = None
    works: tuple[Callable[[], Coroutine[object, object, None]], ...] = ()


def full_tier(parts: Parts, health: standard.Standing) -> Tier:
    """Full records, the log, administration, and the oracle for masked nodes."""
    database, keys, clock = parts.database, parts.keys, parts.clock
    recorder = Recorder(parts.log, clock, parts.watch)
    replays = Replays(database)
    reach = FullReach(database, keys, clock)
    merged = Merges(lambda: parts.access.merge_steps)
    reading = Reading(database, keys, reach, merged)
    kin = MergedKin(merged)
    register = _register(parts, recorder, kin)
    borrowing = Borrowing(database, keys, recorder, clock, register.sensitive)
    table = field_table(parts.settings)
    lending = Lending(Openings(table), borrowing, Likenesses(reading, keys, parts.watch))
    rules = life_room.rules(parts.settings)
    filing, custody = life_room.filing(rules), life_room.custody(parts, rules)
    use_cases = records.RecordsUseCases(
        storing=Storing(database, keys, recorder, replays, clock, custody, filing, merged),
        reading=reading,
        updating=Updating(
            database, reading, keys, recorder, replays, clock, custody, filing, merged
        ),
        lending=lending,
        bulk=BulkExport(database, keys, borrowing, recorder, clock),
        assessor=life_room.assessor(parts, rules, custody, merged),
    )
    stored_contents, sweeps, renderer = full_contents(parts, reading, lending, recorder, merged)
    limits = parts.settings.limits
    budget = Budget(limits.searches_per_minute, clock)
    promise = parts.settings.log.promise_seconds
    history = History(database, Archive(parts.blobs))
    node_budget = Budget(limits.searches_per_minute_of_a_node, clock)
    more = {
        "checkpoints": checkpoint_probe(parts.sequencer, database, clock, promise),
        "keys": rotation_probe(key_rotation.ground(parts)),
        "suites": suites_probe(
            parts.ring, KeyStore(parts.keys_database), parts.settings.table.institutions
        ),
    }
    if parts.blobs is not None:
        more["blobs"] = blobs_probe(parts.blobs)
    later = retention_room.Later()
    later_merging = LaterMerging()
    of_access, of_keys = _access_admin(
        register, parts, recorder, later, later_merging, life_room.kept(use_cases.assessor), table
    )
    merging = Merging(database, keys, of_access.proposing, merged, reach)
    later_merging.merging = merging
    cases = Ground(database, keys, recorder, replays, clock)
    of_retention, disposing = retention_room.build(
        parts, of_access.proposing, recorder, cases, later
    )
    tier = _tier(
        parts,
        health,
        records.methods(use_cases, contents.methods(stored_contents)),
        audit.methods(Trail(database, history, parts.log, clock), _proving(parts, history)),
        access.methods(_lending(register, parts, replays, history, table)),
        life.methods(life_room.use_cases(parts, use_cases, history)),
        merges.methods(merging, merged),
        subject_room.methods(parts, recorder, reach, merged, history),
        *_evidence(parts, history, use_cases, stored_contents, MergedFiles(kin, reach)),
        transfer_room.methods(
            parts,
            transfer_room.Rooms(
                use_cases, stored_contents, recorder, history, custody, filing, reach
            ),
        ),
        compartments.methods(_compartments(cases)),
        retention.methods(of_retention),
        access_admin.methods(of_access),
        key_admin.methods(of_keys),
        watch.methods(Decoying(database, recorder, parts.watch, clock)),
        oracle.methods(LocalOracle(database, keys, budget, node_budget, merged)),
        _admin(parts, **more),
    )
    return replace(
        tier,
        closing=(renderer,),
        standing=borrowing.standing,
        works=(
            *sweeps,
            key_rotation.runner(parts).run,
            disposing.run,
            life_room.reminding(parts, use_cases.assessor).run,
        ),
    )


def _compartments(ground: Ground) -> compartments.CompartmentUseCases:
    return compartments.CompartmentUseCases(Cases(ground), Members(ground), Items(ground))


def _evidence(
    parts: Parts,
    history: History,
    use_cases: records.RecordsUseCases,
    stored: contents.ContentUseCases,
    merged: MergedFiles,
) -> tuple[dict[str, Method], ...]:
    if parts.log_signers is None:
        raise SettingsInvalid("the full tier needs the log's signing keys")
    reconstructing = Reconstructing(
        parts.database,
        parts.keys,
        history,
        parts.log_signers,
        use_cases.reading,
        stored.downloading,
        use_cases.lending.borrowing,
        parts.clock,
    )
    return (
        accounts.methods(accounts.AccountUseCases(Accounts(use_cases.reading), use_cases.lending)),
        bundles.methods(bundles.BundleUseCases(reconstructing, use_cases.lending)),
        export_room.methods(parts, use_cases, stored, merged),
    )


def _register(parts: Parts, recorder: Recorder, kin: Kin) -> Register:
    classes = lending_classes(parts.settings)
    return Register(
        parts.database, parts.keys, recorder, parts.clock, classes, parts.directory.named, kin
    )


def _lending(
    register: Register, parts: Parts, replays: Replays, history: History, table: FieldTable
) -> access.LendingUseCases:
    looking = Looking(register)
    return access.LendingUseCases(
        Asking(register, replays, table),
        Deciding(register),
        looking,
        Watching(register, looking, history, parts.log),
    )


def _access_admin(
    register: Register,
    parts: Parts,
    recorder: Recorder,
    later: retention_room.Later,
    merging: LaterMerging,
    kept: Kept,
    table: FieldTable,
) -> tuple[access_admin.AccessAdminUseCases, key_admin.KeyAdminUseCases]:
    if parts.access_signer is None:
        raise SettingsInvalid("the full tier needs the signing keys of changes of access")
    keys = key_rotation.ground(parts)
    ground = AccessGround(
        parts.database,
        recorder,
        parts.access,
        parts.policy,
        parts.directory,
        parts.clock,
        parts.access_signer,
        parts.access_verifier,
        Planning(keys),
        later.require,
        merging.require,
        merging.reaches,
        kept,
    )
    explaining = Explaining(parts.policy, parts.directory, parts.access, OpenNow(register), table)
    proposing = Proposing(ground)
    return (
        access_admin.AccessAdminUseCases(proposing, explaining, parts.clock),
        key_admin.KeyAdminUseCases(
            proposing, Showing(keys, parts.database, lambda: parts.access.key_steps), parts.clock
        ),
    )


def _proving(parts: Parts, history: History) -> proving.ProvingUseCases:
    if parts.log_signers is None:
        raise SettingsInvalid("the full tier needs the log's signing keys")
    return proving.ProvingUseCases(
        Proving(parts.database, parts.log_signers),
        Exporting(parts.database, history),
        Reporting(parts.database, history),
        Archiving(Archiver(parts.database, parts.blobs) if parts.blobs else None),
    )


def masked_tier(parts: Parts, health: standard.Standing) -> Tier:
    """Masked views and administration; nothing else is here to be reached."""
    table = parts.settings.table.oracle
    if table is None:
        raise SettingsInvalid("the masked tier needs `oracle`, which answers its searches")
    channel = aio.secure_channel(
        table.endpoint,
        tls.channel_credentials(
            parts.settings.path(table.ca),
            parts.settings.path(table.certificate),
            parts.settings.path(table.key),
        ),
        # A full tier that is back is found at once; by default it may take two minutes.
        options=[
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
        ],
    )
    merged = Merges(lambda: parts.access.merge_steps)
    reading = MaskedReading(parts.database, parts.keys, RemoteOracle(channel), merged)
    oracle_seen = oracle_probe(lambda: _reachable(channel))
    viewing = Viewing(parts.database, parts.keys, reading, parts.clock)
    tier = _tier(parts, health, masked.methods(reading, viewing), _admin(parts, oracle=oracle_seen))
    return Tier(tier.methods, tier.services, (channel,))


def build_tier(parts: Parts, health: standard.Standing) -> Tier:
    """The tier that the settings name."""
    if parts.settings.tier is TierName.FULL:
        return full_tier(parts, health)
    return masked_tier(parts, health)


def _tier(parts: Parts, health: standard.Standing, *tables: dict[str, Method]) -> Tier:
    methods: dict[str, Method] = {}
    for table in tables:
        methods.update(table)
    services = tuple(dict.fromkeys(path.split("/")[1] for path in methods))
    methods.update(standard.methods(health, services))
    return Tier(methods, services)


async def _reachable(channel: aio.Channel) -> None:
    """Return when the full tier has accepted this node's certificate."""
    state = channel.get_state(try_to_connect=True)
    while state is not grpc.ChannelConnectivity.READY:
        await channel.wait_for_state_change(state)
        state = channel.get_state(try_to_connect=True)


def _admin(parts: Parts, **more: Probe) -> dict[str, Method]:
    return admin.methods(
        Health({**_probes(parts), **parts.guard.probes(), **more}),
        parts.guard.recovery,
        version=release(),
        tier=parts.settings.tier.value,
        started_at=parts.clock.now_micros(),
    )


def _probes(parts: Parts) -> dict[str, Probe]:
    return {
        "database": database_probe("database", parts.database, "data"),
        "keystore": database_probe("keystore", parts.keys_database, "keys"),
        "kms": kms_probe(parts.kms),
        "log": log_probe(parts.log),
        "disk": disk_probe(data_folder(parts)),
        "certificate": certificate_probe(
            parts.settings.path(parts.settings.table.tls.certificate), parts.clock
        ),
        "principals": principals_probe(parts.directory, parts.policy),
        "access": parts.access.probe(),
        **({"tokens": tokens_probe(parts.tokens)} if len(parts.tokens) else {}),
    }
