"""Keys that changes of access are signed with, and somebody who has the database alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from tests.support.log_keys import ORIGIN, clock
from vault.audit.signers import Signers, access_name
from vault.kms.signing import Purpose, SigningKeys, create_signing_keys
from vault.services.proposal_signing import ProposalSigner, ProposalVerifier
from vault.store import Database, proposals
from vault.store.proposals import ApprovedHead, ProposalRow, SignedRow
from vault.store.schema import approved_head, proposal_signatures
from vault.store.schema import proposals as table


def access_signers(folder: Path) -> Signers:
    """Signers over new keys in a folder, or over those that are there."""
    if not (folder / "access.signing").exists():
        create_signing_keys(folder, Purpose.ACCESS)
    return Signers(SigningKeys(folder, Purpose.ACCESS), access_name(ORIGIN), clock, check_every=0)


class AccessKeys:
    """Of one vault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signers = access_signers(folder)
        self.signer = ProposalSigner(self.signers)
        self.verifier = ProposalVerifier(access_name(ORIGIN), self.signers.verifiers)


class Administrator:
    """Of the database: reads and writes every row, and knows how the vault computes its hashes."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def sql(self, *statements: str) -> None:
        """Carry out statements."""

        def work(conn: Connection) -> None:
            for one in statements:
                conn.exec_driver_sql(one)

        self.database.write_sync(work)

    def approved(self) -> list[SignedRow]:
        """What is approved."""

        def work(conn: Connection) -> list[SignedRow]:
            return proposals.approved_behind(conn, 0, 1000)

        return self.database.read_sync(work)

    def put(self, row: ProposalRow, note: bytes | None) -> None:
        """Put a row in, with a signature from somewhere or none, and move the head behind it."""

        def work(conn: Connection) -> None:
            head = proposals.read_head(conn)
            values = {column.name: getattr(row, column.name) for column in table.columns}
            conn.execute(table.insert().values(values))
            if note is not None:
                key = {k: values[k] for k in ("institution", "proposal", "version")}
                conn.execute(proposal_signatures.insert().values(**key, note=note))
            after = proposals.next_head(head, row)
            conn.execute(approved_head.update().values(size=after.size, chain=after.chain))

        self.database.write_sync(work)

    def edit(self, number: int, **values: Any) -> None:
        """Change an approved row."""
        statement = table.update().where(table.c.applied == number).values(values)
        self.database.write_sync(lambda conn: conn.execute(statement))

    def again(self, signed: SignedRow, **changes: Any) -> ProposalRow:
        """A row like one that is approved, as the next one of another proposal."""
        size = self.database.read_sync(proposals.read_head).size
        more: dict[str, Any] = {"proposal": f"{size + 900:026d}", "applied": size + 1}
        return replace(signed.row, **more | changes)

    def rechain(self) -> None:
        """Write the head anew behind the rows that are there, whatever they are."""

        def work(conn: Connection) -> None:
            head = proposals.NOTHING_APPROVED
            for signed in proposals.approved_behind(conn, 0, 1000):
                head = proposals.next_head(head, signed.row)
            self.move(conn, head)

        self.database.write_sync(work)

    def drop_last(self) -> None:
        """Take out the last approved row with its signature, and set the head back."""
        last = self.approved()[-1].row
        where = f"WHERE proposal = '{last.proposal}' AND version = {last.version}"
        self.sql(f"DELETE FROM proposals {where}", f"DELETE FROM proposal_signatures {where}")
        self.rechain()

    def move(self, conn: Connection, head: ApprovedHead) -> None:
        """Write the head."""
        conn.execute(approved_head.update().values(size=head.size, chain=head.chain))
