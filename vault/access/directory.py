"""The directory of principals: which certificate is whom, in which institution, in which roles.

The file, `principals.toml`, has one entry a caller:

    revoked_certificates = ["sha256:..."]   # optional: nobody calls with these any more

    [[principal]]
    name = "crm-frontend"            # what the log calls him
    uri = "spiffe://demo.bank/crm"   # the URI in his certificate
    institution = "demo-bank"        # left out for a node of the vault itself
    roles = ["crm_viewer"]           # what the policies know him by
    not_after = 2027-12-31           # optional: his last day, UTC
    certificates = ["sha256:..."]    # optional: only these, by the digest of their DER

    [[principal]]
    name = "teller-7"
    person = "p-4711"                # a natural person; the same in all his entries
    accounts = ["https://login.demo.bank|8f14e45f"]   # of his tokens; then no uri is needed
    institution = "demo-bank"
    roles = ["teller"]
    branches = ["sh-01"]             # optional: customers of these only; [] is nobody
    classes = ["ORDINARY"]           # optional: files of these classes only; [] is none
    own_files = ["01jd..."]          # optional: customers that he is
    related_files = ["01jd..."]      # optional: customers that a declared relative is
    home_branch = "sh-01"            # optional: where he works; files of other branches are noticed

It is reloaded live. Whoever writes it should write another file and rename it into place: a file
that is written in place may be met half written, and is then reported until it is whole.
"""

import datetime
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from vault.access.principals import Principal
from vault.access.principals_entry import Account, Entry, PrincipalsInvalid
from vault.access.principals_file import Signature, parse, read_file, signature
from vault.access.roll import Roll

__all__ = ["Directory", "PrincipalsInvalid"]

_CHECK_EVERY: Final = 0.5
"""Seconds."""

# A file system's clock ticks in milliseconds, so two writes can leave one signature. A file that
# was written so recently (nanoseconds) is read again at the next check, whatever its signature.
_FRESH: Final = 1_000_000_000


def _utc_today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()


class Directory:
    """The principals of a file. Thread-safe; a lookup is a dict access and, rarely, a stat.

    A changed file acts within `check_every` seconds of the next lookup. A broken one changes
    nothing: the directory stays as it was, and `problem` says what is wrong.
    """

    def __init__(
        self,
        path: Path,
        *,
        check_every: float = _CHECK_EVERY,
        monotonic: Callable[[], float] = time.monotonic,
        today: Callable[[], datetime.date] = _utc_today,
    ) -> None:
        """Read the file.

        Raises:
            PrincipalsInvalid: it cannot be used; at start there is no old directory to keep.
        """
        self._path = path
        self._check_every = check_every
        self._monotonic = monotonic
        self._today = today
        self._lock = threading.Lock()
        self._problem: str | None = None
        self._seen: Signature | None = None
        self._roll: Roll = self._read()
        self._generation = 0
        self._day = today()
        self._next_check = monotonic() + check_every

    def lookup(self, uri: str, certificate: str = "") -> Principal | None:
        """The principal of a certificate's URI; None if it is unknown or past his last day.

        `certificate` is the SHA-256 digest of the certificate's DER in lower-case hexadecimal. None
        too if it is revoked, or if the principal is held to others.
        """
        self._look()
        roll = self._roll
        entry = roll.by_uri.get(uri)
        if entry is None or certificate in roll.revoked:
            return None
        if entry.certificates and certificate not in entry.certificates:
            return None
        return self._in_time(entry)

    def lists(self, uri: str) -> bool:
        """Whether there is a principal of this URI who is in time, whatever his certificate."""
        entry = self._roll.by_uri.get(uri)
        return entry is not None and self._in_time(entry) is not None

    def lookup_account(self, issuer: str, subject: str) -> Principal | None:
        """The person of a token's account; None if it is unknown or past his last day."""
        self._look()
        entry = self._roll.by_account.get(Account(issuer, subject))
        return self._in_time(entry) if entry is not None else None

    @property
    def generation(self) -> int:
        """Differs when a lookup may find somebody else than before: others were read, or a day has
        begun. Cheap enough to ask at every message."""
        self._look()
        return self._generation

    @property
    def problem(self) -> str | None:
        """What is wrong with the file as it stands now, and how to mend it; None if nothing."""
        self._look()
        return self._problem

    @property
    def roles(self) -> frozenset[str]:
        """Every role that some principal has.

        One that no policy names (`PolicyEngine.book.roles`) allows nothing: most likely a
        misspelling, which a health check should show.
        """
        return frozenset(role for entry in self._roll.entries for role in entry.principal.roles)

    def __repr__(self) -> str:
        return f"Directory({len(self._roll.entries)} principals)"

    def _in_time(self, entry: Entry) -> Principal | None:
        if entry.not_after is not None and self._today() > entry.not_after:
            return None
        return entry.principal

    def _look(self) -> None:
        if self._monotonic() >= self._next_check:
            self._check()

    def _check(self) -> None:
        # One thread looks; the others go on with what stands.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._next_check = self._monotonic() + self._check_every
            if self._day != (day := self._today()):
                self._day = day
                self._generation += 1
            try:
                now = signature(self._path.stat())
            except OSError:
                now = None
            if now is not None and now == self._seen:
                return
            try:
                # In this order, so that a generation never passes for a later one.
                self._roll = self._read()
                self._generation += 1
                self._problem = None
            except PrincipalsInvalid as problem:
                self._problem = f"{problem} (the principals read before stay in force)"
        finally:
            self._lock.release()

    def _read(self) -> Roll:
        self._seen = None
        data, seen = read_file(self._path)
        written = max(seen.modified_ns, seen.changed_ns)
        if not 0 <= time.time_ns() - written < _FRESH:
            self._seen = seen
        try:
            return parse(data)
        except PrincipalsInvalid as problem:
            raise PrincipalsInvalid(f"{self._path}: {problem}") from None
