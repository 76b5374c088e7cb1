"""The masked tier: masked views and searches, and nothing that could show more."""

from collections.abc import Callable
from functools import partial
from typing import Any

import grpc
import pytest

from recordsvault.audit.v1 import audit_pb2, audit_pb2_grpc
from recordsvault.internal.v1 import index_oracle_pb2, index_oracle_pb2_grpc
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.masked.v1.views_pb2 import MaskedCustomer, MaskedTransaction
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.records.v1 import records_pb2_grpc
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.type.v1 import masked_string_pb2 as masks
from recordsvault.type.v1 import party_pb2 as party
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.people import MORNING, OTHER_PARENT, PARENT
from tests.e2e.wire import LogBook, call_of, refusal
from tests.support.running_vault import RunningVault, other
from vault.server.settings import TierName

SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
CLEAR, MASKED = masks.MASK_STATE_CLEAR, masks.MASK_STATE_MASKED
WITHHELD, ABSENT = masks.MASK_STATE_WITHHELD, masks.MASK_STATE_ABSENT


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; on PostgreSQL with the restricted role."""
    return each_vault


def create(vault: RunningVault, customer: Customer, who: str = "backend") -> str:
    parent = PARENT if who == "backend" else OTHER_PARENT
    request = pb.CreateCustomerRequest(parent=parent, customer=customer)
    return vault.records(who).CreateCustomer(request).customer.name


def view(vault: RunningVault, name: str) -> MaskedCustomer:
    request = mp.GetMaskedCustomerRequest(name=name)
    return vault.masked().GetMaskedCustomer(request).customer


def found(vault: RunningVault, who: str = "crm", parent: str = PARENT, **term: str) -> list[str]:
    request = mp.SearchMaskedCustomersRequest(parent=parent, **term)  # type: ignore[arg-type]  # a term's name
    return [c.name for c in vault.masked(who).SearchMaskedCustomers(request).customers]


# -- views ---------------------------------------------------------------------------------------


def test_a_customers_view_shows_what_the_rules_show(vault: RunningVault) -> None:
    sent = people.person()
    shown = view(vault, create(vault, sent))
    states = {
        field.name: value.state
        for field, value in shown.ListFields()
        if field.message_type is not None
        and field.message_type.full_name == "recordsvault.type.v1.MaskedString"
        and not field.is_repeated
    }
    assert states == {
        "full_name": MASKED,
        "other_name": MASKED,
        "sex": CLEAR,
        "country": CLEAR,
        "age_band": MASKED,
        "occupation": WITHHELD,
        "identity_number": MASKED,
        "customer_number": CLEAR,
    }
    assert shown.kind == party.CUSTOMER_KIND_NATURAL_PERSON
    assert shown.identity_kind == party.DOCUMENT_KIND_CN_RESIDENT_ID
    assert shown.branch == sent.branch
    assert shown.customer_number.value == sent.customer_number
    assert shown.occupation.value == ""
    for values in (shown.phones, shown.emails, shown.addresses, shown.accounts):
        assert [v.state for v in values] == [MASKED]
    assert shown.full_name.value[0] == sent.natural_person.full_name[0]
    assert shown.phones[0].value.endswith(sent.phones[0][-4:])
    assert shown.accounts[0].value.endswith(sent.accounts[0][-4:])
    assert (shown.version, shown.HasField("update_time")) == (1, True)


def test_a_view_holds_no_value_that_is_masked(vault: RunningVault) -> None:
    sent = people.person()
    shown = view(vault, create(vault, sent))
    values = [shown.full_name, shown.other_name, shown.age_band, shown.occupation]
    values += [shown.identity_number, *shown.phones, *shown.emails, *shown.addresses]
    text = "\n".join(value.value for value in [*values, *shown.accounts])
    who = sent.natural_person
    secrets = [
        who.full_name,
        who.full_name[1:],
        who.latin_name,
        who.occupation,
        who.identity.number,
        who.identity.number[2:-2],
        sent.phones[0],
        sent.phones[0][6:-4],
        sent.emails[0],
        sent.emails[0].partition("@")[0],
        sent.addresses[0].street,
        sent.accounts[0],
    ]
    for secret in secrets:
        assert secret not in text


def test_what_the_record_lacks_is_absent_in_its_view(vault: RunningVault) -> None:
    sent = people.person()
    sent.natural_person.ClearField("latin_name")
    sent.natural_person.ClearField("occupation")
    sent.natural_person.ClearField("birth_date")
    sent.natural_person.ClearField("identity")
    sent.ClearField("phones")
    sent.ClearField("accounts")  # which nobody has whose identity is not known
    shown = view(vault, create(vault, sent))
    for value in (shown.other_name, shown.occupation, shown.age_band, shown.identity_number):
        assert (value.state, value.value) == (ABSENT, "")
    assert list(shown.phones) == []


def test_a_view_follows_the_record(vault: RunningVault) -> None:
    sent = people.person()
    receipt = vault.records().CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=sent))
    change = Customer()
    change.CopyFrom(sent)
    change.name, change.etag = receipt.customer.name, receipt.customer.etag
    change.branch = "SH-07"
    vault.records().UpdateCustomer(pb.UpdateCustomerRequest(customer=change))
    shown = view(vault, receipt.customer.name)
    assert (shown.version, shown.branch) == (2, "SH-07")


def test_documents_and_transactions_have_masked_views(vault: RunningVault) -> None:
    owner, paper, booked = create(vault, people.person()), people.passport(), people.booking()
    full, masked = vault.records(), vault.masked()
    document = full.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner, identity_document=paper)
    ).identity_document.name
    transaction = full.CreateTransaction(
        pb.CreateTransactionRequest(parent=owner, transaction=booked)
    ).transaction.name
    seen = masked.GetMaskedDocument(mp.GetMaskedDocumentRequest(name=document)).document
    assert [seen.number.state, seen.holder_name.state] == [MASKED, MASKED]
    assert seen.machine_readable_zone.state == ABSENT
    assert seen.expiry_date == paper.expiry_date
    assert paper.number not in str(seen)
    listed = masked.ListMaskedDocuments(mp.ListMaskedDocumentsRequest(parent=owner))
    assert list(listed.documents) == [seen]
    move = masked.GetMaskedTransaction(mp.GetMaskedTransactionRequest(name=transaction)).transaction
    assert move.amount.state == CLEAR and "1250.5" in move.amount.value.replace(",", "")
    assert [move.account.state, move.counterparty_account.state] == [MASKED, MASKED]
    assert [move.remittance_text.state, move.device.state] == [WITHHELD, WITHHELD]
    assert move.booking_time == booked.booking_time
    for secret in (booked.account.account, "Mustermann", booked.channel.device_id):
        assert secret not in str(move)
    moves = masked.ListMaskedTransactions(mp.ListMaskedTransactionsRequest(parent=owner))
    assert list(moves.transactions) == [move]


def test_a_masked_transaction_names_what_corrects_and_what_reverses_it(
    vault: RunningVault,
) -> None:
    owner, masked = create(vault, people.person()), vault.masked()

    def book(**links: str) -> str:
        sent = people.booking()
        for field, target in links.items():
            setattr(sent, field, target)
        request = pb.CreateTransactionRequest(parent=owner, transaction=sent)
        return vault.records().CreateTransaction(request).transaction.name

    def seen(name: str) -> MaskedTransaction:
        request = mp.GetMaskedTransactionRequest(name=name)
        return masked.GetMaskedTransaction(request).transaction

    wrong, untouched = book(), book()
    reversal, *corrections = book(reverses=wrong), book(corrects=wrong), book(corrects=wrong)
    first = seen(wrong)
    assert list(first.reversed_by) == [reversal]
    assert list(first.corrected_by) == sorted(corrections)
    assert seen(reversal).reverses == wrong
    for name in (untouched, reversal):
        assert not seen(name).corrected_by and not seen(name).reversed_by
    moves = masked.ListMaskedTransactions(mp.ListMaskedTransactionsRequest(parent=owner))
    assert {m.name: m for m in moves.transactions}[wrong] == first


def test_lists_walk_through_everything_once(vault: RunningVault) -> None:
    made = {create(vault, people.person()) for _ in range(5)}
    seen: list[str] = []
    token = ""
    while True:
        page = vault.masked().ListMaskedCustomers(
            mp.ListMaskedCustomersRequest(parent=PARENT, page_size=4, page_token=token)
        )
        seen.extend(c.name for c in page.customers)
        token = page.next_page_token
        if not token:
            break
    assert seen == sorted(set(seen)) and made <= set(seen)


def test_masked_transactions_come_by_period_and_direction(vault: RunningVault) -> None:
    owner = create(vault, people.person())
    made = vault.records().BatchCreateTransactions(
        pb.BatchCreateTransactionsRequest(
            parent=owner,
            transactions=[people.booking(MORNING.replace(hour=h)) for h in (5, 3, 4)],
        )
    )
    five, three, four = (t.name for t in made.transactions)
    at = people.stamp(MORNING.replace(hour=4))

    def names(**wanted: Any) -> list[str]:
        request = mp.ListMaskedTransactionsRequest(parent=owner, **wanted)
        return [t.name for t in vault.masked().ListMaskedTransactions(request).transactions]

    assert names() == [three, four, five]
    assert names(newest_first=True) == [five, four, three]
    assert names(booked_from=at) == [four, five]
    assert names(booked_to=at) == [three]


def test_what_does_not_exist_is_not_found(vault: RunningVault) -> None:
    stub, owner, none = vault.masked(), create(vault, people.person()), "0" * 26
    calls: list[Callable[[], object]] = [
        partial(
            stub.GetMaskedCustomer, mp.GetMaskedCustomerRequest(name=f"{PARENT}/customers/{none}")
        ),
        partial(
            stub.GetMaskedDocument, mp.GetMaskedDocumentRequest(name=f"{owner}/documents/{none}")
        ),
        partial(
            stub.GetMaskedTransaction,
            mp.GetMaskedTransactionRequest(name=f"{owner}/transactions/{none}"),
        ),
    ]
    for call in calls:
        assert refusal(call).code == "NOT_FOUND"


# -- searches ------------------------------------------------------------------------------------


def test_a_customer_is_found_by_each_of_his_terms_however_it_is_written(
    vault: RunningVault,
) -> None:
    sent = people.person()
    sent.accounts.append("DE89370400440532013000")
    sent.natural_person.full_name = f"阿卜杜拉·{sent.natural_person.full_name}"
    name = create(vault, sent)
    number, account = sent.natural_person.identity.number, sent.accounts[0]
    full = sent.natural_person.full_name
    wide = str.maketrans({chr(c): chr(c + 0xFEE0) for c in range(0x21, 0x7F)})
    ways: dict[str, list[str]] = {
        "identity_number": [number, number.lower(), f" {number} ", number.translate(wide)],
        "phone": [sent.phones[0], sent.phones[0].replace("+86", "+86 "), "00" + sent.phones[0][1:]],
        "account_number": [account, f"{account[:4]} {account[4:8]} {account[8:]}"],
        "full_name": [full, full.replace("·", "•"), sent.natural_person.latin_name.upper()],
        "customer_number": [sent.customer_number, sent.customer_number.lower()],
    }
    for term, texts in ways.items():
        for text in texts:
            assert found(vault, **{term: text}) == [name], (term, text)
    assert name in found(vault, account_number="de89 3704 0044 0532 0130 00")


def test_a_search_finds_exact_values_only(vault: RunningVault) -> None:
    sent = people.person()
    create(vault, sent)
    number = sent.natural_person.identity.number
    assert found(vault, identity_number=number[:-1]) == []
    assert found(vault, identity_number=number + "0") == []
    assert found(vault, full_name=sent.natural_person.full_name[:-1]) == []
    # A value is looked for under its own kind.
    assert found(vault, account_number=number) == []
    assert found(vault, full_name=sent.customer_number) == []
    assert found(vault, phone="---") == []


def test_customers_are_found_by_their_documents_and_by_the_accounts_they_book_on(
    vault: RunningVault,
) -> None:
    owner, paper, booked = create(vault, people.person()), people.passport(), people.booking()
    vault.records().CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=owner, identity_document=paper)
    )
    for _ in range(3):
        vault.records().CreateTransaction(
            pb.CreateTransactionRequest(parent=owner, transaction=booked)
        )
    assert found(vault, identity_number=paper.number) == [owner]
    assert found(vault, account_number=booked.account.account) == [owner]


def test_a_value_that_was_given_up_finds_nobody(vault: RunningVault) -> None:
    sent = people.person()
    receipt = (
        vault.records()
        .CreateCustomer(pb.CreateCustomerRequest(parent=PARENT, customer=sent))
        .customer
    )
    change = Customer()
    change.CopyFrom(sent)
    change.name, change.etag = receipt.name, receipt.etag
    change.phones[:] = ["+8613700137000"]
    vault.records().UpdateCustomer(pb.UpdateCustomerRequest(customer=change))
    assert found(vault, phone=sent.phones[0]) == []
    assert found(vault, phone="+8613700137000") == [receipt.name]


def test_a_search_comes_in_pages(vault: RunningVault) -> None:
    made = []
    for _ in range(5):
        sent = people.person()
        sent.natural_person.full_name = "司马相如"
        made.append(create(vault, sent))
    seen: list[list[str]] = []
    token = ""
    while True:
        page = vault.masked().SearchMaskedCustomers(
            mp.SearchMaskedCustomersRequest(
                parent=PARENT, full_name="司马相如", page_size=2, page_token=token
            )
        )
        seen.append([c.name for c in page.customers])
        token = page.next_page_token
        if not token:
            break
    assert [len(names) for names in seen] == [2, 2, 1]
    assert [n for names in seen for n in names] == sorted(made)


def test_a_search_stays_within_the_bank(vault: RunningVault) -> None:
    sent = people.person()
    own, theirs = create(vault, sent), create(vault, sent, other("backend"))
    number = sent.natural_person.identity.number
    assert found(vault, identity_number=number) == [own]
    assert found(vault, other("crm"), OTHER_PARENT, identity_number=number) == [theirs]


def test_a_search_needs_exactly_one_term(vault: RunningVault) -> None:
    stub = vault.masked()
    for request in (
        mp.SearchMaskedCustomersRequest(parent=PARENT),
        mp.SearchMaskedCustomersRequest(parent=PARENT, phone=""),
        mp.SearchMaskedCustomersRequest(parent=PARENT, full_name="x" * 301),
    ):
        assert refusal(partial(stub.SearchMaskedCustomers, request)).code == "INVALID_ARGUMENT"


def test_both_events_of_a_search_share_their_call(vault: RunningVault, log: LogBook) -> None:
    sent = people.person()
    create(vault, sent)
    asked, answered = log.by(lambda: found(vault, phone=sent.phones[0]))
    if asked.tier == "masked":
        asked, answered = answered, asked
    assert (asked.action, asked.tier, asked.actor) == (
        "internal.index.lookup",
        "full",
        "masked-node",
    )
    assert (answered.action, answered.tier, answered.actor) == (
        "masked.customers.search",
        "masked",
        "crm",
    )
    assert call_of(asked) == call_of(answered)
    assert (asked.on_behalf_of, asked.oracle_kind, asked.count) == ("crm", "phone", 1)
    assert asked.institution == answered.institution == "demo-bank"
    assert answered.resources != () and answered.count == 1


def test_the_value_of_a_search_is_in_no_event_and_in_no_output(
    vault: RunningVault, log: LogBook
) -> None:
    sent = people.person()
    create(vault, sent)
    terms = {
        "identity_number": sent.natural_person.identity.number,
        "phone": sent.phones[0],
        "account_number": sent.accounts[0],
        "full_name": "不存在之人",
        "customer_number": "NOBODY-7777",
    }
    for term, value in terms.items():
        found(vault, **{term: value})
        refusal(partial(found, vault, "backend", **{term: value}))
    written = log.text() + vault.log_text(TierName.FULL) + vault.log_text(TierName.MASKED)
    for value in terms.values():
        assert value not in written
        assert value.lstrip("+") not in written


# -- what is not there ---------------------------------------------------------------------------


def test_the_masked_tier_serves_no_records_no_log_and_no_oracle(
    vault: RunningVault, log: LogBook
) -> None:
    name = create(vault, people.person())
    for who in ("backend", "compliance", "officer"):
        channel = vault.channel(who, TierName.MASKED)
        records = records_pb2_grpc.RecordsStub(channel)
        audit = audit_pb2_grpc.AuditStub(channel)
        oracle = index_oracle_pb2_grpc.IndexOracleStub(channel)
        look_up = index_oracle_pb2.LookUpRequest(
            parent=PARENT,
            kind=index_oracle_pb2.TERM_KIND_PHONE,
            value="+8613800138000",
            on_behalf_of="crm",
            limit=1,
        )
        calls: list[Callable[[], object]] = [
            partial(records.GetCustomer, pb.GetCustomerRequest(name=name, purpose=SERVING)),
            partial(records.ImportRecords, iter([pb.ImportRecordsRequest(parent=PARENT)])),
            partial(audit.QueryEvents, audit_pb2.QueryEventsRequest(parent=PARENT)),
            partial(audit.StreamEvents, audit_pb2.StreamEventsRequest(parent=PARENT)),
            partial(oracle.LookUp, look_up),
        ]
        for call in calls:
            size = log.size()
            assert refusal(call).code == "UNIMPLEMENTED"
            (event,) = log.since(size)
            assert (event.action, event.outcome, event.actor, event.tier) == (
                "rpc.unknown",
                "UNIMPLEMENTED",
                who,
                "masked",
            )


def test_the_full_tier_serves_no_masked_views(vault: RunningVault) -> None:
    channel: Any = vault.channel("crm", TierName.FULL)
    path = "/recordsvault.masked.v1.MaskedRecords/ListMaskedCustomers"
    with pytest.raises(grpc.RpcError) as error:
        channel.unary_unary(path)(b"")
    assert error.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_front_end_cannot_ask_the_oracle_itself(vault: RunningVault) -> None:
    oracle = index_oracle_pb2_grpc.IndexOracleStub(vault.channel("crm", TierName.FULL))
    request = index_oracle_pb2.LookUpRequest(
        parent=PARENT,
        kind=index_oracle_pb2.TERM_KIND_PHONE,
        value="+8613800138000",
        on_behalf_of="crm",
        limit=1,
    )
    refused = refusal(partial(oracle.LookUp, request))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", "ROLE_MISSING")
