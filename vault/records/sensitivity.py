"""Whose file needs more care than others."""

from datetime import date

from vault.records.customer import Customer, NaturalPerson

# 民法典 art. 17: a natural person of 18 years is of age.
_OF_AGE = 18


def sensitive(customer: Customer, today: date) -> bool:
    """Whether it takes more to see this file: it says so itself, or it is that of a person under
    age, who need not have been marked."""
    person = customer.natural_person
    if person is None and customer.sole_trader is not None:
        person = customer.sole_trader.person
    return bool(customer.sensitivities) or _under_age(person, today)


def _under_age(person: NaturalPerson | None, today: date) -> bool:
    if person is None or person.birth_date is None:
        return False
    born = person.birth_date
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years < _OF_AGE
