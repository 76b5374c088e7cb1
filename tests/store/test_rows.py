"""Row hashes: every column counts, and no two rows run together."""

import dataclasses
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import rows
from vault.store.rows import row_hash


def test_the_hash_is_what_the_docstring_says() -> None:
    parts = b"".join(
        len(v).to_bytes(4, "big") + v for v in (b"customers", b"demo", b"7", b"\x00\xff")
    )
    expected = sha256(b"recordsvault row v1" + parts).digest()
    assert row_hash("customers", "demo", 7, b"\x00\xff") == expected


@pytest.mark.parametrize("row", [rows.customer(), rows.document(), rows.transaction()])
def test_every_column_changes_the_hash(row: Any) -> None:
    hashes = {row.hash()}
    for field in dataclasses.fields(row):
        value = getattr(row, field.name)
        other = value + 1 if isinstance(value, int) else value + value[:1]
        hashes.add(dataclasses.replace(row, **{field.name: other}).hash())
    assert len(hashes) == len(dataclasses.fields(row)) + 1


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_different_columns_have_different_hashes(one: list[bytes], two: list[bytes]) -> None:
    assert (row_hash("t", *one) == row_hash("t", *two)) == (one == two)


def test_sealed_and_masked_cannot_be_exchanged_unnoticed() -> None:
    row = rows.customer()
    swapped = dataclasses.replace(row, sealed=row.masked, masked=row.sealed)
    assert swapped.hash() != row.hash()


def test_names_tell_versions_apart_and_reprs_show_no_bytes() -> None:
    assert rows.customer("c1", 3).name == "institutions/demo/customers/c1@3"
    assert rows.document("d1", 2).name == "institutions/demo/customers/c1/documents/d1@2"
    assert rows.transaction("t1").name == "institutions/demo/customers/c1/transactions/t1"
    for row in (rows.customer(), rows.document(), rows.transaction()):
        assert "S:" not in repr(row)
        assert "M:" not in repr(row)
