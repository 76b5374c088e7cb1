"""Proves the log: that an entry is in it, and that it only grew."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.audit import tree
from vault.audit.note import VerifierKey
from vault.audit.proof_file import format_proof
from vault.audit.reader import head
from vault.audit.signers import Signers
from vault.services.call import Call
from vault.services.errors import BeyondLog, NotYetProvable
from vault.store import Database


@dataclass(frozen=True, slots=True)
class LatestCheckpoint:
    """The latest checkpoint, as a signed note (empty while there is none), the proof that the log
    only grew to it, and the log's public keys."""

    note: bytes
    consistency: tuple[bytes, ...]
    keys: tuple[VerifierKey, ...]


class Proving:
    """The use cases of whoever has a receipt, or an earlier checkpoint."""

    def __init__(self, database: Database, signers: Signers) -> None:
        self._database = database
        self._signers = signers

    async def proof(self, call: Call, index: int) -> str:
        """The tlog-proof of a leaf under the latest checkpoint.

        Raises NotYetProvable where no checkpoint covers it yet, BeyondLog where there is no such
        entry.
        """
        call.require(ActionClass.PROOF, "")
        return await self._database.read(lambda conn: _proof(conn, index))

    async def checkpoint(self, call: Call, since: int) -> LatestCheckpoint:
        """The latest checkpoint, with a consistency proof from size ``since`` unless that is 0.

        Raises BeyondLog where the latest one is smaller.
        """
        call.require(ActionClass.PROOF, "")
        note, path = await self._database.read(lambda conn: _checkpoint(conn, since))
        return LatestCheckpoint(note, tuple(path), self._signers.verifiers())


def _proof(conn: Connection, index: int) -> str:
    latest = tree.latest(conn)
    if latest is None or index >= latest.size:
        raise BeyondLog if index >= head(conn).size else NotYetProvable
    return format_proof(index, tree.inclusion(conn, index, latest.size), latest.note)


def _checkpoint(conn: Connection, since: int) -> tuple[bytes, list[bytes]]:
    latest = tree.latest(conn)
    if since > (latest.size if latest else 0):
        raise BeyondLog
    if latest is None:
        return b"", []
    return latest.note, tree.consistency(conn, since, latest.size) if since else []
