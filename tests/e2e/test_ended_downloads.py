"""A download by a check-out ends with it: by its return, its revocation and its time, over TLS."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from recordsvault.access.v1 import access_pb2 as ap
from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.records.v1 import content_pb2 as cp
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.e2e.calls import create
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import SECOND, Register, add_person
from tests.support.bundles import AUDIT, book, bundles, recipient
from tests.support.contents import PURPOSE, scan, upload
from tests.support.lending import approve, ask, give_back, revoke, until_known
from tests.support.running_vault import RunningVault
from vault.access.lending import Stage
from vault.audit import AuditEvent, Decision, Phase
from vault.bundles import RecipientKey
from vault.server.settings import TierName

NOT_ACTIVE = ("FAILED_PRECONDITION", "CHECK_OUT_NOT_ACTIVE")
FIELD = "identity_document.content"
# More than the transport takes in advance.
LARGE = scan(48 * 1024 * 1024)
# Within so many seconds a revocation acts.
SOON = 1.0


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases; with a teller."""
    add_person(each_vault, "clerk", "teller", person="p-teller")
    until_known(each_vault, "clerk")
    return each_vault


@pytest.fixture(scope="module")
def document(vault: RunningVault) -> str:
    """A passport with a large scan."""
    records = vault.records()
    made = records.CreateIdentityDocument(
        pb.CreateIdentityDocumentRequest(
            parent=create(vault).name, identity_document=people.passport()
        )
    )
    upload(records, made.identity_document.name, LARGE)
    return made.identity_document.name


def agreed(vault: RunningVault, document: str, **more: Any) -> ap.CheckOut:
    """A check-out as a teller gets one."""
    return approve(vault, ask(vault, document, FIELD, purpose=PURPOSE, **more))


class Running:
    """A download that has begun, and goes on when it is told to."""

    def __init__(
        self, vault: RunningVault, document: str, lent: str, who: str = "clerk", pause: float = 0
    ) -> None:
        request = cp.DownloadDocumentRequest(
            name=f"{document}/contents/1", purpose=PURPOSE, check_out=lent
        )
        self._pause = pause
        self._stream = iter(vault.records(who).DownloadDocument(request))
        self.data = bytearray(next(self._stream).data)

    def rest(self) -> None:
        """Take all that comes."""
        for message in self._stream:
            self.data += message.data
            time.sleep(self._pause)

    def ends(self) -> tuple[str, str]:
        """Why it ends before its end."""
        refused = refusal(self.rest)
        # What was on its way came, and all of it is right.
        assert len(self.data) < len(LARGE)
        assert self.data == LARGE[: len(self.data)]
        return refused.code, refused.reason


def last_event(log: LogBook, since: int) -> AuditEvent:
    """The event that closes the download."""
    return log.wait_for(
        lambda e: e.action == "records.contents.download" and e.phase is Phase.CLOSED, since
    )


@pytest.mark.parametrize("end", [revoke, give_back])
def test_a_download_ends_when_its_check_out_is_taken_or_given_back(
    vault: RunningVault, log: LogBook, document: str, end: Any
) -> None:
    lent = agreed(vault, document).name
    size = log.size()
    running = Running(vault, document, lent)
    end(vault, lent)
    time.sleep(SOON)
    assert running.ends() == NOT_ACTIVE
    closed = last_event(log, size)
    # It says what was shown, to whom, by what; and that he is denied the rest.
    assert (closed.outcome, closed.reason) == NOT_ACTIVE
    assert closed.decision is Decision.DENIED
    assert (closed.actor, closed.check_out) == ("clerk", lent.rpartition("/")[2])
    assert closed.fields == (FIELD,)
    assert closed.resources == (f"{document.split('/', 2)[2]}/contents/1@1",)
    assert (closed.resource, closed.count) == (f"{document}/contents/1", 1)


@pytest.mark.alone
def test_within_a_second_of_the_revocation_nothing_more_leaves(
    vault: RunningVault, log: LogBook, document: str
) -> None:
    lent = agreed(vault, document).name
    size = log.size()
    # Somebody takes what comes, at some ten mebibytes a second.
    running = Running(vault, document, lent, pause=0.05)
    with ThreadPoolExecutor(1) as pool:
        ending = pool.submit(running.ends)
        time.sleep(0.7)
        revoke(vault, lent)
        assert ending.result() == NOT_ACTIVE
    revoked = log.wait_for(lambda e: e.action == "lending.check_outs.revoke", size)
    assert 0 < last_event(log, size).time - revoked.time < SOON * SECOND


@pytest.mark.parametrize("one_time", [False, True])
def test_a_download_ends_when_the_time_of_its_check_out_is_over(
    vault: RunningVault, register: Register, log: LogBook, document: str, one_time: bool
) -> None:
    lent = register.lend(
        document, FIELD, purpose="ONBOARDING_CDD", lasts=2 * SECOND, one_time=one_time
    )
    size = log.size()
    running = Running(vault, document, lent)
    time.sleep(2)
    assert running.ends() == NOT_ACTIVE
    closed = last_event(log, size)
    assert (closed.outcome, closed.reason) == NOT_ACTIVE
    assert (closed.fields, closed.count, closed.rows) == ((FIELD,), 1, ())


def test_a_one_time_download_goes_on_to_its_end_though_it_has_used_up_the_check_out(
    vault: RunningVault, register: Register, log: LogBook, document: str
) -> None:
    lent = agreed(vault, document, one_time=True).name
    size = log.size()
    running = Running(vault, document, lent)
    assert register.current(lent).stage is Stage.USED
    time.sleep(SOON)
    running.rest()
    assert running.data == LARGE
    assert last_event(log, size).outcome == "OK"
    again = refusal(partial(Running, vault, document, lent))
    assert (again.code, again.reason) == NOT_ACTIVE


def test_what_is_lent_on_goes_on_to_its_end(vault: RunningVault, document: str) -> None:
    # Another one of the same scan was taken back meanwhile.
    lent, other = agreed(vault, document).name, agreed(vault, document).name
    running = Running(vault, document, lent)
    revoke(vault, other)
    time.sleep(SOON)
    running.rest()
    assert running.data == LARGE


def test_who_needs_no_check_out_is_not_asked_for_one(vault: RunningVault, document: str) -> None:
    lent = agreed(vault, document).name
    running = Running(vault, document, "", who="compliance")
    revoke(vault, lent)
    time.sleep(SOON)
    running.rest()
    assert running.data == LARGE


# -- files and bundles that leave by a check-out, sealed -----------------------------------------

WHOLE = ("customer", "identity_document", "transaction")
WHOLE_FIELDS = {*WHOLE, FIELD, "transaction.content"}
KEY = recipient(RecipientKey.generate(hybrid=False).recipient)
Begin = Callable[[RunningVault, str, str], Iterator[Any]]


@pytest.fixture(scope="module")
def booking(vault: RunningVault, document: str) -> str:
    """A booking whose voucher is the large scan."""
    add_person(vault, "rescuer", "break_glass", person="p-rescuer")
    until_known(vault, "rescuer")
    booked = people.booking()
    booked.vouchers.append(document)
    return book(vault, document.rpartition("/documents/")[0], booked)


def produce(vault: RunningVault, booking: str, lent: str) -> Iterator[Any]:
    name = booking.rpartition("/transactions/")[0]
    request = xp.ProduceFileRequest(name=name, recipient=KEY, purpose=AUDIT, check_out=lent)
    stub = exports_pb2_grpc.ExportsStub(vault.channel("rescuer", TierName.FULL))
    return iter(stub.ProduceFile(request))


def reconstruct(vault: RunningVault, booking: str, lent: str) -> Iterator[Any]:
    request = bp.ReconstructTransactionRequest(
        name=booking, recipient=KEY, purpose=AUDIT, check_out=lent
    )
    return iter(bundles(vault, "rescuer").ReconstructTransaction(request))


def for_audit(register: Register, booking: str, **more: Any) -> str:
    """The whole file, lent."""
    name = booking.rpartition("/transactions/")[0]
    return register.lend(name, *WHOLE, person="p-rescuer", purpose="INTERNAL_AUDIT", **more)


@pytest.mark.parametrize("begin", [produce, reconstruct])
def test_a_sealed_file_ends_with_its_check_out_too(
    vault: RunningVault, register: Register, log: LogBook, booking: str, begin: Begin
) -> None:
    lent = for_audit(register, booking)
    size = log.size()
    stream = begin(vault, booking, lent)
    next(stream)
    register.end(lent, Stage.REVOKED)
    time.sleep(SOON)
    refused = refusal(lambda: stream)
    assert (refused.code, refused.reason) == NOT_ACTIVE
    closed = log.wait_for(lambda e: e.phase is Phase.CLOSED, size)
    assert (closed.outcome, closed.reason) == NOT_ACTIVE
    assert (closed.check_out, set(closed.fields)) == (lent.rpartition("/")[2], WHOLE_FIELDS)


@pytest.mark.parametrize("begin", [produce, reconstruct])
def test_a_sealed_file_that_used_up_its_check_out_goes_on_until_what_was_lent_is_over(
    vault: RunningVault, register: Register, log: LogBook, booking: str, begin: Begin
) -> None:
    lent = for_audit(register, booking, one_time=True)
    stream = begin(vault, booking, lent)
    taken = len(next(stream).data)
    time.sleep(SOON)
    assert taken + sum(len(message.data) for message in stream) > len(LARGE)
    lent = for_audit(register, booking, one_time=True, lasts=4 * SECOND)
    size = log.size()
    stream = begin(vault, booking, lent)
    next(stream)
    time.sleep(4)
    refused = refusal(lambda: stream)
    assert (refused.code, refused.reason) == NOT_ACTIVE
    # The register's row is named where it was written, and not again.
    opened, closed = (log.wait_for(_phase(one), size) for one in (Phase.OPENED, Phase.CLOSED))
    assert [row.name for row in opened.rows] == [f"{lent.split('/', 2)[2]}@2"]
    assert closed.rows == ()


def _phase(phase: Phase) -> Callable[[AuditEvent], bool]:
    return lambda event: event.phase is phase
