"""Options and arguments that several commands share, and what is read from them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from google.protobuf.message import Message

from recordsvault_client import Profile, purposes
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.proto_json import Refused, parse_json, parse_message

M = TypeVar("M", bound=Message)

Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Full = Annotated[
    bool,
    typer.Option("--full/--masked", help="The full record, for a purpose; or the masked view."),
]
Purpose = Annotated[
    str, typer.Option("--purpose", metavar="PURPOSE", help=f"What for: {', '.join(purposes())}.")
]
Case = Annotated[
    str, typer.Option("--case", metavar="REFERENCE", help="Case reference, where required.")
]
CheckOut = Annotated[
    str,
    typer.Option(
        "--check-out", metavar="NAME", help="With --full: by what was lent, not by a role of yours."
    ),
]
Fields = Annotated[
    str,
    typer.Option("--fields", metavar="A,B.C", help="With --full: only these fields."),
]
Limit = Annotated[
    int,
    typer.Option("--limit", min=0, help="Stop after the page that reaches so many; 0: all."),
]
PageSize = Annotated[int, typer.Option("--page-size", min=0, max=200, help="Records a call.")]
PageToken = Annotated[
    str, typer.Option("--page-token", metavar="TOKEN", help="Go on where a list ended.")
]
RequestId = Annotated[
    str,
    typer.Option("--request-id", metavar="UUID", help="Repeat a write without doing it twice."),
]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="JSON file, or - for standard input.")]

_MAX_INPUT = 16 << 20
_ID = "[0-9a-z]{26}"
_CHECK_OUT = re.compile(r"(?:(?:institutions/([a-z][a-z0-9-]{1,39})/)?checkOuts/)?([0-9a-z]{26})")


@dataclass(frozen=True, slots=True)
class FullRead:
    """A full read that names its purpose."""

    purpose: str
    case_reference: str
    fields: tuple[str, ...]
    check_out: str


AsOf = Annotated[
    str,
    typer.Option("--as-of", metavar="YYYY-MM-DD", help="With --full: as it was true on this day."),
]
KnownAt = Annotated[
    str,
    typer.Option("--known-at", metavar="TIME", help="With --full: as was known at this time."),
]


def purpose(given: str) -> str:
    """The name of a purpose. Raises CommandError, which lists those there are."""
    name = given.upper()
    if name not in purposes():
        listed = ", ".join(purposes())
        raise CommandError(
            f"A full record is opened for a purpose: give --purpose with one of {listed}.",
            f"打开完整记录须有目的：请用 --purpose 指定其一：{listed}。",
        )
    return name


def full_read(given: str, case: str, fields: str, check_out: str, profile: Profile) -> FullRead:
    """Check the options of a full read. Raises CommandError."""
    return FullRead(
        purpose(given),
        case,
        tuple(part.strip() for part in fields.split(",") if part.strip()),
        check_out_name(check_out, profile) if check_out else "",
    )


def no_full_options(purpose: str, case: str, fields: str, *others: object) -> None:
    """Refuse options that would be without effect on a masked view. Raises CommandError."""
    if purpose or case or fields or any(others):
        raise CommandError(
            "--purpose, --case, --fields, --check-out, --version, --as-of and --known-at go with "
            "--full: a masked view has none.",
            "--purpose、--case、--fields、--check-out、--version、--as-of 和 --known-at "
            "只用于 --full：脱敏视图不适用。",
        )


def columns(usual: tuple[str, ...], fields: tuple[str, ...]) -> tuple[str, ...]:
    """Columns of a list of full records: the fields that were asked for, if any were."""
    return ("name", *fields) if fields else usual


def page_size(given: int, limit: int) -> int:
    """How many records to ask for at once: no more than are to be shown; 0 is the vault's own."""
    return given or (min(limit, 200) if limit else 200)


def resource_name(given: str, pattern: str, profile: Profile) -> str:
    """A full resource name from what was typed. Raises CommandError.

    `pattern` is the part after the institution, such as `customers/*/documents/*`. What may be
    typed: the whole name, that part of it, or for a customer the identifier alone.
    """
    text = given.strip().lower()
    expression = pattern.replace("*", _ID)
    if pattern == "customers/*" and re.fullmatch(_ID, text):
        return f"{profile.parent}/customers/{text}"
    if re.fullmatch(expression, text):
        return f"{profile.parent}/{text}"
    if re.fullmatch(f"institutions/[a-z0-9][a-z0-9-]{{1,39}}/{expression}", text):
        return text
    wanted = f"institutions/{{institution}}/{pattern}"
    raise CommandError(
        f"That is no resource name: {wanted} is wanted, with 26 characters for each *.",
        f"资源名称无效：应为 {wanted}，每个 * 为 26 个字符。",
    )


def check_out_name(given: str, profile: Profile) -> str:
    """A full resource name of a check-out from what was typed. Raises CommandError."""
    found = _CHECK_OUT.fullmatch(given.strip())
    if not found:
        raise CommandError(
            "That is no check-out: its name is checkOuts/ and 26 characters, as `checkout list` "
            "has it.",
            "借阅编号无效：应为 checkOuts/ 加 26 个字符，见 `checkout list`。",
        )
    institution = f"institutions/{found[1]}" if found[1] else profile.parent
    return f"{institution}/checkOuts/{found[2]}"


def moment(given: str, option: str) -> datetime | None:
    """A time from an option: ISO 8601; without a zone, UTC. Raises CommandError."""
    if not given:
        return None
    try:
        value = datetime.fromisoformat(given)
    except ValueError:
        raise CommandError(
            f"{option} is no time: write it as 2026-03-01 or 2026-03-01T09:30:00+08:00.",
            f"{option} 不是有效时间：请写作 2026-03-01 或 2026-03-01T09:30:00+08:00。",
        ) from None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def day(given: str, option: str) -> date | None:
    """A day from an option: YYYY-MM-DD; None where it was left out. Raises CommandError."""
    if not given:
        return None
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise CommandError(
            f"{option} is no day: write it as 2026-03-01.",
            f"{option} 不是有效日期：请写作 2026-03-01。",
        ) from None


def secret(given: str | None, option: str) -> str | None:
    """A value to search for; `-` reads it from standard input. Raises CommandError."""
    if given != "-":
        return given
    if sys.stdin.isatty():
        return str(typer.prompt(option, hide_input=True, err=True))
    value = sys.stdin.readline(1000).strip()
    if not value:
        raise CommandError(
            f"{option} -: standard input is empty.", f"{option} -：标准输入为空。", INPUT
        )
    return value


def read_record(path: Path, kind: type[M]) -> M:
    """A record from a JSON file or standard input, as ProtoJSON. Raises CommandError."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(_MAX_INPUT + 1)
        else:
            with path.open("rb") as stream:
                data = stream.read(_MAX_INPUT + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(data) > _MAX_INPUT:
        raise CommandError(
            f"{path} is larger than a record can be.", f"{path} 超过单条记录的大小限制。", INPUT
        )
    try:
        return parse_message(parse_json(data), kind)
    except Refused as refused:
        raise CommandError(
            f"{path}: {refused.text(zh=False)}.", f"{path}：{refused.text(zh=True)}。", INPUT
        ) from None


def unreadable(path: Path, error: OSError) -> CommandError:
    """A file that cannot be read or written, as a sentence."""
    why = (error.strerror or "error").lower()
    return CommandError(f"{path} cannot be used ({why}).", f"无法使用 {path}（{why}）。", INPUT)
