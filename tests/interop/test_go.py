"""What the log hands out, checked by other people's code, and theirs by ours.

logcheck/ is a Go program over golang.org/x/mod/sumdb/note and sumdb/tlog (tree, tiles, notes) and
transparency-dev/formats (cosignatures of both kinds, proof files).
"""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support import go_tool
from tests.support.merkle_trees import Tiles, nodes_of, some_leaves
from tests.support.note_keys import new_signer
from vault.audit.canonical import encode_base64
from vault.audit.checkpoint import (
    CheckpointBody,
    CheckpointInvalid,
    cosignatures,
    sign_checkpoint,
    verify_checkpoint,
)
from vault.audit.merkle import consistency_proof, inclusion_proof
from vault.audit.note import SignatureType, VerifierKey
from vault.audit.proof_file import format_proof
from vault.audit.tiles import (
    bundles_of,
    encode_bundle,
    entries_path,
    frontier_from_tiles,
    node_from_tiles,
    tiles_of,
)

SOURCE = Path(__file__).parent / "logcheck"
ORIGIN = "vault.example/log"
SIGNERS = [
    new_signer(ORIGIN, SignatureType.ED25519),
    new_signer(ORIGIN, SignatureType.COSIGNATURE_ML_DSA_44),
    new_signer("witness.example/w1", SignatureType.COSIGNATURE_ED25519),
]
VKEYS = [signer.verifier_key.vkey for signer in SIGNERS]
STRANGER = new_signer(ORIGIN, SignatureType.ED25519).verifier_key.vkey
# Two full tiles of level 0, a partial one, and a partial tile of level 1.
SIZE = 600

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def logcheck(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the Go program with the arguments given."""
    program = go_tool.build(SOURCE, tmp_path_factory.mktemp("go") / "logcheck")

    def run(*arguments: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def tiles() -> Tiles:
    tree = Tiles()
    for portion in (1, 99, 200, 300):
        tree.append(some_leaves(SIZE)[tree.size : tree.size + portion])
    assert tree.size == SIZE
    return tree


def checkpoint(tiles: Tiles, size: int = SIZE) -> bytes:
    root = frontier_from_tiles(size, tiles.read).root()
    return sign_checkpoint(CheckpointBody(ORIGIN, size, root), SIGNERS)


@pytest.fixture(scope="session")
def exported(tiles: Tiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log as C2SP tlog-tiles lays it out in a folder."""
    folder = tmp_path_factory.mktemp("exported")
    leaves = some_leaves(SIZE)
    for tile in tiles_of(SIZE):
        write(folder / tile.path(), tiles.data[tile.level, tile.index])
    for index, width in bundles_of(SIZE):
        start = index * 256
        bundle = encode_bundle(leaves[start : start + width])
        write(folder / entries_path(index, width), bundle)
    write(folder / "checkpoint", checkpoint(tiles))
    return folder


@pytest.fixture
def damaged(exported: Path, tmp_path: Path) -> Path:
    """A copy of the log that a test may damage."""
    return Path(shutil.copytree(exported, tmp_path / "damaged"))


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_go_verifies_an_exported_log(logcheck: Run, exported: Path, tiles: Tiles) -> None:
    done = logcheck("log", exported, ORIGIN, *VKEYS)
    assert (done.returncode, done.stderr) == (0, "")
    root = frontier_from_tiles(SIZE, tiles.read).root()
    assert done.stdout == f"{SIZE} {encode_base64(root)}\n"


def test_the_exported_log_has_a_file_for_every_tile_and_bundle(exported: Path) -> None:
    assert [path.relative_to(exported).as_posix() for path in files_of(exported)] == [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/88",
        "tile/1/000.p/2",
        "tile/entries/000",
        "tile/entries/001",
        "tile/entries/002.p/88",
    ]


def test_go_refuses_a_log_that_is_damaged_in_any_one_file(logcheck: Run, damaged: Path) -> None:
    for path in files_of(damaged):
        whole = path.read_bytes()
        for at in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            assert logcheck("log", damaged, ORIGIN, *VKEYS).returncode == 1, path
        for changed in (whole[:-1], whole + b"\0", b""):
            path.write_bytes(changed)
            assert logcheck("log", damaged, ORIGIN, *VKEYS).returncode == 1, path
        path.unlink()
        assert logcheck("log", damaged, ORIGIN, *VKEYS).returncode == 1, path
        path.write_bytes(whole)
    assert logcheck("log", damaged, ORIGIN, *VKEYS).returncode == 0


def test_go_refuses_an_event_that_was_changed_or_moved(logcheck: Run, damaged: Path) -> None:
    path = damaged / entries_path(1, 256)
    leaves = some_leaves(SIZE)[256:512]
    changed = [*leaves[:9], b"leaf 265, edited", *leaves[10:]]
    swapped = [leaves[1], leaves[0], *leaves[2:]]
    for forged, named in ((changed, "entry 9"), (swapped, "entry 0"), (leaves[:-1], "entry 255")):
        path.write_bytes(encode_bundle(forged))
        done = logcheck("log", damaged, ORIGIN, *VKEYS)
        assert done.returncode == 1
        assert f"{named} is" in done.stderr


def test_go_refuses_a_tree_that_was_built_anew_under_the_old_checkpoint(
    logcheck: Run, damaged: Path
) -> None:
    forged = Tiles()
    forged.append([b"another event", *some_leaves(SIZE)[1:]])
    for tile in tiles_of(SIZE):
        (damaged / tile.path()).write_bytes(forged.data[tile.level, tile.index])
    (damaged / entries_path(0, 256)).write_bytes(
        encode_bundle([b"another event", *some_leaves(SIZE)[1:256]])
    )
    assert "inconsistent" in logcheck("log", damaged, ORIGIN, *VKEYS).stderr


def test_go_refuses_a_log_that_is_signed_with_another_key(
    logcheck: Run, exported: Path, damaged: Path
) -> None:
    assert "no verifiable signatures" in logcheck("log", exported, ORIGIN, STRANGER).stderr
    assert "3 of 4 keys" in logcheck("log", exported, ORIGIN, *VKEYS, STRANGER).stderr
    assert "is of" in logcheck("log", exported, "vault.example/other", *VKEYS).stderr


@pytest.mark.parametrize("old", [1, 2, 100, 255, 256, 257, 512, 599, 600])
def test_go_verifies_that_the_log_continues_an_older_checkpoint(
    logcheck: Run, exported: Path, tiles: Tiles, tmp_path: Path, old: int
) -> None:
    earlier = tmp_path / "earlier"
    earlier.write_bytes(checkpoint(tiles, old))
    done = logcheck("since", exported, ORIGIN, earlier, *VKEYS)
    assert (done.returncode, done.stderr) == (0, "")
    other = Tiles()
    other.append([b"another event", *some_leaves(old)[1:]])
    earlier.write_bytes(checkpoint(other, old))
    assert logcheck("since", exported, ORIGIN, earlier, *VKEYS).returncode == 1


def test_go_accepts_every_consistency_proof_that_we_make(logcheck: Run) -> None:
    nodes = nodes_of(some_leaves(70))
    tree = Tiles()
    tree.append(some_leaves(70))
    roots = [encode_base64(frontier_from_tiles(size, tree.read).root()) for size in range(71)]
    lines = [
        " ".join((str(old), roots[old], str(new), roots[new], *map(encode_base64, proof)))
        for new in range(1, 71)
        for old in range(1, new + 1)
        for proof in [consistency_proof(old, new, nodes)]
    ]
    done = logcheck("consistency", stdin="\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    forged = lines[-3].replace(roots[70], roots[69])
    assert logcheck("consistency", stdin=forged).returncode == 1


@pytest.mark.parametrize("index", [0, 255, 256, 599])
@pytest.mark.parametrize("extra", [b"", b"for the court"])
def test_go_verifies_a_proof_file(
    logcheck: Run, tiles: Tiles, tmp_path: Path, index: int, extra: bytes
) -> None:
    path = inclusion_proof(index, SIZE, node_from_tiles(tiles.read))
    file, leaf = tmp_path / "event.tlog-proof", tmp_path / "leaf"
    file.write_text(format_proof(index, path, checkpoint(tiles), extra))
    leaf.write_bytes(some_leaves(SIZE)[index])
    done = logcheck("proof", file, leaf, ORIGIN, *VKEYS)
    assert (done.returncode, done.stderr) == (0, "")
    leaf.write_bytes(b"another event")
    assert logcheck("proof", file, leaf, ORIGIN, *VKEYS).returncode == 1


def test_we_verify_what_go_has_signed(logcheck: Run, tiles: Tiles) -> None:
    root = frontier_from_tiles(SIZE, tiles.read).root()
    done = logcheck("sign", ORIGIN, SIZE, encode_base64(root))
    assert (done.returncode, done.stderr) == (0, "")
    log_key, ed25519, ml_dsa, note = done.stdout.split("\n", 3)
    log = VerifierKey.parse(log_key)
    seen = verify_checkpoint(note.encode(), [log], ORIGIN)
    assert (seen.size, seen.root) == (SIZE, root)
    witnesses = [VerifierKey.parse(ed25519), VerifierKey.parse(ml_dsa)]
    assert [key.kind for key in witnesses] == [
        SignatureType.COSIGNATURE_ED25519,
        SignatureType.COSIGNATURE_ML_DSA_44,
    ]
    assert [one.key for one in cosignatures(seen, witnesses)] == witnesses
    forged = note.replace(f"\n{SIZE}\n", f"\n{SIZE + 1}\n").encode()
    for key in (log, *witnesses):
        with pytest.raises(CheckpointInvalid, match="is wrong"):
            verify_checkpoint(forged, [key], ORIGIN)


def test_a_program_is_built_once_for_as_long_as_its_source_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go_tool, "TOOLS", tmp_path / "tools")
    source = tmp_path / "hello"
    source.mkdir()
    (source / "go.mod").write_text("module hello\n\ngo 1.25\n")
    main = source / "main.go"
    main.write_text('package main\n\nfunc main() { print("one") }\n')
    with ThreadPoolExecutor(3) as pool:
        programs = set(pool.map(lambda _: go_tool.cached(source), range(3)))
    (first,) = programs
    made = first.stat().st_ino
    assert go_tool.cached(source) == first
    assert first.stat().st_ino == made
    main.write_text('package main\n\nfunc main() { print("two") }\n')
    second = go_tool.cached(source)
    assert second != first
    said = [
        subprocess.run([one], capture_output=True, check=True).stderr for one in (first, second)
    ]
    assert said == [b"one", b"two"]
    main.write_text("this is no Go")
    with pytest.raises(AssertionError, match="expected 'package'"):
        go_tool.cached(source)


def test_the_go_of_the_package_builds_it_where_the_machine_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    assert go_tool.find(SOURCE) == go_tool.packaged()
    program = go_tool.build(SOURCE, tmp_path / "logcheck")
    assert subprocess.run([program], capture_output=True, check=False).returncode == 1
