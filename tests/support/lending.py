"""Calls of the lending register that many tests make, of a running vault."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.support.running_vault import OWN, RunningVault

PARENT = f"institutions/{OWN}"
SERVING = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
NAME, PHONES = "customer.natural_person.full_name", "customer.phones"
NUMBER = "customer.natural_person.identity.number"


def span(**of: float) -> Duration:
    """A duration, as `timedelta` takes it."""
    out = Duration()
    out.FromTimedelta(timedelta(**of))
    return out


def wish(subject: str, *fields: str, **more: Any) -> pb.CheckOut:
    """What a teller asks for; other values by name."""
    more.setdefault("duration", span(hours=2))
    more.setdefault("purpose", SERVING)
    more.setdefault("reason", "Calls back about a lost card")
    return pb.CheckOut(subject=subject, fields=fields or (NAME, PHONES), **more)


def ask(
    vault: RunningVault,
    subject: str,
    *fields: str,
    who: str = "clerk",
    parent: str = PARENT,
    request_id: str = "",
    **more: Any,
) -> pb.CheckOut:
    """Ask for a file."""
    request = pb.RequestCheckOutRequest(
        parent=parent, check_out=wish(subject, *fields, **more), request_id=request_id
    )
    return vault.access(who).RequestCheckOut(request).check_out


def approve(
    vault: RunningVault, out: pb.CheckOut, who: str = "custodian", **less: Any
) -> pb.CheckOut:
    """Agree to what was seen, or to less of it."""
    request = pb.ApproveCheckOutRequest(name=out.name, etag=out.etag, **less)
    return vault.access(who).ApproveCheckOut(request).check_out


def deny(vault: RunningVault, out: pb.CheckOut, who: str = "custodian") -> pb.CheckOut:
    """Refuse."""
    request = pb.DenyCheckOutRequest(name=out.name, etag=out.etag)
    return vault.access(who).DenyCheckOut(request).check_out


def give_back(vault: RunningVault, name: str, who: str = "clerk") -> pb.CheckOut:
    """Return."""
    return vault.access(who).ReturnCheckOut(pb.ReturnCheckOutRequest(name=name)).check_out


def revoke(vault: RunningVault, name: str, who: str = "custodian") -> pb.CheckOut:
    """Take back."""
    return vault.access(who).RevokeCheckOut(pb.RevokeCheckOutRequest(name=name)).check_out


def renew(vault: RunningVault, name: str, who: str = "clerk", **more: Any) -> pb.CheckOut:
    """Ask once more."""
    more.setdefault("duration", span(hours=1))
    more.setdefault("reason", "The customer has not called back yet")
    request = pb.RenewCheckOutRequest(name=name, **more)
    return vault.access(who).RenewCheckOut(request).check_out


def look(vault: RunningVault, name: str, who: str = "clerk") -> pb.CheckOut:
    """See how one stands."""
    return vault.access(who).GetCheckOut(pb.GetCheckOutRequest(name=name)).check_out


def listed(vault: RunningVault, who: str = "custodian", **wanted: Any) -> list[pb.CheckOut]:
    """All pages of a list."""
    out: list[pb.CheckOut] = []
    token = ""
    size = wanted.pop("page_size", 50)
    while True:
        page = vault.access(who).ListCheckOuts(
            pb.ListCheckOutsRequest(
                parent=PARENT,
                filter=pb.CheckOutFilter(**wanted),
                page_size=size,
                page_token=token,
            )
        )
        out.extend(page.check_outs)
        token = page.next_page_token
        if not token:
            return out


def break_glass(
    vault: RunningVault, customer: str, who: str = "breaker", purpose: Any = SERVING
) -> pb.CheckOut:
    """Open a file in an emergency."""
    request = pb.BreakGlassRequest(
        parent=PARENT, customer=customer, reason="Threatened at the counter", purpose=purpose
    )
    return vault.access(who).BreakGlass(request).check_out


def review(
    vault: RunningVault,
    out: pb.CheckOut,
    who: str = "officer",
    verdict: Any = pb.REVIEW_VERDICT_JUSTIFIED,
) -> pb.CheckOut:
    """Say whether it was right."""
    request = pb.ReviewBreakGlassRequest(name=out.name, etag=out.etag, verdict=verdict)
    return vault.access(who).ReviewBreakGlass(request).check_out


def until_known(vault: RunningVault, *names: str) -> None:
    """Wait until the servers have read of somebody whom a test has just added."""
    deadline = time.monotonic() + 5
    nobody = pb.GetCheckOutRequest(name=f"{PARENT}/checkOuts/{'0' * 26}")
    for name in names:
        while _code(partial(vault.access(name).GetCheckOut, nobody)) == "UNAUTHENTICATED":
            assert time.monotonic() < deadline, name
            time.sleep(0.05)


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"
