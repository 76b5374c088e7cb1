"""The room of exports, built from a tier's parts."""

from __future__ import annotations

from vault.bundles import ManifestSigner
from vault.rpc.methods import Method
from vault.rpc.servicers import contents, exports, records
from vault.server.parts import Parts
from vault.server.settings import SettingsInvalid
from vault.services.exports import FilesExport, MergedFiles, Producing, Source


def methods(
    parts: Parts,
    use_cases: records.RecordsUseCases,
    stored: contents.ContentUseCases,
    merged: MergedFiles,
) -> dict[str, Method]:
    """The methods by full path. Raises SettingsInvalid."""
    source = source_of(parts, stored)
    producing = Producing(
        source, use_cases.reading, stored.downloading, use_cases.lending.borrowing, merged
    )
    exporting = FilesExport(
        source, use_cases.bulk, contents=stored.downloading.possible, merged=merged
    )
    return exports.methods(exports.ExportUseCases(producing, exporting, use_cases.lending))


def source_of(parts: Parts, stored: contents.ContentUseCases) -> Source:
    """What files that leave are written from. Raises SettingsInvalid."""
    if parts.log_signers is None:
        raise SettingsInvalid("the full tier needs the log's signing keys")
    return Source(
        parts.database,
        parts.keys,
        parts.clock,
        ManifestSigner(parts.log_signers),
        stored.downloading.pieces,
    )
