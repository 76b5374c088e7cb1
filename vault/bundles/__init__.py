"""Bundles: records that leave the vault whole, with what proves them, sealed to one recipient.

A bundle is a tar whose last members are the manifest (`manifest.json`) and the signature over it
(`manifest.note`), inside an envelope that only the recipient's key opens.
"""

from vault.bundles.archive import Archive
from vault.bundles.envelope import (
    EnvelopeBroken,
    NotForThisKey,
    Recipient,
    RecipientKey,
    RecipientRefused,
    Sealing,
    open_envelope,
)
from vault.bundles.manifest import FileEntry, Manifest, ManifestSigner, bundle_name

__all__ = [
    "Archive",
    "EnvelopeBroken",
    "FileEntry",
    "Manifest",
    "ManifestSigner",
    "NotForThisKey",
    "Recipient",
    "RecipientKey",
    "RecipientRefused",
    "Sealing",
    "bundle_name",
    "open_envelope",
]
