"""What must hold before a step is taken: looked at when it is proposed, and again, in its own
transaction, when it is carried out."""

from __future__ import annotations

from sqlalchemy import Connection, Table

from vault.kms import KekName
from vault.records import Branch
from vault.services.rotation.steps import Key, Step, Verb
from vault.store import KeyVersionInUse, key_jobs, key_versions
from vault.store.schema import full_branch_keys, index_keys, masked_branch_keys

KEK_TABLES: dict[KekName, Table] = {
    KekName.FULL: full_branch_keys,
    KekName.MASKED: masked_branch_keys,
    KekName.INDEX: index_keys,
}
"""What hangs under each KEK."""


def require_rewrapped(conn: Connection, institution: str, key: Key, version: str) -> None:
    """Make sure that a rewrap to another version was finished, which opened every piece: nothing is
    destroyed on the word of a count alone. Raises KeyVersionInUse."""
    for job in key_jobs.of_key(conn, institution, key.value, Verb.REWRAP.value):
        if key.kek is None and int(job.target) > int(version):
            return
        if key.kek is not None and job.target != version:
            return
    raise KeyVersionInUse("no rewrap to a later version was finished; propose a rewrap first")


def require_unused_kek(conn: Connection, kek: KekName, version: str, newest: str) -> None:
    """Make sure that nothing is wrapped by a version of a KEK, nor will be. Raises
    KeyVersionInUse."""
    if version == newest:
        raise KeyVersionInUse("it is the newest version, under which new keys are wrapped")
    for found in key_versions.kek_counts(conn, KEK_TABLES[kek]):
        if found.kek_version == version:
            raise KeyVersionInUse(f"{found.hanging} keys are still wrapped by it")


def require_unused_branch(conn: Connection, branch: Branch, institution: str, version: str) -> None:
    """The same of a branch key. Raises KeyVersionInUse."""
    known = key_versions.versions(conn, branch, institution)
    require_old(known, version)
    for found in known:
        if str(found.version) == version and found.hanging:
            raise KeyVersionInUse(f"{found.hanging} file keys still hang under it")


def require_old(known: list[key_versions.VersionCount], version: str) -> None:
    """Make sure that a version is there, and not the newest. Raises KeyVersionInUse."""
    if version not in {str(one.version) for one in known}:
        raise KeyVersionInUse("there is no such version")
    if str(known[0].version) == version:
        raise KeyVersionInUse("it is the newest version, under which new keys are wrapped")


def require_retirable(conn: Connection, institution: str, step: Step, newest_kek: str) -> None:
    """Make sure that a version may be retired, as things stand. Raises KeyVersionInUse."""
    key = step.key
    if key.kek is not None:
        require_unused_kek(conn, key.kek, step.version, newest_kek)
    elif key.branch is not None:
        require_unused_branch(conn, key.branch, institution, step.version)
    else:
        require_old(key_versions.index_versions(conn, institution), step.version)
    require_rewrapped(conn, institution, key, step.version)
