"""Objects kept outside the database: what is written once, seldom read, and large together.

In come a name that says nothing of whom the content concerns, and bytes that are sealed already or
hold nothing personal. Out come the same bytes. A `put` is durable when it returns; an object is
there whole or not at all.

It never decides what an object means, never changes one in place, and believes nothing that it
reads: whoever asked compares the bytes with the digest that he kept.
"""

from vault.blobs.errors import BlobError, BlobMissing, BlobsUnavailable
from vault.blobs.folder import FolderBlobs
from vault.blobs.port import Blobs

__all__ = ["BlobError", "BlobMissing", "Blobs", "BlobsUnavailable", "FolderBlobs"]
