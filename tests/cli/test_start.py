"""What a command loads before it begins."""

import subprocess
import sys


def test_a_command_starts_without_the_server() -> None:
    code = "import sys, vault.cli.vaultctl.app; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "vault.cli.vaultctl.audit_verify" in loaded
    assert [name for name in loaded if name.startswith(("vault.server", "alembic"))] == []
