"""The room of transfers, built from a tier's parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vault.audit.history import History
from vault.audit.note import NoteInvalid, VerifierKey
from vault.rpc.methods import Method
from vault.rpc.servicers import contents, records, transfers
from vault.server.exports import source_of
from vault.server.parts import Parts
from vault.server.settings import Settings, SettingsInvalid
from vault.services.custody import Custody
from vault.services.filing import Filing
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.transferring import Acknowledging, Arriving, Leaving, Showing
from vault.services.transferring import acknowledging as acknowledging_room
from vault.services.transferring import leaving as leaving_room
from vault.services.transferring.ground import Ground

_MAX_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Rooms:
    """What it stands on, of other rooms."""

    records: records.RecordsUseCases
    contents: contents.ContentUseCases
    recorder: Recorder
    history: History
    custody: Custody
    filing: Filing
    reach: FullReach


def trusted_logs(settings: Settings) -> tuple[VerifierKey, ...]:
    """The public keys of other vaults' logs; none where no file is named. Raises
    SettingsInvalid."""
    named = settings.transfers.trusted_logs
    if not named:
        return ()
    path = settings.path(named)
    try:
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("ascii").split("\n")
        return tuple(VerifierKey.parse(line) for one in lines if (line := one.strip()))
    except (OSError, UnicodeDecodeError):
        raise SettingsInvalid(f"transfers.trusted_logs: {path} cannot be read") from None
    except NoteInvalid as error:
        raise SettingsInvalid(f"transfers.trusted_logs: {path}: {error}") from None


def methods(parts: Parts, rooms: Rooms) -> dict[str, Method]:
    """The methods by full path. Raises SettingsInvalid."""
    source = source_of(parts, rooms.contents)
    trusted = trusted_logs(parts.settings)
    downloading = rooms.contents.downloading
    leaving = Leaving(
        leaving_room.Ground(source, rooms.history, rooms.records.bulk),
        contents=downloading.possible,
    )
    arriving = Arriving(
        Ground(
            parts.database,
            parts.keys,
            rooms.recorder,
            parts.blobs,
            rooms.contents.uploading.picturing,
            parts.clock,
            rooms.filing,
            rooms.reach,
            source.signer,
            trusted,
            rooms.custody,
        )
    )
    acknowledging = Acknowledging(
        acknowledging_room.Ground(
            parts.database,
            rooms.reach,
            rooms.records.updating,
            rooms.recorder,
            parts.clock,
            source.signer.origin,
            trusted,
        )
    )
    return transfers.methods(
        transfers.TransferUseCases(
            leaving,
            arriving,
            acknowledging,
            Showing(parts.database, rooms.reach),
            rooms.records.lending.openings,
        )
    )
