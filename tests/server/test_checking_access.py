"""`vaultd check-config` on what changes access, and a tier that lacks the keys of it."""

from pathlib import Path

import pytest

from tests.services.test_access_state import NOW
from tests.support.running_vault import RunningVault
from tests.support.signed_access import AccessKeys, Administrator
from vault.access.proposals import Kind, Party, approve, propose
from vault.kms.signing import Purpose, create_signing_keys
from vault.server.checking import Finding, examine
from vault.server.settings import TierName, load
from vault.services.proposal_rows import to_row
from vault.services.proposal_signing import ProposalSigner
from vault.store import Database, proposals

CHANGE = b'{"upsert": [], "remove": ["crm"]}'


@pytest.fixture
def vault(tmp_path: Path) -> RunningVault:
    """Laid out and migrated, never started; with a change that was approved."""
    made = RunningVault(tmp_path, f"sqlite:///{tmp_path}/vault.db")
    signer = AccessKeys(tmp_path / "kms" / "full").signer
    put(made, signer)
    return made


def put(vault: RunningVault, signer: ProposalSigner) -> None:
    first = propose(Kind.DIRECTORY, "demo-bank", "0" * 26, Party("a", "p-a"), CHANGE, "why", NOW)
    second = approve(first, Party("b", "p-b"), first.etag, lambda _: True, lambda _: False, 1, NOW)
    database = Database(vault.database)
    rows = to_row(first, NOW, "a"), to_row(second, NOW, "b")
    head = proposals.NOTHING_APPROVED
    database.write_sync(lambda conn: proposals.insert(conn, rows[0], signer.sign(rows[0])))
    database.write_sync(
        lambda conn: proposals.apply(conn, head, rows[1], signer.sign(rows[1], head))
    )
    database.dispose()


def finding(vault: RunningVault, tier: TierName, subject: str = "access") -> Finding:
    (found,) = [
        one for one in examine(load(vault.config, tier), vault.config) if one.subject == subject
    ]
    return found


@pytest.mark.parametrize("tier", TierName)
def test_what_was_approved_is_looked_at_before_a_start(vault: RunningVault, tier: TierName) -> None:
    found = finding(vault, tier)
    assert not found.problem
    assert found.detail == "1 public keys; what was approved is as it was signed"
    database = Database(vault.database)
    Administrator(database).sql("UPDATE proposals SET person = 'p-x' WHERE applied = 1")
    database.dispose()
    problem = finding(vault, tier).problem
    assert "not what was signed" in problem and "will not start" in problem
    with pytest.raises(RuntimeError, match="approved proposals are not those"):
        vault.start(tier)


def test_a_database_that_is_not_ready_is_told_once(vault: RunningVault) -> None:
    (vault.folder / "vault.db").unlink()
    assert "not ready" in finding(vault, TierName.MASKED).detail


def test_a_masked_node_without_the_public_key_is_told_and_does_not_start(
    vault: RunningVault,
) -> None:
    file = vault.folder / "access.vkey"
    known = file.read_text()
    file.unlink()
    for problem in (finding(vault, TierName.MASKED).problem, refusal(vault)):
        assert "access.vkey cannot be read" in problem and "vaultd keys show" in problem
    # The log's is another one.
    file.write_text((vault.folder / "log.vkey").read_text())
    assert "no public key of" in finding(vault, TierName.MASKED).problem
    # And one that the change was not signed with.
    other = vault.folder / "other"
    file.write_text("".join(f"{key.vkey}\n" for key in AccessKeys(other).signers.verifiers()))
    for problem in (finding(vault, TierName.MASKED).problem, refusal(vault)):
        assert "no key that this node knows" in problem
    file.write_text(known + file.read_text())
    assert not finding(vault, TierName.MASKED).problem


def refusal(vault: RunningVault, tier: TierName = TierName.MASKED) -> str:
    with pytest.raises(RuntimeError) as refused:
        vault.start(tier)
    return str(refused.value)


def test_a_full_node_without_its_key_does_not_start(vault: RunningVault) -> None:
    (vault.folder / "kms" / "full" / "access.signing").unlink()
    assert "access.signing" in finding(vault, TierName.FULL, "signing").problem
    assert "vaultd keys create" in refusal(vault, TierName.FULL)
    # A new one has not signed what there is.
    create_signing_keys(vault.folder / "kms" / "full", Purpose.ACCESS)
    assert "no key that this node knows" in refusal(vault, TierName.FULL)


def test_a_masked_node_that_has_the_private_key_does_not_start(vault: RunningVault) -> None:
    key = (vault.folder / "kms" / "full" / "access.signing").read_bytes()
    file = vault.folder / "kms" / "masked" / "access.signing"
    file.write_bytes(key)
    file.chmod(0o600)
    assert "must not have" in finding(vault, TierName.MASKED, "signing").problem
    assert "must not have" in refusal(vault)
