"""Looks over what keeps the log from being set back: the second place and the witnesses."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

from vault.audit.checkpoint import CheckpointInvalid, verify_checkpoint
from vault.audit.comparing import Verdict, compare
from vault.audit.note import VerifierKey
from vault.audit.second_place import FolderPlace, SecondPlaceAway, SecondPlaceRefused
from vault.audit.witness import WitnessFailed, greet
from vault.kms.signing import Purpose
from vault.server.migrating import SchemaOutOfDate, require_migrated
from vault.server.parts import databases
from vault.server.public_keys import PublicKeys
from vault.server.settings import Settings, SettingsInvalid, TierName
from vault.server.signing import verifier_keys
from vault.services.incident import describe
from vault.store import StoreError


class Doubt(Exception):
    """What does not keep a server from starting, and should be seen to."""


def look_at_second_place(settings: Settings, config: Path) -> str:
    """It is there, and the log continues what is kept in it.

    Raises SettingsInvalid, Doubt, SecondPlaceAway, SecondPlaceRefused, KmsError, StoreError.
    """
    folder = settings.path(settings.log.second_place)
    full = settings.tier is TierName.FULL
    keys: Sequence[VerifierKey] = (
        verifier_keys(settings, Purpose.LOG) if full else PublicKeys.of(settings).verifiers()
    )
    _require_usable(folder, full=full)
    try:
        require_migrated(settings, config)
    except (SchemaOutOfDate, StoreError):
        # The finding about the database says it.
        return "not compared: the database is not ready"
    place = FolderPlace(folder, settings.log.origin, lambda: keys)
    told = _compared(settings, place, keys)
    if folder.is_dir() and folder.stat().st_mode & 0o022:
        raise Doubt(
            f"{folder} can be written to by others than its owner; run: chmod go-w {folder}"
        )
    return told


def _require_usable(folder: Path, *, full: bool) -> None:
    if not folder.exists():
        if not full:
            # A masked node waits for it.
            raise Doubt(
                f"{folder} is not there: is it mounted? The full tier makes it at its first start"
            )
        if not folder.parent.is_dir() or not os.access(folder.parent, os.W_OK | os.X_OK):
            raise SecondPlaceAway(f"{folder} is not there and cannot be made; make it, or mount it")
        return
    if not folder.is_dir():
        raise SecondPlaceAway(f"{folder} is no folder")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise SecondPlaceAway(f"{folder} cannot be read by this user")
    owned = folder.stat()
    # Of the superuser access() asks nothing but whether the file system is read-only.
    closed = not owned.st_mode & 0o200 if owned.st_uid == os.geteuid() else False
    if full and (closed or not os.access(folder, os.W_OK)):
        raise SecondPlaceAway(
            f"{folder} cannot be written to by this user; run: chmod u+w {folder}"
        )


def _compared(settings: Settings, place: FolderPlace, keys: Sequence[VerifierKey]) -> str:
    begun, note = False, None
    if place.folder.exists():
        # Before the database is read: it may be running, and grow meanwhile.
        begun, note = place.begun(), place.read()
    kept, believed = None, True
    if note is not None:
        try:
            kept = verify_checkpoint(note, keys, settings.log.origin)
        except CheckpointInvalid:
            believed = False
    data, other = databases(settings)
    try:
        found = data.read_sync(lambda conn: compare(conn, kept, begun=begun, believed=believed))
    finally:
        data.dispose()
        if other is not data:
            other.dispose()
    if found.verdict is not Verdict.CONTINUES:
        raise SecondPlaceRefused(
            f"{describe(found)}; the vault will refuse calls: docs/explanation/rollback.md"
        )
    if not begun:
        return "begun at the first start"
    return f"{place.folder}; the log continues the {found.kept_size} entries kept there"


def look_at_witnesses(settings: Settings) -> str:
    """They can be reached. That their URLs and keys are such, and that no more are needed than
    there are, was found when the file was read.

    Raises SettingsInvalid, Doubt.
    """
    log, away = settings.log, []
    for table in log.witnesses:
        name = VerifierKey.parse(table.vkey).name
        ca = str(settings.path(table.ca)) if table.ca else ""
        try:
            greet(table.url, ca)
        except (ssl.SSLError, OSError):
            raise SettingsInvalid(f"log.witnesses.ca {ca} is no file of authorities") from None
        except WitnessFailed as error:
            away.append(f"{name}: {error}")
    told = f"{len(log.witnesses)}, of which {log.witness_quorum} must cosign"
    if away:
        raise Doubt(f"{told}; {'; '.join(away)}")
    return told


__all__ = [
    "Doubt",
    "SecondPlaceAway",
    "SecondPlaceRefused",
    "look_at_second_place",
    "look_at_witnesses",
]
