"""Who is counted and watched: a person, whatever accounts he has, else a program."""

from __future__ import annotations

from typing import NamedTuple

from vault.services.call import Call


class Caller(NamedTuple):
    """One who calls an institution. ``roles`` are those that he calls with."""

    institution: str
    who: str
    roles: frozenset[str]
    person: bool


PERSON = "person/"


def caller_of(call: Call, institution: str) -> Caller:
    """Who it is that calls."""
    person = call.person
    if person is not None:
        return Caller(institution, f"{PERSON}{person.person}", person.roles, True)
    principal = call.principal
    if principal is not None:
        return Caller(institution, f"principal/{principal.name}", principal.roles, False)
    return Caller(institution, f"certificate/{call.workload}", frozenset(), False)
