"""Customers."""

from __future__ import annotations

from typing import cast

from recordsvault.records.v1 import customer_pb2 as pb
from recordsvault.type.v1 import party_pb2
from vault.records import (
    Address,
    AddressKind,
    Customer,
    DocumentKind,
    IdentityElement,
    LegalEntity,
    NaturalPerson,
    RelatedPerson,
    RiskClass,
    Sensitivity,
    Sex,
    SoleTrader,
)
from vault.rpc.problems import Problems
from vault.rpc.translate import relationships
from vault.rpc.translate.common import EnumTable, from_date, to_date

_ENUMS = party_pb2.DESCRIPTOR.enum_types_by_name
RISK = EnumTable(_ENUMS["RiskClass"], RiskClass, "RISK_CLASS_")
SENSITIVITY = EnumTable(_ENUMS["Sensitivity"], Sensitivity, "SENSITIVITY_")
SEX = EnumTable(_ENUMS["Sex"], Sex, "SEX_")
ADDRESS = EnumTable(_ENUMS["AddressKind"], AddressKind, "ADDRESS_KIND_")
DOCUMENT = EnumTable(_ENUMS["DocumentKind"], DocumentKind, "DOCUMENT_KIND_")


def to_domain(message: pb.Customer, problems: Problems) -> Customer:
    """The customer that a message describes."""
    party = message.WhichOneof("party")
    person = entity = trader = None
    if party == "natural_person":
        with problems.under(party):
            person = _person(message.natural_person, problems)
    elif party == "legal_entity":
        with problems.under(party):
            entity = _entity(message.legal_entity, problems)
    elif party == "sole_trader":
        with problems.under(party):
            trader = _trader(message.sole_trader, problems)
    return Customer(
        customer_number=message.customer_number,
        branch=message.branch,
        risk_class=cast(RiskClass, RISK.domain(message.risk_class)),
        natural_person=person,
        legal_entity=entity,
        sole_trader=trader,
        phones=tuple(message.phones),
        emails=tuple(message.emails),
        addresses=tuple([_address(a) for a in message.addresses]),
        accounts=tuple(message.accounts),
        change_reason=message.change_reason,
        sensitivities=tuple(
            [cast(Sensitivity, SENSITIVITY.domain(s)) for s in message.sensitivities]
        ),
        relationship=relationships.relationship(message, problems),
        sources=relationships.sources(message, problems),
        valid_from=to_date(message.valid_from, "valid_from", problems)
        if message.HasField("valid_from")
        else None,
        correction=message.correction,
    )


def _person(m: pb.NaturalPerson, problems: Problems) -> NaturalPerson:
    return NaturalPerson(
        full_name=m.full_name,
        latin_name=m.latin_name,
        sex=cast(Sex, SEX.domain(m.sex)),
        nationality=m.nationality,
        birth_date=to_date(m.birth_date, "birth_date", problems)
        if m.HasField("birth_date")
        else None,
        occupation=m.occupation,
        identity=_identity(m, "identity", problems),
    )


def _identity(
    owner: pb.NaturalPerson | pb.RelatedPerson | pb.LegalEntity | pb.SoleTrader,
    field: str,
    problems: Problems,
) -> IdentityElement | None:
    if not owner.HasField(field):  # type: ignore[arg-type]  # one of each message's own fields
        return None
    m: pb.IdentityElement = getattr(owner, field)
    with problems.under(field):
        return IdentityElement(
            kind=cast(DocumentKind, DOCUMENT.domain(m.kind)),
            number=m.number,
            issuing_country=m.issuing_country,
            issue_date=to_date(m.issue_date, "issue_date", problems)
            if m.HasField("issue_date")
            else None,
            expiry_date=to_date(m.expiry_date, "expiry_date", problems)
            if m.HasField("expiry_date")
            else None,
            long_term=m.long_term,
        )


def related_person(m: pb.RelatedPerson, problems: Problems) -> RelatedPerson:
    """A related person; also the agent of a transaction."""
    return RelatedPerson(
        full_name=m.full_name,
        identity=_identity(m, "identity", problems),
        ownership_basis_points=m.ownership_basis_points,
        phone=m.phone,
        customer=m.customer,
    )


def _related(
    messages: list[pb.RelatedPerson], field: str, problems: Problems
) -> tuple[RelatedPerson, ...]:
    out = []
    for i, m in enumerate(messages):
        with problems.under(f"{field}[{i}]"):
            out.append(related_person(m, problems))
    return tuple(out)


def _entity(m: pb.LegalEntity, problems: Problems) -> LegalEntity:
    representative = None
    if m.HasField("legal_representative"):
        with problems.under("legal_representative"):
            representative = related_person(m.legal_representative, problems)
    return LegalEntity(
        full_name=m.full_name,
        country=m.country,
        business_scope=m.business_scope,
        unified_social_credit_code=m.unified_social_credit_code,
        lei=m.lei,
        registration_number=m.registration_number,
        establishing_document=_identity(m, "establishing_document", problems),
        legal_representative=representative,
        controllers=_related(list(m.controllers), "controllers", problems),
        beneficial_owners=_related(list(m.beneficial_owners), "beneficial_owners", problems),
        agents=_related(list(m.agents), "agents", problems),
    )


def _trader(m: pb.SoleTrader, problems: Problems) -> SoleTrader:
    with problems.under("person"):
        person = _person(m.person, problems)
    return SoleTrader(
        person=person,
        trade_name=m.trade_name,
        business_licence=_identity(m, "business_licence", problems),
        business_scope=m.business_scope,
    )


def _address(m: pb.Address) -> Address:
    return Address(
        kind=cast(AddressKind, ADDRESS.domain(m.kind)),
        country=m.country,
        region=m.region,
        city=m.city,
        district=m.district,
        street=m.street,
        postal_code=m.postal_code,
    )


# -- and back ------------------------------------------------------------------------------------


def to_proto(customer: Customer) -> pb.Customer:
    """The message that describes a customer, without what the vault makes."""
    out = pb.Customer(
        customer_number=customer.customer_number,
        branch=customer.branch,
        risk_class=RISK.proto(customer.risk_class),  # type: ignore[arg-type]  # by the table
        phones=customer.phones,
        emails=customer.emails,
        accounts=customer.accounts,
        change_reason=customer.change_reason,
        sensitivities=[SENSITIVITY.proto(s) for s in customer.sensitivities],  # type: ignore[misc]  # by the table
    )
    if customer.natural_person is not None:
        _fill_person(out.natural_person, customer.natural_person)
        out.natural_person.SetInParent()
    if customer.legal_entity is not None:
        _fill_entity(out.legal_entity, customer.legal_entity)
        out.legal_entity.SetInParent()
    if customer.sole_trader is not None:
        _fill_trader(out.sole_trader, customer.sole_trader)
        out.sole_trader.SetInParent()
    for a in customer.addresses:
        out.addresses.add(
            kind=ADDRESS.proto(a.kind),
            country=a.country,
            region=a.region,
            city=a.city,
            district=a.district,
            street=a.street,
            postal_code=a.postal_code,
        )
    if customer.relationship is not None:
        relationships.fill_relationship(out.relationship, customer.relationship)
        out.relationship.SetInParent()
    for source in customer.sources:
        relationships.fill_source(out.sources.add(), source)
    if customer.valid_from is not None:
        out.valid_from.CopyFrom(from_date(customer.valid_from))
    out.correction = customer.correction
    return out


def _fill_identity(out: pb.IdentityElement, element: IdentityElement) -> None:
    out.kind = DOCUMENT.proto(element.kind)  # type: ignore[assignment]  # by the table
    out.number = element.number
    out.issuing_country = element.issuing_country
    if element.issue_date is not None:
        out.issue_date.CopyFrom(from_date(element.issue_date))
    if element.expiry_date is not None:
        out.expiry_date.CopyFrom(from_date(element.expiry_date))
    out.long_term = element.long_term


def _fill_person(out: pb.NaturalPerson, person: NaturalPerson) -> None:
    out.full_name = person.full_name
    out.latin_name = person.latin_name
    out.sex = SEX.proto(person.sex)  # type: ignore[assignment]  # by the table
    out.nationality = person.nationality
    if person.birth_date is not None:
        out.birth_date.CopyFrom(from_date(person.birth_date))
    out.occupation = person.occupation
    if person.identity is not None:
        _fill_identity(out.identity, person.identity)


def fill_related(out: pb.RelatedPerson, person: RelatedPerson) -> None:
    """Write a related person into a message; also the agent of a transaction."""
    out.full_name = person.full_name
    out.ownership_basis_points = person.ownership_basis_points
    out.phone = person.phone
    out.customer = person.customer
    if person.identity is not None:
        _fill_identity(out.identity, person.identity)


def _fill_entity(out: pb.LegalEntity, entity: LegalEntity) -> None:
    out.full_name = entity.full_name
    out.country = entity.country
    out.business_scope = entity.business_scope
    out.unified_social_credit_code = entity.unified_social_credit_code
    out.lei = entity.lei
    out.registration_number = entity.registration_number
    if entity.establishing_document is not None:
        _fill_identity(out.establishing_document, entity.establishing_document)
    if entity.legal_representative is not None:
        fill_related(out.legal_representative, entity.legal_representative)
    for person in entity.controllers:
        fill_related(out.controllers.add(), person)
    for person in entity.beneficial_owners:
        fill_related(out.beneficial_owners.add(), person)
    for person in entity.agents:
        fill_related(out.agents.add(), person)


def _fill_trader(out: pb.SoleTrader, trader: SoleTrader) -> None:
    if trader.person is not None:
        _fill_person(out.person, trader.person)
        out.person.SetInParent()
    out.trade_name = trader.trade_name
    out.business_scope = trader.business_scope
    if trader.business_licence is not None:
        _fill_identity(out.business_licence, trader.business_licence)
