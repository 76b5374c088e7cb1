"""What goes out of a record, against a slow reading of the same rule; and what the event says."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from hypothesis import assume, given
from hypothesis import strategies as st

from recordsvault.masked.v1 import views_pb2
from recordsvault.records.v1 import customer_pb2
from recordsvault.type.v1.masked_string_pb2 import MaskedString
from recordsvault.type.v1.party_pb2 import RISK_CLASS_LOW
from tests.records import strategies
from tests.support.borrowing import lending
from tests.support.principals import principal_of
from vault.access.fields import read_fields
from vault.rpc.masks import masked, revealed
from vault.rpc.opened import KINDS, Openings, is_known
from vault.rpc.servicers.resources import CUSTOMER, DOCUMENT, TRANSACTION, Resource
from vault.services.call import Call
from vault.services.closed import NothingOpened
from vault.services.opening import Opened

SUBJECT = f"institutions/demo-bank/customers/{'0' * 26}"
ALWAYS = {"name", "version", "etag", "create_time", "update_time"}
RECORDS: list[tuple[Resource, st.SearchStrategy[Any], str]] = [
    (CUSTOMER, strategies.customers, ""),
    (DOCUMENT, strategies.documents, f"documents/{'0' * 26}"),
    (TRANSACTION, strategies.transactions, f"transactions/{'0' * 26}"),
]
_OPENINGS = Openings(read_fields())
_TELLER = principal_of("break_glass", person="p-teller")


def call(*fields: str, **changes: Any) -> Call:
    """A read by somebody who has broken the glass: the check-out alone limits him."""
    made = Call(
        call_id="x",
        tier="full",
        action="records.customers.get",
        peer="",
        principal=_TELLER,
        purpose="CUSTOMER_SERVICE",
        lent=lending(SUBJECT, *fields),
    )
    return replace(made, **changes)


def paths_of(descriptor: Descriptor, front: str = "") -> list[str]:
    """Every path of a message, of messages and of values."""
    out = []
    for field in descriptor.fields:
        out.append(front + field.name)
        inner = field.message_type
        if inner is not None and not inner.full_name.startswith("google."):
            out += paths_of(inner, f"{front}{field.name}.")
    return out


def parts(message: Message, front: str = "") -> Iterator[tuple[str, Any, bool]]:
    """Everything in a message with its path, a list's in order; whether it is a value."""
    for field, value in message.ListFields():
        path = front + field.name
        inner = field.message_type
        for one in cast(Any, value) if field.is_repeated else [value]:
            is_value = inner is None or inner.full_name.startswith("google.")
            yield path, one, is_value
            if not is_value:
                yield from parts(one, path + ".")


def values(message: Message) -> list[tuple[str, str]]:
    """Every value with its path, but for what is always shown."""
    return [(p, str(v)) for p, v, is_value in parts(message) if is_value and p not in ALWAYS]


def under(path: str, wider: list[str]) -> bool:
    return any(path == one or path.startswith(one + ".") for one in wider)


PATHS = {kind: [p for p in paths_of(d) if p not in ALWAYS] for kind, d in KINDS.items()}


@pytest.mark.parametrize(("resource", "records", "path"), RECORDS)
@given(data=st.data())
def test_an_answer_holds_what_is_opened_and_asked_for_and_the_event_says_just_that(
    data: st.DataObject, resource: Resource, records: st.SearchStrategy[Any], path: str
) -> None:
    kind = resource.field
    fields = data.draw(st.lists(st.sampled_from(PATHS[kind]), min_size=1, max_size=6))
    singular = [p for p in PATHS[kind] if FieldMask(paths=[p]).IsValidForDescriptor(KINDS[kind])]
    mask = data.draw(st.lists(st.sampled_from(singular), max_size=4))
    opened = Opened(
        customer="0" * 26,
        record=path,
        value=data.draw(records),
        version=3,
        etag="e",
        created_at=1,
        recorded_at=2,
        corrected_by=("c",),
        reversed_by=("r",),
    )
    try:
        whole = resource.full("demo-bank", opened)
    except ValueError:
        assume(False)  # a number that the contract has no room for
    cut = _OPENINGS.cut(call(*(f"{kind}.{field}" for field in fields)), kind, FieldMask(paths=mask))
    answer = resource.full("demo-bank", opened)
    cut.apply(answer)
    for part, message, is_value in parts(answer):
        # That it is there would tell of what was in it.
        assert is_value or message.ListFields() or under(part, fields)
    opened_values = [(p, v) for p, v in values(whole) if under(p, fields)]
    assert values(answer) == opened_values
    wanted = [(p, v) for p, v in opened_values if not mask or under(p, mask)]
    shown = masked(answer, FieldMask(paths=mask))
    assert values(shown) == wanted
    assert set(revealed([shown])) == {p for p, _ in wanted}
    leaves = [p for p in PATHS[kind] if not any(q.startswith(p + ".") for q in PATHS[kind])]
    assert cut.withheld == any(
        not under(leaf, fields) for leaf in leaves if not mask or under(leaf, mask)
    )


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_path_of_the_contract_is_known_but_for_what_is_always_shown(kind: str) -> None:
    assert is_known(kind)
    assert all(is_known(f"{kind}.{path}") for path in PATHS[kind])
    assert not any(is_known(f"{kind}.{path}") for path in ALWAYS)


@pytest.mark.parametrize(
    "path",
    ["", "customers", "customer.", "customer.x", "customer.phones.0", "customer.*", "*",
     "customer.natural_person.birth_date.year", "transaction.amount.units", "masked.full_name"],
)  # fmt: skip
def test_what_is_no_path_is_not_known_and_opens_nothing(path: str) -> None:
    assert not is_known(path)
    with pytest.raises(NothingOpened):
        _OPENINGS.cut(call(path), "customer", FieldMask())


def test_a_kind_of_record_of_which_no_field_is_opened_is_refused() -> None:
    with pytest.raises(NothingOpened):
        _OPENINGS.cut(call("customer.phones"), "transaction", FieldMask())


def test_nobody_known_opens_nothing() -> None:
    with pytest.raises(NothingOpened):
        _OPENINGS.cut(call("customer.phones", principal=None), "customer", FieldMask())


def test_without_a_check_out_the_rows_for_what_is_lent_open_nothing() -> None:
    with pytest.raises(NothingOpened):
        _OPENINGS.cut(call(lent=None), "customer", FieldMask())


def test_a_role_that_opens_all_is_not_cut() -> None:
    cut = _OPENINGS.cut(
        call(principal=principal_of("ingestor"), lent=None), "customer", FieldMask()
    )
    one = customer_pb2.Customer(phones=["+1"], change_reason="x")
    cut.apply(one)
    assert one == customer_pb2.Customer(phones=["+1"], change_reason="x")
    assert not cut.withheld


def test_the_person_behind_a_program_and_the_program_open_what_both_do() -> None:
    lent = lending(SUBJECT, "customer.phones", "customer.risk_class")
    front_end = principal_of("crm_viewer")
    by = call(principal=front_end, bearer=principal_of("break_glass", person="p-1"), lent=lent)
    one = customer_pb2.Customer(phones=["+1"], risk_class=RISK_CLASS_LOW)
    cut = _OPENINGS.cut(by, "customer", FieldMask())
    cut.apply(one)
    assert one == customer_pb2.Customer(phones=["+1"])


def test_a_value_of_a_record_stands_in_a_masked_view_as_a_masked_string_only() -> None:
    """Or it is what masked views show anyway: a kind, a state, a place, a name of a record."""
    plain = {
        f"{message.name}.{field.name}"
        for message in views_pb2.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
        if field.message_type is None and field.cpp_type == field.CPPTYPE_STRING
    }
    assert plain == {
        "MaskedCustomer.name",
        "MaskedCustomer.branch",
        "MaskedDocument.name",
        "MaskedDocument.issuing_country",
        # A picture that was covered when it was made, and what covered it.
        "MaskedPicture.content",
        "MaskedPicture.layout",
        "MaskedPicture.png",
        "MaskedTransaction.name",
        "MaskedTransaction.time_zone",
        "MaskedTransaction.corrects",
        "MaskedTransaction.reverses",
        "MaskedTransaction.corrected_by",
        "MaskedTransaction.reversed_by",
    }
    typed = views_pb2.MaskedCustomer.DESCRIPTOR.fields_by_name["identity_number"].message_type
    assert typed is MaskedString.DESCRIPTOR
