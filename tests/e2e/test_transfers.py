"""A customer's file goes from a vault on SQLite to one on PostgreSQL, over TLS, with history and
proofs: what was held there is held here, and what is not proved leaves nothing."""

import asyncio
import io
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.exceptions import InvalidTag
from google.protobuf import json_format
from sqlalchemy import text

from recordsvault.bundles.v1 import exports_pb2 as xp
from recordsvault.bundles.v1 import exports_pb2_grpc
from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault.life.v1 import life_pb2 as lp
from recordsvault.life.v1 import life_pb2_grpc, merges_pb2_grpc
from recordsvault.life.v1 import merges_pb2 as mp
from recordsvault.life.v1 import subjects_pb2 as sp
from recordsvault.masked.v1 import masked_pb2 as vp
from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.retention.v1 import retention_pb2 as tp
from recordsvault.type.v1 import purpose_pb2
from recordsvault_client import ArrivingFile, AsyncVaultClient, Profile, Recipient
from tests.cli.test_with_the_vault import ctl, profile
from tests.e2e import people, test_subjects
from tests.e2e.access_changes import seconds_until
from tests.e2e.calls import SERVING, contents, create, get, update
from tests.e2e.test_bundle_tampering import Scene, events, exchanged, packed
from tests.e2e.test_merges import agree, propose
from tests.e2e.test_retention import compartment, holds
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import add_person
from tests.support.bundles import (
    ALONE,
    Files,
    Ledger,
    ledger,
    recipient,
    reconstruct,
    refused_by,
    unpack,
)
from tests.support.contents import download, scan, upload
from tests.support.databases import PostgresServer
from tests.support.lending import PARENT, until_known
from tests.support.running_vault import ORIGIN, OTHER, RunningVault, other
from tests.support.transfers import (
    CASE,
    KEY,
    ORDER,
    TAKER,
    Sent,
    asked,
    hand_over,
    lent,
    opened,
    receive,
    shown,
    stub,
    trusting,
)
from vault.audit import Phase
from vault.audit.log_sources import StoreSource
from vault.audit.note import VerifierKey
from vault.audit.signers import Signers
from vault.audit.verify_rows import verify_rows
from vault.bundles import ManifestSigner, open_envelope
from vault.bundles.verifying import BundleFiles, BundleInvalid, verify_evidence
from vault.kms.signing import Purpose, SigningKeys, create_signing_keys
from vault.server.settings import TierName
from vault.store import Database

BACK_END = other("backend")
COUNTED = ("customers", "documents", "transactions", "contents", "arrivals", "origins")


@dataclass
class Vaults:
    """Both, with a file in the giver's that has everything, and its opened bundle."""

    giver: RunningVault
    taker: RunningVault
    books: Ledger
    tar: bytes

    def there(self) -> dict[str, int]:
        """How many rows the taker has."""
        database = Database(self.taker.database)
        try:
            return {
                table: database.read_sync(
                    lambda conn, table=table: conn.execute(  # type: ignore[misc]  # bound here
                        text(f"SELECT COUNT(*) FROM {table}")
                    ).scalar_one()
                )
                for table in COUNTED
            }
        finally:
            database.dispose()

    def bundle(self, *customers: str) -> bytes:
        (tar,) = opened(hand_over(self.giver, *customers)).values()
        return tar


@pytest.fixture(scope="module")
def vaults(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Vaults]:
    here, there = tmp_path_factory.mktemp("giver"), tmp_path_factory.mktemp("taker")
    database = postgres_server.create(migrated=True)
    giver = RunningVault(here, f"sqlite:///{here}/vault.db")
    taker = RunningVault(there, postgres_server.url(database), origin="other.bank/log")
    with trusting(giver, taker):
        books = ledger(giver)
        changed = get(giver, books.customer)
        changed.phones[:] = ["+8613900139000"]
        update(giver, changed, "phones")
        (tar,) = opened(hand_over(giver, books.customer)).values()
        yield Vaults(giver, taker, books, tar)
    postgres_server.drop(database)


def read(vault: RunningVault, who: str, name: str, **more: Any) -> Customer:
    request = rp.GetCustomerRequest(name=name, purpose=SERVING, **more)
    return vault.records(who).GetCustomer(request).customer


def listed(vault: RunningVault, who: str, name: str) -> tuple[list[Any], list[Any]]:
    """Documents and transactions, oldest first."""
    records = vault.records(who)
    papers = records.ListIdentityDocuments(
        rp.ListIdentityDocumentsRequest(parent=name, purpose=SERVING)
    )
    booked = records.ListTransactions(rp.ListTransactionsRequest(parent=name, purpose=SERVING))
    return list(papers.identity_documents), list(booked.transactions)


def renamed(message: Any, old: str, new: str) -> Any:
    """A record with the names of the file there as they are here."""
    return json_format.Parse(json_format.MessageToJson(message).replace(old, new), type(message)())


def code(call: Callable[[], object]) -> str:
    return refusal(call).reason


@pytest.fixture(scope="module")
def received(vaults: Vaults) -> pb.ReceiveFileResponse:
    """The file, taken in."""
    assert vaults.there()["customers"] == 0
    return receive(vaults.taker, vaults.tar, customer_number="N-1")


def refused_whole(vaults: Vaults, call: Callable[[], object]) -> str:
    before = vaults.there()
    reason = code(call)
    assert vaults.there() == before
    return reason


# -- what is not proved ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scene(vaults: Vaults) -> Scene:
    """The bundle, and the key that it was signed with, which nobody but the giver has."""
    keys = SigningKeys(vaults.giver.folder / "kms" / "full", Purpose.LOG)
    signer = ManifestSigner(Signers(keys, ORIGIN, lambda: 0))
    vkey = (vaults.giver.folder / "log.vkey").read_text().strip()
    return Scene(vaults.tar, unpack(vaults.tar), vkey, signer)


def altered(data: bytes) -> bytes:
    place = data.index(b"+8613900139000")
    return data[:place] + b"+8613900139001" + data[place + 14 :]


def without(files: Files, path: str) -> Files:
    return {name: data for name, data in files.items() if name != path}


LIES: dict[str, Callable[[Scene], bytes]] = {
    "a byte is another": lambda s: altered(s.data),
    "a plaintext is another": lambda s: packed(
        s, s.files | {"rows/2.plain": s.files["rows/2.plain"].replace(b"+86139", b"+86138")}
    ),
    "two proofs are swapped": lambda s: packed(
        s, exchanged(s.files, *events(s.files, ".tlog-proof")[:2])
    ),
    "a version is missing": lambda s: packed(
        s, without(without(s.files, "rows/1.json"), "rows/1.plain")
    ),
    "an event is missing": lambda s: packed(s, without(s.files, events(s.files, ".json")[0])),
    "a scan is missing": lambda s: packed(
        s, without(s.files, next(one for one in s.files if one.startswith("contents/")))
    ),
    "it is of another customer": lambda s: packed(
        s, s.files, name="institutions/demo-bank/customers/01m8r6gf6g5dek10zybcpn0ysq"
    ),
    "it is no transfer": lambda s: packed(s, s.files, kind="transaction"),
    "it is a file that proves nothing": lambda s: packed(s, s.files, kind="file"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_proved_leaves_nothing_also_if_the_log_has_signed_it(
    vaults: Vaults, scene: Scene, lie: str
) -> None:
    tar = LIES[lie](scene)
    assert refused_whole(vaults, lambda: receive(vaults.taker, tar)) == "TRANSFER_NOT_PROVED"


def test_a_log_is_believed_by_its_own_key_alone(
    vaults: Vaults, scene: Scene, tmp_path: Any
) -> None:
    create_signing_keys(tmp_path, Purpose.LOG)
    forger = ManifestSigner(Signers(SigningKeys(tmp_path, Purpose.LOG), ORIGIN, lambda: 0))
    forged = packed(scene, scene.files, forger)
    assert refused_whole(vaults, lambda: receive(vaults.taker, forged)) == "TRANSFER_NOT_PROVED"
    unknown = packed(scene, scene.files, log="nobody.bank/log")
    assert refused_whole(vaults, lambda: receive(vaults.taker, unknown)) == "LOG_NOT_TRUSTED"
    # The taker's own key speaks for the taker, not for the giver, nor the other way round.
    receive_as = partial(receive, vaults.taker, vaults.tar)
    assert (
        refused_whole(vaults, lambda: receive_as(origin_log="other.bank/log")) == "LOG_NOT_TRUSTED"
    )
    digest = bytes(32)
    assert refused_whole(vaults, lambda: receive_as(manifest_sha256=digest)) == (
        "TRANSFER_NOT_PROVED"
    )


def test_a_stream_that_breaks_off_or_says_another_size_leaves_nothing(vaults: Vaults) -> None:
    for size in (len(vaults.tar) - 1, len(vaults.tar) + 1):
        call = partial(receive, vaults.taker, vaults.tar, size=size)
        assert refused_whole(vaults, call) == "TRANSFER_OUT_OF_ORDER"
    nobody = partial(receive, vaults.taker, vaults.tar, custodian="nobody-here")
    assert refused_whole(vaults, nobody) == "NO_SUCH_CUSTODIAN"


def test_a_file_of_a_branch_that_the_caller_does_not_reach_is_not_taken_in(
    vaults: Vaults,
) -> None:
    add_person(vaults.taker, "limited", "custodian", institution=OTHER, branches=["B-1"])
    request = pb.GetTransferRequest(name=f"{TAKER}/customers/{'0' * 26}")
    seconds_until(partial(stub(vaults.taker, "limited").GetTransfer, request), "NOT_FOUND")
    call = partial(receive, vaults.taker, vaults.tar, "limited")
    assert refused_whole(vaults, call) == "OUTSIDE_SCOPE"


def test_both_verifiers_accept_it(vaults: Vaults) -> None:
    vkey = (vaults.giver.folder / "log.vkey").read_text().strip()
    assert "10 records" in ALONE.verify(ALONE.Tar(io.BytesIO(vaults.tar)), [vkey])


# -- what is held ------------------------------------------------------------------------------


def test_every_version_is_here_and_one_more_that_says_who_keeps_it(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    name = received.name
    for number in (1, 2):
        before = read(vaults.giver, "backend", vaults.books.customer, version=number)
        now = read(vaults.taker, BACK_END, name, version=number)
        # It is true from the day on which it was recorded there.
        day = before.update_time.ToDatetime().date()
        assert (now.valid_from.year, now.valid_from.month, now.valid_from.day) == (
            day.year,
            day.month,
            day.day,
        )
        before.valid_from.CopyFrom(now.valid_from)
        assert contents(now) == contents(before)
    own = read(vaults.taker, BACK_END, name)
    assert (own.version, own.branch, own.customer_number) == (3, "B-77", "N-1")
    assert own.relationship.custodian == other("custodian")
    assert own.change_reason == "Taken over by order 2026-7"
    last = read(vaults.giver, "backend", vaults.books.customer)
    assert own.natural_person == last.natural_person and own.phones == last.phones


def test_documents_transactions_and_scans_are_the_same_by_the_same_identifiers(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    books, name = vaults.books, received.name
    before, now = (
        listed(vaults.giver, "backend", books.customer),
        listed(vaults.taker, BACK_END, name),
    )
    for there, here in zip(before, now, strict=True):
        assert [one.name for one in here] == [
            one.name.replace(books.customer, name) for one in there
        ]
        assert list(map(contents, here)) == [
            renamed(contents(one), books.customer, name) for one in there
        ]
    third, fourth = now[1][2], now[1][3]
    assert list(third.corrected_by) == [fourth.name] and fourth.corrects == third.name
    document = books.document.replace(books.customer, name)
    records = vaults.taker.records(BACK_END)
    assert download(records, f"{document}/contents/1") == scan(100_000)
    assert download(records, f"{third.name}/contents/1") == scan(50_000, seed=2)


def test_it_is_found_masked_pictured_and_claimed_like_any_other(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    own = read(vaults.taker, BACK_END, received.name)
    number = own.natural_person.identity.number
    masked = vaults.taker.masked(other("crm"))
    found = masked.SearchMaskedCustomers(
        vp.SearchMaskedCustomersRequest(parent=TAKER, identity_number=number)
    )
    assert [one.name for one in found.customers] == [received.name]
    assert number not in str(found)
    twice = Customer()
    twice.CopyFrom(contents(own))
    twice.customer_number = "N-2"
    request = rp.CreateCustomerRequest(parent=TAKER, customer=twice)
    refused = refusal(lambda: vaults.taker.records(BACK_END).CreateCustomer(request))
    assert refused.metadata["existing"] == received.name
    later = Customer(name=received.name, phones=["+8613700137000"], etag=own.etag)
    later.change_reason = "Moved"
    assert update_of(vaults.taker, later).version == 4


def update_of(vault: RunningVault, customer: Customer) -> Customer:
    request = rp.UpdateCustomerRequest(customer=customer)
    request.update_mask.paths[:] = ["phones", "change_reason"]
    return vault.records(BACK_END).UpdateCustomer(request).customer


def test_the_times_of_before_are_kept_and_a_read_as_of_a_day_is_by_them(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    books = vaults.books
    there = read(vaults.giver, "backend", books.customer, version=2)
    told = shown(vaults.taker, received.name, other("custodian"))
    assert (told.arrival.origin, told.arrival.origin_log) == (books.customer, ORIGIN)
    assert told.arrival.acknowledgement == received.acknowledgement
    times = {(one.name, one.version): one for one in told.origins}
    assert len(times) == 10
    assert times[received.name, 2].record_time == there.update_time
    assert times[received.name, 2].recorded_by == "backend"
    day = there.update_time.ToDatetime().date()
    asked_for = people.day(day)
    assert read(vaults.taker, BACK_END, received.name, as_of=asked_for).version >= 2
    # Before it came, this vault knew nothing of it.
    early = rp.GetCustomerRequest(name=received.name, purpose=SERVING, known_at=there.update_time)
    refused = refusal(lambda: vaults.taker.records(BACK_END).GetCustomer(early))
    assert refused.code == "NOT_FOUND"


def test_the_log_has_every_row_of_it(vaults: Vaults, received: pb.ReceiveFileResponse) -> None:
    for vault in (vaults.giver, vaults.taker):
        vault.until_covered()
        database = Database(vault.database)
        size = database.read_sync(
            lambda conn: conn.execute(text("SELECT MAX(size) FROM log_checkpoints")).scalar_one()
        )
        database.dispose()
        assert [one.place for one in verify_rows(StoreSource(vault.database), size)] == []


def kept_of(vault: RunningVault, name: str) -> list[bytes]:
    """What proves a file that came to the other bank, out of the whole file as it is produced."""
    request = xp.ProduceFileRequest(
        name=name,
        purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
        recipient=recipient(KEY.recipient),
    )
    channel = vault.channel(other("compliance"), TierName.FULL)
    produced = exports_pb2_grpc.ExportsStub(channel).ProduceFile(request)
    sealed = b"".join(one.data for one in produced)
    files = unpack(b"".join(open_envelope(KEY, [sealed])))
    return [data for path, data in files.items() if path.startswith("contents/transfers/")]


def test_nothing_of_it_lies_in_clear_where_it_came_in(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    objects = [one for one in (vaults.taker.folder / "blobs").rglob("*") if one.is_file()]
    assert objects
    assert not [one for one in objects if b"+8613900139000" in one.read_bytes()]


def test_what_proves_it_is_kept_by_scopes_and_is_proved_by_the_log_it_came_from(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    kept = kept_of(vaults.taker, received.name)
    vkey = (vaults.giver.folder / "log.vkey").read_text().strip()

    def proved(data: bytes) -> tuple[str, int]:
        own = verify_evidence(BundleFiles(io.BytesIO(data)), [VerifierKey.parse(vkey)], ORIGIN)
        alone = ALONE.verify(ALONE.Tar(io.BytesIO(data)), [vkey])
        return alone.split(": ")[1].split(" ")[0], own.records

    # The customer's two versions, a document and its scan; then the bookings and theirs.
    assert sorted(map(proved, kept)) == [("4", 4), ("6", 6)]
    for data in kept:
        place = data.index(b'"base64":"') + 400
        lie = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        with pytest.raises(BundleInvalid):
            verify_evidence(BundleFiles(io.BytesIO(lie)), [VerifierKey.parse(vkey)], ORIGIN)
        with pytest.raises((ValueError, InvalidTag)):
            ALONE.verify(ALONE.Tar(io.BytesIO(lie)), [vkey])
        # What is let go of with the bookings is not in what stays with the customer.
        assert (b"institution_reference" in data) is not (b"natural_person" in data)


def test_a_transaction_of_it_is_reconstructed_by_this_vaults_own_proofs(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    third = vaults.books.third.replace(vaults.books.customer, received.name)
    sealed = reconstruct(vaults.taker, third, KEY.recipient, who=other("compliance"))
    tar = b"".join(open_envelope(KEY, [sealed]))
    vkey = (vaults.taker.folder / "log.vkey").read_text().strip()
    assert refused_by(tar, vkey) == set()
    # This vault knew of the customer after the booking, and says so.
    assert json.loads(unpack(tar)["manifest.json"])["facts"]["customer_known_then"] is False


def test_both_logs_tell_of_it_and_the_feed_of_changes_of_records_alone(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    there, here = LogBook(vaults.giver.database), LogBook(vaults.taker.database)
    try:
        left = [one for one in there.since(0) if one.action == "records.files.transfer"]
        came = [one for one in here.since(0) if one.customer == received.name[-26:]]
    finally:
        there.close()
        here.close()
    customer = vaults.books.customer[-26:]
    named = [one for one in left if f"customers/{customer}@2" in one.resources]
    assert any(f"recipients/{KEY.recipient.fingerprint.hex()}" in one.resources for one in named)
    rows = [row.name for one in left for row in one.rows]
    assert any(name.startswith(f"customers/{customer}/departures/") for name in rows)
    steps = [one for one in came if one.action == "life.transfers.receive" and one.rows]
    assert len({one.call_id for one in steps}) == 1 and steps[-1].phase is Phase.CLOSED
    followed = life_pb2_grpc.LifeStub(
        vaults.taker.channel(other("custodian"), TierName.FULL)
    ).WatchChanges(lp.WatchChangesRequest(parent=TAKER))
    told = [change.name for answer in followed for change in answer.changes]
    mine = [name for name in told if name.startswith(received.name)]
    # Three versions of the customer, a document, five bookings, two scans, and what came later.
    assert len(mine) >= 11 and not [name for name in mine if "/transfers/" in name]


def test_sent_again_it_is_answered_with_what_was_made_of_it(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    before = vaults.there()
    again = receive(vaults.taker, vaults.tar)
    assert (again.name, again.acknowledgement) == (received.name, received.acknowledgement)
    assert again.repeated and not received.repeated
    assert vaults.there() == before
    # Another bundle of the same file is no reason to store it twice.
    later = vaults.bundle(vaults.books.customer)
    refused = refusal(lambda: receive(vaults.taker, later))
    assert refused.reason == "FILE_ALREADY_RECEIVED"
    assert refused.metadata["existing"] == received.name


# -- who has it already ------------------------------------------------------------------------


def test_whom_the_institution_has_already_is_refused_or_stands_beside_for_a_merge(
    vaults: Vaults,
) -> None:
    person = people.person()
    there = create(vaults.giver, person).name
    request = rp.CreateCustomerRequest(parent=TAKER, customer=person)
    here = vaults.taker.records(BACK_END).CreateCustomer(request).customer.name
    tar = vaults.bundle(there)
    before = vaults.there()
    refused = refusal(lambda: receive(vaults.taker, tar))
    assert refused.reason == "IDENTITY_ALREADY_HELD" and refused.metadata["existing"] == here
    assert vaults.there() == before
    beside = receive(vaults.taker, tar, beside_existing=True)
    assert [(one.reason, one.where) for one in beside.warnings] == [("NUMBER_HELD", here)]
    merges = merges_pb2_grpc.MergesStub(vaults.taker.channel(other("custodian"), TierName.FULL))
    proposed = merges.ProposeMerge(
        mp.ProposeMergeRequest(name=beside.name, into=here, reason="One customer")
    ).proposal
    assert proposed.into == here


# -- and on to a third -------------------------------------------------------------------------


def test_a_file_that_goes_on_has_what_proved_it_there_and_then_with_it(vaults: Vaults) -> None:
    giver, taker = vaults.giver, vaults.taker
    add_person(taker, "keeper-of-files", "custodian")
    made = ledger(giver)
    second = receive(
        taker, vaults.bundle(made.customer), "custodian", parent=PARENT, custodian="custodian"
    ).name
    until_known(taker, "keeper-of-files")
    (tar,) = opened(hand_over(taker, second)).values()
    # Another institution of the vault that it came from, on SQLite.
    third = receive(giver, tar).name
    assert {one.version for one in shown(giver, third, other("custodian")).origins} == {1, 2}
    for number in (1, 2):
        here = read(giver, BACK_END, third, version=number)
        there = read(taker, "backend", second, version=number)
        there.valid_from.CopyFrom(here.valid_from)
        assert contents(here) == contents(there)
    before, now = listed(giver, "backend", made.customer), listed(giver, BACK_END, third)
    for first, last in zip(before, now, strict=True):
        assert list(map(contents, last)) == [
            renamed(contents(one), made.customer, third) for one in first
        ]
    document = made.document.replace(made.customer, third)
    assert download(giver.records(BACK_END), f"{document}/contents/1") == scan(100_000)
    proved = []
    for data in kept_of(giver, third):
        for vault in (giver, taker):
            vkey = (vault.folder / "log.vkey").read_text().strip()
            with suppress(ValueError):
                found = ALONE.verify(ALONE.Tar(io.BytesIO(data)), [vkey])
                proved.append((vault.origin, found.split(": ")[1].split(" ")[0]))
    # By the first log what it had, and by the second that, a version more and the first's proofs.
    assert sorted(proved) == [
        (ORIGIN, "3"), (ORIGIN, "6"), ("other.bank/log", "5"), ("other.bank/log", "7"),
    ]  # fmt: skip


# -- broken off --------------------------------------------------------------------------------


def test_a_vault_that_is_killed_midway_goes_on_where_it_was(vaults: Vaults) -> None:
    made = ledger(vaults.giver)
    for page in (2, 3, 4):
        upload(vaults.giver.records(), made.document, scan(300_000, seed=page), page=page)
    tar = vaults.bundle(made.customer)
    before = vaults.there()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(receive, vaults.taker, tar)
        while vaults.there()["arrivals"] == before["arrivals"]:
            time.sleep(0.01)
        vaults.taker.kill(TierName.FULL)
        with pytest.raises(grpc.RpcError):
            first.result(60)
    vaults.taker.start(TierName.FULL)
    broken = vaults.there()
    assert broken["arrivals"] == before["arrivals"] + 1
    done = receive(vaults.taker, tar)
    assert done.repeated and done.acknowledgement
    grown = {name: count - before[name] for name, count in vaults.there().items()}
    # One more version of the customer, and what proves the file and the year of its bookings.
    assert grown == {
        "customers": 2,
        "documents": 1,
        "transactions": 5,
        "contents": 7,
        "arrivals": 2,
        "origins": 12,
    }
    document = made.document.replace(made.customer, done.name)
    records = vaults.taker.records(BACK_END)
    assert download(records, f"{document}/contents/4") == scan(300_000, seed=4)


# -- who agreed, and who is told ---------------------------------------------------------------


def test_files_go_to_whom_two_have_agreed_to_and_for_an_order_only(vaults: Vaults) -> None:
    giver = stub(vaults.giver, "keeper-of-files")
    out = lent(vaults.giver, reason="To whoever it may be")
    refused = refusal(lambda: list(giver.TransferFiles(asked(out, vaults.books.customer))))
    assert refused.reason == "RECIPIENT_NOT_AGREED"
    nothing = refusal(lambda: list(giver.TransferFiles(asked("", vaults.books.customer))))
    assert nothing.code == "PERMISSION_DENIED"
    program = stub(vaults.giver, "backend")
    assert refusal(lambda: list(program.TransferFiles(asked(out)))).code == "PERMISSION_DENIED"


def test_a_transfer_that_broke_off_goes_on_behind_its_last_file_and_counts_add_up(
    vaults: Vaults,
) -> None:
    giver = stub(vaults.giver, "keeper-of-files")
    first, second = sorted(create(vaults.giver).name for _ in range(2))
    out = lent(vaults.giver)
    stream = giver.TransferFiles(asked(out, first, second))
    assert next(one.customer for one in stream if one.line) == first
    stream.cancel()
    answers = list(giver.TransferFiles(asked(out, first, second, after=first)))
    assert {one.customer for one in answers if one.customer} == {second}
    facts = json.loads(answers[-1].manifest)["facts"]
    assert (facts["bundles"], facts["after"]) == ("transfer", first[-26:])
    assert facts["complete"] and facts["reconciled"] and facts["files"] == 1


def test_a_hold_is_kept_here_and_nothing_of_it_goes_along(vaults: Vaults) -> None:
    held = ledger(vaults.giver, scans=False)
    before = unpack(vaults.bundle(held.customer))
    case = compartment(vaults.giver)
    hold = hold_of(held.customer)
    holds(vaults.giver, "investigator").PlaceHold(hold(case))
    after = unpack(vaults.bundle(held.customer))
    rows = [path for path in before if path.startswith("rows/")]
    assert [path for path in after if path.startswith("rows/")] == rows
    assert all(before[path] == after[path] for path in rows if path.endswith(".plain"))
    assert not any(b"ompartment" in data for data in after.values())


def test_what_a_person_has_asked_about_his_data_is_answered_here_and_does_not_go_along(
    vaults: Vaults,
) -> None:
    books = ledger(vaults.giver, scans=False)
    request = test_subjects.file(vaults.giver, books.customer, sp.SUBJECT_REQUEST_KIND_ACCESS)
    files = unpack(vaults.bundle(books.customer))
    assert not any(
        part in data
        for data in files.values()
        for part in (test_subjects.WORDS.encode(), b"subjectRequests", request.name[-26:].encode())
    )
    found = test_subjects.look(vaults.giver, request)
    assert found.outcome == sp.SUBJECT_REQUEST_OUTCOME_OPEN
    assert [one.text for one in found.said] == [test_subjects.WORDS]


def hold_of(customer: str) -> Callable[[str], Any]:
    hold = tp.Hold(customer=customer, authority="A court", reference="2 O 17/26")
    return lambda case: tp.PlaceHoldRequest(parent=case, hold=hold, request_id=people.new_id())


# -- acknowledged ------------------------------------------------------------------------------


def test_an_acknowledgement_ends_the_relationship_where_the_file_came_from(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    name, note = vaults.books.customer, received.acknowledgement
    keeper = stub(vaults.giver, "keeper-of-files")

    def acknowledge(name: str, note: bytes) -> pb.Departure:
        request = pb.AcknowledgeTransferRequest(name=name, acknowledgement=note)
        return keeper.AcknowledgeTransfer(request).departure

    lie = note.replace(b"\nas institutions/other-bank", b"\nas institutions/third-bank")
    assert code(lambda: acknowledge(name, lie)) == "LOG_NOT_TRUSTED"
    stranger = create(vaults.giver).name
    assert code(lambda: acknowledge(stranger, note)) == "NEVER_TRANSFERRED"
    version = get(vaults.giver, name).version
    done = acknowledge(name, note)
    assert done.received_as == received.name
    ended = get(vaults.giver, name)
    assert ended.version == version + 1 and ended.relationship.HasField("end_date")
    assert received.name in ended.change_reason and "other.bank/log" in ended.change_reason
    # It is the same the second time.
    assert acknowledge(name, note) == done and get(vaults.giver, name).version == version + 1
    told = shown(vaults.giver, name, "keeper-of-files")
    assert [one.received_as for one in told.departures if one.received_as] == [received.name]
    assert not told.HasField("arrival")


def test_a_file_that_was_merged_is_acknowledged_by_the_name_that_it_left_under(
    vaults: Vaults,
) -> None:
    old, kept = create(vaults.giver), create(vaults.giver)
    agree(vaults.giver, propose(vaults.giver, old.name, kept.name))
    got = receive(vaults.taker, vaults.bundle(old.name), customer_number=f"M-{old.name[-12:]}")
    keepers = stub(vaults.giver, "keeper-of-files")

    def acknowledge(name: str) -> pb.AcknowledgeTransferResponse:
        return keepers.AcknowledgeTransfer(
            pb.AcknowledgeTransferRequest(name=name, acknowledgement=got.acknowledgement)
        )

    # The receipt is of the file that left, not of the one which it points to.
    assert code(partial(acknowledge, kept.name)) == "NEVER_TRANSFERRED"
    done = acknowledge(old.name)
    assert done.departure.received_as == got.name
    assert acknowledge(old.name) == done
    ended = read(vaults.giver, "backend", old.name, version=2)
    assert ended.relationship.HasField("end_date")
    assert got.name in ended.change_reason
    assert not get(vaults.giver, kept.name).relationship.HasField("end_date")
    # Nothing else may change it: who has come with a record is told the name to use.
    ended.branch = "BJ-09"
    assert code(partial(update, vaults.giver, ended, "branch")) == "CUSTOMER_MERGED"


def test_the_asyncio_client_does_all_of_it(
    vaults: Vaults, received: pb.ReceiveFileResponse
) -> None:
    giver, taker = vaults.giver, vaults.taker
    name = create(giver).name
    check_out = lent(giver)

    async def main() -> None:
        async with AsyncVaultClient(Profile.load(profile(giver, "keeper-of-files"))) as out:
            to = Recipient(KEY.recipient.x25519)
            answers = [
                one
                async for one in out.transfers.hand_over(
                    to, purpose=ORDER, case_reference=CASE, check_out=check_out, customers=[name]
                )
            ]
            (tar,) = opened(answers).values()
            async with AsyncVaultClient(Profile.load(profile(taker, "custodian"))) as into:
                start = next(Sent(tar).messages()).start
                file = ArrivingFile(
                    name, ORIGIN, start.manifest_sha256, "B-1", "custodian", "A-1", "Ordered"
                )
                done = await into.transfers.take_in(file, io.BytesIO(tar), len(tar))
                shown_here = await into.transfers.get(done.name)
                assert shown_here.arrival.origin == name
            departed = await out.transfers.acknowledge(name, done.acknowledgement)
            assert departed.received_as == done.name

    asyncio.run(main())


# -- at the terminal ---------------------------------------------------------------------------


@pytest.mark.slow
def test_a_file_goes_and_comes_and_is_acknowledged_at_the_terminal(
    vaults: Vaults, tmp_path: Path
) -> None:
    giver, taker = vaults.giver, vaults.taker
    made = ledger(giver, scans=False)
    public, private = tmp_path / "taker.pub", tmp_path / "taker.key"
    public.write_bytes(KEY.public_pem())
    private.write_bytes(KEY.pem())

    def done(vault: RunningVault, who: str, *arguments: object) -> str:
        ended = ctl(vault, who, "transfer", *map(str, arguments))
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    told = done(
        giver, "keeper-of-files", "out", "--customer", made.customer, "--out", tmp_path / "out",
        "--recipient", public, "--purpose", "regulator_request", "--case", CASE,
        "--check-out", lent(giver),
    )  # fmt: skip
    assert told.startswith("1 files are in")
    taken = (
        "in", tmp_path / "out", "--key", giver.folder / "log.vkey", "--private-key", private,
        "--branch", "B-9", "--custodian", "custodian", "--reason", "Ordered",
        "--number-prefix", "X-", "--to", tmp_path / "new" / "receipts",
    )  # fmt: skip
    here = json.loads(done(taker, "custodian", *taken, "--json"))
    assert "already" in done(taker, "custodian", *taken)
    (note,) = (tmp_path / "new" / "receipts").glob("*.ack")
    assert here["acknowledgement_file"] == str(note)
    request = rp.GetCustomerRequest(name=here["name"], purpose=SERVING)
    own = taker.records().GetCustomer(request).customer
    assert own.customer_number == f"X-{get(giver, made.customer).customer_number}"
    assert here["name"] in done(giver, "keeper-of-files", "acknowledge", note)
    assert "received as" in done(giver, "keeper-of-files", "show", made.customer)
    shown_here = done(taker, "custodian", "show", here["name"])
    assert made.customer in shown_here and shown_here.count("was recorded there") == 7
