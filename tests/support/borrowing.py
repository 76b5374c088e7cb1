"""Persons at a running vault's counter, and check-outs put straight into its register.

What is put there is what the vault itself would write: rows made by its own code, in its own table.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import Connection

from tests.support.running_vault import OTHER, OWN, RunningVault
from vault.access.lending import CheckOut, Stage
from vault.kms import LocalFileKms
from vault.records import Branch, new_ulid
from vault.sealing import KeyRing
from vault.server.dev.pki import Authority
from vault.server.parts import databases
from vault.server.settings import TierName, load
from vault.services.check_out_marks import marked
from vault.services.check_out_rows import from_row, to_row
from vault.store import KeyStore, check_outs
from vault.store.check_outs import CheckOutRow

SECOND = 1_000_000
HOUR = 3_600 * SECOND


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1_000


def add_person(
    vault: RunningVault,
    name: str,
    *roles: str,
    person: str = "",
    institution: str = OWN,
    own_files: Iterable[str] = (),
    related_files: Iterable[str] = (),
    branches: Iterable[str] | None = None,
    classes: Iterable[str] | None = None,
    home_branch: str = "",
) -> None:
    """Give somebody a certificate and an entry in the principals file. `person` is he himself,
    under whichever account; the files are identifiers of customers; a limit of None is none."""
    pki = vault.folder / "pki"
    if not (pki / f"{name}.pem").exists():
        Authority.open(pki, datetime.now(UTC)).client(name, f"spiffe://demo.bank/{name}")
    entry = {
        "name": name,
        "uri": f"spiffe://demo.bank/{name}",
        "institution": institution,
        "roles": list(roles),
        "person": person or f"p-{name}",
        "own_files": list(own_files),
        "related_files": list(related_files),
        "home_branch": home_branch,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if value]
    limits = {"branches": branches, "classes": classes}
    lines += [f"{k} = {json.dumps(list(v))}" for k, v in limits.items() if v is not None]
    path = vault.folder / "principals.toml"
    fresh = path.with_suffix(".new")
    fresh.write_text(
        path.read_text("utf-8") + "\n[[principal]]\n" + "\n".join(lines) + "\n", "utf-8"
    )
    fresh.chmod(0o600)
    fresh.replace(path)


def lending(
    subject: str,
    *fields: str,
    person: str = "p-teller",
    purpose: str = "CUSTOMER_SERVICE",
    stage: Stage = Stage.ACTIVE,
    lasts: int = HOUR,
    one_time: bool = False,
) -> CheckOut:
    """A check-out of a customer or of one of his records, by resource name, from now on."""
    _, institution, _, customer, *record = subject.split("/")
    start = now()
    return CheckOut(
        institution=institution,
        identifier=new_ulid(start // 1_000),
        version=1,
        customer=customer,
        record="/".join(record),
        fields=tuple(fields),
        purpose=purpose,
        duration=lasts,
        one_time=one_time,
        class_name="contact",
        needed_roles=(),
        requester="teller",
        requester_person=person,
        requested_at=start,
        decide_by=start + HOUR,
        stage=stage,
        starts_at=start,
        ends_at=start + lasts,
    )


class Register:
    """The register of a vault, past the vault, by somebody who has its keys too."""

    def __init__(self, vault: RunningVault) -> None:
        self._database, self._keys = databases(load(vault.config, TierName.FULL))
        kms = LocalFileKms(vault.folder / "kms" / "full")
        self._ring = KeyRing(kms, KeyStore(self._keys), frozenset({Branch.FULL}))

    def close(self) -> None:
        """Let go of databases and keys."""
        self._ring.clear()
        self._database.dispose()
        self._keys.dispose()

    def put(self, out: CheckOut, *, forged: bool = False) -> str:
        """Write a version of a check-out; its resource name. One that is `forged` is as somebody
        writes it who has the database alone: with the words of the version before it, if any."""
        row = to_row(out, b"sealed", now(), "somebody")
        if not forged:
            row = marked(row, self._ring.index_key(out.institution))
        elif out.version > 1:
            row = replace(row, sealed=self._row(out.name).sealed)
        self._database.write_sync(lambda conn: check_outs.insert(conn, row))
        return out.name

    def put_all(self, outs: Iterable[CheckOut], sealed: bytes) -> None:
        """Write many at once, with these sealed words."""
        rows = [to_row(out, sealed, out.starts_at, out.requester) for out in outs]

        def put(conn: Connection) -> None:
            for row in rows:
                check_outs.insert(conn, marked(row, self._ring.index_key(row.institution)))

        self._database.write_sync(put)

    def lend(self, subject: str, *fields: str, **more: object) -> str:
        """Put in a new one, as `lending` makes it."""
        return self.put(lending(subject, *fields, **more))  # type: ignore[arg-type]  # passed on

    def end(self, name: str, stage: Stage) -> None:
        """End one: returned, revoked."""
        out = self.current(name)
        self.put(replace(out, version=out.version + 1, stage=stage, ends_at=now()))

    def current(self, name: str) -> CheckOut:
        """How one stands."""
        return from_row(self._row(name))

    def _row(self, name: str) -> CheckOutRow:
        _, institution, _, identifier = name.split("/")
        row = self._database.read_sync(lambda c: check_outs.current(c, institution, identifier))
        assert row is not None
        return row


def elsewhere(name: str) -> str:
    """The same resource name at the other bank."""
    return name.replace(f"institutions/{OWN}/", f"institutions/{OTHER}/")
