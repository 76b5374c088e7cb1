"""What a running vault stands on is taken away, and given back: calls fail as they should, nothing
is half written, and nobody has to restart anything."""

import random
import resource
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from recordsvault.admin.v1 import admin_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.hostile.driving import (
    CDD,
    PARENT,
    SERVICE,
    WAIT,
    events,
    examples,
    import_all,
    laid_out,
    opened,
    outcome,
)
from tests.hostile.load import Load
from tests.hostile.reckoning import check_answers, check_itself, read_all
from tests.support.databases import PostgresServer, temporary_server
from tests.support.running_vault import RunningVault
from vault.audit.chain import ChainBroken
from vault.audit.reader import head, verify_chain
from vault.kms import KekName
from vault.server.parts import build
from vault.server.settings import TierName, load
from vault.store import Database, StoreDamaged, StoreError, schema

OK = ("OK", "")
LOG_AWAY = ("UNAVAILABLE", "LOG_UNAVAILABLE")
KMS_AWAY = ("UNAVAILABLE", "KMS_UNAVAILABLE")
RECOVERY_SECONDS = 40.0


def eventually(call: Callable[[], Any], wanted: Any) -> None:
    """Wait until a call gives what is wanted."""
    until = time.monotonic() + RECOVERY_SECONDS
    while (got := call()) != wanted:
        assert time.monotonic() < until, f"still {got}, not {wanted}"
        time.sleep(0.05)


class Calls:
    """One call of each sort on a vault with one customer."""

    def __init__(self, vault: RunningVault) -> None:
        self.vault = vault
        items = examples(customers=3, transactions=0)
        (self.name,) = import_all(vault, items[:1])
        self.number = items[0].new_customer.customer_number
        self._another = items[1].new_customer

    def create(self, number: str, request_id: str = "") -> tuple[str, str]:
        customer = type(self._another)()
        customer.CopyFrom(self._another)
        customer.customer_number = number
        if customer.HasField("natural_person"):
            customer.natural_person.ClearField("identity")
            # Nobody has an account whose identity is not known.
            del customer.accounts[:]
        request = pb.CreateCustomerRequest(
            parent=PARENT, customer=customer, request_id=request_id or str(uuid.uuid4())
        )
        return outcome(self.vault.records().CreateCustomer, request)

    def update(self) -> tuple[str, str]:
        """Reads and changes the customer, as one who knows its present version."""
        with opened(self.vault) as database:
            before = database.read_sync(_versions)
        stub = self.vault.records()
        request = pb.GetCustomerRequest(name=self.name, purpose=SERVICE)
        read = outcome(stub.GetCustomer, request)
        if read != OK:
            return read
        current = stub.GetCustomer(request, timeout=WAIT).customer
        current.change_reason = f"change {before}"
        return outcome(stub.UpdateCustomer, pb.UpdateCustomerRequest(customer=current))

    def read_full(self) -> tuple[str, str]:
        request = pb.GetCustomerRequest(name=self.name, purpose=CDD)
        return outcome(self.vault.records("compliance").GetCustomer, request)

    def read_masked(self) -> tuple[str, str]:
        request = mp.GetMaskedCustomerRequest(name=self.name)
        return outcome(self.vault.masked().GetMaskedCustomer, request)

    def search(self) -> tuple[str, str]:
        request = mp.SearchMaskedCustomersRequest(parent=PARENT, customer_number=self.number)
        return outcome(self.vault.masked().SearchMaskedCustomers, request)

    def denied(self) -> tuple[str, str]:
        request = pb.GetCustomerRequest(name=self.name, purpose=CDD)
        return outcome(self.vault.records("crm").GetCustomer, request)

    def reads(self) -> list[tuple[str, str]]:
        return [self.read_full(), self.read_masked(), self.search()]


def _versions(conn: Connection) -> int:
    return int(conn.execute(select(func.count()).select_from(schema.customers)).scalar_one())


def _size(database: Database) -> int:
    return database.read_sync(head).size


def health(vault: RunningVault, part: str, tier: TierName = TierName.FULL) -> tuple[str, str, str]:
    """State, detail and remedy of a part."""
    answer = vault.admin("operator", tier).CheckHealth(
        ap.CheckHealthRequest(parts=[part]), timeout=WAIT
    )
    (check,) = answer.checks
    return ap.HealthState.Name(check.state), check.detail, check.remedy


# -- full disk -------------------------------------------------------------------------------


@contextmanager
def full_disk(vault: RunningVault) -> Iterator[None]:
    """No file that the tiers have can grow beyond a page: the system refuses each such write.

    As on a full disk, the tiers' own log files are refused too.
    """
    limits = {
        vault.pid(tier): resource.prlimit(vault.pid(tier), resource.RLIMIT_FSIZE)
        for tier in TierName
    }
    for pid, (_, hard) in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        for pid, before in limits.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_full_disk_fails_every_call_until_there_is_room_again(vault: RunningVault) -> None:
    calls = Calls(vault)
    with opened(vault) as database:
        before, versions = _size(database), database.read_sync(_versions)
        request_id = str(uuid.uuid4())
        with full_disk(vault):
            for n in range(10):
                assert calls.create(f"FULL{n}") == LOG_AWAY
                assert calls.create("RETRIED", request_id) == LOG_AWAY
                assert calls.reads() == [LOG_AWAY] * 3 or calls.search()[0] == "UNAVAILABLE"
                assert calls.denied() == LOG_AWAY
            assert (_size(database), database.read_sync(_versions)) == (before, versions)
        assert calls.reads() == [OK] * 3
        assert calls.denied()[0] == "PERMISSION_DENIED"
        assert calls.create("RETRIED", request_id) == OK
        assert calls.create("RETRIED", request_id) == OK
        assert calls.create("AFTER") == OK
        assert database.read_sync(_versions) == versions + 2
        assert database.read_sync(verify_chain).size > before
        everything_agrees(vault)
    assert health(vault, "log")[0] == "HEALTH_STATE_OK"


def everything_agrees(vault: RunningVault) -> None:
    parts = build(load(vault.config, TierName.FULL))
    try:
        check_itself(parts, read_all(parts, events(parts.database)))
    finally:
        parts.close()


# -- PostgreSQL goes away --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("how", ["stopped", "crashed"])
def test_a_postgres_that_goes_away_under_load_and_comes_back_loses_nothing(
    tmp_path: Path, how: str
) -> None:
    with temporary_server() as server, laid_out(tmp_path, "postgresql", server) as vault:
        vault.start()
        calls = Calls(vault)
        pids = {tier: vault.pid(tier) for tier in TierName}
        running = Load(vault, 7)
        running.start()
        try:
            for _ in range(2):
                _until_answered(running, 100)
                if how == "stopped":
                    server.stop()
                else:
                    server.crash()
                assert {calls.read_masked()[0], calls.read_full()[0]} == {"UNAVAILABLE"}
                assert calls.create("DURING")[0] == "UNAVAILABLE"
                server.start()
                eventually(calls.read_masked, OK)
                eventually(calls.read_full, OK)
                eventually(calls.search, OK)
            _until_answered(running, 100)
        finally:
            running.stop()
        assert running.ledger.failures == []
        assert {tier: vault.pid(tier) for tier in TierName} == pids
        vault.stop()
        parts = build(load(vault.config, TierName.FULL))
        try:
            everything = read_all(parts, events(parts.database))
            check_itself(parts, everything)
            check_answers(parts, everything, running.ledger)
        finally:
            parts.close()


def _until_answered(running: Load, more: int) -> None:
    ledger = running.ledger
    wanted = len(ledger.written) + len(ledger.reads) + more
    eventually(lambda: len(ledger.written) + len(ledger.reads) >= wanted, True)


# -- keys ------------------------------------------------------------------------------------


class FaultyKmsVault(RunningVault):
    """Its KMS goes away with a file."""

    module = "tests.support.tier_with_faulty_kms"

    @contextmanager
    def without_kms(self) -> Iterator[None]:
        sign = self.folder / "kms.away"
        sign.touch()
        try:
            yield
        finally:
            sign.unlink()


@pytest.mark.slow
def test_a_kms_outage_is_survived_for_as_long_as_branch_keys_are_held(
    tmp_path: Path, dialect: str, server: PostgresServer | None
) -> None:
    held = 8.0  # for much longer than three calls take on a busy machine
    limits = f"[cache]\nfile_key_seconds = 0.1\nbranch_key_seconds = {held}"
    with laid_out(tmp_path, dialect, server, FaultyKmsVault, limits) as vault:
        assert isinstance(vault, FaultyKmsVault)
        vault.start()
        calls = Calls(vault)
        assert calls.reads() == [OK] * 3
        with vault.without_kms():
            began = time.monotonic()
            assert calls.reads() == [OK] * 3
            assert time.monotonic() - began < held / 2, "too slow to tell"
            eventually(lambda: calls.reads()[:2], [KMS_AWAY] * 2)
            assert time.monotonic() - began < held * 1.5
            before = _documents_and_size(vault)
            assert calls.create("WITHOUT") == KMS_AWAY
            versions, size = _documents_and_size(vault)
            assert versions == before[0]
            assert size == before[1] + 1  # the failed call is logged
            state, _, remedy = health(vault, "kms")
            assert state == "HEALTH_STATE_CRITICAL"
            assert remedy
        assert calls.reads() == [OK] * 3
        assert calls.create("AFTER") == OK
        assert health(vault, "kms")[0] == "HEALTH_STATE_OK"
        everything_agrees(vault)


def _documents_and_size(vault: RunningVault) -> tuple[int, int]:
    with opened(vault) as database:
        return database.read_sync(_versions), _size(database)


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_key_file_that_is_gone_is_told_by_health_and_stops_the_next_start(
    vault: RunningVault,
) -> None:
    """The local provider holds its KEKs in memory, so that calls go on; a start needs the files."""
    calls = Calls(vault)
    path = vault.folder / "kms" / "full" / f"{KekName.FULL.value}.kek"
    away = path.rename(path.with_suffix(".away"))
    assert calls.reads() == [OK] * 3
    assert health(vault, "kms")[0] == "HEALTH_STATE_CRITICAL"
    vault.terminate(TierName.FULL)
    with pytest.raises(RuntimeError, match=r"full\.kek"):
        vault.start(TierName.FULL)
    away.rename(path)
    vault.start(TierName.FULL)
    assert calls.read_full() == OK
    assert health(vault, "kms")[0] == "HEALTH_STATE_OK"


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_masked_tier_that_is_given_more_keys_than_its_own_does_not_start(
    vault: RunningVault,
) -> None:
    vault.terminate(TierName.MASKED)
    for kek in (KekName.FULL, KekName.INDEX):
        source = vault.folder / "kms" / "full" / f"{kek.value}.kek"
        too_much = vault.folder / "kms" / "masked" / source.name
        too_much.touch(mode=0o600)
        too_much.write_bytes(source.read_bytes())
        with pytest.raises(RuntimeError, match=rf"{kek.value}\.kek"):
            vault.start(TierName.MASKED)
        too_much.unlink()
    vault.start(TierName.MASKED)
    assert health(vault, "kms", TierName.MASKED)[0] == "HEALTH_STATE_OK"


# -- the log's table -------------------------------------------------------------------------

REFUSE = {
    "sqlite": [
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_events"
        " BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$",
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_events"
        " FOR EACH ROW EXECUTE FUNCTION refuse()",
    ],
}
ALLOW = {
    "sqlite": ["DROP TRIGGER refuse"],
    "postgresql": ["DROP TRIGGER refuse ON audit_events", "DROP FUNCTION refuse()"],
}


def test_a_log_that_takes_no_entry_fails_every_call_and_stores_no_write(
    vault: RunningVault, dialect: str
) -> None:
    calls = Calls(vault)
    with opened(vault) as database:

        def run(statements: list[str]) -> None:
            for statement in statements:
                database.write_sync(lambda conn, s=statement: conn.exec_driver_sql(s))  # type: ignore[misc]

        before = database.read_sync(_versions), _size(database)
        run(REFUSE[dialect])
        assert calls.create("UNLOGGED") == LOG_AWAY
        assert calls.update() == LOG_AWAY
        assert [calls.read_full(), calls.read_masked(), calls.denied()] == [LOG_AWAY] * 3
        assert calls.search()[0] == "UNAVAILABLE"
        assert (database.read_sync(_versions), _size(database)) == before
        run(ALLOW[dialect])
        assert calls.reads() == [OK] * 3
        assert calls.create("UNLOGGED") == OK
        assert calls.update() == OK
        everything_agrees(vault)


# -- bits flip -------------------------------------------------------------------------------


def test_a_flipped_bit_of_a_leaf_is_found(vault: RunningVault) -> None:
    calls = Calls(vault)
    for n in range(5):
        assert calls.create(f"N{n}") == OK
        assert calls.reads() == [OK] * 3
    log = schema.audit_events
    with opened(vault) as database:
        size = _size(database)
        for position in (1, size // 2, size):
            at = log.c.position == position
            for column in (log.c.leaf, log.c.chain):
                good: bytes = database.read_sync(
                    lambda conn, c=column, at=at: conn.execute(select(c).where(at)).scalar_one()  # type: ignore[misc]
                )
                for bit in (0, len(good) * 4, len(good) * 8 - 1):
                    bad = bytearray(good)
                    bad[bit // 8] ^= 1 << bit % 8
                    _put(database, position, {column.name: bytes(bad)})
                    with pytest.raises(ChainBroken) as caught:
                        database.read_sync(verify_chain)
                    assert caught.value.position == position
                _put(database, position, {column.name: good})
            for column in (log.c.actor, log.c.action, log.c.decision, log.c.institution):
                before = database.read_sync(
                    lambda conn, c=column, at=at: conn.execute(select(c).where(at)).scalar_one()  # type: ignore[misc]
                )
                _put(database, position, {column.name: before + "x"})
                with pytest.raises(ChainBroken):
                    database.read_sync(verify_chain)
                _put(database, position, {column.name: before})
        assert database.read_sync(verify_chain).size == size


def _put(database: Database, position: int, values: dict[str, Any]) -> None:
    log = schema.audit_events
    statement = update(log).where(log.c.position == position).values(**values)
    database.write_sync(lambda conn: conn.execute(statement))


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_a_flipped_bit_of_the_file_never_passes_for_another_log(
    vault: RunningVault, tmp_path: Path
) -> None:
    """Bits of the SQLite file itself, wherever they lie: either the check fails, or the log reads
    exactly as before, since the bit lies where nothing of it is."""
    calls = Calls(vault)
    for n in range(20):
        assert calls.create(f"N{n}") == OK
        assert calls.reads() == [OK] * 3
    vault.stop()
    with opened(vault) as database:
        database.write_sync(lambda conn: None)
    path = tmp_path / "vault.db"
    with opened(vault) as database:
        database.read_sync(lambda c: c.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all())
        whole = _leaves(database)
    good = path.read_bytes()
    dice = random.Random(3)
    leaf = good.find(whole[len(whole) // 2][:64])
    assert leaf > 0
    in_leaves = [leaf + dice.randrange(64) for _ in range(20)]
    anywhere = [dice.randrange(100, len(good)) for _ in range(150)]
    found = 0
    for at in in_leaves + anywhere:
        bad = bytearray(good)
        bad[at] ^= 1 << dice.randrange(8)
        path.write_bytes(bytes(bad))
        try:
            with opened(vault) as database:
                database.read_sync(verify_chain)
                leaves = _leaves(database)
        except (ChainBroken, StoreDamaged, StoreError):
            found += 1
            continue
        assert at not in in_leaves
        assert leaves == whole
    assert found >= len(in_leaves)
    path.write_bytes(good)


def _leaves(database: Database) -> list[bytes]:
    log = schema.audit_events
    statement = select(log.c.leaf).order_by(log.c.position)
    return database.read_sync(lambda conn: list(conn.execute(statement).scalars()))


# -- configuration ---------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("broken", ["", "[[principal]]\nname = 7\n", "\0\0\0", None])
def test_a_broken_principals_file_leaves_the_old_one_in_force_and_warns(
    vault: RunningVault, broken: str | None
) -> None:
    calls = Calls(vault)
    path = vault.folder / "principals.toml"
    good = path.read_text("utf-8")

    def replace(text: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.chmod(0o600)
        new.rename(path)

    if broken is None:
        path.unlink()
    else:
        replace(broken)
    for tier in TierName:
        eventually(lambda tier=tier: health(vault, "principals", tier)[0], "HEALTH_STATE_WARNING")  # type: ignore[misc]
        _, detail, remedy = health(vault, "principals", tier)
        assert detail
        assert "last good one" in remedy
    assert calls.reads() == [OK] * 3
    assert calls.denied()[0] == "PERMISSION_DENIED"
    # Mended, and with it somebody dismissed.
    entries = good.split("[[principal]]")
    replace("[[principal]]".join(e for e in entries if 'name = "crm"' not in e))
    eventually(lambda: calls.read_masked()[0], "UNAUTHENTICATED")
    eventually(lambda: health(vault, "principals")[0], "HEALTH_STATE_OK")
    assert calls.read_full() == OK


# -- the other tier --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_searches_are_answered_again_soon_after_the_full_tier_is_back(vault: RunningVault) -> None:
    calls = Calls(vault)
    assert calls.search() == OK
    vault.kill(TierName.FULL)
    # Long enough for a client to lose its patience: by default each try in vain makes the next one
    # later, up to two minutes.
    for _ in range(16):
        assert calls.search() == ("UNAVAILABLE", "ORACLE_UNAVAILABLE")
        assert calls.read_masked() == OK
        time.sleep(0.5)
    vault.start(TierName.FULL)
    began = time.monotonic()
    eventually(calls.search, OK)
    assert time.monotonic() - began < 2.0
