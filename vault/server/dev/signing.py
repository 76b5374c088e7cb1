"""The signing keys of a development vault, and their public halves in files to verify with."""

from __future__ import annotations

from pathlib import Path

from vault.kms import KeyFileRefused, KmsError
from vault.kms.signing import Purpose, create_signing_keys, signing_file
from vault.server.dev.files import PUBLIC, DevFolderUnusable, create, replace
from vault.server.dev.layout import ACCESS_VKEY, LOG_VKEY
from vault.server.settings import Settings, TierName, load
from vault.server.signing import key_folder, purposes, verifier_keys

RECEIPT_VKEY = "receipt.vkey"
_FILES = {
    Purpose.LOG: LOG_VKEY,
    Purpose.ACCESS: ACCESS_VKEY,
    Purpose.RECEIPT: RECEIPT_VKEY,
}
_LOST = {
    Purpose.LOG: "the checkpoints that it signed can be continued by no other",
    Purpose.ACCESS: "what it signed of approved changes is known by no other",
}


def ensure_signing(folder: Path, config: Path) -> None:
    """Make the signing keys that are missing, and write the public ones, one a line: in
    receipt.vkey those of both tiers.

    Raises DevFolderUnusable where a key of the full tier's is missing although it was there before:
    what it signed could be continued by no other.
    """
    tiers = {tier: load(config, tier) for tier in TierName}
    try:
        for settings in tiers.values():
            for purpose in purposes(settings.tier):
                _ensure(settings, purpose, folder / _FILES[purpose])
        for purpose, name in _FILES.items():
            lines = [
                f"{key.vkey}\n"
                for settings in tiers.values()
                if purpose in purposes(settings.tier)
                for key in verifier_keys(settings, purpose)
            ]
            _write(folder / name, "".join(lines).encode())
    except KmsError as error:
        raise DevFolderUnusable(str(error)) from None


def _ensure(settings: Settings, purpose: Purpose, marker: Path) -> None:
    file = signing_file(key_folder(settings), purpose)
    if file.exists():
        return
    if purpose in _LOST and marker.exists():
        raise KeyFileRefused(
            f"{file} is missing, and {_LOST[purpose]}; restore it, or start over in another folder"
        )
    create_signing_keys(key_folder(settings), purpose)


def _write(path: Path, data: bytes) -> None:
    if not create(path, data, PUBLIC) and path.read_bytes() != data:
        replace(path, data, PUBLIC)
