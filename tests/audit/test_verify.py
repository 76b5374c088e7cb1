"""Whatever is changed in an exported log is found, and the right thing is blamed."""

from dataclasses import replace

import pytest

from tests.support.log_exports import Export, export_of
from tests.support.merkle_trees import flipped, some_leaves
from tests.support.note_keys import new_signer
from vault.audit.findings import Finding, Kind
from vault.audit.note import KeySigner, SignatureType, VerifierKey
from vault.audit.tiles import decode_bundle, encode_bundle, entries_path
from vault.audit.verify import Verification, verify_log

ORIGIN = "example.com/log"


def ed25519(origin: str) -> tuple[KeySigner, VerifierKey]:
    signer = new_signer(origin, SignatureType.ED25519)
    return signer, signer.verifier_key


SIGNER, KEY = ed25519(ORIGIN)


def export(size: int, leaves: list[bytes] | None = None) -> Export:
    return export_of(some_leaves(size) if leaves is None else leaves, ORIGIN, SIGNER)


def verified(log: Export, since: Export | None = None, **options: bool) -> Verification:
    earlier = None if since is None else since.files["checkpoint"]
    return verify_log(
        log, [KEY], ORIGIN, since=earlier, may_lack_entries=options.get("lack", False)
    )


def kinds(found: Verification) -> set[Kind]:
    return {one.kind for one in found.findings}


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 1000, 65_536, 65_537, 66_000])
def test_an_honest_log_verifies(size: int) -> None:
    found = verified(export(size))
    assert found.findings == ()
    assert found.holds
    assert (found.size, found.leaves, found.withheld) == (size, size, 0)


def test_workers_find_what_one_finds() -> None:
    log = export(40_000)
    path = entries_path(7, 256)
    leaves = decode_bundle(log.files[path])
    log.files[path] = encode_bundle([*leaves[:9], b"other", *leaves[10:]])
    steps: list[tuple[int, int]] = []
    found = verify_log(
        log, [KEY], ORIGIN, workers=2, progress=lambda done, of: steps.append((done, of))
    )
    assert found.findings == (Finding(Kind.LEAF_CHANGED, "", 7 * 256 + 9, 7 * 256 + 9),)
    assert steps[-1] == (40_000, 40_000)
    assert steps == sorted(steps)


def test_every_single_bit_of_a_small_export_counts() -> None:
    log = export(20)
    assert verified(log).holds
    for path, data in log.files.items():
        for changed in flipped(data):
            assert verified(Export({**log.files, path: changed})).findings, path


@pytest.mark.parametrize("size", [515, 300, 3])
def test_the_leaf_is_blamed_that_was_changed(size: int) -> None:
    for index in {0, 2, size - 1, size // 2}:
        log = export(size)
        tile, place = divmod(index, 256)
        path = entries_path(tile, min(256, size - tile * 256))
        leaves = decode_bundle(log.files[path])
        leaves[place] = b"another"
        log.files[path] = encode_bundle(leaves)
        assert verified(log).findings == (Finding(Kind.LEAF_CHANGED, "", index, index),)


def test_the_tile_is_blamed_that_was_changed() -> None:
    log = export(66_000)
    for path in [p for p in log.files if p.startswith("tile/") and "entries" not in p][::60]:
        data = bytearray(log.files[path])
        data[40 % len(data)] ^= 1
        found = verified(Export({**log.files, path: bytes(data)}))
        assert [(one.kind, one.place) for one in found.findings] == [(Kind.TILE_CHANGED, path)]


def test_a_leaf_changed_with_its_tile_is_found_from_above() -> None:
    log = export(600)
    other = export(600, [b"x", *some_leaves(600)[1:]])
    for path in (entries_path(0, 256), "tile/0/000"):
        log.files[path] = other.files[path]
    assert verified(log).findings == (Finding(Kind.TILE_CHANGED, "tile/0/000", -1, -1),)


def test_a_tree_rewritten_to_the_top_does_not_lead_to_the_signed_root() -> None:
    log = export(600)
    other = export(600, [b"x", *some_leaves(600)[1:]])
    other.files["checkpoint"] = log.files["checkpoint"]
    assert kinds(verified(other)) == {Kind.ROOT_DIFFERS}


def test_two_leaves_exchanged_are_found() -> None:
    log = export(10)
    path = entries_path(0, 10)
    leaves = decode_bundle(log.files[path])
    leaves[3], leaves[4] = leaves[4], leaves[3]
    log.files[path] = encode_bundle(leaves)
    assert verified(log).findings == (Finding(Kind.LEAF_CHANGED, "", 3, 4),)


def test_a_leaf_taken_out_is_found() -> None:
    log = export(10)
    path = entries_path(0, 10)
    log.files[path] = encode_bundle([x for n, x in enumerate(some_leaves(10)) if n != 4])
    assert kinds(verified(log)) == {Kind.BUNDLE_UNREADABLE}


@pytest.mark.parametrize("path", ["tile/0/000", "tile/0/002.p/3", "tile/1/000.p/2", "checkpoint"])
def test_a_file_that_is_not_there_is_missed(path: str) -> None:
    log = export(515)
    del log.files[path]
    found = verified(log)
    assert not found.holds
    kind = Kind.CHECKPOINT_MISSING if path == "checkpoint" else Kind.TILE_MISSING
    assert (kind, path) in {(one.kind, one.place) for one in found.findings}


def test_entries_may_be_lacking_where_that_is_allowed() -> None:
    log = export(515)
    del log.files[entries_path(1, 256)]
    assert kinds(verified(log)) == {Kind.BUNDLE_MISSING}
    found = verified(log, lack=True)
    assert found.holds
    assert (found.leaves, found.withheld) == (259, 256)
    # The hashes still are held to the root.
    log.files["tile/0/001"] = log.files["tile/0/000"]
    assert [one.place for one in verified(log, lack=True).findings] == ["tile/0/001"]


def test_a_bundle_that_was_not_expected_is_counted_apart_from_one_that_is_lost() -> None:
    log = export(1000)
    noted, lost = entries_path(1, 256), entries_path(3, 232)
    del log.files[noted]
    found = verify_log(log, [KEY], ORIGIN, withheld={noted, "tile/entries/009"})
    assert found.holds
    assert (found.leaves, found.withheld, found.noted, found.unnoted) == (744, 256, 1, 0)
    del log.files[lost]
    found = verify_log(log, [KEY], ORIGIN, withheld={noted})
    assert [(one.kind, one.place) for one in found.findings] == [(Kind.BUNDLE_MISSING, lost)]
    assert (found.noted, found.unnoted) == (1, 1)
    # Expected or not, its hashes are held to the root.
    log.files["tile/0/001"] = log.files["tile/0/000"]
    found = verify_log(log, [KEY], ORIGIN, withheld={noted, lost})
    assert [one.place for one in found.findings] == ["tile/0/001"]


def test_a_checkpoint_of_another_key_is_nothing() -> None:
    forger, _ = ed25519(ORIGIN)
    log = export_of(some_leaves(9), ORIGIN, forger)
    found = verified(log)
    assert kinds(found) == {Kind.CHECKPOINT_INVALID}
    assert found.checkpoint is None


def test_a_checkpoint_of_another_log_is_nothing() -> None:
    signer, key = ed25519("example.com/other")
    log = export_of(some_leaves(9), "example.com/other", signer)
    assert verify_log(log, [key], ORIGIN).checkpoint is None


@pytest.mark.parametrize(("old", "new"), [(1, 1), (1, 2), (255, 600), (256, 600), (600, 66_000)])
def test_a_log_that_grew_continues_the_earlier_one(old: int, new: int) -> None:
    assert verified(export(new), export(old)).holds


def test_a_log_set_back_is_found() -> None:
    assert verified(export(500), export(600)).findings == (
        Finding(Kind.SET_BACK, first=500, last=600),
    )


@pytest.mark.parametrize("size", [300, 700])
def test_another_history_is_found(size: int) -> None:
    seen = export(300)
    other = export(size, [*some_leaves(299), b"rewritten", *some_leaves(size - 300)])
    assert verified(other).holds, "by itself nothing is wrong with it"
    assert kinds(verified(other, seen)) == {Kind.FORKED}


def test_an_earlier_checkpoint_that_is_not_the_logs_is_refused() -> None:
    forger, _ = ed25519(ORIGIN)
    seen = export_of(some_leaves(3), ORIGIN, forger)
    assert kinds(verified(export(5), seen)) == {Kind.EARLIER_INVALID}


def test_a_verification_that_found_anything_does_not_hold() -> None:
    found = verified(export(3))
    assert found.holds
    assert not replace(found, findings=(Finding(Kind.ROOT_DIFFERS),)).holds
    assert not replace(found, checkpoint=None).holds
