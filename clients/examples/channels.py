"""Where a transaction was ordered: counters, machines, terminals, applications.

Network addresses are from the ranges kept for documentation (RFC 5737, RFC 3849).
"""

from clients.examples.dice import Dice
from clients.examples.holders import AccountHolder
from clients.examples.shapes import Record

INTERNAL: Record = {"kind": "CHANNEL_KIND_INTERNAL"}


def _address(dice: Dice) -> str:
    if dice.chance(0.25):
        return f"2001:db8:{dice.below(65536):x}::{dice.between(1, 65535):x}"
    return f"{dice.pick(('203.0.113', '198.51.100', '192.0.2'))}.{dice.between(1, 254)}"


def online(dice: Dice) -> Record:
    """A mobile application three times in four, a web page otherwise."""
    if dice.chance(0.25):
        return {"kind": "CHANNEL_KIND_WEB", "network_address": _address(dice)}
    device = f"{dice.below(1 << 48):012x}"
    return {
        "kind": "CHANNEL_KIND_MOBILE",
        "device_id": device,
        "network_address": _address(dice),
    }


def branch(dice: Dice, holder: AccountHolder) -> Record:
    """The counter of the customer's branch."""
    return {
        "kind": "CHANNEL_KIND_BRANCH",
        "branch": holder.branch,
        "teller": f"T{dice.between(1, 40):04}",
    }


def machine(dice: Dice, holder: AccountHolder) -> Record:
    """A cash machine of the customer's branch."""
    terminal = f"ATM{dice.between(1, 12):03}"
    return {"kind": "CHANNEL_KIND_ATM", "branch": holder.branch, "terminal": terminal}


def terminal(dice: Dice) -> Record:
    """A merchant's terminal."""
    return {"kind": "CHANNEL_KIND_POS", "terminal": f"P{dice.digits(7)}"}


def system(dice: Dice) -> Record:
    """A system of the customer's or of another bank."""
    return {"kind": "CHANNEL_KIND_API", "network_address": _address(dice)}
