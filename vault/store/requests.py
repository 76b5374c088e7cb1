"""Requests that were carried out, by request id: repeated, they give the same outcome."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from vault.store.point_read import PointRead
from vault.store.rows import RequestRow
from vault.store.schema import requests
from vault.store.statements import insert_rows

_R = requests.c
_GET = PointRead(
    select(requests).where(
        _R.institution == bindparam("institution"),
        _R.principal == bindparam("principal"),
        _R.request_id == bindparam("request_id"),
    )
)


def get(conn: Connection, institution: str, principal: str, request_id: str) -> RequestRow | None:
    """What a principal's request came to, or None if it was not carried out."""
    key = {"institution": institution, "principal": principal, "request_id": request_id}
    row = _GET.first(conn, key)
    return None if row is None else RequestRow(*row)


def put(conn: Connection, rows: Sequence[RequestRow]) -> None:
    """Keep outcomes. Raises VersionConflict when one of the requests was carried out already.

    That happens only between two processes; look with `get` first, in the same transaction.
    """
    insert_rows(
        conn,
        requests,
        [
            (
                r.institution,
                r.principal,
                r.request_id,
                r.method,
                r.fingerprint,
                r.outcome,
                r.recorded_at,
            )
            for r in rows
        ],
    )
