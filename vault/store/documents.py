"""Identity documents of customers: every update is a new version, as with customers."""

from collections.abc import Sequence

from sqlalchemy import Connection

from vault.store.rows import DocumentRow, MaskedDocumentRow
from vault.store.schema import documents
from vault.store.statements import insert_rows
from vault.store.versions import Versioned

_FULL = Versioned(documents, masked=False)
_MASKED = Versioned(documents, masked=True)
_NO_LIMIT = 2**31 - 1  # beyond any version


def insert(conn: Connection, rows: Sequence[DocumentRow]) -> None:
    """Insert versions of documents. Raises VersionConflict when one of them stands already."""
    insert_rows(
        conn,
        documents,
        [
            (
                r.institution,
                r.customer,
                r.document,
                r.version,
                r.recorded_at,
                r.recorded_by,
                r.sealed,
                r.masked,
            )
            for r in rows
        ],
    )


def current(conn: Connection, institution: str, customer: str, document: str) -> DocumentRow | None:
    """The current version."""
    key = {"institution": institution, "customer": customer, "document": document}
    row = _FULL.current.first(conn, key)
    return None if row is None else DocumentRow(*row)


def current_masked(
    conn: Connection, institution: str, customer: str, document: str
) -> MaskedDocumentRow | None:
    """The current version's masked view."""
    key = {"institution": institution, "customer": customer, "document": document}
    row = _MASKED.current.first(conn, key)
    return None if row is None else MaskedDocumentRow(*row)


def version(
    conn: Connection, institution: str, customer: str, document: str, number: int
) -> DocumentRow | None:
    """The version of that number."""
    key = {
        "institution": institution,
        "customer": customer,
        "document": document,
        "version": number,
    }
    row = _FULL.version.first(conn, key)
    return None if row is None else DocumentRow(*row)


def history(
    conn: Connection,
    institution: str,
    customer: str,
    document: str,
    *,
    before: int | None = None,
    limit: int,
) -> list[DocumentRow]:
    """Versions, newest first, from the one in front of number `before` on."""
    key = {
        "institution": institution,
        "customer": customer,
        "document": document,
        "before": _NO_LIMIT if before is None else before,
        "limit": limit,
    }
    return [DocumentRow(*row) for row in conn.execute(_FULL.history, key)]


def page(
    conn: Connection, institution: str, customer: str, *, after: str = "", limit: int
) -> list[DocumentRow]:
    """Current versions of a customer's documents by ascending id, beyond `after`."""
    key = {"institution": institution, "customer": customer, "after": after, "limit": limit}
    return [DocumentRow(*row) for row in conn.execute(_FULL.listing, key)]


def page_masked(
    conn: Connection, institution: str, customer: str, *, after: str = "", limit: int
) -> list[MaskedDocumentRow]:
    """As `page`, masked views only."""
    key = {"institution": institution, "customer": customer, "after": after, "limit": limit}
    return [MaskedDocumentRow(*row) for row in conn.execute(_MASKED.listing, key)]
