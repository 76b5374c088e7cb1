"""Hatch's hook of the server's distribution: the stubs are generated whenever it is built.

In the tree they come from the protos; an unpacked source distribution carries them already.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StubsHook(BuildHookInterface[Any]):
    """Run protos/generate.py for this distribution."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatch before it collects the files; fails the build when generating fails."""
        generator = Path(self.root) / "protos" / "generate.py"
        if generator.is_file():
            subprocess.run([sys.executable, str(generator), "--only", "server"], check=True)
        elif not (Path(self.root) / "stubs" / "recordsvault").is_dir():
            raise FileNotFoundError("neither protos/generate.py nor generated stubs are here")
