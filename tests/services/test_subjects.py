"""Persons who ask about their own data are answered in time, by the rules, and told of nothing that
somebody else may have against them."""

from __future__ import annotations

import ast
import asyncio
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from tests.services.test_disposal import live
from tests.services.test_merging import agreed
from tests.support.disposal import BANK, Bank, call_of
from tests.support.principals import principal_of
from tests.support.subjects import Desk
from vault.access import Action
from vault.audit.log_sources import StoreSource
from vault.audit.verify_rows import verify_rows
from vault.records import IDENTITY_SCOPE, CustomerName, ScopeRef, TransactionName, new_ulid
from vault.rules.business import read_business
from vault.rules.currency import DueKind, read_currency
from vault.rules.disclosure import Use
from vault.rules.element_files import read_elements
from vault.rules.erasure import Verdict
from vault.rules.ownership_files import read_ownership
from vault.rules.subjects import RequestKind
from vault.services import subjects
from vault.services.custody import Custody
from vault.services.errors import Aborted, InvalidArgument, NotFound, RequestIdReused, Shredded
from vault.services.life import Assessor, Files, Reminding, Reports, Rules, WantedFiles, When
from vault.services.merging.content import MergeChange
from vault.services.merging.errors import Merged
from vault.services.merging.kin import MergedKin
from vault.services.merging.standing import Merges
from vault.services.retention.blocking import read_kept
from vault.services.retention.errors import NotAtThatStage
from vault.services.retention.judging import Judged, Judging, who_ask
from vault.services.subjects.errors import ErasureNotSo, NotThatCorrection, RequestStage
from vault.services.subjects.register import Shown
from vault.services.subjects.rows import Outcome
from vault.store import Database, shredding
from vault.store.disposal_gate import gate

Life = Callable[[Bank, Desk], Awaitable[None]]
TODAY = date(2026, 1, 5)
WORDS = "Was speichern Sie über mich, Nachtigall?"


def at_the_desk(
    database: Database, folder: Path, life: Life, day: date = TODAY, *where: str
) -> None:
    async def main(b: Bank) -> None:
        b.jurisdictions = where or b.jurisdictions
        await life(b, Desk(b))

    live(database, folder, main, day)


def test_a_request_is_in_the_register_with_its_day_and_law_until_it_is_answered(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        made = await desk.file(customer, RequestKind.ACCESS, date(2026, 1, 3), WORDS)
        assert made.request.due_on == date(2026, 2, 2)
        assert made.request.body.limit == "cn/1" and "四十五" in made.request.body.article
        found = await desk.get(made)
        assert [one.words.text for one in found.said] == [WORDS]
        assert not found.overdue and not found.request.closed
        with pytest.raises(RequestStage):
            await desk.extend(found)
        b.clock.on(date(2026, 2, 3))
        assert (await desk.get(made)).overdue
        done = await desk.close(found, Outcome.ANSWERED, "Here it is.")
        assert not done.overdue and done.request.body.closed_by == "compliance"
        assert [one.words.text for one in done.said] == [WORDS, "Here it is."]
        with pytest.raises(RequestStage):
            await desk.close(done, Outcome.ANSWERED)

        # Not a word of it is in the log, and what is there matches the rows.
        with pytest.raises(InvalidArgument):
            await desk.file(customer, RequestKind.ACCESS, date(2026, 2, 5))
        with pytest.raises(NotFound):
            await desk.file("0" * 26, RequestKind.ACCESS, TODAY)
        assert faults(b, migrated_url) == []
        leaves = b"".join(_leaves(b))
        assert b"Nachtigall" not in leaves and f"words@{1}".encode() in leaves

    at_the_desk(database, tmp_path, life)


def test_a_request_that_is_sent_twice_is_entered_once(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer, sent = await b.customer(), str(uuid.uuid4())
        first = await desk.file(customer, RequestKind.ACCESS, TODAY, WORDS, sent)
        rows = len(b.events()[-1].rows)
        b.clock.on(TODAY + timedelta(days=1))
        # What has become of it since changes nothing of the answer.
        await desk.close(first, Outcome.WITHDRAWN, "He called.")
        again = await desk.file(customer, RequestKind.ACCESS, TODAY, WORDS, sent)
        assert (again.request, again.said, again.etag) == (first.request, first.said, first.etag)
        assert rows == 2 and [s.request.name for s in await desk.page(closed=True)] == [
            first.request.name
        ]
        # Other words by the same UUID are another request, and are not taken for this one.
        for other in ("Something else.", WORDS + " "):
            with pytest.raises(RequestIdReused):
                await desk.file(customer, RequestKind.ACCESS, TODAY, other, sent)
        with pytest.raises(RequestIdReused):
            await desk.file(customer, RequestKind.ERASURE, TODAY, WORDS, sent)
        # Without one, or with another, it is one more.
        for more in ("", str(uuid.uuid4())):
            await desk.file(customer, RequestKind.ACCESS, TODAY, WORDS, more)
        assert len(await desk.page(closed=True)) == 3
        assert faults(b, migrated_url) == []

    at_the_desk(database, tmp_path, life)


def test_of_two_copies_of_a_request_at_once_one_is_entered(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer, sent = await b.customer(), str(uuid.uuid4())
        copies = [desk.file(customer, RequestKind.ACCESS, TODAY, WORDS, sent) for _ in range(4)]
        made = await asyncio.gather(*copies)
        assert len({one.request.name for one in made}) == 1
        assert len(await desk.page(closed=True)) == 1

    at_the_desk(database, tmp_path, life)


def found_in(folder: Path, pieces: list[bytes]) -> list[Path]:
    """The files that hold one of these."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(one in path.read_bytes() for one in pieces)]


def faults(b: Bank, url: str) -> list[str]:
    """Where rows and log do not agree."""
    source = StoreSource(url)
    return [f"{f.kind.value} {f.place}" for f in verify_rows(source, len(b.events()))]


def _leaves(b: Bank) -> list[bytes]:
    from vault.audit.reader import read

    return [one.leaf for one in b.database.read_sync(lambda c: read(c, 0, 5000)).events]


def test_open_requests_come_first_and_of_those_the_one_that_is_due_first(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        one, two = await b.customer("C1"), await b.customer("C2")
        days = [date(2026, 1, 4), date(2025, 12, 1), date(2026, 1, 2)]
        made = [
            await desk.file(c, RequestKind.ACCESS, d)
            for c, d in zip((one, two, one), days, strict=True)
        ]
        await desk.close(made[2], Outcome.WITHDRAWN)
        assert [s.request.received for s in await desk.page()] == [days[1], days[0]]
        assert [s.overdue for s in await desk.page()] == [True, False]
        every = await desk.page(closed=True)
        assert [s.request.received for s in every] == [days[1], days[0], days[2]]
        assert all(not s.said for s in every)
        paged: list[Shown] = []
        while True:
            last = paged[-1].request if paged else None
            after = last and (
                int(last.closed),
                last.due_on.toordinal(),
                last.customer,
                last.identifier,
            )
            some = await desk.page(closed=True, after=after, limit=1)
            if not some:
                break
            paged += some
        assert [s.request.name for s in paged] == [s.request.name for s in every]
        mine = await desk.page(customer=two)
        assert [s.request.received for s in mine] == [days[1]]

    at_the_desk(database, tmp_path, life)


def test_a_longer_time_is_taken_once_and_before_the_first_is_over(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        late, made = [
            await desk.file(await b.customer(number), RequestKind.CORRECTION, TODAY)
            for number in ("C1", "C2")
        ]
        assert made.request.due_on == date(2026, 2, 5)
        longer = await desk.extend(made)
        assert longer.request.due_on == date(2026, 4, 5) and longer.request.body.extended
        with pytest.raises(Aborted):
            await desk.close(made, Outcome.WITHDRAWN)
        with pytest.raises(RequestStage):
            await desk.extend(longer)
        b.clock.on(date(2026, 2, 6))
        with pytest.raises(RequestStage):
            await desk.extend(late)

    at_the_desk(database, tmp_path, life, TODAY, "DE")


def test_a_correction_is_met_by_a_version_that_corrects_with_a_document_since_it_was_asked(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer, other = await b.customer("C1"), await b.customer("C2")
        paper = f"{CustomerName(BANK, customer)}/{await b.document(customer)}"
        strange = f"{CustomerName(BANK, other)}/documents/{'0' * 26}"
        before = await desk.change(customer, correction="Misread.", document=paper, branch="BJ-02")
        b.clock.on(TODAY + timedelta(days=1))
        made = await desk.file(
            customer, RequestKind.CORRECTION, TODAY + timedelta(days=1), "Not my branch."
        )
        follows = await desk.change(customer, document=paper, branch="BJ-03")
        bare = await desk.change(customer, correction="Wrong.", branch="BJ-04")
        others = await desk.change(
            customer, correction="Wrong again.", document=strange, branch="BJ-05"
        )
        beside = await desk.change(
            customer, correction="Elsewhere.", document=paper, phones=("+8613900139000",)
        )
        right = await desk.change(
            customer, correction="By his passport.", document=paper, branch="BJ-06"
        )
        for wrong in (1, before, follows, bare, others):
            with pytest.raises(NotThatCorrection):
                await desk.close(made, Outcome.CORRECTED, version=wrong)
        with pytest.raises(NotFound):
            await desk.close(made, Outcome.CORRECTED, version=right + 1)
        with pytest.raises(InvalidArgument):
            await desk.close(made, Outcome.REFUSED)
        with pytest.raises(RequestStage):
            await desk.close(made, Outcome.ANSWERED)
        assert beside == right - 1
        done = await desk.close(made, Outcome.CORRECTED, version=right)
        assert (done.request.body.corrected, done.request.body.version) == (customer, right)

    at_the_desk(database, tmp_path, life)


# -- erasure -------------------------------------------------------------------------------------


async def ended(b: Bank, number: str = "C1") -> str:
    """A customer whose relationship ended in 2012; kept through 2017, as the law was then."""
    customer = await b.customer(number)
    await b.book(customer, date(2011, 5, 6))
    b.clock.on(date(2012, 7, 1))
    await b.end(customer, date(2012, 6, 30))
    return customer


def test_an_erasure_is_refused_with_its_law_while_a_minimum_runs_and_not_a_day_longer(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        made = await desk.file(customer, RequestKind.ERASURE, date(2010, 1, 4), "Erase me.")
        found = await desk.get(made)
        assert found.erasure is not None
        assert (found.erasure.verdict, found.erasure.not_before) == (Verdict.KEPT, None)
        with pytest.raises(ErasureNotSo):
            await desk.close(made, Outcome.ERASED)
        await b.book(customer, date(2011, 5, 6))
        b.clock.on(date(2012, 7, 1))
        await b.end(customer, date(2012, 6, 30))
        b.clock.on(date(2017, 12, 31))
        found = await desk.get(made)
        assert found.erasure is not None
        assert found.erasure.not_before == date(2017, 12, 31)
        again = await desk.file(customer, RequestKind.ERASURE, date(2017, 12, 31), "Erase me!")
        done = await desk.close(made, Outcome.REFUSED, "We are sorry.")
        said = done.said[-1].words
        assert said.text == "We are sorry."
        (ground,) = said.grounds
        assert (ground.what, ground.kept_through) == ("identity", "2017-12-31")
        assert ground.rule == "cn/1/identity" and ground.source and ground.article
        # A day later there is no ground left.
        b.clock.on(date(2018, 1, 1))
        found = await desk.get(again)
        assert found.erasure is not None and found.erasure.verdict is Verdict.DUE
        with pytest.raises(ErasureNotSo):
            await desk.close(again, Outcome.REFUSED, "We would rather not.")
        with pytest.raises(ErasureNotSo):
            await desk.close(again, Outcome.ERASED)

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_what_was_erased_ends_the_request_and_takes_its_words_along(
    database: Database, migrated_url: str, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        b.clock.on(date(2018, 1, 2))
        made = await desk.file(customer, RequestKind.ERASURE, date(2018, 1, 2), WORDS)
        asked = await desk.file(customer, RequestKind.CORRECTION, date(2018, 1, 2), WORDS)
        sealed = b.database.read_sync(
            lambda c: [bytes(r[0]) for r in c.execute(text("SELECT sealed FROM subject_words"))]
        )
        assert len(sealed) == 2
        await b.dispose()
        found = await desk.get(made)
        assert found.words_gone and not found.said
        assert found.erasure is not None and found.erasure.verdict is Verdict.GONE
        with pytest.raises(InvalidArgument):
            await desk.close(found, Outcome.ERASED, "Done.")
        done = await desk.close(found, Outcome.ERASED)
        assert done.request.body.outcome is Outcome.ERASED
        await desk.close(asked, Outcome.ERASED)
        assert {s.request.name for s in await desk.page(closed=True)} == {
            made.request.name,
            asked.request.name,
        }
        # No sealed word is left, in no file, and the log accounts for each that went.
        left = b.database.read_sync(lambda c: c.execute(text("SELECT * FROM subject_words")).all())
        assert left == []
        assert found_in(tmp_path, sealed) == []
        assert faults(b, migrated_url) == []

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_no_answer_to_an_erasure_tells_of_a_hold_or_an_investigation(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        kept = await b.customer("C2")
        b.clock.on(date(2018, 1, 2))
        due = await desk.file(customer, RequestKind.ERASURE, date(2018, 1, 2))
        runs = await desk.file(kept, RequestKind.ERASURE, date(2018, 1, 2))
        before = [await desk.get(due), await desk.get(runs)]
        case = await b.open_case()
        for one in (customer, kept):
            await b.hold(case, one)
            await b.note(case, one)
        assert [await desk.get(due), await desk.get(runs)] == before
        refusals = []
        for outcome in (Outcome.REFUSED, Outcome.ERASED):
            with pytest.raises(ErasureNotSo) as refused:
                await desk.close(due, outcome)
            refusals.append(refused.value.en)
        assert not any(w in t for t in refusals for w in ("hold", "held", "investig", "case"))
        # The hold does stop the disposal.
        with pytest.raises(NotAtThatStage):
            await b.plan()
        with pytest.raises(ErasureNotSo):
            await desk.close(due, Outcome.ERASED)

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


# -- what is held of him, while it falls due -----------------------------------------------------


async def planned(b: Bank, customer: str) -> set[tuple[str, str]]:
    """State and cause of what a plan of today has of a customer."""
    return {(p[2], p[3]) for p in b.planned(await b.plan()) if p[0] == customer}


DAY = date(2018, 1, 2)


def test_nothing_of_who_asks_what_is_held_of_him_goes_before_he_was_answered(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        await ended(b, "C2")
        b.clock.on(DAY)
        assert await planned(b, customer) == {("DUE", "")}
        made = await desk.file(customer, RequestKind.ACCESS, DAY)
        blocked = {("BLOCKED", "REQUEST_OPEN")}
        assert await planned(b, customer) == blocked
        # The plan says so with and without an investigation, byte for byte.
        case = await b.open_case()
        hold = await b.hold(case, customer)
        assert await planned(b, customer) == blocked
        await b.join(case)
        await b.release(case, hold)
        await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, case)
        done = await b.dispose()
        assert done.counts["DONE"] == 2 and await b.reads(customer)
        await desk.close(made, Outcome.ANSWERED, "Here it is.")
        # What else may be asked does not keep what is due: it ends with it.
        for kind in (RequestKind.ERASURE, RequestKind.CORRECTION):
            await desk.file(customer, kind, DAY)
        assert (await b.dispose()).counts["DONE"] == 2
        with pytest.raises(NotFound):
            await b.reads(customer)

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_who_asks_after_the_plan_was_agreed_to_is_passed_over(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        b.clock.on(DAY)
        shown = await b.plan()
        await b.approve(shown)
        made = await desk.file(customer, RequestKind.ACCESS, DAY)
        await b.begin(shown)
        await b.runner.look()
        assert (await b.get(shown)).counts == {"PASSED": 2}
        await desk.get(made)
        assert await b.reads(customer)

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_who_asks_in_the_moment_of_disposal_is_seen_in_its_own_transaction(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        b.clock.on(DAY)
        shown = await b.plan()
        await b.approve(shown)
        await b.begin(shown)
        judge = Judging.customers
        asked: list[Shown] = []

        async def judged_and_then_asked(self: Judging, *about: Any) -> list[Judged]:
            found = await judge(self, *about)
            if not asked:
                asked.append(await desk.file(customer, RequestKind.ACCESS, DAY))
            return found

        monkeypatch.setattr(Judging, "customers", judged_and_then_asked)
        await b.runner.look()
        assert (await b.get(shown)).counts == {"PASSED": 2}
        assert await b.reads(customer)

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_who_asks_while_his_file_is_given_up_waits_and_is_told_that_it_is_gone(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        b.clock.on(DAY)
        begun = threading.Event()

        def give_up(conn: Connection) -> None:
            gate(conn)
            begun.set()
            time.sleep(0.3)
            ref = ScopeRef(BANK, customer, IDENTITY_SCOPE)
            shredding.add_to_list(conn, [ref], b.clock.now_micros())

        giving_up = asyncio.create_task(asyncio.to_thread(b.database.write_sync, give_up))
        await asyncio.to_thread(begun.wait)
        with pytest.raises(Shredded):
            await desk.file(customer, RequestKind.ACCESS, DAY)
        await giving_up
        assert await desk.page(closed=True) == []

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_no_single_transaction_goes_early_from_who_waits_for_his_answer(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        booked = await b.book(customer, date(2011, 5, 6))
        b.clock.on(DAY)
        await desk.file(customer, RequestKind.ACCESS, DAY)
        name = TransactionName(BANK, customer, booked.partition("/")[2])
        with pytest.raises(NotAtThatStage):
            await b.plan(name)
        await desk.close((await desk.page())[0], Outcome.WITHDRAWN)
        assert (await b.dispose(name)).counts == {"DONE": 1}

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_a_request_keeps_every_file_of_who_asks(database: Database, tmp_path: Path) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        old, kept, other = [await b.customer(number) for number in ("C1", "C2", "C3")]
        await desk.file(kept, RequestKind.ACCESS, TODAY)
        steps = agreed(MergeChange(old, kept))
        merges = MergedKin(Merges(lambda: steps))
        standing = await read_kept(b.database, b.keys, BANK, merges)
        every = [old, kept, other]
        found = b.database.read_sync(lambda conn: who_ask(conn, BANK, every, standing))
        assert found == {old, kept}

    at_the_desk(database, tmp_path, life)


# -- who has used it -----------------------------------------------------------------------------


def test_who_has_used_the_data_is_told_to_who_asks_and_no_investigation_is_in_it(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        for purpose in ("DATA_QUALITY", "SUSPICIOUS_ACTIVITY_INVESTIGATION", "JUDICIAL_REQUEST"):
            call = b.call("backend", Action.CUSTOMERS_GET, customer)
            call.purpose = purpose
            await b.reading.customer(call, BANK, customer)
            await b.log.record(call.event(b.clock.now_micros()))
        made = await desk.file(customer, RequestKind.ACCESS, TODAY)
        other = await desk.file(customer, RequestKind.ERASURE, TODAY)
        lines = await desk.use(made)
        assert [(one.purpose, one.told.use, one.told.category.name) for one in lines] == [
            ("DATA_QUALITY", Use.READ, "systems")
        ]
        case = await b.open_case()
        await b.hold(case, customer)
        await b.note(case, customer)
        look = b.call("backend", Action.CUSTOMERS_GET, customer)
        look.purpose = "TRANSACTION_MONITORING"
        await b.log.record(look.event(b.clock.now_micros()))
        assert await desk.use(made) == lines
        with pytest.raises(RequestStage):
            await desk.use(other)
        done = await desk.close(made, Outcome.ANSWERED)
        with pytest.raises(RequestStage):
            await desk.use(done)

    at_the_desk(database, tmp_path, life)


def test_of_files_that_are_one_the_surviving_one_is_asked_and_all_are_told_of(
    database: Database, tmp_path: Path
) -> None:
    async def main(b: Bank) -> None:
        old, kept = await b.customer("C1"), await b.customer("C2")
        for customer in (old, kept):
            call = b.call("backend", Action.CUSTOMERS_GET, customer)
            call.purpose = "CUSTOMER_SERVICE"
            await b.reading.customer(call, BANK, customer)
            await b.log.record(call.event(b.clock.now_micros()))
        # A call that looked through both, as a check of an account does, is told of once.
        call = b.call("backend", Action.CUSTOMERS_GET, kept)
        call.purpose = "CUSTOMER_SERVICE"
        call.touched(resources=(f"customers/{old}",))
        await b.log.record(call.event(b.clock.now_micros()))
        steps = agreed(MergeChange(old, kept))
        desk = Desk(b, Merges(lambda: steps))
        with pytest.raises(Merged):
            await desk.file(old, RequestKind.ACCESS, TODAY)
        made = await desk.file(kept, RequestKind.ACCESS, TODAY)
        assert len(await desk.use(made)) == 3
        erase = await desk.file(kept, RequestKind.ERASURE, TODAY)
        assert erase.erasure is None
        found = await desk.get(erase)
        assert found.erasure is not None and len(found.erasure.grounds) == 2

    live(database, tmp_path, main, TODAY)


def test_who_keeps_the_file_is_reminded_once_of_a_person_who_is_to_be_answered(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        rules = Rules(
            read_elements(),
            read_ownership(),
            read_business(),
            read_currency(),
            frozenset({"CN"}),
            {BANK: "keeper"},
        )
        custody = Custody(rules.custodian, lambda *_: True)
        looking = Assessor(Files(b.database, b.keys, b.clock), rules, custody)
        when = When(24.0, 40)
        reminding = Reminding(b.database, b.log, looking, [BANK], when, b.clock, lambda: True)
        await reminding.look(BANK)
        # After the file was looked at: it has not changed since, and this is news all the same.
        made = await desk.file(customer, RequestKind.ACCESS, TODAY, WORDS)
        told = []
        for days in (1, 2, 3):
            b.clock.on(TODAY + timedelta(days=days))
            told.append(await reminding.look(BANK))
        assert sum(told) == 1
        (event,) = [one for one in b.events() if one.reason == "SUBJECT_REQUEST"]
        assert (event.customer, event.on_behalf_of) == (customer, "keeper")
        assert event.fields == (f"subjectRequests/{made.request.identifier}",)
        await desk.close(made, Outcome.ANSWERED)
        pages = looking.files.pages(None, BANK, bookings=True)
        assert [one.requests async for page in pages for one in page] == [()]

    at_the_desk(database, tmp_path, life)


def looking_at(b: Bank, merges: Merges | None = None) -> tuple[Reports, Reminding]:
    """Who goes through the files, for a list of what is due and for reminders."""
    rules = Rules(
        read_elements(),
        read_ownership(),
        read_business(),
        read_currency(),
        frozenset({"CN"}),
        {BANK: "keeper"},
    )
    custody = Custody(rules.custodian, lambda *_: True)
    assessor = Assessor(Files(b.database, b.keys, b.clock, merges), rules, custody)
    when = When(24.0, 40)
    reminding = Reminding(b.database, b.log, assessor, [BANK], when, b.clock, lambda: True)
    return Reports(assessor), reminding


async def requests_due(b: Bank, reports: Reports, **limits: Any) -> list[tuple[str, str, str]]:
    """Customer, request and custodian of each request on the list of what is due."""
    principal = principal_of("custodian", institution=BANK, name="keeper", **limits)
    made = call_of(b.policy, principal, Action.FILES_DUE)
    kinds = frozenset({DueKind.SUBJECT_REQUEST})
    parts = reports.due(made, WantedFiles(BANK), None, kinds)
    return [
        (file.identifier, due.path.partition("/")[2], custodian)
        async for part in parts
        for file, due, custodian in part.items
    ]


def test_a_request_about_a_file_that_is_gone_stays_due_until_the_person_was_told(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await ended(b)
        b.clock.on(date(2018, 1, 2))
        reports, reminding = looking_at(b)
        await reminding.look(BANK)
        made = await desk.file(customer, RequestKind.CORRECTION, date(2018, 1, 2), WORDS)
        await b.dispose()
        wanted = [(customer, made.request.identifier, "keeper")]
        assert await requests_due(b, reports) == wanted
        told = []
        for day in (4, 5, 6):
            b.clock.on(date(2018, 1, day))
            told.append(await reminding.look(BANK))
        assert told == [1, 0, 0]
        (event,) = [one for one in b.events() if one.reason == "SUBJECT_REQUEST"]
        assert (event.customer, event.on_behalf_of) == (customer, "keeper")
        # Nobody can say any more of which branch the file was.
        assert await requests_due(b, reports, branches=["BJ-01"]) == []
        found = await desk.get(made)
        await desk.close(found, Outcome.ERASED)
        assert await requests_due(b, reports) == []

    at_the_desk(database, tmp_path, life, date(2010, 1, 4))


def test_a_request_about_a_file_that_became_one_with_another_stays_due(
    database: Database, tmp_path: Path
) -> None:
    async def main(b: Bank) -> None:
        old, kept = await b.customer("C1"), await b.customer("C2")
        made = await Desk(b).file(old, RequestKind.ACCESS, TODAY)
        own = await Desk(b).file(kept, RequestKind.ACCESS, TODAY)
        steps = agreed(MergeChange(old, kept))
        merges = Merges(lambda: steps)
        reports, reminding = looking_at(b, merges)
        both = {(old, made.request.identifier), (kept, own.request.identifier)}
        assert {one[:2] for one in await requests_due(b, reports)} == both
        await reminding.look(BANK)
        events = [one for one in b.events() if one.reason == "SUBJECT_REQUEST"]
        assert {one.customer for one in events} == {old, kept}
        told: tuple[tuple[dict[str, Any], set[tuple[str, str]]], ...] = (
            ({"branches": ["BJ-01"]}, both),
            ({"branches": ["SH-02"]}, set()),
            ({"person": "p-own", "own_files": [kept]}, set()),
            ({"person": "p-own", "own_files": [old]}, {(kept, own.request.identifier)}),
        )
        for limits, of in told:
            assert {one[:2] for one in await requests_due(b, reports, **limits)} == of
        desk = Desk(b, merges)
        await desk.close(await desk.get(made), Outcome.ANSWERED)
        assert {one[:2] for one in await requests_due(b, reports)} == both - {
            (old, made.request.identifier)
        }

    live(database, tmp_path, main, TODAY)


def test_an_investigator_behind_a_front_end_is_not_told_of_nor_who_is_nobody_any_more(
    database: Database, tmp_path: Path
) -> None:
    async def life(b: Bank, desk: Desk) -> None:
        customer = await b.customer()
        call = b.call("backend", Action.CUSTOMERS_GET, customer)
        for person in ("", "compliance", "detective", "left-long-ago"):
            for action, purpose in (
                ("masked.customers.get", ""),
                ("records.customers.get", "CUSTOMER_SERVICE"),
            ):
                now = b.clock.now_micros()
                event = replace(
                    call.event(now),
                    event_id=new_ulid(now // 1000),
                    action=action,
                    purpose=purpose,
                    roles=("crm_viewer",),
                    on_behalf_of=person,
                )
                await b.log.record(event)
        made = await desk.file(customer, RequestKind.ACCESS, TODAY)
        # By itself both; for compliance what names a purpose.
        told = [one.told.use for one in await desk.use(made)]
        assert told == [Use.READ_MASKED, Use.READ, Use.READ]

    at_the_desk(database, tmp_path, life)


def test_no_answer_can_depend_on_holds_or_compartments() -> None:
    """What no program text of the room mentions, no answer can be made of."""
    taken = set()
    for path in sorted(Path(subjects.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                taken |= {f"{node.module}.{alias.name}" for alias in node.names}
    assert not [one for one in taken if "hold" in one or "compartment" in one]
    assert not [one for one in taken if "blocking" in one]
