"""Key-encryption keys (KEKs): the top of the key tree, and the only way to them. Signing keys, too.

In comes a branch or index key with the context it belongs to; out goes the same key wrapped, and
back. `Kms` is the port that every provider implements; `LocalFileKms` reads its KEKs from files,
which `create_local_keks` makes.

`vault.kms.signing` keeps the keys that sign the log's checkpoints and a node's receipts: in come
bytes to sign, out go signatures.

A node that was not given a KEK gets KekMissing, and nothing here works around that: a masked node
holds the masked KEK alone. No key leaves this room, and no repr, message or log line shows a
key.
"""

from vault.kms.errors import KekMissing, KeyFileRefused, KmsError, KmsUnavailable, UnwrapRefused
from vault.kms.keyfiles import create_local_keks
from vault.kms.local import LocalFileKms
from vault.kms.port import KekName, Kms, WrappedKey

__all__ = [
    "KekMissing",
    "KekName",
    "KeyFileRefused",
    "Kms",
    "KmsError",
    "KmsUnavailable",
    "LocalFileKms",
    "UnwrapRefused",
    "WrappedKey",
    "create_local_keks",
]
