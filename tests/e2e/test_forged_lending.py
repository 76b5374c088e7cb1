"""A check-out that somebody writes into the register past the vault, over TLS: it opens nothing,
nobody decides on it, and the log has who tried."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, update

from recordsvault.records.v1 import records_pb2 as rp
from tests.e2e.calls import SERVING, create
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import HOUR, Register, add_person, lending, now
from tests.support.lending import (
    PHONES,
    approve,
    ask,
    break_glass,
    deny,
    give_back,
    look,
    review,
    until_known,
)
from tests.support.running_vault import RunningVault
from vault.access.lending import Stage, Verdict
from vault.store.schema import check_outs

ALTERED = ("DATA_LOSS", "STORE_ALTERED")
C = check_outs.c


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With a teller who has a friend at the database."""
    for name in ("clerk", "hasty", "rash"):
        add_person(each_vault, name, "teller", "break_glass")
        until_known(each_vault, name)
    return each_vault


@pytest.fixture(scope="module")
def file(vault: RunningVault) -> str:
    """A customer's file."""
    return create(vault).name


def read(vault: RunningVault, file: str, lent: str, who: str = "clerk") -> rp.GetCustomerResponse:
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent)
    return vault.records(who).GetCustomer(request)


def refused(call: Callable[[], object]) -> tuple[str, str]:
    found = refusal(call)
    return found.code, found.reason


@pytest.mark.parametrize("once", [False, True], ids=["many times", "once"])
def test_what_was_never_asked_for_opens_nothing(
    vault: RunningVault, register: Register, log: LogBook, file: str, once: bool
) -> None:
    out = lending(file, PHONES, person="p-clerk", one_time=once)
    lent = register.put(out, forged=True)
    size = log.size()
    assert refused(partial(read, vault, file, lent)) == ALTERED
    (event,) = log.since(size)
    assert (event.actor, event.outcome, event.fields) == ("clerk", "DATA_LOSS", ())
    assert event.check_out == out.identifier
    # The same, from the vault itself, opens it.
    assert read(vault, file, register.put(lending(file, PHONES, person="p-clerk"))).customer.phones


def test_what_was_given_back_is_not_made_open_again(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = approve(vault, ask(vault, file, PHONES)).name
    give_back(vault, lent)
    was = register.current(lent)
    back = replace(was, version=was.version + 1, stage=Stage.ACTIVE, ends_at=now() + HOUR)
    register.put(back, forged=True)
    assert refused(partial(read, vault, file, lent)) == ALTERED


def alter(log: LogBook, here: Any, values: dict[Any, Any]) -> None:
    """As the friend does it."""
    statement = update(check_outs).where(here).values(values)
    log.database.write_sync(lambda conn: conn.execute(statement))


@pytest.mark.parametrize(
    "change",
    [
        {C.ends_at: C.ends_at + 1_000_000},
        {C.customer: "0" * 26},
        {C.requester: "crm"},
    ],
    ids=["longer", "another customer", "another name"],
)
def test_what_was_lent_is_not_changed(
    vault: RunningVault, log: LogBook, file: str, change: dict[Any, Any]
) -> None:
    lent = approve(vault, ask(vault, file, PHONES)).name
    here = (C.check_out == lent.rpartition("/")[2]) & (C.version == 2)
    (was,) = log.database.read_sync(lambda conn: conn.execute(select(*change).where(here)).all())
    alter(log, here, change)
    assert refused(partial(read, vault, file, lent)) == ALTERED
    alter(log, here, dict(zip(change, was, strict=True)))
    assert refused(partial(approve, vault, look(vault, lent)))[1] == "CHECK_OUT_NOT_WAITING"
    assert read(vault, file, lent).customer.phones


def test_nobody_agrees_to_what_was_put_before_him(
    vault: RunningVault, register: Register, file: str
) -> None:
    was = register.current(ask(vault, file, PHONES).name)
    more = replace(was, version=2, fields=(PHONES, "customer.accounts"))
    seen = look(vault, register.put(more, forged=True), who="custodian")
    assert list(seen.fields) == [PHONES, "customer.accounts"]
    for decide in (approve, deny):
        assert refused(partial(decide, vault, seen)) == ALTERED


def test_nor_calls_a_broken_glass_right_that_nobody_broke(
    vault: RunningVault, register: Register, file: str
) -> None:
    broken = break_glass(vault, file, who="rash")
    was = register.current(broken.name)
    name = register.put(replace(was, version=2, ends_at=now() + HOUR), forged=True)
    seen = look(vault, name, who="custodian")
    assert refused(partial(review, vault, seen, who="custodian")) == ALTERED
    assert refused(partial(read, vault, file, name, who="rash")) == ALTERED


def test_nor_is_a_review_that_was_never_given_believed(
    vault: RunningVault, register: Register, file: str
) -> None:
    broken = break_glass(vault, file, who="hasty")
    was = replace(register.current(broken.name), version=2, review_by=now() - 1)
    again = partial(break_glass, vault, file, who="hasty")
    register.put(was)
    assert refused(again) == ("PERMISSION_DENIED", "BREAK_GLASS_SUSPENDED")
    for forged in (
        replace(was, version=3, verdict=Verdict.JUSTIFIED, reviewer="custodian"),
        replace(was, version=4, break_glass=False),
        replace(was, version=5, review_by=now() + HOUR),
    ):
        register.put(forged, forged=True)
        assert refused(again) == ALTERED
