"""Reading by a check-out, over TLS: what it opens, for how long, to whom, and what the log says."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from recordsvault.admin.v1 import access_admin_pb2 as ap
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from recordsvault.type.v1.masked_string_pb2 import MASK_STATE_MASKED, MaskedString
from tests.e2e import people
from tests.e2e.calls import SERVING, create, update
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.borrowing import SECOND, Register, add_person, elsewhere
from tests.support.running_vault import OTHER, RunningVault, other
from vault.access.lending import Stage
from vault.audit import Decision

ONBOARDING = purpose_pb2.PURPOSE_ONBOARDING_CDD
AUDIT = purpose_pb2.PURPOSE_INTERNAL_AUDIT
KINDS = ("customers", "documents", "transactions")
NAME, PHONES = "customer.natural_person.full_name", "customer.phones"
NOT_ACTIVE = ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")
NOTHING = ("PERMISSION_DENIED", "NOTHING_OPENED")


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; with two tellers, one of whom has several accounts."""
    add_person(each_vault, "clerk", "teller", person="p-teller")
    add_person(each_vault, "clerk-again", "teller", person="p-teller")
    add_person(each_vault, "second-clerk", "teller")
    add_person(each_vault, "clerk-there", "teller", person="p-teller", institution=OTHER)
    _until_known(each_vault, "clerk-there")
    return each_vault


def _until_known(vault: RunningVault, *names: str) -> None:
    deadline = time.monotonic() + 5
    for name in names:
        request = pb.GetCustomerRequest(name=f"institutions/{OTHER}/customers/{'0' * 26}")
        while refusal(partial(vault.records(name).GetCustomer, request)).code == "UNAUTHENTICATED":
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def file(vault: RunningVault) -> str:
    """A customer with two versions, a document, and two bookings."""
    customer = create(vault)
    customer.emails[:] = ["changed@example.com"]
    update(vault, customer, "emails")
    records = vault.records()
    records.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(parent=customer.name, identity_document=people.passport())
    )
    for _ in range(2):
        records.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer.name, transaction=people.booking())
        )
    return customer.name


def get(
    vault: RunningVault,
    name: str,
    check_out: str,
    *mask: str,
    who: str = "clerk",
    purpose: Any = SERVING,
) -> pb.GetCustomerResponse:
    """Read a customer by a check-out."""
    request = pb.GetCustomerRequest(
        name=name, purpose=purpose, check_out=check_out, read_mask=FieldMask(paths=mask)
    )
    return vault.records(who).GetCustomer(request)


def refused(vault: RunningVault, name: str, check_out: str, **more: Any) -> Refused:
    """The same, refused."""
    return refusal(partial(get, vault, name, check_out, **more))


def by(lent: str) -> dict[str, Any]:
    """What every request by a check-out has."""
    return {"purpose": SERVING, "check_out": lent}


def below(vault: RunningVault, file: str) -> tuple[str, str]:
    """Names of the document and of the first booking."""
    records = vault.records()
    (document,) = records.ListIdentityDocuments(
        pb.ListIdentityDocumentsRequest(parent=file, purpose=SERVING)
    ).identity_documents
    booking, _ = records.ListTransactions(
        pb.ListTransactionsRequest(parent=file, purpose=SERVING)
    ).transactions
    return document.name, booking.name


def leaves(message: Message, prefix: str = "") -> set[str]:
    """Paths of all values of a message, counted here on their own."""
    out = set()
    for field, value in message.ListFields():
        path = prefix + field.name
        if field.message_type is None or field.message_type.file.package.startswith("google"):
            out.add(path)
        else:
            for one in value if field.is_repeated else [value]:
                out |= leaves(one, path + ".")
    return out - {"name", "version", "etag", "create_time", "update_time"}


# -- what it opens -------------------------------------------------------------------------------


def test_a_teller_reads_just_the_fields_that_were_lent_and_the_rest_masked(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, NAME, PHONES)
    answers: list[pb.GetCustomerResponse] = []
    event = log.one(lambda: answers.append(get(vault, file, lent)))
    (answer,) = answers
    assert leaves(answer.customer) == {"natural_person.full_name", "phones"}
    assert set(event.fields) == leaves(answer.customer)
    assert event.check_out == lent.rpartition("/")[2]
    assert event.policies == ("lent-to-read",)
    assert answer.masked.name == file
    assert answer.masked.identity_number.state == MASK_STATE_MASKED
    number = vault.records().GetCustomer(pb.GetCustomerRequest(name=file, purpose=SERVING))
    assert number.customer.natural_person.identity.number not in str(answer)


def test_a_read_mask_narrows_what_was_lent_and_nothing_masked_goes_with_what_is_open(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, NAME, PHONES)
    answer = get(vault, file, lent, "phones")
    assert leaves(answer.customer) == {"phones"}
    assert not answer.HasField("masked")
    event = log.one(lambda: get(vault, file, lent, "phones", "accounts"))
    assert event.fields == ("phones",)
    answer = get(vault, file, lent, "accounts")
    assert not leaves(answer.customer)
    assert answer.HasField("masked")


def test_what_a_teller_may_never_open_is_not_opened_by_a_check_out_either(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = register.lend(file, PHONES, "customer.risk_class", "transaction.channel")
    assert leaves(get(vault, file, lent).customer) == {"phones"}
    answer = vault.records("clerk").ListTransactions(
        pb.ListTransactionsRequest(parent=file, purpose=SERVING, check_out=lent)
    )
    for booking in answer.transactions:
        assert leaves(booking) <= {"channel.kind", "channel.branch"}


def test_a_custodian_reads_nothing_of_what_he_may_hand_over_though_a_teller_too(
    vault: RunningVault, register: Register, file: str
) -> None:
    add_person(vault, "two-hats", "teller", "custodian")
    _until_known(vault, "two-hats")
    lent = register.lend(file, "customer", person="p-two-hats", purpose="REGULATOR_REQUEST")
    request = pb.GetCustomerRequest(
        name=file,
        purpose=purpose_pb2.PURPOSE_REGULATOR_REQUEST,
        check_out=lent,
        case_reference="C-1",
    )
    answer = refusal(partial(vault.records("two-hats").GetCustomer, request))
    assert (answer.code, answer.reason) == NOTHING


def test_a_customers_check_out_opens_the_versions_and_lists_below_him(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, "customer.emails", "identity_document.number", "transaction.amount")
    records, common = vault.records("clerk"), by(lent)
    document, booking = below(vault, file)
    calls: dict[Callable[[], Any], tuple[str, str, set[str]]] = {
        lambda: records.ListCustomerVersions(pb.ListCustomerVersionsRequest(name=file, **common)): (
            "customers",
            "masked_customers",
            {"emails"},
        ),
        lambda: records.ListIdentityDocuments(
            pb.ListIdentityDocumentsRequest(parent=file, **common)
        ): ("identity_documents", "masked_identity_documents", {"number"}),
        lambda: records.ListIdentityDocumentVersions(
            pb.ListIdentityDocumentVersionsRequest(name=document, **common)
        ): ("identity_documents", "masked_identity_documents", {"number"}),
        lambda: records.ListTransactions(pb.ListTransactionsRequest(parent=file, **common)): (
            "transactions",
            "masked_transactions",
            {"amount"},
        ),
    }
    for call, (field, masked, opened) in calls.items():
        answer = call()
        event = log.one(call)
        records_of, views = getattr(answer, field), getattr(answer, masked)
        assert records_of
        assert set().union(*map(leaves, records_of)) == opened == set(event.fields)
        assert [v.name for v in views] == [r.name for r in records_of]
    one = records.GetIdentityDocument(pb.GetIdentityDocumentRequest(name=document, **common))
    assert one.masked.name == document
    other_one = records.GetTransaction(pb.GetTransactionRequest(name=booking, **common))
    assert other_one.masked.name == booking


def test_a_check_out_that_opens_nothing_of_a_kind_of_record_opens_no_such_record(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = register.lend(file, PHONES)
    document, booking = below(vault, file)
    records, common = vault.records("clerk"), by(lent)
    for call in (
        partial(records.GetTransaction, pb.GetTransactionRequest(name=booking, **common)),
        partial(records.ListTransactions, pb.ListTransactionsRequest(parent=file, **common)),
        partial(
            records.GetIdentityDocument, pb.GetIdentityDocumentRequest(name=document, **common)
        ),
    ):
        answer = refusal(call)
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "NOTHING_OPENED")


def test_who_opens_by_his_role_sees_all_and_nothing_masked(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    request = pb.GetCustomerRequest(name=file, purpose=ONBOARDING)
    answer = vault.records("compliance").GetCustomer(request)
    assert not answer.HasField("masked")
    assert "natural_person.identity.number" in leaves(answer.customer)
    lent = register.lend(file, PHONES, person="p-compliance", purpose="ONBOARDING_CDD")
    answer = get(vault, file, lent, who="compliance", purpose=ONBOARDING)
    assert leaves(answer.customer) == {"phones"}, "a check-out that is named is never ignored"


def test_without_a_check_out_a_teller_opens_nothing(vault: RunningVault, file: str) -> None:
    answer = refused(vault, file, "")
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "CHECK_OUT_REQUIRED")


# -- for whom, for what --------------------------------------------------------------------------


def test_the_persons_other_account_may_use_it_and_nobody_elses(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, PHONES)
    assert get(vault, file, lent, who="clerk-again").customer.phones
    stolen = refused(vault, file, lent, who="second-clerk")
    nothing = refused(
        vault, file, lent[:-1] + ("0" if lent[-1] != "0" else "1"), who="second-clerk"
    )
    assert (stolen.code, stolen.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert stolen.text.replace(lent, "X") == nothing.text.replace(
        lent[:-1] + ("0" if lent[-1] != "0" else "1"), "X"
    )
    event = log.one(lambda: refused(vault, file, lent, who="second-clerk"))
    assert event.check_out == lent.rpartition("/")[2]
    assert not event.fields


def test_a_front_end_reads_by_what_the_person_whose_token_it_carries_has_borrowed(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, NAME, PHONES)
    request = pb.GetCustomerRequest(name=file, **by(lent))

    def read(**metadata: str) -> pb.GetCustomerResponse:
        sent = tuple(metadata.items())
        return vault.records("crm").GetCustomer(request, metadata=sent)

    bearer = f"Bearer {vault.token('teller', 'crm')}"
    event = log.one(lambda: read(authorization=bearer))
    assert (event.actor, event.on_behalf_of) == ("crm", "teller")
    assert set(event.fields) == leaves(read(authorization=bearer).customer)
    assert set(event.fields) == {"natural_person.full_name", "phones"}
    answer = refusal(read)
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "PERSON_REQUIRED")
    others = f"Bearer {vault.token(other('teller'), 'crm')}"
    assert refusal(lambda: read(authorization=others)).code == "UNAUTHENTICATED"


def test_a_program_has_borrowed_nothing(vault: RunningVault, register: Register, file: str) -> None:
    lent = register.lend(file, PHONES)
    answer = refused(vault, file, lent, who="backend")
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "PERSON_REQUIRED")


def test_no_other_record_purpose_or_institution_is_opened_by_it(
    vault: RunningVault, register: Register, file: str
) -> None:
    somebody = create(vault).name
    lent = register.lend(file, PHONES)
    assert refused(vault, somebody, lent).reason == "CHECK_OUT_OTHER_RECORD"
    assert refused(vault, file, lent, purpose=ONBOARDING).reason == "CHECK_OUT_OTHER_PURPOSE"
    there = refused(vault, elsewhere(file), lent, who="clerk-there")
    assert (there.code, there.reason) == ("NOT_FOUND", "NOT_FOUND")
    there = refused(vault, elsewhere(file), elsewhere(lent), who="clerk-there")
    assert (there.code, there.reason) == ("NOT_FOUND", "NOT_FOUND")
    assert refused(vault, file, lent, who="clerk-there").code in (
        "NOT_FOUND",
        "PERMISSION_DENIED",
    )


def test_the_log_says_that_a_read_by_a_check_out_was_denied_and_why(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent, document = register.lend(file, PHONES), below(vault, file)[0]
    of_document = register.lend(document, "identity_document.number")
    nobodys = lent[:-1] + ("0" if lent[-1] != "0" else "1")
    for name, who, purpose, outcome, reason in (
        (lent, "second-clerk", SERVING, "NOT_FOUND", "NOT_FOUND"),
        (nobodys, "clerk", SERVING, "NOT_FOUND", "NOT_FOUND"),
        (lent, "backend", SERVING, "PERMISSION_DENIED", "PERSON_REQUIRED"),
        (of_document, "clerk", SERVING, "PERMISSION_DENIED", "CHECK_OUT_OTHER_RECORD"),
        (lent, "clerk", ONBOARDING, "PERMISSION_DENIED", "CHECK_OUT_OTHER_PURPOSE"),
        (register.lend(file, PHONES, lasts=0), "clerk", SERVING, *NOT_ACTIVE),
        # Policy has allowed this one, and no field is opened.
        (register.lend(file, "transaction.amount"), "clerk", SERVING, *NOTHING),
        ("", "clerk", SERVING, "PERMISSION_DENIED", "CHECK_OUT_REQUIRED"),
    ):
        event = log.one(partial(refused, vault, file, name, who=who, purpose=purpose))
        assert (event.outcome, event.reason) == (outcome, reason)
        assert event.decision is Decision.DENIED, reason
        # What permits is not named as what has denied it.
        assert "lent-to-read" not in event.policies
    bad = partial(refused, vault, file, "checkOuts/1")
    assert log.one(bad).decision is Decision.NOT_EVALUATED


def test_a_check_out_of_one_record_opens_it_and_no_list_and_not_the_customer(
    vault: RunningVault, register: Register, file: str
) -> None:
    document, booking = below(vault, file)
    lent = register.lend(document, "identity_document.number", PHONES, "transaction.amount")
    records, common = vault.records("clerk"), by(lent)
    answer = records.GetIdentityDocument(pb.GetIdentityDocumentRequest(name=document, **common))
    assert leaves(answer.identity_document) == {"number"}
    refusals = [
        refused(vault, file, lent),
        refusal(partial(records.GetTransaction, pb.GetTransactionRequest(name=booking, **common))),
        refusal(
            partial(
                records.ListIdentityDocuments,
                pb.ListIdentityDocumentsRequest(parent=file, **common),
            )
        ),
        refusal(
            partial(records.ListTransactions, pb.ListTransactionsRequest(parent=file, **common))
        ),
    ]
    assert {r.reason for r in refusals} == {"CHECK_OUT_OTHER_RECORD"}


def test_no_check_out_opens_the_customers_of_an_institution(vault: RunningVault) -> None:
    assert "check_out" not in pb.ListCustomersRequest.DESCRIPTOR.fields_by_name
    request = pb.ListCustomersRequest(parent=people.PARENT, purpose=SERVING)
    answer = refusal(partial(vault.records("clerk").ListCustomers, request))
    assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "CHECK_OUT_REQUIRED")


def test_what_is_no_name_of_a_check_out_is_refused(vault: RunningVault, file: str) -> None:
    for text in ("institutions/demo-bank/checkOuts/x", "*", f"{file}/checkOuts/{'0' * 26}"):
        for who in ("clerk", "backend", "compliance"):
            answer = refused(vault, file, text, who=who)
            assert (answer.code, answer.reason) == ("INVALID_ARGUMENT", "RESOURCE_NAME")
            assert answer.fields == {("check_out", "RESOURCE_NAME")}


# -- for how long --------------------------------------------------------------------------------


def test_it_ends_by_itself_at_its_time(vault: RunningVault, register: Register, file: str) -> None:
    lent = register.lend(file, PHONES, lasts=2 * SECOND)
    assert get(vault, file, lent).customer.phones
    time.sleep(2)
    answer = refused(vault, file, lent)
    assert (answer.code, answer.reason) == ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")


@pytest.mark.parametrize("stage", [Stage.RETURNED, Stage.REVOKED])
def test_it_opens_nothing_once_it_was_given_or_taken_back(
    vault: RunningVault, register: Register, file: str, stage: Stage
) -> None:
    lent = register.lend(file, PHONES)
    assert get(vault, file, lent).customer.phones
    register.end(lent, stage)
    assert refused(vault, file, lent).reason == "CHECK_OUT_NOT_ACTIVE"


@pytest.mark.parametrize("stage", [Stage.REQUESTED, Stage.DENIED, Stage.USED])
def test_it_opens_nothing_before_it_was_approved_or_when_it_was_not(
    vault: RunningVault, register: Register, file: str, stage: Stage
) -> None:
    lent = register.lend(file, PHONES, stage=stage)
    assert refused(vault, file, lent).reason == "CHECK_OUT_NOT_ACTIVE"


def test_a_one_time_check_out_is_read_by_once_and_its_use_is_in_the_reads_event(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, PHONES, one_time=True)
    event = log.one(lambda: get(vault, file, lent))
    assert (event.outcome, event.fields) == ("OK", ("phones",))
    assert [f"institutions/{event.institution}/{row.name}" for row in event.rows] == [f"{lent}@2"]
    assert register.current(lent).stage is Stage.USED
    refusal_event = log.one(lambda: refused(vault, file, lent))
    assert (refusal_event.reason, refusal_event.fields) == ("CHECK_OUT_NOT_ACTIVE", ())


def test_a_refused_read_does_not_use_it_up(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = register.lend(file, PHONES, one_time=True)
    refused(vault, create(vault).name, lent)
    refused(vault, file, lent, purpose=ONBOARDING)
    refused(vault, file, lent, who="second-clerk")
    assert get(vault, file, lent).customer.phones


def test_of_many_reads_at_once_by_a_one_time_check_out_one_is_answered(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    lent = register.lend(file, PHONES, one_time=True)
    before = log.size()

    def read(_: int) -> str:
        try:
            return "answered" if get(vault, file, lent).customer.phones else "empty"
        except Exception:
            return refused(vault, file, lent).reason

    with ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(read, range(48)))
    assert outcomes.count("answered") == 1
    assert set(outcomes) == {"answered", "CHECK_OUT_NOT_ACTIVE"}
    revealing = [e for e in log.since(before) if e.fields]
    assert len(revealing) == 1


def test_of_reads_while_it_is_given_back_none_that_begins_after_it_is_answered(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = register.lend(file, PHONES)
    over: list[float] = []

    def read(_: int) -> tuple[float, bool]:
        began = time.monotonic()
        try:
            get(vault, file, lent)
        except Exception:
            return began, False
        return began, True

    def end() -> None:
        time.sleep(0.05)
        register.end(lent, Stage.RETURNED)
        over.append(time.monotonic())

    with ThreadPoolExecutor(8) as pool:
        ending = pool.submit(end)
        reads = list(pool.map(read, range(200)))
        ending.result()
        reads += list(pool.map(read, range(20)))
    assert any(answered for _, answered in reads)
    assert not [1 for began, answered in reads if answered and began > over[0]]


# -- explained as it is read ---------------------------------------------------------------------


def explained(
    vault: RunningVault,
    who: str,
    name: str,
    purpose: purpose_pb2.Purpose.ValueType,
    *,
    lent: bool = False,
) -> ap.Explanation:
    """How ExplainAccess explains the full read of a record."""
    request = ap.ExplainAccessRequest(
        parent=people.PARENT,
        principal=who,
        action=f"records.{name.split('/')[-2]}.get",
        resource=name,
        purpose=purpose,
        check_out=lent,
    )
    answer = vault.access_admin("officer").ExplainAccess(request)
    (one,) = answer.explanations
    assert one.allowed is answer.allowed and bool(one.reason) is not one.allowed
    assert one.en and one.zh
    return one


def test_a_loan_that_would_open_nothing_is_explained_as_the_read_answers_it(
    vault: RunningVault, register: Register, file: str
) -> None:
    """The table of fields lends a teller nothing for an audit, and no bookings at the opening of an
    account."""
    document, booking = below(vault, file)
    told = set()
    for purpose in (SERVING, ONBOARDING, AUDIT):
        word = purpose_pb2.Purpose.Name(purpose).removeprefix("PURPOSE_")
        out = register.lend(file, "customer", "identity_document", "transaction", purpose=word)
        given: dict[str, Any] = {"purpose": purpose, "check_out": out}
        records = vault.records("clerk")
        reads: dict[str, Callable[[], object]] = {
            file: partial(records.GetCustomer, pb.GetCustomerRequest(name=file, **given)),
            document: partial(
                records.GetIdentityDocument, pb.GetIdentityDocumentRequest(name=document, **given)
            ),
            booking: partial(
                records.GetTransaction, pb.GetTransactionRequest(name=booking, **given)
            ),
        }
        for name, read in reads.items():
            one = explained(vault, "clerk", name, purpose, lent=True)
            if one.allowed:
                read()
            else:
                assert refusal(read).reason == one.reason
            told.add((word, name.split("/")[-2], one.reason))
    assert {one for one in told if one[2]} == {
        ("ONBOARDING_CDD", "transactions", "NOTHING_OPENED"),
        *(("INTERNAL_AUDIT", kind, "NOTHING_OPENED") for kind in KINDS),
    }


# -- one's own file ------------------------------------------------------------------------------


def test_nobody_opens_his_own_file_or_a_relatives_whatever_his_roles(
    vault: RunningVault, register: Register, log: LogBook, file: str
) -> None:
    relative = create(vault).name
    own_id, relative_id = file.rpartition("/")[2], relative.rpartition("/")[2]
    add_person(
        vault, "insider", "compliance", "teller", own_files=[own_id], related_files=[relative_id]
    )
    _until_known(vault, "insider")
    document, booking = below(vault, file)
    records = vault.records("insider")
    lent = register.lend(file, PHONES, person="p-insider")
    calls: list[Callable[[], object]] = [
        partial(get, vault, file, "", who="insider", purpose=ONBOARDING),
        partial(get, vault, relative, "", who="insider", purpose=ONBOARDING),
        partial(get, vault, file, lent, who="insider"),
        partial(
            records.ListCustomerVersions,
            pb.ListCustomerVersionsRequest(name=file, purpose=ONBOARDING),
        ),
        partial(
            records.GetIdentityDocument,
            pb.GetIdentityDocumentRequest(name=document, purpose=ONBOARDING),
        ),
        partial(
            records.ListIdentityDocuments,
            pb.ListIdentityDocumentsRequest(parent=file, purpose=ONBOARDING),
        ),
        partial(
            records.ListIdentityDocumentVersions,
            pb.ListIdentityDocumentVersionsRequest(name=document, purpose=ONBOARDING),
        ),
        partial(records.GetTransaction, pb.GetTransactionRequest(name=booking, purpose=ONBOARDING)),
        partial(
            records.ListTransactions, pb.ListTransactionsRequest(parent=file, purpose=ONBOARDING)
        ),
    ]
    for call in calls:
        answer = refusal(call)
        assert (answer.code, answer.reason) == ("PERMISSION_DENIED", "OWN_FILE")
    for name in (file, relative, document, booking):
        for purpose, by_loan in ((ONBOARDING, False), (SERVING, True)):
            one = explained(vault, "insider", name, purpose, lent=by_loan)
            assert one.reason == "OWN_FILE"
    assert explained(vault, "insider", create(vault).name, ONBOARDING).allowed
    # What is wrong before anybody looks at whose file it is, is told first; and nothing would help.
    one = explained(vault, "insider", file, purpose_pb2.PURPOSE_UNSPECIFIED)
    assert one.reason == "PURPOSE_REQUIRED" and not one.purposes_that_would
    seen: list[str] = []
    token = ""
    while True:
        page = records.ListCustomers(
            pb.ListCustomersRequest(
                parent=people.PARENT, purpose=ONBOARDING, page_size=2, page_token=token
            )
        )
        seen += [c.name for c in page.customers]
        token = page.next_page_token
        if not token:
            break
    assert seen
    assert not {file, relative} & set(seen)
    everybody = vault.records("compliance").ListCustomers(
        pb.ListCustomersRequest(parent=people.PARENT, purpose=ONBOARDING, page_size=200)
    )
    assert sorted([*seen, file, relative]) == sorted(c.name for c in everybody.customers)


# -- nothing by another way ----------------------------------------------------------------------


def test_what_get_keeps_back_no_list_history_page_token_or_error_shows(
    vault: RunningVault, register: Register, file: str
) -> None:
    whole = vault.records().GetCustomer(pb.GetCustomerRequest(name=file, purpose=SERVING)).customer
    secrets = {
        whole.natural_person.identity.number,
        whole.natural_person.latin_name,
        whole.accounts[0],
        whole.addresses[0].street,
    }
    lent = register.lend(file, NAME, "transaction.amount")
    records, common = vault.records("clerk"), by(lent)
    shown = [
        str(get(vault, file, lent)),
        str(records.ListCustomerVersions(pb.ListCustomerVersionsRequest(name=file, **common))),
    ]
    page = records.ListTransactions(pb.ListTransactionsRequest(parent=file, page_size=1, **common))
    assert page.next_page_token
    rest = records.ListTransactions(
        pb.ListTransactionsRequest(
            parent=file, page_size=1, page_token=page.next_page_token, **common
        )
    )
    assert len(rest.transactions) == 1
    shown += [str(page), str(rest), refused(vault, create(vault).name, lent).text]
    everything = "\n".join(shown)
    assert not {secret for secret in secrets if secret in everything}
    # A page token is a place, and no key: each page needs a check-out that stands.
    register.end(lent, Stage.RETURNED)
    request = pb.ListTransactionsRequest(
        parent=file, page_size=1, page_token=page.next_page_token, **common
    )
    assert refusal(partial(records.ListTransactions, request)).reason == "CHECK_OUT_NOT_ACTIVE"


def test_the_masked_rest_is_told_apart_by_type(
    vault: RunningVault, register: Register, file: str
) -> None:
    masked = get(vault, file, register.lend(file, PHONES)).masked
    names = {
        field.name
        for field in masked.DESCRIPTOR.fields
        if field.message_type is not None
        and field.message_type.full_name == MaskedString.DESCRIPTOR.full_name
    }
    assert {"full_name", "identity_number", "phones", "accounts", "addresses"} <= names


def test_another_bank_has_no_such_check_out(
    vault: RunningVault, register: Register, file: str
) -> None:
    lent = register.lend(file, PHONES, person="p-compliance", purpose="ONBOARDING_CDD")
    answer = refused(vault, file, lent, who=other("compliance"), purpose=ONBOARDING)
    assert answer.code == "NOT_FOUND"
