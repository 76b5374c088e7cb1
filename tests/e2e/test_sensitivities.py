"""Marks on a customer's file: stored and opened with it, and in no masked view."""

import pytest

from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import party_pb2 as party
from tests.e2e import people
from tests.e2e.calls import SERVING, create, get, update
from tests.e2e.people import PARENT, new_id
from tests.e2e.wire import Refuse
from tests.support.running_vault import RunningVault

MARKS = [
    party.SENSITIVITY_VIP,
    party.SENSITIVITY_EMPLOYEE,
    party.SENSITIVITY_POLITICALLY_EXPOSED,
    party.SENSITIVITY_MINOR,
]


def masked(vault: RunningVault, name: str) -> bytes:
    """The masked view, without what every new version changes."""
    request = mp.GetMaskedCustomerRequest(name=name)
    view = vault.masked().GetMaskedCustomer(request).customer
    for field in ("name", "version", "update_time"):
        view.ClearField(field)
    return view.SerializeToString(deterministic=True)


def test_marks_are_stored_opened_and_taken_off_again(vault: RunningVault) -> None:
    person = people.person()
    person.sensitivities.extend(MARKS)
    name = create(vault, person).name
    full = get(vault, name)
    assert list(full.sensitivities) == MARKS
    change = Customer(name=name, etag=full.etag, sensitivities=MARKS[:1])
    update(vault, change, "sensitivities")
    assert list(get(vault, name).sensitivities) == MARKS[:1]
    read = pb.ListCustomerVersionsRequest(name=name, purpose=SERVING)
    versions = vault.records().ListCustomerVersions(read).customers
    assert [list(v.sensitivities) for v in versions] == [MARKS[:1], MARKS]


def test_a_masked_view_is_the_same_with_and_without_marks(vault: RunningVault) -> None:
    name = create(vault).name
    before = masked(vault, name)
    full = get(vault, name)
    update(vault, Customer(name=name, etag=full.etag, sensitivities=MARKS), "sensitivities")
    assert list(get(vault, name).sensitivities) == MARKS
    assert masked(vault, name) == before


def test_marks_come_by_import_too(vault: RunningVault) -> None:
    person = people.person()
    person.sensitivities.append(party.SENSITIVITY_VIP)
    request = pb.ImportRecordsRequest(
        parent=PARENT, request_id=new_id(), items=[pb.ImportItem(new_customer=person)]
    )
    (answer,) = vault.records().ImportRecords(iter([request]))
    assert list(get(vault, answer.results[0].name).sensitivities) == [party.SENSITIVITY_VIP]


@pytest.mark.parametrize(
    ("marks", "reason"),
    [
        ([party.SENSITIVITY_VIP, party.SENSITIVITY_VIP], "DUPLICATE"),
        ([party.SENSITIVITY_UNSPECIFIED], "REQUIRED"),
        # None that this vault knows is none at all.
        ([99], "REQUIRED"),
    ],
)
def test_what_is_no_mark_is_refused(
    vault: RunningVault, refuse: Refuse, marks: list[int], reason: str
) -> None:
    person = people.person()
    person.sensitivities.extend(marks)  # type: ignore[arg-type]  # wrong on purpose
    refused = refuse(lambda: create(vault, person))
    assert reason in {why for _, why in refused.fields}
