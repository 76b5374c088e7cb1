"""Thirty years of one vault, from the first customer's papers to the last backup of them.

It lives on a machine of its own: a data database, a key store and objects on disk, SQLite files or
PostgreSQL. Its use cases are the vault's own, with real keys, a real signed log and a clock that is
moved by hand; there is no transport in between (that one is tests/e2e/test_retention.py), and the
vault is started anew for each chapter. Backups are the database's own (`pg_dump`, SQLite's copy)
and sealed ones of the key store, brought back by two custodians of three. The log is verified from
its first to its last entry by `vaultctl audit verify`, with public keys alone.

Three customers: one who stays all along; one who comes, moves, is corrected, gets another risk
class, ends, is investigated and held, and is let go; and one who comes under the law of ten years.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.support.backups import Backup, Engine, Operator, PostgresEngine, SqliteEngine
from tests.support.disposal import BANK, DAYS, Bank
from tests.support.papers import Papers
from tests.support.thirty_years import (
    Story,
    carry_out,
    certified,
    chapter,
    every_way,
    labels,
    left,
    others_are_there,
    own_tokens,
    passport,
    reconstructs,
    refs,
    sealed_rows,
    wrapped_keys,
)
from tests.support.verifying import Auditor
from vault.access import Action
from vault.audit.log_sources import StoreSource
from vault.audit.reader import head
from vault.records import (
    Address,
    AddressKind,
    Branch,
    ContentType,
    IndexKind,
    RiskClass,
    TransactionName,
)
from vault.rules.retention_files import read_rule_sets
from vault.sealing import ScopeShredded
from vault.services.access_errors import StepRefused
from vault.services.compartments.entry import ChangeRefused, HoldRefused
from vault.services.errors import NotFound, Shredded
from vault.services.retention.disposals import Shown
from vault.services.retention.errors import NotAtThatStage, RulesShorten

LAW = next(one for one in read_rule_sets().sets if one.label == "cn/2")
SEVEN_YEARS = replace(
    LAW,
    version=3,
    effective_from=date(2027, 1, 1),
    rules=tuple(replace(rule, minimum=7) for rule in LAW.rules),
)
BEIJING, SHANGHAI = (
    Address(AddressKind.RESIDENCE, "CN", city, city, "", "建国路1号", "100022")
    for city in ("北京市", "上海市")
)


@pytest.fixture
def story(
    dialect: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> Story:
    made: Engine
    if dialect == "sqlite":
        made = SqliteEngine()
    else:
        made = PostgresEngine(request.getfixturevalue("postgres_server"))
    operator = Operator(tmp_path, made)
    machine = operator.machine()
    return Story(operator, machine, Auditor(machine, capsys))


def test_thirty_years(story: Story) -> None:
    chapter(story.machine, date(2006, 3, 1), lambda b: onboarding_and_changes(b, story))
    chapter(story.machine, date(2012, 7, 2), lambda b: the_end_and_an_investigation(b, story))
    chapter(story.machine, date(2018, 5, 4), lambda b: the_law_asks_for_ten_years(b, story))
    old_data, old_keys, last_keys, next_keys = let_go(story)
    what_the_data_bring_back(story, old_data)
    what_the_keys_bring_back(story, old_keys)
    both_bring_all_back_until_the_day(story, old_data, old_keys, last_keys, next_keys)
    a_single_transaction(story)
    chapter(story.machine, date(2025, 6, 10), lambda b: nobody_shortens_silently(b, story))
    chapter(story.machine, date(2035, 6, 10), lambda b: the_ten_years_are_over(b, story))
    the_whole_log_verifies(story)


# -- 2006 to 2012 ----------------------------------------------------------------------------


async def onboarding_and_changes(b: Bank, s: Story) -> None:
    human = builders.person(birth_date=date(1948, 12, 31))
    begin = builders.relationship(start_date=date(2006, 3, 1), review_date=None)
    more: dict[str, Any] = {"natural_person": human, "addresses": (BEIJING,), "relationship": begin}
    s.stays = await b.customer("C-STAYS")
    s.goes = await b.customer("C-GOES", **more)
    s.passport = await b.document(s.goes)
    papers = Papers(b)
    await papers.scan(s.goes, s.passport, passport(), ContentType.PDF)
    name = f"institutions/{BANK}/customers/{s.goes}"
    for year in range(2006, 2013):
        b.clock.on(date(year, 5, 4))
        await b.book(s.stays, date(year, 5, 3))
        await b.book(s.goes, date(year, 2, 3))
        last = await b.book(s.goes, date(year, 5, 3))
        if year == 2006:
            s.voucher = last
            await papers.scan(s.goes, last, passport(), ContentType.PDF)
        if year == 2008:
            # -- he has moved, and tells of it a month later
            b.clock.on(date(2008, 9, 10))
            moved: dict[str, Any] = {"addresses": (SHANGHAI,), "valid_from": date(2008, 8, 1)}
            assert await b.change(s.goes, **moved, change_reason="moved") == 2
        if year == 2009:
            # -- his birthday was written down wrong, and a booking has the wrong amount
            b.clock.on(date(2009, 9, 2))
            right = replace(human, birth_date=date(1949, 12, 31))
            wrong = "the birth date was misread"
            assert await b.change(s.goes, natural_person=right, correction=wrong) == 3
            s.wrong = last
            s.right = await b.book(s.goes, date(2009, 9, 2), corrects=f"{name}/{last}", reverses="")
        if year == 2010:
            b.clock.on(date(2010, 11, 15))
            high: dict[str, Any] = {"risk_class": RiskClass.HIGH, "change_reason": "review"}
            assert await b.change(s.goes, **high) == 4
            s.bounced = last
            s.returned = await b.book(s.goes, date(2010, 11, 15), reverses=f"{name}/{last}")
    await papers.renderer.close()
    await reconstructs(b, s, versions=4)


# -- 2012 to 2018 ----------------------------------------------------------------------------


async def the_end_and_an_investigation(b: Bank, s: Story) -> None:
    await b.end(s.goes, date(2012, 6, 30))
    for year in range(2013, 2018):
        b.clock.on(date(year, 5, 4))
        last = await b.book(s.stays, date(year, 5, 3))
        if year == 2015:
            s.early = last
            b.clock.on(date(2015, 11, 4))
            await b.book(s.stays, date(2015, 11, 3))
    # -- an investigation outlasts the five years, and the plan does not say that it is one
    b.clock.on(date(2017, 12, 1))
    s.case = await b.open_case()
    await b.join(s.case)
    await b.note(s.case, s.goes)
    b.clock.on(date(2018, 1, 2))
    shown = await b.plan()
    due = {(who, scope) for who, scope, stage, _ in b.planned(shown) if stage == "DUE"}
    assert due == {(s.stays, f"transactions/{year}") for year in range(2006, 2013)}
    assert {(r[2], r[3]) for r in b.planned(shown) if r[0] == s.goes} == {("BLOCKED", "RESERVED")}
    # -- a court's hold follows, and the investigation cannot be closed over it
    s.hold = await b.hold(s.case, s.goes, reference="2 O 17/18")
    with pytest.raises(ChangeRefused):
        await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, s.case)
    with pytest.raises(NotAtThatStage):
        await b.begin(shown)
    await carry_out(b, shown)
    assert (await b.get(shown)).counts == {"DONE": 7, "BLOCKED": 8}
    s.certified["five years"] = await certified(b, shown)
    await reconstructs(b, s, versions=5)


# -- 2024: ten years instead of five -----------------------------------------------------------


async def the_law_asks_for_ten_years(b: Bank, s: Story) -> None:
    for year in range(2018, 2025):
        b.clock.on(date(year, 5, 4))
        await b.book(s.stays, date(year, 5, 3))
    b.clock.on(date(2024, 11, 12))
    await reconstructs(b, s, versions=5)
    # -- its effect is shown first
    shown = await b.preview_rules(LAW)
    # His eight scopes and the other's twelve years; whose relationship goes on is kept as before.
    assert (shown.earlier, shown.later, shown.same) == (0, 20, 1)
    assert (shown.conflicts, shown.shortens, len(shown.samples)) == (0, False, 20)
    identity = next(x for x in shown.samples if (x.customer, x.scope) == (s.goes, "identity"))
    assert (identity.before, identity.after) == (date(2017, 12, 31), date(2022, 6, 30))
    made, effect = await b.propose_rules(LAW)
    assert effect == shown
    assert "cn/2" not in labels(b)
    with pytest.raises(AssertionError):  # by policy: no custodian agrees
        await b.agree_rules(made, "keeper")
    await b.agree_rules(made)
    assert "cn/2" in labels(b)
    # -- held yet: nothing of his goes, also while one person alone has asked for the release
    b.clock.on(date(2024, 12, 12))
    propose = b.call("detective", Action.HOLDS_PROPOSE_RELEASE)
    asked = await b.holding.propose_release(propose, BANK, s.case, s.hold, "It is over.")
    agree = b.call("detective", Action.HOLDS_AGREE_RELEASE)
    with pytest.raises(HoldRefused):
        await b.holding.agree_release(agree, BANK, s.case, s.hold, asked.etag)
    planned = b.planned(await b.plan())
    assert {(r[2], r[3]) for r in planned if r[0] == s.goes} == {("BLOCKED", "RESERVED")}
    assert sum(r[0] == s.goes for r in planned) == 8
    agree = b.call("inspector", Action.HOLDS_AGREE_RELEASE)
    await b.holding.agree_release(agree, BANK, s.case, s.hold, asked.etag)
    await b.cases.close(b.call("detective", Action.COMPARTMENTS_CLOSE), BANK, s.case)
    s.rows, s.keys = sealed_rows(b, s.goes), wrapped_keys(b, s.goes)
    # Five versions, a document, 16 bookings, each with its view; two scans, their pictures and
    # objects; and what he alone is found by.
    assert len(s.rows) == 2 * (5 + 1 + 16) + 3 * 2 + len(own_tokens(b, s.goes))
    assert len(s.keys) == 2 * 8


# -- 2025: let go, and what backups bring back -------------------------------------------------


def let_go(s: Story) -> tuple[Backup, Backup, Backup, Backup]:
    """Planned under the old law, carried out under the new one; and the backups around it: of the
    data from before, of the keys from before, from the last moment, and from the day after."""
    machine, operator = s.machine, s.operator
    assert left(s, machine) == (len(s.rows), len(s.keys))
    old_data = operator.back_up_data(machine, date(2024, 12, 15))
    old_keys = operator.back_up_keys(machine, date(2024, 12, 15))
    plans: list[Shown] = []

    async def plan(b: Bank) -> None:
        shown = await b.plan()
        due = {(who, scope) for who, scope, stage, _ in b.planned(shown) if stage == "DUE"}
        assert due == {(s.goes, one.scope) for one in refs(s.goes)} | {
            (s.stays, f"transactions/{year}") for year in range(2013, 2019)
        }
        await b.approve(shown)
        await b.begin(shown)
        plans.append(shown)

    async def carried_out(b: Bank) -> None:
        [shown] = plans
        await b.runner.look()
        # Of the other's years, four have not had their ten when their turn comes.
        assert (await b.get(shown)).counts == {"DONE": 10, "PASSED": 4}
        made = s.certified["ten years"] = await certified(b, shown)
        assert (made.keys_final, made.rows_final) == (date(2025, 2, 10), date(2035, 1, 14))
        for opens in every_way(b, s):
            with pytest.raises(NotFound):
                await opens()
        assert await b.finds(IndexKind.IDENTITY, builders.RESIDENT_ID) == []
        await others_are_there(b, s)

    chapter(machine, date(2024, 12, 20), plan)
    last_keys = operator.back_up_keys(machine, date(2025, 1, 5))
    chapter(machine, date(2025, 1, 5), carried_out)
    next_keys = operator.back_up_keys(machine, date(2025, 1, 6))
    assert left(s, machine) == (0, 0)
    code, answer = s.auditor.live(machine)
    assert (code, answer["findings"]) == (0, [])
    return old_data, old_keys, last_keys, next_keys


def what_the_data_bring_back(s: Story, old_data: Backup) -> None:
    """The rows, which nobody can open; and they are let go once more."""
    machine = s.operator.with_data_of(s.machine, old_data)

    async def look(b: Bank) -> None:
        assert left(s, machine) == (len(s.rows), 0)
        for opens in every_way(b, s):
            with pytest.raises(Shredded):
                await opens()
        with pytest.raises(Shredded):
            await b.book(s.goes, date(2012, 6, 6))
        await others_are_there(b, s)
        shown = await b.plan()
        due = {(who, scope) for who, scope, stage, _ in b.planned(shown) if stage == "DUE"}
        assert due == {(s.goes, one.scope) for one in refs(s.goes)} | {
            (s.stays, f"transactions/{year}") for year in (2013, 2014)
        }
        await carry_out(b, shown)
        assert (await b.get(shown)).counts == {"DONE": 10}
        await certified(b, shown)
        assert await b.finds(IndexKind.IDENTITY, builders.RESIDENT_ID) == []
        await others_are_there(b, s)

    # The officer has taken a checkpoint home, by which it is not the log that it was.
    noted = s.machine.folder / "noted"
    noted.write_bytes(StoreSource(s.machine.data_url).checkpoint() or b"")
    code, answer = s.auditor.live(machine, "--since", str(noted))
    assert (code, [one["kind"] for one in answer["findings"]]) == (21, ["set_back"])
    chapter(machine, date(2025, 1, 10), look)
    assert left(s, machine) == (0, 0)
    code, answer = s.auditor.live(machine)
    assert (code, answer["findings"]) == (0, [])


def what_the_keys_bring_back(s: Story, old_keys: Backup) -> None:
    """Nothing: what was destroyed since is destroyed in them before they are used."""
    machine, told = s.operator.with_keys_of(s.machine, old_keys)
    assert (told.scopes, told.destroyed) == (10, 20)
    assert left(s, machine) == (0, 0)

    async def look(b: Bank) -> None:
        for opens in every_way(b, s):
            with pytest.raises(NotFound):
                await opens()
        for one in refs(s.goes):
            for branch in Branch:
                with pytest.raises(ScopeShredded):
                    b.ring.fetch(branch, [one])
        await others_are_there(b, s)

    chapter(machine, date(2025, 1, 10), look)


def both_bring_all_back_until_the_day(
    s: Story, data: Backup, old_keys: Backup, last_keys: Backup, next_keys: Backup
) -> None:
    """A backup of the keys and one of the data: all of it, as the certificate warns, until
    `keys-final`. From then on no backup of the keys is left that has them."""
    final = s.certified["ten years"].keys_final
    before = final - timedelta(days=1)
    made = (old_keys, last_keys, next_keys)
    assert [one for one in made if one.kept(before, DAYS.keys)] == [last_keys, next_keys]
    assert [one for one in made if one.kept(final, DAYS.keys)] == [next_keys]
    assert data.kept(final, DAYS.data)

    async def goes_again(b: Bank) -> None:
        await reconstructs(b, s, versions=5)
        # Whoever has brought it back lets it go again, by the rules and by two persons.
        shown = await b.plan()
        await carry_out(b, shown)
        assert (await b.get(shown)).counts == {"DONE": 10}
        again = await certified(b, shown)
        assert again.keys_final == before + timedelta(days=DAYS.keys + 1)
        for way in every_way(b, s):
            with pytest.raises(NotFound):
                await way()
        await others_are_there(b, s)

    async def stays_shredded(b: Bank) -> None:
        for way in every_way(b, s):
            with pytest.raises(Shredded):
                await way()
        await others_are_there(b, s)

    for keys, day, tell in ((last_keys, before, goes_again), (next_keys, final, stays_shredded)):
        restored = s.operator.with_data_of(s.machine, data)
        machine, _ = s.operator.with_keys_of(restored, keys)
        chapter(machine, day, tell)


# -- 2025: a single transaction is removed, not shredded ----------------------------------------


def a_single_transaction(s: Story) -> None:
    """It goes before the rest of its year, whose key lives on: a backup of the data has it until
    `rows-final`, as the certificate says."""
    machine, operator = s.machine, s.operator

    async def remove(b: Bank) -> None:
        done = await b.dispose(TransactionName(BANK, s.stays, s.early.partition("/")[2]))
        assert done.counts == {"DONE": 1}
        s.certified["single"] = await certified(b, done)
        with pytest.raises(NotFound):
            await b.reads_transaction(s.stays, s.early)
        await others_are_there(b, s)

    async def opens(b: Bank) -> None:
        assert await b.reads_transaction(s.stays, s.early)

    async def is_gone(b: Bank) -> None:
        with pytest.raises(NotFound):
            await b.reads_transaction(s.stays, s.early)
        await others_are_there(b, s)

    chapter(machine, date(2025, 6, 1), opens)
    before = operator.back_up_data(machine, date(2025, 6, 1))
    chapter(machine, date(2025, 6, 2), remove)
    after = operator.back_up_data(machine, date(2025, 6, 3))
    final = s.certified["single"].rows_final
    assert final == date(2035, 6, 11)
    assert not before.kept(final, DAYS.data) and after.kept(final, DAYS.data)
    last_day = before.made + timedelta(days=DAYS.data)
    chapter(operator.with_data_of(machine, before), last_day, opens)
    chapter(operator.with_data_of(machine, after), final, is_gone)


# -- 2026 to 2036 --------------------------------------------------------------------------------


async def nobody_shortens_silently(b: Bank, s: Story) -> None:
    # -- who comes under the law of ten years
    s.later = await b.customer("C-LATER")
    await b.book(s.later, date(2025, 6, 10))
    b.clock.on(date(2026, 1, 2))
    await b.end(s.later, date(2025, 12, 31))
    b.clock.on(date(2026, 3, 2))
    shown = await b.preview_rules(SEVEN_YEARS)
    assert shown.shortens and shown.earlier > 0 and shown.later == 0
    with pytest.raises(RulesShorten):
        await b.propose_rules(SEVEN_YEARS)
    made, effect = await b.propose_rules(SEVEN_YEARS, shortens=True)
    assert effect == shown
    assert "cn/3" not in labels(b)
    # -- said openly, and nobody agrees in time
    b.clock.on(date(2026, 3, 12))
    with pytest.raises(StepRefused):
        await b.agree_rules(made)
    assert "cn/3" not in labels(b)
    await others_are_there(b, s)


async def the_ten_years_are_over(b: Bank, s: Story) -> None:
    mine = [("transactions/2025", "DUE")]

    async def due_of_later() -> list[tuple[str, str]]:
        return [(r[1], r[2]) for r in b.planned(await b.plan()) if r[0] == s.later]

    # Ten years after the booking of 2025-06-10, the last day included.
    assert await due_of_later() == []
    b.clock.on(date(2035, 6, 11))
    assert await due_of_later() == mine
    done = await b.dispose()
    assert done.counts == {"DONE": 11}
    await certified(b, done)
    await others_are_there(b, s)
    # Ten years after the end of the relationship.
    b.clock.on(date(2035, 12, 31))
    with pytest.raises(NotAtThatStage):
        await b.plan()
    b.clock.on(date(2036, 1, 1))
    done = await b.dispose()
    assert b.planned(done) == [(s.later, "identity", "DONE", "")]
    await certified(b, done)
    with pytest.raises(NotFound):
        await b.reads(s.later)
    s.later = ""
    b.clock.on(date(2036, 3, 1))
    await others_are_there(b, s)


def the_whole_log_verifies(s: Story) -> None:
    """From the first entry of 2006 to the last of 2036, with each row that it names; and as an
    export, where the vault is not."""
    with s.machine.opened() as (data, _):
        size = data.read_sync(head).size
    code, answer = s.auditor.live(s.machine)
    assert (code, answer["findings"]) == (0, [])
    code, answer = s.auditor.exported(s.machine, s.machine.folder / "export")
    assert (code, answer["findings"], answer["size"]) == (0, [], size)
