"""The clients move scans over the wire of a real vault, one that is killed in between too."""

import asyncio
import hashlib
import io
import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from recordsvault.records.v1.content_pb2 import Content
from recordsvault_client import (
    AsyncVaultClient,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Profile,
    VaultClient,
)
from tests.cli.test_with_the_vault import ctl, profile
from tests.e2e.test_contents import new_document
from tests.support.contents import SEGMENT, scan
from tests.support.running_vault import RunningVault
from tests.support.specimen_files import as_file
from tests.support.specimens import DRAWN
from vault.records import ContentType
from vault.server.settings import TierName

PURPOSE = "ONBOARDING_CDD"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("vault")
    with RunningVault(folder, "sqlite:///vault.db") as running:
        yield running


@pytest.fixture(scope="module")
def document(vault: RunningVault) -> str:
    return new_document(vault)


@pytest.fixture(scope="module")
def backend(vault: RunningVault) -> Profile:
    return Profile.load(profile(vault, "backend"))


def test_there_and_back_with_receipts(backend: Profile, document: str, tmp_path: Path) -> None:
    data = scan(2 * SEGMENT + 17)
    (tmp_path / "scan.png").write_bytes(data)
    receipts = tmp_path / "receipts"
    told: list[tuple[int, int]] = []
    with VaultClient(backend, receipts=receipts) as client:
        content = client.contents.upload(
            document, tmp_path / "scan.png", page=4, progress=lambda *one: told.append(one)
        )
        assert content.sha256 == hashlib.sha256(data).digest()
        same = client.contents.download(content.name, tmp_path / "copy.png", purpose=PURPOSE)
        out = io.BytesIO()
        client.contents.download(content.name, out, purpose=PURPOSE, offset=SEGMENT, length=100)
        listed = list(client.contents.list(document, purpose=PURPOSE))
    assert same == content
    assert content in listed
    assert (tmp_path / "copy.png").read_bytes() == data
    assert out.getvalue() == data[SEGMENT : SEGMENT + 100]
    assert told[-1] == (len(data), len(data))
    kept = receipts.read_text()
    assert "/UploadDocument" in kept
    assert "/DownloadDocument" in kept


def test_the_same_with_asyncio(backend: Profile, document: str, tmp_path: Path) -> None:
    data = scan(SEGMENT + 99, 5)

    async def run() -> Content:
        async with AsyncVaultClient(backend, receipts=tmp_path / "receipts") as client:
            content = await client.contents.upload(document, data, page=5)
            await client.contents.download(content.name, tmp_path / "copy", purpose=PURPOSE)
            return content

    content = asyncio.run(run())
    assert content.page == 5
    assert (tmp_path / "copy").read_bytes() == data
    assert "/UploadDocument" in (tmp_path / "receipts").read_text()


def test_what_the_vault_refuses_is_told(backend: Profile, document: str, tmp_path: Path) -> None:
    with VaultClient(backend) as client:
        with pytest.raises(InvalidArgument) as caught:
            client.contents.upload(document, b"%PDF-1.7\nnot a document at all", page=6)
        assert caught.value.violations[0].reason.startswith("DOCUMENT_")
        with pytest.raises(NotFound):
            client.contents.download(f"{document}/contents/99", tmp_path / "x", purpose=PURPOSE)
        with pytest.raises(NotFound):
            client.contents.upload_progress(document, str(uuid.uuid4()))


def test_who_may_not_is_refused(vault: RunningVault, document: str, tmp_path: Path) -> None:
    with (
        VaultClient(Profile.load(profile(vault, "operator"))) as client,
        pytest.raises(PermissionDenied),
    ):
        client.contents.upload(document, scan(100), page=7)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_vault_that_is_killed_in_between_gets_the_rest(
    vault: RunningVault, backend: Profile, document: str, asynchronous: bool
) -> None:
    data, page = scan(8 * SEGMENT, 6), 10 + asynchronous
    killer: list[threading.Thread] = []

    def again() -> None:
        vault.kill(TierName.FULL)
        vault.start(TierName.FULL)

    def progress(done: int, total: int) -> None:
        if done > 5 * SEGMENT and not killer:
            killer.append(threading.Thread(target=again))
            killer[0].start()

    lost: list[str] = []

    def interrupted(error: Exception, pause: float) -> None:
        lost.append(type(error).__name__)

    try:
        if asynchronous:

            async def run() -> Content:
                async with AsyncVaultClient(backend) as client:
                    return await client.contents.upload(
                        document, data, page=page, progress=progress, on_interrupt=interrupted
                    )

            content = asyncio.run(run())
        else:
            with VaultClient(backend) as client:
                content = client.contents.upload(
                    document, data, page=page, progress=progress, on_interrupt=interrupted
                )
    finally:
        for thread in killer:
            thread.join()
    assert lost
    assert content.sha256 == hashlib.sha256(data).digest()
    out = io.BytesIO()
    with VaultClient(backend) as client:
        client.contents.download(content.name, out, purpose=PURPOSE)
    assert out.getvalue() == data


def test_vaultctl_moves_a_scan_and_shows_its_picture(
    vault: RunningVault, document: str, tmp_path: Path
) -> None:
    path, out = tmp_path / "passport.jpg", tmp_path / "copy.jpg"
    path.write_bytes(as_file(ContentType.JPEG, DRAWN["passport-td3"]().image))
    ran = ctl(vault, "backend", "documents", "put", document, str(path), "--page", "20", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    get = ("documents", "get", document, "--page", "20", "--purpose", PURPOSE, "--output", str(out))
    assert ctl(vault, "backend", *get).returncode == 0
    assert out.read_bytes() == path.read_bytes()
    view = ("documents", "view", document, str(tmp_path / "shown"), "--page", "20", "--json")
    ran = ctl(vault, "crm", *view)
    assert (ran.returncode, ran.stderr) == (0, "")
    (picture,) = json.loads(ran.stdout)["pictures"]
    assert picture["layout"] == "passport-td3"
    with Image.open(picture["file"]) as image:
        assert image.format == "PNG"
    # Whoever sees pictures gets no scan.
    assert ctl(vault, "crm", *get[:-1], str(tmp_path / "none")).returncode == 5
    assert not (tmp_path / "none").exists()
