"""A bank moves from one suite to the other, by vaultctl and over TLS, while both tiers run on."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault.access.v1 import access_pb2
from recordsvault.admin.v1 import admin_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from recordsvault.records.v1 import records_pb2 as pb
from tests.e2e import people
from tests.e2e.calls import SERVING, create, get
from tests.e2e.people import PARENT
from tests.e2e.suites import change_suites, sealed_with
from tests.e2e.test_compartments import items, noted, opened
from tests.e2e.test_key_rotation import by, identifier
from tests.e2e.test_key_rotation import typed as done
from tests.e2e.test_proofs import log_keys
from tests.support import forked_programs
from tests.support.contents import download, scan, upload
from tests.support.lending import ask
from tests.support.running_vault import OWN, RunningVault
from vault.sealing import AES_256_GCM, SM4_GCM
from vault.server.settings import TierName

CUSTOMERS = 20
DONE = "KEY_WORK_STATE_DONE"
MOVED = f'{{ "{OWN}" = "sm4-gcm" }}'
# Each step with keys is several runs of vaultctl, and there are a dozen.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def limits() -> str:
    """Somebody searches all the time."""
    return "searches_per_minute = 1_000_000\nsearches_per_minute_of_a_node = 1_000_000"


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """On both databases."""
    return each_vault


class Stored:
    """Something of every kind that is sealed, and how it reads."""

    def __init__(self, vault: RunningVault) -> None:
        self._vault = vault
        self.sent = [people.person() for _ in range(CUSTOMERS)]
        self.customers = [create(vault, one).name for one in self.sent]
        records, owner = vault.records(), self.customers[0]
        self.document = records.CreateIdentityDocument(
            pb.CreateIdentityDocumentRequest(parent=owner, identity_document=people.passport())
        ).identity_document.name
        self.transaction = records.CreateTransaction(
            pb.CreateTransactionRequest(parent=owner, transaction=people.booking())
        ).transaction.name
        self.content = upload(records, self.document, scan(70_000)).name
        self.compartment = opened(vault)
        noted(vault, self.compartment, owner)
        self.check_out = ask(vault, owner, who="counter").name

    def read(self) -> list[Any]:
        """All of it, as it is shown; without the tags, which are of what is sealed."""
        vault = self._vault
        found: list[Any] = []
        for name in self.customers:
            found.append(get(vault, name))
            found.append(
                vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name)).customer
            )
        records = vault.records()
        found.append(
            records.GetIdentityDocument(
                pb.GetIdentityDocumentRequest(name=self.document, purpose=SERVING)
            ).identity_document
        )
        found.append(
            records.GetTransaction(
                pb.GetTransactionRequest(name=self.transaction, purpose=SERVING)
            ).transaction
        )
        found.append(
            vault.access("counter")
            .GetCheckOut(access_pb2.GetCheckOutRequest(name=self.check_out))
            .check_out
        )
        for one in found:
            if "etag" in one.DESCRIPTOR.fields_by_name:
                one.ClearField("etag")
        return [
            *found,
            download(records, self.content),
            [item.text for item in items(vault, self.compartment)],
        ]

    def found(self) -> list[list[str]]:
        """Each customer, by the phone number."""
        return [
            [
                one.name
                for one in self._vault.masked()
                .SearchMaskedCustomers(
                    mp.SearchMaskedCustomersRequest(parent=PARENT, phone=sent.phones[0])
                )
                .customers
            ]
            for sent in self.sent
        ]


@pytest.fixture(scope="module")
def stored(vault: RunningVault) -> Stored:
    return Stored(vault)


@pytest.fixture
def readers(vault: RunningVault, stored: Stored) -> Iterator[list[BaseException]]:
    """Somebody who reads and searches again and again; what went wrong."""
    wrong: list[BaseException] = []
    ended = threading.Event()
    expected = stored.found()

    def read() -> None:
        while not ended.is_set():
            try:
                assert stored.found() == expected
                for name in stored.customers[:5]:
                    vault.masked().GetMaskedCustomer(mp.GetMaskedCustomerRequest(name=name))
                    get(vault, name)
            except BaseException as error:
                wrong.append(error)
                return
            ended.wait(0.1)  # what the two tiers do meanwhile needs the cores as well

    thread = threading.Thread(target=read)
    thread.start()
    yield wrong
    ended.set()
    thread.join()


def health(vault: RunningVault) -> Any:
    return vault.admin().CheckHealth(admin_pb2.CheckHealthRequest(parts=["suites"])).checks[0]


def verified(vault: RunningVault, folder: Path) -> dict[str, Any]:
    """What `vaultctl audit verify --live` says."""
    vault.until_covered()
    key = folder / "log.vkey"
    key.write_text("\n".join(one.vkey for one in log_keys(vault)) + "\n")
    command = forked_programs.command("vaultctl", "audit", "verify", "--live", "--json")
    ended = subprocess.run(
        [*command, "--config", str(vault.config), "--key", str(key)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return {"code": ended.returncode, **json.loads(ended.stdout)}


def test_of_the_suite_that_it_has_there_is_nothing_to_do(
    vault: RunningVault, stored: Stored, readers: list[BaseException]
) -> None:
    assert stored.found() == [[name] for name in stored.customers]
    tables = sealed_with(vault, OWN)
    assert set().union(*tables.values()) == {AES_256_GCM}
    assert {"customers", "documents", "transactions", "check_outs"} < set(tables)
    assert {"contents", "content_leaves"} < set(tables)
    assert {"compartments", "compartment_members", "compartment_items"} < set(tables)
    work = done(vault, "reseal", "--rate", "1000")
    assert (work["state"], int(str(work.get("total", 0)))) == (DONE, 0)
    assert readers == []


def test_it_is_carried_out_after_a_restart_with_the_new_suite_and_goes_on_after_a_kill(
    vault: RunningVault, stored: Stored, tmp_path: Path
) -> None:
    before, found = stored.read(), stored.found()
    change_suites(vault, MOVED)
    assert stored.read() == before
    assert health(vault).state == admin_pb2.HEALTH_STATE_WARNING
    made = identifier(by(vault, "operator", "keys", "reseal", "--rate", "10", "--reason", "Rules"))
    assert "records" in by(vault, "officer", "keys", "show", made).stdout
    assert by(vault, "officer", "keys", "approve", made, "--yes").returncode == 0
    time.sleep(0.5)
    for _ in range(2):
        vault.kill(TierName.FULL)
        vault.start(TierName.FULL)
        time.sleep(0.5)
    assert stored.read() == before
    assert stored.found() == found
    ended = by(vault, "operator", "keys", "status", "--wait", "--json")
    (work,) = [one for one in json.loads(ended.stdout)["work"] if one["name"].endswith(made)]
    assert work["state"] == DONE
    assert int(work["done"]) >= CUSTOMERS
    assert work["target"] == SM4_GCM.name
    assert set().union(*sealed_with(vault, OWN).values()) == {SM4_GCM}
    assert stored.read() == before
    assert stored.found() == found


def test_the_log_still_holds_against_the_rows(
    vault: RunningVault, stored: Stored, tmp_path: Path
) -> None:
    told = verified(vault, tmp_path)
    assert (told["code"], told["holds"]) == (0, True), told


def test_the_keys_follow_and_searches_are_right_throughout(
    vault: RunningVault, stored: Stored, readers: list[BaseException], tmp_path: Path
) -> None:
    before = stored.read()
    for key in ("branch-full", "branch-masked", "index"):
        for verb in ("rotate", "rewrap"):
            assert done(vault, verb, key)["state"] == DONE, (verb, key)
    assert readers == []
    for key in ("branch-full", "branch-masked", "index"):
        assert done(vault, "retire", key, "--version", "1")["state"] == DONE, key
    assert readers == []
    check = health(vault)
    assert check.state == admin_pb2.HEALTH_STATE_OK, check
    assert stored.read() == before
    assert stored.found() == [[name] for name in stored.customers]
    assert verified(vault, tmp_path)["holds"] is True


def test_records_are_re_sealed_and_nothing_else_is_done_with_them(vault: RunningVault) -> None:
    refused = by(vault, "officer", "keys", "reseal", "--reason", "I may not propose")
    assert refused.returncode != 0
    assert by(vault, "operator", "keys", "rotate", "records", "--reason", "x").returncode != 0
