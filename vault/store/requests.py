"""Requests that were carried out, by request id: repeated, they give the same outcome."""

import re
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from vault.store.point_read import PointRead
from vault.store.rows import RequestRow
from vault.store.schema import requests
from vault.store.statements import insert_rows

_R = requests.c
_IDENTIFIER = re.compile(r"[0-9a-z]{26}")
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


def page(
    conn: Connection, institution: str, after: tuple[str, str], limit: int
) -> list[RequestRow]:
    """Requests by principal and id, behind `after`."""
    found = conn.execute(
        select(requests)
        .where(
            _R.institution == institution,
            tuple_(_R.principal, _R.request_id) > tuple_(*after),
        )
        .order_by(_R.principal, _R.request_id)
        .limit(limit)
    )
    return [RequestRow(*row) for row in found]


def names_one_of(row: RequestRow, customers: set[str]) -> bool:
    """Whether what a request came to names one of these customers: identifiers are 26 characters,
    and nothing else in an outcome looks like one of theirs."""
    text = row.outcome.decode("utf-8", "replace")
    return any(found in customers for found in _IDENTIFIER.findall(text))


def forget(conn: Connection, rows: Sequence[RequestRow]) -> None:
    """Take out requests: repeated, they are carried out, or refused, as new ones."""
    for row in rows:
        conn.execute(
            delete(requests).where(
                _R.institution == row.institution,
                _R.principal == row.principal,
                _R.request_id == row.request_id,
            )
        )


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
