"""Rules of retention, disposals and holds: the blocking client."""

from __future__ import annotations

from collections.abc import Sequence

import grpc

from recordsvault.retention.v1 import retention_pb2 as pb
from recordsvault.retention.v1 import retention_pb2_grpc as stubs
from recordsvault_masked.calls import Caller
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.requests import new_request_id


class RetentionClient:
    """How long records are kept, and how they are let go: other rules and plans of disposal are
    proposed by a custodian and agreed to by compliance.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. All of it is
    asked by a person. What changes something is sent once and never tried again by itself: after
    Unavailable, `get` or `list` shows whether it was done.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.RetentionStub(channel)
        self._parent = parent
        self._call = call

    def rule_sets(
        self, *, parent: str = "", timeout: float | None = None
    ) -> pb.ListRuleSetsResponse:
        """The rule sets, past, present and future, and what was ruled of their conflicts."""
        request = pb.ListRuleSetsRequest(parent=parent or self._parent)
        return self._call(self._stub.ListRuleSets, request, timeout)

    def preview(
        self, rule_set: str, *, parent: str = "", timeout: float | None = None
    ) -> pb.Effect:
        """What a rule set (TOML) would do."""
        request = pb.PreviewRuleSetRequest(parent=parent or self._parent, rule_set=rule_set)
        return self._call(self._stub.PreviewRuleSet, request, timeout).effect

    def propose(
        self,
        rule_set: str,
        *,
        reason: str,
        shortens: bool = False,
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.ProposeRuleSetResponse:
        """Propose one more rule set (TOML). `shortens` says that by it records may go earlier, and
        are meant to."""
        request = pb.ProposeRuleSetRequest(
            parent=parent or self._parent, rule_set=rule_set, shortens=shortens, reason=reason
        )
        return self._call.once(self._stub.ProposeRuleSet, request, timeout)

    def propose_ruling(
        self,
        prevails: str,
        yields: str,
        *,
        reason: str,
        customer: str = "",
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.RulesProposal:
        """Propose which rule (`set/rule`) prevails over which, for a customer or for all."""
        request = pb.ProposeRulingRequest(
            parent=parent or self._parent,
            ruling=pb.Ruling(prevails=prevails, yields=yields, customer=customer),
            reason=reason,
        )
        return self._call.once(self._stub.ProposeRuling, request, timeout).proposal

    def approve_rules(
        self, name: str, *, etag: str, comment: str = "", timeout: float | None = None
    ) -> pb.RulesProposal:
        """Agree to a rule set or a ruling, as another person than who proposed it."""
        request = pb.ApproveRulesRequest(name=name, etag=etag, comment=comment)
        return self._call.once(self._stub.ApproveRules, request, timeout).proposal

    def plan(
        self,
        *,
        reason: str,
        transactions: Sequence[str] = (),
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.Disposal:
        """Plan what is due: of all customers, or single transactions by name."""
        request = pb.PlanDisposalRequest(
            parent=parent or self._parent, transactions=transactions, reason=reason
        )
        return self._call.once(self._stub.PlanDisposal, request, timeout).disposal

    def get(self, name: str, *, timeout: float | None = None) -> pb.Disposal:
        """A disposal."""
        request = pb.GetDisposalRequest(name=name)
        return self._call(self._stub.GetDisposal, request, timeout).disposal

    def list(
        self,
        *,
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Disposal]:
        """Disposals, newest first."""

        def fetch(token: str) -> Page[pb.Disposal]:
            request = pb.ListDisposalsRequest(
                parent=parent or self._parent, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListDisposals, request, timeout)
            return Page(tuple(answer.disposals), answer.next_page_token)

        return Pager(fetch, page_token)

    def items(
        self,
        name: str,
        *,
        state: pb.ItemState.ValueType = pb.ITEM_STATE_UNSPECIFIED,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.DisposalItem]:
        """What a plan has, in its order; of one state if one is given."""

        def fetch(token: str) -> Page[pb.DisposalItem]:
            request = pb.ListDisposalItemsRequest(
                parent=name, state=state, page_size=page_size, page_token=token
            )
            answer = self._call(self._stub.ListDisposalItems, request, timeout)
            return Page(tuple(answer.items), answer.next_page_token)

        return Pager(fetch, page_token)

    def approve(
        self, name: str, *, plan_sha256: str, comment: str = "", timeout: float | None = None
    ) -> pb.Disposal:
        """Agree to exactly the plan that has this hash, as another person than who planned it."""
        request = pb.ApproveDisposalRequest(name=name, plan_sha256=plan_sha256, comment=comment)
        return self._call.once(self._stub.ApproveDisposal, request, timeout).disposal

    def execute(self, name: str, *, timeout: float | None = None) -> pb.Disposal:
        """Have an approved plan carried out, in the background; `get` shows how far it is."""
        request = pb.ExecuteDisposalRequest(name=name)
        return self._call.once(self._stub.ExecuteDisposal, request, timeout).disposal

    def certificate(
        self, name: str, *, timeout: float | None = None
    ) -> pb.GetDisposalCertificateResponse:
        """The certificate of a disposal that is done, with its proof in the log."""
        request = pb.GetDisposalCertificateRequest(name=name)
        return self._call(self._stub.GetDisposalCertificate, request, timeout)


class HoldsClient:
    """Holds, which stop disposal; for the members of a compartment. Others get NotFound, as where
    there is none.

    Placing takes a `request_id` (a UUID; a fresh one if left out): the same sent again with it is
    not done twice. The steps of a release are sent once.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution."""
        self._stub = stubs.HoldsStub(channel)
        self._parent = parent
        self._call = call

    def place(
        self,
        compartment: str,
        hold: pb.Hold,
        *,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.Hold:
        """Place a hold: on a customer's records, by an authority. Answers its name."""
        request = pb.PlaceHoldRequest(
            parent=compartment, hold=hold, request_id=new_request_id(request_id)
        )
        return self._call(self._stub.PlaceHold, request, timeout).hold

    def list(
        self,
        compartment: str,
        *,
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.Hold]:
        """Holds of a compartment, oldest first."""

        def fetch(token: str) -> Page[pb.Hold]:
            request = pb.ListHoldsRequest(parent=compartment, page_size=page_size, page_token=token)
            answer = self._call(self._stub.ListHolds, request, timeout)
            return Page(tuple(answer.holds), answer.next_page_token)

        return Pager(fetch, page_token)

    def propose_release(self, name: str, *, reason: str, timeout: float | None = None) -> pb.Hold:
        """Propose that a hold be released; it stands until another member agrees."""
        request = pb.ProposeHoldReleaseRequest(name=name, reason=reason)
        return self._call.once(self._stub.ProposeHoldRelease, request, timeout).hold

    def agree_release(self, name: str, *, etag: str, timeout: float | None = None) -> pb.Hold:
        """Agree to a release, as another member than who proposed it."""
        request = pb.AgreeHoldReleaseRequest(name=name, etag=etag)
        return self._call.once(self._stub.AgreeHoldRelease, request, timeout).hold
