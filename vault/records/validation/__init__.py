"""Validation: what is wrong with a record, all of it at once.

In comes a record; out goes a tuple of violations, each with the proto path of its field, a reason
code and a sentence in English and Chinese. An empty tuple means that the record may be stored.
Checks are those of the fields' own standards (`vault.records.identifiers`), of text
(`validation.text`) and of fields that contradict each other.

It never raises for any record, whatever it holds, and no violation holds a value. Whether a record
is complete is another question, and not asked here.
"""

from vault.records.reasons import Reason
from vault.records.validation.customers import validate_customer
from vault.records.validation.documents import validate_document
from vault.records.validation.transactions import validate_transaction
from vault.records.validation.violation import Findings, Violation

__all__ = [
    "Findings",
    "Reason",
    "Violation",
    "validate_customer",
    "validate_document",
    "validate_transaction",
]
