"""Re-sealing: what one suite has sealed is sealed with the other, row by row, and nothing that
reads, writes, searches or verifies is the worse for it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from tests.records import builders
from tests.services.test_reading import let_go_of_keys
from tests.services.test_storing import batch, booked, document_of, person
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.access.proposals import Kind, Proposal, Stage
from vault.audit import AuditEvent, RowHash, encode
from vault.audit import verify_rows as verifying
from vault.audit.event import MAX_EVENT_BYTES
from vault.audit.findings import Kind as Fault
from vault.audit.log_sources import StoreSource
from vault.audit.reader import head
from vault.audit.verify_rows import verify_rows
from vault.blobs import Blobs
from vault.kms import LocalFileKms
from vault.records import new_ulid
from vault.sealing import AES_256_GCM, SM4_GCM, SUITES, Suite, suite_of
from vault.sealing.rotating import Rotating
from vault.services.rotation import record_work, work
from vault.services.rotation.record_work import RecordWork
from vault.services.rotation.runner import KeyRunner
from vault.services.rotation.sealed_tables import SEALED_TABLES
from vault.services.rotation.steps import Key, Step, Verb, to_content
from vault.services.rotation.work import Ground
from vault.store import Database, KeyStore, key_jobs, log_tree, schema, sealed_rows
from vault.store.evidence import BEFORE, stored_hash
from vault.store.key_jobs import DONE, FAILED, JobRow

FAST = 1_000_000
Test = Callable[["Bank"], Any]
# tests/services/test_resealed_contents.py
_WITH_THEIR_BYTES = {"contents", "content_leaves"}


@dataclass
class Bank:
    """The use cases of a bank, its KMS, and where its database is."""

    uses: UseCases
    kms: LocalFileKms
    url: str

    def __post_init__(self) -> None:
        self.database, self.ring = self.uses.database, self.uses.ring
        self.log, self.clock = self.uses.log, self.uses.clock
        self.storing, self.reading = self.uses.storing, self.uses.reading
        self.masked, self.events = self.uses.masked, self.uses.events


@pytest.fixture
def on_a_vault(database: Database, migrated_url: str, tmp_path: Path) -> Callable[[Test], None]:
    """Runs a test's coroutine on the use cases."""

    def run_test(test: Test) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                kms = LocalFileKms(tmp_path / "kms")
                await test(Bank(vault, kms, migrated_url))

        run(main)

    return run_test


def change(vault: Bank, suite: Suite) -> None:
    """Seal with that suite from now on, as after a restart with another configuration."""
    vault.ring.suite_of = lambda institution: suite
    vault.ring.clear()


async def filled(vault: Bank, customers: int = 3) -> list[str]:
    """Customers with a document and a transaction each; their identifiers."""
    made = await vault.storing.store_together(
        allowed(Action.CUSTOMERS_BATCH_CREATE),
        batch(*(person(f"C{n}") for n in range(customers))),
    )
    await vault.storing.store(
        allowed(Action.IMPORT),
        batch(
            *(
                document_of(f"C{n}", builders.document(number=f"E{n}000000"))
                for n in range(customers)
            ),
            *(booked(f"C{n}") for n in range(customers)),
            together=False,
        ),
    )
    return [one.customer for one in made]


def resealing(
    uses: UseCases,
    kms: LocalFileKms,
    agreed: list[Proposal],
    owner: str = "one",
    blobs: Blobs | None = None,
) -> KeyRunner:
    """What carries it out in one process."""
    store = KeyStore(uses.database)
    rotating = Rotating(uses.ring, kms, store, uses.clock)
    ground = Ground(uses.database, store, uses.ring, kms, rotating, uses.clock, 0.2)
    records = RecordWork(ground, uses.database, uses.log, blobs)
    return KeyRunner(ground, uses.log, lambda: agreed, owner, {Key.RECORDS: records})


def runner(vault: Bank, agreed: list[Proposal], owner: str = "one") -> KeyRunner:
    return resealing(vault.uses, vault.kms, agreed, owner)


def agreed(now: int, rate: int = FAST) -> Proposal:
    """The step, as two persons have agreed to it."""
    return Proposal(
        institution=BANK,
        identifier=new_ulid(now // 1000),
        kind=Kind.KEYS,
        content=to_content(Step(Key.RECORDS, Verb.RESEAL, rate=rate)),
        reason="why",
        proposer="operator",
        proposer_person="p-1",
        proposed_at=now,
        lapses_at=now + 1,
        stage=Stage.APPROVED,
        decided_at=now,
        applied=1,
    )


async def resealed(vault: Bank) -> JobRow:
    """Agree to it and carry it out; how it ended."""
    step = agreed(vault.clock.now_micros())
    at_work = runner(vault, [step])
    while await at_work.look():
        pass
    return job(vault, step)


def job(vault: Bank, step: Proposal) -> JobRow:
    found = vault.database.read_sync(lambda conn: key_jobs.get(conn, BANK, step.identifier))
    assert found is not None
    return found


def suites(vault: Bank) -> set[Suite]:
    """Of all that is sealed."""

    def read(conn: Connection) -> Iterator[bytes]:
        for of in SEALED_TABLES:
            for name in sealed_rows.sealed_columns(of.table):
                yield from conn.execute(select(of.table.c[name])).scalars()

    return vault.database.read_sync(lambda conn: {suite_of(bytes(one)) for one in read(conn)})


def faults(vault: Bank, size: int = 0) -> list[tuple[Fault, str]]:
    """What the verification of rows finds; with a size, as if the log had been verified so far."""
    size = size or vault.database.read_sync(head).size
    return [(one.kind, one.place) for one in verify_rows(StoreSource(vault.url), size)]


def altered_by_chunks(vault: Bank, chunk: int) -> set[str]:
    """The altered rows that are found where so many events at a time are looked at by somebody of
    their own, as the verification shares a large log out."""

    def look(conn: Connection) -> set[str]:
        end, all_of = head(conn).size, verifying.Rows(0)
        for start in range(0, end, chunk):
            there = log_tree.leaves_there(conn, start, min(chunk, end - start))
            all_of.add(verifying._check(conn, there, end))
        left = [*all_of.findings, *(finding for finding, _ in all_of.changed.values())]
        assert {one.kind for one in left} <= {Fault.ROW_CHANGED}
        assert len(left) == len({one.place for one in left})
        return {one.place for one in left}

    return vault.database.read_sync(look)


async def everything(vault: Bank, customers: list[str]) -> list[Any]:
    """All records as they read, full and masked."""
    out: list[Any] = []
    for one in customers:
        call = allowed(Action.CUSTOMERS_GET, one)
        out.append((await vault.reading.customer(call, BANK, one)).value)
        call = allowed(Action.MASKED_CUSTOMERS_GET, one, role="crm_viewer")
        out.append((await vault.masked.customer(call, BANK, one)).view)
    return out


# -- what is promised --------------------------------------------------------------------------


@pytest.mark.parametrize("target", SUITES, ids=[suite.name for suite in SUITES])
def test_everything_is_sealed_with_the_other_suite_and_reads_as_before(
    on_a_vault: Any, target: Suite
) -> None:
    [source] = [suite for suite in SUITES if suite is not target]

    async def test(vault: Bank) -> None:
        change(vault, source)
        customers = await filled(vault)
        before = await everything(vault, customers)
        assert suites(vault) == {source}
        change(vault, target)
        done = await resealed(vault)
        assert (done.stage, done.detail, done.target) == (DONE, "", target.name)
        assert (done.total, done.done) == (9, 9)
        assert suites(vault) == {target}
        assert await everything(vault, customers) == before
        vault.ring.clear()
        assert await everything(vault, customers) == before

    on_a_vault(test)


def test_a_process_of_the_old_configuration_reads_what_was_sealed_anew(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        customers = await filled(vault)
        before = await everything(vault, customers)
        change(vault, SM4_GCM)
        await resealed(vault)
        change(vault, AES_256_GCM)
        assert await everything(vault, customers) == before

    on_a_vault(test)


def test_the_log_covers_each_row_that_was_sealed_anew(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        await filled(vault)
        assert faults(vault) == []
        change(vault, SM4_GCM)
        done = await resealed(vault)
        assert faults(vault) == []
        told = [one for one in vault.events() if one.action == Action.KEYS_RESEAL.value]
        names = [row.name for one in told for row in one.rows]
        assert len(names) == len(set(names)) == 18
        assert sum(name.endswith(BEFORE) for name in names) == 9
        assert {one.resource for one in told} == {f"institutions/{BANK}/proposals/{done.job}"}
        assert sum(one.count for one in told) == 9
        # And back again: the third event of each row is the one that counts.
        change(vault, AES_256_GCM)
        await resealed(vault)
        assert faults(vault) == []

    on_a_vault(test)


def test_both_hashes_of_a_row_stand_in_one_event_however_little_room_it_has(
    on_a_vault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_work, "_EVENT_BYTES", 700)

    async def test(vault: Bank) -> None:
        await filled(vault)
        change(vault, SM4_GCM)
        await resealed(vault)
        told = [one for one in vault.events() if one.action == Action.KEYS_RESEAL.value]
        assert len(told) > 3
        for one in told:
            names = [row.name for row in one.rows]
            assert names
            assert [f"{name}{BEFORE}" for name in names[1::2]] == names[::2]
            assert one.count == len(names) // 2
        assert faults(vault) == []

    on_a_vault(test)


def test_an_event_of_the_most_rows_with_the_longest_names_is_not_split() -> None:
    rows = tuple(
        RowHash(f"compartments/{'0' * 26}/members/{'p' * 300}@{n // 2}", bytes(32))
        for n in range(2 * record_work._MOST)
    )
    some = list(record_work._shared_out(rows))
    assert [row for part in some for row in part] == list(rows)
    assert all(len(part) % 2 == 0 for part in some)
    for part in some:
        event = AuditEvent(event_id="0" * 26, time=0, tier="full", action="a", rows=part)
        assert len(encode(event)) < MAX_EVENT_BYTES * 0.9
    assert list(record_work._shared_out(())) == [()]


def test_a_row_that_is_altered_after_it_was_sealed_anew_is_found(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        first, second, third = await filled(vault)
        old = vault.database.read_sync(
            lambda conn: conn.execute(
                select(schema.customers).where(schema.customers.c.customer == second)
            ).one()
        )
        change(vault, SM4_GCM)
        await resealed(vault)
        edits = (
            f"UPDATE customers SET recorded_by = 'nobody' WHERE customer = '{first}'",
            f"DELETE FROM documents WHERE customer = '{third}'",
        )
        for edit in edits:
            vault.database.write_sync(partial(Connection.execute, statement=text(edit)))
        # The row as it was before, which an earlier event names, is not what stands now either.
        vault.database.write_sync(
            lambda conn: conn.execute(
                schema.customers.update()
                .where(schema.customers.c.customer == second)
                .values(sealed=old.sealed, masked=old.masked)
            )
        )
        found = faults(vault)
        names = [name.partition(f"institutions/{BANK}/")[2] for _, name in found]
        assert sorted(kind.name for kind, _ in found) == [
            "ROW_CHANGED",
            "ROW_CHANGED",
            "ROW_MISSING",
        ]
        assert {f"customers/{first}@1", f"customers/{second}@1"} < set(names)

    on_a_vault(test)


def test_a_row_that_was_altered_before_it_was_sealed_anew_stays_found(on_a_vault: Any) -> None:
    """Sealing anew makes no altered row a right one, however often it is done."""

    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)
        edit = f"UPDATE customers SET recorded_by = 'nobody' WHERE customer = '{first}'"
        vault.database.write_sync(lambda conn: conn.execute(text(edit)))
        altered = [(Fault.ROW_CHANGED, f"institutions/{BANK}/customers/{first}@1")]
        assert faults(vault) == altered
        for suite in (SM4_GCM, AES_256_GCM, SM4_GCM):
            change(vault, suite)
            assert (await resealed(vault)).stage == DONE
            assert faults(vault) == altered

    on_a_vault(test)


@pytest.mark.parametrize("chunk", [1, 2, 3, 1_000])
def test_it_does_not_matter_how_the_events_are_shared_out_to_who_verifies(
    on_a_vault: Any, chunk: int
) -> None:
    async def test(vault: Bank) -> None:
        first, second, third = await filled(vault)

        def alter(customer: str) -> None:
            edit = f"UPDATE customers SET recorded_by = 'nobody' WHERE customer = '{customer}'"
            vault.database.write_sync(partial(Connection.execute, statement=text(edit)))

        for suite in (SM4_GCM, AES_256_GCM, SM4_GCM):
            change(vault, suite)
            await resealed(vault)
        assert altered_by_chunks(vault, chunk) == set()
        for customer, suite in ((first, AES_256_GCM), (second, SM4_GCM)):
            alter(customer)
            change(vault, suite)
            await resealed(vault)
        alter(third)
        names = {f"institutions/{BANK}/customers/{one}@1" for one in (first, second, third)}
        assert altered_by_chunks(vault, chunk) == names

    on_a_vault(test)


def test_what_is_sealed_anew_while_somebody_verifies_is_not_taken_for_altered(
    on_a_vault: Any,
) -> None:
    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)
        size = vault.database.read_sync(head).size
        change(vault, SM4_GCM)
        await resealed(vault)
        assert faults(vault, size) == []
        edit = f"UPDATE customers SET recorded_by = 'nobody' WHERE customer = '{first}'"
        vault.database.write_sync(partial(Connection.execute, statement=text(edit)))
        change(vault, AES_256_GCM)
        await resealed(vault)
        assert faults(vault, size) == []
        assert [kind for kind, _ in faults(vault)] == [Fault.ROW_CHANGED]

    on_a_vault(test)


def test_a_row_that_was_altered_between_two_re_sealings_stays_found(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)
        change(vault, SM4_GCM)
        await resealed(vault)
        edit = f"UPDATE customers SET recorded_by = 'nobody' WHERE customer = '{first}'"
        vault.database.write_sync(lambda conn: conn.execute(text(edit)))
        change(vault, AES_256_GCM)
        await resealed(vault)
        assert [kind for kind, _ in faults(vault)] == [Fault.ROW_CHANGED]

    on_a_vault(test)


def test_reads_writes_and_searches_go_on_meanwhile(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        customers = await filled(vault, 30)
        before = await everything(vault, customers)
        change(vault, SM4_GCM)
        step = agreed(vault.clock.now_micros(), rate=60)
        at_work = runner(vault, [step])
        looking = asyncio.create_task(at_work.look())
        written = 30
        while not looking.done():
            some = customers[written % 30 :][:2]
            at = 2 * (written % 30)
            assert await everything(vault, some) == before[at : at + 2 * len(some)]
            await vault.storing.store_together(
                allowed(Action.CUSTOMERS_BATCH_CREATE), batch(person(f"C{written}"))
            )
            written += 1
        await looking
        assert job(vault, step).stage == DONE
        assert suites(vault) == {SM4_GCM}
        assert faults(vault) == []
        assert written > 32

    on_a_vault(test)


# -- when something is in the way --------------------------------------------------------------


def test_a_process_that_dies_between_rows_and_progress_loses_and_doubles_nothing(
    on_a_vault: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(vault: Bank) -> None:
        customers = await filled(vault)
        before = await everything(vault, customers)
        change(vault, SM4_GCM)
        step = agreed(vault.clock.now_micros())
        kept, dies = work.kept, iter((False, True, False, True, True))

        def dying(ground: Ground, made: JobRow) -> JobRow:
            if made.done and next(dies, False):
                raise MemoryError
            return kept(ground, made)

        monkeypatch.setattr(record_work, "kept", dying)
        for attempt in range(6):
            at_work = runner(vault, [step], f"process {attempt}")
            try:
                while await at_work.look():
                    pass
            except MemoryError:
                await asyncio.sleep(0.25)  # until its lease has run out
        done = job(vault, step)
        assert done.stage == DONE
        assert suites(vault) == {SM4_GCM}
        assert await everything(vault, customers) == before
        assert faults(vault) == []
        told = [one for one in vault.events() if one.action == Action.KEYS_RESEAL.value]
        assert sum(one.count for one in told) == 9

    on_a_vault(test)


def test_a_row_that_does_not_open_is_left_as_it_is_and_named(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)
        standing = vault.database.read_sync(
            lambda conn: conn.execute(
                select(schema.customers).where(schema.customers.c.customer == first)
            ).one()
        )
        spoilt = bytes(standing.sealed[:-1]) + bytes([standing.sealed[-1] ^ 1])
        vault.database.write_sync(
            lambda conn: sealed_rows.exchange(conn, schema.customers, standing, {"sealed": spoilt})
        )
        change(vault, SM4_GCM)
        done = await resealed(vault)
        assert done.stage == FAILED
        assert done.detail == (f"1 rows do not open and were left as they are: customers {first}/1")
        assert done.done == 8
        assert vault.events()[-1].reason == "KEY_STEP_FAILED"

    on_a_vault(test)


def test_what_was_shredded_is_left(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)
        let_go_of_keys(vault.uses, first)
        change(vault, SM4_GCM)
        done = await resealed(vault)
        assert (done.stage, done.done) == (DONE, 6)
        assert done.detail == "3 rows were left: their scopes have no keys any more"

    on_a_vault(test)


def test_a_process_of_another_configuration_does_not_go_on_with_it(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        await filled(vault)
        change(vault, SM4_GCM)
        step = agreed(vault.clock.now_micros())
        at_work = runner(vault, [step])
        await at_work._take_down()
        led = at_work._lead()
        assert led is not None
        records = at_work._works[Key.RECORDS]
        begun, _ = await asyncio.to_thread(records.step, led)
        assert begun.target == SM4_GCM.name
        change(vault, AES_256_GCM)
        ended, _ = await asyncio.to_thread(records.step, begun)
        assert ended.stage == FAILED
        assert ended.detail == "this process was configured to seal with AES-256-GCM instead"
        assert suites(vault) == {AES_256_GCM}

    on_a_vault(test)


def test_a_row_that_was_exchanged_meanwhile_is_not_overwritten(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        first, *_ = await filled(vault)

        def twice(conn: Connection) -> tuple[bool, bool]:
            row = conn.execute(
                select(schema.customers).where(schema.customers.c.customer == first)
            ).one()
            return (
                sealed_rows.exchange(conn, schema.customers, row, {"sealed": b"one"}),
                sealed_rows.exchange(conn, schema.customers, row, {"sealed": b"other"}),
            )

        assert vault.database.write_sync(twice) == (True, False)

    on_a_vault(test)


# -- the tables --------------------------------------------------------------------------------


def test_no_table_with_a_sealed_column_is_forgotten() -> None:
    sealed = {
        table.name
        for table in schema.data_metadata.tables.values()
        if {"sealed", "masked"} & {column.name for column in table.columns}
    }
    assert {of.table.name for of in SEALED_TABLES} == sealed - _WITH_THEIR_BYTES


def test_the_name_of_each_row_is_the_one_that_the_log_has(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        await filled(vault)

        def look(conn: Connection) -> int:
            seen = 0
            for of in SEALED_TABLES:
                for row in conn.execute(select(of.table)):
                    name = f"institutions/{BANK}/{of.place(row).name}"
                    assert stored_hash(conn, name) is not None
                    seen += 1
            return seen

        assert vault.database.read_sync(look) == 9

    on_a_vault(test)


def test_pages_come_in_order_and_end(on_a_vault: Any) -> None:
    async def test(vault: Bank) -> None:
        await filled(vault, 5)

        def look(conn: Connection) -> list[list[str | int]]:
            seen: list[list[str | int]] = []
            while rows := sealed_rows.page(
                conn, schema.documents, BANK, SM4_GCM.suite_id, seen[-1] if seen else (), 2
            ):
                assert len(rows) <= 2
                seen += [sealed_rows.key_of(schema.documents, row) for row in rows]
            return seen

        seen = vault.database.read_sync(look)
        assert len(seen) == 5
        assert seen == sorted(seen)
        nothing = vault.database.read_sync(
            lambda conn: sealed_rows.page(conn, schema.documents, BANK, 1, (), 9)
        )
        assert nothing == []

    on_a_vault(test)
