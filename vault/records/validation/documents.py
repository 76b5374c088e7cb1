"""Validation of an identity document."""

from datetime import UTC, date, datetime

from vault.records.document import IdentityDocument
from vault.records.enums import DocumentKind
from vault.records.identifiers import country, mrz
from vault.records.reasons import Reason
from vault.records.validation.fields import (
    check_country,
    check_document_number,
    check_identifier,
    check_text,
    check_validity,
    require,
)
from vault.records.validation.text import Masks
from vault.records.validation.violation import Findings, Violation


def validate_document(
    document: IdentityDocument, today: date | None = None
) -> tuple[Violation, ...]:
    """Return everything that is wrong with a document, none of it holding a value.

    `today` (UTC's, if left out) is the day after which an issue lies in the future.
    """
    found = Findings()
    require(found, "", "kind", document.kind)
    require(found, "", "number", document.number)
    require(found, "", "issuing_country", document.issuing_country)
    check_document_number(found, "", document.kind, document.number, document.issuing_country)
    check_country(found, "", "issuing_country", document.issuing_country)
    check_text(found, "", "holder_name", document.holder_name, 200, Masks.PARTY)
    check_text(found, "", "issuer", document.issuer, 200, Masks.PARTY)
    check_text(found, "", "change_reason", document.change_reason, 500, Masks.FREE)
    check_validity(
        found,
        "",
        issued=document.issue_date,
        expires=document.expiry_date,
        long_term=document.long_term,
        today=today or datetime.now(UTC).date(),
    )
    if document.machine_readable_zone:
        _zone(found, document)
    return found.violations()


def _zone(found: Findings, document: IdentityDocument) -> None:
    name = "machine_readable_zone"
    text = document.machine_readable_zone
    zone = mrz.parse(text)
    if isinstance(zone, Reason):
        check_identifier(found, "", name, text, zone)
    elif zone.problem is not None:
        found.add(name, zone.problem)
    elif not _zone_agrees(document, zone):
        found.add(name, Reason.CONTRADICTION)


def _zone_agrees(document: IdentityDocument, zone: mrz.Zone) -> bool:
    issuer = country.from_icao(zone.issuer)
    if issuer and document.issuing_country and issuer != document.issuing_country:
        return False
    expires = document.expiry_date
    if expires is not None and zone.expiry != f"{expires:%y%m%d}":
        return False
    if document.kind is not DocumentKind.PASSPORT:
        # Cards may bear the number of the card in the zone and that of the person on the front.
        return True
    return zone.code.startswith("P") and zone.number == document.number
