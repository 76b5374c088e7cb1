"""What opened customers have in common goes to the watch as keyed tokens, and only where a rule
asks: on real keys, on both databases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.records import builders
from tests.services.test_reading import let_go_of_keys
from tests.services.test_storing import create, person
from tests.support.principals import principal_of
from tests.support.use_cases import UseCases, run, use_cases
from tests.support.watching import call_of
from tests.support.watching import person as somebody
from tests.support.written import everything_in
from vault.access import Action, Principal
from vault.access.budgets import read_budgets
from vault.access.detection import By, Rules, read_rules
from vault.records import Address, Customer
from vault.services.call import Call
from vault.services.likenesses import Likenesses
from vault.services.watching import Watch
from vault.store import Database

FAMILY, STREET = "司徒", "永宁胡同"
_RULES = """\
[[similar]]
id = "one-{by}"
severity = "alert"
callers = "persons"
by = "{by}"
count = 3
within = "1h"

"""


def rules(folder: Path, *kinds: By) -> Rules:
    path = folder / "detection.toml"
    path.write_text("".join(_RULES.format(by=by.value) for by in kinds), "utf-8")
    return read_rules(path)


def watch(vault: UseCases, found: Rules) -> Watch:
    return Watch(vault.database, read_budgets(), found, vault.clock, full=True)


def neighbour(number: str, name: str, house: int, branch: str = "BJ-01") -> Customer:
    customer = person(number)
    assert customer.natural_person is not None
    return replace(
        customer,
        branch=branch,
        natural_person=replace(customer.natural_person, full_name=name),
        addresses=(Address(country="CN", city="北京市", street=f"{STREET}{house}号"),),
    )


def opening(who: Principal, customer: str, action: Action = Action.CUSTOMERS_GET) -> Call:
    return call_of(who, customer, action)


async def recorded(vault: UseCases, watched: Watch, call: Call) -> list[str]:
    """Log a call as vault/rpc/ending.py does. The reasons of its alerts."""
    event = call.event(vault.clock.now_micros())
    made = watched.reckon(call, event)
    assert made is not None
    await vault.log.commit(made.work, lambda _: (*made.alerts, event), turn=made.turn)
    made.stands()
    return [alert.reason for alert in made.alerts]


class Untouched:
    """Keys that nobody asks for."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} of the keys was used")


def test_a_family_and_a_street_are_noticed_and_stand_nowhere_in_clear(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            sent = [
                neighbour(f"C{n}", f"{FAMILY}{given}", n) for n, given in enumerate("甲乙丙", 1)
            ]
            stored = await create(vault, *sent)
            watched = watch(vault, rules(tmp_path, By.SURNAME, By.STREET))
            likenesses = Likenesses(vault.reading, vault.keys, watched)
            told = []
            for one in stored:
                call = opening(somebody("one"), one.customer)
                await likenesses.note(call, one.customer)
                told += await recorded(vault, watched, call)
            assert told == ["ONE_SURNAME", "ONE_STREET"]

            def tokens(conn: Connection) -> list[str]:
                return list(conn.exec_driver_sql("SELECT alike FROM full_sightings").scalars())

            assert len(set(database.read_sync(tokens))) == 1

    run(main)
    kept = everything_in(database, tmp_path)
    assert b"surname:" in kept
    for text in (FAMILY, STREET, "北京市"):
        for encoding in ("utf-8", "utf-16-le", "gb18030"):
            assert text.encode(encoding) not in kept
        assert text.encode("unicode_escape") not in kept
        assert text.encode().hex().encode() not in kept


def test_a_token_is_of_one_callers_eyes_and_of_no_search(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            (one, other) = await create(
                vault, neighbour("C1", f"{FAMILY}甲", 1), neighbour("C2", f"{FAMILY}乙", 9)
            )
            likenesses = Likenesses(
                vault.reading, vault.keys, watch(vault, rules(tmp_path, By.SURNAME, By.STREET))
            )
            seen: dict[tuple[str, str], object] = {}
            for who in ("li", "wang"):
                for customer in (one.customer, other.customer):
                    call = opening(somebody(who), customer)
                    await likenesses.note(call, customer)
                    assert {by for by, _ in call.alike} == {By.SURNAME, By.STREET}
                    seen[who, customer] = call.alike
            assert seen["li", one.customer] == seen["li", other.customer]
            assert seen["li", one.customer] != seen["wang", one.customer]

            def indexed(conn: Connection) -> set[str]:
                found = conn.exec_driver_sql("SELECT token FROM blind_index").scalars()
                return {bytes(token).hex() for token in found}

            assert not database.read_sync(indexed) & {
                value
                for alike in seen.values()
                for _, value in alike  # type: ignore[attr-defined]  # pairs
            }

    run(main)


def test_opening_what_is_below_a_customer_is_opening_him(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            (one,) = await create(vault, neighbour("C1", f"{FAMILY}甲", 1))
            likenesses = Likenesses(
                vault.reading, vault.keys, watch(vault, rules(tmp_path, By.SURNAME))
            )
            found = set()
            for action in (
                Action.CUSTOMERS_GET,
                Action.CUSTOMERS_VERSIONS,
                Action.DOCUMENTS_LIST,
                Action.TRANSACTIONS_GET,
            ):
                call = opening(somebody("one"), one.customer, action)
                await likenesses.note(call, one.customer)
                found.add(call.alike)
            assert len(found) == 1
            # Whose own file is gone has nothing in common with anybody; what is left can be read.
            let_go_of_keys(vault, one.customer)
            call = opening(somebody("one"), one.customer, Action.TRANSACTIONS_GET)
            await likenesses.note(call, one.customer)
            assert call.alike == ()
            nobody = "01jd0000000000000000000000"
            call = opening(somebody("one"), nobody, Action.TRANSACTIONS_GET)
            await likenesses.note(call, nobody)
            assert call.alike == ()

    run(main)


@pytest.mark.parametrize(
    ("home", "branch", "noticed"),
    [
        ("BJ-01", "SH-01", True),
        ("BJ-01", "BJ-01", False),
        ("BJ-01", "", False),
        ("", "SH-01", False),
    ],
)
def test_a_file_of_another_branch_is_noticed_of_whom_has_a_branch_of_his_own(
    database: Database, tmp_path: Path, home: str, branch: str, noticed: bool
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            (one,) = await create(vault, neighbour("C1", f"{FAMILY}甲", 1, branch))
            found = watch(vault, rules(tmp_path, By.OTHER_BRANCH))
            call = opening(somebody("one", home_branch=home), one.customer)
            await Likenesses(vault.reading, vault.keys, found).note(call, one.customer)
            assert call.alike == (((By.OTHER_BRANCH, ""),) if noticed else ())

    run(main)


def test_of_whom_no_rule_is_about_nothing_is_worked_out(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            found = watch(vault, rules(tmp_path, By.SURNAME))
            likenesses = Likenesses(Untouched(), Untouched(), found)  # type: ignore[arg-type]  # neither is used
            program = opening(somebody("x"), "c")
            program.principal = principal_of("compliance", name="batch")
            await likenesses.note(program, "c")
            assert program.alike == ()
            # Nor of a page of all customers.
            call = opening(somebody("one"), "", Action.CUSTOMERS_LIST)
            await likenesses.note(call, "")
            assert call.alike == ()
            # Nor of a file without a name or address, which needs no key.
            call = opening(somebody("one"), "c")
            await likenesses.note(call, "c", builders.customer(natural_person=None, addresses=()))
            assert call.alike == ()

    run(main)
