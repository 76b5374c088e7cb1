"""Ownership: shares multiply along chains to natural persons; gaps and cycles are found."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from tests.records.builders import customer, entity_customer
from vault.records import Customer, DocumentKind, IdentityElement, RelatedPerson
from vault.rules import ownership
from vault.rules.ownership import Amiss, Ownership, Threshold, wanted_files

QUARTER = Threshold(2_500)


def name(number: int) -> str:
    return f"institutions/demo-bank/customers/01jd{number:022d}"


ROOT, HOLDING, PERSON = name(0), name(1), name(2)
PAPER = IdentityElement(DocumentKind.PASSPORT, "A1234567", "CN")
LICENCE = IdentityElement(DocumentKind.CN_BUSINESS_LICENCE, "91350100M000100Y43", "CN")


def evaluate(root: str, files: Mapping[str, Customer], threshold: Threshold = QUARTER) -> Ownership:
    return ownership.evaluate(root, files, threshold)


def owned(*owners: RelatedPerson, controllers: tuple[RelatedPerson, ...] = ()) -> Customer:
    return entity_customer(beneficial_owners=owners, controllers=controllers)


def kinds(found: Ownership) -> list[Amiss]:
    return [one.kind for one in found.findings]


def test_shares_multiply_along_the_chain_and_add_up_over_chains() -> None:
    files = {
        ROOT: owned(
            RelatedPerson("Holding", None, 6000, customer=HOLDING),
            RelatedPerson("A B", None, 4000, customer=PERSON),
        ),
        HOLDING: owned(RelatedPerson("A B", None, 10_000, customer=PERSON)),
        PERSON: customer(),
    }
    found = evaluate(ROOT, files)
    (owner,) = found.beneficial(QUARTER)
    assert owner.share == 10_000
    assert found.findings == ()
    assert wanted_files(files[ROOT]) == {HOLDING, PERSON}


def test_who_stands_on_both_lists_counts_once() -> None:
    person = RelatedPerson("A B", PAPER, 10_000)
    found = evaluate(ROOT, {ROOT: owned(person, controllers=(person,))})
    assert found.findings == ()
    assert [one.share for one in found.owners] == [10_000]


def test_exactly_a_quarter_reaches_the_threshold() -> None:
    people = [
        RelatedPerson("A B", PAPER, 2_500),
        *(
            RelatedPerson(
                f"P {n}", IdentityElement(DocumentKind.PASSPORT, f"B123456{n}", "CN"), 2_499
            )
            for n in range(3)
        ),
    ]
    found = evaluate(ROOT, {ROOT: owned(*people)})
    assert [one.path for one in found.beneficial(QUARTER)] == ["legal_entity.beneficial_owners[0]"]
    assert found.findings == ()


def test_where_only_more_counts_exactly_a_quarter_does_not() -> None:
    quarters = [
        RelatedPerson(f"P {n}", IdentityElement(DocumentKind.PASSPORT, f"B{n}", "CN"), 2_500)
        for n in range(4)
    ]
    files = {ROOT: owned(*quarters)}
    assert kinds(evaluate(ROOT, files)) == []
    more = Threshold(2_500, more_than=True)
    found = evaluate(ROOT, files, more)
    assert found.beneficial(more) == ()
    assert kinds(found) == [Amiss.NO_CONTROLLER]
    gap = {ROOT: owned(RelatedPerson("A B", PAPER, 7_500))}
    assert kinds(evaluate(ROOT, gap, more)) == []


def test_a_quarter_along_a_chain_is_a_quarter_however_it_is_reckoned() -> None:
    # 50% of 30% of 1/0.6: no product of these fractions is exact.
    files = {
        ROOT: owned(RelatedPerson("Holding", None, 3_334, customer=HOLDING)),
        HOLDING: owned(RelatedPerson("A B", PAPER, 7_500)),
    }
    (owner,) = evaluate(ROOT, files).owners
    assert Threshold(2_500).reached_by(owner.share)
    assert Threshold(2_500).reached_by(2_500 - 1e-9)
    assert not Threshold(2_500, more_than=True).reached_by(2_500 + 1e-9)
    assert not Threshold(2_500).reached_by(2_499.99)


def test_a_share_of_the_threshold_that_nobody_explains_is_a_gap() -> None:
    found = evaluate(ROOT, {ROOT: owned(RelatedPerson("A B", PAPER, 7_500))})
    assert kinds(found) == [Amiss.UNEXPLAINED_SHARE]
    found = evaluate(ROOT, {ROOT: owned(RelatedPerson("A B", PAPER, 7_501))})
    assert kinds(found) == []


def test_shares_of_more_than_the_whole_are_wrong() -> None:
    found = evaluate(
        ROOT,
        {ROOT: owned(RelatedPerson("A B", PAPER, 6_000), RelatedPerson("C D", None, 6_000))},
    )
    assert Amiss.MORE_THAN_WHOLE in kinds(found)


def test_a_chain_that_comes_back_is_a_cycle() -> None:
    files = {
        ROOT: owned(RelatedPerson("Holding", None, 10_000, customer=HOLDING)),
        HOLDING: owned(RelatedPerson("Root", None, 10_000, customer=ROOT)),
    }
    found = evaluate(ROOT, files)
    assert kinds(found) == [Amiss.CYCLE, Amiss.NO_CONTROLLER]
    assert [one.customer for one in found.findings] == [HOLDING, ROOT]


def test_chains_that_end_before_a_person_are_gaps() -> None:
    found = evaluate(ROOT, {ROOT: owned(RelatedPerson("Holding", LICENCE, 10_000))})
    assert Amiss.ENDS_AT_ENTITY in kinds(found)
    found = evaluate(ROOT, {ROOT: owned(RelatedPerson("A", None, 10_000, customer=PERSON))})
    assert Amiss.FILE_MISSING in kinds(found)


def test_a_beneficial_owner_has_to_be_identified() -> None:
    found = evaluate(ROOT, {ROOT: owned(RelatedPerson("A B", None, 10_000))})
    assert kinds(found) == [Amiss.UNIDENTIFIED]


def test_where_nobody_reaches_the_threshold_somebody_controls() -> None:
    few = [RelatedPerson(f"P {n}", None, 1_000) for n in range(10)]
    assert kinds(evaluate(ROOT, {ROOT: owned(*few)})) == [Amiss.NO_CONTROLLER]
    controller = (RelatedPerson("A B", PAPER),)
    assert kinds(evaluate(ROOT, {ROOT: owned(*few, controllers=controller)})) == []


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 7), st.integers(0, 10_000)), max_size=20)
)
def test_any_web_of_companies_is_walked_to_an_end(links: list[tuple[int, int, int]]) -> None:
    owners: dict[int, list[RelatedPerson]] = {n: [] for n in range(6)}
    for company, owner, share in links:
        owners[company].append(RelatedPerson("X Y", None, share, customer=name(owner)))
    files = {name(n): owned(*some) for n, some in owners.items()}
    files[name(6)] = customer()
    found = evaluate(name(0), files)
    assert all(one.chain[0] == name(0) for one in found.owners)
    assert all(len(set(one.chain)) == len(one.chain) for one in found.owners)
