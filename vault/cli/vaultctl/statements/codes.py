"""From what a statement calls a booking to instrument and channel, where the code says it.

ISO 20022 external bank transaction codes (domain, family, sub-family) and the transaction type
identification codes of MT940, field 61. Codes that say neither, and codes of banks' own, are for
the mapping file: nothing is guessed.
"""

from __future__ import annotations

from typing import Final

Meaning = tuple[str, str]
"""Instrument and channel, each empty where the code does not say it."""

NOTHING: Final[Meaning] = ("", "")

# The longest that fits counts: PMNT/CCRD/CWDL before PMNT/CCRD.
_ISO: Final[dict[str, Meaning]] = {
    "PMNT/RCDT": ("CREDIT_TRANSFER", "API"),
    "PMNT/RRCT": ("CREDIT_TRANSFER", "API"),
    "PMNT/ICDT": ("CREDIT_TRANSFER", ""),
    "PMNT/IRCT": ("CREDIT_TRANSFER", ""),
    "PMNT/RDDT": ("DIRECT_DEBIT", "API"),
    "PMNT/IDDT": ("DIRECT_DEBIT", ""),
    "PMNT/CCRD": ("CARD", "POS"),
    "PMNT/CCRD/CWDL": ("CARD", "ATM"),
    "PMNT/CCRD/CDPT": ("CARD", "ATM"),
    "PMNT/CCRD/XBCW": ("CARD", "ATM"),
    "PMNT/MCRD": ("CARD", "POS"),
    "PMNT/CNTR": ("CASH", "BRANCH"),
    "PMNT/RCHQ": ("CHEQUE", ""),
    "PMNT/ICHQ": ("CHEQUE", ""),
    "PMNT/DRFT": ("TRADE", ""),
    "TRAD": ("TRADE", ""),
    "ACMT": ("ENTRY", "INTERNAL"),
    "LDAS": ("ENTRY", "INTERNAL"),
    "CAMT/ACCB": ("CREDIT_TRANSFER", "INTERNAL"),
    "CAMT/CAPL": ("CREDIT_TRANSFER", "INTERNAL"),
}
# Sub-families of charges and interest are the institution's own entry in every family.
_OF_THE_INSTITUTION: Final = frozenset("CHRG COMM COME COMI COMT FEES INTR TAXE ADJT".split())
_SWIFT: Final[dict[str, Meaning]] = {
    "BOE": ("TRADE", ""),
    "BRF": ("ENTRY", "INTERNAL"),
    "CHG": ("ENTRY", "INTERNAL"),
    "CHK": ("CHEQUE", ""),
    "CLR": ("CHEQUE", ""),
    "CMI": ("CREDIT_TRANSFER", "INTERNAL"),
    "CMN": ("CREDIT_TRANSFER", "INTERNAL"),
    "CMS": ("CREDIT_TRANSFER", "INTERNAL"),
    "CMT": ("CREDIT_TRANSFER", "INTERNAL"),
    "CMZ": ("CREDIT_TRANSFER", "INTERNAL"),
    "COL": ("TRADE", ""),
    "COM": ("ENTRY", "INTERNAL"),
    "DCR": ("TRADE", ""),
    "DDT": ("DIRECT_DEBIT", ""),
    "INT": ("ENTRY", "INTERNAL"),
    "LBX": ("CHEQUE", ""),
    "STO": ("CREDIT_TRANSFER", "INTERNAL"),
    "TCK": ("CHEQUE", ""),
    "TRF": ("CREDIT_TRANSFER", ""),
    "VDA": ("ENTRY", "INTERNAL"),
    # S and the number of the SWIFT message that caused the booking.
    "103": ("CREDIT_TRANSFER", ""),
    "202": ("CREDIT_TRANSFER", ""),
}


def meaning(code: str) -> Meaning:
    """What a code says by itself."""
    if "/" in code:
        if code.rpartition("/")[2] in _OF_THE_INSTITUTION:
            return ("ENTRY", "INTERNAL")
        while code:
            if code in _ISO:
                return _ISO[code]
            code = code.rpartition("/")[0]
        return NOTHING
    letters = code.partition("+")[0]
    if len(letters) == 4 and letters[0] in "NFS":
        return _SWIFT.get(letters[1:], NOTHING)
    return NOTHING
