"""A customer's bookings where they stand in several files: those that two persons have agreed to be
of one customer (vault.services.merging)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

from vault.services.opening import Opened


@dataclass(frozen=True, slots=True)
class KinFiles:
    """The files that a call about one of them looks through, as `Reading.files` has found that it
    may. `asked` is the one that it is about; `whole` says whether no other is of the customer."""

    institution: str
    asked: str
    customers: tuple[str, ...]
    whole: bool

    @property
    def others(self) -> tuple[str, ...]:
        """All but the one that was asked for, as an event names them."""
        return tuple(f"customers/{one}" for one in self.customers if one != self.asked)


async def in_order(streams: Sequence[AsyncIterator[Opened]]) -> AsyncIterator[Opened]:
    """The transactions of several files, each of which come in order of booking, in that order.
    Holds one of each stream."""
    waiting: list[tuple[str, int, Opened]] = []
    for number, stream in enumerate(streams):
        first = await anext(stream, None)
        if first is not None:
            waiting.append((first.record, number, first))
    heapify(waiting)
    while waiting:
        _, number, one = waiting[0]
        yield one
        following = await anext(streams[number], None)
        if following is None:
            heappop(waiting)
        else:
            heapreplace(waiting, (following.record, number, following))
