"""Whatever is changed in a bundle, both verifiers refuse it: the vault's own, and the one that
knows nothing of the vault. Also what somebody changes who has the log's key to sign with."""

import ast
import base64
import io
import json
import random
import re
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag

from tests.support.bundles import (
    ALONE,
    VERIFIER,
    Files,
    Ledger,
    bare,
    ledger,
    reconstruct,
    refused_by,
    unpack,
    verify,
)
from tests.support.running_vault import ORIGIN, RunningVault
from vault.audit.event import parse_time
from vault.audit.signers import Signers
from vault.bundles import Archive, Manifest, ManifestSigner, RecipientKey, open_envelope
from vault.bundles.archive import header, padding
from vault.kms.signing import Purpose, SigningKeys, create_signing_keys

KEY = RecipientKey.generate(hybrid=False)


@dataclass(frozen=True)
class Scene:
    """An opened bundle, the same as files, and what it is verified by."""

    data: bytes
    files: Files
    vkey: str
    signer: ManifestSigner


@pytest.fixture(scope="module")
def books(vault: RunningVault) -> Ledger:
    return ledger(vault)


@pytest.fixture(scope="module")
def scene(vault: RunningVault, books: Ledger) -> Scene:
    data = b"".join(open_envelope(KEY, [reconstruct(vault, books.third, KEY.recipient)]))
    keys = SigningKeys(vault.folder / "kms" / "full", Purpose.LOG)
    signer = ManifestSigner(Signers(keys, ORIGIN, lambda: 0))
    return Scene(data, unpack(data), (vault.folder / "log.vkey").read_text().strip(), signer)


BOTH = {"alone", "own"}
# What the verifier tells of as a refusal; any other error would be a traceback.
REFUSALS = (
    *(ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError),
    *(InvalidTag, InvalidSignature, tarfile.TarError),
)


def test_as_it_came_both_accept_it(scene: Scene) -> None:
    assert refused_by(scene.data, scene.vkey) == set()


def places(data: bytes) -> Iterator[int]:
    """Every byte of the first header, the ends of every file and of the tar, and many besides."""
    yield from range(512)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for one in tar:
            yield from (one.offset, one.offset + 300, one.offset_data)
            yield one.offset_data + max(one.size - 1, 0)
            yield one.offset_data + one.size
    yield from (len(data) - 1024, len(data) - 1)
    yield from random.Random(7).sample(range(len(data)), 200)


@pytest.mark.slow
def test_every_altered_byte_is_refused(scene: Scene) -> None:
    for place in places(scene.data):
        changed = bytearray(scene.data)
        changed[place] ^= 1
        assert refused_by(bytes(changed), scene.vkey) == BOTH, place


def test_every_file_that_is_missing_is_missed(scene: Scene) -> None:
    with tarfile.open(fileobj=io.BytesIO(scene.data)) as tar:
        members = tar.getmembers()
    for one in members:
        end = one.offset_data + -(-one.size // 512) * 512
        assert refused_by(scene.data[: one.offset] + scene.data[end:], scene.vkey) == BOTH, one.name


@pytest.mark.parametrize("change", [b"", b"\0" * 512, b"\0" * 1024])
def test_what_stands_behind_the_end_is_refused(scene: Scene, change: bytes) -> None:
    data = scene.data + change if change else scene.data[:-512]
    assert refused_by(data, scene.vkey) == BOTH


def packed(scene: Scene, files: Files, signer: ManifestSigner | None = None, **about: Any) -> bytes:
    """The files as a bundle that is signed anew: by whoever has the log's key."""
    said = json.loads(files["manifest.json"])
    values = {
        "kind": said["kind"],
        "name": said["name"],
        "made_at": parse_time(said["made_at"]),
        "log": said["log"],
        "facts": said["facts"],
    }
    archive = Archive(Manifest(**(values | about)))
    parts = [
        archive.file(path, data)
        for path, data in files.items()
        if path not in ("manifest.json", "manifest.note")
    ]
    return b"".join([*parts, archive.finish(signer or scene.signer)])


def test_packed_anew_as_it_was_it_is_accepted(scene: Scene) -> None:
    assert refused_by(packed(scene, scene.files), scene.vkey) == set()


def edited(files: Files, path: str, change: Callable[[Any], None]) -> Files:
    value = json.loads(files[path])
    change(value)
    return files | {path: json.dumps(value).encode()}


def exchanged(files: Files, one: str, other: str) -> Files:
    return files | {one: files[other], other: files[one]}


def events(files: Files, ending: str) -> list[str]:
    return [path for path in files if path.startswith("events/") and path.endswith(ending)]


def flipped_key(row: Any) -> None:
    key = bytearray(base64.b64decode(row["data_key"]))
    key[0] ^= 1
    row["data_key"] = base64.b64encode(key).decode()


LIES: dict[str, Callable[[Files], Files]] = {
    "two proofs are swapped": lambda f: exchanged(f, *events(f, ".tlog-proof")[:2]),
    "two events are swapped": lambda f: exchanged(f, *events(f, ".json")[:2]),
    "an event is another": lambda f: f | {events(f, ".json")[0]: b'{"v":1,"rows":[]}'},
    "a plaintext is another": lambda f: (
        f | {"rows/1.plain": f["rows/1.plain"].replace(b'"CNY"', b'"EUR"')}
    ),
    "two plaintexts are swapped": lambda f: exchanged(f, "rows/1.plain", "rows/2.plain"),
    "a data key is another": lambda f: edited(f, "rows/1.json", flipped_key),
    "a column is another": lambda f: edited(
        f, "rows/1.json", lambda r: r["columns"].update(recorded_by="somebody")
    ),
    "a place is another": lambda f: edited(
        f, "rows/1.json", lambda r: r.update(place=r["place"].replace("|1|", "|2|"))
    ),
    "a row has no event": lambda f: edited(f, "rows/1.json", lambda r: r.update(events=[])),
    "a row has another's event": lambda f: edited(
        f,
        "rows/1.json",
        lambda r: r.update(events=json.loads(f["rows/2.json"])["events"]),
    ),
    "a row has another's name": lambda f: edited(
        f, "rows/1.json", lambda r: r.update(name=json.loads(f["rows/2.json"])["name"])
    ),
    "a scan is another": lambda f: exchanged(f, "contents/1.png", "contents/2.png"),
    "the record's row is left out": lambda f: {
        path: data for path, data in f.items() if path != "rows/1.json"
    },
    "there is no checkpoint": lambda f: {p: d for p, d in f.items() if p != "checkpoint"},
}


@pytest.mark.parametrize("lie", LIES)
def test_not_even_who_has_the_logs_key_changes_what_was_recorded(scene: Scene, lie: str) -> None:
    assert refused_by(packed(scene, LIES[lie](scene.files)), scene.vkey) == BOTH


def test_another_bundles_record_is_not_this_ones(scene: Scene, books: Ledger) -> None:
    other = packed(scene, scene.files, name=f"{books.customer}/transactions/{'0' * 26}")
    assert refused_by(other, scene.vkey) == BOTH


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Signers:
    """Another log of the same name."""
    folder: Path = tmp_path_factory.mktemp("foreign") / "keys"
    create_signing_keys(folder, Purpose.LOG)
    return Signers(SigningKeys(folder, Purpose.LOG), ORIGIN, lambda: 0)


def test_a_foreign_checkpoint_is_refused(scene: Scene, foreign: Signers) -> None:
    own = scene.files["checkpoint"].decode()
    text = own.rpartition("\n\n")[0] + "\n"
    other = foreign.sign(text).decode()
    files = {
        path: data.replace(own.encode(), other.encode())
        if path == "checkpoint" or path.endswith(".tlog-proof")
        else data
        for path, data in scene.files.items()
    }
    assert refused_by(packed(scene, files), scene.vkey) == BOTH
    # And one of the log's own, but of another size.
    smaller = scene.signer._signers.sign(text.replace("\n", "\n1", 1)).decode()
    files = files | {"checkpoint": smaller.encode()}
    assert refused_by(packed(scene, files), scene.vkey) == BOTH


def test_a_foreign_vaults_bundle_is_refused(scene: Scene, foreign: Signers) -> None:
    data = packed(scene, scene.files, ManifestSigner(foreign))
    assert refused_by(data, scene.vkey) == BOTH
    assert refused_by(scene.data, foreign.verifiers()[0].vkey) == BOTH


# -- every byte -----------------------------------------------------------------------------------


def about_one(files: Files) -> Files:
    """What proves the record alone: its row, the plaintext, its events with their proofs."""
    row = json.loads(files["rows/1.json"])
    kept = ["rows/1.json", "rows/1.plain", "checkpoint"]
    for index in row["events"]:
        kept += [f"events/{index}.json", f"events/{index}.tlog-proof"]
    return {path: files[path] for path in kept}


def flipped(data: bytes, place: int) -> bytes:
    """One bit of it is another; which one goes round with the place."""
    changed = bytearray(data)
    changed[place] ^= 1 << place % 8
    return bytes(changed)


def test_every_byte_of_a_small_bundle_counts(scene: Scene) -> None:
    """Headers, contents, padding, end."""
    named = {"manifest.json": scene.files["manifest.json"]}
    data = packed(scene, about_one(scene.files) | named)
    assert refused_by(data, scene.vkey) == set()
    # Of the zeros that fill headers and blocks every seventh is enough.
    counted = [place for place, byte in enumerate(data) if byte or place % 7 == 0]
    assert [one for one in counted if alone_accepts(flipped(data, one), scene)] == []
    # Of the vault's own another eleventh of them each time, of each header some.
    start = random.SystemRandom().randrange(11)
    for place in range(start, len(data), 11):
        assert "own" in refused_by(flipped(data, place), scene.vkey), place


def alone_accepts(data: bytes, scene: Scene) -> bool:
    """Whether the stand-alone verifier takes it, which refuses by those errors that it tells of."""
    try:
        ALONE.verify(ALONE.Tar(io.BytesIO(data)), [scene.vkey])
    except REFUSALS:
        return False
    return True


def test_not_even_with_the_logs_key_is_a_byte_of_what_proves_free(scene: Scene) -> None:
    """Without a manifest that would show it: event, proof, checkpoint and plaintext by themselves,
    as a file that goes to another vault has them."""
    files = about_one(scene.files)
    assert alone_accepts(tar_of(files), scene)
    for path, content in files.items():
        if path == "rows/1.json":
            continue  # whose columns are hashed, and not the way in which they are written down
        for place in range(len(content)):
            data = tar_of(files | {path: flipped(content, place)})
            assert not alone_accepts(data, scene), (path, place)


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def test_no_hash_of_a_proof_has_a_second_spelling(scene: Scene) -> None:
    """The bits of base64 that stand for nothing: what they say is decoded to the same."""
    files = about_one(scene.files)
    spelt = 0
    for path, content in files.items():
        for end in re.finditer(rb"(?<=[A-Za-z0-9+/])=+\n", content):
            last = end.start() - 1
            other = _ALPHABET[_ALPHABET.index(content[last]) ^ 1 : :][:1]
            changed = content[:last] + other + content[last + 1 :]
            spelt += 1
            assert not alone_accepts(tar_of(files | {path: changed}), scene), (path, last)
    assert spelt


def tar_of(files: Files) -> bytes:
    return b"".join(
        [
            *(
                header(path, len(data), 0) + data + padding(len(data))
                for path, data in files.items()
            ),
            bytes(1024),
        ]
    )


def test_a_file_more_or_twice_or_elsewhere_is_refused(scene: Scene) -> None:
    with tarfile.open(fileobj=io.BytesIO(scene.data)) as tar:
        first, second, *_ = members = tar.getmembers()
    cuts = [one.offset for one in members] + [len(scene.data) - 1024]
    parts = [scene.data[a:b] for a, b in pairwise(cuts)]
    seconds = int(first.mtime)
    more = header("page.txt", 5, seconds) + b"hello" + padding(5)
    end = scene.data[-1024:]
    assert b"".join([*parts, end]) == scene.data
    for wrong in (
        [*parts, more],
        [more, *parts],
        [*parts[:-1], more, parts[-1]],
        [*parts, parts[0]],
        [parts[1], parts[0], *parts[2:]],
        [*parts[:-2], parts[-1], parts[-2]],
    ):
        assert refused_by(b"".join([*wrong, end]), scene.vkey) == BOTH
    assert second.offset == cuts[1]


# -- on a machine with only that verifier ----------------------------------------------------------

_LOADED = """
import runpy, sys
before = set(sys.modules)
sys.argv = ["verify_bundle.py", "bundle", "--log-key", sys.argv[1]]
runpy.run_path("verify_bundle.py", run_name="__main__")
every = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(every - sys.stdlib_module_names))
"""


def test_a_bundle_verifies_where_there_is_nothing_but_the_verifier_and_cryptography(
    scene: Scene, tmp_path: Path
) -> None:
    done = verify(tmp_path, scene.data, scene.vkey)
    assert (done.returncode, done.stderr) == (0, "")
    alone = tmp_path / "alone"
    assert {one.name for one in alone.iterdir()} == {"verify_bundle.py", "bundle"}
    # Neither the vault is there, nor anything that it stands on.
    for module in ("vault", "recordsvault", "recordsvault_client", "google", "msgspec", "pip"):
        missing = bare(alone, "-c", f"import {module}")
        assert missing.returncode == 1 and "ModuleNotFoundError" in missing.stderr, module
    loaded = bare(alone, "-c", _LOADED, scene.vkey)
    proved, names = loaded.stdout.splitlines()
    assert proved == done.stdout.strip()
    assert set(names.split()) == {"cryptography", "_cffi_backend", "_openssl"}  # its binding
    harmed = bytearray(scene.data)
    harmed[len(harmed) // 2] ^= 1
    wrong = verify(tmp_path, bytes(harmed), scene.vkey)
    assert (wrong.returncode, wrong.stdout) == (1, "") and wrong.stderr.startswith("REFUSED: ")


def test_the_verifier_is_short_and_takes_from_nobody_but_cryptography() -> None:
    text = VERIFIER.read_text("utf-8")
    assert len([one for one in text.splitlines() if one.strip()]) <= 200
    taken = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            taken |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            taken.add((node.module or ".").partition(".")[0])
    assert taken - sys.stdlib_module_names == {"cryptography"}
    # Nor does it reach for what it was not given.
    assert not taken & {"socket", "urllib", "http", "subprocess", "importlib", "ctypes"}
