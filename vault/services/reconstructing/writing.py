"""Writes the bundle of a transaction: files for programs, a page for people, and the proofs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from vault.bundles import Archive, Manifest, ManifestSigner, Recipient, Sealing
from vault.bundles.evidence import (
    CHECKPOINT,
    RowEvidence,
    leaf_path,
    plain_path,
    proof_path,
    row_path,
)
from vault.bundles.iso20022 import document, entry, party
from vault.bundles.page import Language
from vault.services.contents.downloading import Download
from vault.services.contents.stored import OpenedContent
from vault.services.reconstructing.accesses import access_json
from vault.services.reconstructing.page import render
from vault.services.reconstructing.proofs import Proved
from vault.services.reconstructing.shown import Gathered, Shown

KIND: Final = "transaction"
_MESSAGE_BYTES: Final = 512 * 1024

Pieces = Callable[[Download], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle is made of. `made_at` in microseconds since the epoch."""

    gathered: Gathered
    proved: Proved
    recipient: Recipient
    language: Language
    made_at: int
    signer: ManifestSigner = field(repr=False)


def content_paths(gathered: Gathered) -> dict[str, str]:
    """Where in the bundle each content is, by the name of its row."""
    return {
        one.logged: f"contents/{number}.{one.value.stored.content_type.ending}"
        for number, one in enumerate(gathered.contents, 1)
    }


class BundleWriter:
    """Writes one bundle. `manifest_sha256` is set once it has been written."""

    def __init__(self, bundle: Bundle, pieces: Pieces) -> None:
        self._bundle = bundle
        self._pieces = pieces
        self.manifest_sha256 = b""

    async def write(self) -> AsyncIterator[bytes]:
        """The sealed bundle, in messages of about half a mebibyte."""
        bundle, sealing = self._bundle, Sealing(self._bundle.recipient)
        archive = Archive(_about(bundle))
        held = bytearray(sealing.begin())
        for path, data in _small_files(bundle):
            held += sealing.update(archive.file(path, data))
            if len(held) >= _MESSAGE_BYTES:
                yield bytes(held)
                held.clear()
        for one in bundle.gathered.contents:
            content: OpenedContent = one.value
            path = content_paths(bundle.gathered)[one.logged]
            held += sealing.update(archive.begin(path, content.row.size))
            async for piece in self._pieces(Download(content, 0, content.row.size)):
                held += sealing.update(archive.part(piece))
                if len(held) >= _MESSAGE_BYTES:
                    yield bytes(held)
                    held.clear()
        held += sealing.update(archive.finish(bundle.signer))
        held += sealing.finish()
        self.manifest_sha256 = archive.manifest_sha256
        for start in range(0, len(held), _MESSAGE_BYTES):
            yield bytes(held[start : start + _MESSAGE_BYTES])


def _about(bundle: Bundle) -> Manifest:
    gathered, proved = bundle.gathered, bundle.proved
    return Manifest(
        KIND,
        gathered.transaction.name,
        bundle.made_at,
        bundle.signer.origin,
        facts={
            "checkpoint_size": proved.size,
            "rows": len(gathered.records),
            "accesses": len(proved.told.accesses),
            "accesses_left_out": proved.told.left_out,
            "customer_known_then": gathered.known_then,
            "destroyed": list(gathered.gone),
        },
    )


def _small_files(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    gathered, proved = bundle.gathered, bundle.proved
    paths = content_paths(gathered)
    yield (
        "page.html",
        render(gathered, proved, bundle.language, bundle.signer.origin, bundle.made_at, paths),
    )
    yield "transaction.json", _json(entry(gathered.transaction.name, gathered.transaction.value))
    yield (
        "related.json",
        _json(
            [
                {"relation": relation, "entry": entry(one.name, one.value)}
                for relation, one in gathered.related
            ]
        ),
    )
    yield (
        "account.json",
        _json(
            {
                "before": [entry(one.name, one.value) for one in gathered.before],
                "after": [entry(one.name, one.value) for one in gathered.after],
            }
        ),
    )
    if gathered.customer is not None:
        known = gathered.customer
        yield "party.json", _json(party(known.name, known.version, known.value))
    yield (
        "vouchers.json",
        _json(
            {
                "documents": [
                    document(one.name, one.version, one.value) for one in gathered.vouchers
                ],
                "contents": [
                    {"name": one.name, "version": one.version, "file": paths[one.logged]}
                    for one in gathered.contents
                ],
            }
        ),
    )
    yield "accesses.json", _json([access_json(one) for one in proved.told.accesses])
    yield from _evidence(gathered.records, proved, paths)


def _evidence(
    records: list[Shown[Any]], proved: Proved, paths: dict[str, str]
) -> Iterator[tuple[str, bytes]]:
    for number, one in enumerate(records, 1):
        evidence = RowEvidence(
            one.logged,
            one.table,
            one.columns,
            one.place,
            one.data_key,
            one.plain,
            proved.told.rows[one.logged],
            paths.get(one.logged, ""),
        )
        yield row_path(number), evidence.encode(plain_path(number))
        yield plain_path(number), one.plain
    for index, proof in proved.proofs.items():
        yield leaf_path(index), proved.told.leaves[index]
        yield proof_path(index), proof.encode()
    yield CHECKPOINT, proved.checkpoint


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode() + b"\n"
