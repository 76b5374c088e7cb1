"""What an insider with the database can change, and which check of `audit verify` finds it.

Every case on SQLite and on PostgreSQL, but for values of another type than their column's, which
only SQLite holds. The table in docs/explanation/tampering.md is this file's, case by case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from tests.support.databases import PostgresServer
from tests.support.running_vault import OWN
from tests.support.tampering import Bench, Copies, Stopped, run_a_vault
from vault.store.proposals import ApprovedHead, ProposalRow, next_head
from vault.store.schema import (
    approved_head,
    audit_customers,
    audit_events,
    check_outs,
    customers,
    log_checkpoints,
    log_tiles,
    proposal_signatures,
    proposals,
)

pytestmark = pytest.mark.slow

_E = audit_events.c
ONLY_SQLITE = pytest.mark.parametrize("kind", ["sqlite"], indirect=True, scope="module")
FIRST = select(func.min(customers.c.customer)).scalar_subquery()


@pytest.fixture(
    scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
)
def kind(request: pytest.FixtureRequest) -> str:
    """Each case runs once a database."""
    return str(request.param)


@pytest.fixture(scope="module")
def stopped(
    kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Stopped:
    """One vault a database, for all cases."""
    folder = tmp_path_factory.mktemp("tampered")
    server: PostgresServer | None = None
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
    return run_a_vault(folder, Copies(folder, server))


@pytest.fixture
def bench(stopped: Stopped, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Bench]:
    made = Bench(stopped, tmp_path, capsys)
    yield made
    made.clear()


def of_crm(bench: Bench) -> int:
    """The position of a front end's event."""
    return int(bench.sql(select(func.min(_E.position)).where(_E.actor == "crm"))[0][0])


def end(bench: Bench) -> int:
    """The last position."""
    return int(bench.sql(select(func.max(_E.position)))[0][0])


def test_an_untouched_vault_is_proved(bench: Bench) -> None:
    assert bench.found("--since", str(bench.stopped.noted)) == (0, set(), [])


def test_a_value_of_an_event_changed_is_found_by_its_leaf(bench: Bench) -> None:
    bench.edit_leaf(of_crm(bench), b"crm", b"cRm")
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"leaf_changed", "chain_broken"})


def test_a_value_changed_with_chain_and_head_written_anew_is_found_by_its_leaf(
    bench: Bench,
) -> None:
    position = of_crm(bench)
    bench.edit_leaf(position, b'"crm"', b'"cRm"', actor="cRm")
    bench.rechain()
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"leaf_changed"})
    assert findings[0]["first"] == findings[0]["last"] == position - 1


def test_two_events_exchanged_are_found_by_their_leaves(bench: Bench) -> None:
    for position, to in ((3, -1), (4, 3), (-1, 4)):
        bench.move(position, to)
    bench.rechain()
    code, kinds, findings = bench.found()
    assert code == 21
    assert "leaf_changed" in kinds
    assert (findings[0]["first"], findings[0]["last"]) == (2, 3)


def test_a_deleted_event_is_missed(bench: Bench) -> None:
    bench.sql(delete(audit_events).where(_E.position == 5))
    code, kinds, findings = bench.found()
    assert code == 21
    assert ("leaf_missing", 4, 4) in {(f["kind"], f["first"], f["last"]) for f in findings}
    assert "chain_broken" in kinds


def test_a_deleted_event_with_the_rest_moved_up_is_found(bench: Bench) -> None:
    last = end(bench)
    bench.sql(delete(audit_events).where(_E.position == 5))
    for position in range(6, last + 1):
        bench.move(position, position - 1)
    bench.rechain()
    code, kinds, _ = bench.found()
    assert code == 21
    assert {"leaf_changed", "leaf_missing"} <= kinds


def test_a_tail_cut_off_is_missed(bench: Bench) -> None:
    size = end(bench)
    bench.sql(delete(audit_events).where(_E.position > size - 3))
    bench.rechain()
    code, kinds, findings = bench.found()
    assert code == 21
    assert "leaf_missing" in kinds
    assert (findings[0]["first"], findings[0]["last"]) == (size - 3, size - 1)


def test_a_tail_cut_off_with_its_checkpoints_is_found_by_an_earlier_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.sql(
        delete(audit_events).where(_E.position > 6),
        delete(audit_customers).where(audit_customers.c.position > 6),
    )
    bench.rechain()
    # The insider holds the log's own key: nothing but memory elsewhere is against him.
    bench.resign(stopped.own_keys)
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert code == 21
    assert "set_back" in kinds


def test_a_forged_tail_is_found_by_its_signature(bench: Bench) -> None:
    bench.edit_leaf(end(bench), b"officer", b"operato")
    bench.rechain()
    keys = bench.folder / "forger"
    keys.mkdir(mode=0o700)
    bench.resign(keys)
    code, kinds, _ = bench.found()
    assert code == 21
    assert "checkpoint_invalid" in kinds


def test_a_restored_backup_is_found_by_an_earlier_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.use(stopped.backup)
    assert bench.found()[:2] == (0, set()), "by itself an old state is a whole one"
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert (code, kinds) == (21, {"set_back"})


def test_two_histories_shown_to_two_readers_are_found_by_either_checkpoint(
    bench: Bench, stopped: Stopped
) -> None:
    bench.use(stopped.backup)
    bench.append(40)
    bench.resign(stopped.own_keys)
    assert bench.found()[:2] == (0, set()), "each history is whole"
    code, kinds, _ = bench.found("--since", str(stopped.noted))
    assert (code, kinds) == (21, {"forked"})


@pytest.mark.parametrize("column", ["sealed", "masked"])
def test_an_edited_record_is_found_by_its_event(bench: Bench, column: str) -> None:
    here = customers.c.customer == FIRST
    name, value = bench.sql(select(customers.c.customer, customers.c[column]).where(here))[0]
    bench.sql(update(customers).where(here).values({column: value + b"\0"}))
    is_one_changed_row(bench, name)


def is_one_changed_row(bench: Bench, name: str) -> None:
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"row_changed"})
    assert len(findings) == 1
    assert findings[0]["place"] == f"institutions/{OWN}/customers/{name}@1"


def test_two_exchanged_records_are_found_by_their_events(bench: Bench) -> None:
    c = customers.c
    one, two = bench.sql(select(c.customer, c.sealed, c.masked).limit(2))
    for name, (_, sealed, masked) in ((one[0], two), (two[0], one)):
        bench.sql(update(customers).where(c.customer == name).values(sealed=sealed, masked=masked))
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_changed"}, 2)


def test_a_deleted_record_is_missed_by_its_event(bench: Bench) -> None:
    bench.sql(delete(customers).where(customers.c.customer == FIRST))
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_missing"}, 1)
    assert findings[0]["first"] >= 0


def test_a_record_put_in_past_the_vault_is_found_by_its_number(bench: Bench) -> None:
    another = bench.sql(select(customers).limit(1))[0]._asdict()
    bench.sql(insert(customers).values({**another, "version": another["version"] + 1}))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"rows_unlogged"})
    assert findings[0]["place"] == "customers"


def test_an_edited_entry_of_the_lending_register_is_found_by_its_event(bench: Bench) -> None:
    here = check_outs.c.version == 3
    bench.sql(update(check_outs).where(here).values(stage="ACTIVE", ends_at=1 << 62))
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_changed"}, 1)
    assert "/checkOuts/" in findings[0]["place"] and findings[0]["place"].endswith("@3")


def test_a_return_taken_out_of_the_lending_register_is_missed_by_its_event(bench: Bench) -> None:
    bench.sql(delete(check_outs).where(check_outs.c.version == 3))
    code, kinds, findings = bench.found()
    assert (code, kinds, len(findings)) == (21, {"row_missing"}, 1)


def test_a_check_out_put_in_past_the_vault_is_found_by_its_number(bench: Bench) -> None:
    lent = bench.sql(select(check_outs).where(check_outs.c.version == 2))[0]._asdict()
    bench.sql(insert(check_outs).values({**lent, "version": 4}))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"rows_unlogged"})
    assert findings[0]["place"] == "check_outs"


def like_the_second(bench: Bench, **changes: object) -> dict[str, object]:
    """A row like the second approved change, as a third one; its hash is in the head."""
    second = bench.sql(select(proposals).where(proposals.c.applied == 2))[0]._asdict()
    row = {**second, "applied": 3, "version": 9, **changes}
    head = bench.sql(select(approved_head.c.size, approved_head.c.chain))[0]
    after = next_head(ApprovedHead(*head), ProposalRow(**row))
    bench.sql(insert(proposals).values(row))
    bench.sql(update(approved_head).values(size=after.size, chain=after.chain))
    return row


def test_an_approved_change_put_in_with_right_hashes_is_found_by_its_signature(
    bench: Bench,
) -> None:
    like_the_second(bench)
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"approval_changed", "rows_unlogged"})
    (one,) = [found for found in findings if found["kind"] == "approval_changed"]
    assert one["place"].endswith("@9") and "no signature" in one["text"]


def test_an_approved_change_with_the_signature_of_another_is_found(bench: Bench) -> None:
    row = like_the_second(bench)
    s = proposal_signatures.c
    note = bench.sql(select(s.note).where(s.proposal == row["proposal"], s.version == 2))[0][0]
    values = {key: row[key] for key in ("institution", "proposal", "version")}
    bench.sql(insert(proposal_signatures).values(**values, note=note))
    _, kinds, findings = bench.found()
    assert kinds == {"approval_changed", "rows_unlogged"}
    assert "not where it was put" in findings[0]["text"] + findings[1]["text"]


def test_two_approved_changes_in_another_order_are_found_each(bench: Bench) -> None:
    number = proposals.c.applied
    bench.sql(
        update(proposals).where(number == 1).values(applied=9),
        update(proposals).where(number == 2).values(applied=1),
        update(proposals).where(number == 9).values(applied=2),
    )
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"approval_changed", "row_changed"})
    assert len([found for found in findings if found["kind"] == "approval_changed"]) >= 2


def test_an_edited_approved_change_is_one_fault_and_not_each_that_follows(bench: Bench) -> None:
    bench.sql(update(proposals).where(proposals.c.applied == 1).values(person="p-x"))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"approval_changed", "row_changed"})
    assert len(findings) == 2


def test_signatures_that_are_taken_away_are_missed(bench: Bench) -> None:
    bench.sql(delete(proposal_signatures))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"approval_changed"})
    assert len(findings) == 4  # of two changes, each proposed and approved


def test_the_last_approved_change_taken_out_is_missed_by_its_event(bench: Bench) -> None:
    bench.sql(delete(proposals).where(proposals.c.applied == 2))
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"approval_changed", "row_missing"})


def test_a_proposal_in_another_persons_name_is_found(bench: Bench) -> None:
    bench.sql(update(proposals).where(proposals.c.applied == 0).values(person="p-x"))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"approval_changed", "row_changed"})
    assert len(findings) == 4


def test_a_changed_tile_is_found_by_its_leaves(bench: Bench) -> None:
    here = log_tiles.c.level == 0
    data = bytearray(bench.sql(select(log_tiles.c.data).where(here))[0][0])
    data[70] ^= 1
    bench.sql(update(log_tiles).where(here).values(data=bytes(data)))
    code, kinds, findings = bench.found()
    assert (code, kinds) == (21, {"tile_changed"})
    assert findings[0]["first"] == 2


def test_an_event_hidden_from_the_officers_filter_is_found_by_its_columns(bench: Bench) -> None:
    bench.sql(update(audit_events).where(_E.position == 3).values(actor="nobody"))
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"chain_broken"})


@pytest.mark.parametrize("change", ["root", "note"])
def test_an_edited_checkpoint_is_found_by_its_signature(bench: Bench, change: str) -> None:
    edits: dict[str, Callable[[bytes], bytes]] = {
        "root": lambda note: note.replace(b"\n", b"\n1", 1),
        "note": lambda note: note[:-8] + b"AAAAAA=\n",
    }
    c = log_checkpoints.c
    size, note = bench.sql(select(c.size, c.note).order_by(c.size.desc()).limit(1))[0]
    bench.sql(update(log_checkpoints).where(c.size == size).values(note=edits[change](note)))
    code, kinds, _ = bench.found()
    assert code == 21
    assert "checkpoint_invalid" in kinds


# -- what only SQLite holds: another type than the column's ----------------------------------------

TEXTS = ["'text'", "cast(x'ff00' AS TEXT)"]


@ONLY_SQLITE
@pytest.mark.parametrize(
    ("table", "column", "finding", "value"),
    [
        ("audit_events", "leaf", "leaf_changed", TEXTS[0]),
        # A bundle cannot even be read where one of its values is not text.
        ("audit_events", "leaf", "bundle_unreadable", TEXTS[1]),
        *(("log_tiles", "data", "tile_changed", value) for value in TEXTS),
        *(("log_checkpoints", "note", "checkpoint_invalid", value) for value in TEXTS),
    ],
)
def test_a_value_of_another_type_is_found(
    bench: Bench, table: str, column: str, finding: str, value: str
) -> None:
    bench.sql(text(f"UPDATE {table} SET {column} = {value}"))
    code, kinds, _ = bench.found()
    assert code == 21
    assert finding in kinds


@ONLY_SQLITE
@pytest.mark.parametrize("value", TEXTS)
def test_an_entry_of_another_type_that_is_not_signed_yet_is_found(bench: Bench, value: str) -> None:
    bench.append(3)
    bench.sql(text(f"UPDATE audit_events SET leaf = {value} WHERE position = {end(bench) - 1}"))
    code, kinds, _ = bench.found()
    assert (code, kinds) == (21, {"chain_broken"})


@ONLY_SQLITE
@pytest.mark.parametrize("column", ["sealed", "masked"])
def test_a_record_of_another_type_is_found_by_its_event(bench: Bench, column: str) -> None:
    name = bench.sql(select(FIRST))[0][0]
    bench.sql(
        text(
            f"UPDATE customers SET {column} = cast({column} || x'00' AS TEXT)"
            " WHERE customer = (SELECT min(customer) FROM customers)"
        )
    )
    is_one_changed_row(bench, name)
