"""The rules that are in force for an institution: those that the release brings, and what two
persons have agreed to since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from vault.access.proposals import Proposal
from vault.records import Customer, RiskClass, ScopeRef
from vault.rules.retention import Facts, RecordKind, RuleBook, RuleSet, Ruling
from vault.rules.retention_files import RuleSetInvalid, read_rule_set
from vault.services.retention.content import (
    DisposalAgreed,
    RuleSetChange,
    RulingChange,
    change_in,
)
from vault.store import StoreAltered
from vault.store.scopes import ScopeRow

IDENTITY: Final = "identity"
_WEST: Final = timedelta(hours=12)
"""A day is over when it is over everywhere: the last place is 12 hours behind UTC."""


def today(micros: int) -> date:
    """The day it is everywhere, or a day earlier, of a time in microseconds since the epoch."""
    return (datetime.fromtimestamp(micros / 1_000_000, UTC) - _WEST).date()


class RulesInForce:
    """``agreed`` gives the approved proposals about retention of all institutions, in order, as the
    full tier has signed them: a row that somebody put into the database changes no rule."""

    def __init__(
        self,
        brought: RuleBook,
        agreed: Callable[[], Sequence[Proposal]],
        jurisdictions: Sequence[str],
    ) -> None:
        """``jurisdictions`` are those of customers whose file names none."""
        self._brought = brought
        self._agreed = agreed
        self._jurisdictions = frozenset(jurisdictions)

    def book(self, institution: str) -> RuleBook:
        """All rules of an institution. Raises StoreAltered."""
        sets: list[RuleSet] = list(self._brought.sets)
        rulings: list[Ruling] = []
        for change in (
            change_in(one.content) for one in self._agreed() if one.institution == institution
        ):
            if isinstance(change, RuleSetChange):
                try:
                    sets.append(read_rule_set(change.text))
                except RuleSetInvalid as problem:
                    # Of a later release; without it something might go that must not.
                    raise StoreAltered("an approved rule set cannot be read") from problem
            elif isinstance(change, RulingChange):
                rulings.append(Ruling(change.prevails, change.yields, change.customer))
        return RuleBook(sets, rulings)

    def disposal(self, institution: str, disposal: str) -> DisposalAgreed | None:
        """What was agreed of a plan of disposal; None where nothing was."""
        for one in reversed(self._agreed()):
            if one.institution != institution:
                continue
            change = change_in(one.content)
            if isinstance(change, DisposalAgreed) and change.disposal == disposal:
                return change
        return None

    def facts(self, customer: Customer, row: ScopeRow, booked: date | None = None) -> Facts:
        """What the rules look at, of a scope of a customer; of a single booking, where one is
        given."""
        relationship = customer.relationship
        where = relationship.jurisdictions if relationship is not None else ()
        words = {one.value for one in customer.sensitivities}
        if customer.risk_class is not RiskClass.UNSPECIFIED:
            words.add(customer.risk_class.value)
        if relationship is not None:
            words |= set(relationship.segments)
        last = date.fromordinal(row.last_on) if row.last_on > 0 else None
        return Facts(
            kind=kind_of(row.scope),
            jurisdictions=frozenset(where) or self._jurisdictions,
            classes=frozenset(words),
            relationship_end=relationship.end_date if relationship is not None else None,
            last_booking=booked or last,
            customer=row.customer,
        )


def kind_of(scope: str) -> RecordKind:
    """What a scope keeps."""
    return RecordKind.IDENTITY if scope == IDENTITY else RecordKind.TRANSACTIONS


def ref_of(row: ScopeRow) -> ScopeRef:
    """The scope of a row."""
    return ScopeRef(row.institution, row.customer, row.scope)
