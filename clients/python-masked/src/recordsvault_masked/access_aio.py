"""The lending register (借阅登记): the methods of `access`, awaited."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from os import PathLike

from grpc import aio

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.access.v1 import access_pb2_grpc as stubs
from recordsvault_masked import lending
from recordsvault_masked.calls import DEFAULT_TIMEOUT, AsyncCaller
from recordsvault_masked.channel import open_async_channel
from recordsvault_masked.closing import AsyncClosing
from recordsvault_masked.paging import AsyncPager, Page
from recordsvault_masked.person import Token, carrying
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.requests import new_request_id
from recordsvault_masked.resumed_aio import AsyncResumed
from recordsvault_masked.retry import RetryPolicy


class AsyncCheckOutWatch(
    AsyncResumed[pb.WatchCheckOutsRequest, pb.WatchCheckOutsResponse, pb.CheckOut]
):
    """As CheckOutWatch, for `async for`, once.

    It ends with its task, or with `break` and `aclose()` of the iterator.
    """

    def __init__(
        self,
        method: aio.UnaryStreamMultiCallable[pb.WatchCheckOutsRequest, pb.WatchCheckOutsResponse],
        request: pb.WatchCheckOutsRequest,
        recovery: Recovery,
    ) -> None:
        """Made by `AsyncLendingRegister.watch`."""
        # A watch has no end of its own.
        super().__init__(method, lambda: request, lending.Seen().take, lambda: False, recovery)


class AsyncLendingRegister:
    """The methods of Access over a channel that somebody else opens and closes.

    As LendingRegister: `timeout` is in seconds, over all attempts; VaultError is raised.
    """

    def __init__(self, channel: aio.Channel, parent: str, call: AsyncCaller) -> None:
        """`parent` is the institution if a method names none."""
        self._stub = stubs.AccessStub(channel)
        self._parent = parent
        self._call = call

    async def request_check_out(
        self,
        subject: str,
        *,
        fields: Sequence[str],
        purpose: str | int,
        reason: str,
        duration: timedelta,
        case_reference: str = "",
        one_time: bool = False,
        parent: str = "",
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.CheckOut:
        """Ask for a customer's file, one record of it, or all customers of an institution, by name.

        `fields` are paths behind the kind of record: `customer.natural_person.full_name`. The
        `duration` counts from the approval. The answer is active where nobody need agree.
        """
        request = lending.request_check_out(
            parent or self._parent,
            subject,
            fields=fields,
            purpose=purpose,
            reason=reason,
            duration=duration,
            case_reference=case_reference,
            one_time=one_time,
            request_id=request_id,
        )
        return (await self._call(self._stub.RequestCheckOut, request, timeout)).check_out

    async def approve(
        self,
        name: str,
        *,
        etag: str,
        fields: Sequence[str] = (),
        duration: timedelta | None = None,
        timeout: float | None = None,
    ) -> pb.CheckOut:
        """Agree to all that was asked, or to fewer `fields` and a shorter `duration`."""
        request = lending.approve(name, etag, fields, duration)
        return (await self._call.once(self._stub.ApproveCheckOut, request, timeout)).check_out

    async def deny(self, name: str, *, etag: str, timeout: float | None = None) -> pb.CheckOut:
        """Refuse."""
        request = pb.DenyCheckOutRequest(name=name, etag=etag)
        return (await self._call.once(self._stub.DenyCheckOut, request, timeout)).check_out

    async def return_(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """Give back what one has borrowed, or withdraw what one has asked for."""
        request = pb.ReturnCheckOutRequest(name=name)
        return (await self._call.once(self._stub.ReturnCheckOut, request, timeout)).check_out

    async def revoke(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """Take back what is lent."""
        request = pb.RevokeCheckOutRequest(name=name)
        return (await self._call.once(self._stub.RevokeCheckOut, request, timeout)).check_out

    async def renew(
        self,
        name: str,
        *,
        duration: timedelta,
        reason: str,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.CheckOut:
        """Ask for the same again. The answer is a new check-out, which has to be agreed to anew."""
        request = pb.RenewCheckOutRequest(
            name=name,
            duration=lending.span(duration),
            reason=reason,
            request_id=new_request_id(request_id),
        )
        return (await self._call(self._stub.RenewCheckOut, request, timeout)).check_out

    async def get(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """One check-out as it stands: the caller's own, or one that he may decide on."""
        request = pb.GetCheckOutRequest(name=name)
        return (await self._call(self._stub.GetCheckOut, request, timeout)).check_out

    def list(
        self,
        *,
        filter: pb.CheckOutFilter | None = None,  # noqa: A002 - the name in the contract
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> AsyncPager[pb.CheckOut]:
        """Those that the caller may see, newest first; `check_out_filter` makes a filter."""

        async def fetch(token: str) -> Page[pb.CheckOut]:
            request = pb.ListCheckOutsRequest(
                parent=parent or self._parent,
                filter=filter,
                page_size=page_size,
                page_token=token,
            )
            answer = await self._call(self._stub.ListCheckOuts, request, timeout)
            return Page(answer.check_outs, answer.next_page_token)

        return AsyncPager(fetch, page_token)

    def watch(
        self,
        *,
        filter: pb.CheckOutFilter | None = None,  # noqa: A002 - the name in the contract
        parent: str = "",
        patience: float | None = 60.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> AsyncCheckOutWatch:
        """What `list` shows as it is now, and each again when it changes, without an end.

        It takes itself up after a lost connection, for `patience` seconds (None: for ever);
        `on_interrupt` is told.
        """
        request = pb.WatchCheckOutsRequest(parent=parent or self._parent, filter=filter)
        recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
        return AsyncCheckOutWatch(self._stub.WatchCheckOuts, request, recovery)

    async def break_glass(
        self,
        customer: str,
        *,
        purpose: str | int,
        reason: str,
        parent: str = "",
        timeout: float | None = None,
    ) -> pb.CheckOut:
        """Open a customer's file at once, for a person who holds that right.

        An alert is in the log before the answer, and another person must review it in time.
        """
        request = pb.BreakGlassRequest(
            parent=parent or self._parent,
            customer=customer,
            reason=reason,
            purpose=purpose_of(purpose),
        )
        return (await self._call.once(self._stub.BreakGlass, request, timeout)).check_out

    async def review(
        self, name: str, *, etag: str, verdict: str | int, timeout: float | None = None
    ) -> pb.CheckOut:
        """Say of a broken glass that it was JUSTIFIED, or UNJUSTIFIED: that ends it at once."""
        request = pb.ReviewBreakGlassRequest(
            name=name, etag=etag, verdict=lending.verdict_of(verdict)
        )
        return (await self._call.once(self._stub.ReviewBreakGlass, request, timeout)).check_out


class AsyncAccessClient(AsyncLendingRegister, AsyncClosing):
    """A client of the lending register that owns its channel, for one event loop.

    async with AsyncAccessClient(Profile.load("custodian.toml")) as access:
        async for asked in access.watch(filter=check_out_filter(mine_to_decide=True)):
            ...
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        receipts: str | PathLike[str] | ReceiptFile | None = None,
    ) -> None:
        """Open a channel to the profile's full endpoint, inside a running event loop.

        `receipts` is a file that the vault's receipts are appended to; see `ReceiptFile`. One that
        is given open stays open. Raises ProfileError.
        """
        self._receipts = KeptReceipts(receipts)
        self._channel = open_async_channel(profile, Tier.FULL, self._receipts.keeper)
        super().__init__(self._channel, profile.parent, AsyncCaller(timeout, retry))

    def acting_for(self, token: Token) -> AsyncLendingRegister:
        """The same, for the person of a bearer token. Raises TokenError."""
        return AsyncLendingRegister(carrying(self._channel, token), self._parent, self._call)

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close()
        await self._receipts.aclose()
