"""What the thirty years of one vault are told with: its chapters, and who looks at it in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from hashlib import sha256

import pytest
from sqlalchemy import Connection, select

from tests.records import builders
from tests.support.backups import Machine, Operator
from tests.support.disposal import BANK, DAYS, Bank, bank
from tests.support.log_keys import ORIGIN, log_signers
from tests.support.papers import Papers
from tests.support.specimen_files import as_pdf
from tests.support.specimens import DRAWN
from tests.support.verifying import Auditor
from vault.access import Action
from vault.audit.chain import leaf_hash
from vault.audit.note import parse_note, signatures_by
from vault.audit.proof_file import verify_proof
from vault.records import Branch, IndexKind, ScopeRef
from vault.rules.retention import RuleBook
from vault.rules.retention_files import read_rule_sets
from vault.services.at import At
from vault.services.errors import NotFound
from vault.services.retention.certifying import Certificate
from vault.services.retention.disposals import Shown
from vault.store import KeyStore
from vault.store.schema import (
    blind_index,
    content_leaves,
    contents,
    customers,
    documents,
    transactions,
)


def rules_of_then() -> RuleBook:
    """What the release of then brought: nobody knew yet that China would ask for ten years."""
    return RuleBook(
        replace(one, effective_until=None) if one.label == "cn/1" else one
        for one in read_rule_sets().sets
        if one.label != "cn/2"
    )


@dataclass
class Story:
    """What its chapters hand on."""

    operator: Operator
    machine: Machine
    auditor: Auditor
    stays: str = ""
    goes: str = ""
    later: str = ""
    passport: str = ""
    """Of the one who goes; the path of his document."""
    voucher: str = ""
    wrong: str = ""
    right: str = ""
    bounced: str = ""
    returned: str = ""
    case: str = ""
    hold: str = ""
    early: str = ""
    """The single transaction that is removed before the rest of its year."""
    rows: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    """All that is sealed of the one who goes, and what his keys are wrapped as."""
    certified: dict[str, Certificate] = field(default_factory=dict)


@asynccontextmanager
async def living(machine: Machine, day: date) -> AsyncIterator[Bank]:
    """The vault of a machine, started on a day."""
    with machine.opened() as (data, keys):
        made = bank(data, machine.folder, day, keys_database=keys, brought=rules_of_then())
        async with made as b:
            yield b


def chapter(machine: Machine, day: date, tell: Callable[[Bank], Awaitable[None]]) -> None:
    """A part of the story, with the vault started anew."""

    async def main() -> None:
        async with living(machine, day) as b:
            await tell(b)
            b.sign()

    asyncio.run(main())


async def carry_out(b: Bank, shown: Shown) -> None:
    """With a second person's word, by the plan's hash."""
    await b.approve(shown)
    await b.begin(shown)
    await b.runner.look()


async def certified(b: Bank, shown: Shown) -> Certificate:
    """The certificate, once everything about it holds."""
    await asyncio.to_thread(b.sign)
    call = b.call("compliance", Action.DISPOSALS_CERTIFICATE)
    made = await b.certifying.certificate(call, BANK, shown.disposal.identifier)
    done = await b.get(shown)
    note = parse_note(made.note)
    assert signatures_by(note, b.access_keys.signers.verifiers())
    digest = sha256(note.text.encode()).hexdigest()
    assert f"certificates/sha256:{digest}".encode() in made.leaf
    keys = log_signers(b.folder).verifiers()
    verify_proof(made.proof, leaf_hash(made.leaf), keys, ORIGIN)
    finished = datetime.fromtimestamp(done.disposal.body.finished_at / 1_000_000, UTC).date()
    assert made.keys_final == finished + timedelta(days=DAYS.keys + 1)
    assert made.rows_final == finished + timedelta(days=DAYS.data + 1)
    lines = note.text.splitlines()
    for line in (
        f"plan {shown.disposal.body.sha256}",
        f"destroyed {done.counts['DONE']}",
        f"passed-over {done.counts.get('PASSED', 0)}",
        f"rows {done.disposal.body.rows}",
        f"keys-final {made.keys_final}",
        f"rows-final {made.rows_final}",
    ):
        assert line in lines
    assert any(line.startswith("planned ") and line.endswith(" by keeper") for line in lines)
    assert any(line.startswith("agreed ") and line.endswith(" by compliance") for line in lines)
    return made


def labels(b: Bank) -> set[str]:
    """The rule sets that there are."""
    return {one.label for one in b.rules.book(BANK).sets}


def every_way(b: Bank, s: Story) -> list[Callable[[], Awaitable[object]]]:
    """Each way to a record of the one who goes."""
    papers, call = Papers(b), b.call("backend", Action.CUSTOMERS_GET, s.goes)
    document = b.call("backend", Action.DOCUMENTS_GET, s.goes)
    return [
        lambda: b.reads(s.goes),
        lambda: b.reading.customer(call, BANK, s.goes, at=At(date(2010, 1, 1))),
        lambda: b.reading.document(document, BANK, s.goes, s.passport.partition("/")[2]),
        lambda: b.reads_transaction(s.goes, s.wrong),
        lambda: papers.see(s.goes, s.passport),
        lambda: papers.see(s.goes, s.voucher),
    ]


async def others_are_there(b: Bank, s: Story) -> None:
    """Whoever is not let go stays readable, whatever becomes of others."""
    assert (await b.reads(s.stays)).value.customer_number == "C-STAYS"
    if s.later:
        assert (await b.reads(s.later)).value.customer_number == "C-LATER"


def sealed_rows(b: Bank, customer: str) -> list[bytes]:
    """Everything sealed that there is of a customer: records, views, contents, pictures, the bytes
    of objects; and the index entries that are his alone."""

    def look(conn: Connection) -> list[bytes]:
        columns = [
            *(x for t in (customers, documents, transactions) for x in (t.c.sealed, t.c.masked)),
            contents.c.sealed,
            content_leaves.c.masked,
        ]
        return [
            bytes(row[0])
            for column in columns
            for row in conn.execute(select(column).where(column.table.c.customer == customer))
        ]

    objects = [b"".join(b.blobs.get(one.name)) for one in b.blobs.list("contents/")]
    # A row of SQLite that is longer than a page is cut up: its first bytes lie together.
    found = [one[:200] for one in (*b.database.read_sync(look), *objects)]
    return found + own_tokens(b, customer)


def own_tokens(b: Bank, customer: str) -> list[bytes]:
    """What finds a customer and nobody else."""

    def look(conn: Connection) -> list[bytes]:
        rows = conn.execute(select(blind_index.c.token, blind_index.c.customer)).all()
        others = {bytes(row.token) for row in rows if row.customer != customer}
        return sorted({bytes(row.token) for row in rows} - others)

    return b.database.read_sync(look)


def wrapped_keys(b: Bank, customer: str) -> list[bytes]:
    """The wrapped file keys of a customer's scopes, of both branches."""
    store, mine = KeyStore(b.keys_database), refs(customer)
    return [row.wrapped for branch in Branch for row in store.file_keys(branch, mine).values()]


def refs(customer: str) -> list[ScopeRef]:
    """The scopes of the one who goes."""
    years = [f"transactions/{year}" for year in range(2006, 2013)]
    return [ScopeRef(BANK, customer, scope) for scope in ("identity", *years)]


def left(s: Story, machine: Machine) -> tuple[int, int]:
    """How many of the rows and of the keys of the one who goes are on a machine."""
    there = machine.look()
    return sum(one in there for one in s.rows), sum(one in there for one in s.keys)


async def reconstructs(b: Bank, s: Story, versions: int) -> None:
    """The same questions have the same answers, whenever they are asked."""
    call = b.call("backend", Action.CUSTOMERS_GET, s.goes)

    async def stood(as_of: date, known: date | None = None) -> tuple[int, str, int, str]:
        at = At(as_of, micros(known) if known else None)
        found = await b.reading.customer(call, BANK, s.goes, at=at)
        one = found.value
        born = one.natural_person.birth_date.year
        return found.version, one.addresses[0].city, born, one.risk_class.value

    moved = date(2008, 8, 15)
    assert await stood(date(2007, 1, 1)) == (1, "北京市", 1948, "LOW")
    assert await stood(moved, date(2008, 8, 20)) == (1, "北京市", 1948, "LOW")
    assert await stood(moved, date(2008, 12, 31)) == (2, "上海市", 1948, "LOW")
    assert await stood(moved) == (3, "上海市", 1949, "LOW")
    assert await stood(date(2010, 11, 14)) == (3, "上海市", 1949, "LOW")
    assert await stood(date(2010, 11, 15)) == (4, "上海市", 1949, "HIGH")
    assert (await b.reads(s.goes)).version == versions
    with pytest.raises(NotFound):
        await stood(date(2006, 2, 28))

    async def booked(record: str, known: date | None = None) -> list[list[str]]:
        at = At(known_at=micros(known)) if known else None
        call = b.call("backend", Action.TRANSACTIONS_GET, s.goes)
        one = await b.reading.transaction(call, BANK, s.goes, record.partition("/")[2], at=at)
        found = (one.corrected_by, one.reversed_by)
        return [["/".join(x.split("/")[-2:]) for x in names] for names in found]

    assert await booked(s.wrong, date(2009, 9, 1)) == [[], []]
    assert await booked(s.wrong) == [[s.right], []]
    assert await booked(s.bounced, date(2010, 11, 14)) == [[], []]
    assert await booked(s.bounced) == [[], [s.returned]]
    papers = Papers(b)
    for record in (s.passport, s.voucher):
        assert await papers.see(s.goes, record) == passport()
        assert (await papers.picture(s.goes, record)).png.startswith(b"\x89PNG")
    assert await b.finds(IndexKind.IDENTITY, builders.RESIDENT_ID) == [s.goes]
    await others_are_there(b, s)


def micros(day: date) -> int:
    """Noon of a day."""
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1_000_000)


@cache
def passport() -> bytes:
    """A scan of one."""
    return as_pdf(DRAWN["passport-td3"]().image)
