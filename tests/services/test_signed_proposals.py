"""Whoever has the database and not the key: nothing that he writes there comes into force, in a
running process and in a new one, on both databases."""

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.services.test_access_state import NOW, REMOVE, ROLE, Process, policies, put
from tests.support.log_keys import ORIGIN, log_signers
from tests.support.pipeline import uri
from tests.support.signed_access import AccessKeys, Administrator
from vault.access.proposals import Kind
from vault.audit.note import Note
from vault.audit.signers import access_name
from vault.kms.signing import Purpose, retire_signing_keys, rotate_signing_keys
from vault.services.access_state import AGAIN_SECONDS
from vault.services.approved_rows import ApprovedRows
from vault.services.health import Check, State
from vault.services.proposal_signing import NotSigned, ProposalSigner, ProposalVerifier
from vault.store import Database, proposals
from vault.store.proposals import NOTHING_APPROVED, ProposalRow, SignedRow

ENTRY = {"name": "crm", "uri": uri("crm"), "roles": ["compliance"]}
GRANT = json.dumps({"upsert": [ENTRY], "remove": []}).encode()


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Process:
    """With two changes approved: one of each kind."""
    made = Process(database, tmp_path)
    put(made, Kind.POLICY, policies(new=ROLE), 1)
    put(made, Kind.DIRECTORY, REMOVE, 2)
    assert made.look() is State.OK
    assert made.in_force == (True, False)
    return made


def check(process: Process) -> Check:
    """Look, and look again at what was read; how the part is."""

    async def look() -> Check:
        process.state._next_again = 0.0  # else once a second
        await process.state.look()
        return await process.state.probe()()

    return asyncio.run(look())


def refused(process: Process, folder: Path) -> Check:
    """What a process finds that runs; and that a new one does not start by it."""
    before = process.policy.book, process.directory.approved
    found = check(process)
    assert (process.policy.book, process.directory.approved) == before
    with pytest.raises(NotSigned):
        process.state.require_sound()
    new = Process(process.database, folder)
    with pytest.raises(NotSigned):
        asyncio.run(new.state.open())
    assert new.state.refusal() is not None
    assert new.in_force == (False, True)  # it has nothing but its files
    return found


# -- forged ----------------------------------------------------------------------------------------


def body_of(content: bytes, like: ProposalRow) -> bytes:
    """The body of an approved proposal of another content."""
    body = json.loads(like.body)
    body["content"] = b64encode(content).decode()
    return json.dumps(body).encode()


Forgery = Callable[[Process, Administrator, SignedRow], bytes | None]


def no_note(_process: Process, _admin: Administrator, _like: SignedRow) -> bytes | None:
    return None


def note_of_another(_process: Process, _admin: Administrator, like: SignedRow) -> bytes | None:
    return like.note


def nonsense(_process: Process, _admin: Administrator, _like: SignedRow) -> bytes | None:
    return b"\xff not a note"


def key_of_his_own(process: Process, admin: Administrator, like: SignedRow) -> bytes | None:
    folder = process.keys.folder / "his-own"
    folder.mkdir(mode=0o700, exist_ok=True)
    head = admin.database.read_sync(proposals.read_head)
    return AccessKeys(folder).signer.sign(admin.again(like, body=forged(like)), head)


def text_of_his_signature_of_theirs(
    process: Process, admin: Administrator, like: SignedRow
) -> bytes | None:
    """His own text, under a signature that the vault has made for another one."""
    assert like.note is not None
    his = key_of_his_own(process, admin, like) or b""
    text, _, _ = his.decode().rpartition("\n\n")
    _, _, lines = like.note.decode().rpartition("\n\n")
    return f"{text}\n\n{lines}".encode()


def forged(like: SignedRow) -> bytes:
    return body_of(GRANT, like.row)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (no_note, "approved change 3 has no signature"),
        (note_of_another, "approved change 3 is not what was signed, or not where it was put"),
        (nonsense, "the signature of approved change 3 is none"),
        (key_of_his_own, "approved change 3 is signed by no key that this node knows"),
        (text_of_his_signature_of_theirs, "the signature of approved change 3 is wrong"),
    ],
)
def test_an_approved_row_that_is_put_in_with_right_hashes_is_not_taken(
    process: Process, tmp_path: Path, make: Forgery, found: str
) -> None:
    admin = Administrator(process.database)
    like = admin.approved()[-1]
    admin.put(admin.again(like, body=forged(like)), make(process, admin, like))
    told = refused(process, tmp_path)
    assert (told.state, told.detail) == (State.CRITICAL, found)
    assert told.remedy
    assert process.in_force == (True, False)


def test_the_logs_own_key_signs_no_change_of_access(process: Process, tmp_path: Path) -> None:
    """Nor any other key under the name of that one."""
    admin = Administrator(process.database)
    like = admin.approved()[-1]
    folder = tmp_path / "log"
    folder.mkdir(mode=0o700)
    signers = log_signers(folder)
    row = admin.again(like, body=forged(like))
    admin.put(row, ProposalSigner(signers).sign(row, process.state.head))
    assert "no key that this node knows" in refused(process, tmp_path).detail
    admin.drop_last()
    assert check(process).state is State.OK
    text = AccessKeys(tmp_path).signer.sign(row, process.state.head).decode().rpartition("\n\n")[0]
    note = Note(f"{text}\n", tuple(one.sign(f"{text}\n") for one in signers.signers()))
    admin.put(
        row, note.encode().replace(f" {ORIGIN} ".encode(), f" {access_name(ORIGIN)} ".encode())
    )
    refused(process, tmp_path)


def test_an_older_row_that_is_approved_once_more_is_not_taken(
    process: Process, tmp_path: Path
) -> None:
    """The removal of the CRM was undone since: replayed, it would remove him again."""
    put(process, Kind.DIRECTORY, GRANT, 3)
    assert process.look() is State.OK
    assert process.in_force == (True, True)
    admin = Administrator(process.database)
    old = admin.approved()[1]
    for changes in ({}, {"proposal": old.row.proposal, "version": 9}):
        admin.put(admin.again(old, **changes), old.note)
        assert "not where it was put" in refused(process, tmp_path).detail
        assert process.in_force == (True, True)
        admin.drop_last()
        assert check(process).state is State.OK


# -- changed, moved, dropped -----------------------------------------------------------------------


def edit(admin: Administrator) -> None:
    admin.edit(2, body=forged(admin.approved()[-1]))


def swap(admin: Administrator) -> None:
    admin.sql(
        "UPDATE proposals SET applied = 9 WHERE applied = 1",
        "UPDATE proposals SET applied = 1 WHERE applied = 2",
        "UPDATE proposals SET applied = 2 WHERE applied = 9",
    )


def drop_first(admin: Administrator) -> None:
    admin.sql(
        "DELETE FROM proposals WHERE applied = 1",
        "UPDATE proposals SET applied = 1 WHERE applied = 2",
    )


def drop_tail(admin: Administrator) -> None:
    admin.sql("DELETE FROM proposals WHERE applied = 2")


def unsign(admin: Administrator) -> None:
    admin.sql("DELETE FROM proposal_signatures")


def exchange_notes(admin: Administrator) -> None:
    first, second = (signed.row.proposal for signed in admin.approved())
    admin.sql(
        f"UPDATE proposal_signatures SET proposal = 'x' WHERE proposal = '{first}'",
        f"UPDATE proposal_signatures SET proposal = '{first}' WHERE proposal = '{second}'",
        f"UPDATE proposal_signatures SET proposal = '{second}' WHERE proposal = 'x'",
    )


@pytest.mark.parametrize("rechained", [False, True], ids=["", "with the head anew"])
@pytest.mark.parametrize(
    "tamper", [edit, swap, drop_first, drop_tail, unsign, exchange_notes], ids=lambda f: f.__name__
)
def test_rows_that_are_changed_moved_or_dropped_change_nothing(
    process: Process, tmp_path: Path, tamper: Callable[[Administrator], None], rechained: bool
) -> None:
    admin = Administrator(process.database)
    tamper(admin)
    if rechained:
        admin.rechain()
    before = process.policy.book, process.directory.approved
    found = check(process)
    assert found.state is State.CRITICAL
    assert (process.policy.book, process.directory.approved) == before
    new = Process(process.database, tmp_path)
    if tamper is drop_tail and rechained:
        # By itself it cannot know; by the second place it does (test_kept_approvals.py).
        asyncio.run(new.state.open())
        return
    with pytest.raises(Exception, match=r"approved change|approved proposals"):
        asyncio.run(new.state.open())
    assert new.state.refusal() is not None


def test_a_number_in_front_of_its_turn_is_found_before_its_turn(process: Process) -> None:
    """The row waits for the head to move by itself: the next approval would lead to it."""
    admin = Administrator(process.database)
    like = admin.approved()[-1]
    admin.put(admin.again(like, body=forged(like)), None)
    admin.database.write_sync(
        lambda conn: admin.move(conn, process.state.head)  # the head as it was
    )
    found = check(process)
    assert found.state is State.CRITICAL
    assert found.detail == "a row is numbered behind the last approved change"
    with pytest.raises(NotSigned):
        process.state.require_sound()


def test_of_many_rows_each_is_looked_at_again_before_long(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.approved_rows._AT_ONCE", 3)
    for number in range(3, 10):
        put(process, Kind.DIRECTORY, REMOVE, number)
    assert [check(process).state for _ in range(6)] == [State.OK] * 6
    admin = Administrator(process.database)
    for number in range(1, 10):
        admin.sql(f"UPDATE proposals SET recorded_at = recorded_at + 1 WHERE applied = {number}")
        seen = [check(process) for _ in range(4)]
        assert seen[-1].state is State.CRITICAL
        assert seen[-1].detail == f"approved change {number} was altered or taken out"
        admin.sql(f"UPDATE proposals SET recorded_at = recorded_at - 1 WHERE applied = {number}")
        assert check(process).state is State.OK
    admin.put(admin.again(admin.approved()[-1]), None)
    admin.database.write_sync(lambda conn: admin.move(conn, process.state.head))
    assert [check(process).state for _ in range(4)][-1] is State.CRITICAL


def test_it_looks_again_once_a_second(process: Process) -> None:
    looks = 0
    rows = process.state._rows
    real = ApprovedRows.look_again

    async def count() -> None:
        nonlocal looks
        looks += 1
        await real(rows)

    async def watch() -> None:
        task = asyncio.create_task(process.state.watch())
        await asyncio.sleep(2.6 * AGAIN_SECONDS)
        task.cancel()

    rows.look_again = count  # type: ignore[method-assign]  # counted
    asyncio.run(watch())
    assert 2 <= looks <= 3


def test_what_is_mended_is_well_again_and_the_servers_own_log_says_both(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = Administrator(process.database)
    admin.put(admin.again(admin.approved()[-1]), None)
    assert [check(process).state for _ in range(3)] == [State.CRITICAL] * 3
    assert capsys.readouterr().out.count("ALERT: approved access was altered past the vault") == 1
    admin.drop_last()
    assert check(process).state is State.OK
    assert "approved access is again as it was signed" in capsys.readouterr().out
    process.state.require_sound()
    put(process, Kind.DIRECTORY, GRANT, 3)
    assert process.look() is State.OK
    assert process.in_force == (True, True)


# -- keys ------------------------------------------------------------------------------------------


def test_keys_are_rotated_and_what_the_old_ones_signed_still_counts(
    process: Process, tmp_path: Path
) -> None:
    rotate_signing_keys(tmp_path, Purpose.ACCESS)
    put(process, Kind.DIRECTORY, GRANT, 3)
    both = Administrator(process.database).approved()[-1].note
    assert both is not None and both.count(access_name(ORIGIN).encode()) == 3
    retire_signing_keys(tmp_path, Purpose.ACCESS)
    put(process, Kind.POLICY, policies(), 4)
    assert process.look() is State.OK
    new = Process(process.database, tmp_path)
    asyncio.run(new.state.open())
    assert new.in_force == (False, True)


def test_a_node_that_has_not_the_new_key_yet_keeps_what_it_has_and_says_which_it_needs(
    process: Process, tmp_path: Path
) -> None:
    old = tuple(process.keys.signers.verifiers())
    masked = ApprovedRows(process.database, ProposalVerifier(access_name(ORIGIN), lambda: old))
    process.state._rows = masked
    assert process.look() is State.OK
    rotate_signing_keys(tmp_path, Purpose.ACCESS)
    put(process, Kind.DIRECTORY, GRANT, 3)
    assert check(process).state is State.OK  # both have signed
    retire_signing_keys(tmp_path, Purpose.ACCESS)
    put(process, Kind.DIRECTORY, REMOVE, 4)
    found = check(process)
    assert found.state is State.CRITICAL
    assert "no key that this node knows" in found.detail
    assert "access.public_keys" in found.remedy
    assert process.in_force == (True, True)
    old = tuple(process.keys.signers.verifiers())
    assert check(process).state is State.OK
    assert process.in_force == (True, False)


def test_another_vault_with_the_same_key_is_another_vault(process: Process) -> None:
    signed = Administrator(process.database).approved()[0]
    keys = process.keys.signers.verifiers
    process.keys.verifier.approved(signed, NOTHING_APPROVED)
    other = ProposalVerifier("other.bank/log/access", keys)
    with pytest.raises(NotSigned):
        other.approved(signed, NOTHING_APPROVED)


# -- what has not been decided ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"proposer": "b"},
        {"person": "p-x"},
        {"version": 2},
        {"stage": "APPROVED"},
        {"institution": "other-bank"},
        {"kind": "POLICY"},
        {"body": b"{}"},
        {"recorded_by": "x"},
        {"recorded_at": NOW + 1},
    ],
)
def test_every_column_of_a_proposal_is_signed(process: Process, changes: dict[str, object]) -> None:
    """Of one that waits, too: with another proposer he could approve it himself."""
    (row,) = process.database.read_sync(
        lambda conn: proposals.history(conn, "demo-bank", f"{2:026d}")[:1]
    )
    signed = SignedRow(row, process.keys.signer.sign(row))
    process.keys.verifier.alone(signed)
    with pytest.raises(NotSigned):
        process.keys.verifier.alone(replace(signed, row=replace(row, **changes)))  # type: ignore[arg-type]  # each is of its column's type
