"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vault.server.settings import TierName

Config = Annotated[
    Path, typer.Option("--config", "-c", metavar="FILE", help="The configuration, vault.toml.")
]
Tier = Annotated[TierName, typer.Option("--tier", help="Which tier's table of it counts.")]
