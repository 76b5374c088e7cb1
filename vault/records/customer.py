"""A customer's identity file, field for field as `recordsvault.records.v1.Customer`.

Fields that the vault makes itself (name, version, etag, times) are not part of the record.
Absent texts are "", absent messages and dates None, repeated fields tuples. None of the types
shows its contents in its repr: records reach tracebacks and logs by accident.
"""

from dataclasses import dataclass
from datetime import date, datetime

from vault.records.enums import (
    AddressKind,
    CustomerKind,
    DocumentKind,
    ElementSourceKind,
    RiskClass,
    Sensitivity,
    Sex,
)


@dataclass(frozen=True, slots=True, repr=False)
class IdentityElement:
    """The kind, number and validity of an identity document, as elements of a file."""

    kind: DocumentKind = DocumentKind.UNSPECIFIED
    number: str = ""
    issuing_country: str = ""
    issue_date: date | None = None
    expiry_date: date | None = None
    long_term: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class NaturalPerson:
    """A natural person's statutory elements; contact and addresses are in `Customer`."""

    full_name: str = ""
    latin_name: str = ""
    sex: Sex = Sex.UNSPECIFIED
    nationality: str = ""
    birth_date: date | None = None
    occupation: str = ""
    identity: IdentityElement | None = None


@dataclass(frozen=True, slots=True, repr=False)
class RelatedPerson:
    """Another person in a file: legal representative, owner, controller or agent.

    `ownership_basis_points`: share owned, 2,500 = 25%. `customer`: full resource name of the file
    that the same institution keeps of the person or organisation, if it does.
    """

    full_name: str = ""
    identity: IdentityElement | None = None
    ownership_basis_points: int = 0
    phone: str = ""
    customer: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class LegalEntity:
    """A legal entity's statutory elements."""

    full_name: str = ""
    country: str = ""
    business_scope: str = ""
    unified_social_credit_code: str = ""
    lei: str = ""
    registration_number: str = ""
    establishing_document: IdentityElement | None = None
    legal_representative: RelatedPerson | None = None
    controllers: tuple[RelatedPerson, ...] = ()
    beneficial_owners: tuple[RelatedPerson, ...] = ()
    agents: tuple[RelatedPerson, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class SoleTrader:
    """A sole trader: the person's elements and the business licence's."""

    person: NaturalPerson | None = None
    trade_name: str = ""
    business_licence: IdentityElement | None = None
    business_scope: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Address:
    """A postal address; `country` is ISO 3166-1 alpha-2."""

    kind: AddressKind = AddressKind.UNSPECIFIED
    country: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    street: str = ""
    postal_code: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Relationship:
    """The relationship with the institution; `end_date` is set where it has ended.

    `jurisdictions`: ISO 3166-1 alpha-2, the institution's own where empty. `custodian`: the person
    who keeps the file, by his name in the access directory. `review_date`: that of the next review,
    reckoned from the risk class where None.
    """

    start_date: date | None = None
    end_date: date | None = None
    jurisdictions: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    custodian: str = ""
    review_date: date | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ElementSource:
    """Where an element is from, by its path in the record, and who verified it when and how.

    The path of a message or a list stands for all in it. `verify_time` is aware, in UTC; with
    `verified_by` it is set exactly where somebody verified the element.
    """

    path: str = ""
    kind: ElementSourceKind = ElementSourceKind.UNSPECIFIED
    reference: str = ""
    verified_by: str = ""
    verify_time: datetime | None = None
    method: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Customer:
    """A customer's identity file; exactly one of the three parties is set in a valid one.

    `valid_from`: first day on which what this version says was so; None is the day of recording.
    `correction`: what was wrong in the version before; "" where this one follows it.
    """

    customer_number: str = ""
    branch: str = ""
    risk_class: RiskClass = RiskClass.UNSPECIFIED
    natural_person: NaturalPerson | None = None
    legal_entity: LegalEntity | None = None
    sole_trader: SoleTrader | None = None
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    accounts: tuple[str, ...] = ()
    change_reason: str = ""
    sensitivities: tuple[Sensitivity, ...] = ()
    relationship: Relationship | None = None
    sources: tuple[ElementSource, ...] = ()
    valid_from: date | None = None
    correction: str = ""

    @property
    def kind(self) -> CustomerKind:
        """What sort of customer it is; UNSPECIFIED where no party is set."""
        if self.natural_person is not None:
            return CustomerKind.NATURAL_PERSON
        if self.legal_entity is not None:
            return CustomerKind.LEGAL_ENTITY
        if self.sole_trader is not None:
            return CustomerKind.SOLE_TRADER
        return CustomerKind.UNSPECIFIED
