"""Whatever is changed in a bundle, both verifiers refuse it: the vault's own, and the one that
knows nothing of the vault. Also what somebody changes who has the log's key to sign with."""

import base64
import io
import json
import random
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.bundles import VERIFIER, Files, Ledger, ledger, reconstruct, refused_by, unpack
from tests.support.running_vault import ORIGIN, RunningVault
from vault.audit.event import parse_time
from vault.audit.signers import Signers
from vault.bundles import Archive, Manifest, ManifestSigner, RecipientKey, open_envelope
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


def test_the_verifier_is_short() -> None:
    lines = [one for one in VERIFIER.read_text("utf-8").splitlines() if one.strip()]
    assert len(lines) <= 200
