"""Rotation of an index key: whoever is looked for is found at every moment, and by nothing of the
old key in the end."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.records import builders
from tests.services.test_storing import batch, booked, create, document_of, imported, once, person
from tests.support.rotation import FAST
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.records import Branch, Customer, IndexKind
from vault.sealing import InstitutionKeysMissing, KeyRing, SystemClock
from vault.sealing.rotating import Rotating
from vault.services.errors import AlreadyExists
from vault.services.keys import Keys
from vault.services.masked import Lookup
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.rotation.index_entries import page_of
from vault.services.rotation.index_work import IndexWork
from vault.services.rotation.steps import Key, Verb
from vault.services.rotation.work import Ground
from vault.store import Database, KeyStore, blind_index, index_state, key_jobs
from vault.store.key_jobs import DONE, FAILED, WAITING, JobRow
from vault.store.schema import blind_index as entries
from vault.store.schema import identity_claims

PHONE = "+8613700000077"


class Rotator:
    """Carries out steps with the index key, as the runner does, on a vault of use cases."""

    def __init__(self, vault: UseCases) -> None:
        store, clock = KeyStore(vault.database), SystemClock()
        self.database = vault.database
        self.store = store
        kms = vault.ring._kms
        self.ground = Ground(
            vault.database, store, vault.ring, kms, Rotating(vault.ring, kms, store, clock), clock
        )
        self.work = IndexWork(self.ground, vault.database)
        self._number = 0

    def begin(self, verb: Verb, version: str = "", rate: int = FAST) -> JobRow:
        self._number += 1
        row = JobRow(
            BANK, f"job{self._number}", self._number, Key.INDEX.value, verb.value, version, "",
            rate, WAITING, 0, 0, 0, "", "", "me", 0, 1, 1, 0,
        )  # fmt: skip
        self.database.write_sync(lambda conn: key_jobs.add(conn, row))
        return row

    def end(self, job: JobRow) -> JobRow:
        self.database.write_sync(lambda conn: key_jobs.keep(conn, job))
        return job

    def do(self, verb: Verb, version: str = "") -> JobRow:
        """All of a step at once."""
        job = self.begin(verb, version)
        while job.open:
            job, _ = self.work.step(job)
        return self.end(job)

    async def slowly(self, verb: Verb, version: str = "") -> JobRow:
        """A step, batch by batch, with the others' work in between."""
        job = self.begin(verb, version, rate=20)
        while job.open:
            job, _ = await asyncio.to_thread(self.work.step, job)
            await asyncio.sleep(0)
        return self.end(job)


Test = Callable[[UseCases, Rotator], Any]


@pytest.fixture
def on_a_vault(database: Database, tmp_path: Path) -> Callable[[Test], None]:
    def run_test(test: Test) -> None:
        async def main() -> None:
            async with use_cases(
                database, tmp_path, searches=1_000_000, searches_of_a_node=1_000_000
            ) as vault:
                await test(vault, Rotator(vault))

        run(main)

    return run_test


async def found(vault: UseCases, kind: IndexKind, value: str) -> list[str]:
    call = allowed(Action.INDEX_LOOKUP, role="masked_node", name="node", on_behalf_of="crm")
    return await vault.oracle.look_up(call, Lookup(BANK, kind, value, "", 10))


async def rephoned(vault: UseCases, stored: Stored, phone: str, etag: str = "") -> Stored:
    def change(customer: Customer) -> Customer:
        return replace(customer, phones=(phone,))

    return await vault.updating.customer(
        allowed(Action.CUSTOMERS_UPDATE, stored.customer),
        BANK,
        stored.customer,
        etag or stored.etag,
        change,
        Request("records.customers.update", "", b""),
    )


def phones(n: int) -> str:
    return f"+86139{n:08d}"


async def filled(vault: UseCases, count: int, first: int = 0) -> list[Stored]:
    people = [person(f"C{n}", phones=(phones(n),)) for n in range(first, first + count)]
    return await create(vault, *people)


def versions_of(database: Database) -> dict[int, int]:
    """How many entries there are under each version of the key."""

    def read(conn: Any) -> dict[int, int]:
        out: dict[int, int] = {}
        for (kind,) in conn.execute(select(entries.c.kind)):
            _, _, version = kind.partition("@")
            out[int(version or 1)] = out.get(int(version or 1), 0) + 1
        return out

    return database.read_sync(read)


def claimed(database: Database) -> int:
    return database.read_sync(
        lambda conn: conn.execute(select(func.count()).select_from(identity_claims)).scalar_one()
    )


def test_a_key_is_rotated_and_retired_and_everybody_is_found_throughout(on_a_vault: Any) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        stored = await filled(vault, 12)
        await imported(
            vault,
            document_of("C3", builders.document(number="E12345678")),
            booked("C4"),
            booked("C4"),
        )
        account = booked("C4").record.account.account
        claims_before = claimed(vault.database)

        async def all_found() -> None:
            for n, one in enumerate(stored):
                assert await found(vault, IndexKind.PHONE, phones(n)) == [one.customer]
            assert await found(vault, IndexKind.IDENTITY, "E12345678") == [stored[3].customer]
            assert await found(vault, IndexKind.ACCOUNT, account) == [stored[4].customer]

        await all_found()
        before = versions_of(vault.database)
        assert rotator.do(Verb.ROTATE).target == "2"
        await all_found()
        late = (await filled(vault, 1, 50))[0]
        done = rotator.do(Verb.REWRAP)
        assert (done.stage, done.done, done.checked) == (DONE, 16, 16)
        level = versions_of(vault.database)
        assert level[1] == level[2] > before[1]
        await all_found()
        retired = rotator.do(Verb.RETIRE, "1")
        assert (retired.stage, retired.done) == (DONE, level[1])
        assert versions_of(vault.database) == {2: level[2]}
        assert claimed(vault.database) == claims_before + 1
        assert [key.version for key in rotator.store.index_keys(BANK)] == [2]
        await all_found()
        assert await found(vault, IndexKind.PHONE, phones(50)) == [late.customer]

    on_a_vault(test)


def test_another_process_writes_and_searches_by_what_counts_without_a_restart(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        ring = KeyRing(vault.ring._kms, KeyStore(vault.database), frozenset(Branch))
        other = UseCases(vault.database, ring, Keys(ring, vault.database), vault.log)
        (mine,), (theirs,) = await filled(vault, 1), await filled(other, 1, 1)

        async def both_found(*more: tuple[int, Stored]) -> None:
            for use in (vault, other):
                for n, one in ((0, mine), (1, theirs), *more):
                    assert await found(use, IndexKind.PHONE, phones(n)) == [one.customer]

        rotator.do(Verb.ROTATE)
        (during,) = await filled(other, 1, 2)
        await both_found((2, during))
        rotator.do(Verb.REWRAP)
        (behind,) = await filled(other, 1, 3)
        await both_found((2, during), (3, behind))
        rotator.do(Verb.RETIRE, "1")
        (last,) = await filled(other, 1, 4)
        await both_found((2, during), (3, behind), (4, last))
        assert set(versions_of(vault.database)) == {2}

    on_a_vault(test)


def test_an_identity_has_one_holder_before_during_and_after(on_a_vault: Any) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        await create(vault, person("C1", builders.RESIDENT_ID))

        async def refused() -> None:
            with pytest.raises(AlreadyExists):
                await create(vault, person("C2", builders.RESIDENT_ID))

        rotator.do(Verb.ROTATE)
        await refused()
        rotator.do(Verb.REWRAP)
        await refused()
        rotator.do(Verb.RETIRE, "1")
        await refused()
        await create(vault, person("C2", "110105194912310038"))

    on_a_vault(test)


def test_a_changed_number_is_found_and_the_old_one_not_wherever_the_work_is(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        people = await filled(vault, 6)
        rotator.do(Verb.ROTATE)
        people[0] = await rephoned(vault, people[0], phones(100))
        job = rotator.begin(Verb.REWRAP, rate=10)
        for n in range(6):
            job, _ = rotator.work.step(job)
            if n < 5:
                people[n + 1] = await rephoned(vault, people[n + 1], phones(101 + n))
        while job.open:
            job, _ = rotator.work.step(job)
        rotator.end(job)
        assert job.stage == DONE
        rotator.do(Verb.RETIRE, "1")
        for n, one in enumerate(people):
            assert await found(vault, IndexKind.PHONE, phones(n)) == []
            assert await found(vault, IndexKind.PHONE, phones(100 + n)) == [one.customer]

    on_a_vault(test)


def test_a_record_that_changes_between_reading_and_writing_is_read_once_more(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        (one,) = await filled(vault, 1)
        rotator.do(Verb.ROTATE)
        work = rotator.work
        stale = work._wanted(BANK, 2, _rows(vault), {})
        await rephoned(vault, one, PHONE)
        assert vault.database.write_sync(lambda c: work._bring_level(c, BANK, 2, stale)) is None
        assert rotator.do(Verb.REWRAP).stage == DONE
        rotator.do(Verb.RETIRE, "1")
        assert await found(vault, IndexKind.PHONE, phones(0)) == []
        assert await found(vault, IndexKind.PHONE, PHONE) == [one.customer]

    on_a_vault(test)


def _rows(vault: UseCases) -> Any:
    return vault.database.read_sync(lambda conn: page_of(conn, BANK, "", 10)).rows


def test_reads_writes_and_searches_go_on_while_keys_follow_one_another(on_a_vault: Any) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        people = dict(enumerate(await filled(vault, 30)))
        numbers = {n: phones(n) for n in people}
        over = False

        async def live() -> int:
            n, looked = 30, 0
            while not over or looked < 10:
                (people[n],) = await filled(vault, 1, n)
                numbers[n] = phones(n)
                who = looked % len(people)
                former, numbers[who] = numbers[who], f"+86137{looked:08d}"
                people[who] = await rephoned(vault, people[who], numbers[who])
                assert await found(vault, IndexKind.PHONE, former) == []
                for sought in (who, n, (looked * 7) % len(people)):
                    assert await found(vault, IndexKind.PHONE, numbers[sought]) == [
                        people[sought].customer
                    ]
                n, looked = n + 1, looked + 1
            return looked

        living = asyncio.create_task(live())
        for version in range(1, 4):
            assert (await rotator.slowly(Verb.ROTATE)).stage == DONE
            assert (await rotator.slowly(Verb.REWRAP)).stage == DONE
            assert (await rotator.slowly(Verb.RETIRE, str(version))).stage == DONE
            assert not living.done() or living.result()
        over = True
        assert await living >= 10
        assert set(versions_of(vault.database)) == {4}
        for n, one in people.items():
            assert await found(vault, IndexKind.PHONE, numbers[n]) == [one.customer]

    on_a_vault(test)


def test_a_request_that_comes_again_after_the_key_is_gone_gets_its_first_answer(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        request = once(b"body", "6a4e2a63-7f2a-4f4e-9d4e-0f2d4f3a1b1c")

        async def asked() -> list[Stored]:
            call = allowed(Action.CUSTOMERS_CREATE)
            return await vault.storing.store_together(call, batch(person("C1"), request=request))

        first = await asked()
        told = await vault.keys.case_commitment(BANK, "01jd0000000000000000000000", "case 7")
        for version in ("1", "2"):
            for verb, which in ((Verb.ROTATE, ""), (Verb.REWRAP, ""), (Verb.RETIRE, version)):
                assert rotator.do(verb, which).stage == DONE
        assert await asked() == first
        # What stands in the log, and can never be made anew, is still what it was.
        again = await vault.keys.case_commitment(BANK, "01jd0000000000000000000000", "case 7")
        assert again == told

    on_a_vault(test)


def test_what_cannot_be_done_with_an_index_key_is_refused_and_changes_nothing(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        (one,) = await filled(vault, 1)
        assert rotator.do(Verb.RETIRE, "1").stage == FAILED
        rotator.do(Verb.ROTATE)
        again = rotator.do(Verb.ROTATE)
        assert (again.stage, "not finished" in again.detail) == (FAILED, True)
        early = rotator.do(Verb.RETIRE, "1")
        assert (early.stage, "rewrap first" in early.detail) == (FAILED, True)
        state = vault.database.read_sync(lambda conn: index_state.read(conn, BANK))
        assert state == index_state.IndexState(1, (1, 2))
        assert await found(vault, IndexKind.PHONE, phones(0)) == [one.customer]

    on_a_vault(test)


def test_searches_stay_with_the_old_key_while_a_record_does_not_open(on_a_vault: Any) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        people = await filled(vault, 3)
        rotator.do(Verb.ROTATE)
        vault.database.write_sync(
            lambda conn: conn.exec_driver_sql(
                f"UPDATE customers SET sealed = masked WHERE customer = '{people[1].customer}'"
            )
        )
        done = rotator.do(Verb.REWRAP)
        assert done.stage == FAILED
        assert f"customers/{people[1].customer}" in done.detail
        for n, one in enumerate(people):
            assert await found(vault, IndexKind.PHONE, phones(n)) == [one.customer]
        assert rotator.do(Verb.RETIRE, "1").stage == FAILED

    on_a_vault(test)


def test_data_from_before_a_rotation_are_indexed_anew_when_the_old_key_is_gone(
    on_a_vault: Any,
) -> None:
    """A backup of the data is older than the key store."""

    async def test(vault: UseCases, rotator: Rotator) -> None:
        people = await filled(vault, 4)
        rotator.store.add_index_key(
            rotator.ground.rotating.next_index_key(rotator.store.index_keys(BANK)[0], 2)
        )
        vault.database.write_sync(
            lambda c: c.exec_driver_sql("DELETE FROM index_keys WHERE version = 1")
        )
        vault.ring.clear()
        vault.keys.index_moved(BANK)
        with pytest.raises(InstitutionKeysMissing):
            await found(vault, IndexKind.PHONE, phones(0))
        done = rotator.do(Verb.REWRAP)
        assert (done.stage, done.target, done.done) == (DONE, "2", 4)
        for n, one in enumerate(people):
            assert await found(vault, IndexKind.PHONE, phones(n)) == [one.customer]
        with pytest.raises(AlreadyExists):
            await create(vault, person("C0"))
        assert len(await filled(vault, 1, 9)) == 1

    on_a_vault(test)


def test_entries_that_somebody_took_out_are_made_again_in_the_second_pass(on_a_vault: Any) -> None:
    async def test(vault: UseCases, rotator: Rotator) -> None:
        people = await filled(vault, 3)
        rotator.do(Verb.ROTATE)
        job = rotator.begin(Verb.REWRAP)
        while job.stage != "CHECKING":
            job, _ = rotator.work.step(job)

        def take_out(conn: Any) -> None:
            made = blind_index.of_record(conn, BANK, people[2].customer, "")
            blind_index.take_out(conn, [entry for entry in made if entry.kind.endswith("@2")])

        vault.database.write_sync(take_out)
        while job.open:
            job, _ = rotator.work.step(job)
        assert rotator.end(job).stage == DONE
        rotator.do(Verb.RETIRE, "1")
        assert await found(vault, IndexKind.PHONE, phones(2)) == [people[2].customer]

    on_a_vault(test)
