"""Receipts are kept by the clients, and the vault is held to them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from recordsvault.audit.v1 import audit_pb2
from recordsvault_client import (
    AsyncMaskedClient,
    AsyncVaultClient,
    MaskedClient,
    NotFound,
    Profile,
    ReceiptFile,
    VaultClient,
)
from tests.cli.conftest import Ran
from tests.cli.test_with_the_vault import ctl, profile
from tests.support.running_vault import ORIGIN, RunningVault
from vault.audit.receipts import Receipt, verify_receipt
from vault.kms.signing import Purpose
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys

NOBODY = "customers/01h00000000000000000000000"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningVault]:
    folder = tmp_path_factory.mktemp("receipts")
    with RunningVault(folder, f"sqlite:///{folder}/vault.db") as running:
        yield running


def keys(vault: RunningVault) -> Path:
    """Everything public, of both tiers."""
    path = vault.folder / "keys.txt"
    lines = []
    for tier, purpose in (
        (TierName.FULL, Purpose.LOG),
        (TierName.FULL, Purpose.RECEIPT),
        (TierName.MASKED, Purpose.RECEIPT),
    ):
        lines += [key.vkey for key in verifier_keys(load(vault.config, tier), purpose)]
    path.write_text("# public keys\n" + "\n".join(lines) + "\n")
    return path


def kept(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def receipts(vault: RunningVault, path: Path) -> list[Receipt]:
    found = []
    for line in kept(path):
        tier = TierName.MASKED if "Masked" in line["method"] else TierName.FULL
        pinned = verifier_keys(load(vault.config, tier), Purpose.RECEIPT)
        found.append(verify_receipt(base64.b64decode(line["receipt"]), pinned, ORIGIN))
    return found


def opened(vault: RunningVault, who: str) -> Profile:
    return Profile.load(profile(vault, who))


def name(vault: RunningVault) -> str:
    return f"{opened(vault, 'crm').parent}/{NOBODY}"


def test_each_answer_and_each_error_leaves_a_receipt(vault: RunningVault, tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"
    with MaskedClient(opened(vault, "crm"), receipts=path) as crm:
        list(crm.list_customers())
        with pytest.raises(NotFound):
            crm.get_customer(name(vault))
        # Kept before the answer is handed out, not when the client is closed.
        assert [(one["method"].rpartition("/")[2], one["code"]) for one in kept(path)] == [
            ("ListMaskedCustomers", "OK"),
            ("GetMaskedCustomer", "NOT_FOUND"),
        ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first, second = receipts(vault, path)
    assert second.index == first.index + 1


def test_a_stream_leaves_one_for_its_opening_and_one_for_its_end(
    vault: RunningVault, tmp_path: Path
) -> None:
    path = tmp_path / "receipts.jsonl"
    with (
        VaultClient(opened(vault, "officer"), receipts=path) as officer,
        officer.audit.stream(follow=False) as stream,
    ):
        assert list(stream)
    opening, end = receipts(vault, path)
    assert opening.index < end.index


def test_the_asyncio_clients_keep_them_too(vault: RunningVault, tmp_path: Path) -> None:
    path = tmp_path / "receipts.jsonl"

    async def calls() -> None:
        async with AsyncMaskedClient(opened(vault, "crm"), receipts=path) as crm:
            with pytest.raises(NotFound):
                await crm.get_customer(name(vault))
            assert [one["code"] for one in kept(path)] == ["NOT_FOUND"]
        async with AsyncVaultClient(opened(vault, "officer"), receipts=path) as officer:
            await officer.audit.checkpoint()
            assert [e async for e in officer.audit.stream(follow=False)]

    asyncio.run(calls())
    assert [one["method"].rpartition("/")[2] for one in kept(path)] == [
        "GetMaskedCustomer",
        "GetCheckpoint",
        "StreamEvents",
        "StreamEvents",
    ]
    assert len({receipt.index for receipt in receipts(vault, path)}) == 4


def test_an_open_file_is_shared_and_left_open(vault: RunningVault, tmp_path: Path) -> None:
    file = ReceiptFile(tmp_path / "receipts.jsonl", fsync=True)
    for _ in range(2):
        with MaskedClient(opened(vault, "crm"), receipts=file) as crm:
            list(crm.list_customers())
    assert len(receipts(vault, file.path)) == 2
    file.close()
    file.close()


def test_an_answer_whose_receipt_cannot_be_kept_is_not_handed_out(vault: RunningVault) -> None:
    if not os.path.exists("/dev/full"):
        pytest.fail("/dev/full is needed")
    with (
        MaskedClient(opened(vault, "crm"), receipts=ReceiptFile("/dev/full")) as crm,
        pytest.raises(OSError, match="No space left"),
    ):
        list(crm.list_customers())


def check(vault: RunningVault, path: Path, *more: str, key: Path | None = None) -> Ran:
    given = key or keys(vault)
    ran = ctl(
        vault, "officer", "audit", "check-receipts", str(path), "--key", str(given), "--json", *more
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr)


def outcomes(ran: Ran) -> list[str]:
    return [one["outcome"] for one in ran.lines]


@pytest.fixture
def some(vault: RunningVault, tmp_path: Path) -> Path:
    """Three receipts."""
    path = tmp_path / "receipts.jsonl"
    with MaskedClient(opened(vault, "crm"), receipts=path) as crm:
        for _ in range(3):
            list(crm.list_customers())
    return path


def test_honest_receipts_are_proved(vault: RunningVault, some: Path) -> None:
    ran = check(vault, some)
    assert (ran.code, outcomes(ran)) == (0, ["proved"] * 3), ran.err


def test_what_is_no_receipt_is_told_from_a_broken_promise(vault: RunningVault, some: Path) -> None:
    lines = some.read_text().splitlines()
    first = json.loads(lines[0])
    forged = base64.b64decode(first["receipt"]).replace(b"index ", b"index 1", 1)
    first["receipt"] = base64.b64encode(forged).decode()
    some.write_text("\n".join([json.dumps(first), lines[1][:40], lines[2]]) + "\n")
    ran = check(vault, some)
    assert ran.code == 21
    assert outcomes(ran) == ["not_a_receipt", "not_a_receipt", "proved"]


def test_without_the_receipt_key_nothing_is_checked(
    vault: RunningVault, some: Path, tmp_path: Path
) -> None:
    only = tmp_path / "log-key.txt"
    only.write_text(keys(vault).read_text().splitlines()[1])
    assert check(vault, some, key=only).code == 2


def test_a_log_set_back_is_found_by_a_receipt_alone(
    vault: RunningVault, tmp_path: Path, some: Path
) -> None:
    """The same vault, with a log of its own that never had these entries."""
    assert outcomes(check(vault, some)) == ["proved"] * 3
    other = tmp_path / "other"
    other.mkdir()
    with RunningVault(other, f"sqlite:///{other}/vault.db") as fresh:
        # It has the same keys: only its log is another.
        fresh.stop()
        for tier in ("full", "masked"):
            for kind in ("log", "receipt"):
                source = vault.folder / "kms" / tier / f"{kind}.signing"
                if source.exists():
                    target = other / "kms" / tier / f"{kind}.signing"
                    target.write_bytes(source.read_bytes())
        fresh.start()
        ran = check(fresh, some, key=keys(vault))
        assert ran.code == 21
        assert set(outcomes(ran)) <= {"missing", "other_entry"}
        # Later the log has become long enough again: with other entries.
        highest = max(one["index"] for one in ran.lines)
        for _ in range(highest + 2):
            fresh.audit().GetCheckpoint(audit_pb2.GetCheckpointRequest())
        fresh.until_covered()
        ran = check(fresh, some, key=keys(vault))
        assert (ran.code, outcomes(ran)) == (21, ["other_entry"] * 3)
