"""Looks over the object store: it can be reached, knows the key, and locks where it is to."""

from __future__ import annotations

from vault.blobs import BlobsRefused, BlobsUnavailable
from vault.server.blobs_settings import BlobsTable, BlobsUnusable, open_blobs, where
from vault.server.checking_log import Doubt
from vault.server.settings import Settings, SettingsInvalid


def look_at_blobs(settings: Settings, table: BlobsTable) -> str:
    """Where it is. Raises SettingsInvalid; Doubt for a store that is away."""
    try:
        blobs = open_blobs(table, settings.path)
        blobs.check()
    except (BlobsUnusable, BlobsRefused) as error:
        raise SettingsInvalid(f"{error}") from None
    except BlobsUnavailable as error:
        if table.folder:
            raise SettingsInvalid(
                f"{settings.path(table.folder)} is not a folder that can be written to; make it"
            ) from None
        raise Doubt(f"{error}; documents' contents are not served until it is back") from None
    return where(table, settings.path)
