"""Fills a vault with customers who have a document each, in bulk: keys made and rows sealed as the
vault makes and seals them, but without calls, claims, index entries and events, of which a report
over all files reads nothing. So a million take minutes.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import Connection

from tests.records import builders
from tests.support.use_cases import BANK, UseCases
from vault.records import (
    IDENTITY_SCOPE,
    Branch,
    Customer,
    DocumentKind,
    IdentityDocument,
    IdentityElement,
    RiskClass,
    ScopeRef,
    new_ulid,
)
from vault.services import sealer
from vault.services.kinds import CUSTOMERS, DOCUMENTS
from vault.store import CustomerRow, DocumentRow, customers, documents

_BATCH = 500
_BRANCHES = 20
_RISKS = (RiskClass.LOW, RiskClass.MEDIUM, RiskClass.HIGH)
_DAYS = 3_000
_PERSON = builders.person()
_SOURCES = (builders.source(), builders.source("natural_person.identity"))


def fill(vault: UseCases, numbers: range) -> None:
    """Customers of these numbers, in order of their identifiers. What they lack and what of them
    has expired differs; none of their keys is held in memory afterwards."""
    for first in range(numbers.start, numbers.stop, _BATCH):
        _some(vault, range(first, min(first + _BATCH, numbers.stop)))
        vault.ring.clear()


def _some(vault: UseCases, numbers: range) -> None:
    now = vault.clock.now_micros()
    today = sealer.utc_day(now)
    # A millisecond each, so that identifiers are in order.
    ids = [new_ulid(now // 1000 + n) for n in numbers]
    refs = [ScopeRef(BANK, one, IDENTITY_SCOPE) for one in ids]
    vault.ring.ensure(refs)
    full = vault.ring.fetch(Branch.FULL, refs)
    masked = vault.ring.fetch(Branch.MASKED, refs)
    people: list[CustomerRow] = []
    papers: list[DocumentRow] = []
    for n, one, ref in zip(numbers, ids, refs, strict=True):
        keys = (full[ref], masked[ref])
        sealed = sealer.seal(CUSTOMERS, _person(n, today), ref, "", 1, keys, today)
        people.append(CustomerRow(BANK, one, 1, now, "bench", *sealed))
        record = f"documents/{one}"
        sealed = sealer.seal(DOCUMENTS, _paper(n, today), ref, record, 1, keys, today)
        papers.append(DocumentRow(BANK, one, one, 1, now, "bench", *sealed))

    def work(conn: Connection) -> None:
        customers.insert(conn, people)
        documents.insert(conn, papers)

    vault.database.write_sync(work)


def _person(n: int, today: date) -> Customer:
    paper = IdentityElement(DocumentKind.PASSPORT, f"P{n:08d}", "SE", None, _ends(n, today))
    human = replace(_PERSON, identity=paper, occupation="" if n % 7 == 0 else "clerk")
    return builders.customer(
        customer_number=f"C{n:08d}",
        branch=f"B{n % _BRANCHES:02d}",
        risk_class=_RISKS[n % len(_RISKS)],
        natural_person=human,
        accounts=(f"9{n:011d}",),
        sources=_SOURCES,
    )


def _paper(n: int, today: date) -> IdentityDocument:
    return builders.document(
        number=f"P{n:08d}",
        holder_name="Somebody Else",
        machine_readable_zone="",
        expiry_date=_ends(n, today),
    )


def _ends(n: int, today: date) -> date:
    return today + timedelta(days=n % _DAYS)
