"""Valid records to vary in tests."""

from datetime import UTC, date, datetime
from typing import Any

from vault.records import (
    AccountParty,
    Address,
    AddressKind,
    Channel,
    ChannelKind,
    Customer,
    Direction,
    DocumentKind,
    ElementSource,
    ElementSourceKind,
    IdentityDocument,
    IdentityElement,
    Instrument,
    LegalEntity,
    Money,
    NaturalPerson,
    RelatedPerson,
    Relationship,
    RiskClass,
    Sex,
    SoleTrader,
    Transaction,
    TransactionStatus,
)

TODAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
# GB 11643-1999, annex A.
RESIDENT_ID = "11010519491231002X"
# GB 32100-2015's own example.
USCC = "91350100M000100Y43"
# GLEIF's own, published in its index.
LEI = "506700GE1G29325QX363"
# Passport of ICAO 9303 part 4, appendix A.
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
CUSTOMER_NAME = "institutions/demo-bank/customers/01jd0000000000000000000000"


def person(**changes: Any) -> NaturalPerson:
    values: dict[str, Any] = {
        "full_name": "王小明",
        "latin_name": "WANG XIAOMING",
        "sex": Sex.FEMALE,
        "nationality": "CN",
        "birth_date": date(1949, 12, 31),
        "occupation": "会计",
        "identity": IdentityElement(
            DocumentKind.CN_RESIDENT_ID,
            RESIDENT_ID,
            "CN",
            date(2015, 3, 4),
            None,
            True,
        ),
    }
    return NaturalPerson(**(values | changes))


def customer(**changes: Any) -> Customer:
    values: dict[str, Any] = {
        "customer_number": "C000123",
        "branch": "BJ-01",
        "risk_class": RiskClass.LOW,
        "natural_person": person(),
        "phones": ("+8613800138000",),
        "emails": ("xiaoming@example.com",),
        "addresses": (
            Address(
                AddressKind.RESIDENCE, "CN", "北京市", "北京市", "朝阳区", "建国路1号", "100022"
            ),
        ),
        "accounts": ("GB29NWBK60161331926819", "4111111111111111", "0200001234567890123"),
    }
    return Customer(**(values | changes))


def relationship(**changes: Any) -> Relationship:
    values: dict[str, Any] = {
        "start_date": date(2020, 5, 6),
        "jurisdictions": ("CN",),
        "segments": ("retail",),
        "custodian": "keeper@demo-bank",
        "review_date": date(2027, 5, 6),
    }
    return Relationship(**(values | changes))


def source(path: str = "natural_person.full_name", **changes: Any) -> ElementSource:
    values: dict[str, Any] = {
        "path": path,
        "kind": ElementSourceKind.DOCUMENT,
        "reference": f"{CUSTOMER_NAME}/documents/01jd0000000000000000000000",
        "verified_by": "keeper@demo-bank",
        "verify_time": NOW,
        "method": "original seen",
    }
    return ElementSource(**(values | changes))


def entity(**changes: Any) -> LegalEntity:
    values: dict[str, Any] = {
        "full_name": "Acme Widgets Ltd",
        "country": "CN",
        "business_scope": "Widgets",
        "unified_social_credit_code": USCC,
        "lei": LEI,
        "registration_number": "HRB 12345",
        "establishing_document": IdentityElement(
            DocumentKind.CN_BUSINESS_LICENCE, USCC, "CN", date(2015, 3, 4)
        ),
        "legal_representative": RelatedPerson("李四", phone="+8613900139000"),
        "beneficial_owners": (RelatedPerson("Erika Mustermann", None, 2500),),
    }
    return LegalEntity(**(values | changes))


def entity_customer(**changes: Any) -> Customer:
    return customer(natural_person=None, legal_entity=entity(**changes))


def trader_customer() -> Customer:
    licence = IdentityElement(DocumentKind.CN_BUSINESS_LICENCE, USCC, "CN")
    return customer(
        natural_person=None,
        sole_trader=SoleTrader(person(occupation=""), "小明面馆", licence, "餐饮"),
    )


def document(**changes: Any) -> IdentityDocument:
    values: dict[str, Any] = {
        "kind": DocumentKind.PASSPORT,
        "number": "L898902C3",
        "holder_name": "Anna Maria Eriksson",
        "issuer": "Passport Office",
        "issuing_country": "SE",
        "issue_date": date(2007, 4, 15),
        "expiry_date": date(2012, 4, 15),
        "machine_readable_zone": TD3,
    }
    return IdentityDocument(**(values | changes))


def transaction(**changes: Any) -> Transaction:
    values: dict[str, Any] = {
        "institution_reference": "R2026-000001",
        "end_to_end_reference": "NOTPROVIDED",
        "booking_time": datetime(2026, 3, 4, 5, 6, 7, 123456, UTC),
        "time_zone": "Asia/Shanghai",
        "value_date": date(2026, 3, 4),
        "amount": Money("CNY", 1250, 500_000_000),
        "direction": Direction.DEBIT,
        "account": AccountParty("4111111111111111", "王小明", "ICBKCNBJ", "102100099996"),
        "counterparty": AccountParty(
            "DE89370400440532013000", "Erika Mustermann", "COBADEFFXXX", "", "Commerzbank", "DE"
        ),
        "instrument": Instrument.CREDIT_TRANSFER,
        "channel": Channel(ChannelKind.MOBILE, device_id="dev-1", network_address="10.1.2.3"),
        "purpose_code": "SALA",
        "remittance_text": "Rechnung 4711 / 2*250",
        "status": TransactionStatus.BOOKED,
    }
    return Transaction(**(values | changes))
