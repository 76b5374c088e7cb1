"""Whose an account is, for items of an import that name their customer by it.

By the customers' own files only: that another's transaction was once stored with an account as his
own does not make it his.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection

from vault.records import IndexKind, normalise
from vault.services.indexing import Index
from vault.store import Database, blind_index

SHARED = ""
"""Stands for the holder where there are several."""

# Index entries of a customer's own file are of this record; of his transactions, of theirs.
_OWN_FILE = ""


async def holders(
    database: Database,
    index: Index,
    accounts: Iterable[str],
    new: Mapping[str, str],
    survivor: Callable[[str], str],
) -> dict[str, str]:
    """The customer of each account that somebody holds, as the accounts were given; SHARED where
    several do. ``new`` has holders among the customers of the same message, by `account_text`;
    ``survivor`` gives the file to use instead of one that points to it.

    Raises IndexMoved, StoreUnavailable.
    """
    texts = {account: account_text(account) for account in accounts}
    wanted = sorted({text for text in texts.values() if text})
    if not wanted:
        return {}

    def find(conn: Connection) -> dict[str, str | None]:
        found = {text: _holder(conn, index, text, survivor) for text in wanted}
        index.require_complete(conn)
        return found

    held = await database.read(find)
    out: dict[str, str] = {}
    for account, text in texts.items():
        known = {one for one in (held.get(text), new.get(text)) if one is not None}
        if known:
            out[account] = known.pop() if len(known) == 1 else SHARED
    return out


def account_text(account: str) -> str:
    """An account as the index knows it."""
    return normalise(IndexKind.ACCOUNT, account)


def _holder(
    conn: Connection, index: Index, text: str, survivor: Callable[[str], str]
) -> str | None:
    kind, token = index.wanted(IndexKind.ACCOUNT, text)
    holder: str | None = None
    after: tuple[str, str] | None = None
    while True:
        rows = blind_index.lookup(conn, index.institution, kind, token, after=after, limit=1)
        if not rows:
            return holder
        customer, record = rows[0]
        if record == _OWN_FILE:
            used = survivor(customer)
            if holder not in (None, used):
                return SHARED
            holder = used
        # A customer's own file comes before his transactions, which are passed over at once.
        after = (customer, "~")
