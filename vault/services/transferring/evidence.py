"""What is kept of a bundle when its file has been stored: the rows as they were there, with the
keys that show them, and what proves them.

As a tar without a manifest, one for each scope, a content of the file under that scope's key: what
is let go of here goes with what proves it. The bytes of scans are not in it again: a row has their
digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from vault.bundles.archive import END, header, padding, tar_size
from vault.bundles.evidence import CHECKPOINT, leaf_path, plain_path, proof_path, row_path
from vault.bundles.transfer import TransferRow
from vault.bundles.verifying import BundleFiles
from vault.records import IDENTITY_SCOPE

_AT_ONCE: Final = 50


@dataclass(frozen=True, slots=True)
class Part:
    """The evidence of one scope; `page` is its number among the contents of its record."""

    page: int
    scope: str
    paths: tuple[str, ...]
    size: int


def parts_of(
    rows: tuple[TransferRow, ...], scopes: Mapping[str, str], files: BundleFiles
) -> list[Part]:
    """A part for each scope. `scopes` are those of transactions, by record."""
    by_scope: dict[str, list[TransferRow]] = {IDENTITY_SCOPE: []}
    for row in rows:
        kept = row.record.startswith("transfers/")
        scope = row.scope if kept else scopes.get(row.record, IDENTITY_SCOPE)
        by_scope.setdefault(scope, []).append(row)
    found = []
    for page, scope in enumerate(sorted(by_scope), 1):
        some = by_scope[scope]
        events = sorted({index for row in some for index in row.events})
        paths = (
            *(path for row in some for path in (row_path(row.number), plain_path(row.number))),
            *(path for index in events for path in (leaf_path(index), proof_path(index))),
            CHECKPOINT,
        )
        found.append(Part(page, scope, paths, tar_size(files.at[path][1] for path in paths)))
    return found


async def pieces(part: Part, files: BundleFiles) -> AsyncIterator[bytes]:
    """The bytes of a part's tar."""
    (seconds,) = files.seconds

    def some(start: int) -> bytes:
        out = bytearray()
        for path in part.paths[start : start + _AT_ONCE]:
            data = files.read(path)
            out += header(path, len(data), seconds) + data + padding(len(data))
        return bytes(out)

    for start in range(0, len(part.paths), _AT_ONCE):
        yield await asyncio.to_thread(some, start)
    yield END
