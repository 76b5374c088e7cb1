"""No tipping-off: an answer about a customer takes as long whether or not a compartment has
something about him. The statistics are shown: medians, their ratio, and the rank test of Mann and
Whitney."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import sqrt
from statistics import median

import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.compartments.v1 import compartments_pb2 as cp
from recordsvault.life.v1 import subjects_pb2 as sp
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import rpc_matrix
from tests.e2e.people import PARENT
from tests.e2e.rpc_matrix import Bank, request_for
from tests.e2e.tipping_off import (
    EVERYBODY,
    ON_POSTGRESQL,
    OWN_SERVICE,
    Answer,
    Watched,
    ask,
    furnished,
    investigate,
    more_requests,
    next_number,
)
from tests.e2e.wire import refusal
from tests.support.rank_test import HEAD, Compared, measured
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

# Of each RPC there are fewer calls than of the few that are looked at closely (`make soak`: more),
# so that its bound is wider: five standard deviations of U/mn where nothing differs, or that each
# call of the one took longer than each of the other. Of the mean of all it is narrow.
_EACH = int(os.environ.get("VAULT_SOAK_TIMES", "10"))
_APART = 5 * sqrt((2 * _EACH + 1) / (12 * _EACH**2))
_BOUND = min(_APART, 0.49)


@pytest.fixture(scope="module")
def limits() -> str:
    """Searches are no more than what is measured."""
    return "searches_per_minute = 1_000_000\nsearches_per_minute_of_a_node = 1_000_000"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.mark.alone
def test_an_answer_takes_as_long_with_a_compartment_as_without(
    vault: RunningVault, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, watched = furnished(vault), furnished(vault)
    there = investigate(vault, watched)
    cdd = purpose_pb2.PURPOSE_ONBOARDING_CDD
    full, masked = vault.records("compliance"), vault.masked("crm")
    stub = vault.compartments("colleague")
    nowhere = f"{PARENT}/compartments/{'0' * 26}"

    def each(make: Callable[[Bank], Callable[[], object]]) -> Compared:
        return measured(make(plain), make(watched))

    def refused(at: str) -> Callable[[], object]:
        return lambda: refusal(lambda: stub.GetCompartment(cp.GetCompartmentRequest(name=at)))

    def items(at: str) -> Callable[[], object]:
        return lambda: refusal(lambda: stub.ListItems(cp.ListItemsRequest(parent=at)))

    found = {
        "masked get": each(
            lambda b: lambda: masked.GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=b.customer))
        ),
        "full get": each(
            lambda b: lambda: full.GetCustomer(pb.GetCustomerRequest(name=b.customer, purpose=cdd))
        ),
        "full list of documents": each(
            lambda b: (
                lambda: full.ListIdentityDocuments(
                    pb.ListIdentityDocumentsRequest(parent=b.customer, purpose=cdd)
                )
            )
        ),
        "masked list of transactions": each(
            lambda b: (
                lambda: masked.ListMaskedTransactions(
                    mp.ListMaskedTransactionsRequest(parent=b.customer)
                )
            )
        ),
        "get of no compartment / of others'": measured(refused(nowhere), refused(there[0])),
        "items of none / of others'": measured(items(nowhere), items(there[0])),
    }
    with capsys.disabled():
        print("\n" + HEAD)
        for what, times in found.items():
            print(times.told(what))
    for what, times in found.items():
        # Wide, so that a busy machine does not decide; a query more would be seen by far.
        assert 0.35 < times.chance < 0.65, what
        assert 2 / 3 < median(times.with_) / median(times.without) < 3 / 2, what


@ON_POSTGRESQL
@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_rpc_that_names_him_takes_as_long_with_a_compartment_as_without(
    vault: RunningVault, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of both tiers, answers and refusals, reads and writes; not streams without an end."""
    n, m = next_number(), next_number()
    plain, watched = furnished(vault, n), furnished(vault, m)
    investigate(vault, watched)
    found: dict[str, Compared] = {}
    for mine, theirs in zip(questions(plain, n), questions(watched, m), strict=True):
        who = asks(vault, (mine, plain), (theirs, watched))
        label = f"{mine.method.name}, {who}{f', {mine.more}' if mine.more else ''}"
        found[label] = measured(
            partial(put, vault, who, mine, plain),
            partial(put, vault, who, theirs, watched),
            rounds=_EACH,
            before=1,
        )
    with capsys.disabled():
        print("\n" + HEAD)
        for label, times in found.items():
            print(times.told(label))
        mean = sum(times.chance for times in found.values()) / len(found)
        print(f"{len(found)} calls, mean of U/mn {mean:.4f}")
    assert len(found) >= 55
    apart = [times.told(x) for x, times in found.items() if abs(times.chance - 0.5) >= _BOUND]
    assert apart == []
    # What all calls would do more of a customer who is watched shows in their mean.
    assert abs(mean - 0.5) < _APART / sqrt(len(found))


@dataclass(frozen=True)
class Question:
    """What is asked; ``fixed`` where it is no request that is made anew each time."""

    tier: TierName
    method: MethodDescriptor
    more: str = ""
    fixed: Message | None = None

    def request(self, bank: Bank) -> Message:
        return self.fixed if self.fixed is not None else request_for(self.method, bank)


def questions(bank: Watched, n: int) -> list[Question]:
    """All that can be asked by naming a customer, what is below him, or what finds him."""
    by_rpc = {(tier, rpc): method for tier in TierName for rpc, method in rpc_matrix.rpcs(tier)}
    every = [
        Question(tier, method)
        for (tier, rpc), method in by_rpc.items()
        if not rpc.startswith(OWN_SERVICE) and not method.name.startswith("Watch")
    ]
    more = [
        # For every purpose he is read above; for how long does not hang on it.
        *(
            one
            for one in more_requests(bank, n)
            if not (one[1] == "Records/GetCustomer" and one[2].name == bank.customer)  # type: ignore[attr-defined]  # a request that has one
        ),
        (
            TierName.FULL,
            "SubjectRequests/ReportUse",
            sp.ReportUseRequest(name=bank.subject_request),
        ),
        (
            TierName.FULL,
            "Audit/QueryEvents",
            ap.QueryEventsRequest(parent=PARENT, filter=ap.EventFilter(customer=bank.customer)),
        ),
    ]
    return [one for one in every if bank.customer in str(one.request(bank))] + [
        Question(tier, by_rpc[tier, rpc], str(place), request)
        for place, (tier, rpc, request) in enumerate(more, 1)
    ]


def put(vault: RunningVault, who: str, question: Question, bank: Bank) -> Answer:
    return ask(vault, who, question.tier, question.method, question.request(bank))


def asks(vault: RunningVault, *pair: tuple[Question, Bank]) -> str:
    """Somebody who is answered, else somebody who may ask, else somebody who may not. Both are
    asked about, so that as many calls are of the one as of the other."""
    denied, may = ("PERMISSION_DENIED", "UNAUTHENTICATED", "UNIMPLEMENTED"), ""
    for who in EVERYBODY:
        code, _ = (put(vault, who, question, bank).code for question, bank in pair)
        if code == "OK":
            return who
        may = may or ("" if code in denied else who)
    return may or "crm"
