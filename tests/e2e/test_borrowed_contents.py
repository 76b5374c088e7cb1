"""Scans by a check-out, over TLS: which fields open them, how often, and what the log says."""

from functools import partial
from typing import Any, NamedTuple

import pytest

from recordsvault.records.v1 import content_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.borrowing import Register, add_person
from tests.support.contents import download, scan, upload
from tests.support.lending import until_known
from tests.support.running_vault import RunningVault
from vault.access.lending import Stage
from vault.audit import Decision, Phase

NOT_ACTIVE = ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")
NOTHING = ("PERMISSION_DENIED", "NOTHING_OPENED")
OTHER_RECORD = ("PERMISSION_DENIED", "CHECK_OUT_OTHER_RECORD")


class Paper(NamedTuple):
    """What has a scan: `kind` is the word in front of its fields' paths, `purpose` one for which a
    teller may open scans of such records."""

    name: str
    customer: str
    kind: str
    purpose: Any

    @property
    def content(self) -> str:
        """Name of its scan."""
        return f"{self.name}/contents/1"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; with a teller."""
    add_person(each_vault, "clerk", "teller", person="p-teller")
    until_known(each_vault, "clerk")
    return each_vault


SCAN = scan(100_000)


@pytest.fixture(scope="module", params=["identity_document", "transaction"])
def paper(vault: RunningVault, request: pytest.FixtureRequest) -> Paper:
    """A passport, and a booking with a voucher."""
    customer, records = create(vault).name, vault.records()
    if request.param == "transaction":
        booked = records.CreateTransaction(
            pb.CreateTransactionRequest(parent=customer, transaction=people.booking())
        )
        name, purpose = booked.transaction.name, purpose_pb2.PURPOSE_DATA_SUBJECT_REQUEST
    else:
        made = records.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(parent=customer, identity_document=people.passport())
        )
        name, purpose = made.identity_document.name, purpose_pb2.PURPOSE_ONBOARDING_CDD
    upload(records, name, SCAN)
    return Paper(name, customer, request.param, purpose)


def lend(register: Register, paper: Paper, *fields: str, subject: str = "", **more: Any) -> str:
    """Lend fields of a paper by the last part of their paths; of the whole file, if not of it."""
    purpose = purpose_pb2.Purpose.Name(more.pop("purpose", paper.purpose))
    return register.lend(
        subject or paper.customer,
        *(f"{paper.kind}.{field}" for field in fields),
        purpose=purpose.removeprefix("PURPOSE_"),
        **more,
    )


def get(vault: RunningVault, paper: Paper, lent: str, **more: Any) -> bytes:
    more.setdefault("purpose", paper.purpose)
    return download(vault.records("clerk"), paper.content, check_out=lent, **more)


def listed(vault: RunningVault, paper: Paper, lent: str, **more: Any) -> list[cp.Content]:
    more.setdefault("purpose", paper.purpose)
    request = cp.ListContentsRequest(parent=paper.name, check_out=lent, **more)
    return list(vault.records("clerk").ListContents(request).contents)


def told(refused: Refused) -> tuple[str, str]:
    """The code and the reason."""
    return refused.code, refused.reason


READS = [pytest.param(get, id="download"), pytest.param(listed, id="list")]


@pytest.mark.parametrize("read", READS)
def test_a_check_out_of_other_fields_opens_no_scan_and_is_not_used_up(
    vault: RunningVault, register: Register, log: LogBook, paper: Paper, read: Any
) -> None:
    fields = {"identity_document": ("number", "kind"), "transaction": ("amount", "counterparty")}
    of_record = lend(register, paper, *fields[paper.kind], one_time=True)
    of_customer = register.lend(
        paper.customer,
        "customer.phones",
        purpose=purpose_pb2.Purpose.Name(paper.purpose).removeprefix("PURPOSE_"),
        one_time=True,
    )
    for lent in (of_record, of_customer):
        assert told(refusal(partial(read, vault, paper, lent))) == NOTHING
        event = log.one(partial(refusal, partial(read, vault, paper, lent)))
        assert (event.decision, event.reason) == (Decision.DENIED, "NOTHING_OPENED")
        assert event.check_out == lent.rpartition("/")[2]
        assert (event.fields, event.resources, event.rows) == ((), (), ())
        assert register.current(lent).stage is Stage.ACTIVE


@pytest.mark.parametrize("read", READS)
def test_without_a_check_out_a_teller_opens_no_scan(
    vault: RunningVault, paper: Paper, read: Any
) -> None:
    refused = told(refusal(partial(read, vault, paper, "")))
    assert refused == ("PERMISSION_DENIED", "CHECK_OUT_REQUIRED")


@pytest.mark.parametrize("subject", ["file", "record"])
def test_one_of_the_scan_opens_it_and_the_log_says_by_what(
    vault: RunningVault, register: Register, log: LogBook, paper: Paper, subject: str
) -> None:
    lent = lend(register, paper, "content", subject=paper.name if subject == "record" else "")
    (one,) = listed(vault, paper, lent)
    assert (one.name, one.size) == (paper.content, len(SCAN))
    size = log.size()
    assert get(vault, paper, lent) == SCAN
    # Not for one time only.
    assert get(vault, paper, lent, offset=10, length=90_000) == SCAN[10:90_010]
    opened, closed, *_ = log.since(size)
    assert (opened.phase, closed.phase) == (Phase.OPENED, Phase.CLOSED)
    for event in (opened, closed):
        assert event.check_out == lent.rpartition("/")[2]
        assert event.fields == (f"{paper.kind}.content",)
        assert event.policies == ("lent-to-read",)
    event = log.one(partial(listed, vault, paper, lent))
    assert (event.check_out, event.fields) == (opened.check_out, opened.fields)


def test_one_of_all_the_record_opens_its_scans_too(
    vault: RunningVault, register: Register, paper: Paper
) -> None:
    purpose = purpose_pb2.Purpose.Name(paper.purpose).removeprefix("PURPOSE_")
    lent = register.lend(paper.customer, paper.kind, purpose=purpose)
    assert get(vault, paper, lent) == SCAN
    assert len(listed(vault, paper, lent)) == 1


@pytest.mark.parametrize("read", READS)
def test_where_purpose_and_role_open_no_scans_none_that_was_lent_is_opened(
    vault: RunningVault, register: Register, paper: Paper, read: Any
) -> None:
    serving = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
    lent = lend(register, paper, "content", purpose=serving)
    assert told(refusal(partial(read, vault, paper, lent, purpose=serving))) == NOTHING


@pytest.mark.parametrize("read", READS)
def test_one_of_another_record_opens_no_scan_of_this_one(
    vault: RunningVault, register: Register, paper: Paper, read: Any
) -> None:
    for subject in (f"{paper.name}0", f"{paper.name}/contents/2", create(vault).name):
        lent = lend(register, paper, "content", subject=subject)
        assert told(refusal(partial(read, vault, paper, lent))) == OTHER_RECORD


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("stage", [Stage.RETURNED, Stage.REVOKED])
def test_one_that_was_given_or_taken_back_opens_no_scan(
    vault: RunningVault, register: Register, paper: Paper, stage: Stage, read: Any
) -> None:
    lent = lend(register, paper, "content")
    assert read(vault, paper, lent)
    register.end(lent, stage)
    assert told(refusal(partial(read, vault, paper, lent))) == NOT_ACTIVE


@pytest.mark.parametrize("read", READS)
def test_a_one_time_check_out_opens_a_scan_once_and_its_use_is_in_the_event(
    vault: RunningVault, register: Register, log: LogBook, paper: Paper, read: Any
) -> None:
    lent = lend(register, paper, "content", one_time=True)
    used, *rest = log.by(partial(read, vault, paper, lent))
    assert used.fields == (f"{paper.kind}.content",)
    assert [f"institutions/{used.institution}/{row.name}" for row in used.rows] == [f"{lent}@2"]
    assert [event.phase for event in rest] == ([Phase.CLOSED] if read is get else [])
    # Named twice, it would stand for another row that no event names (`audit verify --live`).
    assert not any(event.rows for event in rest)
    assert register.current(lent).stage is Stage.USED
    for further in (get, listed):
        assert told(refusal(partial(further, vault, paper, lent))) == NOT_ACTIVE
        event = log.one(partial(refusal, partial(further, vault, paper, lent)))
        assert (event.reason, event.fields) == ("CHECK_OUT_NOT_ACTIVE", ())
    assert register.current(lent).version == 2
