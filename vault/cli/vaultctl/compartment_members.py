"""`vaultctl compartment member`: proposed by one, agreed to by another person."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from recordsvault.compartments.v1.compartments_pb2 import Member, MemberState
from recordsvault_client import Profile
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.session import session

app = typer.Typer(
    add_completion=False,
    help="Members of a compartment: two persons make one.",
    no_args_is_help=True,
)

Compartment = Annotated[
    str, typer.Argument(metavar="COMPARTMENT", help="Resource name, or its 26 characters.")
]
Person = Annotated[str, typer.Argument(metavar="PERSON", help="Opaque name of the person.")]
AgreeBy = Annotated[
    str,
    typer.Option(
        "--agree-by", metavar="PERSON", help="Who is to agree: another one, of compliance."
    ),
]


@app.command("add")
def add(
    context: typer.Context,
    name: Compartment,
    person: Person,
    agree_by: AgreeBy,
    as_json: options.Json = False,
) -> None:
    """Propose a person as a member."""
    client = session(context).client()
    parent = compartment_name(name, client.profile)
    made = client.compartments.add_member(parent, person, agree_by=agree_by)
    _proposed(made, as_json)


@app.command("remove")
def remove(
    context: typer.Context,
    name: Compartment,
    person: Person,
    agree_by: AgreeBy,
    as_json: options.Json = False,
) -> None:
    """Propose that a person be a member no more."""
    client = session(context).client()
    made = client.compartments.remove_member(
        f"{compartment_name(name, client.profile)}/members/{person}", agree_by=agree_by
    )
    _proposed(made, as_json)


@app.command("show")
def show(
    context: typer.Context, name: Compartment, person: Person, as_json: options.Json = False
) -> None:
    """Show a member, or what is proposed and waits for you."""
    client = session(context).client()
    found = client.compartments.get_member(
        f"{compartment_name(name, client.profile)}/members/{person}"
    )
    show_message(found, as_json=as_json)


@app.command("agree")
def agree(
    context: typer.Context,
    name: Compartment,
    person: Person,
    etag: Annotated[str, typer.Option("--etag", metavar="TAG", help="As `member show` has it.")],
    as_json: options.Json = False,
) -> None:
    """Agree to what is proposed of a person, as it was shown."""
    client = session(context).client()
    made = client.compartments.agree_member(
        f"{compartment_name(name, client.profile)}/members/{person}", etag=etag
    )
    show_message(made, as_json=as_json)


def _proposed(made: Member, as_json: bool) -> None:
    show_message(made, as_json=as_json)
    if as_json or made.state not in (
        MemberState.MEMBER_STATE_PROPOSED,
        MemberState.MEMBER_STATE_REMOVAL_PROPOSED,
    ):
        return
    at, _, person = made.name.partition("/members/")
    command = f"vaultctl compartment member agree {at.rpartition('/')[2]} {person}"
    how = say(
        f"Tell {made.agree_by}, who agrees with: {command} --etag {made.etag}",
        f"请告知 {made.agree_by}，由其同意：{command} --etag {made.etag}",
    )
    sys.stderr.write(clean(how) + "\n")


def compartment_name(given: str, profile: Profile) -> str:
    """A full resource name of a compartment from what was typed. Raises CommandError."""
    text = given.strip().lower()
    found = re.fullmatch(r"(?:(?:institutions/[a-z0-9-]+/)?compartments/)?([0-9a-z]{26})", text)
    if found is None:
        raise CommandError(
            "That is no compartment: its name is compartments/ and 26 characters.",
            "保密案卷名称无效：应为 compartments/ 加 26 个字符。",
        )
    return text if text.startswith("institutions/") else f"{profile.parent}/compartments/{found[1]}"
