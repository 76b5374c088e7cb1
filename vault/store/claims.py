"""Identity claims: within an institution, an identity number belongs to one customer."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select

from vault.store.schema import identity_claims
from vault.store.statements import insert_or_ignore

_C = identity_claims.c
_HOLDERS = select(_C.token, _C.customer).where(
    _C.institution == bindparam("institution"),
    _C.token.in_(bindparam("tokens", expanding=True)),
)
_RELEASE = delete(identity_claims).where(
    _C.institution == bindparam("institution"),
    _C.token == bindparam("token"),
    _C.customer == bindparam("customer"),
)


def holders(conn: Connection, institution: str, tokens: Sequence[bytes]) -> dict[bytes, str]:
    """The customers that hold these tokens (up to 500), by token."""
    if not tokens:
        return {}
    rows = conn.execute(_HOLDERS, {"institution": institution, "tokens": list(tokens)})
    return {row[0]: row[1] for row in rows}


def put(
    conn: Connection, institution: str, claims: Sequence[tuple[bytes, str]]
) -> dict[bytes, str]:
    """Claim tokens for customers, as (token, customer); return those that somebody else holds.

    The others are then claimed. A claim that its customer holds already is no conflict. Of two
    claims of one token in one call, the first stands.
    """
    wanted: dict[bytes, str] = {}
    for token, customer in claims:
        wanted.setdefault(token, customer)
    # In one order for all, so that two processes that claim the same tokens cannot deadlock.
    ordered = sorted(wanted.items())
    inserted = insert_or_ignore(
        conn, identity_claims, [(institution, token, customer) for token, customer in ordered]
    )
    if inserted == len(claims):
        return {}
    held = holders(conn, institution, list(wanted))
    return {token: held[token] for token, customer in claims if held[token] != customer}


def take_out(conn: Connection, institution: str, tokens: Sequence[bytes]) -> None:
    """Take out the claims of these tokens (up to 500), whoever holds them."""
    conn.execute(delete(identity_claims).where(_C.institution == institution, _C.token.in_(tokens)))


def release(conn: Connection, institution: str, token: bytes, customer: str) -> None:
    """Give up a claim, if this customer holds it."""
    conn.execute(_RELEASE, {"institution": institution, "token": token, "customer": customer})
