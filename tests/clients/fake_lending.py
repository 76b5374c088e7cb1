"""A lending register in memory, with as much of the real one's judgement as a client meets."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.rpc import error_details_pb2

from recordsvault.access.v1 import access_pb2 as pb
from tests.clients.refused import Refused

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
NAME = "institutions/demo-bank/checkOuts/01h{:023d}"
CUSTOMER = "institutions/demo-bank/customers/01h00000000000000000000000"


def refused(code: grpc.StatusCode, reason: str, en: str, zh: str) -> Refused:
    return Refused(
        code,
        en,
        error_details_pb2.ErrorInfo(reason=reason, domain="recordsvault"),
        error_details_pb2.LocalizedMessage(locale="en", message=en),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message=zh),
    )


@dataclass
class FakeLending:
    """Check-outs by name. `caller` is who asks, `role` what he decides as."""

    check_outs: dict[str, pb.CheckOut] = field(default_factory=dict)
    caller: str = "zhang-min"
    role: str = "custodian"
    needed: tuple[str, ...] = ("custodian",)
    now: datetime = START
    answered: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, **fields: Any) -> pb.CheckOut:
        """A check-out that waits, changed as a test wants it."""
        fields.setdefault("subject", CUSTOMER)
        fields.setdefault("fields", ["customer.natural_person.full_name", "customer.phones"])
        fields.setdefault("purpose", 1)
        fields.setdefault("reason", "Calls back about a lost card")
        fields.setdefault("requester", "zhang-min")
        fields.setdefault("state", pb.CHECK_OUT_STATE_REQUESTED)
        fields.setdefault("check_out_class", "contact")
        fields.setdefault("needed_roles", self.needed)
        span = fields.pop("duration", timedelta(hours=2))
        times = {
            key: fields.pop(key)
            for key in ("request_time", "decide_by", "start_time", "end_time", "review_by")
            if key in fields
        }
        one = pb.CheckOut(**fields)
        one.name = one.name or NAME.format(len(self.check_outs))
        one.duration.FromTimedelta(span)
        times.setdefault("request_time", self.now)
        times.setdefault("decide_by", times["request_time"] + timedelta(hours=24))
        for key, value in times.items():
            getattr(one, key).FromDatetime(value)
        with self.lock:
            self._put(one)
        return one

    def change(self, name: str, **fields: Any) -> None:
        """Something happened to it."""
        with self.lock:
            one = self._find(name)
            for key, value in fields.items():
                setattr(one, key, value)
            self._put(one)

    def wanted(self, wish: pb.CheckOutFilter) -> list[pb.CheckOut]:
        """What a filter lets through, newest first."""
        with self.lock:
            found = [self._find(name) for name in reversed(self.check_outs)]
        return [
            one
            for one in found
            if (not wish.states or one.state in wish.states)
            and (not wish.requester or one.requester == wish.requester)
            and (not wish.customer or one.subject.startswith(wish.customer))
            and (not wish.mine_to_decide or self._is_mine(one))
        ]

    def _is_mine(self, one: pb.CheckOut) -> bool:
        return (
            one.state == pb.CHECK_OUT_STATE_REQUESTED
            and one.requester != self.caller
            and self.role in one.needed_roles
        )

    def _put(self, one: pb.CheckOut) -> None:
        before = self.check_outs.get(one.name)
        one.etag = f"e{int(before.etag[1:]) + 1 if before else 1}"
        self.check_outs[one.name] = one

    def _find(self, name: str) -> pb.CheckOut:
        with self.lock:
            if name not in self.check_outs:
                raise refused(
                    grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "There is none.", "没有此借阅。"
                )
            found = pb.CheckOut()
            found.CopyFrom(self.check_outs[name])
            return found

    def _seen(self, request: Any) -> pb.CheckOut:
        one = self._find(request.name)
        if one.etag != request.etag:
            raise refused(
                grpc.StatusCode.ABORTED,
                "ETAG_MISMATCH",
                "It has changed since you looked.",
                "您查看之后该申请已变更。",
            )
        if one.requester == self.caller:
            raise refused(
                grpc.StatusCode.PERMISSION_DENIED,
                "CHECK_OUT_OWN_REQUEST",
                "Nobody decides on his own request.",
                "任何人不得审批自己的申请。",
            )
        return one

    # -- the methods ----------------------------------------------------------------------------

    def _once(self, request_id: str, wish: pb.CheckOut, **more: Any) -> pb.CheckOut:
        with self.lock:
            if request_id not in self.answered:
                made = self.add(
                    subject=wish.subject,
                    fields=wish.fields,
                    purpose=wish.purpose,
                    reason=wish.reason,
                    case_reference=wish.case_reference,
                    one_time=wish.one_time,
                    duration=wish.duration.ToTimedelta(),
                    requester=self.caller,
                    **more,
                )
                self.answered[request_id] = made.name
            return self._find(self.answered[request_id])

    def _answer_request_check_out(self, request: Any) -> Any:
        made = self._once(request.request_id, request.check_out)
        return pb.RequestCheckOutResponse(check_out=made)

    def _answer_renew_check_out(self, request: Any) -> Any:
        wish = self._find(request.name)
        wish.reason = request.reason
        wish.duration.CopyFrom(request.duration)
        made = self._once(request.request_id, wish, renews=request.name)
        return pb.RenewCheckOutResponse(check_out=made)

    def _answer_approve_check_out(self, request: Any) -> Any:
        with self.lock:
            one = self._seen(request)
            if request.fields:
                del one.fields[:]
                one.fields.extend(request.fields)
            if request.HasField("duration"):
                one.duration.CopyFrom(request.duration)
            agreed = one.approvals.add(approver=self.caller, role=self.role)
            agreed.time.FromDatetime(self.now)
            if {approval.role for approval in one.approvals} >= set(one.needed_roles):
                one.state = pb.CHECK_OUT_STATE_ACTIVE
                one.start_time.FromDatetime(self.now)
                one.end_time.FromDatetime(self.now + one.duration.ToTimedelta())
            self._put(one)
        return pb.ApproveCheckOutResponse(check_out=one)

    def _end(self, one: pb.CheckOut, state: pb.CheckOutState.ValueType) -> pb.CheckOut:
        with self.lock:
            one.state = state
            one.ended_by = self.caller
            one.end_time.FromDatetime(self.now)
            self._put(one)
        return one

    def _answer_deny_check_out(self, request: Any) -> Any:
        one = self._end(self._seen(request), pb.CHECK_OUT_STATE_DENIED)
        return pb.DenyCheckOutResponse(check_out=one)

    def _answer_return_check_out(self, request: Any) -> Any:
        one = self._end(self._find(request.name), pb.CHECK_OUT_STATE_RETURNED)
        return pb.ReturnCheckOutResponse(check_out=one)

    def _answer_revoke_check_out(self, request: Any) -> Any:
        one = self._end(self._find(request.name), pb.CHECK_OUT_STATE_REVOKED)
        return pb.RevokeCheckOutResponse(check_out=one)

    def _answer_get_check_out(self, request: Any) -> Any:
        return pb.GetCheckOutResponse(check_out=self._find(request.name))

    def _answer_list_check_outs(self, request: Any) -> Any:
        found = self.wanted(request.filter)
        start, size = int(request.page_token or 0), request.page_size or 50
        token = str(start + size) if start + size < len(found) else ""
        return pb.ListCheckOutsResponse(
            check_outs=found[start : start + size], next_page_token=token
        )

    def _answer_break_glass(self, request: Any) -> Any:
        made = self.add(
            subject=request.customer,
            fields=["customer"],
            purpose=request.purpose,
            reason=request.reason,
            requester=self.caller,
            state=pb.CHECK_OUT_STATE_ACTIVE,
            needed_roles=(),
            check_out_class="break_glass",
            break_glass=True,
            duration=timedelta(minutes=30),
            start_time=self.now,
            end_time=self.now + timedelta(minutes=30),
            review_by=self.now + timedelta(hours=24),
        )
        return pb.BreakGlassResponse(check_out=made)

    def _answer_review_break_glass(self, request: Any) -> Any:
        with self.lock:
            one = self._seen(request)
            one.verdict = request.verdict
            one.reviewer = self.caller
            self._put(one)
        return pb.ReviewBreakGlassResponse(check_out=one)
