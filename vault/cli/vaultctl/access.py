"""`vaultctl access`: who may do what."""

from __future__ import annotations

import typer

from vault.cli.vaultctl import access_explain, access_propose, proposal_decide
from vault.cli.vaultctl.access_review import review

app = typer.Typer(add_completion=False, help="Who may do what.", no_args_is_help=True)


@app.callback()
def access() -> None:
    """Who may do what."""


app.command("approve")(proposal_decide.approve)
app.command("explain")(access_explain.explain)
app.command("history")(access_propose.history)
app.command("principals")(access_explain.principals)
app.command("propose")(access_propose.propose)
app.command("reject")(proposal_decide.reject)
app.command("review")(review)
app.command("show")(access_propose.show)
app.command("who-can")(access_explain.who_can)
app.command("withdraw")(proposal_decide.withdraw)
