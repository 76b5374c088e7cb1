"""A masked node, with its own credentials and all that a thief could add: every database row."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.sealing.conftest import BANK, Keys
from vault.kms import KekMissing, KekName, LocalFileKms, UnwrapRefused, WrappedKey
from vault.records.scopes import Branch, ScopeRef
from vault.sealing import (
    BranchNotHeld,
    FullFileKey,
    KeyRing,
    MaskedFileKey,
    SealBroken,
    SealContext,
    open_full,
    open_masked,
    seal_full,
    seal_masked,
)
from vault.sealing.hierarchy import open_branch_key, open_file_key

ONE = ScopeRef(BANK, "customer-000001", "identity")
RECORD_AT = SealContext(BANK, ONE.customer, "", 1, "sealed")
VIEW_AT = SealContext(BANK, ONE.customer, "", 1, "masked")


@pytest.fixture
def record(keys: Keys, ring: KeyRing) -> bytes:
    return seal_full(keys.full(ring, ONE), b"11010519491231002X", RECORD_AT)


@pytest.fixture
def view(keys: Keys, ring: KeyRing) -> bytes:
    return seal_masked(keys.masked(ring, ONE), b"1****************X", VIEW_AT)


@pytest.fixture
def node_kms(keys: Keys, tmp_path: Path) -> LocalFileKms:
    """The node's own folder holds the masked KEK and nothing else."""
    directory = tmp_path / "masked-node"
    directory.mkdir(mode=0o700)
    shutil.copy2(keys.directory / "masked.kek", directory)
    return LocalFileKms(directory)


def test_a_masked_node_opens_masked_views(
    keys: Keys, node_kms: LocalFileKms, record: bytes, view: bytes
) -> None:
    keys.store.branch_rows.pop((Branch.FULL, BANK))
    keys.store.file_rows[Branch.FULL].clear()
    keys.store.index_rows.clear()
    node = KeyRing(node_kms, keys.store, frozenset({Branch.MASKED}))
    key = node.fetch(Branch.MASKED, [ONE])[ONE]
    assert open_masked(key, view, VIEW_AT) == b"1****************X"


def test_a_masked_node_with_every_database_row_cannot_get_a_full_key(
    keys: Keys, node_kms: LocalFileKms, record: bytes
) -> None:
    node = KeyRing(node_kms, keys.store, frozenset({Branch.MASKED}))
    with pytest.raises(BranchNotHeld):
        node.fetch(Branch.FULL, [ONE])
    # Its program changed to claim both branches, it still has no KEK for the other.
    claiming = KeyRing(node_kms, keys.store, frozenset(Branch))
    with pytest.raises(KekMissing):
        claiming.fetch(Branch.FULL, [ONE])
    with pytest.raises(KekMissing):
        claiming.index_key(BANK)
    with pytest.raises(KekMissing):
        claiming.open_institution("bank-two")
    assert (Branch.MASKED, "bank-two") not in keys.store.branch_rows


def test_every_key_a_masked_node_can_reach_fails_on_every_full_row(
    keys: Keys, node_kms: LocalFileKms, record: bytes, view: bytes
) -> None:
    """Whatever row is put in whatever place: wrapped keys relabelled, headers exchanged."""
    full_row = keys.store.branch_rows[Branch.FULL, BANK][1]
    masked_row = keys.store.branch_rows[Branch.MASKED, BANK][1]
    index_row = keys.store.index_rows[BANK][1]
    for stolen in (full_row, index_row):
        with pytest.raises(UnwrapRefused):
            open_branch_key(node_kms, Branch.MASKED, stolen)
        with pytest.raises(UnwrapRefused):
            node_kms.unwrap(WrappedKey(KekName.MASKED, "1", stolen.wrapped), b"")

    branch_key = open_branch_key(node_kms, Branch.MASKED, masked_row)
    with pytest.raises(SealBroken):
        open_file_key(branch_key, ONE, keys.store.file_rows[Branch.FULL][ONE])

    masked: Any = open_file_key(branch_key, ONE, keys.store.file_rows[Branch.MASKED][ONE])
    assert type(masked) is MaskedFileKey
    for sealed in (record, masked.header + record[18:], b"\x01" + masked.header[1:] + record[18:]):
        for at in (RECORD_AT, VIEW_AT):
            openers: tuple[Any, ...] = (open_full, open_masked)
            for opener in openers:
                with pytest.raises(SealBroken):
                    opener(masked, sealed, at)
            with pytest.raises(SealBroken):
                branch_key.aead.open(sealed[18:78], b"\x01" + masked.header[1:] + at.aad())


def test_a_masked_file_key_relabelled_as_a_full_one_opens_no_record(
    keys: Keys, node_kms: LocalFileKms, record: bytes
) -> None:
    node = KeyRing(node_kms, keys.store, frozenset({Branch.MASKED}))
    key: Any = node.fetch(Branch.MASKED, [ONE])[ONE]
    key.__class__ = FullFileKey
    key.header = record[:18]
    confused: Any = open_full
    with pytest.raises(SealBroken):
        confused(key, record, RECORD_AT)
