"""Whoever has the database, and what he approves there: nothing of it comes into force on either
tier, running or starting, on both databases."""

import shutil
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Connection

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault.admin.v1 import admin_pb2
from recordsvault.masked.v1 import masked_pb2 as mp
from tests.e2e.access_changes import (
    approve,
    certify,
    code,
    entry,
    health,
    propose,
    seconds_until,
)
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal
from tests.support.running_vault import RunningVault
from tests.support.signed_access import Administrator
from vault.audit.note import parse_note
from vault.server.settings import TierName
from vault.store import Database
from vault.store.proposals import SignedRow

FULL, MASKED = TierName.FULL, TierName.MASKED
SECOND = {"log": 'second_place = "second"'}
FOUND_SECONDS = 2.0
"""Within which both tiers say that something is wrong; on an idle machine 1.3 s."""

CHANGE = pb.DirectoryChange(
    upsert=[entry("intruder", "crm_viewer", "security_officer", "operator", person="p-intruder")]
)


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    """With a second place."""
    return SECOND


@pytest.fixture(scope="module")
def vault(each_vault: RunningVault) -> RunningVault:
    """With three changes approved."""
    certify(each_vault, "clerk", "intruder")
    approve(each_vault, propose(each_vault, entry("clerk", "crm_viewer", person="p-clerk")))
    approve(each_vault, propose(each_vault, remove=("compliance",)))
    approve(each_vault, propose(each_vault, remove=("clerk",)))
    return each_vault


@pytest.fixture
def admin(vault: RunningVault) -> Iterator[Administrator]:
    database = Database(vault.database)
    yield Administrator(database)
    database.dispose()


def masked_list(vault: RunningVault, who: str) -> object:
    return vault.masked(who).ListMaskedCustomers(mp.ListMaskedCustomersRequest(parent=PARENT))


def full_health(vault: RunningVault, who: str) -> object:
    return vault.admin(who).CheckHealth(admin_pb2.CheckHealthRequest(parts=["disk"]))


def forged_body(like: SignedRow) -> bytes:
    """The body of an approved proposal that lets an intruder in."""
    upsert = {
        "name": "intruder",
        "uri": "spiffe://demo.bank/intruder",
        "person": "p-intruder",
        "roles": ["crm_viewer", "security_officer", "operator"],
    }
    content = msgspec.json.encode({"upsert": [upsert], "remove": []})
    body = msgspec.json.decode(like.row.body)
    return msgspec.json.encode(body | {"content": b64encode(content).decode()})


def copy(admin: Administrator) -> Callable[[], None]:
    """How to put the rows back as they are."""
    tables = ("proposals", "proposal_signatures", "approved_head")

    def read(conn: Connection) -> list[list[tuple[object, ...]]]:
        return [
            [tuple(row) for row in conn.exec_driver_sql(f"SELECT * FROM {name}")] for name in tables
        ]

    kept = admin.database.read_sync(read)

    def put_back() -> None:
        mark = "%s" if admin.database.dialect == "postgresql" else "?"

        def work(conn: Connection) -> None:
            for name, rows in zip(tables, kept, strict=True):
                conn.exec_driver_sql(f"DELETE FROM {name}")
                for row in rows:
                    marks = ", ".join([mark] * len(row))
                    conn.exec_driver_sql(f"INSERT INTO {name} VALUES ({marks})", row)

        admin.database.write_sync(work)

    return put_back


def until_health(vault: RunningVault, wanted: str, seconds: float = 5.0) -> float:
    """Until both tiers say of what was approved that it is so; how long it took."""
    start = time.monotonic()
    for tier in TierName:
        while (found := health(vault, "access", tier))[0] != wanted:
            assert time.monotonic() - start < seconds, found
            time.sleep(0.02)
    return time.monotonic() - start


def until_seen(vault: RunningVault, admin: Administrator) -> None:
    """Until both tiers have in force all that is approved, and the second place knows of it."""
    size = admin.approved()[-1].row.applied
    wanted = ("OK", f"policies of the configuration; {size} changes approved")
    start = time.monotonic()
    while kept(vault) != size or any(health(vault, "access", t) != wanted for t in TierName):
        assert time.monotonic() - start < 5
        time.sleep(0.02)


def kept(vault: RunningVault) -> int:
    """The number of the change that the second place knows of."""
    file = vault.folder / "second" / "approved"
    text = parse_note(file.read_bytes()).text if file.exists() else "applied 0\n"
    return int(text.partition("applied ")[2].partition("\n")[0])


# -- what he does ----------------------------------------------------------------------------------


def unsigned(admin: Administrator) -> None:
    like = admin.approved()[0]
    admin.put(admin.again(like, body=forged_body(like)), None)


def with_a_signature_of_another(admin: Administrator) -> None:
    like = admin.approved()[0]
    admin.put(admin.again(like, body=forged_body(like)), like.note)


def replayed(admin: Administrator) -> None:
    """The clerk, who was removed, is let in again by the row that once let him in."""
    like = admin.approved()[0]
    admin.put(admin.again(like, proposal=like.row.proposal, version=9), like.note)


def edited(admin: Administrator) -> None:
    admin.edit(1, body=forged_body(admin.approved()[0]))
    admin.rechain()


def renumbered(admin: Administrator) -> None:
    """The clerk is removed first, and let in then."""
    admin.sql(
        "UPDATE proposals SET applied = 99 WHERE applied = 1",
        "UPDATE proposals SET applied = 1 WHERE applied = 3",
        "UPDATE proposals SET applied = 3 WHERE applied = 99",
    )
    admin.rechain()


def dropped_from_the_middle(admin: Administrator) -> None:
    admin.sql(
        "DELETE FROM proposals WHERE applied = 2",
        "UPDATE proposals SET applied = 2 WHERE applied = 3",
    )
    admin.rechain()


def dropped_from_the_end(admin: Administrator) -> None:
    """The removal of the clerk."""
    admin.drop_last()


DEEDS = (
    unsigned,
    with_a_signature_of_another,
    replayed,
    edited,
    renumbered,
    dropped_from_the_middle,
    dropped_from_the_end,
)


def nobody_is_let_in(vault: RunningVault) -> None:
    for who in ("intruder", "clerk", "compliance"):
        for call in (masked_list, full_health):
            assert code(partial(call, vault, who)) == "UNAUTHENTICATED"


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.__name__)
def test_nothing_of_it_is_in_force_and_both_tiers_say_so(
    vault: RunningVault, admin: Administrator, deed: Callable[[Administrator], None]
) -> None:
    waiting = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    until_seen(vault, admin)
    put_back = copy(admin)
    deed(admin)
    try:
        assert until_health(vault, "CRITICAL") < FOUND_SECONDS
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            nobody_is_let_in(vault)
        assert code(partial(masked_list, vault, "crm")) == "OK"
        # On such ground nothing more is approved, whoever wants it.
        refused = refusal(partial(approve, vault, waiting))
        assert (refused.code, refused.reason) == ("DATA_LOSS", "STORE_ALTERED")
        for tier in TierName:
            vault.terminate(tier)
            with pytest.raises(RuntimeError, match=r"approved change|approved proposals"):
                vault.start(tier)
    finally:
        put_back()
        for tier in TierName:
            if not vault.runs(tier):
                vault.start(tier)
    until_health(vault, "OK")
    nobody_is_let_in(vault)
    approve(vault, waiting)
    approve(vault, propose(vault, remove=("visitor",)))


def test_a_proposal_in_another_persons_name_is_not_decided(
    vault: RunningVault, admin: Administrator
) -> None:
    """The officer proposes by the database, in the keeper's name, what he then approves."""
    honest = propose(vault, entry("visitor", "crm_viewer", person="p-visitor"))
    identifier = honest.name.rpartition("/")[2]
    forged = "0" * 26
    admin.sql(
        "INSERT INTO proposals SELECT institution, "
        f"'{forged}', version, kind, stage, proposer, person, applied, recorded_at, recorded_by, "
        f"body FROM proposals WHERE proposal = '{identifier}'"
    )
    try:
        asked = pb.Proposal(name=honest.name.replace(identifier, forged), etag=honest.etag)
        for call in (
            partial(approve, vault, asked),
            partial(vault.access_admin().GetProposal, pb.GetProposalRequest(name=asked.name)),
        ):
            refused = refusal(call)
            assert (refused.code, refused.reason) == ("DATA_LOSS", "STORE_ALTERED")
    finally:
        admin.sql(f"DELETE FROM proposals WHERE proposal = '{forged}'")
    admin.sql(f"UPDATE proposals SET person = 'p-else' WHERE proposal = '{identifier}'")
    assert refusal(partial(approve, vault, honest)).reason == "STORE_ALTERED"
    admin.sql(f"UPDATE proposals SET person = 'p-keeper' WHERE proposal = '{identifier}'")
    approve(vault, honest)
    approve(vault, propose(vault, remove=("visitor",)))


def test_the_second_place_knows_of_the_latest_change_within_a_second_or_two(
    vault: RunningVault, admin: Administrator
) -> None:
    approve(vault, propose(vault, entry("visitor", "crm_viewer", person="p-visitor")))
    size = admin.approved()[-1].row.applied
    start = time.monotonic()
    while kept(vault) != size:
        assert time.monotonic() - start < 3
        time.sleep(0.02)
    approve(vault, propose(vault, remove=("visitor",)))


# -- a backup --------------------------------------------------------------------------------------


def test_an_old_backup_is_served_with_its_own_people_once_two_persons_have_said_so(
    tmp_path: Path,
) -> None:
    """What was approved since it was made is gone with the log of it, and both are acknowledged
    by the same words."""
    made = RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db", **SECOND)
    try:
        made.start()
        certify(made, "clerk")
        approve(made, propose(made, entry("clerk", "crm_viewer", person="p-clerk")))
        made.until_covered()
        for tier in TierName:
            made.terminate(tier)
        shutil.copy(tmp_path / "vault.db", tmp_path / "early")
        made.start()
        approve(made, propose(made, remove=("clerk",)))
        made.until_covered()
        database = Database(made.database)
        until_seen(made, Administrator(database))
        database.dispose()
        for tier in TierName:
            made.terminate(tier)
        for part in ("-wal", "-shm"):
            (tmp_path / f"vault.db{part}").unlink(missing_ok=True)
        shutil.copy(tmp_path / "early", tmp_path / "vault.db")
        made.start()
        assert refusal(partial(masked_list, made, "clerk")).reason == "LOG_ROLLED_BACK"
        incident = made.admin().GetRecovery(admin_pb2.GetRecoveryRequest()).recovery.incident
        for who in ("operator", "officer"):
            request = admin_pb2.AcknowledgeRecoveryRequest(incident=incident)
            made.admin(who).AcknowledgeRecovery(request)
        seconds_until(partial(masked_list, made, "clerk"), "OK")
        until_health(made, "OK")
        aside = [file.name for file in (tmp_path / "second" / "superseded").iterdir()]
        assert sorted(name.partition(".")[0] for name in aside) == ["approved", "checkpoint"]
        approve(made, propose(made, remove=("clerk",)))
        seconds_until(partial(masked_list, made, "clerk"), "UNAUTHENTICATED")
        for tier in TierName:
            made.terminate(tier)
        made.start()
        assert code(partial(masked_list, made, "clerk")) == "UNAUTHENTICATED"
    finally:
        made.stop()
