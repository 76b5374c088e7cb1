"""What is seen of a call, what is told of it, and what is remembered of a caller."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from vault.access.actions import ActionClass
from vault.access.detection.rules import By, Rule


class Seen(NamedTuple):
    """A call that ended. `at` in microseconds since the epoch; `opened` whether it showed
    `customer`, of one record or one list below him; `alike` what he has in common with others, as
    opaque values."""

    roles: frozenset[str]
    person: bool
    action_class: ActionClass
    customer: str
    opened: bool
    refused: bool
    at: int
    alike: tuple[tuple[By, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """What a rule says of a call; `count` of what it counted."""

    rule: Rule
    count: int


@dataclass(slots=True)
class Run:
    """Customers in one order so far: the last one, which way it goes (1, -1, or 0 while there is
    one customer), and when each came."""

    times: deque[int]
    last: str = ""
    way: int = 0

    def goes_on(self, customer: str) -> bool:
        """Whether a customer is the next one in the order."""
        if not self.last or customer == self.last:
            return False
        return self.way == 0 or (customer > self.last) is (self.way > 0)

    def take(self, customer: str, at: int) -> None:
        """Go on, or begin anew."""
        if customer == self.last:
            return
        if self.last:
            if not self.goes_on(customer):
                # The last one may be the first of the other way.
                newest = self.times[-1]
                self.times.clear()
                self.times.append(newest)
            self.way = 1 if customer > self.last else -1
        self.times.append(at)
        self.last = customer

    def restart(self, at: int) -> None:
        """Begin anew with the last customer."""
        self.way = 0
        self.times.clear()
        self.times.append(at)


@dataclass(slots=True)
class Memory:
    """What is remembered of one caller."""

    runs: dict[str, Run] = field(default_factory=dict)
    refused: deque[int] = field(default_factory=deque)
    warned: dict[str, int] = field(default_factory=dict)
    files: OrderedDict[str, int] = field(default_factory=OrderedDict)
    # Of a rule and a value: who has it, and when he was opened last.
    alike: OrderedDict[tuple[str, str], dict[str, int]] = field(default_factory=OrderedDict)
