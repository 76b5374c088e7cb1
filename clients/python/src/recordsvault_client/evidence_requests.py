"""What both clients ask of evidence: requests out of arguments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from google.type.money_pb2 import Money

from recordsvault.accounts.v1 import accounts_pb2 as ap
from recordsvault.bundles.v1 import bundles_pb2 as bp
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.requests import timestamp


class Wanted(TypedDict, total=False):
    """What transactions are searched by; all that is given holds at once. Texts are found anywhere
    and whatever their case, amounts in their own currency alone, `booked_to` is exclusive."""

    least_amount: Money
    greatest_amount: Money
    counterparty: str
    reference: str
    account_number: str
    booked_from: datetime
    booked_to: datetime


@dataclass(frozen=True, slots=True)
class Recipient:
    """To whom a bundle is sealed: an X25519 public key (32 bytes), and for a hybrid one with it an
    ML-KEM-768 public key (1,184 bytes)."""

    x25519: bytes
    ml_kem_768: bytes = b""


def reconstruction(
    name: str,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    recipient: Recipient,
    chinese: bool,
) -> bp.ReconstructTransactionRequest:
    """The request for a bundle."""
    return bp.ReconstructTransactionRequest(
        name=name,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        recipient=bp.Recipient(x25519=recipient.x25519, ml_kem_768=recipient.ml_kem_768),
        language=bp.LANGUAGE_ZH_CN if chinese else bp.LANGUAGE_EN,
    )


def search(
    customer: str,
    wanted: Wanted,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    page_size: int,
    page_token: str,
) -> ap.SearchTransactionsRequest:
    """The request for a page of what is found."""
    return ap.SearchTransactionsRequest(
        parent=customer,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        page_size=page_size,
        page_token=page_token,
        least_amount=wanted.get("least_amount"),
        greatest_amount=wanted.get("greatest_amount"),
        counterparty=wanted.get("counterparty", ""),
        reference=wanted.get("reference", ""),
        account_number=wanted.get("account_number", ""),
        booked_from=timestamp(wanted.get("booked_from")),
        booked_to=timestamp(wanted.get("booked_to")),
    )


def account_check(
    customer: str,
    account_number: str,
    purpose: str | int,
    case_reference: str,
    check_out: str,
    booked_from: datetime | None,
    booked_to: datetime | None,
) -> ap.CheckAccountRequest:
    """The request to add up an account."""
    return ap.CheckAccountRequest(
        parent=customer,
        account_number=account_number,
        purpose=purpose_of(purpose),
        case_reference=case_reference,
        check_out=check_out,
        booked_from=timestamp(booked_from),
        booked_to=timestamp(booked_to),
    )
