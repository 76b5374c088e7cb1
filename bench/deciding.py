"""What a decision costs by itself, in microseconds: no call, no database, the best of five rounds.

What a call adds to it, such as the row of a check-out, is in the operations that are measured over
the network.
"""

import timeit
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.borrowing import lending
from tests.support.principals import principal_of
from vault.access import Action, PolicyEngine, ResourceRef
from vault.access.fields import FieldTable, read_fields
from vault.access.lending import State

_ROUNDS = 5
_SUBJECT = f"institutions/demo-bank/customers/{'0' * 26}"
_PURPOSE = "CUSTOMER_SERVICE"
LENT_FIELDS = ("customer.natural_person.full_name", "customer.phones", "customer.addresses")


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision, and what it takes in microseconds."""

    decision: str
    us: float


def decisions() -> list[Decided]:
    """Measure them."""
    teller = principal_of("teller", person="p-teller")
    resource = ResourceRef("demo-bank", "0" * 26, Action.CUSTOMERS_GET.kind)
    engine, anew = PolicyEngine.load(), PolicyEngine.load(cache_size=0)
    fields = read_fields()
    out = lending(_SUBJECT, *LENT_FIELDS)
    now = out.starts_at

    def ask(policy: PolicyEngine) -> Callable[[], object]:
        return lambda: policy.decide(
            teller, Action.CUSTOMERS_GET, resource, _PURPOSE, person=True, check_out=True
        )

    def first_opened() -> object:
        return FieldTable(fields.grants).opened(teller.roles, _PURPOSE, lent=out.fields)

    return [
        Decided("policy, as a call asks it", _micros(ask(engine), 20_000)),
        Decided("policy, asked of Cedar anew", _micros(ask(anew), 500)),
        Decided(
            "whether a check-out is open",
            _micros(lambda: out.state_at(now) is State.ACTIVE, 20_000),
        ),
        Decided(
            "which fields are opened",
            _micros(lambda: fields.opened(teller.roles, _PURPOSE, lent=out.fields), 20_000),
        ),
        Decided("which fields are opened, anew", _micros(first_opened, 500)),
    ]


def _micros(call: Callable[[], object], times: int) -> float:
    return min(timeit.repeat(call, number=times, repeat=_ROUNDS)) / times * 1e6
