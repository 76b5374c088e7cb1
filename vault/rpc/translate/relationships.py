"""A customer's relationship with the institution, and where the elements of his file are from."""

from __future__ import annotations

from typing import cast

from recordsvault.records.v1 import customer_pb2 as pb
from recordsvault.type.v1 import party_pb2
from vault.records import ElementSource, ElementSourceKind, Relationship
from vault.rpc.problems import Problems
from vault.rpc.translate.common import EnumTable, from_date, from_datetime, to_date, to_datetime

SOURCE = EnumTable(
    party_pb2.DESCRIPTOR.enum_types_by_name["ElementSourceKind"],
    ElementSourceKind,
    "ELEMENT_SOURCE_KIND_",
)


def relationship(message: pb.Customer, problems: Problems) -> Relationship | None:
    """The relationship that a customer's message describes."""
    if not message.HasField("relationship"):
        return None
    m = message.relationship
    with problems.under("relationship"):
        start, end, review = (
            to_date(getattr(m, field), field, problems) if m.HasField(field) else None
            for field in ("start_date", "end_date", "review_date")
        )
    return Relationship(
        start_date=start,
        end_date=end,
        jurisdictions=tuple(m.jurisdictions),
        segments=tuple(m.segments),
        custodian=m.custodian,
        review_date=review,
    )


def sources(message: pb.Customer, problems: Problems) -> tuple[ElementSource, ...]:
    """The sources that a customer's message names."""
    out = []
    for i, m in enumerate(message.sources):
        with problems.under(f"sources[{i}]"):
            out.append(
                ElementSource(
                    path=m.path,
                    kind=cast(ElementSourceKind, SOURCE.domain(m.kind)),
                    reference=m.reference,
                    verified_by=m.verified_by,
                    verify_time=to_datetime(m.verify_time, "verify_time", problems)
                    if m.HasField("verify_time")
                    else None,
                    method=m.method,
                )
            )
    return tuple(out)


def fill_relationship(out: pb.Relationship, relationship: Relationship) -> None:
    """Write a relationship into a message."""
    if relationship.start_date is not None:
        out.start_date.CopyFrom(from_date(relationship.start_date))
    if relationship.end_date is not None:
        out.end_date.CopyFrom(from_date(relationship.end_date))
    out.jurisdictions.extend(relationship.jurisdictions)
    out.segments.extend(relationship.segments)
    out.custodian = relationship.custodian
    if relationship.review_date is not None:
        out.review_date.CopyFrom(from_date(relationship.review_date))


def fill_source(out: pb.ElementSource, source: ElementSource) -> None:
    """Write a source into a message."""
    out.path = source.path
    out.kind = SOURCE.proto(source.kind)  # type: ignore[assignment]  # by the table
    out.reference = source.reference
    out.verified_by = source.verified_by
    if source.verify_time is not None:
        out.verify_time.CopyFrom(from_datetime(source.verify_time))
    out.method = source.method
