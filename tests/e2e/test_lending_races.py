"""A hundred calls at once on one check-out: one outcome, on both databases."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.records.v1 import records_pb2 as rp
from tests.e2e.calls import create
from tests.e2e.wire import LogBook, refused
from tests.support.borrowing import add_person
from tests.support.lending import SERVING, approve, ask, give_back, look, revoke, until_known
from tests.support.running_vault import RunningVault

AT_ONCE = 100


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With a teller and two custodians."""
    add_person(each_vault, "clerk", "teller")
    add_person(each_vault, "second-custodian", "custodian")
    until_known(each_vault, "second-custodian")
    return each_vault


@pytest.fixture(scope="module")
def file(vault: RunningVault) -> str:
    """A customer's file."""
    return create(vault).name


def outcome(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return refused(error).reason
    return "OK"


def at_once(*calls: Callable[[], object]) -> Counter[str]:
    """The outcomes of the calls, made in turn until there are a hundred, all at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        many = [calls[n % len(calls)] for n in range(AT_ONCE)]
        return Counter(pool.map(outcome, many))


def versions(vault: RunningVault, name: str) -> int:
    """How many rows the check-out has."""
    book = LogBook(vault.database)
    try:
        identifier = name.rpartition("/")[2]
        return int(
            book.database.read_sync(
                lambda conn: conn.exec_driver_sql(
                    f"SELECT count(*) FROM check_outs WHERE check_out = '{identifier}'"
                ).scalar_one()
            )
        )
    finally:
        book.close()


def test_of_a_hundred_approvals_one_counts(vault: RunningVault, file: str) -> None:
    asked = ask(vault, file)
    found = at_once(
        partial(approve, vault, asked), partial(approve, vault, asked, who="second-custodian")
    )
    assert found == {"OK": 1, "ETAG_MISMATCH": AT_ONCE - 1}
    lent = look(vault, asked.name)
    assert len(lent.approvals) == 1 and lent.state == pb.CHECK_OUT_STATE_ACTIVE
    assert versions(vault, asked.name) == 2


def test_of_a_hundred_returns_one_counts(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file))
    found = at_once(partial(give_back, vault, lent.name))
    assert found == {"OK": 1, "CHECK_OUT_NOT_ACTIVE": AT_ONCE - 1}
    assert versions(vault, lent.name) == 3


def test_of_returns_and_revocations_one_counts(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file))
    found = at_once(partial(give_back, vault, lent.name), partial(revoke, vault, lent.name))
    assert found == {"OK": 1, "CHECK_OUT_NOT_ACTIVE": AT_ONCE - 1}


def test_nothing_is_read_after_the_return_was_answered(vault: RunningVault, file: str) -> None:
    lent = approve(vault, ask(vault, file))
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent.name)
    read = partial(vault.records("clerk").GetCustomer, request)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        before = [pool.submit(outcome, read) for _ in range(AT_ONCE // 2)]
        returned = pool.submit(outcome, partial(give_back, vault, lent.name))
        assert returned.result() == "OK"
        after = [pool.submit(outcome, read) for _ in range(AT_ONCE // 2)]
        assert {one.result() for one in before} <= {"OK", "CHECK_OUT_NOT_ACTIVE"}
        assert {one.result() for one in after} == {"CHECK_OUT_NOT_ACTIVE"}


def test_of_a_hundred_reads_of_a_one_time_check_out_one_counts(
    vault: RunningVault, file: str
) -> None:
    lent = approve(vault, ask(vault, file, one_time=True))
    request = rp.GetCustomerRequest(name=file, purpose=SERVING, check_out=lent.name)
    found = at_once(
        partial(vault.records("clerk").GetCustomer, request),
        partial(vault.records("clerk").GetCustomer, request),
        partial(vault.records("clerk").GetCustomer, request),
        partial(give_back, vault, lent.name),
    )
    assert found == {"OK": 1, "CHECK_OUT_NOT_ACTIVE": AT_ONCE - 1}


def test_of_a_hundred_copies_of_a_request_one_is_written(vault: RunningVault, file: str) -> None:
    key = "6f2b9d2e-7c0a-4d7e-9a55-2f0a5b1c7d10"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        made = pool.map(lambda _: ask(vault, file, request_id=key).name, range(AT_ONCE))
        assert len(set(made)) == 1
