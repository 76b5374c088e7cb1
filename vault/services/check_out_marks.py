"""The mark of a row of the lending register: that the vault has written it, and nobody else.

A row opens files. Whoever can write to the database could lend one to a friend, lengthen what was
lent, or put his consent into somebody's mouth; that the log has no event of it is found when
somebody looks (`audit verify --live`), and by then the file was read. So each row carries a code
over all that stands in it but the sealed words, under the institution's key of fingerprints, which
full nodes have and the database has not; and a row without it opens nothing and is decided on by
nobody. The words are bound to their place by their own seal, and are sealed anew when keys rotate;
the key of fingerprints is handed on as it is.

That a later row was taken away is not told by the rows that are left: that is for the log.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from functools import lru_cache
from typing import Final, Protocol

from vault.access.lending import CheckOut
from vault.services.check_out_rows import from_row, mark_of, with_mark
from vault.store import StoreAltered
from vault.store.check_outs import CheckOutRow

# No request, which fingerprints are made of elsewhere, begins with a zero byte: protobuf has no
# field of that number.
_DOMAIN: Final = b"\0recordsvault check-out v1\0"


class MarkKey(Protocol):
    """The institution's key of fingerprints."""

    def fingerprint(self, data: bytes) -> bytes:
        """32 bytes that nobody makes without the key."""


def marked(row: CheckOutRow, key: MarkKey) -> CheckOutRow:
    """The row as it is stored."""
    return with_mark(row, key.fingerprint(_DOMAIN + _digest(row)).hex())


def genuine(row: CheckOutRow, key: MarkKey) -> CheckOut:
    """The check-out of a row that the vault has written. Raises StoreAltered for any other."""
    out, mark, digest = _understood(row)
    if not hmac.compare_digest(mark, key.fingerprint(_DOMAIN + digest).hex()):
        raise StoreAltered("a row of the lending register is not one that the vault has written")
    return out


# The same row says the same: one that is read again and again is understood once.
@lru_cache(1_024)
def _understood(row: CheckOutRow) -> tuple[CheckOut, str, bytes]:
    return from_row(row), mark_of(row), _digest(row)


def _digest(row: CheckOutRow) -> bytes:
    """Of all that is marked: in the form in which the vault writes it, however it stands there."""
    return replace(with_mark(row, ""), sealed=b"").hash()
