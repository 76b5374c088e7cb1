"""The lending register on a real store, with a clock that is moved by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.services.test_reading import let_go_of_keys
from tests.services.test_storing import create, person
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, SteppedClock, UseCases, run, use_cases
from vault.access import Action, PolicyEngine, Principal, ResourceRef
from vault.access.fields import read_fields
from vault.access.lending import CheckOut, Stage, State, Verdict, read_classes
from vault.audit import AuditLog
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.records import new_ulid, ulid_ms
from vault.services.call import Call, Trace
from vault.services.check_out_marks import marked
from vault.services.check_out_rows import Words, etag_of, from_row, to_row
from vault.services.errors import (
    Aborted,
    Corrupted,
    NotFound,
    RequestIdReused,
    Shredded,
    VaultError,
)
from vault.services.lending import (
    Ask,
    Asking,
    BreakGlassSuspended,
    Deciding,
    Looking,
    Register,
    Shown,
    Wanted,
    Watching,
)
from vault.services.recording import Recorder
from vault.services.replays import Replays, Request
from vault.store import Database, VersionConflict, check_outs
from vault.store.check_outs import CheckOutRow

MINUTE = 60 * 1_000_000
HOUR = 60 * MINUTE
PHONES = "customer.phones"
_POLICY = PolicyEngine.load()


class Calendar(SteppedClock):
    """A clock whose time of day is moved by hand as well."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def now_micros(self) -> int:
        return super().now_micros() + self.moved


# Whoever has called, as the directory has him.
_PEOPLE: dict[str, Principal] = {}


def call(action: Action, *roles: str, name: str = "", who: str = "", customer: str = "") -> Call:
    """A person's call that policy has allowed."""
    name = name or roles[0]
    who = who or f"p-{name.replace('_', '-')}"
    principal = _PEOPLE[name] = principal_of(*roles, name=name, person=who)
    decision = _POLICY.decide(
        principal, action, ResourceRef(BANK, customer, action.kind), "", person=True
    )
    assert decision.allowed, decision.en
    return Call(
        call_id=new_ulid(1),
        tier="full",
        action=action.value,
        peer="127.0.0.1:5000",
        principal=principal,
        decision=decision,
        trace=Trace(institution=BANK, customer=customer),
    )


@dataclass
class Lending:
    """The register's use cases beside the others."""

    vault: UseCases
    clock: Calendar
    log: AuditLog
    gone: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        database = self.vault.database
        self.register = Register(
            database,
            self.vault.keys,
            Recorder(self.log, self.clock),
            self.clock,
            read_classes(),
            self.known,
        )
        self.asking = Asking(self.register, Replays(database), read_fields())
        self.deciding = Deciding(self.register)
        self.looking = Looking(self.register)

    def known(self, institution: str, name: str) -> Principal | None:
        """Whom the directory has, but those that are gone."""
        assert institution == BANK
        return None if name in self.gone else _PEOPLE.get(name)

    async def customer(self) -> str:
        (stored,) = await create(self.vault, person("C1"))
        return stored.customer

    async def ask(
        self, customer: str, *, request_id: str = "", name: str = "teller", **more: Any
    ) -> Shown:
        ask = Ask(
            institution=BANK,
            customer=customer,
            record="",
            fields=(PHONES,),
            purpose="CUSTOMER_SERVICE",
            duration=2 * HOUR,
            one_time=False,
            words=Words("Calls back", "K-1"),
        )
        return await self.asking.request(
            call(Action.CHECK_OUTS_REQUEST, "teller", name=name),
            replace(ask, **more),
            Request("request", request_id, b"the same body"),
        )

    async def approve(self, out: Shown, name: str = "custodian") -> Shown:
        return await self.deciding.approve(
            call(Action.CHECK_OUTS_APPROVE, "custodian", name=name),
            BANK,
            out.out.identifier,
            out.etag,
        )

    async def look(self, out: Shown, *roles: str) -> Shown:
        return await self.looking.get(
            call(Action.CHECK_OUTS_GET, *(roles or ("teller",))), BANK, out.out.identifier
        )

    async def break_glass(self, customer: str, name: str = "breaker", who: str = "") -> Shown:
        breaking = call(Action.BREAK_GLASS, "break_glass", name=name, who=who, customer=customer)
        return await self.asking.break_glass(breaking, BANK, customer, "CUSTOMER_SERVICE", "Fire")

    def current(self, out: Shown) -> CheckOutRow:
        row = self.vault.database.read_sync(
            lambda conn: check_outs.current(conn, BANK, out.out.identifier)
        )
        assert row is not None
        return row

    def past_the_vault(self, row: CheckOutRow, out: CheckOut, sealed: bytes) -> None:
        """Write a version as somebody at the database would."""
        key = self.vault.ring.index_key(BANK)
        new = marked(to_row(out, sealed, row.recorded_at, "somebody"), key)
        self.vault.database.write_sync(lambda conn: check_outs.insert(conn, new))


@asynccontextmanager
async def lending(database: Database, folder: Path) -> AsyncIterator[Lending]:
    async with use_cases(database, folder) as vault:
        yield Lending(vault, Calendar(), vault.log)


def test_a_request_lapses_and_a_lent_file_expires_with_nobody_writing(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            first, second = await lent.ask(customer), await lent.ask(customer)
            lent.clock.moved += 24 * HOUR - MINUTE
            active = await lent.approve(first)
            assert active.out.ends_at - active.out.starts_at == 2 * HOUR
            lent.clock.moved += 2 * MINUTE
            assert (await lent.look(second)).state is State.LAPSED
            with pytest.raises(VaultError) as late:
                await lent.approve(second)
            assert late.value.reason == "CHECK_OUT_NOT_WAITING"
            lent.clock.moved += 2 * HOUR
            assert (await lent.look(active)).state is State.EXPIRED
            assert lent.current(active).version == 2

    run(main)


def test_who_breaks_the_glass_unreviewed_loses_the_right_until_it_is_reviewed(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            first = await lent.break_glass(customer)
            lent.clock.moved += 24 * HOUR - MINUTE
            second = await lent.break_glass(customer)
            lent.clock.moved += 2 * MINUTE
            # Under another account, too.
            for name in ("breaker", "breaker-at-home"):
                with pytest.raises(BreakGlassSuspended) as suspended:
                    await lent.break_glass(customer, name, who="p-breaker")
                assert suspended.value.metadata["check_out"] == first.out.name
            await lent.break_glass(customer, "another")
            reviewing = call(Action.BREAK_GLASS_REVIEW, "security_officer")
            await lent.deciding.review(
                reviewing, BANK, first.out.identifier, first.etag, Verdict.JUSTIFIED
            )
            await lent.break_glass(customer)
            lent.clock.moved += 24 * HOUR
            with pytest.raises(BreakGlassSuspended) as suspended:
                await lent.break_glass(customer)
            assert suspended.value.metadata["check_out"] != first.out.name
            assert second.out.break_glass

    run(main)


def test_a_page_ends_at_the_same_place_whatever_it_may_not_show(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the place where a page is cut short nobody can tell that something was passed over."""
    monkeypatch.setattr("vault.services.lending.looking._WINDOW", 3)
    monkeypatch.setattr("vault.services.lending.looking._MOST", 4)

    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            (mine,) = await create(lent.vault, person("C2"))
            shown = [await lent.ask(customer) for _ in range(9)]

            async def pages(*roles: str, **wanted: Any) -> list[tuple[list[str], str]]:
                out: list[tuple[list[str], str]] = []
                before = ""
                while True:
                    looking = call(Action.CHECK_OUTS_LIST, *roles)
                    looking.principal = principal_of(
                        *roles, name=roles[0], person=f"p-{roles[0][:7]}", own_files=[mine.customer]
                    )
                    rows, before = await lent.looking.rows(
                        looking, Wanted(BANK, **wanted), before, 4
                    )
                    out.append(([row.check_out for row in rows], before))
                    if not before:
                        return out

            async def everything() -> list[Any]:
                return [
                    await pages("custodian"),
                    await pages("custodian", mine_to_decide=True),
                    await pages("custodian", requester="nobody"),
                    await pages("security_officer"),
                    await pages("teller"),
                ]

            seen = await everything()
            assert [len(ids) for ids, _ in seen[0]] == [4, 4, 1]
            assert [len(ids) for ids, _ in seen[2]] == [0, 0, 0]
            # Among them, newest and oldest: of a suspicion, and of his own file.
            for one in (shown[0], shown[4], shown[4], shown[8]):
                row = lent.current(one)
                kept = replace(from_row(row), requester="auditor", requester_person="p-auditor")
                near = new_ulid(ulid_ms(row.check_out))
                roles = ("compliance",)
                secret = replace(
                    kept, identifier=near, confidential=True, needed_roles=roles, seen_by=roles
                )
                lent.past_the_vault(row, secret, row.sealed)
                own = replace(kept, identifier=new_ulid(ulid_ms(near)), customer=mine.customer)
                lent.past_the_vault(row, own, row.sealed)
            assert await everything() == seen
            found = [len(ids) for ids, _ in await pages("compliance")]
            assert sum(found) == 9 + 4
            assert sum(len(ids) for ids, _ in await pages("investigator")) == 0

    run(main)


def test_the_register_outlives_the_customers_file_and_the_words_do_not(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            (other,) = await create(lent.vault, person("C2"))
            kept, active = await lent.ask(other.customer), await lent.ask(customer)
            active = await lent.approve(active)
            assert active.words == Words("Calls back", "K-1")
            let_go_of_keys(lent.vault, customer)
            seen = await lent.look(active)
            assert seen.words is None and seen.state is State.ACTIVE and seen.etag == active.etag
            page = await lent.looking.page(
                call(Action.CHECK_OUTS_LIST, "custodian"), Wanted(BANK), "", 10
            )
            assert [one.out.identifier for one in page.shown] == [
                active.out.identifier,
                kept.out.identifier,
            ]
            assert [one.words for one in page.shown] == [None, Words("Calls back", "K-1")]
            with pytest.raises(Shredded):
                await lent.ask(customer)
            with pytest.raises(Shredded):
                await lent.asking.renew(
                    call(Action.CHECK_OUTS_RENEW, "teller"),
                    BANK,
                    active.out.identifier,
                    HOUR,
                    "Still",
                    Request("renew", "", b""),
                )
            back = await lent.deciding.give_back(
                call(Action.CHECK_OUTS_RETURN, "teller"), BANK, active.out.identifier
            )
            assert back.state is State.RETURNED

    run(main)


def test_words_of_another_check_out_do_not_open(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            one = await lent.ask(customer)
            two = await lent.ask(customer, words=Words("Another reason"))
            row = lent.current(one)
            moved = replace(from_row(row), version=2)
            lent.past_the_vault(row, moved, lent.current(two).sealed)
            with pytest.raises(Corrupted):
                await lent.look(one)

    run(main)


def test_an_etag_is_of_all_that_stands_in_the_row(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            row = lent.current(await lent.ask(await lent.customer()))
            out = from_row(row)
            others = [
                replace(out, fields=("customer.emails",)),
                replace(out, duration=out.duration + 1),
                replace(out, purpose="DATA_QUALITY"),
                replace(out, customer="0" * 26),
                replace(out, requester="another"),
                replace(out, stage=Stage.DENIED),
                replace(out, version=2),
            ]
            rows = [to_row(one, row.sealed, row.recorded_at, row.recorded_by) for one in others]
            rows.append(to_row(out, row.sealed + b"x", row.recorded_at, row.recorded_by))
            rows.append(to_row(out, row.sealed, row.recorded_at, "another"))
            assert len({etag_of(one) for one in (row, *rows)}) == len(rows) + 1

    run(main)


def test_the_same_request_of_another_person_is_his_own(database: Database, tmp_path: Path) -> None:
    """Two tellers behind one front end, whose requests the register keeps by the front end."""

    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            key = "6f2b9d2e-7c0a-4d7e-9a55-2f0a5b1c7d10"
            first = await lent.ask(customer, request_id=key)
            assert (await lent.ask(customer, request_id=key)).out == first.out
            front = principal_of("crm_viewer", name="teller")
            asking = call(Action.CHECK_OUTS_REQUEST, "teller", name="second-teller")
            asking.bearer, asking.principal = asking.principal, front
            ask = Ask(
                institution=BANK,
                customer=customer,
                record="",
                fields=(PHONES,),
                purpose="CUSTOMER_SERVICE",
                duration=2 * HOUR,
                one_time=False,
                words=Words("Calls back", "K-1"),
            )
            with pytest.raises(RequestIdReused):
                await lent.asking.request(asking, ask, Request("request", key, b"the same body"))

    run(main)


def test_of_two_servers_one_is_first_and_the_other_looks_again(
    database: Database, tmp_path: Path
) -> None:
    """Somebody else's version comes between the look and the write: with an etag that is the end,
    without one what stands now is looked at."""

    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            asked = await lent.ask(customer)
            row = lent.current(asked)
            overtaken = _Overtaken(lent, row, 1)
            with pytest.raises(Aborted):
                await overtaken.deciding.approve(
                    call(Action.CHECK_OUTS_APPROVE, "custodian"),
                    BANK,
                    asked.out.identifier,
                    asked.etag,
                )
            again = _Overtaken(lent, lent.current(asked), 2)
            back = await again.deciding.give_back(
                call(Action.CHECK_OUTS_RETURN, "teller"), BANK, asked.out.identifier
            )
            assert back.state is State.RETURNED and back.out.version == 5
            unlucky = _Overtaken(lent, lent.current(await lent.ask(customer)), 99)
            with pytest.raises(Aborted):
                await unlucky.deciding.give_back(
                    call(Action.CHECK_OUTS_RETURN, "teller"), BANK, unlucky.identifier
                )

    run(main)


class _Overtaken:
    """A register in whose transactions another process writes first, so many times."""

    def __init__(self, lent: Lending, row: CheckOutRow, times: int) -> None:
        self.identifier, self._times = row.check_out, times
        self._lent = lent
        recorder = Recorder(lent.log, lent.clock)
        commit = recorder.commit

        async def overtaken(call: Call, work: Any, trace: Any, **more: Any) -> Any:
            if self._times:
                self._times -= 1
                stands = self._stands()
                out = replace(from_row(stands), version=stands.version + 1)
                lent.past_the_vault(stands, out, stands.sealed)

                def late(_conn: Any) -> Any:
                    # As the database says of a version that was read before.
                    raise VersionConflict("a row of check_outs stands already")

                return await commit(call, late, trace, **more)
            return await commit(call, work, trace, **more)

        recorder.commit = overtaken  # type: ignore[method-assign]  # stands in for another process
        register = Register(
            lent.vault.database,
            lent.vault.keys,
            recorder,
            lent.clock,
            read_classes(),
            lent.known,
        )
        self.deciding = Deciding(register)

    def _stands(self) -> CheckOutRow:
        found = self._lent.vault.database.read_sync(
            lambda conn: check_outs.current(conn, BANK, self.identifier)
        )
        assert found is not None
        return found


def test_what_is_not_in_the_register_is_not_found(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            nobody = "01jd0000000000000000000000"
            with pytest.raises(NotFound):
                await lent.looking.get(call(Action.CHECK_OUTS_GET, "custodian"), BANK, nobody)
            with pytest.raises(NotFound):
                await lent.ask(nobody)

    run(main)


def crowd(lent: Lending, row: CheckOutRow, count: int = 450) -> None:
    """So many more that were denied long ago."""

    def fill(conn: Any) -> None:
        for n in range(count):
            out = replace(
                from_row(row),
                identifier=new_ulid(row.recorded_at // 1000 + 1 + n),
                stage=Stage.DENIED,
            )
            check_outs.insert(conn, to_row(out, b"x", 1, "teller"))

    lent.vault.database.write_sync(fill)


def test_a_watcher_misses_nothing_and_hears_nothing_twice_whatever_is_written_meanwhile(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            crowd(lent, lent.current(await lent.ask(customer)))
            watching = Watching(
                lent.register, lent.looking, History(database, Archive(None)), lent.log
            )
            seen: list[tuple[str, int]] = []
            all_seen = asyncio.Event()

            async def watch() -> None:
                following = call(Action.CHECK_OUTS_WATCH, "security_officer")
                async for shown in watching.watch(following, Wanted(BANK)):
                    seen.append((shown.out.identifier, shown.out.version))
                    if sum(version == 3 for _, version in seen) == 75:
                        all_seen.set()
                    # A slow reader: much is written while he goes through what was there.
                    await asyncio.sleep(0.001)

            made: list[str] = []

            async def write() -> None:
                for _ in range(25):
                    lent_out = await lent.approve(await lent.ask(customer))
                    made.append(lent_out.out.identifier)
                    await lent.deciding.give_back(
                        call(Action.CHECK_OUTS_RETURN, "teller"), BANK, made[-1]
                    )

            follower = asyncio.create_task(watch())
            await asyncio.gather(*(write() for _ in range(3)))
            await asyncio.wait_for(all_seen.wait(), 20)
            follower.cancel()
            await asyncio.wait([follower])
            assert len(seen) == len(set(seen))
            for identifier in made:
                versions = [version for one, version in seen if one == identifier]
                assert versions == list(range(versions[0], 4))
            assert len(made) == 75 and len({one for one, _ in seen}) == 75 + 451

    run(main)


def test_a_full_page_goes_on_where_it_ended_and_a_filter_looks_far(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with lending(database, tmp_path) as lent:
            customer = await lent.customer()
            wanted = await lent.ask(customer)
            row = lent.current(wanted)

            crowd(lent, row)
            listing = call(Action.CHECK_OUTS_LIST, "security_officer")
            filtered = Wanted(BANK, frozenset({State.REQUESTED}))
            page = await lent.looking.page(listing, filtered, "", 10)
            assert [one.out.identifier for one in page.shown] == [wanted.out.identifier]
            assert not page.before
            seen: list[str] = []
            before = ""
            while True:
                page = await lent.looking.page(listing, Wanted(BANK), before, 100)
                seen += [one.out.identifier for one in page.shown]
                before = page.before
                if not before:
                    break
            assert len(seen) == len(set(seen)) == 451 and seen == sorted(seen, reverse=True)

    run(main)
