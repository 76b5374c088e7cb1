"""The key-encryption keys of a development vault: all three for the full tier, one for the masked.

The masked tier's folder holds a copy of the masked KEK and never any other: a masked node that is
broken into has nothing that opens a full record or searches offline.
"""

from __future__ import annotations

from pathlib import Path

from vault.kms import KekName, KeyFileRefused, KmsError, create_local_keks
from vault.kms.private_files import key_folder, replace_private
from vault.server.dev.files import PRIVATE, DevFolderUnusable, create, make_folder


def ensure_keks(full: Path, masked: Path, sealed: str) -> None:
    """Make the KEKs that are missing in the two folders.

    `sealed` names the database that may hold what was sealed under them; empty if there is none.

    Raises DevFolderUnusable where a KEK is missing beside data that was sealed under it: a new
    one would not open them.
    """
    missing = [kek for kek in KekName if not _file(full, kek).exists()]
    if missing and sealed:
        lost = ", ".join(str(_file(full, kek)) for kek in missing)
        raise DevFolderUnusable(
            f"{lost} is missing, and what is in {sealed} cannot be opened without it; "
            "restore the key file, or start over in another folder"
        )
    make_folder(full.parent)
    make_folder(masked)
    try:
        create_local_keks(full, missing)
    except KeyFileRefused as error:
        raise DevFolderUnusable(str(error)) from None
    except KmsError as error:
        raise DevFolderUnusable(f"the key files cannot be made: {error}") from None
    _copy(_file(full, KekName.MASKED), _file(masked, KekName.MASKED))
    for kek in (KekName.FULL, KekName.INDEX):
        if _file(masked, kek).exists():
            raise DevFolderUnusable(
                f"{_file(masked, kek)} must not be where the masked tier can read it; remove it"
            )


def _copy(source: Path, target: Path) -> None:
    """The masked tier's copy, level with the full tier's file: that one may have been rotated."""
    content = source.read_bytes()
    create(target, content, PRIVATE)
    if target.read_bytes() != content:
        with key_folder(target.parent) as folder:
            replace_private(folder, target, content)


def _file(folder: Path, kek: KekName) -> Path:
    return folder / f"{kek.value}.kek"
