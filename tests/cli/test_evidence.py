"""Evidence at the terminal, against a running vault: bundles made, opened and verified,
transactions searched, accounts added up."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.type.money_pb2 import Money

from recordsvault.records.v1.transaction_pb2 import AccountStatement
from recordsvault.type.v1 import transaction_pb2 as kinds
from tests.cli.conftest import Ran, Vaultctl
from tests.cli.test_with_the_vault import profile
from tests.e2e import people
from tests.e2e.calls import create
from tests.support.bundles import Ledger, book, ledger
from tests.support.running_vault import RunningVault

pytestmark = pytest.mark.slow
PURPOSE = ("--purpose", "INTERNAL_AUDIT")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("real")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as vault:
        yield vault


@pytest.fixture(scope="module")
def books(real: RunningVault) -> Ledger:
    return ledger(real)


def test_a_bundle_is_made_verified_and_opened(
    real: RunningVault, books: Ledger, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    key, bundle, tar = tmp_path / "court.pem", tmp_path / "a.bundle", tmp_path / "a.tar"
    made = vaultctl("bundle", "keygen", str(key), "--json")
    fingerprint = json.loads(made.out)["fingerprint"]
    assert (key.stat().st_mode & 0o777) == 0o600

    who = ("-p", profile(real, "compliance"))
    target = ("--out", str(bundle), "--recipient", f"{key}.pub")
    ran = vaultctl(*who, "transactions", "reconstruct", books.third, *target, *PURPOSE)
    assert (ran.code, ran.err) == (0, "")
    assert fingerprint in ran.out
    assert (bundle.stat().st_mode & 0o777) == 0o600

    proof = ("--key", str(real.folder / "log.vkey"), "--private-key", str(key))
    ran = vaultctl("bundle", "verify", str(bundle), *proof)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Proved: {books.third}")
    ran = vaultctl("--lang", "zh", "bundle", "open", str(bundle), *proof, "--to", str(tar))
    assert ran.out.startswith(f"已证明：{books.third}")
    with tarfile.open(tar) as opened:
        assert "page.html" in opened.getnames()
    # What was opened is verified without a private key.
    assert vaultctl("bundle", "verify", str(tar), *proof[:2], "--json").code == 0
    # Nothing is written over.
    again = vaultctl(*who, "transactions", "reconstruct", books.third, *target, *PURPOSE)
    assert again.code == 13


def test_what_does_not_hold_is_refused_by_one_sentence(
    real: RunningVault, books: Ledger, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    key, other, bundle = tmp_path / "key.pem", tmp_path / "other.pem", tmp_path / "a.bundle"
    for one in (key, other):
        assert vaultctl("bundle", "keygen", str(one), "--x25519-only").code == 0
    ran = vaultctl(
        *("-p", profile(real, "compliance"), "transactions", "reconstruct", books.third),
        *("--out", str(bundle), "--recipient", f"{key}.pub", *PURPOSE),
    )
    assert ran.code == 0
    vkey = ("--key", str(real.folder / "log.vkey"))

    def one_sentence(ran: Ran, code: int) -> None:
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (code, "", 1)

    one_sentence(vaultctl("bundle", "verify", str(bundle), *vkey), 2)
    wrong = ("--private-key", str(other))
    one_sentence(vaultctl("bundle", "verify", str(bundle), *vkey, *wrong), 21)
    data = bytearray(bundle.read_bytes())
    data[-40] ^= 1
    bundle.write_bytes(data)
    right, tar = ("--private-key", str(key)), tmp_path / "a.tar"
    one_sentence(vaultctl("bundle", "open", str(bundle), *vkey, *right, "--to", str(tar)), 21)
    assert not tar.exists() and not tar.with_name("a.tar.part").exists()
    not_a_key = ("--private-key", str(bundle))
    one_sentence(vaultctl("bundle", "verify", str(bundle), *vkey, *not_a_key), 13)


def test_a_bundle_that_is_refused_leaves_no_file(
    real: RunningVault, books: Ledger, vaultctl: Vaultctl, tmp_path: Path
) -> None:
    key, bundle = tmp_path / "key.pem", tmp_path / "a.bundle"
    vaultctl("bundle", "keygen", str(key))
    ran = vaultctl(
        *("-p", profile(real, "backend"), "transactions", "reconstruct", books.third),
        *("--out", str(bundle), "--recipient", f"{key}.pub", *PURPOSE),
    )
    assert ran.code == 5
    assert [one.name for one in tmp_path.iterdir() if "bundle" in one.name] == []


def found(ran: Ran) -> list[str]:
    assert (ran.code, ran.err) == (0, "")
    return [one["name"] for one in json.loads(ran.out)["transactions"]]


def test_transactions_are_searched_by_all_that_is_given(
    real: RunningVault, vaultctl: Vaultctl
) -> None:
    customer = create(real, people.person()).name
    names = []
    for n in range(1, 6):
        booked = people.booking()
        booked.booking_time.seconds += 3600 * n
        booked.amount.CopyFrom(Money(currency_code="CNY", units=100 * n))
        booked.counterparty.name = f"Cafe {'Müller' if n % 2 else 'Meier'}"
        booked.remittance_text = f"Invoice {n}"
        names.append(book(real, customer, booked))
    who = ("-p", profile(real, "compliance"), "transactions", "search", customer)

    def search(*wanted: str) -> list[str]:
        return found(vaultctl(*who, *wanted, *PURPOSE, "--json"))

    assert search() == names
    assert search("--least", "200 CNY", "--greatest", "400.00 CNY") == names[1:4]
    assert search("--least", "1 EUR") == []
    assert search("--counterparty", "müller") == names[::2]
    assert search("--reference", "invoice 3") == names[2:3]
    assert search("--counterparty", "MEIER", "--least", "300 CNY") == names[3:4]
    assert search("--page-size", "2", "--limit", "0") == names
    assert vaultctl(*who, "--least", "much", *PURPOSE).code == 2


def test_an_account_is_added_up(real: RunningVault, vaultctl: Vaultctl) -> None:
    customer = create(real, people.person()).name
    balance = 100
    statement = AccountStatement(
        statement_id="2026-03",
        number=3,
        opening_balance=Money(currency_code="CNY", units=100),
        closing_balance=Money(currency_code="CNY", units=115),
    )
    for n in range(1, 6):
        booked = people.booking()
        booked.booking_time.seconds += 60 * n
        booked.direction = kinds.DIRECTION_CREDIT
        booked.amount.CopyFrom(Money(currency_code="CNY", units=n))
        booked.account.account = "6200009990"
        booked.sequence_number = n
        balance += n
        booked.balance_after.CopyFrom(Money(currency_code="CNY", units=balance))
        booked.statement.CopyFrom(statement)
        if n != 4:
            book(real, customer, booked)
    who = ("-p", profile(real, "compliance"), "accounts", "check", customer, "6200009990")
    ran = vaultctl(*who, *PURPOSE, "--json")
    assert ran.err == ""
    answer = json.loads(ran.out)
    bad = [one["kind"].removeprefix("ACCOUNT_FINDING_KIND_") for one in answer["findings"]]
    assert (ran.code, bad) == (23, ["BALANCE", "GAP", "STATEMENT_SUM"])
    assert answer["findings"][1]["first_number"] == answer["findings"][1]["last_number"] == "4"
    shown = vaultctl(*who, *PURPOSE)
    assert "entries 4 to 4 are missing" in shown.out
    assert "the balance is 115 CNY, and would have to be 111 CNY" in shown.out
    whole = vaultctl(*who, *PURPOSE, "--to", "2026-03-04T01:05:30")
    assert (whole.code, whole.out.splitlines()[0]) == (0, "3 entries, numbers 1–3")
