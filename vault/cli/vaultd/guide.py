"""What `vaultd dev` says when both tiers serve: where they are, and what to try."""

from __future__ import annotations

import shlex
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from rich.console import Console
from rich.text import Text

from vault.server.dev import DevVault


def guide(vault: DevVault, out: Console) -> None:
    """Print it."""
    out.print()
    out.print(
        Text.assemble(
            ("The vault is running", "bold green"),
            f", made just now in {vault.folder}/"
            if vault.made
            else f" on what was in {vault.folder}/",
        )
    )
    out.print(f"  full tier    localhost:{vault.ports.full}", style="blue")
    out.print(f"  masked tier  localhost:{vault.ports.masked}", style="magenta")
    program = _vaultctl()
    for does, person, command in _TRY:
        out.print(f"\n  {does}", style="dim")
        profile = shlex.quote(str(vault.profile(person)))
        state = shlex.quote(str(vault.folder / "import-state"))
        out.print(f"  {program} --profile {profile} {command.format(state=state)}", soft_wrap=True)
    out.print("\nCtrl-C stops both tiers; what is stored stays.\n", soft_wrap=True)


def _vaultctl() -> str:
    """How to call vaultctl from here: by its name where that is found, or by its path."""
    if shutil.which("vaultctl"):
        return "vaultctl"
    path = Path(sys.executable).with_name("vaultctl")
    with suppress(ValueError):
        path = path.relative_to(Path.cwd())
    return shlex.quote(str(path))


_EXAMPLES = " ".join(
    str(Path("clients/examples") / name)
    for name in ("customers.jsonl", "documents.jsonl", "transactions.jsonl")
)

_TRY: tuple[tuple[str, str, str], ...] = (
    ("the back end stores the examples", "backend", f"import {_EXAMPLES} --state {{state}}"),
    ("the CRM sees customers masked", "crm", "customers list --limit 10"),
    (
        "compliance opens one in full, for a purpose (NAME is in the list)",
        "compliance",
        "customers get NAME --full --purpose ENHANCED_DUE_DILIGENCE",
    ),
    ("the security officer follows every call", "officer", "audit tail"),
    ("the operator sees how it is", "operator", "health"),
)
