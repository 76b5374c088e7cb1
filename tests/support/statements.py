"""Statements of any length, for tests and measurements: made up, and they add up."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

OWN = "DE41999999994649640647"
OTHER = "DE17999999990032169770"
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02}"><BkToCstmrStmt>'
    "<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-02T18:30:00+01:00</CreDtTm></GrpHdr>\n"
)
_TAIL = "</BkToCstmrStmt></Document>\n"


def entry(
    number: int,
    amount: str = "10.01",
    sign: str = "CRDT",
    *,
    code: str = "PMNT/RCDT/ESCT",
    status: str = "<Cd>BOOK</Cd>",
    day: str = "2026-03-02",
    more: str = "",
    details: str | None = None,
) -> str:
    """An entry of camt.053; a pair of them comes to nothing."""
    domain, family, sub = code.split("/")
    if details is None:
        side = "Dbtr" if sign == "CRDT" else "Cdtr"
        details = (
            f"<NtryDtls><TxDtls><Refs><EndToEndId>E2E-{number}</EndToEndId></Refs><RltdPties>"
            f"<{side}><Pty><Nm>Example Company {number % 97} Ltd</Nm></Pty></{side}>"
            f"<{side}Acct><Id><IBAN>{OTHER}</IBAN></Id></{side}Acct></RltdPties>"
            f"<RltdAgts><{side}Agt><FinInstnId><BICFI>RVLTDE2A</BICFI></FinInstnId></{side}Agt>"
            f"</RltdAgts><RmtInf><Ustrd>Invoice {number}, with thanks</Ustrd></RmtInf></TxDtls>"
            "</NtryDtls>"
        )
    return (
        f'<Ntry><NtryRef>{number}</NtryRef><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd>{more}<Sts>{status}</Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>REF{number:012}</AcctSvcrRef><BkTxCd><Domn><Cd>{domain}</Cd><Fmly>"
        f"<Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn></BkTxCd>{details}</Ntry>\n"
    )


def statement(
    entries: str,
    *,
    opening: str = "100.00",
    closing: str = "100.00",
    number: int = 1,
    account: str = OWN,
    head: str = "",
) -> str:
    """A statement around entries."""

    def balance(code: str, amount: str) -> str:
        value = Decimal(amount)
        sign = "CRDT" if value >= 0 else "DBIT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="EUR">{abs(value)}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'
            "<Dt><Dt>2026-03-02</Dt></Dt></Bal>"
        )

    return (
        f"<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>{head}"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{balance('OPBD', opening)}{balance('CLBD', closing)}\n{entries}</Stmt>\n"
    )


def message(*statements: str, version: int = 8) -> str:
    """A whole message."""
    return _HEAD.format(version=version) + "".join(statements) + _TAIL


def pairs(entries: int) -> Iterator[str]:
    """Entries that come to nothing, two by two."""
    for number in range(1, entries + 1):
        credit = number % 2 == 1
        code = "PMNT/RCDT/ESCT" if credit else "PMNT/RDDT/ESDD"
        yield entry(number, "10.01", "CRDT" if credit else "DBIT", code=code)


def write_camt(path: Path, entries: int, *, broken: int = 0) -> list[int]:
    """A file of one statement with so many entries (an even number), the last `broken` of which
    cannot be understood, though their amounts can. It is written as it goes. Those entries."""
    before, after = statement("@", number=1).split("@")
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEAD.format(version=8) + before)
        for number, one in enumerate(pairs(entries), 1):
            if number > entries - broken:
                one = one.replace("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", "")
            file.write(one)
        file.write(after + _TAIL)
    return _last(entries, broken)


_LINES = 10
"""Lines of what is told of an entry of MT940, which makes it about as long as one of camt.053."""


def write_mt940(path: Path, entries: int, *, broken: int = 0) -> list[int]:
    """As `write_camt`, in MT940; not even the amounts of those that are broken can be understood.
    Their lines."""
    told = [f"{'w' * 60} {n}" for n in range(_LINES - 1)]
    with path.open("w", encoding="utf-8") as file:
        file.write(f":20:S1\n:25:{OWN}\n:28C:1\n:60F:C260302EUR100,00\n")
        for number in range(1, entries + 1):
            sign = "C" if number % 2 else "D"
            amount = "10.01" if number > entries - broken else "10,01"
            file.write(f":61:2603020302{sign}{amount}NTRFREF{number:09}\n")
            file.write("\n".join([f":86:Invoice {number}, with thanks", *told, ""]))
        file.write(":62F:C260302EUR100,00\n-\n")
    return [4 + (number - 1) * (_LINES + 1) + 1 for number in _last(entries, broken)]


CSV_MAPPING = (
    '[defaults]\ntime_zone = "UTC"\ncurrency = "EUR"\ninstrument = "CREDIT_TRANSFER"\n'
    'channel = "API"\n[columns]\nreference = "reference"\nday = "booked"\nsum = "amount"\n'
    'account = "account"\nwords = "remittance"\n'
)
"""The mapping of what `write_csv` writes."""


def write_csv(path: Path, entries: int, *, broken: int = 0) -> list[int]:
    """As `write_camt`, in CSV; those that are broken have no day. Their records."""
    words = "w" * 620
    with path.open("w", encoding="utf-8") as file:
        file.write("reference,day,sum,account,words\n")
        for number in range(1, entries + 1):
            day = "" if number > entries - broken else "2026-03-02"
            sign = "" if number % 2 else "-"
            file.write(f"REF{number:012},{day},{sign}10.01,{OWN},Invoice {number} {words}\n")
    return _last(entries, broken)


def _last(entries: int, broken: int) -> list[int]:
    return list(range(entries - broken + 1, entries + 1))
