"""The latest approved change in the second place: a process that has seen nothing yet holds the
database to it, on both databases."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.services.test_access_state import REMOVE, ROLE, Process, policies, put
from tests.support.log_keys import ORIGIN
from tests.support.signed_access import AccessKeys, Administrator
from vault.access.proposals import Kind
from vault.audit.second_place import FolderPlace, SecondPlaceAway
from vault.services import access_state
from vault.services.access_state import AccessState, AccessUnread
from vault.services.approved_rows import ApprovedRows
from vault.services.health import Check, State
from vault.services.kept_approvals import KeptApprovals
from vault.services.proposal_signing import NotSigned
from vault.store import Database

T = TypeVar("T")

_runners: list[asyncio.Runner] = []


@pytest.fixture(autouse=True)
def one_loop() -> Iterator[None]:
    """For all of a test: an attempt at the second place must not outlive the loop that began it."""
    with asyncio.Runner() as runner:
        _runners.append(runner)
        yield
    _runners.clear()


def run(work: Coroutine[Any, Any, T]) -> T:
    """In the test's loop."""
    return _runners[-1].run(work)


class Node(Process):
    """A process of a vault with a second place."""

    def __init__(self, database: Database, folder: Path, *, full: bool = True) -> None:
        super().__init__(database, folder)
        self.place = FolderPlace(folder / "second", ORIGIN, tuple)
        if full:
            self.place.begin()
        self.set_back = False
        self.kept = KeptApprovals(self.place, self.keys.verifier, keeps=full)
        self.state = AccessState(
            ApprovedRows(database, self.keys.verifier),
            self.policy,
            self.directory,
            kept=self.kept,
            set_back=lambda: self.set_back,
        )

    @property
    def number(self) -> int:
        """Of the change that is kept there."""
        note = self.place.approved()
        return self.keys.verifier.head_of(note).size if note is not None else 0


def settle(node: Node, number: int) -> Check:
    """Look again and again until a change is kept there; how the part is."""

    async def main() -> Check:
        end = time.monotonic() + 5
        while True:
            await node.state.look()
            if node.number == number and (await node.state.probe()()).state is State.OK:
                return await node.state.probe()()
            assert time.monotonic() < end
            await asyncio.sleep(0.02)

    return run(main())


def health(node: Node) -> Check:
    async def main() -> Check:
        await node.state.look()
        return await node.state.probe()()

    return run(main())


@pytest.fixture
def node(database: Database, tmp_path: Path) -> Node:
    """With two changes approved, both known in the second place."""
    made = Node(database, tmp_path)
    put(made, Kind.POLICY, policies(new=ROLE), 1)
    settle(made, 1)
    put(made, Kind.DIRECTORY, REMOVE, 2)
    settle(made, 2)
    return made


@pytest.mark.parametrize("full", [True, False], ids=["full", "masked"])
def test_a_change_taken_out_of_the_end_stops_a_start(
    node: Node, tmp_path: Path, full: bool
) -> None:
    Administrator(node.database).drop_last()
    new = Node(node.database, tmp_path, full=full)
    with pytest.raises(NotSigned, match="knows of 2 approved changes"):
        run(new.state.open())
    assert isinstance(new.state.refusal(), AccessUnread)
    told = health(new)
    assert told.state is State.CRITICAL and "restore" in told.remedy
    # Where nobody has it any more, whoever keeps the second place lets the vault go on.
    (tmp_path / "second" / "approved").unlink()
    again = Node(node.database, tmp_path, full=full)
    run(again.state.open())
    assert again.in_force == (True, True)


@pytest.mark.parametrize("full", [True, False], ids=["full", "masked"])
def test_all_of_them_and_more_are_taken(node: Node, tmp_path: Path, full: bool) -> None:
    run(Node(node.database, tmp_path, full=full).state.open())
    put(node, Kind.POLICY, policies(), 3)  # and not kept there yet
    new = Node(node.database, tmp_path, full=full)
    run(new.state.open())
    assert new.in_force == (False, False)


def test_only_the_full_tier_writes_there(database: Database, tmp_path: Path) -> None:
    full = Node(database, tmp_path)
    put(full, Kind.DIRECTORY, REMOVE, 1)
    masked = Node(database, tmp_path, full=False)
    for _ in range(3):
        assert health(masked).state is State.OK
        time.sleep(0.05)
    assert full.number == 0
    settle(full, 1)


def test_another_change_of_that_number_is_not_taken_nor_kept(node: Node, tmp_path: Path) -> None:
    """The end was taken out, and another change approved in its place by a vault that had not seen
    it: both are signed."""
    Administrator(node.database).drop_last()
    other = Process(node.database, tmp_path)  # without a second place
    put(other, Kind.POLICY, policies(), 3)
    new = Node(node.database, tmp_path)
    with pytest.raises(NotSigned):
        run(new.state.open())
    new.state._kept = None
    run(new.state.open())
    new.state._kept = new.kept

    async def look() -> Check:
        for _ in range(5):
            await new.state.look()
            await asyncio.sleep(0.05)
        return await new.state.probe()()

    told = run(look())
    assert told.state is State.WARNING and "another approved change" in told.detail
    assert node.number == 2


@pytest.mark.parametrize("content", [b"x", b"text\n\n\xe2\x80\x94 demo.bank/log/access AAAA\n"])
def test_what_lies_there_and_is_none_stops_a_start(
    node: Node, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "second" / "approved").write_bytes(content)
    with pytest.raises(NotSigned, match="in the second place"):
        run(Node(node.database, tmp_path).state.open())


def test_a_waiting_proposals_note_is_no_approved_change(node: Node, tmp_path: Path) -> None:
    rows = Administrator(node.database)
    note = node.database.read_sync(
        lambda conn: conn.exec_driver_sql(
            "SELECT note FROM proposal_signatures WHERE version = 1"
        ).first()
    )
    assert note is not None and rows.approved()
    (tmp_path / "second" / "approved").write_bytes(bytes(note[0]))
    with pytest.raises(NotSigned, match="is none"):
        run(Node(node.database, tmp_path).state.open())


def test_a_place_that_is_away_is_waited_for_and_nobody_is_served(
    node: Node, tmp_path: Path
) -> None:
    aside = tmp_path / "aside"
    (tmp_path / "second").rename(aside)
    new = Node(node.database, tmp_path, full=False)
    run(new.state.open())  # no reason to end
    assert isinstance(new.state.refusal(), AccessUnread)
    told = health(new)
    assert told.state is State.CRITICAL and "second" in told.detail
    aside.rename(tmp_path / "second")
    assert health(new).state is State.OK
    assert new.state.refusal() is None
    assert new.in_force == (True, False)


def test_one_that_is_away_later_is_told_and_holds_up_nobody(node: Node, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    (tmp_path / "second").rename(aside)
    put(node, Kind.POLICY, policies(), 3)

    async def look() -> Check:
        for _ in range(4):
            await node.state.look()
            await asyncio.sleep(0.05)
        return await node.state.probe()()

    told = run(look())
    assert node.in_force == (False, False)
    assert told.state is State.WARNING and "not kept elsewhere" in told.detail
    node.state.require_sound()
    aside.rename(tmp_path / "second")
    settle(node, 3)


def test_one_that_hangs_when_it_is_written_to_is_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.kept_approvals.ATTEMPT_SECONDS", 0.1)
    monkeypatch.setattr(node.place, "keep_approved", lambda *_: time.sleep(1))
    put(node, Kind.POLICY, policies(), 3)

    async def look() -> Check:
        for _ in range(4):
            await node.state.look()
            await asyncio.sleep(0.1)
        told = await node.state.probe()()
        await asyncio.sleep(1)
        await node.state.look()
        assert (await node.state.probe()()).state is State.OK
        return told

    told = run(look())
    assert told.state is State.WARNING and "has not answered" in told.detail


def test_one_that_hangs_is_away(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vault.services.kept_approvals.ATTEMPT_SECONDS", 0.1)
    monkeypatch.setattr(node.place, "approved", lambda: time.sleep(1))

    async def read() -> object:
        return await node.kept.read()

    with pytest.raises(SecondPlaceAway, match="not answered"):
        run(read())


def test_while_the_log_is_set_back_nothing_is_held_and_afterwards_nobody_is_served_unheld(
    node: Node, tmp_path: Path
) -> None:
    Administrator(node.database).drop_last()
    new = Node(node.database, tmp_path)
    new.set_back = True
    run(new.state.open())
    assert new.state.refusal() is None  # the gate lets nobody through but those who acknowledge
    assert new.in_force == (True, True)
    new.set_back = False
    # Without anybody's word: the log was mended, and what was approved was not.
    assert isinstance(new.state.refusal(), AccessUnread)
    assert health(new).state is State.CRITICAL
    assert isinstance(new.state.refusal(), AccessUnread)


def test_after_two_persons_words_the_place_goes_on_with_what_is_there(
    node: Node, tmp_path: Path
) -> None:
    Administrator(node.database).drop_last()
    new = Node(node.database, tmp_path)
    new.set_back = True
    run(new.state.open())
    new.place.supersede(None)
    new.set_back = False
    new.state.forget()
    assert health(new).state is State.OK
    assert new.state.refusal() is None
    settle(new, 1)
    put(new, Kind.DIRECTORY, REMOVE, 5)
    settle(new, 2)


def test_a_process_is_woken_when_the_log_goes_on(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_state, "EVERY_SECONDS", 60.0)  # by itself it does not look so soon

    async def main() -> float:
        task = asyncio.create_task(node.state.watch())
        await asyncio.sleep(0.3)
        looked = asyncio.Event()
        real = node.state.look

        async def look() -> None:
            await real()
            looked.set()

        node.state.look = look  # type: ignore[method-assign]  # told of
        begun = time.monotonic()
        node.state.forget()
        await looked.wait()
        task.cancel()
        assert node.state.head.size == 2
        return time.monotonic() - begun

    assert run(main()) < 30


def test_a_key_that_is_lost_keeps_a_vault_from_starting_and_says_which(
    node: Node, tmp_path: Path
) -> None:
    (tmp_path / "access.signing").unlink()
    assert AccessKeys(tmp_path).signers.verifiers()  # a new one
    with pytest.raises(NotSigned, match="no key that this node knows") as refused:
        run(Node(node.database, tmp_path).state.open())
    assert "access.signing" in refused.value.remedy
