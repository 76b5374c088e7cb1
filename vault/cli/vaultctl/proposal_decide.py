"""Decisions on proposals, after a look at what exactly is decided: shared by `vaultctl policy`,
`vaultctl access` and `vaultctl keys`."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from recordsvault.admin.v1 import access_admin_pb2 as pb
from recordsvault_client import PermissionDenied
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CHANGED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.proposal_show import print_proposal, state
from vault.cli.vaultctl.steward import Steward

Name = Annotated[
    str, typer.Argument(metavar="PROPOSAL", help="Resource name, or its 26 characters.")
]
Comment = Annotated[
    str, typer.Option("--comment", metavar="TEXT", help="Kept beside the decision.")
]


def approve(
    context: typer.Context,
    name: Name,
    yes: given.Yes = False,
    etag: given.Etag = "",
    comment: Comment = "",
    as_json: options.Json = False,
) -> None:
    """Agree to a proposal of somebody else; it is in force within a second, on both tiers.

    What exactly is agreed to is shown first, and asked about unless --yes is given.
    """
    steward = Steward(context)
    seen = _seen(steward, _full(steward, context, name), etag, as_json)
    if not yes:
        _sure("Do you agree to exactly this?", "您是否同意以上内容？")
    tell(steward.service.approve(seen.name, etag=seen.etag, comment=comment), as_json)


def reject(
    context: typer.Context,
    name: Name,
    yes: given.Yes = False,
    etag: given.Etag = "",
    comment: Comment = "",
    as_json: options.Json = False,
) -> None:
    """Refuse a proposal of somebody else, after it was shown."""
    steward = Steward(context)
    seen = _seen(steward, _full(steward, context, name), etag, as_json)
    if not yes:
        _sure("Do you refuse this?", "您是否驳回该提案？")
    tell(steward.service.reject(seen.name, etag=seen.etag, comment=comment), as_json)


def withdraw(context: typer.Context, name: Name, as_json: options.Json = False) -> None:
    """Take back a proposal of one's own."""
    steward = Steward(context)
    tell(steward.service.withdraw(_full(steward, context, name)), as_json)


def show_proposal(steward: Steward, name: str, as_json: bool) -> None:
    """All of a proposal; of policies that wait, with what would differ."""
    found = steward.proposal(name)
    if as_json:
        write_json(as_dict(found))
        return
    _print(steward, found, on_stderr=False)


def tell(made: pb.Proposal, as_json: bool) -> None:
    """What has become of a proposal."""
    if as_json:
        write_json(as_dict(made))
        return
    name = made.name.rpartition("/")[2]
    console().print(Text(clean(f"{name}: {state(made)}")))
    if made.state == pb.PROPOSAL_STATE_PROPOSED:
        console(stderr=True).print(
            Text(
                say(
                    f"It waits for another person: vaultctl ... approve {name}",
                    f"等待另一人审批：vaultctl ... approve {name}",
                )
            )
        )


def _full(steward: Steward, context: typer.Context, name: str) -> str:
    """By the group of the command: policies are of the vault, principals of the institution, and
    keys of either."""
    group = context.parent.info_name if context.parent is not None else ""
    if group == "keys":
        return steward.step_name(name)
    return steward.policies_name(name) if group == "policy" else steward.change_name(name)


def _seen(steward: Steward, name: str, etag: str, as_json: bool) -> pb.Proposal:
    found = steward.proposal(name)
    if etag and etag != found.proposal.etag:
        raise CommandError(
            "That is not what you have looked at: look again with `show`.",
            "与您查看的内容不符：请用 `show` 重新查看。",
            CHANGED,
        )
    _print(steward, found, on_stderr=as_json)
    return found.proposal


def _sure(en: str, zh: str) -> None:
    if not given.attended():
        raise CommandError(
            "There is nobody to ask here: look at it with `show`, then give --yes and its --etag.",
            "此处无人可确认：请先用 `show` 查看，再加 --yes 及其 --etag。",
        )
    if not typer.confirm(say(en, zh), err=True):
        raise CommandError("Nothing was done.", "未执行任何操作。", 1)


def _print(steward: Steward, found: pb.GetProposalResponse, *, on_stderr: bool) -> None:
    before = None
    if found.proposal.files:
        before = {file.name: file.text for file in steward.service.policies().files}
    out = console(stderr=on_stderr)
    compared = _compared(found.proposal)
    entries = _in_force(steward) if compared else None
    print_proposal(
        found.proposal,
        out,
        before=before,
        entries=entries,
        report=found.report if found.HasField("report") else None,
    )
    if compared and entries is None:
        told = say(
            "! You may not list the principals: what this takes away from them is not shown.",
            "! 您无权列出主体：无法显示该变更将取消的内容。",
        )
        out.print(Text(told, style="bold red"))


def _compared(one: pb.Proposal) -> bool:
    """Whether it is to be seen beside what is in force: once it is decided, that is no longer what
    it was decided against."""
    return one.HasField("directory_change") and one.state == pb.PROPOSAL_STATE_PROPOSED


def _in_force(steward: Steward) -> dict[str, pb.PrincipalEntry] | None:
    """The entries of principals by name; None where the caller may not list them."""
    try:
        return {one.entry.name: one.entry for one in steward.principals()}
    except PermissionDenied:
        return None
