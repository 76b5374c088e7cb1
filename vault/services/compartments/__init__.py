"""The use cases of compartments: investigations, holds and suspicious-activity material.

In comes a call of a person; out goes what he may see of a compartment that he is a member of. To
whoever is none, it is as if there were no such compartment: the same refusal, found in the same
way. Everything about a compartment is sealed under a key of its own, which no disposal of a
customer's file touches and no list of the customer's keys names.

But for what looks whether records may be disposed of (vault.services.retention), no other use case
reads these tables, so that nothing which the vault answers of a customer can depend on them. No
event of this room names a customer.
"""

from vault.services.compartments.cases import Cases
from vault.services.compartments.entry import Ground
from vault.services.compartments.holding import Holding, NewHold, ShownHold
from vault.services.compartments.items import Items, Note, Noted
from vault.services.compartments.members import Members
from vault.services.compartments.written import Shown, ShownPlace

__all__ = [
    "Cases",
    "Ground",
    "Holding",
    "Items",
    "Members",
    "NewHold",
    "Note",
    "Noted",
    "Shown",
    "ShownHold",
    "ShownPlace",
]
