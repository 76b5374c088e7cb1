"""Backups of the key store for its recovery custodians, apart from the backups of the data.

In comes a key store; out goes one file that any `threshold` of the custodians open together, and
nobody else, the vault included (`back_up`). It holds the wrapped keys, the tombstones, and, where
the key-encryption keys are files, those files. Back it comes into an empty key store
(`restore`), or into one that is thrown away, to see that it would (`drill`): either way what was
destroyed meanwhile is destroyed there, before anything could be served from it.

Nothing here decides who may: who has enough custodians' keys does. Both are events of the log.
"""

from vault.services.key_backup.file import (
    BackupInvalid,
    Header,
    OpenedBackup,
    header_of,
    open_backup,
    share_of,
)
from vault.services.key_backup.making import KekFile, Made, back_up
from vault.services.key_backup.restoring import (
    KeyStoreNotEmpty,
    Restored,
    TableReport,
    drill,
    restore,
)
from vault.services.key_backup.telling import tell_backed_up, tell_restored

__all__ = [
    "BackupInvalid",
    "Header",
    "KekFile",
    "KeyStoreNotEmpty",
    "Made",
    "OpenedBackup",
    "Restored",
    "TableReport",
    "back_up",
    "drill",
    "header_of",
    "open_backup",
    "restore",
    "share_of",
    "tell_backed_up",
    "tell_restored",
]
