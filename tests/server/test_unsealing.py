"""The socket where shares are given: who may, how long he may take, and when the node opens."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.support.kms_providers import local
from vault.audit import LogUnavailable
from vault.kms import KekName, SplitKms
from vault.kms.split import split_keks
from vault.server import unsealing as module
from vault.server.settings import SettingsInvalid
from vault.server.unsealing import Unsealing


class Node:
    """A sealed node, and what it was told and has told."""

    def __init__(self, folder: Path) -> None:
        local(folder / "keys", KekName)
        self.shares = [share.words for share in split_keks(folder / "keys", folder / "keys", 2, 3)]
        self.kms = SplitKms(folder / "keys")
        self.path = folder / "s"
        self.events: list[tuple[int, tuple[int, ...]]] = []
        self.fails = 0
        self.said: list[bool] = []

    async def told(self, shares: int, by: tuple[int, ...]) -> None:
        if self.fails:
            self.fails -= 1
            raise LogUnavailable("away")
        self.events.append((shares, by))

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[tuple[Unsealing, Callable[[bool], None]]]:
        made = Unsealing(self.kms, self.path, self.told)
        say = made.behind(self.said.append)
        await made.listen()
        try:
            yield made, say
        finally:
            await made.close()

    async def ask(self, line: bytes) -> Any:
        reader, writer = await asyncio.open_unix_connection(str(self.path))
        writer.write(line)
        await writer.drain()
        answer = await asyncio.wait_for(reader.readline(), 20)
        writer.close()
        return json.loads(answer) if answer else None

    async def give(self, words: str) -> Any:
        return await self.ask(json.dumps({"share": words}).encode() + b"\n")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def run(work: Callable[[], Any]) -> None:
    asyncio.run(work())


def test_it_opens_when_the_shares_are_enough_and_the_event_is_written(node: Node) -> None:
    async def work() -> None:
        async with node.waiting() as (unsealing, say):
            say(True)
            assert node.said == [False]
            refusal = unsealing.refusal()
            assert refusal is not None
            assert (refusal.code, refusal.reason) == ("UNAVAILABLE", "KMS_SEALED")
            given = {"sealed": True, "given": 1, "threshold": 2, "shares": 3}
            assert await node.give(node.shares[1]) == given
            assert (await node.give(node.shares[2]))["sealed"] is False
            await asyncio.wait_for(unsealing.opened.wait(), 20)
            assert node.events == [(2, (os.geteuid(),) * 2)]
            assert node.said == [False, True]
            assert unsealing.refusal() is None
            assert not node.path.exists()

    run(work)


def test_it_does_not_open_before_its_event_is_durable(node: Node) -> None:
    async def work() -> None:
        node.fails = 2
        with mock.patch.object(module, "_AGAIN_SECONDS", 0.05):
            async with node.waiting() as (unsealing, say):
                say(True)
                for words in node.shares[:2]:
                    await node.give(words)
                await asyncio.wait_for(unsealing.opened.wait(), 20)
        assert node.fails == 0
        assert node.said == [False, True]

    run(work)


def test_a_node_that_may_not_serve_for_another_reason_stays_shut(node: Node) -> None:
    async def work() -> None:
        async with node.waiting() as (unsealing, say):
            say(True)
            say(False)  # the log was set back meanwhile
            for words in node.shares[:2]:
                await node.give(words)
            await asyncio.wait_for(unsealing.opened.wait(), 20)
            assert node.said[-1] is False
            say(True)
            assert node.said[-1] is True

    run(work)


def test_another_user_of_the_machine_is_refused_whatever_the_files_mode(node: Node) -> None:
    async def work() -> None:
        with mock.patch.object(module, "_peer", lambda _writer: os.geteuid() + 4_711):
            async with node.waiting():
                assert "only the vault's own user" in (await node.give(node.shares[0]))["problem"]
        assert node.kms.standing.given == 0

    run(work)


def test_the_socket_is_for_its_owner_alone(node: Node) -> None:
    async def work() -> None:
        async with node.waiting():
            assert stat.S_IMODE(node.path.stat().st_mode) == 0o600

    run(work)


@pytest.mark.parametrize(
    "line", [b"\n", b"{}\n", b"null\n", b'{"share": 7}\n', b"[" * 4000 + b"\n", b"\xff\xfe\n"]
)
def test_what_is_no_share_is_answered_and_changes_nothing(node: Node, line: bytes) -> None:
    async def work() -> None:
        async with node.waiting():
            answer = await node.ask(line)
            assert answer is None or "problem" in answer or answer["given"] == 0
            assert (await node.give(node.shares[0]))["given"] == 1

    run(work)


def test_a_flood_ends_its_own_connection(node: Node) -> None:
    async def work() -> None:
        async with node.waiting():
            try:
                answer = await node.ask(b"a" * 1_000_000)
            except OSError:
                answer = None
            assert answer is None
            assert (await node.give(node.shares[0]))["given"] == 1

    run(work)


def test_who_says_nothing_is_not_waited_for(node: Node) -> None:
    async def work() -> None:
        with mock.patch.object(module, "_SECONDS", 0.1):
            async with node.waiting():
                reader, writer = await asyncio.open_unix_connection(str(node.path))
                assert await asyncio.wait_for(reader.read(), 20) == b""
                writer.close()

    run(work)


def test_a_refused_share_is_told_without_a_word_of_it(node: Node) -> None:
    async def work() -> None:
        async with node.waiting():
            words = node.shares[0].split()
            words[3], words[4] = words[4], words[3]
            answer = json.dumps(await node.give(" ".join(words)))
            assert "look for a slip" in answer
            assert not set(words[4:]) & set(answer.split())

    run(work)


def test_what_a_killed_server_has_left_is_replaced(node: Node) -> None:
    node.path.touch()

    async def work() -> None:
        async with node.waiting():
            assert (await node.ask(b'{"status": true}\n'))["threshold"] == 2

    run(work)


def test_a_path_that_no_socket_can_have_is_told(node: Node, tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="103 bytes"):
        Unsealing(node.kms, tmp_path / ("x" * 120), node.told)

    async def work() -> None:
        made = Unsealing(node.kms, tmp_path / "nowhere" / "s", node.told)
        with pytest.raises(SettingsInvalid, match="cannot be listened on"):
            await made.listen()

    run(work)


def test_a_node_with_nothing_sealed_is_open_and_listens_nowhere(tmp_path: Path) -> None:
    async def told(_shares: int, _by: tuple[int, ...]) -> None:
        pytest.fail("nothing was unsealed")

    async def work() -> None:
        unsealing = Unsealing(None, tmp_path / "s", told)
        await unsealing.listen()
        said: list[bool] = []
        unsealing.behind(said.append)(True)
        assert said == [True]
        assert unsealing.refusal() is None
        assert not (tmp_path / "s").exists()

    run(work)
