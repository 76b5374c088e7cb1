"""The other sides of transactions: employers, landlords, merchants, firms, strangers, the bank.

None is a customer, and none exists; accounts follow the rules of `identifiers`.
"""

from clients.examples import chinese_names, western_names
from clients.examples.dice import Dice
from clients.examples.holders import AccountHolder, currency_of
from clients.examples.identifiers import IBAN_COUNTRIES, card_number, iban, with_luhn
from clients.examples.shapes import Record

_CN_MERCHANTS = (
    ("喜盈门超市", "超市购物"), ("老街茶馆", "餐饮消费"), ("青藤书店", "图书"),
    ("好邻居便利店", "便利店消费"),
    ("江南面馆", "餐饮消费"), ("百草堂药房", "药品"),
    ("云顶影城", "电影票"), ("顺路加油站", "加油"),
    ("小象母婴", "母婴用品"), ("蓝鲸网上商城", "网上购物 订单"),
)  # fmt: skip
_MERCHANTS = (
    ("Corner Grocery", "Groceries"), ("Café Amélie", "Restaurant"), ("Bücher am Tor", "Books"),
    ("Green Pharmacy", "Pharmacy"), ("Ristorante Da Noè", "Restaurant"), ("Fuel Point", "Fuel"),
    ("Smørrebrød & Co", "Restaurant"), ("Blue Whale Online", "Online order"),
)  # fmt: skip
_CN_UTILITIES = (
    ("城市供电公司", "ELEC", "电费"), ("自来水公司", "WTER", "水费"),
    ("燃气公司", "GASB", "燃气费"),
    ("联信通信公司", "PHON", "话费"), ("安康保险公司", "INSU", "保险费"),
)  # fmt: skip
_UTILITIES = (
    ("City Power", "ELEC", "Electricity"), ("Water Works", "WTER", "Water"),
    ("Gas & Heat", "GASB", "Gas"), ("Telecom One", "PHON", "Telephone"),
    ("Mutual Insurance", "INSU", "Insurance premium"),
)  # fmt: skip
_CN_BANKS = ("滨江商业银行", "东海银行", "长河农村商业银行", "新都银行")
_BANKS = ("First Example Bank", "Banque du Lac", "Sparbank Muster", "Banco Ejemplo")
_CN_FIRMS = ("华东原材料有限公司", "南方包装有限公司", "德隆机械有限公司", "晨光办公用品有限公司")
_FIRMS = ("Alpine Metals AG", "Paper & Pulp Ltd", "Logística Norte S.L.", "Bright Tools Inc.")
_CN_TEXTS = ("转账", "还款", "生活费", "红包", "货款", "房屋押金", "聚餐AA")
_TEXTS = ("Thank you", "Shared dinner", "Loan repayment", "Birthday gift", "Deposit", "Holiday")


def _account(dice: Dice, country: str) -> str:
    if country == "CN":
        return card_number(dice, "620000", 19)
    return "99" + dice.digits(8) if country == "US" else iban(dice, country)


def _party(dice: Dice, country: str, name: str, account: str) -> Record:
    """An account at another bank. CNAPS codes here begin with 998, which is no kind of bank."""
    party: Record = {"account": account, "name": name}
    if country == "CN":
        party["cnaps"] = "998" + dice.digits(9)
        party["institution_name"] = dice.pick(_CN_BANKS)
    else:
        party["bic"] = f"ZZEX{country}2A"
        party["institution_name"] = dice.pick(_BANKS)
    return {**party, "country": country}


def employer(dice: Dice, holder: AccountHolder) -> Record:
    """Who pays a customer's salary."""
    return firm(dice, holder.country, holder.employer)


def firm(dice: Dice, country: str, name: str = "") -> Record:
    """A firm with an account at another bank."""
    chosen = name or dice.pick(_CN_FIRMS if country == "CN" else _FIRMS)
    account = with_luhn("98" + dice.digits(12)) if country == "CN" else _account(dice, country)
    return _party(dice, country, chosen, account)


def stranger(dice: Dice, country: str) -> Record:
    """A person with an account at another bank."""
    female = dice.chance(0.5)
    if country == "CN":
        name = chinese_names.chinese_name(dice, female).full
    else:
        name = western_names.western_name(dice, country, female).full
    return _party(dice, country, name, _account(dice, country))


def merchant(dice: Dice, country: str) -> tuple[Record, str]:
    """A merchant and what is bought; card payments show the merchant's name and country only."""
    name, text = dice.pick(_CN_MERCHANTS if country == "CN" else _MERCHANTS)
    number = f"{text} {dice.digits(6)}"
    return {"name": name, "country": country}, number


def utility(dice: Dice, country: str) -> tuple[Record, str, str]:
    """A utility or insurer, its purpose code (ISO 20022) and the text."""
    name, purpose, text = dice.pick(_CN_UTILITIES if country == "CN" else _UTILITIES)
    return firm(dice, country, name), purpose, f"{text} {dice.digits(4)}"


def bank(holder: AccountHolder) -> Record:
    """The bank itself."""
    return {"name": holder.bank, "bic": holder.bic, "country": holder.country}


def abroad(dice: Dice, country: str) -> tuple[Record, str]:
    """A firm or person in another country, and the currency there."""
    choices = [other for other in (*IBAN_COUNTRIES, "US") if other != country]
    other = dice.pick(choices)
    party = firm(dice, other) if dice.chance(0.5) else stranger(dice, other)
    return party, currency_of(other)


def transfer_text(dice: Dice, holder: AccountHolder) -> str:
    """What people write beside a transfer."""
    return dice.pick(_CN_TEXTS if holder.country == "CN" else _TEXTS)
