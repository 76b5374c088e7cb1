"""Masks: what a front end may see of a record, computed when the record is written.

In comes a record and a rule set; out goes a masked view, in which every value says how much of it
is shown. Rule sets are data (`default.toml`): which kind of value is shown how. What the ways of
showing do is in `functions`.

Masking is total: it answers for any record, valid or not. It never tells a length by its stars, and
what it masks is known for a mask by validation when somebody writes it back as data.
"""

from vault.records.masks.rules import DEFAULT_MASKS, MaskRules, MasksInvalid, load_masks
from vault.records.masks.views import (
    format_amount,
    mask_customer,
    mask_document,
    mask_transaction,
)

__all__ = [
    "DEFAULT_MASKS",
    "MaskRules",
    "MasksInvalid",
    "format_amount",
    "load_masks",
    "mask_customer",
    "mask_document",
    "mask_transaction",
]
