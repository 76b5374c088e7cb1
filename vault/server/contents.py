"""What the full tier's contents of documents are made of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

import structlog

from vault.renditions import DecoderMissing, Limits, Renderer
from vault.rpc.servicers.contents import ContentUseCases
from vault.rpc.servicers.reads import Lending
from vault.server.parts import Parts
from vault.services.contents.downloading import Downloading
from vault.services.contents.picturing import Pictures
from vault.services.contents.sweeping import Sweeping
from vault.services.contents.uploading import ContentLimits, Uploading
from vault.services.merging.standing import Merges
from vault.services.reading import Reading
from vault.services.recording import Recorder

_log = structlog.get_logger("vault.server")

Work = Callable[[], Coroutine[object, object, None]]


def full_contents(
    parts: Parts,
    reading: Reading,
    lending: Lending,
    recorder: Recorder,
    merges: Merges,
) -> tuple[ContentUseCases, tuple[Work, ...], Renderer]:
    """The use cases, what is done beside the calls, and what is closed at the end. Without an
    object store there are no contents, and every call about them says so."""
    database, keys, blobs, clock = parts.database, parts.keys, parts.blobs, parts.clock
    limits = ContentLimits(
        parts.settings.limits.max_content_bytes, parts.settings.limits.upload_hours * 3_600
    )
    renderer = Renderer(
        Limits(memory=parts.settings.limits.rendition_memory_mib * 1024 * 1024),
        at_once=parts.settings.limits.renditions_at_once,
    )
    pictures = Pictures(renderer)
    use_cases = ContentUseCases(
        Uploading(database, keys, reading, recorder, blobs, pictures, clock, limits, merges),
        Downloading(database, keys, reading, lending.borrowing, blobs),
        lending,
    )
    if blobs is None:
        return use_cases, (), renderer
    institutions = parts.settings.table.institutions
    sweeping = Sweeping(database, blobs, clock, institutions, limits.kept_seconds)

    async def start_decoders() -> None:
        try:
            await renderer.start()
        except DecoderMissing as error:
            # Each upload tries anew, and says so to whom it fails.
            _log.warning("no document can be read", error=str(error))

    return use_cases, (sweeping.watch, start_decoders), renderer
