"""The tar of a bundle is one that any tar reads, with a manifest that the log has signed."""

import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from vault.audit.note import parse_note, signatures_by
from vault.audit.signers import Signers
from vault.bundles import Archive, Manifest, ManifestSigner
from vault.bundles.manifest import note_text
from vault.kms.signing import Algorithm, Purpose, SigningKeys, create_signing_keys

ABOUT = Manifest("transaction", "institutions/a/customers/b", 1_700_000_000_123_456, "demo/log")


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    folder = tmp_path / "keys"
    create_signing_keys(folder, Purpose.LOG, (Algorithm.ED25519, Algorithm.ML_DSA_44))
    return Signers(SigningKeys(folder, Purpose.LOG), "demo/log", lambda: 0)


def test_any_tar_reads_it(signers: Signers) -> None:
    archive = Archive(ABOUT)
    parts = [
        archive.file("a.json", b"{}"),
        archive.begin("contents/1.bin", 1030),
        archive.part(b"x" * 1000),
        archive.part(b"y" * 30),
        archive.file("empty", b""),
        archive.finish(ManifestSigner(signers)),
    ]
    with tarfile.open(fileobj=io.BytesIO(b"".join(parts)), mode="r:") as tar:
        found = {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]
    assert list(found) == ["a.json", "contents/1.bin", "empty", "manifest.json", "manifest.note"]
    manifest = json.loads(found["manifest.json"])
    assert manifest["made_at"] == "2023-11-14T22:13:20.123456Z"
    assert {one["path"]: one["sha256"] for one in manifest["files"]} == {
        path: sha256(data).hexdigest() for path, data in list(found.items())[:3]
    }
    note = parse_note(found["manifest.note"])
    assert note.text == note_text("demo/log", found["manifest.json"])
    signatures_by(note, signers.verifiers())


def test_a_file_has_the_bytes_that_were_announced() -> None:
    archive = Archive(ABOUT)
    archive.begin("a", 2)
    with pytest.raises(ValueError, match="more bytes"):
        archive.part(b"xyz")
    with pytest.raises(ValueError, match="lacks"):
        archive.begin("b", 1)


@pytest.mark.parametrize("path", ["a", "manifest.json", "manifest.note"])
def test_no_path_is_there_twice(path: str) -> None:
    archive = Archive(ABOUT)
    archive.file("a", b"")
    with pytest.raises(ValueError, match="already"):
        archive.begin(path, 0)
