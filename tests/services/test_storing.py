"""Storing and changing records on a real store: what is answered is what stands."""

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.records import builders
from tests.support.use_cases import BANK, UseCases, allowed, run, use_cases
from vault.access import Action
from vault.records import Customer, CustomerName, DocumentKind, IdentityDocument, Transaction
from vault.services.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
    RequestIdReused,
    VaultError,
)
from vault.services.items import NewRecord
from vault.services.kinds import CUSTOMERS, DOCUMENTS, TRANSACTIONS
from vault.services.outcomes import Stored
from vault.services.replays import Request
from vault.services.storing import Batch
from vault.store import Database

# GB 11643-1999, annex A, and one with the next serial number.
FIRST, SECOND = builders.RESIDENT_ID, "110105194912310038"


def person(number: str, identity: str = "", **changes: Any) -> Customer:
    """A customer; without an identity number unless one is given."""
    human = builders.person()
    element = replace(human.identity, number=identity) if human.identity and identity else None
    return builders.customer(
        customer_number=number,
        natural_person=replace(human, identity=element),
        accounts=(),
        **changes,
    )


def batch(*records: Any, together: bool = True, request: Request | None = None) -> Batch:
    return Batch(
        BANK,
        [
            r if isinstance(r, NewRecord) else NewRecord(CUSTOMERS, r, field=f"customers[{i}]")
            for i, r in enumerate(records)
        ],
        together,
        request or Request("records.customers.create", "", b""),
    )


def once(body: bytes, request_id: str, method: str = "records.customers.create") -> Request:
    return Request(method, request_id, body)


async def create(vault: UseCases, *customers: Customer) -> list[Stored]:
    call = allowed(Action.CUSTOMERS_BATCH_CREATE)
    return await vault.storing.store_together(call, batch(*customers))


async def imported(vault: UseCases, *items: Any) -> list[Stored | VaultError]:
    return await vault.storing.store(allowed(Action.IMPORT), batch(*items, together=False))


async def count(vault: UseCases) -> int:
    call = allowed(Action.CUSTOMERS_LIST)
    return len(await vault.reading.customer_page(call, BANK, "", 200))


def kinds(outcomes: list[Any]) -> list[str]:
    return [type(o).__name__ for o in outcomes]


def document_of(number: str, record: IdentityDocument) -> NewRecord:
    return NewRecord(DOCUMENTS, record, None, number, field="identity_document")


def booked(number: str = "", record: Transaction | None = None, **owner: Any) -> NewRecord:
    return NewRecord(
        TRANSACTIONS,
        record or builders.transaction(corrects="", reverses="", vouchers=()),
        owner_number=number,
        field="transaction",
        **owner,
    )


Test = Callable[[UseCases], Any]


@pytest.fixture
def on_a_vault(database: Database, tmp_path: Path) -> Callable[[Test], None]:
    """Runs a test's coroutine on the use cases."""

    def run_test(test: Test) -> None:
        async def main() -> None:
            async with use_cases(database, tmp_path) as vault:
                await test(vault)

        run(main)

    return run_test


def test_what_is_stored_is_what_is_read(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (stored,) = await create(vault, person("C1", FIRST))
        opened = await vault.reading.customer(
            allowed(Action.CUSTOMERS_GET, stored.customer), BANK, stored.customer
        )
        assert opened.value == person("C1", FIRST)
        assert (opened.etag, opened.version) == (stored.etag, 1)
        event = vault.events()[-1]
        assert [row.name for row in event.rows] == [f"customers/{stored.customer}@1"]
        assert (event.customer, event.count) == (stored.customer, 1)

    on_a_vault(test)


def test_a_second_holder_of_a_number_is_refused_with_the_first_ones_name(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (stored,) = await create(vault, person("C1", FIRST))
        with pytest.raises(AlreadyExists) as refused:
            await create(vault, person("C2", FIRST))
        assert refused.value.existing == f"institutions/{BANK}/customers/{stored.customer}"
        assert await count(vault) == 1

    on_a_vault(test)


def test_a_batch_stands_or_falls_together(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        await create(vault, person("C1", FIRST))
        with pytest.raises(AlreadyExists):
            await create(vault, person("C2"), person("C3", FIRST))
        assert await count(vault) == 1
        # Nothing of the batch holds its number either.
        await create(vault, person("C2"))

    on_a_vault(test)


def test_a_batch_that_names_one_customer_twice_is_never_told_of_one_that_does_not_stand(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await create(vault, person("C1", FIRST), person("C2", FIRST))
        assert [v.field for v in refused.value.violations] == ["customers[1]"]
        assert await count(vault) == 0

    on_a_vault(test)


def test_an_import_stores_what_is_good_and_refuses_the_rest_each_for_itself(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        outcomes = await imported(
            vault,
            person("C1", FIRST),
            person("C2", FIRST),
            person("C2", SECOND),
            booked("C1"),
            booked("nobody"),
        )
        assert kinds(outcomes) == ["Stored", "AlreadyExists", "Stored", "Stored", "NotFound"]
        first, second = outcomes[:2]
        assert isinstance(first, Stored) and isinstance(second, AlreadyExists)
        assert second.existing.endswith(first.customer)
        assert await count(vault) == 2
        assert vault.events()[-1].count == 3

    on_a_vault(test)


def test_what_belongs_to_a_refused_customer_is_refused_with_it(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        await create(vault, person("C0", FIRST))
        outcomes = await imported(vault, person("C1", FIRST), booked("C1"))
        assert kinds(outcomes) == ["AlreadyExists", "NotFound"]

    on_a_vault(test)


def test_a_customer_of_another_institution_is_none(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        owner = CustomerName("other-bank", "01jd0000000000000000000000")
        outcomes = await imported(vault, booked(owner=owner))
        assert kinds(outcomes) == ["NotFound"]

    on_a_vault(test)


def test_a_transaction_cannot_correct_one_of_another_customer(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        outcomes = await imported(vault, person("C1"), person("C2"), booked("C1"))
        theirs = outcomes[2]
        assert isinstance(theirs, Stored)
        name = f"institutions/{BANK}/customers/{theirs.customer}/{theirs.record}"
        correction = builders.transaction(corrects=name, reverses="", vouchers=())
        refused, stored = await imported(vault, booked("C2", correction), booked("C1", correction))
        assert isinstance(refused, InvalidArgument)
        assert [v.field for v in refused.violations] == ["transaction.corrects"]
        assert isinstance(stored, Stored)

    on_a_vault(test)


def test_a_request_that_comes_again_gets_its_first_answer(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        request = once(b"body", str(uuid.uuid4()))
        call = allowed(Action.CUSTOMERS_CREATE)
        first = await vault.storing.store(call, batch(person("C1"), request=request))
        again = await vault.storing.store(
            allowed(Action.CUSTOMERS_CREATE), batch(person("C1"), request=request)
        )
        assert again == first
        assert await count(vault) == 1

    on_a_vault(test)


def test_a_request_id_is_good_for_one_body_and_one_method(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        request_id = str(uuid.uuid4())
        call = allowed(Action.CUSTOMERS_CREATE)
        await vault.storing.store(call, batch(person("C1"), request=once(b"body", request_id)))
        for other in (once(b"other", request_id), once(b"body", request_id, "records.import")):
            with pytest.raises(RequestIdReused):
                await vault.storing.store(
                    allowed(Action.CUSTOMERS_CREATE), batch(person("C2"), request=other)
                )

    on_a_vault(test)


def test_two_copies_of_a_request_at_once_store_it_once_and_are_answered_alike(
    on_a_vault: Any,
) -> None:
    async def test(vault: UseCases) -> None:
        request = once(b"body", str(uuid.uuid4()))
        answers = await asyncio.gather(
            *(
                vault.storing.store(
                    allowed(Action.CUSTOMERS_CREATE), batch(person("C1", FIRST), request=request)
                )
                for _ in range(5)
            )
        )
        assert all(answer == answers[0] for answer in answers)
        assert await count(vault) == 1

    on_a_vault(test)


# -- updates -------------------------------------------------------------------------------------


async def update(vault: UseCases, stored: Stored, new: Customer) -> Stored:
    return await vault.updating.customer(
        allowed(Action.CUSTOMERS_UPDATE, stored.customer),
        BANK,
        stored.customer,
        stored.etag,
        lambda _current: new,
        Request("records.customers.update", "", b""),
    )


def test_of_two_updates_of_one_version_one_stands(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (stored,) = await create(vault, person("C1"))
        outcomes = await asyncio.gather(
            *(update(vault, stored, person("C1", branch=f"B{n}")) for n in range(4)),
            return_exceptions=True,
        )
        assert sorted(kinds(list(outcomes))) == ["Aborted"] * 3 + ["Stored"]
        call = allowed(Action.CUSTOMERS_VERSIONS, stored.customer)
        versions = await vault.reading.customer_versions(call, BANK, stored.customer, None, 10)
        assert [v.version for v in versions] == [2, 1]

    on_a_vault(test)


def test_an_old_etag_changes_nothing(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (stored,) = await create(vault, person("C1"))
        await update(vault, stored, person("C1", branch="B1"))
        with pytest.raises(Aborted):
            await update(vault, stored, person("C1", branch="B2"))

    on_a_vault(test)


def test_an_update_gives_up_the_number_that_it_no_longer_has(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (stored,) = await create(vault, person("C1", FIRST))
        with pytest.raises(AlreadyExists):
            await create(vault, person("C2", FIRST))
        await update(vault, stored, person("C1", SECOND))
        await create(vault, person("C2", FIRST))
        with pytest.raises(AlreadyExists):
            await create(vault, person("C3", SECOND))

    on_a_vault(test)


def test_a_number_that_a_document_still_has_is_not_given_up(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        card = builders.document(
            kind=DocumentKind.CN_RESIDENT_ID,
            number=FIRST,
            issuing_country="CN",
            machine_readable_zone="",
        )
        outcomes = await imported(vault, person("C1", FIRST), document_of("C1", card))
        stored = outcomes[0]
        assert isinstance(stored, Stored) and isinstance(outcomes[1], Stored), outcomes
        await update(vault, stored, person("C1"))
        with pytest.raises(AlreadyExists):
            await create(vault, person("C2", FIRST))

    on_a_vault(test)


def test_an_update_cannot_take_anothers_number(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        first, second = await create(vault, person("C1", FIRST), person("C2", SECOND))
        with pytest.raises(AlreadyExists) as refused:
            await update(vault, second, person("C2", FIRST))
        assert refused.value.existing.endswith(first.customer)
        # Nothing of it stands: the number that it would have given up is still its own.
        with pytest.raises(AlreadyExists):
            await create(vault, person("C3", SECOND))

    on_a_vault(test)


def test_a_customer_that_is_not_there_cannot_be_changed(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        nobody = Stored("01jd0000000000000000000000", "", 1, "e", 0)
        with pytest.raises(NotFound):
            await update(vault, nobody, person("C1"))

    on_a_vault(test)


def account_holder(number: str, *accounts: str) -> Customer:
    """A customer with a passport of his own: without, he could have no account."""
    one = person(number)
    assert one.natural_person is not None
    element = builders.person().identity
    assert element is not None
    passport = replace(
        element, kind=DocumentKind.PASSPORT, number=f"{number}{number}00", issuing_country="DE"
    )
    human = replace(one.natural_person, identity=passport)
    return replace(one, natural_person=human, accounts=accounts)


OWN = "6200007349225835184"


def by_account(account: str, **changes: Any) -> NewRecord:
    record = builders.transaction(corrects="", reverses="", vouchers=(), **changes)
    return NewRecord(TRANSACTIONS, record, owner_account=account, field="transaction")


def test_an_item_finds_its_customer_by_an_account_of_his(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        (holder,) = await create(vault, account_holder("C1", "DE02 1203 0000 0000 2020 51"))
        stored, unknown = await imported(
            vault, by_account("DE02120300000000202051"), by_account("999000111222")
        )
        assert isinstance(stored, Stored)
        assert stored.customer == holder.customer
        assert isinstance(unknown, NotFound)

    on_a_vault(test)


def test_a_new_customer_owns_what_comes_with_his_account_in_one_message(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        new, stored = await imported(vault, account_holder("C1", OWN), by_account(OWN))
        assert isinstance(new, Stored)
        assert isinstance(stored, Stored)
        assert stored.customer == new.customer

    on_a_vault(test)


def test_a_shared_account_is_nobodys_to_choose(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        await create(vault, account_holder("C1", OWN), account_holder("C2", OWN))
        new, refused, other = await imported(
            vault, account_holder("C3", "999000111222"), by_account(OWN), by_account("999000111222")
        )
        assert isinstance(refused, InvalidArgument)
        assert [v.reason for v in refused.violations] == ["ACCOUNT_SHARED"]
        assert isinstance(other, Stored)
        assert isinstance(new, Stored)
        (again,) = await imported(vault, account_holder("C4", "999000111222"))
        assert isinstance(again, Stored)
        (shared,) = await imported(vault, by_account("999000111222"))
        assert kinds([shared]) == ["InvalidArgument"]

    on_a_vault(test)


def test_an_account_in_anothers_transaction_makes_it_not_his(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        holder, other = await create(vault, account_holder("C1", OWN), account_holder("C2"))
        party = replace(builders.transaction().account, account=OWN)
        strayed = builders.transaction(corrects="", reverses="", vouchers=(), account=party)
        named = NewRecord(TRANSACTIONS, strayed, owner_number="C2", field="transaction")
        assert kinds(await imported(vault, *[named] * 3)) == ["Stored"] * 3
        (stored,) = await imported(vault, by_account(OWN))
        assert isinstance(stored, Stored)
        assert stored.customer == holder.customer != other.customer

    on_a_vault(test)


def test_a_request_that_was_carried_out_before_says_so(on_a_vault: Any) -> None:
    async def test(vault: UseCases) -> None:
        request = Request("records.import", str(uuid.uuid4()), b"body")
        seen = []
        for _ in range(2):
            call = allowed(Action.IMPORT)
            await vault.storing.store(call, batch(person("C1"), together=False, request=request))
            seen.append(call.repeated)
        assert seen == [False, True]

    on_a_vault(test)
