"""Who is held to branches or classes meets other files, on a real store: every read, every write,
and pages that tell nothing of what is left out."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.records import builders
from tests.services.test_reading import let_go_of_keys
from tests.services.test_storing import FIRST, batch, booked, create, document_of, imported, person
from tests.support.principals import principal_of
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.access.scope import Scope
from vault.records import (
    IDENTITY_SCOPE,
    ORDINARY,
    CustomerName,
    FileMarks,
    IndexKind,
    ScopeRef,
    Sensitivity,
    encode_view,
    is_ulid,
    new_ulid,
)
from vault.records.masks import mask_customer
from vault.sealing import seal_masked
from vault.services import sealer
from vault.services.call import Call
from vault.services.closed import OutsideScope
from vault.services.errors import AlreadyExists, VaultError
from vault.services.items import NewRecord
from vault.services.kinds import DOCUMENTS
from vault.services.masked import Lookup
from vault.services.outcomes import Stored
from vault.services.period import Period
from vault.services.reach import MOST, WINDOW, Reach
from vault.services.replays import Request
from vault.store import CustomerRow, Database, MaskedCustomerRow

HERE, THERE = "上海 01", "BJ-01"
VIP = (Sensitivity.VIP,)
Main = Callable[[UseCases], Coroutine[Any, Any, None]]
FULL = {"role": "ingestor"}
MASKED = {"role": "crm_viewer"}


@pytest.fixture
def on_a_vault(database: Database, tmp_path: Path) -> Callable[[Main], None]:
    """Runs a test's coroutine on the use cases."""

    def run_test(test: Main) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                await test(vault)

        run(main)

    return run_test


@dataclass(frozen=True)
class File:
    """A customer with a paper and a booking, by identifier."""

    customer: str
    paper: str
    booking: str


async def file(vault: UseCases, number: str, branch: str, **changes: Any) -> File:
    (stored,) = await create(vault, person(number, branch=branch, **changes))
    paper = replace(builders.document(), number=f"E{number}")
    papers = await imported(vault, document_of(number, paper), booked(number))
    ids = [one.record.rpartition("/")[2] for one in papers if isinstance(one, Stored)]
    return File(stored.customer, *ids)


async def outcome(work: Coroutine[Any, Any, Any]) -> str:
    """What becomes of a call: a reason, or OK."""
    try:
        await work
    except VaultError as refused:
        return refused.reason
    return "OK"


def reads(vault: UseCases, of: File, **who: Any) -> dict[str, Coroutine[Any, Any, Any]]:
    """Every read of one customer, in both views."""
    r, m, c = vault.reading, vault.masked, of.customer

    def full(action: Action) -> Call:
        return allowed(action, c, **FULL, **who)

    def masked(action: Action) -> Call:
        return allowed(action, c, **MASKED, **who)

    get, versions = Action.DOCUMENTS_GET, Action.DOCUMENTS_VERSIONS
    of_all = Period()
    return {
        "customer": r.customer(full(Action.CUSTOMERS_GET), BANK, c),
        "first version": r.customer(full(Action.CUSTOMERS_GET), BANK, c, 1),
        "versions": r.customer_versions(full(Action.CUSTOMERS_VERSIONS), BANK, c, None, 9),
        "document": r.document(full(get), BANK, c, of.paper),
        "documents": r.document_listing(full(Action.DOCUMENTS_LIST), BANK, c, "", 9),
        "no document": r.document(full(get), BANK, c, new_ulid(1)),
        "its versions": r.document_versions(full(versions), BANK, c, of.paper, None, 9),
        "booking": r.transaction(full(Action.TRANSACTIONS_GET), BANK, c, of.booking),
        "bookings": r.transaction_page(
            full(Action.TRANSACTIONS_LIST), BANK, c, of_all, "", 9, views=True
        ),
        "masked": m.customer(masked(Action.MASKED_CUSTOMERS_GET), BANK, c),
        "masked document": m.document(masked(Action.MASKED_DOCUMENTS_GET), BANK, c, of.paper),
        "masked documents": m.document_page(masked(Action.MASKED_DOCUMENTS_LIST), BANK, c, "", 9),
        "masked booking": m.transaction(
            masked(Action.MASKED_TRANSACTIONS_GET), BANK, c, of.booking
        ),
        "masked bookings": m.transaction_page(
            masked(Action.MASKED_TRANSACTIONS_LIST), BANK, c, of_all, "", 9
        ),
    }


async def outcomes(vault: UseCases, of: File, **who: Any) -> set[tuple[str, str]]:
    return {(name, await outcome(work)) for name, work in reads(vault, of, **who).items()}


NAMES = [
    "customer",
    "first version",
    "versions",
    "document",
    "documents",
    "its versions",
    "booking",
    "bookings",
    "masked",
    "masked document",
    "masked documents",
    "masked booking",
    "masked bookings",
]
REFUSED = {(name, "OUTSIDE_SCOPE") for name in [*NAMES, "no document"]}
OPENED = {*((name, "OK") for name in NAMES), ("no document", "NOT_FOUND")}


@pytest.mark.parametrize(
    ("who", "reached"),
    [
        ({}, {"ours", "vip", "theirs", "child"}),
        ({"branches": [HERE]}, {"ours", "vip", "child"}),
        ({"branches": [THERE, HERE]}, {"ours", "vip", "theirs", "child"}),
        ({"branches": []}, set()),
        ({"classes": [ORDINARY]}, {"ours", "theirs"}),
        ({"classes": ["VIP", "MINOR"]}, {"vip", "child"}),
        ({"classes": []}, set()),
        ({"branches": [HERE], "classes": [ORDINARY]}, {"ours"}),
        ({"branches": [THERE], "classes": ["VIP"]}, set()),
    ],
    ids=lambda one: str(sorted(one)) if isinstance(one, set) else str(one),
)
def test_every_read_is_held_to_the_customers_branch_and_classes(
    on_a_vault: Any, who: dict[str, Any], reached: set[str]
) -> None:
    async def test(vault: UseCases) -> None:
        young = replace(builders.person(), birth_date=builders.TODAY, identity=None)
        files = {
            "ours": await file(vault, "C1", HERE),
            "vip": await file(vault, "C2", HERE, sensitivities=VIP),
            "theirs": await file(vault, "C3", THERE),
        }
        (child,) = await create(
            vault, replace(person("C4", branch=HERE), natural_person=young, phones=())
        )
        files["child"] = File(child.customer, "", "")
        for name in ("ours", "vip", "theirs"):
            expected = OPENED if name in reached else REFUSED
            assert await outcomes(vault, files[name], **who) == expected, name
        full = allowed(Action.CUSTOMERS_LIST, **FULL, **who)
        listed = await vault.reading.customer_listing(full, BANK, "", 9)
        assert {one.customer for one in listed.rows} == {files[one].customer for one in reached}
        masked = allowed(Action.MASKED_CUSTOMERS_LIST, **MASKED, **who)
        shown = await vault.masked.customer_page(masked, BANK, "", 9)
        assert {one.customer for one in shown.rows} == {files[one].customer for one in reached}
        assert listed.further == shown.further == ""

    on_a_vault(test)


def test_a_customer_is_held_to_where_he_is_now_whatever_version_is_read(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        of = await file(vault, "C1", HERE)
        assert await outcomes(vault, of, branches=[HERE]) == OPENED
        await move(vault, of.customer, branch=THERE)
        assert await outcomes(vault, of, branches=[HERE]) == REFUSED
        assert await outcomes(vault, of, branches=[THERE]) == OPENED

    on_a_vault(test)


async def move(vault: UseCases, customer: str, who: Call | None = None, **changes: Any) -> Stored:
    """Write a new version of a customer."""
    action = Action.CUSTOMERS_UPDATE
    call = who or allowed(action, customer)
    etag = (
        await vault.reading.customer(allowed(Action.CUSTOMERS_GET, customer), BANK, customer)
    ).etag
    return await vault.updating.customer(
        call,
        BANK,
        customer,
        etag,
        lambda was: replace(was, **changes),
        Request(action.value, "", b""),
    )


def test_with_a_token_both_have_to_reach_the_file(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        of = await file(vault, "C1", HERE)
        call = allowed(Action.MASKED_CUSTOMERS_GET, of.customer, **MASKED, branches=[HERE])
        for branches, expected in (([HERE], "OK"), ([THERE], "OUTSIDE_SCOPE"), (None, "OK")):
            call.bearer = principal_of("teller", person="p-1", branches=branches)
            assert await outcome(vault.masked.customer(call, BANK, of.customer)) == expected
        front = allowed(Action.MASKED_CUSTOMERS_GET, of.customer, **MASKED)
        front.bearer = principal_of("teller", person="p-1", branches=[THERE])
        assert await outcome(vault.masked.customer(front, BANK, of.customer)) == "OUTSIDE_SCOPE"

    on_a_vault(test)


def test_a_customer_who_is_not_there_is_not_found_by_who_is_limited(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        nobody = File(new_ulid(1), new_ulid(2), new_ulid(3))
        found = await outcomes(vault, nobody, branches=[HERE], classes=[ORDINARY])
        lists = {"documents", "bookings", "masked documents", "masked bookings"}
        assert {name for name, reason in found if reason == "NOT_FOUND"} == {
            name for name, _ in REFUSED if name not in lists
        }

    on_a_vault(test)


def test_a_file_that_was_destroyed_is_out_of_every_limited_reach_and_stops_no_list(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        gone, stays = await file(vault, "C1", HERE), await file(vault, "C2", HERE)
        let_go_of_keys(vault, gone.customer)
        assert await outcomes(vault, gone, branches=[HERE]) == REFUSED
        listed = await vault.reading.customer_listing(
            allowed(Action.CUSTOMERS_LIST, branches=[HERE]), BANK, "", 9
        )
        call = allowed(Action.MASKED_CUSTOMERS_LIST, **MASKED, branches=[HERE])
        shown = await vault.masked.customer_page(call, BANK, "", 9)
        assert [one.customer for one in listed.rows] == [stays.customer]
        assert [one.customer for one in shown.rows] == [stays.customer]

    on_a_vault(test)


# -- the masked branch -----------------------------------------------------------------------------


def test_a_view_from_before_there_were_classes_is_denied_to_who_is_held_to_some(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        of = await file(vault, "C1", HERE)
        ref = ScopeRef(BANK, of.customer, IDENTITY_SCOPE)
        key = (await vault.keys.masked([ref]))[ref]
        view = encode_view(mask_customer(person("C1", branch=HERE), builders.TODAY))
        old = seal_masked(key, view, sealer.place(ref, "", 1, "masked"))

        def past(conn: Connection) -> None:
            set_masked = "UPDATE customers SET masked = ? WHERE customer = ?"
            marks = set_masked.replace("?", "%s") if conn.dialect.name != "sqlite" else set_masked
            conn.exec_driver_sql(marks, (old, of.customer))

        vault.database.write_sync(past)

        async def told(**who: Any) -> str:
            call = allowed(Action.MASKED_CUSTOMERS_GET, of.customer, **MASKED, **who)
            return await outcome(vault.masked.customer(call, BANK, of.customer))

        assert await told() == "OK"
        assert await told(branches=[HERE]) == "OK"
        assert await told(branches=[THERE]) == "OUTSIDE_SCOPE"
        assert await told(classes=[ORDINARY]) == "OUTSIDE_SCOPE"
        # With the next version it has them.
        await move(vault, of.customer, emails=("new@example.com",))
        assert await told(classes=[ORDINARY]) == "OK"

    on_a_vault(test)


def test_a_search_finds_whom_the_searcher_reaches(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        ours = [await file(vault, f"A{n}", HERE) for n in range(3)]
        for n in range(3):
            await file(vault, f"B{n}", THERE)
        oracle = vault.oracle

        class AsNode:
            """The oracle as the masked node asks it."""

            async def look_up(self, _call: Call, lookup: Lookup) -> list[str]:
                return await oracle.look_up(
                    allowed(Action.INDEX_LOOKUP, role="masked_node", on_behalf_of="crm"), lookup
                )

        vault.masked._oracle = AsNode()
        name = builders.person().full_name

        async def search(after: str, limit: int, **who: Any) -> tuple[list[str], str]:
            call = allowed(Action.MASKED_CUSTOMERS_SEARCH, **MASKED, **who)
            lookup = Lookup(BANK, IndexKind.NAME, name, after, limit)
            found = await vault.masked.search(call, lookup)
            return [one.customer for one in found.rows], found.further

        mine = sorted(one.customer for one in ours)
        assert len((await search("", 9))[0]) == 6
        assert await search("", 9, branches=[HERE]) == (mine, "")
        assert await search("", 2, branches=[HERE]) == (mine[:2], "")
        assert await search(mine[0], 2, branches=[HERE]) == (mine[1:], "")
        assert await search("", 9, branches=["GZ-01"]) == ([], "")

    on_a_vault(test)


# -- writes ----------------------------------------------------------------------------------------


def test_who_is_limited_writes_only_within_his_reach(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        ours, theirs = await file(vault, "C1", HERE), await file(vault, "C2", THERE)

        async def store(action: Action, *items: Any, together: bool = True) -> list[str]:
            owner = {i.owner.customer if i.owner else "" for i in items if isinstance(i, NewRecord)}
            call = allowed(action, *owner, branches=[HERE], classes=[ORDINARY])
            try:
                found = await vault.storing.store(call, batch(*items, together=together))
            except VaultError as refused:
                return [refused.reason]
            return [one.reason if isinstance(one, VaultError) else "OK" for one in found]

        new = Action.CUSTOMERS_BATCH_CREATE
        assert await store(new, person("D1", branch=HERE)) == ["OK"]
        assert await store(new, person("D2", branch=THERE)) == ["OUTSIDE_SCOPE"]
        assert await store(new, person("D3", branch="")) == ["OUTSIDE_SCOPE"]
        assert await store(new, person("D4", branch=HERE, sensitivities=VIP)) == ["OUTSIDE_SCOPE"]
        mixed = await store(new, person("D5", branch=HERE), person("D6", branch=THERE))
        assert mixed == ["OUTSIDE_SCOPE"]
        for of, expected in ((ours, "OK"), (theirs, "OUTSIDE_SCOPE")):
            owner = CustomerName(BANK, of.customer)
            numbered = replace(builders.document(), number=f"F{of.customer}")
            paper = NewRecord(DOCUMENTS, numbered, owner)
            assert await store(Action.DOCUMENTS_CREATE, paper) == [expected]
            booking = booked(owner=owner)
            assert await store(Action.TRANSACTIONS_CREATE, booking) == [expected]
        items = (
            person("E1", branch=HERE),
            person("E2", branch=THERE),
            booked("E1"),
            booked("E2"),
            booked("C1"),
            booked("C2"),
        )
        assert await store(Action.IMPORT, *items, together=False) == [
            "OK",
            "OUTSIDE_SCOPE",
            "OK",
            "OUTSIDE_SCOPE",
            "OK",
            "OUTSIDE_SCOPE",
        ]

    on_a_vault(test)


def test_who_is_limited_changes_only_within_his_reach_and_moves_nobody_out_of_it(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        ours, theirs = await file(vault, "C1", HERE), await file(vault, "C2", THERE)

        async def change(of: File, **changes: Any) -> str:
            who = allowed(Action.CUSTOMERS_UPDATE, of.customer, branches=[HERE], classes=[ORDINARY])
            return await outcome(move(vault, of.customer, who, **changes))

        async def change_paper(of: File) -> str:
            who = allowed(Action.DOCUMENTS_UPDATE, of.customer, branches=[HERE])
            etag = (
                await vault.reading.document(
                    allowed(Action.DOCUMENTS_GET, of.customer), BANK, of.customer, of.paper
                )
            ).etag
            return await outcome(
                vault.updating.document(
                    who,
                    BANK,
                    of.customer,
                    of.paper,
                    etag,
                    lambda was: replace(was, issuer="Another"),
                    Request("records.documents.update", "", b""),
                )
            )

        assert await change(ours, emails=("a@example.com",)) == "OK"
        assert await change(theirs, emails=("a@example.com",)) == "OUTSIDE_SCOPE"
        assert await change(theirs, branch=HERE) == "OUTSIDE_SCOPE"
        assert await change(ours, branch=THERE) == "OUTSIDE_SCOPE"
        assert await change(ours, sensitivities=VIP) == "OUTSIDE_SCOPE"
        assert await change_paper(ours) == "OK"
        assert await change_paper(theirs) == "OUTSIDE_SCOPE"

    on_a_vault(test)


def test_that_somebody_else_holds_a_number_is_told_and_who_only_within_reach(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        (holder,) = await create(vault, person("C1", FIRST, branch=THERE))
        name = sealer.resource_name(BANK, holder.customer)

        async def told(branches: list[str], *, together: bool, request_id: str = "") -> str:
            call = allowed(
                Action.CUSTOMERS_BATCH_CREATE if together else Action.IMPORT, branches=branches
            )
            again = person("C9", FIRST, branch=HERE)
            body = f"{branches}{together}".encode()
            wanted = batch(again, together=together, request=Request(call.action, request_id, body))
            try:
                (found,) = await vault.storing.store(call, wanted)
            except AlreadyExists as refused:
                found = refused
            assert isinstance(found, AlreadyExists)
            assert holder.customer not in (found.en + found.zh) or found.existing
            assert found.metadata == ({"existing": found.existing} if found.existing else {})
            return found.existing

        for together in (True, False):
            assert await told([HERE], together=together) == ""
            assert await told([HERE, THERE], together=together) == name
        # And the second time, from what was kept of the first.
        known = "0b7a7f0e-0d0d-4c11-9d62-2a6b6b1d8a11"
        for _ in range(2):
            assert await told([HERE], together=False, request_id=known) == ""
        mine = await file(vault, "C2", HERE)
        human = person("C2", FIRST).natural_person
        who = allowed(Action.CUSTOMERS_UPDATE, mine.customer, branches=[HERE])
        with pytest.raises(AlreadyExists) as refused:
            await move(vault, mine.customer, who, natural_person=human)
        assert refused.value.existing == ""

    on_a_vault(test)


# -- pages -----------------------------------------------------------------------------------------


def _row(n: int) -> MaskedCustomerRow:
    return MaskedCustomerRow(BANK, new_ulid(1_000 + n), 1, 0, "", b"")


class Crowd:
    """Many customers, of whom a few are within reach; counts what is looked at."""

    def __init__(self, count: int, *mine: int) -> None:
        self.rows = [_row(n) for n in range(count)]
        self.mine = {self.rows[n].customer for n in mine}
        self.looked = 0
        self.reach: Reach[MaskedCustomerRow] = Reach(self._marks)

    async def _marks(self, rows: Any) -> dict[str, FileMarks]:
        self.looked += len(rows)
        return {
            row.customer: FileMarks(
                HERE if row.customer in self.mine else THERE, frozenset({ORDINARY})
            )
            for row in rows
        }

    async def _page(self, after: str, limit: int) -> tuple[list[str], dict[str, Any]]:
        assert limit <= WINDOW
        rows = [row for row in self.rows if row.customer > after][:limit]
        return [row.customer for row in rows], {row.customer: row for row in rows}

    async def all_pages(self, size: int) -> tuple[list[str], list[str]]:
        """What is shown page by page, as the service asks for it, and where each page ended."""
        call = allowed(Action.MASKED_CUSTOMERS_LIST, **MASKED, branches=[HERE])
        shown: list[str] = []
        ends = [""]
        while True:
            self.looked = 0
            found = await self.reach.page(call, self._page, ends[-1], size + 1)
            assert self.looked <= MOST + WINDOW
            page = [row.customer for row in found.rows[:size]]
            shown += page
            end = page[-1] if len(found.rows) > size else found.further
            if not end:
                return shown, ends
            ends.append(end)


@pytest.mark.parametrize("size", [1, 2, 50])
@pytest.mark.parametrize(
    ("count", "mine"),
    [
        (0, ()),
        (10, (3, 4, 9)),
        (WINDOW, (0, WINDOW - 1)),
        (5_000, (0, 1_999, 2_000, 2_225, 4_999)),
        (5_000, ()),
        (5_000, tuple(range(0, 5_000, 7))),
    ],
    ids=["none", "few", "a window", "sparse", "nobody's", "every seventh"],
)
def test_pages_show_everybody_within_reach_once_and_end_at_nobody_outside(
    count: int, mine: tuple[int, ...], size: int
) -> None:
    async def main() -> None:
        crowd = Crowd(count, *mine)
        shown, ends = await crowd.all_pages(size)
        assert shown == sorted(crowd.mine)
        outside = {row.customer for row in crowd.rows} - crowd.mine
        assert not outside & {*ends}
        assert all(is_ulid(end) for end in ends[1:])
        if not mine:
            assert len(ends) <= 1 + count // MOST

    run(main)


def test_a_page_that_could_be_filled_is_full(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        people = [person(f"C{n:03d}", branch=HERE if n % 40 == 0 else THERE) for n in range(200)]
        await create(vault, *people)
        call = allowed(Action.CUSTOMERS_LIST, branches=[HERE])
        first = await vault.reading.customer_listing(call, BANK, "", 3)
        assert len(first.rows) == 3
        rest = await vault.reading.customer_listing(call, BANK, first.rows[-1].customer, 9)
        assert len(rest.rows) == 2
        assert {one.value.branch for one in (*first.rows, *rest.rows)} == {HERE}

    on_a_vault(test)


def test_nothing_is_looked_at_for_who_is_not_limited_or_reaches_nobody() -> None:
    async def main() -> None:
        async def never(_rows: Any) -> dict[str, FileMarks]:
            raise AssertionError("a file was looked at")

        reach: Reach[CustomerRow] = Reach(never)
        row = CustomerRow(BANK, new_ulid(1), 1, 0, "", b"", b"")
        assert await reach.inside(Scope(), [row]) == [row]
        assert await reach.inside(Scope(frozenset()), [row]) == []
        call = allowed(Action.CUSTOMERS_LIST, branches=[])

        async def page(_after: str, _limit: int) -> Any:
            raise AssertionError("a page was read")

        assert (await reach.page(call, page, "", 9)).rows == []
        with pytest.raises(OutsideScope):
            await reach.require(call, row)
        await reach.require(call, None)

    run(main)


def test_an_export_is_of_nobody_who_is_limited(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        await file(vault, "C1", HERE)
        call = allowed(Action.CUSTOMERS_LIST, branches=[HERE])
        assert await outcome(vault.reading.customer_page(call, BANK, "", 9)) == "OUTSIDE_SCOPE"

    on_a_vault(test)
