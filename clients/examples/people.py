"""Natural persons and sole traders: the customer's record, his documents and his accounts."""

import datetime
from dataclasses import dataclass

from clients.examples import chinese_names, western_names
from clients.examples.chinese_names import PersonName
from clients.examples.chinese_places import (
    DISTRICTS,
    OLD_DISTRICTS,
    District,
    home_address,
    office_address,
    shop_address,
)
from clients.examples.dice import Dice
from clients.examples.holders import (
    Account,
    AccountHolder,
    bank_bic,
    bank_name,
    currency_of,
)
from clients.examples.identifiers import Register, card_number, iban, social_credit_code, with_luhn
from clients.examples.machine_zone import transliterate
from clients.examples.papers import (
    Bearer,
    Paper,
    card_of,
    driving_licence,
    passport_of,
    resident_card,
    social_security_card,
    travel_permit,
)
from clients.examples.phones import phone
from clients.examples.shapes import Record, date_of
from clients.examples.western_places import TOWNS, Town, address

_CN_OCCUPATIONS = (
    "软件工程师 小学教师 护士 医生 会计 公务员 出租车司机 厨师 销售经理 建筑工人 农民 退休人员 "
    "学生 "
    "快递员 律师 设计师 电工 客服专员"
).split()
_OCCUPATIONS = (
    "Software engineer;Teacher;Nurse;Accountant;Lorry driver;Carpenter;Student;Retired;Chef;"
    "Solicitor;Graphic designer;Electrician;Civil servant;Farmer;Shop assistant"
).split(";")
_CN_EMPLOYERS = (
    "星海科技有限公司 东方精密制造有限公司 蓝天物流有限公司 第三实验小学 市第二人民医院 "
    "恒信会计师事务所 "
    "绿野食品有限公司 云帆软件有限公司 长风汽车零部件有限公司 百川建筑工程有限公司"
).split()
_EMPLOYERS = (
    "Nordstern Maschinenbau GmbH;Atelier Lumière SARL;Harbour & Finch Ltd;Blue Mesa Software Inc;"
    "Talleres Ibáñez S.L.;Wisła Logistyka sp. z o.o.;Cascadia Foods LLC;Officine Bellini S.r.l."
).split(";")
_TRADES = (
    ("便利店", "日用百货零售；预包装食品销售。"), ("小吃店", "餐饮服务；小吃制售。"),
    ("理发店", "理发及美容服务。"), ("五金店", "五金产品零售；水电维修。"),
    ("服装店", "服装鞋帽零售。"), ("水果店", "新鲜水果零售。"), ("修车行", "机动车修理和维护。"),
)  # fmt: skip
EUROPE = tuple(country for country in TOWNS if country != "US")


@dataclass(frozen=True, slots=True)
class Filed:
    """A customer with everything that is written of him."""

    customer: Record
    papers: tuple[Paper, ...]
    holder: AccountHolder


def chinese_bearer(
    dice: Dice, name: PersonName | None = None, female: bool | None = None
) -> Bearer:
    """A citizen of China; the name is drawn unless given."""
    woman = dice.chance(0.5) if female is None else female
    drawn = name or chinese_names.chinese_name(dice, woman)
    return Bearer(drawn, woman, birth_date(dice), "CN")


def birth_date(dice: Dice) -> datetime.date:
    """A birth date of somebody between 20 and 81 years old."""
    return dice.day(datetime.date(1945, 1, 1), datetime.date(2006, 6, 30))


def registered_at(dice: Dice, home: District, birth: datetime.date) -> District:
    """Where the resident number was given out: at home, or elsewhere for who has moved, or whose
    district did not exist then.
    """
    if home.since <= birth.year and dice.chance(0.7):
        return home
    return dice.pick(OLD_DISTRICTS)


def _risk(dice: Dice) -> str:
    roll = dice.below(100)
    return "RISK_CLASS_" + ("LOW" if roll < 78 else "MEDIUM" if roll < 95 else "HIGH")


def _email(dice: Dice, name: PersonName) -> str:
    parts = (name.given, name.family)
    words = [transliterate(part).replace("<", "").lower() for part in parts]
    local = ".".join(word[:24] for word in words if word) or "customer"
    return (
        f"{local}{dice.between(1, 9999)}@{dice.pick(('example.com', 'example.net', 'example.org'))}"
    )


def _person(bearer: Bearer, occupation: str, paper: Paper) -> Record:
    record: Record = {"full_name": bearer.name.full}
    if bearer.nationality == "CN":
        record["latin_name"] = bearer.name.latin
    record["sex"] = "SEX_FEMALE" if bearer.female else "SEX_MALE"
    record["nationality"] = bearer.nationality
    record["birth_date"] = date_of(bearer.birth)
    record["occupation"] = occupation
    record["identity"] = paper.element()
    return record


def _chinese_accounts(dice: Dice, register: Register) -> tuple[str, Account, Account | None]:
    card = register.new(lambda: card_number(dice, "620000", 19))
    foreign = None
    if dice.chance(0.18):
        number = register.new(lambda: with_luhn("99" + dice.digits(12)))
        foreign = Account(number, dice.pick(("USD", "EUR", "JPY", "GBP", "HKD")))
    return card, Account(card, "CNY"), foreign


def _western_accounts(
    dice: Dice, register: Register, country: str
) -> tuple[str, Account, Account | None]:
    card = register.new(lambda: card_number(dice, "400000", 16))

    def number() -> str:
        return "99" + dice.digits(8) if country == "US" else iban(dice, country)

    foreign = None
    if dice.chance(0.12):
        foreign = Account(register.new(number), "EUR" if country in ("US", "GB", "CH") else "USD")
    return card, Account(register.new(number), currency_of(country)), foreign


def _numbers(card: str, main: Account, foreign: Account | None) -> list[str]:
    numbers = [main.number] if main.number == card else [main.number, card]
    return [*numbers, foreign.number] if foreign else numbers


def chinese_person(
    dice: Dice,
    register: Register,
    number: str,
    *,
    notable: tuple[bool, PersonName] | None = None,
    trader: bool = False,
) -> Filed:
    """A natural person in China, or a sole trader (个体工商户)."""
    home = dice.pick(DISTRICTS)
    hong_kong = notable is None and not trader and dice.chance(0.02)
    if hong_kong:
        woman = dice.chance(0.5)
        bearer = Bearer(chinese_names.hong_kong_name(dice), woman, birth_date(dice), "CN")
        papers = [travel_permit(dice, register, bearer)]
    else:
        bearer = chinese_bearer(dice, *((notable[1], notable[0]) if notable else ()))
        issued_at = registered_at(dice, home, bearer.birth)
        papers = [resident_card(dice, register, bearer, issued_at)]
        if dice.chance(0.22):
            papers.append(passport_of(dice, register, bearer))
    person = _person(bearer, dice.pick(_CN_OCCUPATIONS), papers[0])
    addresses = [home_address(dice, home)]
    if dice.chance(0.2):
        addresses.append(home_address(dice, dice.pick(DISTRICTS), "HABITUAL"))
    if dice.chance(0.3):
        addresses.append(office_address(dice, home, "WORKPLACE"))
    name = bearer.name.full
    if trader:
        trade, scope = dice.pick(_TRADES)
        trade_name = f"{home.city}{home.name}{name.replace('·', '')}{trade}"
        licence = _licence(dice, register, home, trade_name)
        papers.append(licence)
        addresses.append(shop_address(dice, home))
        party: Record = {
            "sole_trader": {
                "person": person,
                "trade_name": trade_name,
                "business_licence": licence.element(),
                "business_scope": scope,
            }
        }
    else:
        party = {"natural_person": person}
    card, main, foreign = _chinese_accounts(dice, register)
    branch = f"CN-{home.code[:4]}-{dice.between(1, 9):02}"
    customer: Record = {
        "customer_number": number,
        "branch": branch,
        "risk_class": _risk(dice),
        **party,
        "phones": [phone(dice, "CN")],
        "emails": [_email(dice, bearer.name)] if dice.chance(0.6) else [],
        "addresses": addresses,
        "accounts": _numbers(card, main, foreign),
    }
    holder = AccountHolder(
        customer_number=number, name=name, company=False, country="CN", time_zone="Asia/Shanghai",
        branch=branch, bic=bank_bic("CN"), cnaps=f"999{home.code[:4]}{dice.digits(5)}",
        bank=bank_name("CN"), main=main, card=card, foreign=foreign,
        pay=dice.skewed(350_000, 6_000_000), pay_day=dice.pick((5, 10, 15, 25)),
        employer=dice.pick(_CN_EMPLOYERS), agent=None,
    )  # fmt: skip
    return Filed(customer, tuple(papers), holder)


def _licence(dice: Dice, register: Register, place: District, holder: str) -> Paper:
    number = register.new(lambda: social_credit_code(dice, "92", place.code))
    issue = dice.day(datetime.date(2016, 1, 1), datetime.date(2025, 12, 31))
    return Paper("CN_BUSINESS_LICENCE", number, "CN", holder, place.market_authority, issue, None)


def western_person(
    dice: Dice,
    register: Register,
    number: str,
    country: str,
    *,
    notable: tuple[bool, PersonName] | None = None,
    trader: bool = False,
) -> Filed:
    """A natural person, or a sole trader, in a country of Europe or the United States."""
    town: Town = dice.pick(TOWNS[country])
    female = notable[0] if notable else dice.chance(0.5)
    name = notable[1] if notable else western_names.western_name(dice, country, female)
    bearer = Bearer(name, female, birth_date(dice), country)
    if country == "US":
        papers = [passport_of(dice, register, bearer)]
        if dice.chance(0.6):
            papers.append(driving_licence(dice, register, bearer, town.region))
        if register.first("social security card"):
            papers.append(social_security_card(bearer))
    else:
        papers = [card_of(dice, register, bearer)]
        if dice.chance(0.3) and papers[0].kind != "PASSPORT":
            papers.append(passport_of(dice, register, bearer))
    person = _person(bearer, dice.pick(_OCCUPATIONS), papers[0])
    addresses = [address(dice, town, "RESIDENCE")]
    if dice.chance(0.25):
        addresses.append(address(dice, town, "WORKPLACE"))
    party: Record = {"natural_person": person}
    if trader:
        trade_name = f"{name.family} {dice.pick(('Bakery', 'Carpentry', 'Cycles', 'Florist'))}"
        issue = dice.day(datetime.date(2012, 1, 1), datetime.date(2025, 12, 31))
        entry = register.new(lambda: f"{town.code}-{dice.digits(7)}")
        licence = Paper("COMPANY_REGISTRATION", entry, country, trade_name, town.city, issue, None)
        papers.append(licence)
        addresses.append(address(dice, town, "BUSINESS"))
        party = {
            "sole_trader": {
                "person": person,
                "trade_name": trade_name,
                "business_licence": licence.element(),
                "business_scope": "Retail trade and services",
            }
        }
    card, main, foreign = _western_accounts(dice, register, country)
    branch = f"{country}-{town.code}-{dice.between(1, 9):02}"
    customer: Record = {
        "customer_number": number,
        "branch": branch,
        "risk_class": _risk(dice),
        **party,
        "phones": [phone(dice, country)],
        "emails": [_email(dice, name)],
        "addresses": addresses,
        "accounts": _numbers(card, main, foreign),
    }
    holder = AccountHolder(
        customer_number=number, name=name.full, company=False, country=country,
        time_zone=town.time_zone, branch=branch, bic=bank_bic(country), cnaps="",
        bank=bank_name(country), main=main, card=card, foreign=foreign,
        pay=dice.skewed(150_000, 1_200_000), pay_day=dice.pick((15, 25, 27)),
        employer=dice.pick(_EMPLOYERS), agent=None,
    )  # fmt: skip
    return Filed(customer, tuple(papers), holder)
