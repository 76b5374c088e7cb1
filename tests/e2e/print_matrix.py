"""Writes docs/rpc-matrix.md: `python -m tests.e2e.print_matrix`."""

import tempfile
from pathlib import Path

from tests.e2e.rpc_matrix import furnish, observe, render
from tests.support.running_vault import ROOT, RunningVault

PAGE = ROOT / "docs" / "rpc-matrix.md"

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with RunningVault(path / "vault", f"sqlite:///{path}/vault/vault.db") as vault:
            PAGE.write_text(render(observe(vault, furnish(vault))), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(ROOT)}")
