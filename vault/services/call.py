"""One call as the use cases see it: who asks, what was decided, and what the log will say of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from vault.access import (
    Action,
    ActionClass,
    Credentials,
    Decision,
    GrantMismatch,
    Principal,
    Recognised,
)
from vault.access.detection import By
from vault.access.lending import CheckOut
from vault.access.scope import EVERYWHERE, Scope
from vault.audit import AuditEvent, Phase, RowHash
from vault.audit import Decision as Verdict
from vault.records import new_ulid
from vault.store import CustomerRow


@dataclass(frozen=True, slots=True)
class Trace:
    """What a call touched, for its event. Opaque names only, no personal data.

    ``fields`` are the paths of the values revealed; ``resources`` the records of a batch or page,
    relative to the institution; ``rows`` the sealed rows that a write made. ``notice`` is what
    stands where a refusal's reason would, though the call was answered.
    """

    institution: str = ""
    customer: str = ""
    resource: str = ""
    fields: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    rows: tuple[RowHash, ...] = ()
    count: int = 0
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """The natural person behind ``on_behalf_of``, by the word of the node that asks: his
    principal, and the opaque name that all his accounts share."""

    principal: str
    person: str


def scope_of(principal: Principal | None, bearer: Principal | None) -> Scope:
    """Which customers' files the roles of both reach; who is nobody limits nothing."""
    if principal is None:
        return EVERYWHERE
    return principal.scope if bearer is None else principal.scope & bearer.scope


@dataclass(slots=True)
class Call:
    """A call in progress. The pipeline makes it; a use case fills in ``trace``.

    ``bearer`` is the person whose token came beside the certificate of a program. ``shown`` is what
    the caller shows of himself, ``seen`` whom he was last recognised as, ``refused`` why he is not
    served although he may be known. ``check_out``
    identifies the check-out that the call names, ``lent`` is it, once it was found to be his, open,
    and one that covers what he asks for; ``file`` is then the row of the customer as it stood
    beside it, for who reads no more than that.
    ``joined_call_id`` is another node's call that this one serves. ``committed`` is set by a use
    case whose event has been made durable with its write, so that the pipeline does not log the
    call a second time. ``repeated`` says that the request was carried out before and this is its
    first answer. ``receipt`` is that of the last event that was made durable.
    ``alike`` are keyed tokens of what the customer whom it opened has in common with others, where
    a rule of detection asks for that.
    """

    call_id: str
    tier: str
    action: str
    peer: str
    workload: str = ""
    principal: Principal | None = None
    bearer: Principal | None = None
    shown: Credentials = field(default=Credentials(), repr=False)
    seen: Recognised | None = None
    refused: str = ""
    decision: Decision | None = None
    phase: Phase = Phase.CALL
    purpose: str = ""
    case_commitment: bytes = b""
    request_id: str = ""
    on_behalf_of: str = ""
    oracle_kind: str = ""
    behind: Behind | None = None
    alike: tuple[tuple[By, str], ...] = field(default=(), repr=False)
    check_out: str = ""
    lent: CheckOut | None = None
    file: CustomerRow | None = field(default=None, repr=False)
    joined_call_id: str = ""
    trace: Trace = field(default_factory=Trace)
    committed: bool = False
    receipt: bytes = b""
    repeated: bool = False

    def receive(self, receipt: bytes) -> None:
        """Keep the receipt of an event of this call."""
        self.receipt = receipt

    def recognised(self, found: Recognised) -> None:
        """Keep whom the caller was recognised as."""
        self.seen, self.refused = found, found.refused
        self.principal, self.bearer = found.principal, found.bearer
        if found.bearer is not None:
            self.on_behalf_of = found.bearer.name

    @property
    def actor(self) -> str:
        """Name of the principal that calls; empty when nobody known is calling."""
        return self.principal.name if self.principal is not None else ""

    @property
    def person(self) -> Principal | None:
        """The natural person behind the call: the token's, else the certificate's, if it is one's
        own."""
        if self.bearer is not None:
            return self.bearer
        return self.principal if self.principal is not None and self.principal.person else None

    @property
    def close_files(self) -> frozenset[str]:
        """Customers whom nobody behind the call may open in full: he is one himself, or a declared
        relative is."""
        own = self.principal.close_files if self.principal is not None else frozenset()
        return own if self.bearer is None else own | self.bearer.close_files

    @property
    def scope(self) -> Scope:
        """Which customers' files the roles of all who stand behind the call reach."""
        return scope_of(self.principal, self.bearer)

    def require(self, needed: ActionClass, institution: str, customer: str = "") -> None:
        """Make sure that policy has allowed what a use case does, for this institution or customer.

        `needed` is the use case's own word for what it does, so that a method which was declared
        with an action of another class cannot reach it.

        Raises GrantMismatch: policy was not asked, or was asked for something else.
        """
        grant = self.decision.grant if self.decision is not None else None
        if grant is None:
            raise GrantMismatch("the call has no grant")
        if grant.action.action_class is not needed:
            raise GrantMismatch(f"the grant is for {grant.action}, which is no {needed}")
        grant.covers(Action(self.action), institution, customer)

    def event(
        self,
        now: int,
        *,
        outcome: str = "OK",
        reason: str = "",
        trace: Trace | None = None,
        phase: Phase | None = None,
        denied: bool = False,
    ) -> AuditEvent:
        """The event of this call as things stand; ``now`` is in microseconds since the epoch.
        ``denied``: something other than policy denied it, of which ``reason`` says what.

        A call that makes one event lends it its identifier; of a stream's several, each has its
        own and names the call.
        """
        t = trace or self.trace
        phase = phase or self.phase
        alone = phase is Phase.CALL
        event_id = self.call_id if alone else new_ulid(now // 1000)
        principal, decision = self.principal, self.decision
        if denied:
            verdict = Verdict.DENIED
        elif decision is not None:
            verdict = Verdict.ALLOWED if decision.allowed else Verdict.DENIED
        elif principal is None or self.refused:
            verdict = Verdict.UNAUTHENTICATED
        else:
            verdict = Verdict.NOT_EVALUATED
        return AuditEvent(
            event_id=event_id,
            time=now,
            tier=self.tier,
            action=self.action,
            phase=phase,
            institution=t.institution or (principal.institution if principal else ""),
            customer=t.customer,
            resource=t.resource,
            actor=self.actor,
            workload=self.workload,
            on_behalf_of=self.on_behalf_of,
            roles=tuple(sorted(principal.roles)) if principal else (),
            purpose=self.purpose,
            case_reference_commitment=self.case_commitment,
            decision=verdict,
            # Of what was denied otherwise, the policies that allowed it say nothing.
            policies=decision.policies if decision is not None and not denied else (),
            outcome=outcome,
            reason=reason or t.notice,
            fields=t.fields,
            resources=t.resources,
            rows=t.rows,
            count=t.count,
            peer=self.peer,
            request_id=self.request_id,
            call_id=self.joined_call_id or ("" if alone else self.call_id),
            oracle_kind=self.oracle_kind,
            check_out=self.check_out,
            person=self.behind.principal if self.behind is not None else "",
        )

    def touched(self, **changes: object) -> None:
        """Add to the trace."""
        self.trace = replace(self.trace, **changes)  # type: ignore[arg-type]  # names checked by replace
