"""Wrapped keys open for their own scope, branch and institution, and nothing under another's."""

import time

import pytest
from sqlalchemy import func, select

from recordsvault.records.v1 import records_pb2 as pb
from tests.hostile.driving import (
    examples,
    outcome,
)
from tests.hostile.stage import FILE_KEY_SECONDS, KEY_DAMAGED, Row, Stage
from vault.records import IDENTITY_SCOPE, Branch
from vault.store import schema

FILE_KEYS = {Branch.FULL: schema.full_file_keys, Branch.MASKED: schema.masked_file_keys}
BRANCH_KEYS = {Branch.FULL: schema.full_branch_keys, Branch.MASKED: schema.masked_branch_keys}
READ_BY = {Branch.FULL: "sealed", Branch.MASKED: "masked"}


def _file_key(stage: Stage, branch: Branch, which: str, scope: str = IDENTITY_SCOPE) -> Row:
    key = stage.rows[which].key
    place = {"institution": key["institution"], "customer": key["customer"], "scope": scope}
    return Row(FILE_KEYS[branch], place, stage.rows[which].name)


def _forgotten() -> None:
    """Wait until the running vault holds no key any more."""
    time.sleep(FILE_KEY_SECONDS * 1.2)


KEY_SOURCES = {
    "another customer's": lambda s, b: _file_key(s, b, "another customer"),
    "another bank's": lambda s, b: _file_key(s, b, "another bank's customer"),
    "another scope's": lambda s, b: _file_key(s, b, "customer", "transactions/2024"),
    "the other branch's": lambda s, b: _file_key(
        s, Branch.MASKED if b is Branch.FULL else Branch.FULL, "customer"
    ),
}


@pytest.mark.parametrize("branch", list(Branch))
@pytest.mark.parametrize("source", KEY_SOURCES)
@pytest.mark.parametrize("columns", [("wrapped",), ("key_id",), ("key_id", "wrapped")])
def test_a_wrapped_file_key_moved_elsewhere_opens_nothing(
    stage: Stage, branch: Branch, source: str, columns: tuple[str, ...]
) -> None:
    there: Row = KEY_SOURCES[source](stage, branch)
    row = _file_key(stage, branch, "customer")
    values = stage.of(there, *columns)
    with stage.instead(row, **values):
        _forgotten()
        stage.refused(row.name, READ_BY[branch], KEY_DAMAGED)
        _no_write_under_a_damaged_key(stage, row)
    _forgotten()
    stage.opens(row.name, READ_BY[branch])


def _no_write_under_a_damaged_key(stage: Stage, row: Row) -> None:
    before = _documents(stage)
    item = examples(customers=12, transactions=0)[13].identity_document
    created = outcome(
        stage.vault.records().CreateIdentityDocument,
        pb.CreateIdentityDocumentRequest(parent=row.name, identity_document=item),
    )
    assert created == KEY_DAMAGED
    assert _documents(stage) == before


def _documents(stage: Stage) -> int:
    count = select(func.count()).select_from(schema.documents)
    return int(stage.database.read_sync(lambda conn: conn.execute(count).scalar_one()))


@pytest.mark.parametrize("branch", list(Branch))
def test_swapped_file_keys_of_two_customers_open_nothing(stage: Stage, branch: Branch) -> None:
    one, two = (_file_key(stage, branch, w) for w in ("customer", "another customer"))
    mine, theirs = stage.of(one, *COLUMNS_OF_KEY), stage.of(two, *COLUMNS_OF_KEY)
    with stage.instead(one, **theirs), stage.instead(two, **mine):
        _forgotten()
        for row in (one, two):
            stage.refused(row.name, READ_BY[branch], KEY_DAMAGED)


COLUMNS_OF_KEY = ("key_id", "wrapped", "branch_key_version")


@pytest.mark.parametrize("branch", list(Branch))
def test_a_flipped_byte_of_a_wrapped_file_key_opens_nothing(stage: Stage, branch: Branch) -> None:
    row = _file_key(stage, branch, "customer")
    wrapped: bytes = stage.of(row, "wrapped")["wrapped"]
    for at in (0, 11, 12, len(wrapped) // 2, -16, -1):
        bad = bytearray(wrapped)
        bad[at] ^= 4
        with stage.instead(row, wrapped=bytes(bad)):
            _forgotten()
            stage.refused(row.name, READ_BY[branch], KEY_DAMAGED)


@pytest.mark.parametrize("branch", list(Branch))
@pytest.mark.parametrize("source", ["another bank's", "the other branch's", "a flipped bit"])
def test_a_branch_key_that_is_not_its_own_opens_nothing(
    stage: Stage, branch: Branch, source: str
) -> None:
    def of(branch: Branch, institution: str) -> Row:
        key = {"institution": institution, "version": 1}
        return Row(BRANCH_KEYS[branch], key, stage.rows["customer"].name)

    row = of(branch, "demo-bank")
    twin = Branch.MASKED if branch is Branch.FULL else Branch.FULL
    there = {
        "another bank's": of(branch, "other-bank"),
        "the other branch's": of(twin, "demo-bank"),
    }
    wrapped: bytes = stage.of(there.get(source, row), "wrapped")["wrapped"]
    if source == "a flipped bit":
        wrapped = wrapped[:20] + bytes([wrapped[20] ^ 1]) + wrapped[21:]
    with stage.instead(row, wrapped=wrapped):
        _forgotten()
        stage.refused(row.name, READ_BY[branch], KEY_DAMAGED)
    _forgotten()
    stage.opens(row.name, READ_BY[branch])


@pytest.mark.parametrize("branch", list(Branch))
def test_an_institution_whose_branch_key_is_gone_is_told_so(stage: Stage, branch: Branch) -> None:
    row = Row(
        BRANCH_KEYS[branch],
        {"institution": "demo-bank", "version": 1},
        stage.rows["customer"].name,
    )
    with stage.instead(row, institution="elsewhere"):
        _forgotten()
        stage.refused(
            row.name, READ_BY[branch], ("FAILED_PRECONDITION", "INSTITUTION_WITHOUT_KEYS")
        )
    _forgotten()
    stage.opens(row.name, READ_BY[branch])
