"""Looks at every part that a vault stands on, and says what each needs."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from cryptography import x509
from sqlalchemy import Connection

from vault.access import Directory, PolicyEngine
from vault.access.tokens import Tokens
from vault.audit import AuditLog, tree
from vault.audit.publisher import Publisher
from vault.audit.reader import get, head
from vault.audit.sequencer import Sequencer
from vault.blobs import Blobs, BlobsUnavailable
from vault.kms import Kms, KmsError, KmsSealed
from vault.sealing import Clock
from vault.store import Database, StoreError
from vault.store.migrate import Chain, pending

_TIMEOUT_SECONDS = 5.0
_ARRIVAL_SECONDS = 2.0
_ORACLE_SECONDS = 2.0
_DISK_WARNING, _DISK_CRITICAL = 15.0, 5.0
_CERTIFICATE_WARNING_DAYS, _CERTIFICATE_CRITICAL_DAYS = 30, 7


class State(Enum):
    """State of a part, in order of severity."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Check:
    """What was seen of a part, and how to mend it."""

    part: str
    state: State
    detail: str
    remedy: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)


Probe = Callable[[], Awaitable[Check]]


class Health:
    """Runs the probes of a tier, each with a time limit of its own."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = dict(probes)

    async def check(self, parts: tuple[str, ...] = ()) -> list[Check]:
        """Each part asked for, or all; an unknown part is CRITICAL."""
        names = parts or tuple(self._probes)
        return list(await asyncio.gather(*(self._run(name) for name in names)))

    async def _run(self, name: str) -> Check:
        probe = self._probes.get(name)
        if probe is None:
            known = ", ".join(self._probes)
            return Check(name, State.CRITICAL, "no such part", f"ask for one of: {known}")
        try:
            return await asyncio.wait_for(probe(), _TIMEOUT_SECONDS)
        except TimeoutError:
            return Check(
                name,
                State.CRITICAL,
                f"no answer within {_TIMEOUT_SECONDS:.0f} s",
                "see whether its host and network are up",
            )
        except Exception as error:
            # Whatever a probe trips over is a finding about its part, and must not hide the others.
            return Check(name, State.CRITICAL, type(error).__name__, "see the server's log")


def worst(checks: list[Check]) -> State:
    """The worst state of all."""
    return max((c.state for c in checks), key=lambda s: s.value, default=State.OK)


def database_probe(part: str, database: Database, chain: Chain) -> Probe:
    """A database answers and its schema is the one of this release."""

    async def probe() -> Check:
        try:
            await asyncio.to_thread(database.ping)
            waiting = await asyncio.to_thread(pending, database, chain)
        except StoreError as error:
            remedy = "bring the database back; calls fail until then"
            return Check(part, State.CRITICAL, str(error), remedy)
        if waiting:
            return Check(
                part,
                State.CRITICAL,
                f"the schema waits for {len(waiting)} migrations",
                "run `vaultd migrate`",
            )
        return Check(part, State.OK, f"{database.dialect} answers, schema is current")

    return probe


def kms_probe(kms: Kms) -> Probe:
    """The key management service can wrap and unwrap."""

    async def probe() -> Check:
        try:
            await asyncio.to_thread(kms.check)
        except KmsSealed as sealed:
            remedy = "have custodians give their shares: `vaultctl kms unseal` on its machine"
            return Check("kms", State.CRITICAL, str(sealed), remedy)
        except KmsError as error:
            return Check(
                "kms",
                State.CRITICAL,
                str(error),
                "bring it back before the held branch keys expire; calls fail after that",
            )
        return Check("kms", State.OK, "wraps and unwraps")

    return probe


def log_probe(log: AuditLog) -> Probe:
    """The log takes entries."""

    async def probe() -> Check:
        figures = {"queued": float(log.queued)}
        if log.failure is not None:
            return Check(
                "log",
                State.CRITICAL,
                log.failure,
                "free disk space or bring the database back; calls fail until then",
                figures,
            )
        return Check("log", State.OK, "the last batch is durable", figures=figures)

    return probe


def checkpoint_probe(
    sequencer: Sequencer | None, database: Database, clock: Clock, promise: float
) -> Probe:
    """The log is signed for, by this process or another: no entry has waited for longer than
    receipts promise (``promise``, seconds)."""
    remedy = "see the server's log; while this lasts, receipts promise what is not kept"

    def waiting(conn: Connection) -> tuple[int, int, int | None]:
        latest, size = tree.latest(conn), head(conn).size
        signed = latest.size if latest else 0
        oldest = get(conn, signed + 1) if size > signed else None
        return signed, size - signed, oldest.recorded_at if oldest else None

    async def probe() -> Check:
        try:
            signed, pending, oldest = await asyncio.to_thread(database.read_sync, waiting)
        except StoreError as error:
            return Check("checkpoints", State.CRITICAL, str(error), remedy)
        waited = 0.0 if oldest is None else max(0.0, (clock.now_micros() - oldest) / 1e6)
        figures = {"signed": float(signed), "pending": float(pending), "waited_seconds": waited}
        failure = sequencer.failure if sequencer is not None else None
        if failure is not None:
            return Check("checkpoints", State.CRITICAL, failure, remedy, figures)
        if waited > promise:
            detail = f"{pending} entries wait for a checkpoint, the oldest for {waited:.0f} s"
            return Check("checkpoints", State.CRITICAL, detail, remedy, figures)
        return Check("checkpoints", State.OK, f"the log is signed up to {signed}", figures=figures)

    return probe


def second_place_probe(publisher: Publisher) -> Probe:
    """The latest checkpoint stands in the second place."""

    async def probe() -> Check:
        now = publisher.standing
        figures = {"kept": float(now.delivered), "waiting_seconds": now.since}
        if now.since > _ARRIVAL_SECONDS:
            detail = f"no checkpoint has arrived for {now.since:.0f} s: {now.failure or 'it hangs'}"
            remedy = "bring log.second_place back; a log that is set back now is not noticed"
            return Check("second_place", State.WARNING, detail, remedy, figures)
        detail = f"the checkpoint of {now.delivered} entries is kept"
        return Check("second_place", State.OK, detail, figures=figures)

    return probe


def blobs_probe(blobs: Blobs) -> Probe:
    """Objects can be reached: contents of documents, and the log's archive."""

    async def probe() -> Check:
        try:
            await asyncio.to_thread(blobs.check)
        except BlobsUnavailable as error:
            remedy = (
                "bring back what `blobs` names; contents of documents and archived log entries "
                "cannot be read until then"
            )
            return Check("blobs", State.WARNING, str(error), remedy)
        return Check("blobs", State.OK, "objects can be read and written")

    return probe


def disk_probe(folder: Path) -> Probe:
    """There is room where the vault's files are."""

    async def probe() -> Check:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
        free = 100.0 * usage.free / usage.total
        figures = {"free_percent": round(free, 1), "free_gib": round(usage.free / 2**30, 1)}
        detail = f"{free:.0f}% free ({usage.free / 2**30:.1f} GiB)"
        if free < _DISK_CRITICAL:
            return Check("disk", State.CRITICAL, detail, "free space now", figures)
        if free < _DISK_WARNING:
            return Check("disk", State.WARNING, detail, "free space or grow the volume", figures)
        return Check("disk", State.OK, detail, figures=figures)

    return probe


def certificate_probe(path: Path, clock: Clock) -> Probe:
    """The server's certificate is valid for a while yet."""

    async def probe() -> Check:
        certificate = x509.load_pem_x509_certificate(await asyncio.to_thread(path.read_bytes))
        now = datetime.fromtimestamp(clock.now_micros() / 1e6, UTC)
        days = (certificate.not_valid_after_utc - now).total_seconds() / 86400
        figures = {"days_left": round(days, 1)}
        detail = f"the server's certificate has {days:.0f} days left"
        remedy = "put a new certificate in its place and restart the server"
        if days < _CERTIFICATE_CRITICAL_DAYS:
            return Check("certificate", State.CRITICAL, detail, remedy, figures)
        if days < _CERTIFICATE_WARNING_DAYS:
            return Check("certificate", State.WARNING, detail, remedy, figures)
        return Check("certificate", State.OK, detail, figures=figures)

    return probe


def oracle_probe(reachable: Callable[[], Awaitable[None]]) -> Probe:
    """The full tier, which answers this node's searches, can be reached."""

    async def probe() -> Check:
        try:
            await asyncio.wait_for(reachable(), _ORACLE_SECONDS)
        except TimeoutError:
            return Check(
                "oracle",
                State.CRITICAL,
                "the full tier cannot be reached; searches fail, reads go on",
                "start the full tier, or correct tiers.masked.oracle",
            )
        return Check("oracle", State.OK, "the full tier answers searches")

    return probe


def principals_probe(directory: Directory, policy: PolicyEngine) -> Probe:
    """The principals file that was written last is the one in force, and its roles are known."""

    async def probe() -> Check:
        problem = directory.problem
        if problem:
            remedy = "mend the file; the last good one is in force"
            return Check("principals", State.WARNING, problem, remedy)
        unknown = sorted(directory.roles - policy.book.roles)
        if unknown:
            return Check(
                "principals",
                State.WARNING,
                f"no policy names the roles: {', '.join(unknown)}",
                "correct the roles in the principals file, or add a policy for them",
            )
        return Check("principals", State.OK, "the principals file is in force")

    return probe


def tokens_probe(tokens: Tokens) -> Probe:
    """The keys of every issuer of tokens can be read."""

    async def probe() -> Check:
        problems = tokens.problems
        if not problems:
            return Check("tokens", State.OK, f"the keys of {len(tokens)} issuers are held")
        told = "; ".join(f"{issuer}: {why}" for issuer, (why, _) in problems.items())
        held = all(still for _, still in problems.values())
        state = State.WARNING if held else State.CRITICAL
        remedy = (
            "bring the issuer back; the keys read before are taken for an hour"
            if held
            else "bring the issuer back; its tokens are refused until then"
        )
        return Check("tokens", state, told, remedy)

    return probe
