"""The directory of principals: which certificate is whom, in which institution, in which roles.

The file, `principals.toml`, has one entry a caller:

    [[principal]]
    name = "crm-frontend"            # what the log calls him
    uri = "spiffe://demo.bank/crm"   # the URI in his certificate
    institution = "demo-bank"        # left out for a node of the vault itself
    roles = ["crm_viewer"]           # what the policies know him by
    not_after = 2027-12-31           # optional: his last day, UTC

It is reloaded live. Whoever writes it should write another file and rename it into place: a file
that is written in place may be met half written, and is then reported until it is whole.
"""

import datetime
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from vault.access.principals import Principal
from vault.access.principals_file import (
    Entry,
    PrincipalsInvalid,
    Signature,
    parse,
    read_file,
    signature,
)

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
        self._entries: Mapping[str, Entry] = self._read()
        self._next_check = monotonic() + check_every

    def lookup(self, uri: str) -> Principal | None:
        """The principal of a certificate's URI; None if it is unknown or past his last day."""
        if self._monotonic() >= self._next_check:
            self._check()
        entry = self._entries.get(uri)
        if entry is None or (entry.not_after is not None and self._today() > entry.not_after):
            return None
        return entry.principal

    @property
    def problem(self) -> str | None:
        """What is wrong with the file as it stands now, and how to mend it; None if nothing."""
        if self._monotonic() >= self._next_check:
            self._check()
        return self._problem

    @property
    def roles(self) -> frozenset[str]:
        """Every role that some principal has.

        One that no policy names (`PolicyEngine.book.roles`) allows nothing: most likely a
        misspelling, which a health check should show.
        """
        return frozenset(role for entry in self._entries.values() for role in entry.principal.roles)

    def __repr__(self) -> str:
        return f"Directory({len(self._entries)} principals)"

    def _check(self) -> None:
        # One thread looks; the others go on with what stands.
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._next_check = self._monotonic() + self._check_every
            try:
                now = signature(self._path.stat())
            except OSError:
                now = None
            if now is not None and now == self._seen:
                return
            try:
                self._entries = self._read()
                self._problem = None
            except PrincipalsInvalid as problem:
                self._problem = f"{problem} (the principals read before stay in force)"
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, Entry]:
        self._seen = None
        data, seen = read_file(self._path)
        written = max(seen.modified_ns, seen.changed_ns)
        if not 0 <= time.time_ns() - written < _FRESH:
            self._seen = seen
        try:
            return parse(data)
        except PrincipalsInvalid as problem:
            raise PrincipalsInvalid(f"{self._path}: {problem}") from None
