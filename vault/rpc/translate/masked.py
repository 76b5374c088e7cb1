"""Masked views, outward only: nothing masked ever comes in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from recordsvault.masked.v1 import views_pb2 as pb
from recordsvault.type.v1 import content_pb2, masked_string_pb2, party_pb2
from vault.records import (
    ContentType,
    CustomerKind,
    MaskedCustomer,
    MaskedDocument,
    MaskedTransaction,
    MaskedValue,
    MaskState,
)
from vault.renditions import Withheld
from vault.rpc.translate.common import EnumTable, from_date, from_datetime, from_micros
from vault.rpc.translate.customers import DOCUMENT
from vault.rpc.translate.transactions import CHANNEL, DIRECTION, INSTRUMENT, STATUS
from vault.services.viewing import ShownPicture

_STATE = EnumTable(
    masked_string_pb2.DESCRIPTOR.enum_types_by_name["MaskState"], MaskState, "MASK_STATE_"
)
_WITHHELD = EnumTable(
    pb.DESCRIPTOR.enum_types_by_name["PictureWithheld"], Withheld, "PICTURE_WITHHELD_"
)
_FORMAT = EnumTable(
    content_pb2.DESCRIPTOR.enum_types_by_name["ContentType"], ContentType, "CONTENT_TYPE_"
)
_KIND = EnumTable(
    party_pb2.DESCRIPTOR.enum_types_by_name["CustomerKind"], CustomerKind, "CUSTOMER_KIND_"
)


def _put(into: masked_string_pb2.MaskedString, v: MaskedValue) -> None:
    """Filled in where it stands: that takes half the time of making it and copying it there."""
    into.state = _STATE.proto(v.state)  # type: ignore[assignment]  # by the table
    into.value = v.value


def _add(
    new: Callable[[], masked_string_pb2.MaskedString], values: tuple[MaskedValue, ...]
) -> None:
    for v in values:
        _put(new(), v)


def customer(name: str, view: MaskedCustomer, version: int, recorded_at: int) -> pb.MaskedCustomer:
    """A masked customer; ``recorded_at`` in microseconds since the epoch."""
    out = pb.MaskedCustomer(
        name=name,
        kind=_KIND.proto(view.kind),  # type: ignore[arg-type]  # by the table
        branch=view.branch,
        identity_kind=DOCUMENT.proto(view.identity_kind),  # type: ignore[arg-type]  # by the table
        identity_expiry=from_date(view.identity_expiry) if view.identity_expiry else None,
        version=version,
        update_time=from_micros(recorded_at),
    )
    _put(out.full_name, view.full_name)
    _put(out.other_name, view.other_name)
    _put(out.sex, view.sex)
    _put(out.country, view.country)
    _put(out.age_band, view.age_band)
    _put(out.occupation, view.occupation)
    _put(out.identity_number, view.identity_number)
    _add(out.phones.add, view.phones)
    _add(out.emails.add, view.emails)
    _add(out.addresses.add, view.addresses)
    _add(out.accounts.add, view.accounts)
    _put(out.customer_number, view.customer_number)
    return out


def document(name: str, view: MaskedDocument, version: int, recorded_at: int) -> pb.MaskedDocument:
    """A masked document; ``recorded_at`` in microseconds since the epoch."""
    out = pb.MaskedDocument(
        name=name,
        kind=DOCUMENT.proto(view.kind),  # type: ignore[arg-type]  # by the table
        issuing_country=view.issuing_country,
        expiry_date=from_date(view.expiry_date) if view.expiry_date else None,
        long_term=view.long_term,
        version=version,
        update_time=from_micros(recorded_at),
    )
    _put(out.number, view.number)
    _put(out.holder_name, view.holder_name)
    _put(out.issuer, view.issuer)
    _put(out.machine_readable_zone, view.machine_readable_zone)
    return out


def transaction(
    name: str, view: MaskedTransaction, corrected_by: Sequence[str], reversed_by: Sequence[str]
) -> pb.MaskedTransaction:
    """A masked transaction, with the names of those that point to it."""
    out = pb.MaskedTransaction(
        name=name,
        booking_time=from_datetime(view.booking_time),
        time_zone=view.time_zone,
        value_date=from_date(view.value_date) if view.value_date else None,
        direction=DIRECTION.proto(view.direction),  # type: ignore[arg-type]  # by the table
        instrument=INSTRUMENT.proto(view.instrument),  # type: ignore[arg-type]  # by the table
        channel=CHANNEL.proto(view.channel),  # type: ignore[arg-type]  # by the table
        status=STATUS.proto(view.status),  # type: ignore[arg-type]  # by the table
        corrects=view.corrects,
        reverses=view.reverses,
        corrected_by=corrected_by,
        reversed_by=reversed_by,
    )
    _put(out.amount, view.amount)
    _put(out.account, view.account)
    _put(out.counterparty_name, view.counterparty_name)
    _put(out.counterparty_account, view.counterparty_account)
    _put(out.counterparty_institution, view.counterparty_institution)
    _put(out.remittance_text, view.remittance_text)
    _put(out.institution_reference, view.institution_reference)
    _put(out.device, view.device)
    return out


def picture(shown: ShownPicture) -> pb.MaskedPicture:
    """A page of a scan or file."""
    return pb.MaskedPicture(
        content=shown.content,
        content_version=shown.version,
        content_type=_FORMAT.proto(shown.content_type),  # type: ignore[arg-type]  # by the table
        content_size=shown.size,
        page_count=shown.page_count,
        number=shown.number,
        total=shown.total,
        png=shown.png,
        layout=shown.layout,
        withheld=_WITHHELD.proto(shown.withheld) if shown.withheld else 0,  # type: ignore[arg-type]  # by the table
    )
