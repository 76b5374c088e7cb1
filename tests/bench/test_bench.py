"""What the benchmark makes of its figures, and what it sends."""

from pathlib import Path

import pytest

from bench.aims import rates, rotation_verdicts, share_of_bare, verdicts
from bench.databases import sqlite
from bench.deciding import decisions
from bench.material import Material, Size, _make, read_messages, write_messages
from bench.results import Figure, Imported, Measured, Scene, middle
from bench.rotation import Rotated, rotations
from recordsvault.records.v1 import records_pb2 as pb


def figure(per_second: float) -> Figure:
    return Figure(
        calls=1,
        per_second=per_second,
        p50_ms=1,
        p99_ms=1,
        answer_bytes=1,
        errors={},
        server_cpu_us=1,
        database_cpu_us=0,
        server_cores=1,
        load_cores=0.1,
        others_cores=0,
        memory_mb=1,
    )


def scene(transactions: int, get: list[float], bare: list[float], per_core: float) -> Scene:
    imported = Imported(1, 1, per_core, per_core, per_core, figure(1))
    measured = Measured("masked get, customer", [figure(x) for x in get], [figure(x) for x in bare])
    return Scene("SQLite", 1, transactions, imported, [imported], [measured])


def test_a_ratio_is_taken_round_by_round_so_that_a_noisy_one_is_outvoted() -> None:
    measured = Measured(
        "get", [figure(x) for x in (600, 100, 630)], [figure(x) for x in (1000, 1000, 1000)]
    )
    assert share_of_bare(measured) == pytest.approx(0.6)


def test_an_operation_without_a_bare_handler_has_no_ratio() -> None:
    assert share_of_bare(Measured("create", [figure(1)])) is None


@pytest.mark.parametrize(
    ("get", "per_core", "later", "met"),
    [
        (600, 10_000, 500, [True, False, True, True, True, True]),
        (599, 9_999, 499, [False, False, False, True, False, True]),
    ],
)
def test_the_aims_are_judged_at_their_edges(
    get: float, per_core: float, later: float, met: list[bool]
) -> None:
    small = scene(10, [get], [1000], per_core)
    large = scene(100, [later], [1000], 10_000)
    found = [v.met for v in verdicts([small, large])]
    # Masked get and import at each size, then each operation at the larger against the smaller.
    assert found == met


@pytest.mark.parametrize(("lent", "met"), [(850, True), (849, False)])
def test_a_read_by_check_out_is_judged_against_the_same_by_role(lent: float, met: bool) -> None:
    measured = Measured("by check-out", [figure(lent)], beside=[figure(1000)])
    whole = scene(10, [600], [1000], 10_000)
    whole.operations.append(measured)
    found = {v.aim: v.met for v in verdicts([whole])}
    assert found["by check-out, SQLite at 10: at least 85% of the rate by role"] is met


def test_decisions_are_measured() -> None:
    assert all(0 < one.us < 100_000 for one in decisions())


def test_rates_are_medians() -> None:
    assert rates(scene(10, [1, 9, 5], [1, 1, 1], 7)) == {"masked get, customer": 5, "import": 7}
    assert middle([4, 1, 3, 2]) == 2.5


def test_messages_are_read_as_they_were_written(tmp_path: Path) -> None:
    messages = [b"", b"x", bytes(70_000)]
    assert write_messages(tmp_path / "m.bin", messages) == 3
    assert list(read_messages(tmp_path / "m.bin")) == messages


def test_every_transaction_is_stored_imported_or_created_and_each_kind_spans_the_years(
    tmp_path: Path,
) -> None:
    size = Size(customers=5, transactions=1_000, imported=100, created=50)
    material = Material(tmp_path)
    _make(size, material)
    created = [pb.ImportItem.FromString(m) for m in read_messages(material.created)]
    stored, imported = (
        [i for m in read_messages(path) for i in pb.ImportRecordsRequest.FromString(m).items]
        for path in (material.stored, material.imported)
    )
    assert (len(stored), len(imported), len(created)) == (1_000, 100, 50)
    references = {i.transaction.institution_reference for i in [*stored, *imported, *created]}
    assert len(references) == 1_150
    for items in (stored, imported, created):
        booked = [i.transaction.booking_time.ToDatetime().year for i in items]
        assert {2024, 2025, 2026} <= set(booked)


def test_a_thousand_versions_of_a_key_are_judged_by_what_they_add() -> None:
    def rotated(many: float, many_new: float) -> Rotated:
        return Rotated("SQLite", 1, 1.0, 1.0, 100.0, many, 1000.0, many_new)

    assert [v.met for v in rotation_verdicts([rotated(120, 1200)])] == [True, True]
    assert [v.met for v in rotation_verdicts([rotated(121, 1201)])] == [False, False]
    assert rotation_verdicts([]) == []


def test_rewrapping_is_measured_on_keys_that_are_there(tmp_path: Path) -> None:
    with sqlite(tmp_path) as store:
        found = rotations(store, tmp_path, keys=2_000)
    assert found.keys == 2_000
    assert min(found.moved_per_second, found.checked_per_second) > 0
    assert min(found.fetch_us, found.fetch_us_of_many, found.new_us, found.new_us_of_many) > 0
