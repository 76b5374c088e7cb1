"""Opens every wrapped key of a key store, to see that the key-encryption keys still do."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from vault.kms import Kms, KmsError
from vault.records import Branch
from vault.sealing import SealBroken
from vault.sealing.hierarchy import BranchKey, open_branch_key, open_file_key, open_index_key
from vault.store import Database
from vault.store.keystore import BRANCH_TABLES, FILE_TABLES, BranchKeyRow, FileKeyRow
from vault.store.schema import index_keys

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Opened:
    """How many branch and index keys, and how many file keys; `problem` names the first that did
    not, or the provider that is away."""

    institution_keys: int
    file_keys: int
    problem: str


def try_keys(store: Database, kms: Kms) -> Opened:
    """Open them all. What does not open is told, and the others are tried no more."""
    return store.snapshot(lambda conn: _try(conn, kms))


def _try(conn: Connection, kms: Kms) -> Opened:
    keys, files = 0, 0
    try:
        for row in conn.execute(select(index_keys)).all():
            open_index_key(kms, BranchKeyRow(*row))
            keys += 1
        for branch in Branch:
            held: dict[tuple[str, int], BranchKey] = {}
            for row in conn.execute(select(BRANCH_TABLES[branch])).all():
                found = BranchKeyRow(*row)
                held[found.institution, found.version] = open_branch_key(kms, branch, found)
                keys += 1
            files_of = select(FILE_TABLES[branch])
            streamed = files_of.execution_options(stream_results=True, yield_per=_AT_ONCE)
            for row in conn.execute(streamed):
                key = FileKeyRow(*row)
                above = held.get((key.institution, key.branch_key_version))
                if above is None:
                    return Opened(keys, files, f"a file key hangs under no {branch.value} key")
                open_file_key(above, key.ref, key)
                files += 1
    except SealBroken:
        return Opened(keys, files, "a wrapped key does not open: it was altered")
    except KmsError as error:
        return Opened(keys, files, str(error))
    return Opened(keys, files, "")
