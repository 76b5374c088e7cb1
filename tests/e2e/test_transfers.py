"""A customer's file goes from a vault on SQLite to one on PostgreSQL, over TLS, with history and
proofs: what was held there is held here."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from recordsvault.records.v1 import records_pb2 as rp
from recordsvault.bundles.v1 import transfers_pb2 as pb
from tests.e2e.calls import get, update
from tests.e2e.wire import LogBook, refusal
from tests.support.bundles import ALONE, Ledger, ledger, unpack
from tests.support.databases import PostgresServer
from tests.support.running_vault import RunningVault, other
from tests.support.transfers import hand_over, opened, receive, shown, stub, trusting
from vault.records import CustomerName
from vault.server.settings import TierName, load
from vault.server.parts import databases


@dataclass
class Vaults:
    """Both, with a file in the giver's that has everything, and its opened bundle."""

    giver: RunningVault
    taker: RunningVault
    books: Ledger
    tar: bytes


@pytest.fixture(scope="module")
def vaults(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Vaults]:
    here, there = tmp_path_factory.mktemp("giver"), tmp_path_factory.mktemp("taker")
    database = postgres_server.create(migrated=True)
    giver = RunningVault(here, f"sqlite:///{here}/vault.db")
    taker = RunningVault(there, postgres_server.url(database), origin="other.bank/log")
    with trusting(giver, taker):
        books = ledger(giver)
        changed = get(giver, books.customer)
        changed.phones[:] = ["+8613900139000"]
        update(giver, changed, "phones")
        (tar,) = opened(hand_over(giver, books.customer)).values()
        yield Vaults(giver, taker, books, tar)
    postgres_server.drop(database)


def test_what_was_held_there_is_held_here(vaults: Vaults) -> None:
    done = receive(vaults.taker, vaults.tar)
    print(done)
