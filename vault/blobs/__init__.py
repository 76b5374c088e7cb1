"""Objects kept outside the database: what is written once, seldom read, and large together.

In come a name that says nothing of whom the content concerns, and bytes that are sealed already or
hold nothing personal. Out come the same bytes, whole or in ranges. A `put` is durable when it
returns, and takes a name that no object had before; an object is there whole or not at all.

It never decides what an object means, never changes one in place, and believes nothing that it
reads: whoever asked compares the bytes with the digest that he kept, or opens them by their seal.
"""

from vault.blobs.errors import (
    BlobDamaged,
    BlobError,
    BlobExists,
    BlobLocked,
    BlobMissing,
    BlobsRefused,
    BlobsUnavailable,
)
from vault.blobs.folder import FolderBlobs
from vault.blobs.port import MAX_OBJECT_BYTES, BlobEntry, Blobs
from vault.blobs.s3 import S3Blobs
from vault.blobs.s3_lock import NoObjectLock
from vault.blobs.s3_place import LockMode, S3Key, S3Lock, S3Place

__all__ = [
    "MAX_OBJECT_BYTES",
    "BlobDamaged",
    "BlobEntry",
    "BlobError",
    "BlobExists",
    "BlobLocked",
    "BlobMissing",
    "Blobs",
    "BlobsRefused",
    "BlobsUnavailable",
    "FolderBlobs",
    "LockMode",
    "NoObjectLock",
    "S3Blobs",
    "S3Key",
    "S3Lock",
    "S3Place",
]
