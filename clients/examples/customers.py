"""The customers of the demo bank: who they are, and in which shares."""

from collections.abc import Iterator

from clients.examples import chinese_names, western_names
from clients.examples.companies import chinese_company, western_company
from clients.examples.dice import Dice
from clients.examples.identifiers import Register
from clients.examples.people import EUROPE, Filed, chinese_person, western_person


def customers(seed: int, count: int) -> Iterator[Filed]:
    """The customers one after another, C0000001 first.

    About 85% natural persons, 10% legal entities, 5% sole traders; 55% in China, 25% in Europe,
    20% in the United States. Notable names come first, one every fourth customer.
    """
    dice, register = Dice(seed, "customers"), Register()
    chinese = iter(chinese_names.NOTABLE)
    western = iter(western_names.NOTABLE)
    for index in range(1, count + 1):
        number = f"C{index:07}"
        if index % 4 == 0:
            noted = next(western, None)
            if noted is not None:
                country, female, family, given = noted
                name = western_names.western_person(country, family, given)
                yield western_person(dice, register, number, country, notable=(female, name))
                continue
        if index % 4 == 2:
            shape = next(chinese, None)
            if shape is not None:
                yield chinese_person(dice, register, number, notable=shape)
                continue
        yield _customer(dice, register, number)


def _customer(dice: Dice, register: Register, number: str) -> Filed:
    origin, kind = dice.below(100), dice.below(100)
    company, trader = kind >= 90, 85 <= kind < 90
    if origin < 55:
        if company:
            return chinese_company(dice, register, number)
        return chinese_person(dice, register, number, trader=trader)
    country = dice.pick(EUROPE) if origin < 80 else "US"
    if company:
        return western_company(dice, register, number, country)
    return western_person(dice, register, number, country, trader=trader)
