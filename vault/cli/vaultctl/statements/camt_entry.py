"""An entry of camt.053 (`Ntry`), of any version from 02 on, as one entry or several.

Names and places are those of the message definition reports of ISO 20022
(BankToCustomerStatement). Versions differ in a few places, and each is looked for in both: `Sts` as
text or with `Cd`, `BIC` or `BICFI`, a party's name direct or within `Pty`.

A collected entry, whose details each have an amount of their own that add up to the entry's,
becomes one entry a detail: each is somebody's payment. One whose details say less stays one entry.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from xml.etree.ElementTree import Element, tostring

from vault.cli.vaultctl.proto_json import Problem
from vault.cli.vaultctl.statements.amounts import NOT_EXACT, plain
from vault.cli.vaultctl.statements.parts import Broken, Entry, Exchange, Side

_STATUS = {"BOOK": "BOOKED", "PDNG": "PENDING", "INFO": "INFORMATION", "FUTR": "PENDING"}
_BLANKS = re.compile(r"\s+")
_TEXT_KEPT = 1 << 16
"""Characters of an entry that cannot be understood which the file of refused rows gets."""
_CNAPS = "CNAPS"


class _Names(dict[str, str]):
    """Names with their namespace in front, each made once."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix

    def __missing__(self, name: str) -> str:
        self[name] = self._prefix + name
        return self[name]


class CamtEntries:
    """Reads the elements of one namespace."""

    def __init__(self, namespace: str) -> None:
        """`namespace` is the URI of the message's version."""
        self._names = _Names(f"{{{namespace}}}")

    def read(self, element: Element, currency: str) -> list[Entry | Broken]:
        """The entries of an `Ntry`; `currency` is the account's, where the amount has none."""
        amount, named = self.amount(element)
        sign = self.text(element, "CdtDbtInd")
        problems = []
        if amount is None:
            problems.append(Problem("amount", *NOT_EXACT))
        if sign not in ("CRDT", "DBIT"):
            problems.append(Problem("direction", "is neither CRDT nor DBIT", "既非 CRDT 也非 DBIT"))
        status = _STATUS.get(self.text(element, "Sts", "Cd") or self.text(element, "Sts"), "")
        if not status:
            problems.append(Problem("status", "is not known", "状态未知"))
        booked = self.day(element, "BookgDt")
        if booked is None:
            problems.append(Problem("booking_time", "has no booking date", "缺少记账日期"))
        if problems or amount is None:
            signed = None
            if status not in ("", "BOOKED"):
                # The balances know nothing of it, whatever it is.
                signed = Decimal(0)
            elif status and amount is not None and sign in ("CRDT", "DBIT"):
                signed = amount if sign == "CRDT" else -amount
            return [Broken(tuple(problems), source(element), signed, named or currency)]
        details = [
            detail
            for group in element.findall(self._names["NtryDtls"])
            for detail in group.findall(self._names["TxDtls"])
        ]
        whole = Entry(
            reference=self.text(element, "AcctSvcrRef") or self.text(element, "NtryRef"),
            amount=amount,
            currency=named or currency,
            credit=sign == "CRDT",
            booked=booked,
            valued=as_day(self.day(element, "ValDt")),
            status=status,
            reversal=self.text(element, "RvslInd") in ("true", "1"),
            code=self._code(element),
            remittance=clean(self.text(element, "AddtlNtryInf")),
            exchange=self._exchange(element, amount, named or currency),
        )
        if not details:
            return [whole]
        if len(details) == 1:
            return [self._with(whole, details[0])]
        return list(self._apart(whole, details)) or [whole]

    # -- details -----------------------------------------------------------------------------

    def _apart(self, whole: Entry, details: Sequence[Element]) -> Sequence[Entry]:
        """An entry a detail, if their amounts are known and add up; else none."""
        found: list[Entry] = []
        total = Decimal(0)
        for place, detail in enumerate(details, 1):
            amount, currency = self._own_amount(detail)
            sign = self.text(detail, "CdtDbtInd") or ("CRDT" if whole.credit else "DBIT")
            if amount is None or currency != whole.currency or sign not in ("CRDT", "DBIT"):
                return ()
            one = replace(whole, amount=amount, credit=sign == "CRDT", exchange=None)
            total += one.signed
            reference = f"{whole.reference}/{place}" if whole.reference else ""
            found.append(self._with(replace(one, reference=reference), detail))
        return found if total == whole.signed else ()

    def _own_amount(self, detail: Element) -> tuple[Decimal | None, str]:
        amount, currency = self.amount(detail)
        if amount is None:
            inner = self.first(detail, "AmtDtls", "TxAmt")
            if inner is not None:
                amount, currency = self.amount(inner)
        return amount, currency

    def _with(self, whole: Entry, detail: Element) -> Entry:
        """The entry with what its detail knows better."""
        refs = self.first(detail, "Refs")
        own_reference = self.text(refs, "AcctSvcrRef") if refs is not None else ""
        end_to_end = ""
        if refs is not None:
            end_to_end = self.text(refs, "EndToEndId") or self.text(refs, "UETR")
        reference = own_reference or whole.reference
        if not reference and refs is not None:
            reference = self.text(refs, "TxId") or self.text(refs, "InstrId")
        remittance = self._remittance(detail) or clean(self.text(detail, "AddtlTxInf"))
        purpose = self.text(detail, "Purp", "Cd")
        return replace(
            whole,
            reference=reference,
            end_to_end=end_to_end,
            code=self._code(detail) or whole.code,
            other=self._other(detail, whole.credit != whole.reversal),
            purpose=purpose,
            remittance=remittance or whole.remittance,
            exchange=self._exchange(detail, whole.amount, whole.currency) or whole.exchange,
        )

    def _other(self, detail: Element, incoming: bool) -> Side | None:
        """The other side: who has paid, where money came in; a reversal has the roles of before."""
        role = "Dbtr" if incoming else "Cdtr"
        parties = self.first(detail, "RltdPties")
        agents = self.first(detail, "RltdAgts")
        side = Side()
        if parties is not None:
            side = self.party(self.first(parties, role), self.first(parties, f"{role}Acct"))
        if agents is not None:
            agent = self.first(agents, f"{role}Agt")
            if agent is not None:
                side = self.with_bank(side, agent)
        return side if side != Side() else None

    def party(self, party: Element | None, account: Element | None) -> Side:
        """Name, country and account of a party; the name stands within `Pty` from version 08 on."""
        name = country = number = ""
        if party is not None:
            inner = self.first(party, "Pty")
            inner = party if inner is None else inner
            name = clean(self.text(inner, "Nm"))
            country = self.text(inner, "PstlAdr", "Ctry")
        if account is not None:
            number = self.account(account)
        return Side(account=number, name=name, country=country)

    def account(self, account: Element) -> str:
        """The number of an account: its IBAN, or another identification."""
        iban = self.text(account, "Id", "IBAN")
        return iban or " ".join(self.text(account, "Id", "Othr", "Id").split())

    def with_bank(self, side: Side, servicer: Element) -> Side:
        """The side with what is known of the account's institution."""
        bank = self.first(servicer, "FinInstnId")
        if bank is None:
            return side
        member = self.first(bank, "ClrSysMmbId")
        cnaps = ""
        if member is not None and self.text(member, "ClrSysId", "Cd") in (_CNAPS, "CNAPC"):
            cnaps = self.text(member, "MmbId")
        return replace(
            side,
            bic=self.text(bank, "BICFI") or self.text(bank, "BIC"),
            cnaps=cnaps,
            institution_name=clean(self.text(bank, "Nm")),
            country=side.country or self.text(bank, "PstlAdr", "Ctry"),
        )

    # -- parts -------------------------------------------------------------------------------

    def amount(self, element: Element) -> tuple[Decimal | None, str]:
        """The `Amt` of an element, and its currency."""
        amount = element.find(self._names["Amt"])
        if amount is None:
            return None, ""
        return plain((amount.text or "").strip()), amount.get("Ccy", "")

    def day(self, element: Element, name: str) -> date | datetime | None:
        """A day or a moment, as the statement has it; None if it is none."""
        choice = self.first(element, name)
        if choice is None:
            return None
        return moment(self.text(choice, "DtTm")) or moment(self.text(choice, "Dt"))

    def first(self, element: Element, *names: str) -> Element | None:
        """The element that a path leads to."""
        found: Element | None = element
        for name in names:
            if found is None:
                return None
            found = found.find(self._names[name])
        return found

    def text(self, element: Element | None, *names: str) -> str:
        """The text that a path leads to, without blanks around it; empty if there is none."""
        for name in names:
            if element is None:
                return ""
            element = element.find(self._names[name])
        return (element.text or "").strip() if element is not None else ""

    def _code(self, element: Element) -> str:
        code = self.first(element, "BkTxCd")
        if code is None:
            return ""
        domain = self.text(code, "Domn", "Cd")
        if domain:
            family = self.text(code, "Domn", "Fmly", "Cd")
            return f"{domain}/{family}/{self.text(code, 'Domn', 'Fmly', 'SubFmlyCd')}"
        return self.text(code, "Prtry", "Cd")

    def _remittance(self, detail: Element) -> str:
        information = self.first(detail, "RmtInf")
        if information is None:
            return ""
        texts = [(one.text or "") for one in information.findall(self._names["Ustrd"])]
        for structured in information.findall(self._names["Strd"]):
            texts.append(self.text(structured, "CdtrRefInf", "Ref"))
            texts += [(one.text or "") for one in structured.findall(self._names["AddtlRmtInf"])]
        return clean(" ".join(texts))

    def _exchange(self, element: Element, amount: Decimal, currency: str) -> Exchange | None:
        """The other amount, if one in another currency is told, and the rate."""
        amounts = self.first(element, "AmtDtls")
        if amounts is None:
            return None
        for name in ("InstdAmt", "TxAmt", "CntrValAmt"):
            inner = self.first(amounts, name)
            if inner is None:
                continue
            counter, other = self.amount(inner)
            if counter is None or not other or other == currency or not counter or not amount:
                continue
            rate = plain(self._rate(amounts))
            unit = self._unit(amounts)
            if rate and unit == currency:
                return Exchange(_rate_text(rate), counter, other)
            if rate and unit == other:
                return Exchange(_rate_text(1 / rate), counter, other)
            return Exchange(_rate_text(counter / amount), counter, other)
        return None

    def _rate(self, amounts: Element) -> str:
        return self._of_exchange(amounts, "XchgRate")

    def _unit(self, amounts: Element) -> str:
        return self._of_exchange(amounts, "UnitCcy")

    def _of_exchange(self, amounts: Element, name: str) -> str:
        for inner in amounts:
            found = self.text(inner, "CcyXchg", name)
            if found:
                return found
        return ""


def moment(text: str) -> date | datetime | None:
    """An ISODate or ISODateTime of XML; None for what is none."""
    if not text:
        return None
    try:
        if "T" in text:
            return datetime.fromisoformat(text)
        # A day may bear a zone in XML Schema, as in 2026-03-01+01:00; it stays that day.
        return date.fromisoformat(text[:10]) if len(text) in (10, 11, 16) else None
    except ValueError:
        return None


def clean(text: str) -> str:
    """A text as the vault takes it: composed (NFC), blanks and line ends as single blanks."""
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", text)).strip()


def as_day(moment: date | datetime | None) -> date | None:
    """The day of a day or moment."""
    return moment.date() if isinstance(moment, datetime) else moment


def _rate_text(rate: Decimal) -> str:
    """A rate of up to 15 digits before and behind the point, as the vault takes it."""
    text = f"{rate:.12f}".rstrip("0").rstrip(".")
    return text or "0"


def source(element: Element) -> str:
    """The text of an element, for the file of refused rows."""
    return tostring(element, encoding="unicode")[:_TEXT_KEPT]
