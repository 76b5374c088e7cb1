"""The lending register (借阅登记), for who asks, who decides and who looks it over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from os import PathLike

import grpc

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.access.v1 import access_pb2_grpc as stubs
from recordsvault_masked import lending
from recordsvault_masked.calls import DEFAULT_TIMEOUT, Caller
from recordsvault_masked.channel import open_channel
from recordsvault_masked.closing import Closing
from recordsvault_masked.paging import Page, Pager
from recordsvault_masked.person import Token, carrying
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.requests import new_request_id
from recordsvault_masked.resumed import Resumed
from recordsvault_masked.retry import RetryPolicy


class CheckOutWatch(Resumed[pb.WatchCheckOutsRequest, pb.WatchCheckOutsResponse, pb.CheckOut]):
    """Check-outs as they are, and again as they change; taken up again after a lost connection.

    Each state of each check-out is handed out once. Iterate over it in one thread; `close()` ends
    it, from any thread.
    """

    def __init__(
        self,
        method: grpc.UnaryStreamMultiCallable[pb.WatchCheckOutsRequest, pb.WatchCheckOutsResponse],
        request: pb.WatchCheckOutsRequest,
        recovery: Recovery,
    ) -> None:
        """Made by `LendingRegister.watch`."""
        # A watch has no end of its own.
        super().__init__(method, lambda: request, lending.Seen().take, lambda: False, recovery)


class LendingRegister:
    """The methods of Access over a channel that somebody else opens and closes.

    Every method takes `timeout` in seconds, over all attempts, and raises VaultError. All of it is
    asked by a person: with his own certificate, or with a token beside a front end's.

    Asking and renewing take a `request_id` (a UUID; a fresh one if left out): the same sent again
    with it is not done twice. Deciding takes the `etag` of what the person has seen; Aborted is
    raised when it has changed since. Decisions are sent once and never tried again by themselves:
    after Unavailable, `get` shows whether it was done.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution if a method names none."""
        self._stub = stubs.AccessStub(channel)
        self._parent = parent
        self._call = call

    def request_check_out(
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
        return self._call(self._stub.RequestCheckOut, request, timeout).check_out

    def approve(
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
        return self._call.once(self._stub.ApproveCheckOut, request, timeout).check_out

    def deny(self, name: str, *, etag: str, timeout: float | None = None) -> pb.CheckOut:
        """Refuse."""
        request = pb.DenyCheckOutRequest(name=name, etag=etag)
        return self._call.once(self._stub.DenyCheckOut, request, timeout).check_out

    def return_(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """Give back what one has borrowed, or withdraw what one has asked for."""
        request = pb.ReturnCheckOutRequest(name=name)
        return self._call.once(self._stub.ReturnCheckOut, request, timeout).check_out

    def revoke(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """Take back what is lent."""
        request = pb.RevokeCheckOutRequest(name=name)
        return self._call.once(self._stub.RevokeCheckOut, request, timeout).check_out

    def renew(
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
        return self._call(self._stub.RenewCheckOut, request, timeout).check_out

    def get(self, name: str, *, timeout: float | None = None) -> pb.CheckOut:
        """One check-out as it stands: the caller's own, or one that he may decide on."""
        request = pb.GetCheckOutRequest(name=name)
        return self._call(self._stub.GetCheckOut, request, timeout).check_out

    def list(
        self,
        *,
        filter: pb.CheckOutFilter | None = None,  # noqa: A002 - the name in the contract
        parent: str = "",
        page_size: int = 0,
        page_token: str = "",
        timeout: float | None = None,
    ) -> Pager[pb.CheckOut]:
        """Those that the caller may see, newest first; `check_out_filter` makes a filter."""

        def fetch(token: str) -> Page[pb.CheckOut]:
            request = pb.ListCheckOutsRequest(
                parent=parent or self._parent,
                filter=filter,
                page_size=page_size,
                page_token=token,
            )
            answer = self._call(self._stub.ListCheckOuts, request, timeout)
            return Page(answer.check_outs, answer.next_page_token)

        return Pager(fetch, page_token)

    def watch(
        self,
        *,
        filter: pb.CheckOutFilter | None = None,  # noqa: A002 - the name in the contract
        parent: str = "",
        patience: float | None = 60.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> CheckOutWatch:
        """What `list` shows as it is now, and each again when it changes, without an end.

        It takes itself up after a lost connection, for `patience` seconds (None: for ever);
        `on_interrupt` is told.
        """
        request = pb.WatchCheckOutsRequest(parent=parent or self._parent, filter=filter)
        recovery = Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry)
        return CheckOutWatch(self._stub.WatchCheckOuts, request, recovery)

    def break_glass(
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
        return self._call.once(self._stub.BreakGlass, request, timeout).check_out

    def review(
        self, name: str, *, etag: str, verdict: str | int, timeout: float | None = None
    ) -> pb.CheckOut:
        """Say of a broken glass that it was JUSTIFIED, or UNJUSTIFIED: that ends it at once."""
        request = pb.ReviewBreakGlassRequest(
            name=name, etag=etag, verdict=lending.verdict_of(verdict)
        )
        return self._call.once(self._stub.ReviewBreakGlass, request, timeout).check_out


class AccessClient(LendingRegister, Closing):
    """A client of the lending register that owns its channel; may be shared by threads.

        with AccessClient(Profile.load("crm.toml")) as access:
            asked = access.acting_for(token).request_check_out(
                customer.name, fields=["customer.phones"], purpose="CUSTOMER_SERVICE",
                reason="Calls back about a card", duration=timedelta(minutes=30))

    The register is kept by the full tier.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        receipts: str | PathLike[str] | ReceiptFile | None = None,
    ) -> None:
        """Open a channel to the profile's full endpoint. Raises ProfileError.

        `receipts` is a file that the vault's receipts are appended to; see `ReceiptFile`. One that
        is given open stays open.
        """
        self._receipts = KeptReceipts(receipts)
        self._channel = open_channel(profile, Tier.FULL, self._receipts.file)
        super().__init__(self._channel, profile.parent, Caller(timeout, retry))

    def acting_for(self, token: Token) -> LendingRegister:
        """The same, for the person of a bearer token. Raises TokenError."""
        return LendingRegister(carrying(self._channel, token), self._parent, self._call)

    def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        self._channel.close()
        self._receipts.close()
