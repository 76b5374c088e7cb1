"""Takes the shares of split key-encryption keys by a local socket, and opens the node when they
are enough.

The socket is of mode 0600 in the key folder, and whoever connects is asked of the kernel: this
process's user, or root. One connection is one question, a line of JSON each way, in time and of a
bounded length:

    {"share": "33 words"}     {"sealed": true, "given": 2, "threshold": 3, "shares": 5}
    {"status": true}          {"problem": "these are not the 33 words of a share: look for a slip"}

Meanwhile the node answers health alone: NOT_SERVING, part `kms` with how far it is; every other
call is UNAVAILABLE with reason KMS_SEALED. Words are in no answer, no log line and no event.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import structlog

from vault.audit import LogUnavailable
from vault.kms import KmsUnavailable, SharesRefused, SplitKms
from vault.kms.split import Standing
from vault.server.settings import SettingsInvalid
from vault.services.errors import VaultError
from vault.services.sealed_keks import KeysSealed
from vault.store import StoreError

_log = structlog.get_logger("vault.server")

MOST_BYTES: Final = 4_096
_SECONDS: Final = 10.0
_AGAIN_SECONDS: Final = 0.5
# Of a socket's address on Linux; one less elsewhere, and one for the zero.
_LONGEST_PATH: Final = 103
_UCRED: Final = struct.Struct("3i")


class Unsealing:
    """Of one node. ``told`` is awaited once, with how many shares and the user ids that gave them.

    Nothing is sealed where there is no SplitKms: then it is open from the beginning.
    """

    def __init__(
        self,
        kms: SplitKms | None,
        path: Path,
        told: Callable[[int, tuple[int, ...]], Awaitable[None]],
    ) -> None:
        if kms is not None and len(os.fsencode(path)) > _LONGEST_PATH:
            raise SettingsInvalid(
                f"the path of kms.socket has more than {_LONGEST_PATH} bytes: {path}"
            )
        self._kms = kms
        self._path = path
        self._told = told
        self._by: list[int] = []
        self._wanted = False
        self._tell: Callable[[bool], None] = lambda _yes: None
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self.opened = asyncio.Event()
        if not self.sealed:
            self.opened.set()

    @property
    def sealed(self) -> bool:
        """Whether shares are missing."""
        return self._kms is not None and self._kms.standing.sealed

    def refusal(self) -> VaultError | None:
        """What a call is told meanwhile; None when open."""
        return None if self.opened.is_set() else KeysSealed()

    def behind(self, tell: Callable[[bool], None]) -> Callable[[bool], None]:
        """``tell`` that calls are taken, when the caller says so and nothing is sealed."""
        self._tell = tell

        def say(yes: bool) -> None:
            self._wanted = yes
            tell(yes and self.opened.is_set())

        return say

    async def listen(self) -> None:
        """Take shares from now on, where something is sealed. Raises SettingsInvalid."""
        if self._kms is None or self.opened.is_set():
            return
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # of a process that was killed
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Closed to others from the first moment on; no other file is made meanwhile.
        before = os.umask(0o177)
        try:
            listening.bind(str(self._path))
        except OSError as error:
            listening.close()
            raise SettingsInvalid(f"{self._path} cannot be listened on: {error.strerror}") from None
        finally:
            os.umask(before)
        self._server = await asyncio.start_unix_server(
            self._answer, sock=listening, limit=MOST_BYTES
        )
        _log.warning("sealed", socket=str(self._path), threshold=self._kms.standing.threshold)

    async def close(self) -> None:
        """Take no more."""
        if self._opening is not None:
            self._opening.cancel()
        self._stop_listening()

    def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                uid = _peer(writer)
                if uid in (os.geteuid(), 0):
                    answer = await self._ask(await reader.readline(), uid)
                else:
                    answer = {"problem": "only the vault's own user or root may give shares"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # who does not say what he wants in time, or goes away, is not waited for
        finally:
            writer.close()

    async def _ask(self, line: bytes, uid: int) -> dict[str, Any]:
        kms = self._kms
        if kms is None:
            return {"problem": "nothing is sealed here"}
        try:
            asked = json.loads(line)
            words = asked.get("share") if isinstance(asked, dict) else None
        except (ValueError, RecursionError):
            return {"problem": "not a question that is known here"}
        if not isinstance(words, str):
            return _told(kms.standing)
        if not kms.standing.sealed:
            return _told(kms.standing)
        try:
            # Off the loop: putting a secret together takes some milliseconds of arithmetic.
            standing = await asyncio.to_thread(kms.give, words)
        except SharesRefused as refused:
            _log.warning("share refused", uid=uid)
            if kms.standing.given == 0:
                self._by = []
            return {**_told(kms.standing), "problem": str(refused)}
        self._by = [*self._by, uid][-standing.threshold :]
        _log.info("share given", uid=uid, given=standing.given, threshold=standing.threshold)
        if not standing.sealed:
            self._opening = asyncio.create_task(self._open(standing))
        return _told(standing)

    async def _open(self, standing: Standing) -> None:
        """In this order: what is served has its event. A log that cannot be written yet is waited
        for."""
        while True:
            try:
                await self._told(standing.threshold, tuple(self._by))
                break
            except (LogUnavailable, StoreError, KmsUnavailable) as away:
                _log.warning("unsealed, but not open", problem=type(away).__name__)
                await asyncio.sleep(_AGAIN_SECONDS)
        self.opened.set()
        self._tell(self._wanted)
        self._stop_listening()
        _log.info("unsealed", shares=standing.threshold)


def _told(standing: Standing) -> dict[str, Any]:
    return {
        "sealed": standing.sealed,
        "given": standing.given,
        "threshold": standing.threshold,
        "shares": standing.shares,
    }


def _peer(writer: asyncio.StreamWriter) -> int:
    """The user id of whoever connected, as the kernel says it (unix(7), SO_PEERCRED)."""
    connected: socket.socket = writer.get_extra_info("socket")
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return int(_UCRED.unpack(told)[1])
