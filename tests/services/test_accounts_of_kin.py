"""An account whose bookings stand in more than one file of a customer, since the files were merged:
it is added up as a whole, by whichever of the names it is asked for, and a booking is reconstructed
with the entries around it, whichever file has them."""

import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.records import builders
from tests.services.test_merging import FIRST, SECOND, agreed, human, store
from tests.services.test_reading import let_go_of_keys
from tests.services.test_reconstructing import bundle, vkey
from tests.services.test_resealing import Bank, change, on_a_vault, resealed
from tests.support.borrowing import lending
from tests.support.bundles import refused_by, unpack
from tests.support.log_keys import log_signers, sequencer
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, UseCases, allowed, borrowing_of, run, use_cases
from vault.access import Action, Principal
from vault.audit.archive import Archive
from vault.audit.history import History
from vault.bundles import RecipientKey
from vault.bundles.page import Language
from vault.records import TransactionName, first_ulid
from vault.records.accounts import AccountReport, FindingKind
from vault.records.transaction import AccountStatement, Money
from vault.sealing import SM4_GCM
from vault.services import accounts
from vault.services.accounts import Accounts
from vault.services.call import Call
from vault.services.closed import OutsideScope, OwnFile
from vault.services.contents.downloading import Downloading
from vault.services.errors import Shredded
from vault.services.items import NewRecord
from vault.services.kinds import TRANSACTIONS
from vault.services.merging.content import MergeChange, UnmergeChange
from vault.services.period import Period
from vault.services.reconstructing import Reconstructing
from vault.services.recording import Recorder
from vault.services.replays import Request
from vault.services.rotation import record_work
from vault.services.storing import Batch
from vault.store import Database

__all__ = ["on_a_vault"]

(ACCOUNT, *_) = builders.customer().accounts
GAP, DOUBLE = FindingKind.GAP, FindingKind.DOUBLE


@dataclass
class Twice:
    """A customer who was stored twice. His account is of the old file until the two are merged,
    and what is booked then is stored with the other one."""

    vault: UseCases
    old: str
    kept: str

    @property
    def both(self) -> tuple[str, str]:
        return self.old, self.kept

    def merge(self) -> None:
        self.vault.agreed = agreed(MergeChange(self.old, self.kept))

    async def book(self, *numbers: int, account: str = ACCOUNT, **changes: Any) -> list[str]:
        """Entries with these numbers, an hour apart by them; the files that they are stored in."""
        booked = builders.transaction()
        items = [
            NewRecord(
                TRANSACTIONS,
                replace(
                    booked,
                    institution_reference=f"R{uuid.uuid4()}",
                    sequence_number=number,
                    booking_time=booked.booking_time + timedelta(hours=number),
                    account=replace(booked.account, account=account),
                    **changes,
                ),
                owner_account=ACCOUNT,
            )
            for number in numbers
        ]
        request = Request("records.import", str(uuid.uuid4()), b"")
        made = await self.vault.storing.store_together(
            allowed(Action.IMPORT), Batch(BANK, items, True, request)
        )
        return [one.customer for one in made]

    async def check(
        self, customer: str, call: Call | None = None, period: Period | None = None
    ) -> AccountReport:
        call = call or auditor(customer)
        return await Accounts(self.vault.reading).check(
            call, BANK, customer, ACCOUNT, period or Period()
        )


def auditor(customer: str, **limits: Any) -> Call:
    """A call that is about this one customer, as policy has allowed it."""
    return allowed(Action.ACCOUNTS_CHECK, customer, role="compliance", **limits)


async def twice(vault: UseCases, **of_the_old: Any) -> Twice:
    old = await store(vault, "C1", accounts=(ACCOUNT,), natural_person=human(FIRST), **of_the_old)
    return Twice(vault, old, await store(vault, "C2", natural_person=human(SECOND)))


def _first(time: datetime) -> str:
    return first_ulid(int(time.timestamp() * 1000))


def told(report: AccountReport) -> list[tuple[FindingKind, int, int]]:
    return [(one.kind, one.first, one.last) for one in report.findings]


def test_a_number_that_is_double_over_two_files_is_told_by_both_names(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            assert await him.book(1, 2, 3) == [him.old] * 3
            him.merge()
            assert await him.book(3, 5, 6) == [him.kept] * 3
            for name in him.both:
                report = await him.check(name)
                assert (report.entries, report.first, report.last) == (6, 1, 6)
                assert told(report) == [(DOUBLE, 3, 0), (GAP, 4, 4)]
                at = report.findings[0].transaction
                assert at.startswith(tuple(f"institutions/{BANK}/customers/{c}/" for c in him.both))

    run(main)


def test_a_number_lost_between_two_files_is_told(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            await him.book(1, 2, 3)
            him.merge()
            await him.book(5, 6)
            for name in him.both:
                assert told(await him.check(name)) == [(GAP, 4, 4)]
            # Files that were taken apart are checked each by itself again.
            vault.agreed = [*vault.agreed, *agreed(UnmergeChange(him.old, him.kept))]
            for name in him.both:
                assert told(await him.check(name)) == []

    run(main)


def test_entries_of_all_files_come_in_order_of_booking_however_they_are_paged(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "_WINDOW", 3)

    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            await him.book(1, 4, 5, 6, 7, 12)
            him.merge()
            await him.book(2, 3, 8, 9, 10, 11, 13)
            for name in him.both:
                report = await him.check(name)
                # Out of order there would be findings of kind ORDER.
                assert (report.entries, told(report)) == (13, [])

    run(main)


def test_a_period_is_one_of_all_files(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            await him.book(1, 2, 3)
            him.merge()
            await him.book(4, 5, 6)
            start = builders.transaction().booking_time
            low, high = (_first(start + timedelta(hours=n)) for n in (2, 6))
            report = await him.check(him.old, period=Period(low, high))
            assert (report.first, report.last, report.entries) == (2, 5, 4)

    run(main)


def test_the_event_names_each_file_that_was_opened(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            call = auditor(him.old)
            await him.check(him.old, call)
            assert call.trace.resources == ()
            him.merge()
            for name, other in (him.both, him.both[::-1]):
                call = auditor(name)
                await him.check(name, call)
                assert call.trace.resources == (f"customers/{other}",)

    run(main)


def owner(*files: str) -> Principal:
    """Somebody whose own these files are."""
    return principal_of("compliance", institution=BANK, person="p-1", own_files=files)


def closed(customer: str, own: str) -> Call:
    """A call of somebody whose own that file is."""
    call = auditor(customer)
    call.principal = owner(own)
    return call


def test_who_may_not_open_one_of_the_files_adds_up_none(database: Database, tmp_path: Path) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            here = builders.customer().branch
            him = await twice(vault, branch="BJ-09")
            assert here != "BJ-09"
            await him.book(1, 2, 3)
            # Before the merge each file is as it is by itself.
            assert (await him.check(him.kept, auditor(him.kept, branches=[here]))).entries == 0
            assert (await him.check(him.kept, closed(him.kept, him.old))).entries == 0
            him.merge()
            for name in him.both:
                for branch in (here, "BJ-09"):
                    with pytest.raises(OutsideScope):
                        await him.check(name, auditor(name, branches=[branch]))
                both = auditor(name, branches=[here, "BJ-09"])
                assert (await him.check(name, both)).entries == 3
                for own in him.both:
                    with pytest.raises(OwnFile):
                        await him.check(name, closed(name, own))

    run(main)


def test_a_file_whose_keys_are_gone_is_not_silently_left_out(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            await him.book(1, 2, 3)
            him.merge()
            await him.book(4)
            let_go_of_keys(vault, him.old)
            for name in him.both:
                with pytest.raises(Shredded):
                    await him.check(name)

    run(main)


def test_a_check_out_of_one_file_opens_no_other(database: Database, tmp_path: Path) -> None:
    """Nor does it claim to be whole: the statements at both ends may be cut."""
    statement = AccountStatement("S1", 1, Money("CNY", 0), Money("CNY", 1_000_000))

    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            him = await twice(vault)
            await him.book(1, 2, statement=statement)
            him.merge()
            await him.book(3, statement=statement)
            for name, entries in ((him.old, 2), (him.kept, 1)):
                call = auditor(name)
                call.lent = lending(f"institutions/{BANK}/customers/{name}", "transaction")
                report = await him.check(name, call)
                assert report.entries == entries
                assert FindingKind.STATEMENT_SUM not in {one.kind for one in report.findings}
                assert call.trace.resources == ()
                whole = await him.check(name)
                assert FindingKind.STATEMENT_SUM in {one.kind for one in whole.findings}

    run(main)


def reconstructing(customer: str, **limits: Any) -> Call:
    """A call for a bundle, as policy has allowed it."""
    call = allowed(
        Action.TRANSACTIONS_RECONSTRUCT,
        customer,
        role="compliance",
        purpose="INTERNAL_AUDIT",
        **limits,
    )
    call.purpose = "INTERNAL_AUDIT"
    return call


class Reconstructor:
    """The use case as the full tier makes it, with a log that is signed; nothing has contents."""

    def __init__(self, vault: UseCases, folder: Path) -> None:
        recorder = Recorder(vault.log, vault.clock)
        self._sequencer = sequencer(vault.database, folder)
        self._reconstructing = Reconstructing(
            vault.database,
            vault.keys,
            History(vault.database, Archive(None)),
            log_signers(folder),
            vault.reading,
            cast("Downloading", SimpleNamespace(pieces=None)),
            borrowing_of(vault.database, vault.keys, recorder, vault.clock),
            vault.clock,
        )

    async def around(
        self, name: TransactionName, call: Call | None = None
    ) -> tuple[list[int], list[int]]:
        """Numbers of the entries before and after a booking, in what is proved of it."""
        while self._sequencer.step():
            pass
        call = call or reconstructing(name.customer)
        recipient = RecipientKey.generate(hybrid=False).recipient
        made = await self._reconstructing.begin(call, name, recipient, Language.EN)
        before, after = (
            [one.value.sequence_number for one in side]
            for side in (made.gathered.before, made.gathered.after)
        )
        return before, after


async def named(vault: UseCases, customer: str, number: int) -> TransactionName:
    """The booking with a number that stands in a file."""
    call = allowed(Action.TRANSACTIONS_LIST, customer, role="compliance")
    page = await vault.reading.transaction_page(call, BANK, customer, Period(), "", 100)
    (found,) = (one for one in page if one.value.sequence_number == number)
    return TransactionName(BANK, customer, found.record.rpartition("/")[2])


def test_the_entries_before_and_after_a_booking_are_those_of_all_files(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            bundles, him = Reconstructor(vault, tmp_path), await twice(vault)
            await him.book(1, 2, 3, 8)
            first = await named(vault, him.old, 3)
            assert await bundles.around(first) == ([1, 2], [8])
            him.merge()
            await him.book(4, 6, 7, 9, 10)
            second = await named(vault, him.kept, 4)
            assert await bundles.around(first) == ([1, 2], [4, 6, 7, 8, 9])
            assert await bundles.around(second) == ([1, 2, 3], [6, 7, 8, 9, 10])
            last = await named(vault, him.kept, 10)
            assert await bundles.around(last) == ([4, 6, 7, 8, 9], [])

    run(main)


def test_a_bundle_with_entries_of_two_files_is_proved_also_when_they_were_sealed_anew(
    on_a_vault: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each row by an event of its own, so that those of the one file do not tell of the other.
    monkeypatch.setattr(record_work, "_MOST", 1)

    async def test(bank: Bank) -> None:
        him = await twice(bank.uses)
        await him.book(1, 2, 3)
        him.merge()
        await him.book(4, 5)
        change(bank, SM4_GCM)
        await resealed(bank)
        name = await named(bank.uses, him.kept, 4)
        data = await bundle(bank, name, tmp_path, him.both)
        assert refused_by(data, vkey(tmp_path)) == set()
        account = json.loads(unpack(data)["account.json"])
        assert [len(account[side]) for side in ("before", "after")] == [3, 1]

    on_a_vault(test)


def test_who_may_not_open_one_of_the_files_gets_no_bundle(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            bundles, him = Reconstructor(vault, tmp_path), await twice(vault, branch="BJ-09")
            await him.book(1, 2)
            him.merge()
            await him.book(3)
            here = builders.customer().branch
            for name in (await named(vault, him.old, 2), await named(vault, him.kept, 3)):
                for branch in (here, "BJ-09"):
                    call = reconstructing(name.customer, branches=[branch])
                    with pytest.raises(OutsideScope):
                        await bundles.around(name, call)
                for own in him.both:
                    call = reconstructing(name.customer)
                    call.principal = owner(own)
                    with pytest.raises(OwnFile):
                        await bundles.around(name, call)

    run(main)


def test_a_bundle_by_a_check_out_of_one_file_has_no_entry_of_another(
    database: Database, tmp_path: Path
) -> None:
    async def main() -> None:
        async with use_cases(database, tmp_path) as vault:
            bundles, him = Reconstructor(vault, tmp_path), await twice(vault)
            await him.book(1, 2, 6)
            him.merge()
            await him.book(3, 4)
            for file, number, around in (
                (him.old, 2, ([1], [6])),
                (him.kept, 3, ([], [4])),
            ):
                name = await named(vault, file, number)
                call = reconstructing(file)
                call.lent = lending(f"institutions/{BANK}/customers/{file}", "transaction")
                assert await bundles.around(name, call) == around

    run(main)
