"""Check-outs as reads use them, on a real store of both kinds: at the microsecond, and at once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.services.test_storing import create, person
from tests.support.borrowing import HOUR, lending
from tests.support.principals import principal_of
from tests.support.use_cases import (
    BANK,
    SteppedClock,
    UseCases,
    allowed,
    borrowing_of,
    run,
    use_cases,
)
from vault.access import Action
from vault.access.lending import CheckOut, Stage
from vault.rpc.methods import Target
from vault.services.borrowing import Borrowing
from vault.services.call import Call
from vault.services.check_out_marks import marked
from vault.services.check_out_rows import from_row, to_row
from vault.services.closed import (
    BorrowerRequired,
    CheckOutNotActive,
    CheckOutOtherPurpose,
    CheckOutOtherRecord,
    OwnFile,
)
from vault.services.errors import Corrupted, InvalidArgument, NotFound
from vault.services.opening import Opened
from vault.services.recording import Recorder
from vault.store import Database, check_outs, customers
from vault.store.evidence import stored_hash

CUSTOMER = "01jd0000000000000000000000"
FILE = f"institutions/{BANK}/customers/{CUSTOMER}"
DOCUMENT = f"{FILE}/documents/01jd0000000000000000000001"
PHONES = "customer.phones"


class SetClock(SteppedClock):
    """A clock that is set by hand."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def now_micros(self) -> int:
        return self.at


def a_call(*, person: str = "p-teller", institution: str = BANK) -> Call:
    call = allowed(Action.CUSTOMERS_GET, CUSTOMER)
    call.principal = principal_of("teller", person=person, institution=institution)
    return call


def asks(name: str, resource: str = FILE, purpose: str = "CUSTOMER_SERVICE") -> Target:
    return Target(BANK, CUSTOMER, resource, purpose=purpose, check_out=name)


def put(vault: UseCases, out: CheckOut) -> CheckOut:
    row = marked(to_row(out, b"sealed words", 1, "somebody"), vault.ring.index_key(BANK))
    vault.database.write_sync(lambda conn: check_outs.insert(conn, row))
    return out


def versions(vault: UseCases, out: CheckOut) -> list[CheckOut]:
    rows = vault.database.read_sync(lambda c: check_outs.history(c, BANK, out.identifier))
    assert {row.sealed for row in rows} == {b"sealed words"}
    return [from_row(row) for row in rows]


def borrowing(vault: UseCases, clock: SteppedClock) -> Borrowing:
    return borrowing_of(vault.database, vault.keys, Recorder(vault.log, clock), clock)


def test_it_stands_from_its_approval_to_the_microsecond_before_its_end(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = put(vault, lending(FILE, PHONES, lasts=HOUR))
            clock = SetClock(out.ends_at - 1)
            lent, call = borrowing(vault, clock), a_call()
            assert await lent.standing(call, asks(out.name))
            assert (call.check_out, call.lent) == (out.identifier, out)
            clock.at = out.ends_at
            with pytest.raises(CheckOutNotActive):
                await lent.standing(a_call(), asks(out.name))

    run(main)


def test_each_that_does_not_open_it_says_why_and_the_call_does_not_have_it(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = put(vault, lending(FILE, PHONES))
            of_document = put(vault, lending(DOCUMENT, PHONES))
            lent = borrowing(vault, SetClock(out.starts_at))
            program = allowed(Action.CUSTOMERS_GET, CUSTOMER)
            nobodys = out.name[:-1] + ("1" if out.name.endswith("0") else "0")
            elsewhere = out.name.replace(BANK, "other-bank")
            for call, asked, error in (
                (program, asks(out.name), BorrowerRequired),
                (a_call(person="p-other"), asks(out.name), NotFound),
                (a_call(institution="other-bank"), asks(out.name), NotFound),
                (a_call(), asks(nobodys), NotFound),
                (a_call(), asks(elsewhere), NotFound),
                (a_call(), asks("checkOuts/1"), InvalidArgument),
                (a_call(), asks(out.name + "\n"), InvalidArgument),
                (a_call(), asks(out.name, purpose="DATA_QUALITY"), CheckOutOtherPurpose),
                (a_call(), asks(out.name, purpose=""), CheckOutOtherPurpose),
                (a_call(), asks(of_document.name), CheckOutOtherRecord),
                (
                    a_call(),
                    Target(BANK, "", f"institutions/{BANK}", check_out=out.name),
                    CheckOutOtherRecord,
                ),
                (
                    a_call(),
                    replace(asks(out.name), customer="01jd0000000000000000000009"),
                    CheckOutOtherRecord,
                ),
                (a_call(), asks(of_document.name, DOCUMENT + "0"), CheckOutOtherRecord),
            ):
                with pytest.raises(error):
                    await lent.standing(call, asked)
                assert call.lent is None
            call = a_call()
            assert await lent.standing(call, asks(of_document.name, DOCUMENT))
            assert await lent.standing(a_call(), asks(out.name, DOCUMENT))

    run(main)


def test_the_customers_row_beside_it_spares_a_look_at_the_database(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            one, other = await create(vault, person("C1"), person("C2"))
            name = f"institutions/{BANK}/customers/{one.customer}"
            out = put(vault, lending(name, PHONES))
            looks = 0
            honest = vault.database.read

            async def read(fn: Callable[[Connection], Any]) -> Any:
                nonlocal looks
                looks += 1
                return await honest(fn)

            monkeypatch.setattr(vault.database, "read", read)

            async def opened(customer: str, version: int = 0) -> Opened:
                call = allowed(Action.CUSTOMERS_GET, customer)
                call.principal = principal_of("teller", person="p-teller")
                asked = Target(
                    BANK, one.customer, name, purpose="CUSTOMER_SERVICE", check_out=out.name
                )
                await borrowing(vault, SetClock(out.starts_at)).standing(call, asked)
                return await vault.reading.customer(call, BANK, customer, version)

            assert (await opened(one.customer)).value.customer_number == "C1"
            assert looks == 1
            # Of somebody else, or of one version, it tells nothing.
            assert (await opened(other.customer)).value.customer_number == "C2"
            assert (await opened(one.customer, 1)).version == 1
            assert looks == 5
            monkeypatch.undo()
            row = database.read_sync(lambda conn: customers.current(conn, BANK, one.customer))
            assert row is not None
            newer = replace(row, version=2, sealed=b"", masked=b"")
            database.write_sync(lambda conn: customers.insert(conn, [newer]))
            with pytest.raises(Corrupted):
                await opened(one.customer)

    run(main)


def test_of_uses_at_once_one_commits_with_its_event(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = put(vault, lending(FILE, PHONES, one_time=True))
            lent = borrowing(vault, SetClock(out.starts_at))
            calls = [a_call() for _ in range(10)]
            for call in calls:
                assert await lent.standing(call, asks(out.name))

            async def finish(call: Call) -> bool:
                try:
                    await lent.finish(call, replace(call.trace, fields=("phones",), count=1))
                except CheckOutNotActive:
                    assert not call.committed
                    assert call.trace.fields == (), "nothing was revealed"
                    return False
                return True

            assert sum(await asyncio.gather(*map(finish, calls))) == 1
            first, used = versions(vault, out)
            assert first == out
            assert used == replace(out, version=2, stage=Stage.USED, ends_at=out.starts_at)
            (event,) = vault.events()
            assert (event.check_out, event.fields) == (out.identifier, ("phones",))
            (row,) = event.rows
            assert row.name == f"checkOuts/{out.identifier}@2"
            full_name = f"institutions/{event.institution}/{row.name}"
            assert vault.database.read_sync(lambda c: stored_hash(c, full_name)) == row.sha256

    run(main)


@pytest.mark.parametrize("stage", [Stage.RETURNED, Stage.REVOKED])
def test_what_was_given_or_taken_back_between_look_and_use_is_not_used(
    database: Database, tmp_path: Path, stage: Stage
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = put(vault, lending(FILE, PHONES, one_time=True))
            lent, call = borrowing(vault, SetClock(out.starts_at)), a_call()
            assert await lent.standing(call, asks(out.name))
            put(vault, replace(out, version=2, stage=stage))
            with pytest.raises(CheckOutNotActive):
                await lent.finish(call, call.trace)
            assert [v.stage for v in versions(vault, out)] == [Stage.ACTIVE, stage]
            assert not vault.events()

    run(main)


def test_one_for_several_reads_is_left_as_it_is(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            out = put(vault, lending(FILE, PHONES))
            lent, call = borrowing(vault, SetClock(out.starts_at)), a_call()
            assert await lent.standing(call, asks(out.name))
            await lent.finish(call, replace(call.trace, fields=("phones",)))
            assert (call.committed, call.trace.fields) == (False, ("phones",))
            assert versions(vault, out) == [out]

    run(main)


def test_no_use_case_that_opens_records_opens_ones_own_file(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            own, reading = (
                principal_of("compliance", person="p-1", own_files=[CUSTOMER]),
                vault.reading,
            )
            here: list[tuple[Action, Callable[[Call], object]]] = [
                (Action.CUSTOMERS_GET, lambda c: reading.customer(c, BANK, CUSTOMER)),
                (Action.DOCUMENTS_GET, lambda c: reading.document(c, BANK, CUSTOMER, "d")),
                (Action.TRANSACTIONS_GET, lambda c: reading.transaction(c, BANK, CUSTOMER, "t")),
            ]
            for action, read in here:
                for who in ("principal", "bearer"):
                    call = allowed(action, CUSTOMER)
                    setattr(call, who, own)
                    with pytest.raises(OwnFile):
                        await read(call)  # type: ignore[misc]  # each is a coroutine

    run(main)
