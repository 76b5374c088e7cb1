"""Backups of the key store: what goes in comes out, for enough custodians, and nobody else; and
what was destroyed stays destroyed."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import delete, select

from vault.kms import KekName, LocalFileKms, create_local_keks
from vault.kms.custodians import Custodian, Custodians
from vault.records import Branch, ScopeRef
from vault.sealing import KeyRing, ScopeShredded, SealContext, open_full, seal_full
from vault.services.key_backup import (
    BackupInvalid,
    KekFile,
    KeyStoreNotEmpty,
    OpenedBackup,
    back_up,
    drill,
    header_of,
    open_backup,
    restore,
    share_of,
)
from vault.services.key_backup.rows import TABLES
from vault.store import Database, KeyStore
from vault.store.schema import full_file_keys, masked_file_keys
from vault.store.shredding import add_to_list, buried, replay, shred

NOW = 1_800_000_000_000_000
ALICE, BO, CY = (X25519PrivateKey.generate() for _ in range(3))
NAMED = {"alice": ALICE, "bo": BO, "cy": CY}
CUSTODIANS = Custodians(
    2,
    tuple(Custodian(name, key.public_key().public_bytes_raw()) for name, key in NAMED.items()),
)
REFS = [ScopeRef("demo-bank", f"c{number:04}", "identity") for number in range(7)]
PLACE = SealContext("demo-bank", "c0000", "", 1, "sealed")


class Vault:
    """Keys of some scopes, in a database that is migrated, with its KEK files."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        create_local_keks(folder / "kms", KekName)
        self.kms = LocalFileKms(folder / "kms")
        self.folder = folder
        self.ring.open_institution("demo-bank")
        self.ring.ensure(REFS)

    @property
    def ring(self) -> KeyRing:
        return KeyRing(self.kms, KeyStore(self.database), frozenset(Branch))

    def back_up(self, name: str = "keys.backup") -> Path:
        path = self.folder / name
        back_up(
            self.database,
            CUSTODIANS,
            path,
            vault="demo.bank/log",
            now_micros=NOW,
            keks=[KekFile("", "full.kek", (self.folder / "kms" / "full.kek").read_text())],
        )
        return path

    def lose_keys(self) -> None:
        def work(conn: object) -> None:
            for table in TABLES.values():
                conn.execute(delete(table))  # type: ignore[attr-defined]  # a connection

        self.database.write_sync(work)


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database, tmp_path)


@pytest.fixture
def opened(vault: Vault) -> Iterator[OpenedBackup]:
    found = open_backup(vault.back_up(), [ALICE, CY])
    yield found
    found.close()


def nothing(_done: object) -> None:
    return None


def bring_back(vault: Vault, opened: OpenedBackup, *, replace: bool = False) -> None:
    database = vault.database
    restore(opened, database, database, lambda _: vault.kms, nothing, replace=replace)


# -- there and back --------------------------------------------------------------------------


def test_what_was_sealed_before_a_loss_opens_after_the_restore(
    vault: Vault, opened: OpenedBackup
) -> None:
    key = vault.ring.fetch(Branch.FULL, [REFS[0]])[REFS[0]]
    sealed = seal_full(key, b"a record", PLACE)
    vault.lose_keys()
    with pytest.raises(ScopeShredded):
        vault.ring.fetch(Branch.FULL, [REFS[0]])
    bring_back(vault, opened)
    again = vault.ring.fetch(Branch.FULL, [REFS[0]])[REFS[0]]
    assert open_full(again, sealed, PLACE) == b"a record"
    assert set(vault.ring.fetch(Branch.MASKED, REFS)) == set(REFS)


def test_a_drill_says_that_all_is_the_same_and_changes_nothing(
    vault: Vault, opened: OpenedBackup
) -> None:
    done = drill(opened, vault.database, vault.database, lambda _: vault.kms)
    assert all(table.same for table in done.tables)
    rows = {table.name: table.rows for table in done.tables}
    assert rows["full_file_keys"] == rows["masked_file_keys"] == len(REFS)
    assert (done.opened.institution_keys, done.opened.file_keys) == (3, 2 * len(REFS))
    assert done.opened.problem == ""
    assert [one.name for one in done.keks] == ["full.kek"]
    assert (done.scopes, done.destroyed) == (0, 0)


def test_a_drill_says_what_came_since(vault: Vault, opened: OpenedBackup) -> None:
    vault.ring.ensure([ScopeRef("demo-bank", "later", "identity")])
    done = drill(opened, vault.database, vault.database, lambda _: vault.kms)
    told = {table.name: (table.rows, table.rows_now, table.same) for table in done.tables}
    assert told["full_file_keys"] == (len(REFS), len(REFS) + 1, False)
    assert told["index_keys"] == (1, 1, True)


def test_a_drill_with_other_keks_says_that_nothing_opens(
    vault: Vault, opened: OpenedBackup, tmp_path: Path
) -> None:
    create_local_keks(tmp_path / "other", KekName)
    other = LocalFileKms(tmp_path / "other")
    done = drill(opened, vault.database, None, lambda _: other)
    assert done.opened.problem
    assert {table.rows_now for table in done.tables} == {-1}
    with pytest.raises(BackupInvalid, match="cannot be used"):
        restore(opened, vault.database, vault.database, lambda _: other, nothing, replace=True)
    assert set(vault.ring.fetch(Branch.FULL, REFS)) == set(REFS)


def test_a_key_store_with_keys_is_replaced_only_if_that_is_said(
    vault: Vault, opened: OpenedBackup
) -> None:
    later = ScopeRef("demo-bank", "later", "identity")
    vault.ring.ensure([later])
    with pytest.raises(KeyStoreNotEmpty):
        bring_back(vault, opened)
    bring_back(vault, opened, replace=True)
    with pytest.raises(ScopeShredded):
        vault.ring.fetch(Branch.FULL, [later])


def test_what_cannot_be_told_is_not_restored(vault: Vault, opened: OpenedBackup) -> None:
    vault.lose_keys()

    def away(_done: object) -> None:
        raise RuntimeError("the log is away")

    with pytest.raises(RuntimeError):
        restore(opened, vault.database, vault.database, lambda _: vault.kms, away, replace=False)
    with pytest.raises(ScopeShredded):
        vault.ring.fetch(Branch.FULL, REFS)


def test_a_backup_is_never_written_over(vault: Vault) -> None:
    path = vault.back_up()
    before = path.read_bytes()
    with pytest.raises(BackupInvalid, match="never written over"):
        vault.back_up()
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in vault.folder.glob(".keys.backup*")] == []


# -- who opens it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [["alice", "bo"], ["cy", "bo"], ["alice", "cy"], ["bo", "alice", "cy"]]
)
def test_any_two_custodians_open_it(vault: Vault, names: list[str]) -> None:
    found = open_backup(vault.back_up(), [NAMED[name] for name in names])
    assert found.by == tuple(sorted(names))
    assert sum(1 for _ in found.lines()) == 1 + 3 + 2 * len(REFS) + 1


def test_shares_that_were_opened_elsewhere_open_it_too(vault: Vault) -> None:
    path = vault.back_up()
    first_line = vault.folder / "first"
    first_line.write_bytes(path.read_bytes().partition(b"\n")[0] + b"\n")
    words = {name: share_of(header_of(first_line), key).words for name, key in NAMED.items()}
    for names in (["alice", "bo"], ["cy", "alice"]):
        found = open_backup(path, words=[words[name] for name in names])
        assert found.by == tuple(sorted(names))
        assert list(found.lines())
    assert open_backup(path, [BO], [words["cy"]]).by == ("bo", "cy")
    with pytest.raises(BackupInvalid, match="2 custodians are needed, and 1"):
        open_backup(path, [BO], [words["bo"]])
    with pytest.raises(BackupInvalid, match="another backup"):
        open_backup(vault.back_up("other"), words=words.values())
    with pytest.raises(BackupInvalid, match="look for a slip"):
        open_backup(path, words=[words["bo"], words["cy"][:-1]])


@pytest.mark.parametrize("keys", [[], [ALICE], [ALICE, ALICE]], ids=["none", "one", "one twice"])
def test_one_custodian_alone_does_not(vault: Vault, keys: list[X25519PrivateKey]) -> None:
    with pytest.raises(BackupInvalid, match="2 custodians are needed"):
        open_backup(vault.back_up(), keys)


def test_a_stranger_does_not(vault: Vault) -> None:
    with pytest.raises(BackupInvalid, match="none of this backup's custodians: alice, bo, cy"):
        open_backup(vault.back_up(), [ALICE, X25519PrivateKey.generate()])


def test_the_file_shows_no_key_and_no_name_of_a_scope(vault: Vault) -> None:
    content = vault.back_up().read_bytes()
    kek = json.loads((vault.folder / "kms" / "full.kek").read_bytes())["versions"][0]["key"]
    assert kek.encode() not in content
    assert base64.b64decode(kek) not in content
    assert b"c0003" not in content
    assert b"demo-bank" not in content
    wrapped = vault.database.read_sync(lambda conn: conn.execute(select(full_file_keys)).all())
    for row in wrapped:
        assert row.wrapped not in content
        assert base64.b64encode(row.wrapped) not in content


# -- what was altered ------------------------------------------------------------------------


def altered(path: Path, change: Callable[[bytearray], None]) -> Path:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)
    return path


def read_all(path: Path) -> None:
    list(open_backup(path, [ALICE, BO]).lines())


def test_no_byte_of_it_can_be_changed(vault: Vault) -> None:
    path = vault.back_up()
    good = path.read_bytes()
    step = max(1, len(good) // 300)
    for place in range(0, len(good), step):

        def flip(content: bytearray, place: int = place) -> None:
            content[place] ^= 1

        path.write_bytes(good)
        with pytest.raises(BackupInvalid):
            read_all(altered(path, flip))


def test_no_end_of_it_can_be_cut_off(vault: Vault, database: Database) -> None:
    path = vault.back_up()
    good = path.read_bytes()
    for length in (0, 1, 100, len(good) // 2, len(good) - 17, len(good) - 1):
        path.write_bytes(good[:length])
        with pytest.raises(BackupInvalid):
            read_all(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(BackupInvalid):
        read_all(path)


def test_a_share_does_not_open_in_another_backup(vault: Vault) -> None:
    one, other = vault.back_up("one"), vault.back_up("other")
    first, _, rest = one.read_bytes().partition(b"\n")
    theirs = json.loads(other.read_bytes().partition(b"\n")[0])
    header = json.loads(first)
    header["custodians"][0]["share"] = theirs["custodians"][0]["share"]
    one.write_bytes(json.dumps(header, separators=(",", ":")).encode() + b"\n" + rest)
    with pytest.raises(BackupInvalid, match="share of alice was altered"):
        read_all(one)


def test_a_break_in_the_middle_restores_nothing(vault: Vault) -> None:
    vault.ring.ensure([ScopeRef("demo-bank", f"m{number:04}", "identity") for number in range(300)])
    path = vault.back_up()
    opened = open_backup(path, [ALICE, BO])
    vault.lose_keys()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BackupInvalid, match="cut short"):
        bring_back(vault, opened)
    assert vault.database.read_sync(lambda conn: conn.execute(select(masked_file_keys)).all()) == []


# -- the shred list --------------------------------------------------------------------------


def destroy(vault: Vault, *refs: ScopeRef) -> None:
    vault.database.write_sync(lambda conn: add_to_list(conn, refs, NOW))
    vault.database.write_sync(lambda conn: shred(conn, [(ref, NOW) for ref in refs]))


def test_a_destroyed_scope_gets_no_new_key(vault: Vault) -> None:
    destroy(vault, REFS[2])
    ring = vault.ring
    ring.ensure(REFS)
    with pytest.raises(ScopeShredded):
        ring.fetch(Branch.FULL, [REFS[2]])
    with pytest.raises(ScopeShredded):
        ring.fetch(Branch.MASKED, [REFS[2]])
    others = [ref for ref in REFS if ref != REFS[2]]
    assert set(ring.fetch(Branch.FULL, others)) == set(others)


def test_a_scope_that_was_destroyed_after_the_backup_stays_destroyed_after_the_restore(
    vault: Vault, opened: OpenedBackup
) -> None:
    destroy(vault, REFS[0], REFS[3])
    done = drill(opened, vault.database, vault.database, lambda _: vault.kms)
    assert (done.scopes, done.destroyed) == (2, 4)
    vault.lose_keys()
    bring_back(vault, opened)
    for ref in (REFS[0], REFS[3]):
        with pytest.raises(ScopeShredded):
            vault.ring.fetch(Branch.FULL, [ref])
        with pytest.raises(ScopeShredded):
            vault.ring.fetch(Branch.MASKED, [ref])
    vault.ring.ensure(REFS)
    with pytest.raises(ScopeShredded):
        vault.ring.fetch(Branch.FULL, [REFS[0]])
    assert set(vault.ring.fetch(Branch.FULL, [REFS[1]])) == {REFS[1]}


def test_the_list_is_replayed_over_a_key_store_that_came_back_another_way(vault: Vault) -> None:
    vault.database.write_sync(lambda conn: add_to_list(conn, REFS[:3], NOW))
    assert replay(vault.database, vault.database) == (3, 6)
    assert replay(vault.database, vault.database) == (0, 0)
    found = vault.database.read_sync(lambda conn: buried(conn, REFS))
    assert found == set(REFS[:3])


def test_no_byte_of_a_destroyed_key_is_left_in_the_file_of_a_key_store_that_came_back(
    vault: Vault,
) -> None:
    """On PostgreSQL that is its vacuum's work."""
    if vault.database.sqlite_path is None:
        return
    path = Path(vault.database.sqlite_path)
    keys = KeyStore(vault.database).file_keys(Branch.FULL, REFS[:2])
    gone, kept = (keys[ref].wrapped for ref in REFS[:2])

    def on_disk() -> bytes:
        return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))

    vault.database.compact()
    assert gone in on_disk() and kept in on_disk()
    vault.database.write_sync(lambda conn: add_to_list(conn, REFS[:1], NOW))
    replay(vault.database, vault.database)
    assert gone not in on_disk() and kept in on_disk()


def test_a_long_list_is_replayed_to_its_end(vault: Vault) -> None:
    many = [ScopeRef("demo-bank", f"x{number:05}", "identity") for number in range(450)]
    vault.database.write_sync(lambda conn: add_to_list(conn, many, NOW))
    assert replay(vault.database, vault.database) == (450, 0)


def test_tombstones_come_back_with_the_backup(vault: Vault) -> None:
    """Where the data database is older than the backup of the keys, its list is too."""
    vault.database.write_sync(lambda conn: shred(conn, [(REFS[0], NOW)]))
    opened = open_backup(vault.back_up(), [ALICE, BO])
    vault.lose_keys()
    bring_back(vault, opened)
    vault.ring.ensure(REFS)
    with pytest.raises(ScopeShredded):
        vault.ring.fetch(Branch.FULL, [REFS[0]])
