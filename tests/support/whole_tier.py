"""The full tier of a vault in this process: all of it but the transport, on a clock moved by hand.

`template` lays a vault out once; each `WholeTier` stands on a copy of it, and can be started again
on what the one before has left.
"""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from unittest import mock

import grpc
from google.protobuf.message import Message

from tests.support.pipeline import FakeContext, uri
from tests.support.running_vault import OWN, RunningVault
from vault.access import PolicyEngine
from vault.access.directory_change import NOTHING, Approved, read_change
from vault.audit import AuditEvent, decode
from vault.audit.reader import head, read
from vault.rpc.servicers.standard import Standing
from vault.sealing import SystemClock
from vault.server import parts as parts_of_a_tier
from vault.server.run import _pipeline
from vault.server.settings import TierName, load
from vault.server.tiers import build_tier

M = TypeVar("M", bound=Message)

_kept: list[TemporaryDirectory[str]] = []
_POLICIES = PolicyEngine.load().book
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class HandClock(SystemClock):
    """Stands still until it is moved. Microseconds since the epoch."""

    def __init__(self, micros: int) -> None:
        self.micros = self._began = micros

    def now_micros(self) -> int:
        return self.micros

    def monotonic(self) -> float:
        return (self.micros - self._began) / SECOND


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a vault that need not outlive the machine: in memory, where that can be."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


def kept_folder() -> Path:
    """A folder that is there until the tests are over."""
    _kept.append(TemporaryDirectory())
    return Path(_kept[-1].name)


@cache
def template() -> Path:
    """A vault that was laid out, with an empty database."""
    folder = kept_folder()
    RunningVault(folder, f"sqlite:///{folder}/vault.db")
    return folder


def copy_of(vault: Path, folder: Path) -> None:
    """Put a copy of a vault that is at rest into a folder."""
    shutil.copytree(vault, folder, dirs_exist_ok=True)
    config = folder / "vault.toml"
    config.write_text(config.read_text("utf-8").replace(str(vault), str(folder)), "utf-8")


def approved(entries: Iterable[dict[str, Any]]) -> Approved:
    """What the directory has from the store, by entries as a proposal has them."""
    change = read_change(OWN, json.dumps({"upsert": list(entries)}).encode())
    return NOTHING.after(OWN, change, 1)


class WholeTier:
    """On the vault of a folder. Callers are known by their certificates' URIs alone."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        self.folder = folder
        self.clock = clock

    async def start(self) -> None:
        """Take calls."""
        settings = load(self.folder / "vault.toml", TierName.FULL)
        with (
            mock.patch.object(parts_of_a_tier, "SystemClock", lambda: self.clock),
            # To read them takes longer than all the rest.
            mock.patch.object(PolicyEngine, "load", lambda _folder: PolicyEngine(_POLICIES)),
        ):
            self.parts = parts_of_a_tier.build(settings)
        tier = build_tier(self.parts, Standing())
        await self.parts.log.start()
        await self.parts.keys.open_institution(OWN)
        await self.parts.access.open()
        self._pipeline = _pipeline(self.parts, tier)

    async def stop(self) -> None:
        """Take none, and leave what is stored."""
        self._pipeline.stop()
        await self.parts.log.stop()
        self.parts.close()

    def take(self, entries: Iterable[dict[str, Any]]) -> None:
        """Have the directory know these, beside those of its file, as if they had been approved."""
        self.parts.directory.take(approved(entries))

    async def call(self, who: str, method: str, request: Message, answer: type[M]) -> M:
        """A call of whoever has the certificate of that name. Raises tests.support.pipeline's
        Refused."""
        details = cast(grpc.HandlerCallDetails, SimpleNamespace(method=method))
        handler: Any = self._pipeline.service(details)
        data = await handler.unary_unary(request.SerializeToString(), FakeContext(uri(who)))
        return answer.FromString(data)

    def last_event(self) -> AuditEvent:
        """The last event of the log."""
        database = self.parts.database
        size = database.read_sync(head).size
        (stored,) = database.read_sync(lambda conn: read(conn, size - 1, 1)).events
        return decode(stored.leaf)
