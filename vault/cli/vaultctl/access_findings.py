"""What an access review looks for: rights unused, rights that end, people with too much.

Pure: principals and what the log says of them in, findings out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum

from recordsvault.admin.v1.access_admin_pb2 import ListedPrincipal, PolicyFile, Scope
from recordsvault.audit.v1.event_pb2 import AuditEvent

_ID = re.compile(r'@id\("([^"]+)"\)')
_ROLE = re.compile(r'RecordsVault::Role::"([a-z][a-z0-9_]*)"')
# What everybody may ask says nothing of which right he needs.
_EVERYBODYS = ("grpc.", "rpc.", "audit.proofs.", "audit.checkpoints.")
_MANY_ROLES = 3

APART = (
    frozenset({"teller", "custodian"}),
    frozenset({"custodian", "compliance"}),
    frozenset({"break_glass", "security_officer"}),
    frozenset({"operator", "security_officer"}),
    frozenset({"access_admin", "security_officer"}),
)
"""Roles of which one checks the other: of one person each pair is a finding."""


class Kind(str, Enum):
    """What is found."""

    UNUSED = "unused"
    ENDING = "ending"
    TOO_MUCH = "too_much"


@dataclass(frozen=True, slots=True)
class Finding:
    """One. `day` is the last use, or the end; None for never and for none. `scopes` say, by
    principal, how far the roles reach, of those that are limited."""

    kind: Kind
    principal: str
    person: str
    roles: tuple[str, ...]
    day: datetime | None = None
    principals: tuple[str, ...] = ()
    scopes: tuple[tuple[str, Scope], ...] = ()


@dataclass(slots=True)
class Uses:
    """When who used which of his rights last, as the log tells of allowed calls."""

    policies: Mapping[str, frozenset[str]]
    called: dict[str, datetime] = field(default_factory=dict)
    roles: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def add(self, event: AuditEvent, when: datetime) -> None:
        """An allowed call, later than all before."""
        if event.action.startswith(_EVERYBODYS):
            return
        named = frozenset(
            role for policy in event.policies for role in self.policies.get(policy, ())
        )
        for name in {event.actor, event.on_behalf_of} - {""}:
            self.called[name] = when
            for role in named:
                self.roles[name, role] = when


def roles_of_policies(files: Iterable[PolicyFile]) -> dict[str, frozenset[str]]:
    """The roles that each policy names, by its id."""
    found: dict[str, frozenset[str]] = {}
    for file in files:
        # A policy reaches from its id to the next one's.
        parts = _ID.split(file.text)
        found |= {
            name: frozenset(_ROLE.findall(body))
            for name, body in zip(parts[1::2], parts[2::2], strict=True)
        }
    return found


def findings(
    listed: Sequence[ListedPrincipal], uses: Uses, now: datetime, ending: timedelta
) -> list[Finding]:
    """All, by kind and name."""
    found = [
        *_unused(listed, uses),
        *_ending(listed, now, now + ending),
        *_too_much(listed),
    ]
    order = list(Kind)
    return sorted(found, key=lambda one: (order.index(one.kind), one.principal, one.roles))


def _unused(listed: Sequence[ListedPrincipal], uses: Uses) -> Iterator[Finding]:
    for one in listed:
        name = one.entry.name
        if not one.active or not one.active_roles:
            continue
        unused = tuple(role for role in one.active_roles if (name, role) not in uses.roles)
        if unused:
            day = uses.called.get(name)
            yield Finding(Kind.UNUSED, name, one.entry.person, unused, day, scopes=_scopes([one]))


def _ending(listed: Sequence[ListedPrincipal], now: datetime, until: datetime) -> Iterator[Finding]:
    for one in listed:
        entry = one.entry
        if entry.not_after:
            # The last day counts to its end.
            last = datetime.combine(date.fromisoformat(entry.not_after), time.min, UTC)
            end = last + timedelta(days=1)
            if now < end <= until:
                roles = tuple(binding.role for binding in entry.roles)
                yield Finding(
                    Kind.ENDING, entry.name, entry.person, roles, end, scopes=_scopes([one])
                )
        for binding in entry.roles:
            if binding.HasField("not_after"):
                end = binding.not_after.ToDatetime(UTC)
                if now < end <= until:
                    ends = (binding.role,)
                    yield Finding(
                        Kind.ENDING, entry.name, entry.person, ends, end, scopes=_scopes([one])
                    )


def _too_much(listed: Sequence[ListedPrincipal]) -> Iterator[Finding]:
    people: dict[str, list[ListedPrincipal]] = defaultdict(list)
    for one in listed:
        if one.active:
            # Without a person it is a program, which is looked at by itself.
            people[one.entry.person or f"\0{one.entry.name}"].append(one)
    for theirs in people.values():
        roles = frozenset(role for one in theirs for role in one.active_roles)
        names = tuple(sorted(one.entry.name for one in theirs))
        pairs = [pair for pair in APART if pair <= roles]
        for pair in pairs:
            held = tuple(sorted(pair))
            yield Finding(
                Kind.TOO_MUCH, names[0], theirs[0].entry.person, held, None, names, _scopes(theirs)
            )
        if not pairs and len(roles) > _MANY_ROLES:
            held = tuple(sorted(roles))
            yield Finding(
                Kind.TOO_MUCH, names[0], theirs[0].entry.person, held, None, names, _scopes(theirs)
            )


def _scopes(theirs: Sequence[ListedPrincipal]) -> tuple[tuple[str, Scope], ...]:
    return tuple((one.entry.name, one.entry.scope) for one in theirs if one.entry.HasField("scope"))
