"""What taking files in is built on, and what is said of a file that comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from vault.audit.note import VerifierKey
from vault.blobs import Blobs
from vault.bundles import ManifestSigner
from vault.records import CustomerName
from vault.sealing import Clock
from vault.services.contents.uploading import Picturing
from vault.services.custody import Custody
from vault.services.filing import Filing
from vault.services.keys import Keys
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.transferring.taking_over import Keeping
from vault.store import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """A file that comes: its name and the log where it is from, the SHA-256 of the manifest and the
    size of the opened bundle. `beside`: also where somebody has an identity number of it already;
    then it stands beside his file, without the number, until the two are merged."""

    institution: str
    origin: CustomerName
    origin_log: str
    manifest_sha256: bytes
    size: int
    keeping: Keeping = field(repr=False)
    beside: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """`trusted` are the public keys of other vaults' logs, `custody` says who may keep a file."""

    database: Database
    keys: Keys
    recorder: Recorder
    blobs: Blobs | None
    picturing: Picturing
    clock: Clock
    filing: Filing
    reach: FullReach
    signer: ManifestSigner
    trusted: Sequence[VerifierKey]
    custody: Custody
