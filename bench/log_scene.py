"""The log's scene: the log alone, its export verified, then the log of a running vault."""

from pathlib import Path

from bench import log_append, log_verify, log_wire
from bench.cores import bind_server
from bench.databases import Store
from bench.log_results import LogScene
from bench.log_wire import LogPlan
from bench.material import Material
from bench.operations import names_of, operations
from bench.scenes import Plan, Say, Stage, import_messages
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName
from vault.store import Database
from vault.store.migrate import upgrade

# Budgets would be what is measured.
_LIMITS = "searches_per_minute = 100000000\nsearches_per_minute_of_a_node = 100000000"


def play_alone(store: Store, plan: LogPlan, folder: Path, scene: LogScene, say: Say) -> None:
    """`AuditLog` without a server on an empty database, and its export."""
    database = Database(store.url)
    upgrade(database)
    keys = folder / "log-keys"
    keys.mkdir(mode=0o700)
    try:
        say("events through the log alone")
        for _ in range(plan.rounds):
            for receipts in (True, False):
                scene.appended.append(
                    log_append.appended(database, keys, plan.appended, receipts=receipts)
                )
    finally:
        database.dispose()
    say(f"writing an exported log of {plan.exported:,} events")
    exported = folder / "exported"
    log_verify.export(log_append.events(plan.exported), exported, keys)
    say("verifying the exported log")
    for _ in range(plan.verified_rounds):
        scene.verified.append(log_verify.verified(exported, keys))


def play_vault(
    store: Store, material: Material, plan: LogPlan, calls: Plan, folder: Path, scene: LogScene,
    say: Say,
) -> None:  # fmt: skip
    """A vault on an empty database, with the records that the small scene has."""
    vault = RunningVault(folder, store.url, masked_database=store.masked_url, limits=_LIMITS)
    stage = Stage(calls, store, folder, material, vault, say)
    with vault:
        for tier in TierName:
            bind_server(vault.pid(tier))
        say("importing records")
        customers = import_messages(stage, material.customers)[1]
        import_messages(stage, material.documents)
        stored = import_messages(stage, material.stored)[1]
        requests = folder / "requests"
        requests.mkdir()
        names = names_of(material, customers, [stored])
        log_wire.measure(stage, plan, operations(requests, material, names, vault.masked()), scene)
