"""`vaultd migrate`: brings the databases to this program's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from vault.cli.vaultd.logs import configure
from vault.cli.vaultd.options import Config, Tier
from vault.server import migrating
from vault.server.settings import TierName, load


def migrate(
    config: Config,
    tier: Tier = TierName.FULL,
    grant_masked_role: Annotated[
        str,
        typer.Option(
            "--grant-masked-role",
            metavar="ROLE",
            help="PostgreSQL: hold this existing role to the masked tier's rights.",
        ),
    ] = "",
) -> None:
    """Create or upgrade the tables of the data and key databases; run it again at will."""
    configure()
    ran = migrating.migrate(load(config, tier), grant_role=grant_masked_role)
    typer.echo(f"migrated: {', '.join(ran)}" if ran else "the databases are up to date")
    if grant_masked_role:
        typer.echo(f"{grant_masked_role} has the masked tier's rights, and no others")
