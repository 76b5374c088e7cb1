"""What stands in a traceback or a log line shows nothing of a record."""

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.masked.v1 import masked_pb2
from recordsvault.records.v1 import customer_pb2
from tests.records import builders
from vault.records import IndexKind
from vault.rpc.methods import Target
from vault.rpc.servicers.masked import _Page as MaskedPage
from vault.rpc.servicers.reads import Page
from vault.rpc.servicers.writes import Update
from vault.services.items import Draft, NewRecord
from vault.services.kinds import CUSTOMERS
from vault.services.masked import Lookup, Shown
from vault.services.opening import Opened
from vault.services.period import Period
from vault.services.replays import Request

SECRET = "13800138000"


def test_no_representation_shows_a_value() -> None:
    customer = builders.customer(customer_number=SECRET, phones=(SECRET,))
    message = customer_pb2.Customer(customer_number=SECRET)
    search = masked_pb2.SearchMaskedCustomersRequest(phone=SECRET)
    item = NewRecord(CUSTOMERS, customer, None, SECRET)
    request = Request("m", "", SECRET.encode())
    shown = [
        item,
        Draft(item),
        request,
        Target(case_reference=SECRET),
        Update("n", "e", message, FieldMask(), request),
        Page(search, Target(), None, "", 1, Period()),
        MaskedPage(search, Target(), "", 1, Period()),
        Lookup("b", IndexKind.PHONE, SECRET, "", 1),
        Opened("c", "", customer, 1, "e", 0, 0),
        Shown("n", "c", "", customer, 1, 0),
    ]
    assert [type(s).__name__ for s in shown if SECRET in repr(s)] == []
