"""The access service: the lending register, for persons."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message

from recordsvault.access.v1 import access_pb2 as pb
from vault.access import Action
from vault.rpc.methods import Method, ServerStream, Unary, table
from vault.rpc.names import target_of_parent
from vault.rpc.paging import make_token
from vault.rpc.servicers.access_commands import (
    Asked,
    Change,
    Emergency,
    Page,
    Renewal,
    prepare_change,
    prepare_emergency,
    prepare_page,
    prepare_renewal,
    prepare_request,
    prepare_watch,
    target_of_check_out,
    target_of_emergency,
    target_of_request,
)
from vault.rpc.translate.check_outs import to_proto
from vault.services.call import Call
from vault.services.lending import Asking, Deciding, Looking, Shown, Wanted, Watching


@dataclass(frozen=True, slots=True)
class LendingUseCases:
    """What the service is built on."""

    asking: Asking
    deciding: Deciding
    looking: Looking
    watching: Watching


def methods(u: LendingUseCases) -> dict[str, Method]:
    """The service's table."""
    return table(
        pb.DESCRIPTOR.services_by_name["Access"],
        {**_asking(u.asking), **_deciding(u.deciding), **_looking(u.looking, u.watching)},
    )


def _asking(asking: Asking) -> dict[str, Method]:
    async def request(call: Call, asked: Asked) -> Message:
        shown = await asking.request(call, asked.ask, asked.request)
        return pb.RequestCheckOutResponse(check_out=to_proto(shown))

    async def renew(call: Call, r: Renewal) -> Message:
        shown = await asking.renew(
            call, r.name.institution, r.name.check_out, r.duration, r.reason, r.request
        )
        return pb.RenewCheckOutResponse(check_out=to_proto(shown))

    async def break_glass(call: Call, e: Emergency) -> Message:
        shown = await asking.break_glass(
            call, e.name.institution, e.name.customer, e.purpose, e.reason
        )
        return pb.BreakGlassResponse(check_out=to_proto(shown))

    return {
        "RequestCheckOut": Unary(
            Action.CHECK_OUTS_REQUEST,
            pb.RequestCheckOutRequest,
            target_of_request,
            prepare_request,
            request,
        ),
        "RenewCheckOut": Unary(
            Action.CHECK_OUTS_RENEW,
            pb.RenewCheckOutRequest,
            lambda r: target_of_check_out(r.name, request_id=r.request_id),
            prepare_renewal,
            renew,
        ),
        "BreakGlass": Unary(
            Action.BREAK_GLASS,
            pb.BreakGlassRequest,
            target_of_emergency,
            prepare_emergency,
            break_glass,
        ),
    }


def _deciding(deciding: Deciding) -> dict[str, Method]:
    async def approve(call: Call, c: Change) -> Message:
        shown = await deciding.approve(
            call, c.name.institution, c.name.check_out, c.etag, c.fields, c.duration
        )
        return pb.ApproveCheckOutResponse(check_out=to_proto(shown))

    async def deny(call: Call, c: Change) -> Message:
        shown = await deciding.deny(call, c.name.institution, c.name.check_out, c.etag)
        return pb.DenyCheckOutResponse(check_out=to_proto(shown))

    async def give_back(call: Call, c: Change) -> Message:
        shown = await deciding.give_back(call, c.name.institution, c.name.check_out)
        return pb.ReturnCheckOutResponse(check_out=to_proto(shown))

    async def revoke(call: Call, c: Change) -> Message:
        shown = await deciding.revoke(call, c.name.institution, c.name.check_out)
        return pb.RevokeCheckOutResponse(check_out=to_proto(shown))

    async def review(call: Call, c: Change) -> Message:
        shown = await deciding.review(call, c.name.institution, c.name.check_out, c.etag, c.verdict)
        return pb.ReviewBreakGlassResponse(check_out=to_proto(shown))

    def change(action: Action, kind: type[Message], handle: Callable[[Call, Change], Any]) -> Unary:
        return Unary(action, kind, lambda r: target_of_check_out(r.name), prepare_change, handle)

    return {
        "ApproveCheckOut": change(Action.CHECK_OUTS_APPROVE, pb.ApproveCheckOutRequest, approve),
        "DenyCheckOut": change(Action.CHECK_OUTS_DENY, pb.DenyCheckOutRequest, deny),
        "ReturnCheckOut": change(Action.CHECK_OUTS_RETURN, pb.ReturnCheckOutRequest, give_back),
        "RevokeCheckOut": change(Action.CHECK_OUTS_REVOKE, pb.RevokeCheckOutRequest, revoke),
        "ReviewBreakGlass": change(Action.BREAK_GLASS_REVIEW, pb.ReviewBreakGlassRequest, review),
    }


def _looking(looking: Looking, watching: Watching) -> dict[str, Method]:
    async def get(call: Call, c: Change) -> Message:
        shown = await looking.get(call, c.name.institution, c.name.check_out)
        return pb.GetCheckOutResponse(check_out=to_proto(shown))

    async def list_(call: Call, p: Page) -> Message:
        page = await looking.page(call, p.wanted, p.before, p.limit)
        return pb.ListCheckOutsResponse(
            check_outs=map(to_proto, page.shown),
            next_page_token=make_token(p.request, page.before) if page.before else "",
        )

    async def watch(call: Call, wanted: Wanted) -> AsyncIterator[Message]:
        async for shown in watching.watch(call, wanted):
            yield _watched(shown)

    return {
        "GetCheckOut": Unary(
            Action.CHECK_OUTS_GET,
            pb.GetCheckOutRequest,
            lambda r: target_of_check_out(r.name),
            prepare_change,
            get,
        ),
        "ListCheckOuts": Unary(
            Action.CHECK_OUTS_LIST,
            pb.ListCheckOutsRequest,
            lambda r: target_of_parent(r.parent),
            prepare_page,
            list_,
        ),
        "WatchCheckOuts": ServerStream(
            Action.CHECK_OUTS_WATCH,
            pb.WatchCheckOutsRequest,
            lambda r: target_of_parent(r.parent),
            prepare_watch,
            watch,
        ),
    }


def _watched(shown: Shown) -> Message:
    return pb.WatchCheckOutsResponse(check_out=to_proto(shown))
