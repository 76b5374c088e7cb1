"""Owners of a legal entity, as its completeness answers: chains to natural persons, gaps and
cycles, and the threshold of the law of the day and the place. Over TLS, on both databases."""

from datetime import date
from itertools import count

import pytest

from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc
from recordsvault.records.v1 import completeness_pb2 as cp
from recordsvault.records.v1.customer_pb2 import (
    Customer,
    IdentityElement,
    LegalEntity,
    RelatedPerson,
    Relationship,
)
from recordsvault.type.v1 import party_pb2 as party
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.e2e.people import PARENT
from tests.support.running_vault import RunningVault
from vault.server.settings import TierName

_numbers = count(1)
NOBODY = f"{PARENT}/customers/01jd0000000000000000000000"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


def entity(*owners: RelatedPerson, where: str = "CN", branch: str = "XM-01") -> Customer:
    n = next(_numbers)
    return Customer(
        customer_number=f"E{n:05d}",
        branch=branch,
        relationship=Relationship(jurisdictions=[where]),
        legal_entity=LegalEntity(
            full_name=f"Example {n} Ltd",
            country="CN",
            registration_number=f"REG-{n:05d}",
            beneficial_owners=owners,
        ),
    )


def owner(
    share: int, *, file: str = "", kind: party.DocumentKind.ValueType | None = None
) -> RelatedPerson:
    """Somebody with a share in basis points, who has a file, a document, or neither."""
    n = next(_numbers)
    made = RelatedPerson(full_name=f"Owner {n}", ownership_basis_points=share, customer=file)
    if kind is not None:
        made.identity.CopyFrom(
            IdentityElement(kind=kind, number=f"P{n:07d}", issuing_country="CN", long_term=True)
        )
    return made


def person(share: int) -> RelatedPerson:
    return owner(share, kind=party.DOCUMENT_KIND_PASSPORT)


def assessed(vault: RunningVault, name: str) -> cp.Completeness:
    return get(vault, name, 0, "completeness").completeness


def found(vault: RunningVault, name: str) -> set[tuple[str, str, str]]:
    return {(one.kind, one.customer, one.path) for one in assessed(vault, name).ownership}


def test_a_chain_to_a_natural_person_is_followed_and_nothing_is_amiss(vault: RunningVault) -> None:
    human = create(vault).name
    holding = create(vault, entity(owner(10_000, file=human))).name
    above = create(vault, entity(owner(10_000, file=holding))).name
    # 24% by himself, and 60% of the rest through two companies: together he owns it.
    root = create(vault, entity(owner(2_400, file=human), owner(7_600, file=above))).name
    assert found(vault, root) == set()
    threshold = assessed(vault, root).ownership_threshold
    assert (threshold.rule_set, threshold.basis_points, threshold.more_than) == (
        "cn/2",
        2_500,
        False,
    )
    assert not assessed(vault, human).HasField("ownership_threshold")


def test_a_cycle_is_told_with_the_file_that_it_comes_back_in(vault: RunningVault) -> None:
    first = create(vault, entity(person(10_000)))
    second = create(vault, entity(owner(10_000, file=first.name))).name
    del first.legal_entity.beneficial_owners[:]
    first.legal_entity.beneficial_owners.append(owner(10_000, file=second))
    update(vault, first, "legal_entity.beneficial_owners")
    path = "legal_entity.beneficial_owners[0]"
    controllers = "legal_entity.controllers"
    assert found(vault, first.name) == {
        ("CYCLE", second, path),
        ("NO_CONTROLLER", first.name, controllers),
    }
    # Whoever owns only a part through it still does.
    third = entity(owner(6_000, file=second), person(4_000))
    assert found(vault, create(vault, third).name) == {("CYCLE", first.name, path)}


def test_gaps_are_told_where_they_are(vault: RunningVault) -> None:
    gap = create(vault, entity(person(7_000))).name
    assert found(vault, gap) == {("UNEXPLAINED_SHARE", gap, "legal_entity")}
    # The gap of a company further up, seen from below.
    below = create(vault, entity(owner(10_000, file=gap))).name
    assert found(vault, below) == {("UNEXPLAINED_SHARE", gap, "legal_entity")}
    # As much of too little is none.
    little = create(vault, entity(owner(8_000, file=gap), person(2_000))).name
    assert found(vault, little) == set()
    path = "legal_entity.beneficial_owners[0]"
    licence = owner(10_000, kind=party.DOCUMENT_KIND_COMPANY_REGISTRATION)
    ends = create(vault, entity(licence)).name
    assert ("ENDS_AT_ENTITY", ends, path) in found(vault, ends)
    missing = create(vault, entity(owner(10_000, file=NOBODY))).name
    assert ("FILE_MISSING", missing, path) in found(vault, missing)
    unknown = create(vault, entity(owner(10_000))).name
    assert found(vault, unknown) == {("UNIDENTIFIED", unknown, path)}


def test_the_threshold_is_that_of_the_files_country(vault: RunningVault) -> None:
    quarters = [person(2_500) for _ in range(4)]
    chinese = create(vault, entity(*quarters)).name
    german = create(vault, entity(*quarters, where="DE")).name
    assert found(vault, chinese) == set()
    assert found(vault, german) == {("NO_CONTROLLER", german, "legal_entity.controllers")}
    threshold = assessed(vault, german).ownership_threshold
    assert (threshold.rule_set, threshold.more_than) == ("eu/1", True)


def test_a_report_of_a_day_goes_by_the_law_of_that_day(vault: RunningVault) -> None:
    quarters = [person(2_500) for _ in range(4)]
    create(vault, entity(*quarters, branch="XM-02"))
    stub = life_pb2_grpc.LifeStub(vault.channel("custodian", TierName.FULL))

    def amiss(day: date) -> int:
        request = lp.ReportCompletenessRequest(parent=PARENT, branch="XM-02", day=people.day(day))
        (one,) = [c for part in stub.ReportCompleteness(request) for c in part.counts]
        return one.ownership

    # China asked for more than a quarter until it asked for a quarter.
    assert amiss(date(2024, 10, 31)) == 1
    assert amiss(date(2024, 11, 1)) == 0
