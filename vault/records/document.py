"""An identity document that was presented, as `recordsvault.records.v1.IdentityDocument`."""

from dataclasses import dataclass
from datetime import date

from vault.records.enums import DocumentKind


@dataclass(frozen=True, slots=True, repr=False)
class IdentityDocument:
    """What an identity document states.

    `machine_readable_zone`: the lines of ICAO 9303 TD1, TD2 or TD3, joined by line feeds.
    """

    kind: DocumentKind = DocumentKind.UNSPECIFIED
    number: str = ""
    holder_name: str = ""
    issuer: str = ""
    issuing_country: str = ""
    issue_date: date | None = None
    expiry_date: date | None = None
    long_term: bool = False
    machine_readable_zone: str = ""
    change_reason: str = ""
