"""Identity documents."""

from __future__ import annotations

from typing import cast

from recordsvault.records.v1 import document_pb2 as pb
from vault.records import DocumentKind, IdentityDocument
from vault.rpc.problems import Problems
from vault.rpc.translate.common import from_date, to_date
from vault.rpc.translate.customers import DOCUMENT


def to_domain(m: pb.IdentityDocument, problems: Problems) -> IdentityDocument:
    """The document that a message describes."""
    return IdentityDocument(
        kind=cast(DocumentKind, DOCUMENT.domain(m.kind)),
        number=m.number,
        holder_name=m.holder_name,
        issuer=m.issuer,
        issuing_country=m.issuing_country,
        issue_date=to_date(m.issue_date, "issue_date", problems)
        if m.HasField("issue_date")
        else None,
        expiry_date=to_date(m.expiry_date, "expiry_date", problems)
        if m.HasField("expiry_date")
        else None,
        long_term=m.long_term,
        machine_readable_zone=m.machine_readable_zone,
        change_reason=m.change_reason,
    )


def to_proto(document: IdentityDocument) -> pb.IdentityDocument:
    """The message that describes a document, without what the vault makes."""
    out = pb.IdentityDocument(
        kind=DOCUMENT.proto(document.kind),  # type: ignore[arg-type]  # by the table
        number=document.number,
        holder_name=document.holder_name,
        issuer=document.issuer,
        issuing_country=document.issuing_country,
        long_term=document.long_term,
        machine_readable_zone=document.machine_readable_zone,
        change_reason=document.change_reason,
    )
    if document.issue_date is not None:
        out.issue_date.CopyFrom(from_date(document.issue_date))
    if document.expiry_date is not None:
        out.expiry_date.CopyFrom(from_date(document.expiry_date))
    return out
