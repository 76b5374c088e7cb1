"""The command: writes the example files."""

import argparse
import json
import sys
from collections.abc import Iterable
from pathlib import Path

from clients.examples.banking import transactions
from clients.examples.customers import customers
from clients.examples.holders import AccountHolder
from clients.examples.rejected import rejected_items
from clients.examples.shapes import Record

CUSTOMERS, DOCUMENTS = "customers.jsonl", "documents.jsonl"
TRANSACTIONS, REJECTED = "transactions.jsonl", "rejected.jsonl"

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def generate(seed: int, customer_count: int, transaction_count: int, out: Path) -> None:
    """Writes the four files into a folder, which is made if need be.

    Raises ValueError when there are no customers to have transactions, OSError from the files.
    """
    if customer_count < 1 or transaction_count < 0:
        raise ValueError("at least one customer, and no fewer than no transactions")
    out.mkdir(parents=True, exist_ok=True)
    holders = _write_customers(seed, customer_count, out)
    _write(out / TRANSACTIONS, transactions(seed, transaction_count, holders))
    _write(out / REJECTED, (bad.item for bad in rejected_items(seed)))


def _write_customers(seed: int, count: int, out: Path) -> list[AccountHolder]:
    holders: list[AccountHolder] = []
    with (
        (out / CUSTOMERS).open("w", encoding="utf-8", newline="\n") as customer_file,
        (out / DOCUMENTS).open("w", encoding="utf-8", newline="\n") as document_file,
    ):
        for filed in customers(seed, count):
            holders.append(filed.holder)
            customer_file.write(_encode({"new_customer": filed.customer}) + "\n")
            owner = filed.holder.customer_number
            for paper in filed.papers:
                line = {"customer_number": owner, "identity_document": paper.document()}
                document_file.write(_encode(line) + "\n")
    return holders


def _write(path: Path, items: Iterable[Record]) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(_encode(item) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; answers the exit code."""
    parser = argparse.ArgumentParser(description="Writes the example files of the records vault.")
    parser.add_argument("--seed", type=int, default=20260101)
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--transactions", type=int, default=20000)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(arguments)
    try:
        generate(options.seed, options.customers, options.transactions, options.out)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 1
    return 0
