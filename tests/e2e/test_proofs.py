"""Receipts and proofs over the wire: what a caller keeps, and what the vault answers to it."""

import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from recordsvault.masked.v1 import masked_pb2 as mp
from tests.e2e.calls import create
from tests.e2e.people import PARENT
from tests.e2e.wire import refusal
from tests.support.running_vault import ORIGIN, RunningVault, other
from vault.audit.checkpoint import verify_checkpoint
from vault.audit.merkle import Frontier, leaf_hash, verify_consistency
from vault.audit.note import VerifierKey
from vault.audit.proof_file import verify_proof
from vault.audit.receipts import Receipt, ReceiptInvalid, verify_receipt
from vault.audit.tiles import decode_bundle
from vault.kms.signing import Purpose, retire_signing_keys, rotate_signing_keys
from vault.rpc.pipeline import RECEIPT
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys


def keys(vault: RunningVault, purpose: Purpose, *tiers: TierName) -> list[VerifierKey]:
    return [key for tier in tiers for key in verifier_keys(load(vault.config, tier), purpose)]


def log_keys(vault: RunningVault) -> list[VerifierKey]:
    return keys(vault, Purpose.LOG, TierName.FULL)


def received(vault: RunningVault, metadata: Any, tier: TierName) -> Receipt:
    data = dict(metadata)[RECEIPT]
    return verify_receipt(data, keys(vault, Purpose.RECEIPT, tier), ORIGIN)


def trailers(call: Callable[[], Any]) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.trailing_metadata()


def proved(vault: RunningVault, index: int, who: str = "crm") -> str:
    """The proof, once there is one."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return vault.audit(who).GetProof(ap.GetProofRequest(index=index)).proof
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.UNAVAILABLE
            assert time.monotonic() < deadline
            time.sleep(0.1)


def test_a_receipt_of_each_tier_is_proved_by_the_full_one(each_vault: RunningVault) -> None:
    vault = each_vault
    name = create(vault).name
    _, call = vault.masked().GetMaskedCustomer.with_call(mp.GetMaskedCustomerRequest(name=name))
    seen = received(vault, call.trailing_metadata(), TierName.MASKED)
    assert (seen.provable_by - seen.committed_at) == 60_000_000
    # Each node has its own key.
    with pytest.raises(ReceiptInvalid):
        received(vault, call.trailing_metadata(), TierName.FULL)
    absent = mp.GetMaskedCustomerRequest(name=name[:-26] + "0" * 26)
    missed = received(
        vault, trailers(lambda: vault.masked().GetMaskedCustomer(absent)), TierName.MASKED
    )
    refused = received(
        vault,
        trailers(lambda: vault.audit("crm").QueryEvents(ap.QueryEventsRequest(parent=PARENT))),
        TierName.FULL,
    )
    assert seen.index < missed.index < refused.index
    for receipt in (seen, missed, refused):
        text = proved(vault, receipt.index)
        checkpoint = verify_proof(text, receipt.leaf_hash, log_keys(vault), ORIGIN)
        assert checkpoint.size > receipt.index


def test_a_stream_gives_a_receipt_at_its_beginning_and_at_its_end(vault: RunningVault) -> None:
    stream = vault.audit().StreamEvents(ap.StreamEventsRequest(parent=PARENT))
    opened = received(vault, stream.initial_metadata(), TierName.FULL)
    list(stream)
    closed = received(vault, stream.trailing_metadata(), TierName.FULL)
    assert closed.index > opened.index


def test_the_log_is_proved_to_have_only_grown(vault: RunningVault) -> None:
    proved(vault, 0)
    old = verify_checkpoint(
        vault.audit("operator").GetCheckpoint(ap.GetCheckpointRequest()).checkpoint.encode(),
        log_keys(vault),
        ORIGIN,
    )
    proved(vault, old.size)
    answer = vault.audit("backend").GetCheckpoint(ap.GetCheckpointRequest(since_size=old.size))
    new = verify_checkpoint(answer.checkpoint.encode(), log_keys(vault), ORIGIN)
    assert new.size > old.size
    verify_consistency(old.size, new.size, old.root, new.root, list(answer.consistency))
    assert [VerifierKey.parse(text) for text in answer.verifier_keys] == log_keys(vault)


def test_what_lies_beyond_the_log_is_said_to(vault: RunningVault) -> None:
    for call in (
        lambda: vault.audit().GetProof(ap.GetProofRequest(index=10**12)),
        lambda: vault.audit().GetCheckpoint(ap.GetCheckpointRequest(since_size=10**12)),
        lambda: list(vault.audit().ExportTiles(ap.ExportTilesRequest(have_size=10**12))),
    ):
        refused = refusal(call)
        assert (refused.code, refused.reason) == ("OUT_OF_RANGE", "BEYOND_LOG")


def test_the_exported_tree_leads_to_its_checkpoint(vault: RunningVault) -> None:
    proved(vault, 0)
    files = {f.path: f.data for f in vault.audit().ExportTiles(ap.ExportTilesRequest())}
    assert list(files)[-1] == "checkpoint"
    checkpoint = verify_checkpoint(files["checkpoint"], log_keys(vault), ORIGIN)
    hashes: list[bytes] = []
    bundles = 0
    for path, data in files.items():
        if path.startswith("tile/0/"):
            mine = [data[at : at + 32] for at in range(0, len(data), 32)]
            hashes += mine
            bundle = files.get(path.replace("tile/0/", "tile/entries/"))
            if bundle is not None:
                assert [leaf_hash(leaf) for leaf in decode_bundle(bundle)] == mine
                bundles += 1
    assert bundles
    assert len(hashes) == checkpoint.size
    assert Frontier.empty().append(hashes).root() == checkpoint.root


def test_an_officer_is_not_given_the_entries_of_another_bank(
    own_vault: Callable[[], RunningVault],
) -> None:
    vault = own_vault()
    index = len(list(vault.audit().StreamEvents(ap.StreamEventsRequest(parent=PARENT))))
    proved(vault, index, "officer")
    files = {f.path for f in vault.audit(other("officer")).ExportTiles(ap.ExportTilesRequest())}
    assert not [path for path in files if path.startswith("tile/entries/")]
    assert "checkpoint" in files


def test_a_report_names_who_saw_a_customer_each_line_with_its_proof(vault: RunningVault) -> None:
    name = create(vault).name
    asked = mp.GetMaskedCustomerRequest(name=name)
    _, call = vault.masked().GetMaskedCustomer.with_call(asked)
    # The last of both is provable, so the first is.
    proved(vault, received(vault, call.trailing_metadata(), TierName.MASKED).index)
    request = ap.ReportAccessRequest(parent=PARENT, customer=name)
    lines = [line for m in vault.audit().ReportAccess(request) for line in m.lines]
    assert [line.entry.event.actor for line in lines] == ["backend", "crm"]
    for line in lines:
        verify_proof(line.proof, leaf_hash(line.entry.leaf), log_keys(vault), ORIGIN)


def test_a_rotation_is_taken_up_by_running_tiers(own_vault: Callable[[], RunningVault]) -> None:
    vault = own_vault()
    folder = vault.folder / "kms" / "full"
    (old,) = log_keys(vault)
    rotate_signing_keys(folder, Purpose.LOG)
    rotate_signing_keys(folder, Purpose.RECEIPT)
    time.sleep(1.2)
    checked = admin_pb2.CheckHealthRequest(parts=["log", "checkpoints"])
    _, call = vault.admin().CheckHealth.with_call(checked)
    receipt = received(vault, call.trailing_metadata(), TierName.FULL)
    text = proved(vault, receipt.index)
    for key in log_keys(vault):
        verify_proof(text, receipt.leaf_hash, [key], ORIGIN)
    retire_signing_keys(folder, Purpose.LOG)
    time.sleep(1.2)
    answer, call = vault.admin().CheckHealth.with_call(checked)
    assert {check.part: check.state for check in answer.checks} == {
        "log": admin_pb2.HEALTH_STATE_OK,
        "checkpoints": admin_pb2.HEALTH_STATE_OK,
    }
    receipt = received(vault, call.trailing_metadata(), TierName.FULL)
    text = proved(vault, receipt.index)
    verify_proof(text, receipt.leaf_hash, [log_keys(vault)[1]], ORIGIN)
    with pytest.raises(ValueError, match="no signature of a known key"):
        verify_proof(text, receipt.leaf_hash, [old], ORIGIN)


def test_a_restarted_vault_goes_on_with_its_tree(own_vault: Callable[[], RunningVault]) -> None:
    vault = own_vault()
    create(vault)
    proved(vault, 0)
    old = vault.audit().GetCheckpoint(ap.GetCheckpointRequest())
    before = verify_checkpoint(old.checkpoint.encode(), log_keys(vault), ORIGIN)
    vault.kill(TierName.FULL)
    vault.start(TierName.FULL)
    proved(vault, before.size)
    answer = vault.audit().GetCheckpoint(ap.GetCheckpointRequest(since_size=before.size))
    after = verify_checkpoint(answer.checkpoint.encode(), log_keys(vault), ORIGIN)
    verify_consistency(before.size, after.size, before.root, after.root, list(answer.consistency))


def test_a_masked_node_does_not_start_with_the_logs_key(
    own_vault: Callable[[], RunningVault],
) -> None:
    vault = own_vault()
    surplus = vault.folder / "kms" / "masked" / "log.signing"
    surplus.write_bytes((vault.folder / "kms" / "full" / "log.signing").read_bytes())
    surplus.chmod(0o600)
    vault.kill(TierName.MASKED)
    with pytest.raises(RuntimeError, match="must not have"):
        vault.start(TierName.MASKED)


def test_a_tier_without_its_signing_keys_does_not_start_and_says_how_to_make_them(
    own_vault: Callable[[], RunningVault],
) -> None:
    vault = own_vault()
    (vault.folder / "kms" / "full" / "log.signing").unlink()
    vault.kill(TierName.FULL)
    with pytest.raises(RuntimeError, match="vaultd keys create --tier full"):
        vault.start(TierName.FULL)
