"""Counts, shares, determinism and memory of the generator."""

import subprocess
import sys
import tracemalloc
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from clients.examples.banking import transactions
from clients.examples.command import generate, main
from clients.examples.customers import customers
from tests.examples.conftest import CUSTOMERS, SEED, TRANSACTIONS, Sample

ROOT = Path(__file__).parents[2]
FILES = ("customers.jsonl", "documents.jsonl", "transactions.jsonl", "rejected.jsonl")


def test_the_committed_files_are_what_the_generator_makes(sample: Sample) -> None:
    for name in FILES:
        assert (ROOT / "clients/examples" / name).read_bytes() == (
            sample.folder / name
        ).read_bytes()


def test_the_script_makes_the_same_bytes_in_another_process_and_folder(tmp_path: Path) -> None:
    generate(7, 40, 300, tmp_path / "here")
    script = ROOT / "clients/examples/generate.py"
    arguments = ["--seed", "7", "--customers", "40", "--transactions", "300", "--out", "there"]
    # -S and -I: nothing that is installed may be needed.
    command = [sys.executable, "-S", "-I", str(script), *arguments]
    subprocess.run(command, check=True, cwd=tmp_path, env={"PYTHONHASHSEED": "3"})
    for name in FILES:
        made = (tmp_path / "there" / name).read_bytes()
        assert made == (tmp_path / "here" / name).read_bytes()


def test_another_seed_makes_other_customers(tmp_path: Path) -> None:
    generate(1, 20, 20, tmp_path / "one")
    generate(2, 20, 20, tmp_path / "two")
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() != (tmp_path / "two" / name).read_bytes()


def test_the_counts_are_as_asked(sample: Sample) -> None:
    assert len(sample.customers) == CUSTOMERS
    assert len(sample.transactions) == TRANSACTIONS


@pytest.mark.parametrize("count", [0, 1, 2, 3, 99, 912, 2500])
def test_any_number_of_transactions_is_met_exactly(count: int) -> None:
    holders = [filed.holder for filed in customers(5, 12)]
    assert sum(1 for _ in transactions(5, count, holders)) == count


def test_one_customer_is_enough(tmp_path: Path) -> None:
    generate(3, 1, 50, tmp_path)
    assert len((tmp_path / "transactions.jsonl").read_bytes().splitlines()) == 50


def test_no_customer_is_too_few(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--customers", "0", "--out", str(tmp_path)]) == 1
    assert "at least one customer" in capsys.readouterr().err


def test_the_shares_of_kinds_and_countries_are_about_right(sample: Sample) -> None:
    kinds: Counter[str] = Counter()
    places: Counter[str] = Counter()
    for line in sample.customers:
        customer = line["new_customer"]
        kinds.update(key for key in _PARTIES if key in customer)
        country = customer["addresses"][0]["country"]
        places[country if country in ("CN", "US") else "EU"] += 1
    assert 820 <= kinds["natural_person"] <= 890
    assert 75 <= kinds["legal_entity"] <= 125
    assert 30 <= kinds["sole_trader"] <= 70
    assert 500 <= places["CN"] <= 600
    assert 210 <= places["EU"] <= 300
    assert 160 <= places["US"] <= 240


_PARTIES = ("natural_person", "legal_entity", "sole_trader")


def test_every_customer_has_a_document_and_every_record_an_owner(sample: Sample) -> None:
    numbers = [line["new_customer"]["customer_number"] for line in sample.customers]
    assert len(set(numbers)) == len(numbers)
    assert {line["customer_number"] for line in sample.documents} == set(numbers)
    assert {line["customer_number"] for line in sample.transactions} <= set(numbers)


def test_memory_does_not_grow_with_the_transactions() -> None:
    holders = [filed.holder for filed in customers(SEED, 200)]

    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            for _ in transactions(SEED, count, holders):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(24_000) - peak(3_000) < 500_000


def test_the_first_customers_do_not_depend_on_how_many_follow() -> None:
    few = [filed.customer for filed in customers(SEED, 50)]
    many = [filed.customer for filed in islice(customers(SEED, 5000), 50)]
    assert few == many
