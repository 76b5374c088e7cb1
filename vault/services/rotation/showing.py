"""Versions of keys and the work on them, for people to see. No key, and no name of a customer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.access.proposals import Proposal
from vault.kms import KekMissing, KekName
from vault.kms.several import SeveralKms
from vault.records import IndexKind
from vault.services.call import Call
from vault.services.rotation.agreed import job_of
from vault.services.rotation.conditions import KEK_TABLES
from vault.services.rotation.steps import Key
from vault.services.rotation.work import Ground
from vault.store import Database, blind_index, index_state, key_jobs, key_versions
from vault.store.blind_index import kind_text
from vault.store.key_jobs import JobRow
from vault.store.key_versions import VersionCount

MOST = 1_000
"""Versions of one key that are shown, the newest first."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a key. `hanging` counts what hangs under it; `searched` is of an index key."""

    key: Key
    version: str
    newest: bool
    hanging: int
    key_id: str = ""
    kek_version: str = ""
    created_at: int = 0
    searched: bool = False


class Showing:
    """The use cases that change nothing."""

    def __init__(
        self, ground: Ground, database: Database, agreed: Callable[[], Sequence[Proposal]]
    ) -> None:
        """``database`` has the index; ``agreed`` gives the approved proposals about keys."""
        self._on = ground
        self._database = database
        self._agreed = agreed

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers of KEKs beside the first one."""
        kms = self._on.kms
        return kms.names if isinstance(kms, SeveralKms) else ()

    async def versions(self, call: Call, institution: str) -> list[Version]:
        """Those of an institution's keys; of the KEKs where it is empty."""
        call.require(ActionClass.KEYS_VIEW, institution)
        found = await asyncio.to_thread(
            self._of_bank if institution else self._of_vault, institution
        )
        call.touched(count=len(found))
        return found

    async def work(self, call: Call, institution: str, limit: int) -> list[JobRow]:
        """What was approved for an institution's keys, or for KEKs, newest first."""
        call.require(ActionClass.KEYS_VIEW, institution)
        return await asyncio.to_thread(self._work, institution, limit)

    def _work(self, institution: str, limit: int) -> list[JobRow]:
        late = [one for one in self._agreed()[-limit:] if one.institution == institution]
        found, known = self._on.read(
            lambda conn: (
                key_jobs.page(conn, institution, limit),
                key_jobs.known(conn, [one.identifier for one in late]),
            )
        )
        # Approved a moment ago: nobody has taken it down yet.
        jobs = [job_of(one, one.decided_at) for one in late if one.identifier not in known]
        return [*(job for job in reversed(jobs) if job is not None), *found][:limit]

    async def job(self, call: Call, institution: str, identifier: str) -> JobRow | None:
        """How far one step is; None before it was approved."""
        call.require(ActionClass.KEYS_VIEW, institution)
        on = self._on
        return await asyncio.to_thread(
            on.read, lambda conn: key_jobs.get(conn, institution, identifier)
        )

    def _of_vault(self, _institution: str) -> list[Version]:
        found: list[Version] = []
        for key in Key:
            if key.kek is not None:
                found += self._of_kek(key, key.kek)
        return found

    def _of_kek(self, key: Key, kek: KekName) -> list[Version]:
        counts = {
            one.kek_version: one.hanging
            for one in self._on.read(lambda conn: key_versions.kek_counts(conn, KEK_TABLES[kek]))
        }
        try:
            newest = self._on.newest_kek(kek)
        except KekMissing:
            newest = ""
        kms = self._on.kms
        # Also those under which nothing hangs any more: they wait for being retired.
        listed = kms.versions_of(kek) if isinstance(kms, SeveralKms) else []
        names = sorted({*counts, *listed} - {"", newest})
        ordered = [newest, *names] if newest else names
        return [Version(key, name, name == newest, counts.get(name, 0)) for name in ordered[:MOST]]

    def _of_bank(self, institution: str) -> list[Version]:
        def read(conn: Connection) -> list[Version]:
            found: list[Version] = []
            for key in Key:
                if key.branch is not None:
                    found += _told(key, key_versions.versions(conn, key.branch, institution))
            return found

        known = self._on.read(lambda conn: key_versions.index_versions(conn, institution))
        return self._on.read(read) + self._of_index(institution, known)

    def _of_index(self, institution: str, known: Sequence[VersionCount]) -> list[Version]:
        def read(conn: Connection) -> list[Version]:
            state = index_state.read(conn, institution)
            return [
                replace(
                    one,
                    hanging=blind_index.count(conn, institution, _kinds(int(one.version))),
                    searched=int(one.version) == state.reading,
                )
                for one in _told(Key.INDEX, known)
            ]

        return self._database.read_sync(read)


def _kinds(version: int) -> list[str]:
    return [kind_text(kind.value, version) for kind in IndexKind]


def _told(key: Key, versions: Sequence[VersionCount]) -> list[Version]:
    return [
        Version(
            key,
            str(one.version),
            place == 0,
            one.hanging,
            one.key_id.hex(),
            one.kek_version,
            one.created_at,
        )
        for place, one in enumerate(versions[:MOST])
    ]
