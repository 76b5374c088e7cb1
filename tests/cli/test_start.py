"""What a command loads before it begins."""

import subprocess
import sys

_ALL = """
import sys, typer
from vault.cli.vaultctl.app import app
group = typer.main.get_command(app)
context = group.context_class(group)
assert all(group.get_command(context, name) for name in group.list_commands(context))
print(*sys.modules, sep="\\n")
"""


def loaded_by(code: str) -> list[str]:
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_a_command_starts_without_the_server() -> None:
    loaded = loaded_by(_ALL)
    assert "vault.cli.vaultctl.audit_verify" in loaded
    assert [name for name in loaded if name.startswith(("vault.server", "alembic"))] == []


def test_a_family_is_loaded_when_it_is_called() -> None:
    code = "import sys, vault.cli.vaultctl.app; print(*sys.modules, sep='\\n')"
    heavy = ("sqlalchemy", "cedarpy", "vault.audit", "vault.store", "vault.access")
    assert [name for name in loaded_by(code) if name.startswith(heavy)] == []
