"""The index oracle of the full tier: from a value to the customers that it points to.

Identity and phone numbers can be enumerated, so how often it may be asked is budgeted: by
institution and whom it is asked for, and by the node that asks, since whom it asks for is only its
word. Whom it is asked for is the person behind a front end, so that one teller does not use up the
searches of the others; of a program that searches for itself, its principal.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass
from vault.records import normalise
from vault.sealing import Clock
from vault.services.call import Call
from vault.services.errors import Exhausted
from vault.services.indexing import Index, by_index
from vault.services.keys import Keys
from vault.services.masked import Lookup
from vault.services.merging.standing import Merges
from vault.store import Database, blind_index

_REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Budget:
    """A token bucket each for whoever asks: ``per_minute`` look-ups a minute, as many at once."""

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str], _Bucket] = OrderedDict()

    def spend(self, institution: str, who: str) -> None:
        """Take one look-up. Raises Exhausted."""
        now = self._clock.monotonic()
        key = (institution, who)
        bucket = self._buckets.setdefault(key, _Bucket(float(self._per_minute), now))
        self._buckets.move_to_end(key)
        refill = (now - bucket.at) * self._per_minute / 60
        bucket.tokens = min(float(self._per_minute), bucket.tokens + refill)
        bucket.at = now
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if bucket.tokens < 1:
            raise Exhausted(
                f"The search budget of {self._per_minute} a minute is used up. "
                "Wait, then search again.",
                f"每分钟 {self._per_minute} 次的检索额度已用完。请稍后再检索。",
                reason="SEARCH_BUDGET_EXHAUSTED",
            )
        bucket.tokens -= 1


def _for_whom(call: Call) -> str:
    """Whose look-up it is. No principal's name has a slash."""
    if call.behind is not None:
        return f"person/{call.behind.person}"
    return call.on_behalf_of or call.actor


class LocalOracle:
    """Answers look-ups from the blind index. Only a node that holds the index key can."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        budget: Budget,
        node_budget: Budget,
        merges: Merges | None = None,
    ) -> None:
        self._merges = merges or Merges()
        self._database = database
        self._keys = keys
        self._budget = budget
        self._node_budget = node_budget

    async def look_up(self, call: Call, lookup: Lookup) -> list[str]:
        """Identifiers of customers in order, beyond ``lookup.after``; of a file that points to
        another, that one's."""
        call.require(ActionClass.ORACLE, lookup.institution)
        self._budget.spend(lookup.institution, _for_whom(call))
        self._node_budget.spend("", call.actor)
        text = normalise(lookup.kind, lookup.value)
        if not text:
            return []

        institution = lookup.institution
        others = self._merges.survivors(institution)

        async def search(index: Index) -> list[str]:
            return await self._database.read(lambda conn: _find(conn, index, lookup, text, others))

        customers = await by_index(self._keys, lookup.institution, search)
        call.touched(count=len(customers))
        return customers


def _find(
    conn: Connection, index: Index, lookup: Lookup, text: str, others: Mapping[str, str]
) -> list[str]:
    """``others`` are the files to use in place of those that point to them."""
    kind, token = index.wanted(lookup.kind, text)
    # A customer can be found by several of its records; it is answered once.
    found: list[str] = []
    after = lookup.after
    while len(found) < lookup.limit:
        rows = blind_index.lookup(
            conn,
            lookup.institution,
            kind,
            token,
            after=(after, "~") if after else None,
            limit=lookup.limit,
        )
        for customer, _ in rows:
            if customer != after:
                if customer not in others:
                    found.append(customer)
                after = customer
        if len(rows) < lookup.limit:
            break
    # Those that are found by what stands in a file that points to them. A file stands in no order
    # with the one that it points to, so that all such files are looked at for each page.
    pointing = blind_index.among(conn, lookup.institution, kind, token, list(others))
    found += {others[one] for one in pointing if others[one] > lookup.after}
    index.require_complete(conn)
    return sorted(set(found))[: lookup.limit]
