"""A row of the lending register is the vault's if it has its mark; any other is nobody's."""

import json
from dataclasses import fields, replace
from hashlib import sha256
from hmac import digest

import pytest

from tests.support.borrowing import lending
from vault.access.lending import Approval, Stage, Verdict
from vault.sealing import AES_256_GCM, IndexKey
from vault.sealing.blind import fingerprint_key
from vault.services.check_out_marks import genuine, marked
from vault.services.check_out_rows import from_row, to_row, with_mark
from vault.store import StoreAltered
from vault.store.check_outs import CheckOutRow

FILE = f"institutions/demo-bank/customers/{'0' * 26}"
OUT = replace(
    lending(FILE, "customer.phones", "customer.emails"),
    approvals=(Approval("custodian", "p-custodian", "custodian", 7),),
    needed_roles=("custodian",),
)


class Key:
    """The key of fingerprints of some institution."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._key = key

    def fingerprint(self, data: bytes) -> bytes:
        return digest(self._key, data, "sha256")


ROW = marked(to_row(OUT, b"words", 1, "custodian"), Key())

# What a row says, each said otherwise.
OTHERWISE = {
    "institution": "other-bank", "check_out": "1" * 26, "version": 9, "customer": "1" * 26,
    "requester": "another", "person": "p-another", "stage": Stage.REQUESTED.value, "decide_by": 1,
    "ends_at": OUT.ends_at + 1, "recorded_at": 2, "recorded_by": "another",
}  # fmt: skip
SAID_OTHERWISE = {
    "record": "documents/1", "fields": ["customer"], "purpose": "INTERNAL_AUDIT",
    "duration": OUT.duration + 1, "one_time": True, "class_name": "other", "needed_roles": [],
    "requested_at": 3, "approvals": [["custodian", "p-another", "custodian", 7]], "starts_at": 4,
    "ended_by": "another", "break_glass": True, "review_by": 5, "verdict": Verdict.JUSTIFIED.value,
    "reviewer": "another", "renews": "another", "confidential": True, "seen_by": ["teller"],
    "used_for": "x", "used_after": "y", "used_whole": True,
}  # fmt: skip


def refused(row: CheckOutRow) -> None:
    with pytest.raises(StoreAltered):
        genuine(row, Key())


def test_what_the_vault_has_written_is_genuine() -> None:
    assert genuine(ROW, Key()) == OUT == from_row(ROW)


def test_every_column_is_said_otherwise_below_but_the_words() -> None:
    assert {field.name for field in fields(CheckOutRow)} - OTHERWISE.keys() == {"body", "sealed"}


@pytest.mark.parametrize("column", OTHERWISE)
def test_no_column_can_be_changed(column: str) -> None:
    refused(replace(ROW, **{column: OTHERWISE[column]}))  # type: ignore[arg-type]  # by name


@pytest.mark.parametrize("key", SAID_OTHERWISE)
def test_nothing_in_its_body_can_be_changed(key: str) -> None:
    body = json.loads(ROW.body)
    assert body.get(key) != SAID_OTHERWISE[key]
    refused(replace(ROW, body=json.dumps(body | {key: SAID_OTHERWISE[key]}).encode()))


def test_everything_that_a_body_may_have_is_said_otherwise_above() -> None:
    whole = to_row(replace(OUT, **_every()), b"", 1, "x")  # type: ignore[arg-type]  # by name
    assert json.loads(whole.body).keys() <= {*SAID_OTHERWISE, "v"}


def _every() -> dict[str, object]:
    return {
        "ended_by": "x", "break_glass": True, "review_by": 1, "verdict": Verdict.JUSTIFIED,
        "reviewer": "x", "renews": "x", "confidential": True, "seen_by": ("x",), "used_for": "x",
        "used_after": "x", "used_whole": True,
    }  # fmt: skip


def test_neither_no_mark_nor_any_other_will_do() -> None:
    mark = json.loads(ROW.body)["mark"]
    for other in ("", "0" * 64, mark.upper(), mark[:-1], mark + "0", "é" * 64, mark[::-1]):
        refused(with_mark(ROW, other))
    refused(marked(ROW, Key(b"x" * 32)))
    # Without the key, a digest of the row is no mark.
    refused(with_mark(ROW, sha256(with_mark(ROW, "").body).hexdigest()))


def test_a_mark_is_of_its_own_row() -> None:
    other = marked(to_row(replace(OUT, identifier="1" * 26), b"words", 1, "custodian"), Key())
    refused(with_mark(ROW, json.loads(other.body)["mark"]))


def test_a_rotated_index_key_knows_what_was_marked_before() -> None:
    first, second = (bytearray(bytes([n]) * 32) for n in (1, 2))
    carried = fingerprint_key(bytearray(first), AES_256_GCM), AES_256_GCM
    row = marked(ROW, IndexKey("demo-bank", 1, bytearray(first)))
    assert genuine(row, IndexKey("demo-bank", 2, bytearray(second), carried=carried)) == OUT
    with pytest.raises(StoreAltered):
        genuine(row, IndexKey("other-bank", 1, bytearray(second)))


def test_words_that_are_sealed_anew_leave_it_genuine() -> None:
    assert genuine(replace(ROW, sealed=b"under the next key"), Key()) == OUT
