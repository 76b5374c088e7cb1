"""A transaction leaves the vault with all that proves it, sealed to whom it is for: over TLS, on
both databases, verified by a program that knows nothing of the vault."""

import json
import tarfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money

from recordsvault.accounts.v1 import accounts_pb2 as ap
from recordsvault.audit.v1 import audit_pb2
from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.e2e import people
from tests.e2e.calls import create, get, update
from tests.e2e.test_merges import agree, propose
from tests.e2e.wire import LogBook, refusal
from tests.support.borrowing import Register, add_person
from tests.support.bundles import (
    Files,
    Ledger,
    accounts,
    asked,
    book,
    bundles,
    ledger,
    reconstruct,
    unsealed,
    verify,
)
from tests.support.contents import scan
from tests.support.lending import until_known
from tests.support.running_vault import RunningVault
from vault.audit import Phase
from vault.bundles import RecipientKey
from vault.services.reconstructing.proofs import MOST_ACCESSES

KEY = RecipientKey.generate(hybrid=False)
HYBRID = RecipientKey.generate(hybrid=True)


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    return each_vault


@pytest.fixture(scope="module")
def books(vault: RunningVault) -> Ledger:
    return ledger(vault)


def vkey(vault: RunningVault) -> str:
    return (vault.folder / "log.vkey").read_text()


def opened(data: bytes, key: RecipientKey = KEY) -> Files:
    return unsealed(data, key)


@pytest.fixture(scope="module")
def bundle(vault: RunningVault, books: Ledger) -> bytes:
    return reconstruct(vault, books.third, KEY.recipient)


@pytest.mark.parametrize("key", [KEY, HYBRID], ids=["x25519", "hybrid"])
def test_the_verifier_alone_proves_a_bundle(
    vault: RunningVault, books: Ledger, tmp_path: Path, key: RecipientKey
) -> None:
    data = reconstruct(vault, books.third, key.recipient)
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.pem())
    done = verify(tmp_path, data, vkey(vault), "--key", pem, "--open", tmp_path / "opened.tar")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{books.third}: 9 records and ")
    with tarfile.open(tmp_path / "opened.tar") as tar:
        assert "page.html" in tar.getnames()


def test_everything_is_in_it(bundle: bytes, books: Ledger) -> None:
    files = opened(bundle)
    entry = json.loads(files["transaction.json"])
    assert entry["SplmtryData"][0]["PlcAndNm"] == books.third
    assert entry["Amt"]["Ccy"] == "CNY"
    rest = entry["SplmtryData"][0]["Envlp"]
    assert rest["channel"]["device_id"] == "dev-of-the-third"
    assert rest["channel"]["network_address"] == "203.0.113.7"
    assert rest["agent"]["full_name"] == "李代办"
    account = json.loads(files["account.json"])
    numbers = [[one["NtryRef"] for one in account[side]] for side in ("before", "after")]
    assert numbers == [["1", "2"], ["4", "5"]]
    (related,) = json.loads(files["related.json"])
    assert related["relation"] == "corrected_by"
    assert json.loads(files["party.json"])["SplmtryData"][0]["PlcAndNm"] == books.customer
    vouchers = json.loads(files["vouchers.json"])
    assert [one["SplmtryData"][0]["PlcAndNm"] for one in vouchers["documents"]] == [books.document]
    assert [files[one["file"]] for one in vouchers["contents"]] == [
        scan(50_000, seed=2),
        scan(100_000),
    ]
    assert b"<script" not in files["page.html"] and b"http" not in files["page.html"].replace(
        b"http-equiv", b""
    )


def test_who_has_looked_is_in_it_but_not_that_there_is_an_investigation(
    vault: RunningVault,
) -> None:
    books = ledger(vault, scans=False)
    get_transaction(vault, books.third, purpose_pb2.PURPOSE_INTERNAL_AUDIT)
    secret = purpose_pb2.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION
    get_transaction(vault, books.third, secret, "case 1")

    def purposes(data: bytes) -> list[str]:
        accesses = json.loads(opened(data)["accesses.json"])
        return [one["purpose"] for one in accesses if one["action"] == "records.transactions.get"]

    plain = reconstruct(vault, books.third, KEY.recipient)
    assert purposes(plain) == ["INTERNAL_AUDIT"]
    assert b"INVESTIGATION" not in b"".join(opened(plain).values())
    known = reconstruct(vault, books.third, KEY.recipient, purpose=secret, case_reference="case 1")
    assert purposes(known) == ["INTERNAL_AUDIT", "SUSPICIOUS_ACTIVITY_INVESTIGATION"]


def get_transaction(vault: RunningVault, name: str, purpose: Any, case: str = "") -> None:
    vault.records("compliance").GetTransaction(
        pb.GetTransactionRequest(name=name, purpose=purpose, case_reference=case)
    )


def test_the_customer_is_the_one_of_that_day(vault: RunningVault) -> None:
    books = ledger(vault, scans=False)
    before = get(vault, books.customer)
    before.phones[:] = ["+8613900139000"]
    update(vault, before)
    files = opened(reconstruct(vault, books.third, KEY.recipient))
    # It was booked before the customer was recorded: the earliest version there is.
    assert json.loads(files["manifest.json"])["facts"]["customer_known_then"] is False
    assert json.loads(files["party.json"])["SplmtryData"][0]["Envlp"]["version"] == 1
    assert b"13900139000" not in b"".join(files.values())


def test_the_page_is_in_the_language_that_was_asked_for(vault: RunningVault, books: Ledger) -> None:
    chinese = reconstruct(vault, books.third, KEY.recipient, language=bp.LANGUAGE_ZH_CN)
    assert "交易重现" in opened(chinese)["page.html"].decode()


def test_the_log_knows_what_left_and_for_whom(
    vault: RunningVault, books: Ledger, log: LogBook
) -> None:
    position = log.size()
    data = reconstruct(vault, books.third, KEY.recipient)
    begun, ended = [
        one for one in log.since(position) if one.action == "records.transactions.reconstruct"
    ]
    assert (begun.phase, ended.phase) == (Phase.OPENED, Phase.CLOSED)
    assert f"recipients/{KEY.recipient.fingerprint.hex()}" in begun.resources
    assert {books.third.split("/", 2)[2] + "@1", books.customer.split("/", 2)[2] + "@1"} <= set(
        begun.resources
    )
    (row,) = ended.rows
    assert row.name.startswith("bundles/")
    assert row.sha256 == sha256(opened(data)["manifest.json"]).digest()


@pytest.mark.parametrize(
    ("who", "purpose", "reason"),
    [
        ("backend", purpose_pb2.PURPOSE_CUSTOMER_SERVICE, "ROLE_MISSING"),
        ("compliance", purpose_pb2.PURPOSE_DATA_QUALITY, "PURPOSE_NOT_ALLOWED"),
        ("compliance", purpose_pb2.PURPOSE_JUDICIAL_REQUEST, "CASE_REFERENCE_REQUIRED"),
        ("crm", purpose_pb2.PURPOSE_INTERNAL_AUDIT, "CHECK_OUT_REQUIRED"),
    ],
)
def test_it_is_for_evidence_alone(
    vault: RunningVault, books: Ledger, who: str, purpose: Any, reason: str
) -> None:
    request = asked(books.third, KEY.recipient, purpose=purpose)
    refused = refusal(lambda: list(bundles(vault, who).ReconstructTransaction(request)))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", reason)


@pytest.mark.parametrize(
    "key",
    [
        bp.Recipient(),
        bp.Recipient(x25519=bytes(31)),
        bp.Recipient(x25519=bytes(32)),
        bp.Recipient(x25519=KEY.recipient.x25519, ml_kem_768=b"x"),
    ],
    ids=["none", "short", "small order", "half"],
)
def test_a_key_that_nothing_is_sealed_to_is_named(
    vault: RunningVault, books: Ledger, key: bp.Recipient
) -> None:
    request = bp.ReconstructTransactionRequest(
        name=books.third, purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT, recipient=key
    )
    refused = refusal(lambda: list(bundles(vault).ReconstructTransaction(request)))
    assert refused.code == "INVALID_ARGUMENT"
    assert all(path.startswith("recipient") for path, _ in refused.fields)


def test_a_transaction_that_is_not_there_is_not_found(vault: RunningVault, books: Ledger) -> None:
    request = asked(f"{books.customer}/transactions/{'0' * 26}", KEY.recipient)
    refused = refusal(lambda: list(bundles(vault).ReconstructTransaction(request)))
    assert (refused.code, refused.reason) == ("NOT_FOUND", "NOT_FOUND")


def test_the_entries_around_it_are_those_of_all_merged_files(
    vault: RunningVault, register: Register, tmp_path: Path
) -> None:
    old, kept = (create(vault, people.person()).name for _ in range(2))
    names: dict[int, str] = {}
    for customer, numbers in ((old, (1, 2, 5)), (kept, (3, 4))):
        for n in numbers:
            booked = people.booking()
            booked.booking_time.seconds += 60 * n
            booked.account.account = "6200001234567"
            booked.sequence_number = n
            names[n] = book(vault, customer, booked)
    agree(vault, propose(vault, old, kept))

    def around(data: bytes) -> list[list[str]]:
        account = json.loads(opened(data)["account.json"])
        return [[one["NtryRef"] for one in account[side]] for side in ("before", "after")]

    data = reconstruct(vault, names[3], KEY.recipient)
    assert around(data) == [["1", "2"], ["4", "5"]]
    pem = tmp_path / "key.pem"
    pem.write_bytes(KEY.pem())
    done = verify(tmp_path, data, vkey(vault), "--key", pem)
    assert (done.returncode, done.stderr) == (0, "")
    assert around(reconstruct(vault, names[2], KEY.recipient)) == [["1"], ["3", "4", "5"]]
    # What is lent is one file.
    lent = by(register, kept, *WHOLE)
    data = reconstruct(vault, names[3], KEY.recipient, who="rescuer", check_out=lent)
    assert around(data) == [[], ["4"]]


# -- by a check-out -------------------------------------------------------------------------------

WHOLE = ("customer", "identity_document", "transaction")


@pytest.fixture(scope="module")
def register(vault: RunningVault) -> Iterator[Register]:
    add_person(vault, "rescuer", "break_glass", person="p-rescuer")
    until_known(vault, "rescuer")
    opened = Register(vault)
    yield opened
    opened.close()


def by(register: Register, subject: str, *fields: str, **more: object) -> str:
    return register.lend(subject, *fields, person="p-rescuer", purpose="INTERNAL_AUDIT", **more)


def test_a_check_out_of_the_whole_file_makes_a_bundle_once(
    vault: RunningVault, books: Ledger, register: Register
) -> None:
    lent = by(register, books.customer, *WHOLE, one_time=True)
    files = opened(reconstruct(vault, books.third, KEY.recipient, who="rescuer", check_out=lent))
    assert "transaction.json" in files
    request = asked(books.third, KEY.recipient, check_out=lent)
    refused = refusal(lambda: list(bundles(vault, "rescuer").ReconstructTransaction(request)))
    assert refused.reason == "CHECK_OUT_NOT_ACTIVE"


@pytest.mark.parametrize(
    ("record", "fields", "reason"),
    [
        (False, ("transaction",), "FIELDS_CLOSED"),
        (False, (*WHOLE[1:], "customer.phones"), "FIELDS_CLOSED"),
        (True, WHOLE, "CHECK_OUT_OF_ONE_RECORD"),
    ],
    ids=["no customer", "his phones alone", "one record"],
)
def test_less_than_the_whole_file_makes_none(
    vault: RunningVault,
    books: Ledger,
    register: Register,
    record: bool,
    fields: tuple[str, ...],
    reason: str,
) -> None:
    lent = by(register, books.third if record else books.customer, *fields)
    request = asked(books.third, KEY.recipient, check_out=lent)
    refused = refusal(lambda: list(bundles(vault, "rescuer").ReconstructTransaction(request)))
    assert (refused.code, refused.reason) == ("PERMISSION_DENIED", reason)


def test_nobody_searches_by_what_is_not_opened_to_him(
    vault: RunningVault, books: Ledger, register: Register
) -> None:
    lent = by(register, books.customer, "transaction.amount", "transaction.booking_time")

    def search(**wanted: Any) -> Any:
        request = ap.SearchTransactionsRequest(
            parent=books.customer,
            purpose=purpose_pb2.PURPOSE_INTERNAL_AUDIT,
            check_out=lent,
            **wanted,
        )
        return accounts(vault, "rescuer").SearchTransactions(request)

    found = search(least_amount=Money(currency_code="CNY", units=1)).transactions
    assert [one.name for one in found] == list(books.bookings)
    assert not any(one.HasField("counterparty") or one.remittance_text for one in found)
    assert found[0].amount.currency_code == "CNY"
    assert refusal(lambda: search(counterparty="Mustermann")).reason == "FIELDS_CLOSED"
    assert refusal(lambda: search(reference="R0")).reason == "FIELDS_CLOSED"


def test_the_newest_of_many_calls_are_listed_and_the_others_counted(
    vault: RunningVault, log: LogBook
) -> None:
    books = ledger(vault, scans=False)
    for _ in range(MOST_ACCESSES + 3):
        get_transaction(vault, books.third, purpose_pb2.PURPOSE_INTERNAL_AUDIT)
    # Once a checkpoint covers them all.
    last = audit_pb2.GetProofRequest(index=log.size() - 1)
    deadline = time.monotonic() + 30
    while True:
        try:
            vault.audit().GetProof(last)
            break
        except grpc.RpcError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    files = opened(reconstruct(vault, books.third, KEY.recipient))
    accesses = json.loads(files["accesses.json"])
    assert accesses[0]["action"] == "records.transactions.create"
    assert len(accesses) == MOST_ACCESSES + 1
    assert json.loads(files["manifest.json"])["facts"]["accesses_left_out"] == 3
    times = [one["time"] for one in accesses]
    assert times == sorted(times)
