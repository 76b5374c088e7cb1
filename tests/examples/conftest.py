"""A sample that is made once for all tests here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.examples.command import generate

SEED, CUSTOMERS, TRANSACTIONS = 20260101, 1000, 20000


@dataclass(frozen=True)
class Sample:
    """The files of a sample, and their lines as JSON."""

    folder: Path
    customers: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    transactions: list[dict[str, Any]]

    def lines(self) -> Iterator[dict[str, Any]]:
        yield from self.customers
        yield from self.documents
        yield from self.transactions


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("examples")
    generate(SEED, CUSTOMERS, TRANSACTIONS, folder)
    return Sample(
        folder,
        read(folder / "customers.jsonl"),
        read(folder / "documents.jsonl"),
        read(folder / "transactions.jsonl"),
    )
