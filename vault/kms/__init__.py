"""Key-encryption keys (KEKs): the top of the key tree, and the only way to them. Signing keys, too.

In comes a branch or index key with the context it belongs to; out goes the same key wrapped, and
back. `Kms` is the port that every provider implements; `LocalFileKms` reads its KEKs from files,
which `create_local_keks` makes, `SplitKms` from a file that k of n custodians open at each start.
Others never see a KEK: `Pkcs11Kms`, `AwsKms` and `TransitKms` ask a module or a service, behind
`GuardedKms`, which bounds how long anybody waits for one. Their libraries are extras, and loaded
when one is made.

`vault.kms.signing` keeps the keys that sign the log's checkpoints and a node's receipts: in come
bytes to sign, out go signatures.

A node that was not given a KEK gets KekMissing, and nothing here works around that: a masked node
holds the masked KEK alone. No key leaves this room, and no repr, message or log line shows a
key.
"""

from vault.kms.aws import AwsKms, AwsSettings
from vault.kms.errors import (
    KekMissing,
    KekUnfit,
    KeyFileRefused,
    KmsError,
    KmsSealed,
    KmsUnavailable,
    SharesRefused,
    UnwrapRefused,
)
from vault.kms.guard import GuardedKms, GuardLimits
from vault.kms.keyfiles import create_local_keks
from vault.kms.local import LocalFileKms
from vault.kms.pkcs11 import Pkcs11Kms, Pkcs11Settings
from vault.kms.port import KekName, Kms, WrappedKey
from vault.kms.split import SplitKms
from vault.kms.transit import TransitKms, TransitSettings

__all__ = [
    "AwsKms",
    "AwsSettings",
    "GuardLimits",
    "GuardedKms",
    "KekMissing",
    "KekName",
    "KekUnfit",
    "KeyFileRefused",
    "Kms",
    "KmsError",
    "KmsSealed",
    "KmsUnavailable",
    "LocalFileKms",
    "Pkcs11Kms",
    "Pkcs11Settings",
    "SharesRefused",
    "SplitKms",
    "TransitKms",
    "TransitSettings",
    "UnwrapRefused",
    "WrappedKey",
    "create_local_keks",
]
