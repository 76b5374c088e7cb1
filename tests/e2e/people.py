"""Valid records as a back end would send them; each new one has numbers of its own.

Resident identity numbers use the sequence numbers 996 and 997, which nobody of the last hundred
years holds; card numbers the prefix 620000 that is kept for tests.
"""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from google.protobuf.timestamp_pb2 import Timestamp
from google.type.date_pb2 import Date
from google.type.money_pb2 import Money

from recordsvault.records.v1.customer_pb2 import (
    Address,
    Customer,
    IdentityElement,
    LegalEntity,
    NaturalPerson,
    RelatedPerson,
    SoleTrader,
)
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault.records.v1.transaction_pb2 import AccountParty, Channel, Transaction
from recordsvault.type.v1 import party_pb2 as party
from recordsvault.type.v1 import transaction_pb2 as kinds

PARENT = "institutions/demo-bank"
OTHER_PARENT = "institutions/other-bank"
MORNING = datetime(2026, 3, 4, 1, 2, 3, 456789, UTC)
# The specimen of ICAO 9303 part 4, appendix B.
SPECIMEN_ZONE = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
)
# The example of GB 32100-2015, and an identifier that GLEIF publishes.
CREDIT_CODE, LEI = "91350100M000100Y43", "506700GE1G29325QX363"

_numbers = itertools.count(1)
_DAYS = 20_000
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SURNAMES, _GIVEN = "赵钱孙李周吴郑王冯陈", "安宁平静远山川林文博"


def new_id() -> str:
    """A request_id."""
    return str(uuid4())


def stamp(moment: datetime) -> Timestamp:
    """As the contract has it."""
    out = Timestamp()
    out.FromDatetime(moment.astimezone(UTC).replace(tzinfo=None))
    return out


def day(value: date) -> Date:
    """As the contract has it."""
    return Date(year=value.year, month=value.month, day=value.day)


def born(n: int) -> date:
    """Birth date of the nth person: a grown-up's, however many there are."""
    return date(1950, 1, 1) + timedelta(days=n % _DAYS)


def resident_id(n: int) -> str:
    """GB 11643 number of the nth person, who is a woman."""
    # Women have even numbers among those who were born that day.
    body = f"110105{born(n):%Y%m%d}{996 - 2 * (n // _DAYS):03d}"
    total = sum(int(d) * w for d, w in zip(body, _RESIDENT_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def card(n: int) -> str:
    """A card number with its Luhn digit."""
    body = f"620000{n:09d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)


def phone(n: int) -> str:
    """A mobile number in E.164 form, another for each n."""
    return f"+86138{(n * 48_611 + 31_415_926) % 10**8:08d}"


def name(n: int) -> str:
    """A person's name."""
    tens, ones = divmod(n, 10)
    return _SURNAMES[ones] + _GIVEN[tens % 10] + _GIVEN[tens // 10 % 10]


def person(n: int | None = None) -> Customer:
    """A natural person with every part of the file filled in."""
    n = next(_numbers) if n is None else n
    return Customer(
        customer_number=f"C{n:07d}",
        branch="BJ-01",
        risk_class=party.RISK_CLASS_LOW,
        natural_person=NaturalPerson(
            full_name=name(n),
            latin_name=f"Person {n:05d}",
            sex=party.SEX_FEMALE,
            nationality="CN",
            birth_date=day(born(n)),
            occupation="会计",
            identity=IdentityElement(
                kind=party.DOCUMENT_KIND_CN_RESIDENT_ID,
                number=resident_id(n),
                issuing_country="CN",
                issue_date=day(date(2020, 1, 2)),
                long_term=True,
            ),
        ),
        phones=[phone(n)],
        emails=[f"person{n}@example.com"],
        addresses=[
            Address(
                kind=party.ADDRESS_KIND_RESIDENCE,
                country="CN",
                region="北京市",
                city="北京市",
                district="朝阳区",
                street=f"建国路{n}号",
                postal_code="100022",
            )
        ],
        accounts=[card(n)],
    )


def company() -> Customer:
    """A legal entity; there can be only one of it, since its codes are the standards' examples."""
    n = next(_numbers)
    return Customer(
        customer_number=f"C{n:07d}",
        legal_entity=LegalEntity(
            full_name="福州示例贸易有限公司",
            country="CN",
            business_scope="一般贸易",
            unified_social_credit_code=CREDIT_CODE,
            lei=LEI,
            legal_representative=RelatedPerson(full_name=name(n), phone=phone(n)),
            beneficial_owners=[
                RelatedPerson(full_name="Erika Mustermann", ownership_basis_points=2500)
            ],
        ),
        phones=[phone(n)],
        accounts=["DE89370400440532013000"],
    )


def trader() -> Customer:
    """A sole trader."""
    out = person()
    who = out.natural_person
    out.sole_trader.CopyFrom(SoleTrader(person=who, trade_name="小明面馆", business_scope="餐饮"))
    return out


def passport(n: int | None = None) -> IdentityDocument:
    """A passport with a number of its own."""
    n = next(_numbers) if n is None else n
    return IdentityDocument(
        kind=party.DOCUMENT_KIND_PASSPORT,
        number=f"E{n:08d}",
        holder_name=name(n),
        issuer="国家移民管理局",
        issuing_country="CN",
        issue_date=day(date(2019, 5, 6)),
        expiry_date=day(date(2029, 5, 5)),
    )


def booking(at: datetime = MORNING) -> Transaction:
    """A transfer with every element that is needed to reconstruct it."""
    n = next(_numbers)
    return Transaction(
        institution_reference=f"R{n:012d}",
        end_to_end_reference=f"E2E{n:09d}",
        booking_time=stamp(at),
        time_zone="Asia/Shanghai",
        value_date=day(at.date()),
        amount=Money(currency_code="CNY", units=1250, nanos=500_000_000),
        direction=kinds.DIRECTION_DEBIT,
        account=AccountParty(account=card(n), name=name(n), bic="ICBKCNBJ"),
        counterparty=AccountParty(
            account="DE89370400440532013000", name="Erika Mustermann", country="DE"
        ),
        instrument=kinds.INSTRUMENT_CREDIT_TRANSFER,
        channel=Channel(
            kind=kinds.CHANNEL_KIND_MOBILE, device_id=f"dev-{n}", network_address="203.0.113.7"
        ),
        purpose_code="SALA",
        remittance_text=f"工资 {n}",
        status=kinds.TRANSACTION_STATUS_BOOKED,
    )
