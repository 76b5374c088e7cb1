"""One process that decodes one document, as the server sees it."""

import asyncio
import contextlib
import signal
import sys

from vault.renditions.frames import (
    LENGTH,
    MOST_JSON,
    PIECE,
    READY,
    Answer,
    AnswerInvalid,
    Job,
    framed,
    read_answer,
    write_json,
)
from vault.renditions.limits import Limits
from vault.renditions.png import Pixels
from vault.renditions.problems import DocumentRefused, Problem

# It loads its decoders in a fraction of a second; on a machine that is busy, in some.
_START_SECONDS = 30.0


class DecoderMissing(Exception):
    """A process that decodes did not start. That is no fault of any document."""


class Decoder:
    """A process that has started and waits for its document. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits) -> None:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101
        self._process = process
        self._limits = limits
        self._to = process.stdin
        self._from = process.stdout

    @classmethod
    async def start(cls, limits: Limits) -> "Decoder":
        """Start a process and wait until it has given up what it does not need. Raises
        DecoderMissing."""
        try:
            process = await asyncio.create_subprocess_exec(
                # -I: neither the environment nor the folder we stand in says what is loaded.
                *(sys.executable, "-I", "-m", "vault.renditions.worker"),
                *(str(limits.memory), str(limits.processor_seconds)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # What a decoder complains of may quote the document.
                stderr=asyncio.subprocess.DEVNULL,
                env={"LANG": "C.UTF-8"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise DecoderMissing("a process that decodes cannot be started") from error
        decoder = cls(process, limits)
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await decoder._from.readexactly(len(READY))
        except (TimeoutError, asyncio.IncompleteReadError) as error:
            await decoder.end()
            raise DecoderMissing("a process that decodes did not get ready") from error
        except asyncio.CancelledError:
            await decoder.end()
            raise
        if ready != READY:
            await decoder.end()
            raise DecoderMissing("a process that decodes did not get ready")
        return decoder

    async def give(self, job: Job) -> None:
        """Say what is coming. Raises DecoderMissing where it ended while it waited."""
        try:
            await self._send(write_json(job))
            async with asyncio.timeout(self._limits.seconds):
                ready = await self._from.readexactly(len(READY))
        except (DocumentRefused, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise DecoderMissing("a process that decodes has ended") from error
        if ready != READY:
            raise DecoderMissing("a process that decodes did not get ready")

    async def feed(self, data: bytes) -> None:
        """Pass on a part of the document. Raises DocumentRefused."""
        for at in range(0, len(data), PIECE):
            await self._send(framed(data[at : at + PIECE]))

    async def answer(self) -> tuple[Answer, list[Pixels]]:
        """Say that the document is whole, and wait for what becomes of it. Raises
        DocumentRefused."""
        await self._send(framed(b""))
        try:
            async with asyncio.timeout(self._limits.seconds):
                (size,) = LENGTH.unpack(await self._from.readexactly(LENGTH.size))
                if size > MOST_JSON:
                    raise AnswerInvalid("length")
                answer = read_answer(await self._from.readexactly(size), self._limits)
                if answer.problem is not None:
                    raise DocumentRefused(answer.problem)
                return answer, [
                    Pixels(
                        page.width,
                        page.height,
                        await self._from.readexactly(3 * page.colours),
                        await self._from.readexactly(page.width * page.height),
                    )
                    for page in answer.pages
                    if page.layout
                ]
        except TimeoutError as error:
            raise DocumentRefused(Problem.TIMED_OUT) from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise DocumentRefused(await self._why_ended()) from error
        except (AnswerInvalid, ValueError) as error:
            # It says what no honest process says: the document has taken it over.
            raise DocumentRefused(Problem.CRASHED) from error

    async def end(self) -> None:
        """Kill it, whatever it does, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._to.close()
        await self._process.wait()
        # What is left in the pipes goes with them: at most what they hold.
        with contextlib.suppress(ConnectionError):
            await self._to.wait_closed()
        await self._from.read()

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(self._limits.seconds):
                self._to.write(data)
                await self._to.drain()
        except TimeoutError as error:
            raise DocumentRefused(Problem.TIMED_OUT) from error
        except ConnectionError as error:
            raise DocumentRefused(await self._why_ended()) from error

    async def _why_ended(self) -> Problem:
        try:
            async with asyncio.timeout(5):
                code = await self._process.wait()
        except TimeoutError:
            return Problem.CRASHED
        return Problem.TIMED_OUT if code == -signal.SIGXCPU else Problem.CRASHED
