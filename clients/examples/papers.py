"""Identity documents of a person: their kinds, numbers and validity by country, and their zones.

A `Paper` is written twice: as the element in the customer's file and as the document itself.
"""

import datetime
from dataclasses import dataclass

from clients.examples.chinese_names import PersonName
from clients.examples.chinese_places import District
from clients.examples.dice import Dice
from clients.examples.identifiers import Register, resident_id
from clients.examples.machine_zone import Holder, identity_card, passport
from clients.examples.shapes import Record, date_of, years_later

# The last day that anything here happened.
TODAY = datetime.date(2026, 6, 30)
_CONSONANTS = "CFGHJKLMNPRTVWYZ"
# Numbers of passports and identity cards, at most nine characters; `#` is a digit, `@` a letter.
# Each begins with a series that the issuer has not reached or does not use.
_PASSPORTS = {
    "CN": "EZ#######", "US": "Z########", "GB": "000######", "DE": "ZZZ@@@@@#", "FR": "00ZZ#####",
    "ES": "ZZZ######", "IT": "ZZ#######", "NL": "ZZ@@@@@##", "PL": "ZZ#######", "AT": "Z#######",
    "BE": "ZZ######", "CH": "Z#######", "IE": "ZZ#######", "SE": "00######",
}  # fmt: skip
_CARDS = {
    "DE": "ZZZ@@@@@#", "FR": "ZZZ@@@@@#", "ES": "ZZZ######", "IT": "ZZ#####ZZ", "NL": "ZZ@@@@@##",
    "PL": "ZZZ######", "AT": "ZZ#######", "SE": "00#######",
}  # fmt: skip
_ISSUERS = {
    "CN": "国家移民管理局", "US": "United States Department of State", "GB": "HM Passport Office",
    "FR": "Préfecture", "ES": "Dirección General de la Policía", "IT": "Ministero dell'Interno",
    "NL": "Burgemeester", "PL": "Prezydent Miasta", "AT": "Bezirkshauptmannschaft",
    "BE": "Stad", "CH": "Passbüro", "IE": "Passport Office", "SE": "Polismyndigheten",
    "DE": "Stadtverwaltung, Bürgeramt",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Paper:
    """What a document states; `expiry` is None for one that is valid without end."""

    kind: str
    number: str
    country: str
    holder: str
    issuer: str
    issue: datetime.date
    expiry: datetime.date | None
    zone: str = ""

    def element(self) -> Record:
        """`IdentityElement` of the document."""
        return {
            "kind": f"DOCUMENT_KIND_{self.kind}",
            "number": self.number,
            "issuing_country": self.country,
            **self._validity(),
        }

    def document(self) -> Record:
        """`IdentityDocument`."""
        record: Record = {
            "kind": f"DOCUMENT_KIND_{self.kind}",
            "number": self.number,
            "holder_name": self.holder,
            "issuer": self.issuer,
            "issuing_country": self.country,
            **self._validity(),
        }
        if self.zone:
            record["machine_readable_zone"] = self.zone
        return record

    def _validity(self) -> Record:
        if self.expiry is None:
            return {"issue_date": date_of(self.issue), "long_term": True}
        return {"issue_date": date_of(self.issue), "expiry_date": date_of(self.expiry)}


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a document is made out to."""

    name: PersonName
    female: bool
    birth: datetime.date
    nationality: str

    def holder(self) -> Holder:
        """The bearer as a machine-readable zone has him."""
        sex = "F" if self.female else "M"
        return Holder(self.name.family, self.name.given, self.nationality, self.birth, sex)


# Polish numbers carry a check digit: weights by position, that of the check digit (9) left out.
_POLISH_WEIGHTS = {"ZZZ": (7, 3, 1, 0, 7, 3, 1, 7, 3), "ZZ": (7, 3, 0, 1, 7, 3, 1, 7, 3)}


def _numbered(dice: Dice, pattern: str) -> str:
    return "".join(
        dice.digits(1) if mark == "#" else dice.pick(_CONSONANTS) if mark == "@" else mark
        for mark in pattern
    )


def _polish(dice: Dice, series: str) -> str:
    """A Polish number: series, check digit, five or six digits; all weighted they end in 0."""
    number = series + "0" + dice.digits(8 - len(series))
    weights = _POLISH_WEIGHTS[series]
    total = sum(int(mark, 36) * weight for mark, weight in zip(number, weights, strict=True))
    # 9 times the digit ends as minus the digit does.
    return f"{series}{total % 10}{number[len(series) + 1 :]}"


def _series(dice: Dice, patterns: dict[str, str], country: str) -> str:
    pattern = patterns[country]
    return _polish(dice, pattern.rstrip("#")) if country == "PL" else _numbered(dice, pattern)


def _issued(dice: Dice, bearer: Bearer, years: int) -> datetime.date:
    """A day within the last `years` less one, so that the document is still valid."""
    first = max(years_later(bearer.birth, 16), years_later(TODAY, 1 - years))
    return dice.day(first, TODAY - datetime.timedelta(days=400))


def resident_card(dice: Dice, register: Register, bearer: Bearer, home: District) -> Paper:
    """A resident identity card. Valid for ten years from the age of 16, for twenty from 26, and
    without end from 46 (居民身份证法 article 5).
    """
    region = home.code
    number = register.new(lambda: resident_id(dice, region, bearer.birth, bearer.female))
    # Cards of the second generation have been issued since 2004.
    first = max(years_later(bearer.birth, 16), datetime.date(2007, 1, 1))
    issue = dice.day(first, datetime.date(2024, 12, 31))
    while True:
        age = issue.year - bearer.birth.year
        if issue < years_later(bearer.birth, age):
            age -= 1
        years = 10 if age < 26 else 20 if age < 46 else 0
        expiry = years_later(issue, years) if years else None
        if expiry is None or expiry > TODAY:
            break
        # It has run out since: this is the card that followed it.
        issue = expiry
    full = bearer.name.full
    return Paper("CN_RESIDENT_ID", number, "CN", full, home.police, issue, expiry)


def passport_of(dice: Dice, register: Register, bearer: Bearer) -> Paper:
    """A passport, valid for ten years, with its zone."""
    country = bearer.nationality
    number = register.new(lambda: _series(dice, _PASSPORTS, country))
    issue = _issued(dice, bearer, 10)
    expiry = years_later(issue, 10)
    zone = passport(bearer.holder(), country, number, expiry)
    full = bearer.name.full
    return Paper("PASSPORT", number, country, full, _ISSUERS[country], issue, expiry, zone)


def card_of(dice: Dice, register: Register, bearer: Bearer) -> Paper:
    """A national identity card with its zone; a passport where the country has no such card."""
    country = bearer.nationality
    if country not in _CARDS:
        return passport_of(dice, register, bearer)
    number = register.new(lambda: _series(dice, _CARDS, country))
    issue = _issued(dice, bearer, 10)
    expiry = years_later(issue, 10)
    zone = identity_card(bearer.holder(), country, number, expiry)
    full = bearer.name.full
    return Paper("NATIONAL_ID_CARD", number, country, full, _ISSUERS[country], issue, expiry, zone)


def driving_licence(dice: Dice, register: Register, bearer: Bearer, state: str) -> Paper:
    """A driving licence of a state, in a series that begins with ZZ."""
    number = register.new(lambda: f"ZZ{dice.digits(7)}")
    issue = _issued(dice, bearer, 8)
    issuer = f"{state} Department of Motor Vehicles"
    expiry = years_later(issue, 8)
    return Paper("DRIVING_LICENCE", number, "US", bearer.name.full, issuer, issue, expiry)


def social_security_card(bearer: Bearer) -> Paper:
    """A social security card. Every number that could be right could also be somebody's, save this:
    the Social Security Administration printed 219-09-9999 in a pamphlet of 1940 and never issued
    it. So there is one such card among the examples.
    """
    issue = bearer.birth + datetime.timedelta(days=200)
    issuer = "Social Security Administration"
    return Paper("US_SSN", "219-09-9999", "US", bearer.name.full, issuer, issue, None)


def travel_permit(dice: Dice, register: Register, bearer: Bearer) -> Paper:
    """A mainland travel permit of a resident of Hong Kong (H and eight digits; 99 is no series)."""
    number = register.new(lambda: f"H99{dice.digits(6)}")
    issue = _issued(dice, bearer, 10)
    expiry = years_later(issue, 10)
    issuer = "中华人民共和国出入境管理局"
    return Paper("TRAVEL_PERMIT", number, "CN", bearer.name.full, issuer, issue, expiry)
