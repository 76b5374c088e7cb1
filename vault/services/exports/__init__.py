"""Customers' files that leave the vault whole, each sealed to one recipient: one at once (the
immediate production of a file), or many by a check-out of the whole institution.

In goes what is wanted of a file and to whom it is sealed, out come bytes, piece by piece: never
more than a page of a file is held. What was written is counted against what the store has, and
signed by the log. Nothing leaves before its event is durable.
"""

from vault.services.exports.exporting import Export, ExportPart, FilesExport, Writer
from vault.services.exports.file import FileWriter, Source
from vault.services.exports.merged import MergedFiles
from vault.services.exports.producing import Producing, Production
from vault.services.exports.selection import Selection

__all__ = [
    "Export",
    "ExportPart",
    "FileWriter",
    "FilesExport",
    "MergedFiles",
    "Producing",
    "Production",
    "Selection",
    "Source",
    "Writer",
]
