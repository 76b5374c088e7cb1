"""Which of the keys that are named are whose."""

from pathlib import Path

import pytest

from tests.support.log_keys import ORIGIN, log_signers, receipt_signers
from tests.support.signed_access import access_signers
from vault.audit.note import VerifierKey
from vault.audit.signers import access_name
from vault.cli.vaultctl.audit_keys import pinned
from vault.cli.vaultctl.failures import CommandError


@pytest.fixture
def shown(tmp_path: Path) -> Path:
    """What `vaultd keys show` writes of a full tier."""
    signers = (log_signers(tmp_path), access_signers(tmp_path), receipt_signers(tmp_path))
    file = tmp_path / "shown"
    file.write_text("".join(f"{key.vkey}\n" for one in signers for key in one.verifiers()))
    return file


def test_all_that_is_shown_may_be_named(shown: Path) -> None:
    keys = pinned([str(shown)])
    assert keys.origin == ORIGIN
    named = [[key.name for key in some] for some in (keys.log, keys.access, keys.receipts)]
    assert named == [[ORIGIN], [f"{ORIGIN}/access"], [f"{ORIGIN}/receipt"]]


def test_a_log_may_be_called_like_anothers_changes_of_access(shown: Path) -> None:
    key = VerifierKey.parse(shown.read_text().splitlines()[0])
    own = VerifierKey(access_name("demo.bank"), key.kind, key.public_key)
    keys = pinned([own.vkey])
    assert (keys.origin, keys.log, keys.access) == (own.name, (own,), ())


def test_the_keys_of_two_logs_are_refused(shown: Path) -> None:
    key = VerifierKey.parse(shown.read_text().splitlines()[1])
    other = VerifierKey(access_name("other.bank/log"), key.kind, key.public_key)
    with pytest.raises(CommandError, match="one log only"):
        pinned([str(shown), other.vkey])
