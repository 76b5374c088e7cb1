"""Legal entities: the company's record with its representative, owners and agents."""

import datetime

from clients.examples import western_names
from clients.examples.chinese_places import DISTRICTS, District, office_address
from clients.examples.dice import Dice
from clients.examples.holders import (
    Account,
    AccountHolder,
    Agent,
    bank_bic,
    bank_name,
    currency_of,
)
from clients.examples.identifiers import Register, iban, lei, social_credit_code, with_luhn
from clients.examples.papers import Bearer, Paper, card_of, passport_of, resident_card
from clients.examples.people import Filed, birth_date, chinese_bearer, registered_at
from clients.examples.phones import phone
from clients.examples.shapes import Record
from clients.examples.western_places import TOWNS, address

_WORDS = (
    "启明 瑞丰 鼎盛 华瑞 金石 泰和 远航 博创 恒通 嘉禾 凌云 卓越 安信 汇智 天成 宏图 川流 景行"
).split()
_INDUSTRIES = (
    ("科技", "软件开发；信息系统集成服务；技术咨询、技术转让。"),
    ("贸易", "国内贸易代理；货物进出口；技术进出口。"),
    ("建筑工程", "各类工程建设活动；建筑材料销售。"),
    ("物流", "普通货物仓储服务；国内货物运输代理；道路货物运输。"),
    ("餐饮管理", "餐饮管理；餐饮服务。"),
    ("医疗器械", "第一类医疗器械销售；医疗设备租赁。"),
    ("新能源", "光伏设备及元器件制造；储能技术服务。"),
)
_WESTERN_WORDS = (
    "Nordlicht;Bellerive;Castañeda & Söhne;Harbour Light;Blue Mesa;Wisła;Città Nuova;Ó Riain;"
    "Øresund;Cascadia;Saint-Aubin;Kupfer & Zinn"
).split(";")
_WESTERN_SCOPES = (
    "Manufacture of machine tools", "Wholesale of food and beverages", "Software consultancy",
    "Freight forwarding", "Import and export of textiles", "Renewable energy projects",
)  # fmt: skip
_TRADES = ("Trading", "Logistics", "Systems", "Foods", "Energy", "Textiles", "Tools", "Partners")
_FORMS = {
    "DE": "GmbH", "FR": "SARL", "ES": "S.L.", "IT": "S.r.l.", "NL": "B.V.", "PL": "sp. z o.o.",
    "AT": "GmbH", "BE": "NV", "CH": "AG", "GB": "Ltd", "IE": "DAC", "SE": "AB", "US": "Inc.",
}  # fmt: skip


def _related(bearer: Bearer, paper: Paper, telephone: str, basis_points: int = 0) -> Record:
    record: Record = {"full_name": bearer.name.full, "identity": paper.element()}
    if basis_points:
        record["ownership_basis_points"] = basis_points
    record["phone"] = telephone
    return record


class _Staff:
    """The people of a company, each with a document of his own."""

    def __init__(self, dice: Dice, register: Register, country: str, seat: District | None) -> None:
        self._dice, self._register, self._country, self._seat = dice, register, country, seat

    def person(self) -> tuple[Bearer, Paper, str]:
        """Another person: bearer, document, telephone number."""
        dice, telephone = self._dice, phone(self._dice, self._country)
        if self._seat is not None:
            bearer = chinese_bearer(dice)
            place = registered_at(dice, self._seat, bearer.birth)
            return bearer, resident_card(dice, self._register, bearer, place), telephone
        female = dice.chance(0.5)
        name = western_names.western_name(dice, self._country, female)
        bearer = Bearer(name, female, birth_date(dice), self._country)
        make = passport_of if self._country == "US" else card_of
        return bearer, make(dice, self._register, bearer), telephone


def _party(dice: Dice, staff: _Staff) -> tuple[Record, Agent]:
    """Legal representative, controllers, beneficial owners and agents, and who acts at the bank."""
    head, head_paper, head_phone = staff.person()
    owners, left = [], 10_000
    # The legal representative owns part more often than not.
    if dice.chance(0.7):
        share = dice.between(2_500, 7_000)
        owners.append(_related(head, head_paper, head_phone, share))
        left -= share
    for _ in range(dice.between(1, 3)):
        share = dice.between(left // 4, left // 2)
        owners.append(_related(*staff.person(), share))
        left -= share
    agent, agent_paper, agent_phone = staff.person()
    record: Record = {
        "legal_representative": _related(head, head_paper, head_phone),
        "controllers": owners[:1],
        "beneficial_owners": owners,
        "agents": [_related(agent, agent_paper, agent_phone)],
    }
    return record, Agent(agent.name.full, f"DOCUMENT_KIND_{agent_paper.kind}", agent_paper.number)


def _risk(dice: Dice) -> str:
    return dice.pick(
        ("RISK_CLASS_LOW", "RISK_CLASS_MEDIUM", "RISK_CLASS_MEDIUM", "RISK_CLASS_HIGH")
    )


def chinese_company(dice: Dice, register: Register, number: str) -> Filed:
    """A company registered in China."""
    seat = dice.pick(DISTRICTS)
    word, (industry, scope) = dice.pick(_WORDS) + dice.pick(_WORDS), dice.pick(_INDUSTRIES)
    form = "股份有限公司" if dice.chance(0.15) else "有限公司"
    name = f"{seat.city}{word}{industry}{form}"
    code = register.new(lambda: social_credit_code(dice, "91", seat.code))
    issue = dice.day(datetime.date(2008, 1, 1), datetime.date(2025, 12, 31))
    licence = Paper("CN_BUSINESS_LICENCE", code, "CN", name, seat.market_authority, issue, None)
    people, agent = _party(dice, _Staff(dice, register, "CN", seat))
    entity: Record = {
        "full_name": name,
        "country": "CN",
        "business_scope": scope,
        "unified_social_credit_code": code,
    }
    if dice.chance(0.4):
        entity["lei"] = register.new(lambda: lei(dice))
    entity |= {"establishing_document": licence.element(), **people}
    main = Account(register.new(lambda: with_luhn("99" + dice.digits(12))), "CNY")
    foreign = None
    if dice.chance(0.4):
        foreign = Account(register.new(lambda: with_luhn("99" + dice.digits(12))), "USD")
    branch = f"CN-{seat.code[:4]}-{dice.between(1, 9):02}"
    customer: Record = {
        "customer_number": number,
        "branch": branch,
        "risk_class": _risk(dice),
        "legal_entity": entity,
        "phones": [phone(dice, "CN")],
        "emails": [f"finance{dice.between(1, 9999)}@example.com"],
        "addresses": [
            office_address(dice, seat, "REGISTERED_OFFICE"),
            office_address(dice, seat, "BUSINESS"),
        ],
        "accounts": [main.number, *([foreign.number] if foreign else [])],
    }
    holder = AccountHolder(
        customer_number=number, name=name, company=True, country="CN", time_zone="Asia/Shanghai",
        branch=branch, bic=bank_bic("CN"), cnaps=f"999{seat.code[:4]}{dice.digits(5)}",
        bank=bank_name("CN"), main=main, card=None, foreign=foreign,
        pay=dice.skewed(5_000_000, 900_000_000), pay_day=10, employer="", agent=agent,
    )  # fmt: skip
    return Filed(customer, (licence,), holder)


def western_company(dice: Dice, register: Register, number: str, country: str) -> Filed:
    """A company registered in a country of Europe or the United States."""
    town = dice.pick(TOWNS[country])
    name = f"{dice.pick(_WESTERN_WORDS)} {dice.pick(_TRADES)} {_FORMS[country]}"
    entry = register.new(lambda: f"{town.code}{dice.digits(8)}")
    issue = dice.day(datetime.date(1995, 1, 1), datetime.date(2025, 12, 31))
    issuer = f"Company register, {town.city}"
    extract = Paper("COMPANY_REGISTRATION", entry, country, name, issuer, issue, None)
    people, agent = _party(dice, _Staff(dice, register, country, None))
    entity: Record = {
        "full_name": name,
        "country": country,
        "business_scope": dice.pick(_WESTERN_SCOPES),
        "lei": register.new(lambda: lei(dice)),
        "registration_number": entry,
        "establishing_document": extract.element(),
        **people,
    }

    def account() -> str:
        return "99" + dice.digits(8) if country == "US" else iban(dice, country)

    main = Account(register.new(account), currency_of(country))
    foreign = None
    if dice.chance(0.3):
        currency = "EUR" if main.currency != "EUR" else "USD"
        foreign = Account(register.new(account), currency)
    branch = f"{country}-{town.code}-{dice.between(1, 9):02}"
    customer: Record = {
        "customer_number": number,
        "branch": branch,
        "risk_class": _risk(dice),
        "legal_entity": entity,
        "phones": [phone(dice, country)],
        "emails": [f"accounts{dice.between(1, 9999)}@example.org"],
        "addresses": [address(dice, town, "REGISTERED_OFFICE")],
        "accounts": [main.number, *([foreign.number] if foreign else [])],
    }
    holder = AccountHolder(
        customer_number=number, name=name, company=True, country=country,
        time_zone=town.time_zone, branch=branch, bic=bank_bic(country), cnaps="",
        bank=bank_name(country), main=main, card=None, foreign=foreign,
        pay=dice.skewed(1_000_000, 200_000_000), pay_day=15, employer="", agent=agent,
    )  # fmt: skip
    return Filed(customer, (extract,), holder)
