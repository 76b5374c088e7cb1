"""The bare facts of a lending register and of a bank's staff, for the model of need_to_know.py: who
is known, in which roles until when; what was asked, and agreed to by whom; what it takes to lend.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NEVER = 1 << 62

SERVING, QUALITY = "CUSTOMER_SERVICE", "DATA_QUALITY"
REGULATOR, SUSPICION = "REGULATOR_REQUEST", "SUSPICIOUS_ACTIVITY_INVESTIGATION"
PURPOSES = (SERVING, QUALITY, REGULATOR, SUSPICION)
WITH_A_CASE = {REGULATOR, SUSPICION}
BRANCHES = ("BJ-01", "SH-01")
ORDINARY, VIP = "ORDINARY", "VIP"

PHONES, EMAILS, ACCOUNTS = "customer.phones", "customer.emails", "customer.accounts"
PERSON, NAME = "customer.natural_person", "customer.natural_person.full_name"
RISK = "customer.risk_class"
FIELDS = (PHONES, EMAILS, ACCOUNTS, PERSON, NAME, RISK)
EVERYTHING = "customer"
COUNTER = tuple(
    f"customer.{one}"
    for one in "customer_number branch natural_person phones emails addresses accounts".split()
)

# Who may ask, and who may decide, at all.
STAFF = {"teller", "custodian", "compliance", "investigator", "security_officer", "break_glass"}
DECIDERS = {"custodian", "compliance", "investigator"}
OVERSEERS = {"custodian", "compliance", "security_officer"}


def within(path: str, wider: str) -> bool:
    """Whether a path is another one, or inside it."""
    return path == wider or path.startswith(wider + ".")


def touches(one: str, other: str) -> bool:
    """Whether two paths have something in common."""
    return within(one, other) or within(other, one)


@dataclass(eq=False)
class Account:
    """A name that somebody is known by. ``slug`` is his certificate's, which stays when the name
    changes; roles have their ends, and may be held to some branches or classes of files; ``own``
    are the customers that it says he is."""

    slug: str
    name: str
    person: str
    roles: dict[str, int]
    own: set[int] = field(default_factory=set)
    known: bool = True
    branches: set[str] | None = None
    classes: set[str] | None = None


class Agreed(NamedTuple):
    """Somebody's agreement, by the name that he had then."""

    name: str
    person: str
    role: str


class Terms(NamedTuple):
    """What it takes to lend something."""

    needs: tuple[str, ...]
    longest: int
    within: int
    secret: bool = False


def terms(purpose: str, fields: tuple[str, ...], *, careful: bool) -> Terms:
    """By what is asked for: the purpose says who agrees, and some fields and files want more."""
    longest, limit = {
        SERVING: (8 * HOUR, 24 * HOUR),
        QUALITY: (8 * HOUR, 24 * HOUR),
        REGULATOR: (5 * DAY, 5 * DAY),
        SUSPICION: (5 * DAY, 5 * DAY),
    }[purpose]
    needs = ("custodian", "compliance") if careful or purpose == REGULATOR else ("custodian",)
    if purpose == SUSPICION:
        needs = ("compliance", "investigator")
    numbers = (ACCOUNTS, f"{PERSON}.identity")  # they open other doors
    if purpose not in WITH_A_CASE and any(touches(f, n) for f in fields for n in numbers):
        longest = min(longest, 2 * HOUR)
    if careful:
        longest, limit = min(longest, HOUR), min(limit, 8 * HOUR)
    return Terms(needs, longest, limit, purpose == SUSPICION)


@dataclass(eq=False)
class Life:
    """A check-out: what was asked, and all that came of it."""

    asker: str  # the person
    customer: int
    purpose: str
    terms: Terms
    fields: tuple[str, ...]
    lasts: int
    born: int
    once: bool = False
    case: bool = False
    glass: bool = False
    agreed: list[Agreed] = field(default_factory=list)
    began: int | None = None
    over: str = ""  # what somebody ended it by
    reviewed: bool = False
    # How the vault calls it, and its tags: the newest one last.
    name: str = ""
    tags: list[str] = field(default_factory=list)
