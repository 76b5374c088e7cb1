"""Certificates of disposals that are done, with their proof in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import tree
from vault.audit.proof_file import format_proof
from vault.audit.reader import read
from vault.services.call import Call
from vault.services.closed import require_everywhere
from vault.services.errors import Corrupted, NotFound, NotYetProvable
from vault.services.proposal_signing import ProposalSigner
from vault.services.proposing import Proposing
from vault.services.retention.certificate import BackupDays, lines_of
from vault.services.retention.disposal_rows import DisposalStage, from_row
from vault.services.retention.errors import NotAtThatStage
from vault.store import Database, disposals


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed note; the leaf that names its digest, and the proof that it is in the log; from
    which days on no backup has the keys, and the rows."""

    note: bytes
    leaf: bytes
    proof: str
    keys_final: date
    rows_final: date


class Certifying:
    """The use case."""

    def __init__(self, database: Database, proposing: Proposing, signer: ProposalSigner) -> None:
        self._database = database
        self._proposing = proposing
        self._signer = signer

    async def certificate(self, call: Call, institution: str, identifier: str) -> Certificate:
        """The certificate of a disposal. Raises NotFound, NotAtThatStage, NotYetProvable where no
        checkpoint covers its event yet; Corrupted where its rows are not what was certified."""
        call.require(ActionClass.DISPOSAL_VIEW, institution)
        require_everywhere(call.scope)
        row = await self._database.read(
            lambda conn: disposals.current(conn, institution, identifier)
        )
        if row is None:
            raise NotFound(f"institutions/{institution}/disposals/{identifier}")
        one = from_row(row)
        if one.stage is not DisposalStage.DONE:
            raise NotAtThatStage("It is not done yet", "尚未完成")
        agreed = await self._proposing.find(institution, one.body.proposal)
        days = BackupDays(one.body.keys_days, one.body.data_days)
        lines = lines_of(one, agreed, days)
        text = "".join(f"{line}\n" for line in self._signer.certified(lines))
        if sha256(text.encode()).hexdigest() != one.body.certificate_sha256:
            raise Corrupted(one.name)

        def look(conn: Connection) -> tuple[bytes, str]:
            latest, index = tree.latest(conn), one.body.leaf_index
            if latest is None or index >= latest.size:
                raise NotYetProvable
            found = read(conn, index, 1).events
            if not found:
                # Moved to the archive: the proof is of it, and an export of the log has it.
                return b"", format_proof(
                    index, tree.inclusion(conn, index, latest.size), latest.note
                )
            return found[0].leaf, format_proof(
                index, tree.inclusion(conn, index, latest.size), latest.note
            )

        leaf, proof = await self._database.read(look)
        finished = datetime.fromtimestamp(one.body.finished_at / 1_000_000, UTC)
        return Certificate(
            self._signer.certificate(lines),
            leaf,
            proof,
            (finished + timedelta(days=days.keys + 1)).date(),
            (finished + timedelta(days=days.data + 1)).date(),
        )
