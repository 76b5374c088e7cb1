"""What is opened to whom: an opening narrows, the table is read strictly, and nothing is new to
those who had full reads before there was a table."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.principals import principal_of
from vault.access import Action, PolicyEngine, Purpose, ResourceRef
from vault.access.fields import (
    ALL,
    NOTHING,
    FieldsInvalid,
    FieldTable,
    Opening,
    read_fields,
)

names = st.sampled_from(["a", "b", "c"])
paths = st.lists(names, min_size=1, max_size=4).map(".".join)
openings = st.just(ALL) | st.lists(paths, max_size=6).map(Opening.of)


def opens(opening: Opening, path: str) -> bool:
    """Read slowly: whether a path, or one that it lies in, is named."""
    parts = path.split(".")
    above = {".".join(parts[: n + 1]) for n in range(len(parts))}
    return opening.all or bool(above & set(opening.paths))


# -- openings ------------------------------------------------------------------------------------


@given(openings, openings, paths)
def test_both_open_what_each_opens(one: Opening, other: Opening, path: str) -> None:
    assert opens(one & other, path) == (opens(one, path) and opens(other, path))


@given(openings, openings, paths)
def test_either_opens_what_one_opens(one: Opening, other: Opening, path: str) -> None:
    assert opens(one | other, path) == (opens(one, path) or opens(other, path))


@given(openings, openings)
def test_paths_are_sorted_and_none_is_inside_another(one: Opening, other: Opening) -> None:
    for opening in (one, one & other, one | other):
        assert list(opening.paths) == sorted(set(opening.paths))
        assert not any(
            a != b and a.startswith(b + ".") for a in opening.paths for b in opening.paths
        )


@given(openings, paths)
def test_inside_a_kind_are_the_paths_without_it(opening: Opening, path: str) -> None:
    kind, _, rest = path.partition(".")
    inside = opening.inside(kind)
    if inside is None:
        assert opens(opening, kind)
    elif rest:
        assert opens(Opening.of(inside), rest) == opens(opening, path)


def test_a_field_whose_name_begins_like_another_is_not_in_it() -> None:
    one = Opening.of(["customer.phone"])
    assert one & Opening.of(["customer.phones"]) == NOTHING
    assert one.inside("cust") == ()


# -- the table -----------------------------------------------------------------------------------


def table(folder: Path, text: str) -> FieldTable:
    path = folder / "fields.toml"
    path.write_text(text, encoding="utf-8")
    return read_fields(path)


GOOD = """
[[grant]]
roles = ["teller", "clerk"]
purposes = ["CUSTOMER_SERVICE"]
lent = true
fields = ["customer.phones", "transaction"]

[[grant]]
roles = ["clerk"]
purposes = ["CUSTOMER_SERVICE", "DATA_QUALITY"]
fields = ["customer.branch"]

[[grant]]
roles = ["head"]
purposes = ["CUSTOMER_SERVICE"]
all = true
"""
SERVING = "CUSTOMER_SERVICE"
LENT = ("customer", "transaction.amount")


def roles(*found: str) -> frozenset[str]:
    return frozenset(found)


def test_a_row_holds_for_its_roles_and_purposes_and_for_what_is_lent(tmp_path: Path) -> None:
    read = table(tmp_path, GOOD)
    assert read.opened(roles("clerk"), SERVING) == Opening.of(["customer.branch"])
    assert read.opened(roles("clerk"), "DATA_QUALITY", lent=LENT).paths == ("customer.branch",)
    assert read.opened(roles("teller"), SERVING) == NOTHING
    assert read.opened(roles("teller"), SERVING, lent=LENT).paths == (
        "customer.phones",
        "transaction.amount",
    )
    for unknown in ("", "INTERNAL_AUDIT", "customer_service"):
        assert read.opened(roles("clerk"), unknown, lent=LENT) == NOTHING
    assert read.opened(roles("nobody"), SERVING, lent=LENT) == NOTHING
    assert read.opened(frozenset(), SERVING, lent=LENT) == NOTHING


def test_several_roles_open_together_and_a_bearer_and_a_check_out_narrow(tmp_path: Path) -> None:
    read = table(tmp_path, GOOD)
    assert read.opened(roles("clerk", "head"), SERVING).all
    both = read.opened(roles("head"), SERVING, bearer=roles("clerk"))
    assert both.paths == ("customer.branch",)
    assert read.opened(roles("head"), SERVING, bearer=roles("nobody")) == NOTHING
    assert read.opened(roles("head"), SERVING, bearer=frozenset()) == NOTHING
    assert read.opened(roles("head"), SERVING, lent=("customer.phones",)).paths == (
        "customer.phones",
    )
    assert read.opened(roles("head"), SERVING, lent=()) == NOTHING, "it lends nothing"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('roles = ["head"]', "roles = []", "roles"),
        ('roles = ["head"]', 'roles = ["Head"]', "roles"),
        ('roles = ["head"]', 'roles = ["head", "head"]', "twice"),
        ('roles = ["head"]', "", "roles"),
        ('purposes = ["CUSTOMER_SERVICE"]\nall', "purposes = []\nall", "purposes"),
        ('purposes = ["CUSTOMER_SERVICE"]\nall', 'purposes = ["SERVICE"]\nall', "SERVICE"),
        ('purposes = ["CUSTOMER_SERVICE"]\nall', 'purposes = [""]\nall', "purpose"),
        ("all = true", "", "either"),
        ("all = true", 'all = true\nfields = ["customer.phones"]', "either"),
        ("all = true", "all = false", "either"),
        ("all = true", 'all = "true"', "bool"),
        ("all = true", "al = true", "al"),
        ("all = true", 'fields = ["*"]', "path"),
        ("all = true", 'fields = ["customer.*"]', "path"),
        ("all = true", 'fields = ["customer."]', "path"),
        ("all = true", 'fields = ["phones"]', "path"),
        ("all = true", 'fields = ["customers.phones"]', "path"),
        ("all = true", 'fields = ["customer.phones\\n"]', "path"),
        ("all = true", 'fields = ["customer.phones", "customer.phones"]', "twice"),
        ("lent = true", "lent = 1", "bool"),
        ("[[grant]]", "[[grants]]", "grants"),
        ("[[grant]]", "[grant", "fields.toml"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(
    tmp_path: Path, before: str, after: str, said: str
) -> None:
    assert before in GOOD
    with pytest.raises(FieldsInvalid, match=said) as refused:
        table(tmp_path, GOOD.replace(before, after))
    assert "fields.toml" in str(refused.value)


def test_a_table_of_nothing_and_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FieldsInvalid, match="cannot be read"):
        read_fields(tmp_path / "none.toml")
    with pytest.raises(FieldsInvalid):
        table(tmp_path, "")
    with pytest.raises(FieldsInvalid, match="nothing can be opened"):
        table(tmp_path, "grant = []")


# -- the vault's own -----------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["ingestor", "compliance"])
@pytest.mark.parametrize("purpose", [p.value for p in Purpose])
def test_who_may_open_full_records_by_policy_alone_opens_all_of_them(
    role: str, purpose: str
) -> None:
    action = Action.CUSTOMERS_GET
    decision = PolicyEngine.load().decide(
        principal_of(role), action, ResourceRef("demo-bank", "c", action.kind), purpose, True
    )
    opening = read_fields().opened(roles(role), purpose)
    assert opening == (ALL if decision.allowed else NOTHING)


@pytest.mark.parametrize("role", sorted(PolicyEngine.load().book.roles))
@pytest.mark.parametrize("purpose", [p.value for p in Purpose])
def test_nothing_is_opened_where_policy_allows_no_read(role: str, purpose: str) -> None:
    engine = PolicyEngine.load()
    for lent in (None, LENT):
        # Who hands files to another vault opens none of them; what he is lent says which.
        allowed = any(
            engine.decide(
                principal_of(role, institution="" if role == "masked_node" else "demo-bank"),
                action,
                ResourceRef("demo-bank", "c", action.kind),
                purpose,
                True,
                person=lent is not None,
                check_out=lent is not None,
            ).allowed
            for action in (Action.CUSTOMERS_GET, Action.FILES_TRANSFER)
        )
        if not allowed:
            assert read_fields().opened(roles(role), purpose, lent=lent) == NOTHING


def test_a_teller_opens_no_rating_and_no_device_however_much_he_borrowed() -> None:
    everything = ("customer", "identity_document", "transaction")
    opening = read_fields().opened(roles("teller"), SERVING, lent=everything)
    for path in (
        "customer.risk_class",
        "customer.sensitivities",
        "customer.change_reason",
        "transaction.channel.device_id",
        "transaction.channel.network_address",
        "identity_document.machine_readable_zone",
    ):
        assert not opens(opening, path)
    assert opens(opening, "customer.phones")


def test_what_is_handed_over_is_asked_for_and_handed_over_but_never_read() -> None:
    """Whatever other role lets him read records at all."""
    table = read_fields()
    for roles in (frozenset({"custodian"}), frozenset({"custodian", "teller"})):
        for purpose in ("REGULATOR_REQUEST", "JUDICIAL_REQUEST"):
            lent = ("customer", "identity_document", "transaction")
            assert table.opened(roles, purpose, lent=lent) == NOTHING
            assert opens(table.opened(roles, purpose, lent=lent, handing_over=True), "customer")
