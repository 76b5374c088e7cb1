"""`vaultctl break-glass`: a file opened at once in an emergency, and its review by another."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import options
from vault.cli.vaultctl.checkout_show import done, tell
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.lending_words import short, when
from vault.cli.vaultctl.lending_words import verdict as told
from vault.cli.vaultctl.output import as_dict, console, write_json
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="A file opened in an emergency, and its review.",
    no_args_is_help=True,
)


class Verdict(str, Enum):
    """What a reviewer says."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


@app.command("open")
def open_(
    context: typer.Context,
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="Resource name, or its 26 characters.")
    ],
    purpose: options.Purpose = "",
    reason: given.Reason = "",
    yes: given.Yes = False,
    as_json: options.Json = False,
) -> None:
    """Open a customer's file at once, without anybody's agreement, for a short time.

    For whoever holds that right. The security officers are alerted before the file opens, and
    another person must review it in time.
    """
    client = session(context).client()
    name = options.resource_name(customer, "customers/*", client.profile)
    why = options.purpose(purpose)
    words = given.words(reason, "--reason")
    if not yes:
        given.sure(
            "Security officers are alerted at once, and you will have to account for it. Go on?",
            "安全官将立即收到警报，事后须经复核。是否继续？",
            shown=False,
        )
    made = client.access.break_glass(name, purpose=why, reason=words)
    if as_json:
        write_json(as_dict(made))
        return
    console().print(done(made))
    due = when(made.review_by)
    console().print(say(f"Another person reviews it until {due}.", f"须由另一人于 {due} 前复核。"))


@app.command("review")
def review(
    context: typer.Context,
    name: given.Name,
    verdict: Annotated[Verdict, typer.Option("--verdict", help="Unjustified ends it at once.")],
    yes: given.Yes = False,
    etag: given.Etag = "",
    as_json: options.Json = False,
) -> None:
    """Say whether a file that was opened in an emergency was rightly opened, after it was shown."""
    client = session(context).client()
    seen = given.unchanged(client.access.get(options.check_out_name(name, client.profile)), etag)
    tell(seen, console(stderr=as_json))
    if not yes:
        given.sure(f"Is that {verdict.value}?", "确认该复核结论？")
    made = client.access.review(seen.name, etag=seen.etag, verdict=verdict.value.upper())
    if as_json:
        write_json(as_dict(made))
    else:
        console().print(f"{short(made.name)}: {told(made)}")
