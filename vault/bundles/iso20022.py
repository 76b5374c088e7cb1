"""Records by the names of ISO 20022, as other banks' and authorities' programs read them.

A transaction is an entry of camt.053 (`Ntry`, BankToCustomerStatement), a customer a party
(`PartyIdentification`). What ISO 20022 has no element for stands in `SplmtryData`, under the
vault's own names. JSON with the message's element names, as ISO 20022's own JSON has them; absent
elements are left out.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any, Final

from vault.records import (
    AccountParty,
    Address,
    Customer,
    Direction,
    IdentityDocument,
    IdentityElement,
    LegalEntity,
    Money,
    NaturalPerson,
    Transaction,
    TransactionStatus,
)
from vault.records.identifiers.iban import looks_like_iban

# ExternalEntryStatus1Code; what was reversed or corrected stays booked, another entry says so.
_STATUS: Final = {
    TransactionStatus.PENDING: {"Cd": "PDNG"},
    TransactionStatus.BOOKED: {"Cd": "BOOK"},
    TransactionStatus.INFORMATION: {"Cd": "INFO"},
    TransactionStatus.REJECTED: {"Prtry": "REJECTED"},
}
_SIDE: Final = {Direction.DEBIT: ("Dbtr", "Cdtr"), Direction.CREDIT: ("Cdtr", "Dbtr")}
_DIRECTION: Final = {Direction.DEBIT: "DBIT", Direction.CREDIT: "CRDT"}


def entry(name: str, booked: Transaction) -> dict[str, Any]:
    """A transaction as an entry; `name` is its resource name."""
    own, other = _SIDE.get(booked.direction, ("Dbtr", "Cdtr"))
    parties: dict[str, Any] = {}
    agents: dict[str, Any] = {}
    for side, party in ((own, booked.account), (other, booked.counterparty)):
        if party is not None:
            parties |= _party(side, party)
            agents |= _agent(side, party)
    details = {
        "Refs": _present(
            AcctSvcrRef=booked.institution_reference, EndToEndId=booked.end_to_end_reference
        ),
        "Amt": amount(booked.amount),
        "CdtDbtInd": _DIRECTION.get(booked.direction, ""),
        "AmtDtls": _exchange(booked),
        "RltdPties": parties,
        "RltdAgts": agents,
        "Purp": _present(Cd=booked.purpose_code),
        "RmtInf": {"Ustrd": [booked.remittance_text]} if booked.remittance_text else {},
    }
    return _present(
        NtryRef=str(booked.sequence_number) if booked.sequence_number else "",
        Amt=amount(booked.amount),
        CdtDbtInd=_DIRECTION.get(booked.direction, ""),
        Sts=_STATUS.get(booked.status, {}),
        BookgDt={"DtTm": moment(booked.booking_time)},
        ValDt={"Dt": booked.value_date.isoformat()} if booked.value_date else {},
        AcctSvcrRef=booked.institution_reference,
        NtryDtls={"TxDtls": _present(**details)},
        SplmtryData=_supplement(
            name,
            _rest(
                booked,
                "time_zone instrument channel agent corrects reverses vouchers "
                "balance_after statement",
            ),
        ),
    )


def party(name: str, version: int, customer: Customer) -> dict[str, Any]:
    """A customer as a party; `name` is his resource name."""
    person, entity, trader = customer.natural_person, customer.legal_entity, customer.sole_trader
    human = person or (trader.person if trader is not None else None)
    identification: dict[str, Any] = {}
    if human is not None:
        identification["PrvtId"] = _private(human)
    if entity is not None:
        identification["OrgId"] = _organisation(entity)
    full_name = entity.full_name if entity is not None else human.full_name if human else ""
    country = entity.country if entity is not None else human.nationality if human else ""
    return _present(
        Nm=full_name,
        PstlAdr=[_address(one) for one in customer.addresses],
        Id=identification,
        CtryOfRes=country,
        CtctDtls=_present(
            PhneNb=customer.phones[0] if customer.phones else "",
            EmailAdr=customer.emails[0] if customer.emails else "",
        ),
        SplmtryData=_supplement(name, {"version": version, "customer": plain(customer)}),
    )


def document(name: str, version: int, paper: IdentityDocument) -> dict[str, Any]:
    """An identity document as an identification (`GenericPersonIdentification`)."""
    return _present(
        Id=paper.number,
        SchmeNm=_scheme(paper.kind),
        Issr=paper.issuer or paper.issuing_country,
        SplmtryData=_supplement(name, {"version": version, "document": plain(paper)}),
    )


def amount(money: Money) -> dict[str, str]:
    """An amount (`ActiveOrHistoricCurrencyAndAmount`)."""
    return {"Ccy": money.currency, "Value": decimal(money)}


def decimal(money: Money) -> str:
    """An amount's number, with as many decimals as it has."""
    nanos = abs(money.nanos)
    sign = "-" if money.units < 0 or money.nanos < 0 else ""
    tail = f".{nanos:09d}".rstrip("0") if nanos else ""
    return f"{sign}{abs(money.units)}{tail}"


def moment(time: datetime) -> str:
    """A time (`ISODateTime`), in UTC."""
    return time.isoformat().replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """A value of the domain under its own names; what is empty is left out."""
    if isinstance(value, Money):
        return amount(value)
    if is_dataclass(value):
        every = {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        return {name: found for name, found in every.items() if not _empty(found)}
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value if value is None or isinstance(value, int) else str(value)


def _rest(record: Any, names: str) -> dict[str, Any]:
    every = {name: plain(getattr(record, name)) for name in names.split()}
    return {name: found for name, found in every.items() if not _empty(found)}


def _supplement(name: str, rest: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"PlcAndNm": name, "Envlp": rest}]


def _party(side: str, party: AccountParty) -> dict[str, Any]:
    number = party.account
    who = _present(Nm=party.name, CtryOfRes=party.country)
    identified = {"IBAN": number} if looks_like_iban(number) else {"Othr": {"Id": number}}
    return _present(
        **{
            side: {"Pty": who} if who else {},
            f"{side}Acct": {"Id": identified} if number else {},
        }
    )


def _agent(side: str, party: AccountParty) -> dict[str, Any]:
    clearing = {"ClrSysId": {"Cd": "CNAPS"}, "MmbId": party.cnaps} if party.cnaps else {}
    found = _present(BICFI=party.bic, ClrSysMmbId=clearing, Nm=party.institution_name)
    return {f"{side}Agt": {"FinInstnId": found}} if found else {}


def _exchange(booked: Transaction) -> dict[str, Any]:
    exchange = booked.exchange
    if exchange is None:
        return {}
    return {
        "CntrValAmt": {
            "Amt": amount(exchange.counter_amount),
            "CcyXchg": {
                "SrcCcy": booked.amount.currency,
                "TrgtCcy": exchange.counter_amount.currency,
                "XchgRate": exchange.rate,
            },
        }
    }


def _private(person: NaturalPerson) -> dict[str, Any]:
    born = {"BirthDt": person.birth_date.isoformat()} if person.birth_date else {}
    return _present(
        DtAndPlcOfBirth=born,
        Othr=[_identity(person.identity)] if person.identity is not None else [],
    )


def _organisation(entity: LegalEntity) -> dict[str, Any]:
    others = [
        {"Id": number, "SchmeNm": {"Prtry": scheme}}
        for number, scheme in (
            (entity.unified_social_credit_code, "USCC"),
            (entity.registration_number, "REGISTRATION_NUMBER"),
        )
        if number
    ]
    return _present(LEI=entity.lei, Othr=others)


def _identity(element: IdentityElement) -> dict[str, Any]:
    return _present(Id=element.number, SchmeNm=_scheme(element.kind), Issr=element.issuing_country)


def _scheme(kind: str) -> dict[str, str]:
    # ExternalPersonIdentification1Code has CCPT for passports and NIDN for national identity.
    code = {"PASSPORT": "CCPT", "CN_RESIDENT_ID": "NIDN"}.get(str(kind))
    return {"Cd": code} if code else {"Prtry": str(kind)}


def _address(address: Address) -> dict[str, Any]:
    return _present(
        AdrTp={"Prtry": {"Id": str(address.kind), "Issr": "recordsvault"}},
        StrtNm=address.street,
        PstCd=address.postal_code,
        TwnNm=address.city,
        DstrctNm=address.district,
        CtrySubDvsn=address.region,
        Ctry=address.country,
    )


def _present(**elements: Any) -> dict[str, Any]:
    """The elements that hold something, in any depth."""
    every = {name: _without_empty(value) for name, value in elements.items()}
    return {name: value for name, value in every.items() if not _empty(value)}


def _without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return _present(**value)
    if isinstance(value, list):
        return [one for one in map(_without_empty, value) if not _empty(one)]
    return value


def _empty(value: Any) -> bool:
    return value is None or value in ("", "UNSPECIFIED") or value in ([], {}, ())
