"""Serves one tier until it is told to stop, and then lets calls in flight finish."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Callable

import structlog
from grpc import aio

from vault.rpc.pipeline import Pipeline, PipelineParts
from vault.rpc.servicers.standard import Standing
from vault.server import tls
from vault.server.guard import Refusal
from vault.server.kms import split_of, unsealing_socket
from vault.server.parts import Parts, build
from vault.server.settings import Settings, TierName
from vault.server.tiers import Tier, build_tier
from vault.server.unsealing import Unsealing
from vault.services.sealed_keks import tell_unsealed
from vault.store.shredding import replay

_log = structlog.get_logger("vault.server")

# The transport's own limit lies above the vault's: a message between the two reaches the pipeline,
# which logs it and says what is wrong. A larger one is refused by the transport alone.
_TRANSPORT_FACTOR = 4
_SWEEP_SECONDS = 5.0


class PortUnavailable(Exception):
    """The address cannot be listened on."""


async def serve(settings: Settings, *, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT. ``ready`` is called when calls are taken.

    Raises SettingsInvalid, TlsFilesUnusable, TlsVersionsOpen, PortUnavailable, KmsError,
    PrincipalsInvalid, PolicyInvalid, StoreError when it cannot start.
    """
    tls.require_tls13()
    parts = build(settings)
    try:
        await _serve(parts, ready)
    finally:
        parts.close()


async def _serve(parts: Parts, ready: Callable[[], None] | None) -> None:
    settings = parts.settings
    # From here on, so that no word to stop is lost between being ready and listening for it.
    told = _stop_asked()
    standing = Standing()
    tier = build_tier(parts, standing)
    unsealing = _unsealing(parts)
    tell = unsealing.behind(standing.serving)
    await parts.log.start()
    opening = asyncio.create_task(_open(parts, tell))
    try:
        await parts.guard.compared.wait()
        await _replay_shreds(parts)
        if unsealing.opened.is_set():
            await _open_institutions(parts)
        await parts.access.open()
        pipeline = _pipeline(parts, tier, unsealing.refusal)
        server = _server(parts, pipeline)
        parts.tokens.start()
        settle_memory()
        await unsealing.listen()
        await server.start()
        tell(not parts.guard.recovery.closed)
        _log.info("serving", tier=settings.tier.value, listen=settings.table.listen)
        # Each for itself: of several as one, that they were cancelled would be told as an error.
        works = (_sweep(parts), parts.access.watch(), *(work() for work in tier.works))
        background = [asyncio.create_task(work) for work in works]
        if ready is not None:
            ready()
        await told.wait()
        _log.info("stopping", tier=settings.tier.value)
        tell(False)
        pipeline.stop()
        # New calls are refused from here on; those in flight have the grace to finish in.
        await server.stop(settings.limits.grace_seconds)
        for task in background:
            task.cancel()
    finally:
        opening.cancel()
        await unsealing.close()
        for closable in tier.closing:
            await closable.close()
        parts.tokens.stop()
        await parts.log.stop()
        if parts.sequencer is not None:
            # Behind the log: what was written last is signed for, too.
            await asyncio.to_thread(parts.sequencer.stop)
        await asyncio.to_thread(parts.guard.stop)
    _log.info("stopped", tier=settings.tier.value)


def _unsealing(parts: Parts) -> Unsealing:
    """What waits for the shares of split keys: at once open, where there are none."""
    settings = parts.settings

    async def told(shares: int, by: tuple[int, ...]) -> None:
        tier = settings.tier.value
        await tell_unsealed(parts.log, parts.clock, tier=tier, shares=shares, by=by)
        await _open_institutions(parts)

    return Unsealing(split_of(parts.kms), unsealing_socket(settings), told)


async def _replay_shreds(parts: Parts) -> None:
    """A key store that came from a backup may have keys of what was destroyed since: before
    anything is served, it has none. A masked node may not write there, and finds none."""
    if parts.settings.tier is TierName.FULL:
        scopes, keys = await asyncio.to_thread(replay, parts.database, parts.keys_database)
        if scopes:
            _log.warning("shred list replayed", scopes=scopes, keys=keys)


async def _open_institutions(parts: Parts) -> None:
    if parts.settings.tier is TierName.FULL:
        for institution in parts.settings.table.institutions:
            await parts.keys.open_institution(institution)


async def _open(parts: Parts, tell: Callable[[bool], None]) -> None:
    """Begin to sign when the log is known to be the one that it was: at once, as a rule."""
    await parts.guard.open()
    parts.guard.start()
    if parts.sequencer is not None:
        parts.sequencer.start()
    tell(True)
    await parts.guard.watch(tell)


def _pipeline(parts: Parts, tier: Tier, *refusals: Refusal) -> Pipeline:
    settings = parts.settings
    return Pipeline(
        PipelineParts(
            tier=settings.tier.value,
            directory=parts.directory,
            policy=parts.policy,
            log=parts.log,
            clock=parts.clock,
            case_commitment=parts.keys.case_commitment,
            max_request_bytes=settings.limits.max_message_bytes,
            streams_per_caller=settings.limits.streams_per_caller,
            gate=parts.guard.gate(*refusals, parts.access.refusal),
            tokens=parts.tokens,
            standing=tier.standing,
            watch=parts.watch,
        ),
        tier.methods,
    )


def _server(parts: Parts, pipeline: Pipeline) -> aio.Server:
    settings = parts.settings
    limits = settings.limits
    server = aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.max_message_bytes * _TRANSPORT_FACTOR),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ],
        maximum_concurrent_rpcs=limits.concurrent_calls,
    )
    server.add_generic_rpc_handlers((pipeline,))
    table = settings.table
    credentials = tls.server_credentials(
        settings.path(table.tls.certificate),
        settings.path(table.tls.key),
        settings.path(table.tls.client_ca),
    )
    try:
        bound = server.add_secure_port(table.listen, credentials)
    except RuntimeError:
        bound = 0
    if not bound:
        raise PortUnavailable(
            f"{table.listen} cannot be listened on; is another server running there?"
        )
    return server


def settle_memory() -> None:
    """Spare Python's garbage collector what will stay anyway, and let it look less often.

    Calls leave next to no cycles behind, yet the objects of one import message made it walk the
    whole program's several times: a tenth of the processor time (docs/performance.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _sweep(parts: Parts) -> None:
    """Keys whose time is over leave memory even if nobody asks for them."""
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        parts.ring.sweep()


def _stop_asked() -> asyncio.Event:
    """Set when the process is told to stop."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    return told
