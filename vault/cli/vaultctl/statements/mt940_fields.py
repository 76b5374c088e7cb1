"""The fields of MT940 (SWIFT Category 9, Customer Statement Message), and what banks put into them.

The standard gives the fields of letters and digits; what stands in the text of field 86 is agreed
between bank and customer. Two agreements are read, since most banks have one of them: subfields by
`?20` (Deutsche Kreditwirtschaft, DFÜ-Abkommen annex 3) and by words such as `/EREF/`. Any other
text is remittance text as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from vault.cli.vaultctl.statements.camt_entry import clean
from vault.cli.vaultctl.statements.parts import Balance, Side

_AMOUNT: Final = r"([0-9]{1,15},[0-9]{0,9})"
_BALANCE: Final = re.compile(rf"([CD])([0-9]{{6}})([A-Z]{{3}}){_AMOUNT}\s*")
# 6!n[4!n]2a[1!a]15d1!a3!c16x[//16x][34x]; some banks write longer references.
_LINE: Final = re.compile(
    rf"(?P<valued>[0-9]{{6}})(?P<booked>[0-9]{{4}})?\s*(?P<mark>R?[CD])(?P<funds>[A-Z])?"
    rf"{_AMOUNT.replace('(', '(?P<amount>', 1)}(?P<code>[NFS][A-Z0-9]{{3}})"
    r"(?P<reference>.{0,35}?)(?://(?P<bank>.{0,35}))?"
)
_NUMBER: Final = re.compile(r"([0-9]{1,9})(?:/([0-9]{1,5}))?\s*")
_BIC: Final = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_GERMAN: Final = re.compile(r"([0-9]{3})(?=\?[0-9]{2})")
_SUBFIELD: Final = re.compile(r"\?([0-9]{2})")
_SEPA: Final = re.compile(
    r"(EREF|KREF|MREF|BREF|RREF|CRED|DEBT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|COAM|OAMT)\+"
)
_WORD: Final = re.compile(
    r"/(EREF|KREF|MARF|CSID|CNTP|REMI|PURP|ULTB|ULTD|RTRN|IBAN|BIC|NAME|TRTP|IREF|PREF|ORDP|BENM|ADDR|"
    r"ISDT|BUSP|EXCH|CHGS|SVCL|TRCD|OCMT|ID)/"
)
_YOUNGEST: Final = 80
"""Years of two digits below it are of this century (statements are not older than 1980)."""


@dataclass(frozen=True, slots=True, repr=False)
class StatementLine:
    """Field 61."""

    valued: date
    booked: date
    credit: bool
    reversal: bool
    amount: Decimal
    code: str
    reference: str
    bank_reference: str


@dataclass(frozen=True, slots=True, repr=False)
class Information:
    """Field 86, as far as it is understood."""

    code: str = ""
    remittance: str = ""
    end_to_end: str = ""
    purpose: str = ""
    other: Side | None = None


def day(text: str) -> date | None:
    """A day as YYMMDD."""
    year = int(text[:2])
    try:
        return date((2000 if year < _YOUNGEST else 1900) + year, int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


def amount(text: str) -> Decimal:
    """An amount with its comma, which must be there."""
    return Decimal(text.replace(",", ".") + "0")


def balance(text: str, *, interim: bool) -> Balance | None:
    """Fields 60 and 62; those with M are of a page of the statement only."""
    found = _BALANCE.fullmatch(text)
    on = day(found[2]) if found else None
    if found is None or on is None:
        return None
    value = amount(found[4])
    return Balance(value if found[1] == "C" else -value, found[3], on, interim)


def number(text: str) -> tuple[int | None, int | None]:
    """Field 28C: number of the statement and of its page."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None, None
    return int(found[1]), int(found[2]) if found[2] else None


def statement_line(text: str) -> StatementLine | None:
    """Field 61, of which the first line is what is understood; None if it is none."""
    first = text.split("\n", 1)[0].rstrip()
    found = _LINE.fullmatch(first)
    valued = day(found["valued"]) if found else None
    if found is None or valued is None:
        return None
    booked = _booked(valued, found["booked"])
    if booked is None:
        return None
    mark = found["mark"]
    reversal = mark.startswith("R")
    # The reversal of a credit takes money out.
    credit = mark in ("C", "RD")
    reference = found["reference"].strip()
    return StatementLine(
        valued,
        booked,
        credit,
        reversal,
        amount(found["amount"]),
        found["code"],
        "" if reference in ("NONREF", "NOREF") else reference,
        (found["bank"] or "").strip(),
    )


def _booked(valued: date, text: str | None) -> date | None:
    """The entry date, which has no year: that in which it is nearest to the value date."""
    if text is None:
        return valued
    near = []
    for year in (valued.year - 1, valued.year, valued.year + 1):
        try:
            near.append(date(year, int(text[:2]), int(text[2:])))
        except ValueError:
            continue
    return min(near, key=lambda one: abs(one - valued)) if near else None


def own_account(text: str, currency: str) -> Side:
    """Field 25: an account alone, behind its bank's code, or with its currency at the end."""
    given = " ".join(text.split())
    bank, slash, behind = given.partition("/")
    account = behind if slash and behind else given
    if currency and account.endswith(currency) and _IBAN.fullmatch(account.removesuffix(currency)):
        # An IBAN may end in letters too; only the digits behind the country tell its length, which
        # the vault checks. No country's has letters at the end that are this currency's.
        account = account.removesuffix(currency)
    bic = bank if slash and _BIC.fullmatch(bank) else ""
    return Side(account=account.strip(), bic=bic)


def information(text: str) -> Information:
    """Field 86."""
    german = _GERMAN.match(text.replace("\n", ""))
    if german is not None:
        return _german(german[1], text.replace("\n", ""))
    if _WORD.match(text.lstrip()):
        return _words(text.replace("\n", "").strip())
    return Information(remittance=clean(text))


def _german(code: str, text: str) -> Information:
    fields: dict[str, str] = {}
    parts = _SUBFIELD.split(text)
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        fields[name] = fields.get(name, "") + value
    told = "".join(fields.get(f"{n:02}", "") for n in (*range(20, 30), *range(60, 64)))
    found = dict(_pairs(_SEPA, told))
    remittance = found.get("SVWZ", "") if found else told
    side = Side(
        account=fields.get("31", "").strip() or found.get("IBAN", ""),
        name=clean(fields.get("32", "") + fields.get("33", "")),
        bic=_bic(fields.get("30", "")) or _bic(found.get("BIC", "")),
    )
    return Information(
        code=code,
        remittance=clean(remittance) or clean(fields.get("00", "")),
        end_to_end=found.get("EREF", ""),
        purpose=_purpose(found.get("PURP", "")),
        other=side if side != Side() else None,
    )


def _words(text: str) -> Information:
    found = dict(_pairs(_WORD, text))
    account = bic = name = ""
    if "CNTP" in found:
        account, bic, name, *_ = [*found["CNTP"].split("/"), "", "", ""]
    side = Side(
        account=account.strip() or found.get("IBAN", ""),
        name=clean(name or found.get("NAME", "")),
        bic=_bic(bic or found.get("BIC", "")),
    )
    told = found.get("REMI", "")
    for kind in ("USTD//", "STRD/"):
        told = told.removeprefix(kind)
    return Information(
        remittance=clean(told.removesuffix("/")),
        end_to_end=found.get("EREF", ""),
        purpose=_purpose(found.get("PURP", "")),
        other=side if side != Side() else None,
    )


def _pairs(names: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    """What stands behind each name; what stands before the first is remittance of its own."""
    parts = names.split(text)
    seen = set()
    if parts[0].strip():
        yield ("SVWZ" if names is _SEPA else "REMI"), parts[0]
        if len(parts) == 1:
            return
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        if name not in seen:
            seen.add(name)
            yield (
                name,
                value.strip().strip("/").strip()
                if names is _WORD
                and name
                not in (
                    "CNTP",
                    "REMI",
                )
                else value.strip(),
            )


def _bic(text: str) -> str:
    text = text.strip()
    return text if _BIC.fullmatch(text) else ""


def _purpose(text: str) -> str:
    text = text.strip()[:4]
    return text if re.fullmatch(r"[A-Z0-9]{4}", text) else ""
