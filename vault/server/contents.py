"""What the full tier's contents of documents are made of."""

from __future__ import annotations

from collections.abc import Callable, Coroutine

from vault.rpc.opened import Openings
from vault.rpc.servicers.contents import ContentUseCases
from vault.server.parts import Parts
from vault.services.borrowing import Borrowing
from vault.services.contents.downloading import Downloading
from vault.services.contents.picturing import Pictures
from vault.services.contents.sweeping import Sweeping
from vault.services.contents.uploading import ContentLimits, Uploading
from vault.services.reading import Reading
from vault.services.recording import Recorder

Work = Callable[[], Coroutine[object, object, None]]


def full_contents(
    parts: Parts,
    reading: Reading,
    borrowing: Borrowing,
    recorder: Recorder,
    openings: Openings,
) -> tuple[ContentUseCases, tuple[Work, ...]]:
    """The use cases, and what is done beside the calls. Without an object store there are no
    contents, and every call about them says so."""
    database, keys, blobs, clock = parts.database, parts.keys, parts.blobs, parts.clock
    limits = ContentLimits(
        parts.settings.limits.max_content_bytes, parts.settings.limits.upload_hours * 3_600
    )
    use_cases = ContentUseCases(
        Uploading(database, keys, reading, recorder, blobs, Pictures(), clock, limits),
        Downloading(database, keys, reading, borrowing, recorder, blobs),
        openings,
        borrowing,
    )
    if blobs is None:
        return use_cases, ()
    institutions = parts.settings.table.institutions
    sweeping = Sweeping(database, blobs, clock, institutions, limits.kept_seconds)
    return use_cases, (sweeping.watch,)
