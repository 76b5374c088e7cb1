"""Enters a check-out into the register: its first version, the words sealed beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sqlalchemy import Connection

from vault.access.lending import CheckOut, Wish
from vault.records import new_ulid
from vault.sealing import FullFileKey, ScopeShredded, seal_full
from vault.services import sealer
from vault.services.call import Call
from vault.services.check_out_marks import marked
from vault.services.check_out_rows import (
    Words,
    encode_words,
    etag_of,
    place,
    scope_of,
    to_row,
)
from vault.services.closed import OutsideScope
from vault.services.errors import Aborted, NotFound, Shredded
from vault.services.kinds import CUSTOMERS
from vault.services.lending.register import Register, trace_of
from vault.services.outcomes import Stored
from vault.services.reach_of_writes import reaches
from vault.store import VersionConflict, check_outs, customers, documents, transactions
from vault.store.check_outs import CheckOutRow


async def enter(
    register: Register,
    call: Call,
    wish: Wish,
    words: Words,
    made_of: Callable[[str, bool, int], CheckOut],
    keep: Callable[[Connection, Stored], None],
) -> CheckOutRow:
    """Write a first version with its event, and ``keep`` what the request came to with it.

    ``made_of`` makes it of its identifier, of whether the file is sensitive, and of the time in
    microseconds. Raises NotFound, Shredded, OutsideScope; LendingRefused where ``made_of`` does.
    """
    institution, customer = wish.institution, wish.customer
    now = register.clock.now_micros()
    if customer:
        key, is_sensitive = await _file(register, call, wish, now)
    else:
        if call.scope.limits:
            raise OutsideScope
        key, is_sensitive = await register.keys.full_alone(scope_of(institution, "")), False
    identifier = new_ulid(now // 1000)
    out = made_of(identifier, is_sensitive, now)
    sealed = seal_full(key, encode_words(words), place(institution, customer, identifier))
    new = marked(to_row(out, sealed, now, call.actor), await register.keys.index(wish.institution))
    kept = Stored(customer, f"checkOuts/{identifier}", 1, etag_of(new), now)

    def work(conn: Connection) -> CheckOutRow:
        keep(conn, kept)
        check_outs.insert(conn, new)
        return new

    call.check_out = identifier
    try:
        return await register.recorder.commit(call, work, partial(trace_of, words=words))
    except BaseException as error:
        # There is none by that name.
        call.check_out = ""
        if isinstance(error, VersionConflict):
            raise Aborted(out.name) from None
        raise


async def _file(register: Register, call: Call, wish: Wish, now: int) -> tuple[FullFileKey, bool]:
    """The key of a customer's file, and whether the file takes more to open than others. Raises
    OutsideScope for one that who calls does not reach."""
    institution, customer = wish.institution, wish.customer
    row, there = await register.database.read(
        lambda conn: (
            customers.current(conn, institution, customer),
            _is_there(conn, wish),
        )
    )
    missing = NotFound(sealer.resource_name(institution, customer, wish.record), "subject")
    if row is None:
        raise missing
    scope = scope_of(institution, customer)
    try:
        key = (await register.keys.full([scope]))[scope]
    except ScopeShredded:
        raise Shredded(sealer.resource_name(institution, customer)) from None
    record = sealer.unseal(CUSTOMERS, row.sealed, scope, "", row.version, key)
    if not reaches(call.scope, record, sealer.utc_day(now)):
        raise OutsideScope
    if not there:
        raise missing
    return key, await register.sensitive.has(institution, customer, row)


def _is_there(conn: Connection, wish: Wish) -> bool:
    kind, _, identifier = wish.record.partition("/")
    if kind == "documents":
        return documents.current(conn, wish.institution, wish.customer, identifier) is not None
    if kind == "transactions":
        return transactions.get(conn, wish.institution, wish.customer, identifier) is not None
    return True
