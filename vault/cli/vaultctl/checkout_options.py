"""What the commands of the lending register have in common."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault_client import Profile, VaultError, check_out_filter, check_out_states
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CHANGED, INPUT, CommandError
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import clean

_LONGEST_REASON = 1000

Name = Annotated[
    str, typer.Argument(metavar="CHECKOUT", help="Resource name, or its 26 characters.")
]
Subject = Annotated[
    str,
    typer.Argument(
        metavar="SUBJECT",
        help="Customer, or customers/.../documents/... or /transactions/..., or `institution`: "
        "all customers, for an export.",
    ),
]
Field = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME",
        help="Field, such as phones or identity_document.content (its scans), or a kind of record. "
        "Repeatable.",
    ),
]
Duration = Annotated[
    str, typer.Option("--for", metavar="TIME", help="How long, from the approval: 30m, 2h, 1d.")
]
Reason = Annotated[
    str, typer.Option("--reason", metavar="TEXT|-", help="Why, in your words, or - for stdin.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Etag = Annotated[
    str,
    typer.Option("--etag", metavar="TAG", help="Only if it is still as `show --json` gave it."),
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", metavar="STATE", help=f"{', '.join(check_out_states())}. Repeatable."),
]
Requester = Annotated[str, typer.Option("--requester", metavar="NAME", help="Principal who asked.")]
Customer = Annotated[
    str, typer.Option("--customer", metavar="NAME", help="Customer whose file it is.")
]


def subject_name(given: str, profile: Profile) -> str:
    """A full resource name of a customer, document or transaction, or of the institution. Raises
    CommandError."""
    if given == "institution":
        return profile.parent
    for kind in ("documents", "transactions"):
        if f"/{kind}/" in given:
            return options.resource_name(given, f"customers/*/{kind}/*", profile)
    return options.resource_name(given, "customers/*", profile)


def words(given: str, option: str) -> str:
    """A text that says why; `-` reads it from standard input. Raises CommandError."""
    text = sys.stdin.read(4 * _LONGEST_REASON) if given == "-" else given
    text = text.strip()
    if not text:
        raise CommandError(
            f"Say why: {option} TEXT, or {option} - to read it from standard input.",
            f"请说明原因：{option} 文本，或用 {option} - 从标准输入读取。",
            INPUT if given == "-" else 2,
        )
    if len(text) > _LONGEST_REASON:
        raise CommandError(
            f"{option} is longer than {_LONGEST_REASON} characters.",
            f"{option} 超过 {_LONGEST_REASON} 个字符。",
        )
    return text


def wanted(
    profile: Profile,
    states: list[str] | None,
    requester: str = "",
    customer: str = "",
    *,
    mine_to_decide: bool = False,
) -> pb.CheckOutFilter:
    """A filter from options. Raises CommandError."""
    names = [state.upper() for state in states or ()]
    if not set(names) <= set(check_out_states()):
        listed = ", ".join(check_out_states())
        raise CommandError(f"--state is one of {listed}.", f"--state 应为以下之一：{listed}。")
    if customer:
        customer = options.resource_name(customer, "customers/*", profile)
    return check_out_filter(
        states=names, requester=requester, customer=customer, mine_to_decide=mine_to_decide
    )


def attended() -> bool:
    """Whether somebody sits at the terminal."""
    return sys.stdin.isatty()


_NOBODY_TO_ASK = (
    "There is nobody to ask here: look at it with `checkout show`, then give --yes and its --etag.",
    "此处无人可确认：请先用 `checkout show` 查看，再加 --yes 及其 --etag。",
)
_NOBODY_TO_WARN = ("There is nobody to ask here: give --yes.", "此处无人可确认：请加 --yes。")


def sure(question_en: str, question_zh: str, *, shown: bool = True) -> None:
    """Ask whoever is at the terminal, about a check-out that he was shown or not; raises
    CommandError if there is nobody, Abort for no."""
    if not attended():
        raise CommandError(*(_NOBODY_TO_ASK if shown else _NOBODY_TO_WARN))
    if not typer.confirm(say(question_en, question_zh), err=True):
        raise CommandError("Nothing was done.", "未执行任何操作。", 1)


def unchanged(found: pb.CheckOut, etag: str) -> pb.CheckOut:
    """It, if it is still what the person has looked at. Raises CommandError."""
    if etag and etag != found.etag:
        raise CommandError(
            "It has changed since you looked at it: look again with `checkout show`.",
            "您查看之后该借阅已变更：请用 `checkout show` 重新查看。",
            CHANGED,
        )
    return found


def interrupted(error: VaultError, pause: float) -> None:
    """Tell of a lost connection."""
    sys.stderr.write(
        say(
            f"vaultctl: connection lost, trying again in {pause:.1f} s: ",
            f"vaultctl：连接中断，{pause:.1f} 秒后重试：",
        )
        + clean(error.text(language().value))
        + "\n"
    )
