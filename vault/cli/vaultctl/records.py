"""`vaultctl records`: files for life: complete, current, and kept by somebody."""

from __future__ import annotations

import typer

from vault.cli.vaultctl.records_custody import changes, custodians, hand_over
from vault.cli.vaultctl.records_due import completeness, due
from vault.cli.vaultctl.records_status import report, status

app = typer.Typer(
    add_completion=False,
    help="Files for life: what is missing, what falls due, who keeps them.",
    no_args_is_help=True,
)
app.command("completeness")(completeness)
app.command("due")(due)
app.command("custodians")(custodians)
app.command("hand-over")(hand_over)
app.command("changes")(changes)
app.command("status")(status)
app.command("report")(report)
