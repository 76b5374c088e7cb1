"""`vaultctl keys`: versions of keys, and what two persons do with them."""

from __future__ import annotations

import typer

from vault.cli.vaultctl import (
    keys_backup,
    keys_custodian,
    keys_rotation,
    keys_show,
    proposal_decide,
)

app = typer.Typer(
    add_completion=False,
    name="keys",
    help="Versions of keys, and what two persons do with them.",
    no_args_is_help=True,
)
app.command("list")(keys_show.list_)
app.command("status")(keys_show.status)
app.command("show")(keys_show.show)
app.command("rotate")(keys_rotation.rotate)
app.command("rewrap")(keys_rotation.rewrap)
app.command("retire")(keys_rotation.retire)
app.command("reseal")(keys_rotation.reseal)
app.command("custodian")(keys_custodian.custodian)
app.command("backup")(keys_backup.backup)
app.command("share")(keys_custodian.share)
app.command("restore")(keys_backup.restore_)
app.command("approve")(proposal_decide.approve)
app.command("reject")(proposal_decide.reject)
app.command("withdraw")(keys_rotation.withdraw)
