"""Masked views, outward only: nothing masked ever comes in."""

from __future__ import annotations

from recordsvault.masked.v1 import views_pb2 as pb
from recordsvault.type.v1 import masked_string_pb2, party_pb2
from vault.records import (
    CustomerKind,
    MaskedCustomer,
    MaskedDocument,
    MaskedTransaction,
    MaskedValue,
    MaskState,
)
from vault.rpc.translate.common import EnumTable, from_date, from_datetime, from_micros
from vault.rpc.translate.customers import DOCUMENT
from vault.rpc.translate.transactions import CHANNEL, DIRECTION, INSTRUMENT, STATUS

_STATE = EnumTable(
    masked_string_pb2.DESCRIPTOR.enum_types_by_name["MaskState"], MaskState, "MASK_STATE_"
)
_KIND = EnumTable(
    party_pb2.DESCRIPTOR.enum_types_by_name["CustomerKind"], CustomerKind, "CUSTOMER_KIND_"
)


def _value(v: MaskedValue) -> masked_string_pb2.MaskedString:
    return masked_string_pb2.MaskedString(
        state=_STATE.proto(v.state),  # type: ignore[arg-type]  # by the table
        value=v.value,
    )


def _values(values: tuple[MaskedValue, ...]) -> list[masked_string_pb2.MaskedString]:
    return [_value(v) for v in values]


def customer(name: str, view: MaskedCustomer, version: int, recorded_at: int) -> pb.MaskedCustomer:
    """A masked customer; ``recorded_at`` in microseconds since the epoch."""
    return pb.MaskedCustomer(
        name=name,
        kind=_KIND.proto(view.kind),  # type: ignore[arg-type]  # by the table
        branch=view.branch,
        full_name=_value(view.full_name),
        other_name=_value(view.other_name),
        sex=_value(view.sex),
        country=_value(view.country),
        age_band=_value(view.age_band),
        occupation=_value(view.occupation),
        identity_kind=DOCUMENT.proto(view.identity_kind),  # type: ignore[arg-type]  # by the table
        identity_number=_value(view.identity_number),
        identity_expiry=from_date(view.identity_expiry) if view.identity_expiry else None,
        phones=_values(view.phones),
        emails=_values(view.emails),
        addresses=_values(view.addresses),
        accounts=_values(view.accounts),
        customer_number=_value(view.customer_number),
        version=version,
        update_time=from_micros(recorded_at),
    )


def document(name: str, view: MaskedDocument, version: int, recorded_at: int) -> pb.MaskedDocument:
    """A masked document; ``recorded_at`` in microseconds since the epoch."""
    return pb.MaskedDocument(
        name=name,
        kind=DOCUMENT.proto(view.kind),  # type: ignore[arg-type]  # by the table
        number=_value(view.number),
        holder_name=_value(view.holder_name),
        issuer=_value(view.issuer),
        issuing_country=view.issuing_country,
        expiry_date=from_date(view.expiry_date) if view.expiry_date else None,
        long_term=view.long_term,
        machine_readable_zone=_value(view.machine_readable_zone),
        version=version,
        update_time=from_micros(recorded_at),
    )


def transaction(name: str, view: MaskedTransaction) -> pb.MaskedTransaction:
    """A masked transaction."""
    return pb.MaskedTransaction(
        name=name,
        booking_time=from_datetime(view.booking_time),
        time_zone=view.time_zone,
        value_date=from_date(view.value_date) if view.value_date else None,
        amount=_value(view.amount),
        direction=DIRECTION.proto(view.direction),  # type: ignore[arg-type]  # by the table
        account=_value(view.account),
        counterparty_name=_value(view.counterparty_name),
        counterparty_account=_value(view.counterparty_account),
        counterparty_institution=_value(view.counterparty_institution),
        instrument=INSTRUMENT.proto(view.instrument),  # type: ignore[arg-type]  # by the table
        channel=CHANNEL.proto(view.channel),  # type: ignore[arg-type]  # by the table
        remittance_text=_value(view.remittance_text),
        institution_reference=_value(view.institution_reference),
        status=STATUS.proto(view.status),  # type: ignore[arg-type]  # by the table
        device=_value(view.device),
        corrects=view.corrects,
        reverses=view.reverses,
    )
