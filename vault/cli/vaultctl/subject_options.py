"""Options, names and words that the commands of `vaultctl subject` share, and how they show a
request."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault_client import Profile, VaultServices
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console
from vault.cli.vaultctl.output import show as show_message
from vault.cli.vaultctl.subject_words import KINDS, OUTCOMES, VERDICTS, day, ground, part, word

_NAME: Final = re.compile(
    r"(?:(institutions/[a-z][a-z0-9-]{1,39})/)?"
    r"(customers/[0-9a-z]{26}/subjectRequests/[0-9a-z]{26})"
)

Request = Annotated[
    str, typer.Argument(metavar="REQUEST", help="Resource name: customers/.../subjectRequests/...")
]
Words = Annotated[
    str, typer.Option("--text", metavar="TEXT", help="The words; --file for longer ones.")
]
WordsFile = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="File with the words, or - for standard input."),
]
Etag = Annotated[
    str,
    typer.Option("--etag", metavar="ETAG", help="Only if it is as it was seen, as `show` has it."),
]


def seen(client: VaultServices, name: str, etag: str) -> tuple[str, str]:
    """The full name, and the etag that was given, or that it has now."""
    full = request_name(name, client.profile)
    return full, etag or client.subjects.get(full).etag


def request_name(given: str, profile: Profile) -> str:
    """The full name of a request. Raises CommandError."""
    found = _NAME.fullmatch(given.strip())
    if found is None:
        raise CommandError(
            "That is no request: customers/.../subjectRequests/... is wanted, as `list` shows it.",
            "这不是请求名称：应为 customers/.../subjectRequests/...，见 `list`。",
        )
    return f"{found[1] or profile.parent}/{found[2]}"


def words_of(text: str, file: Path | None, *, needed: bool = False) -> str:
    """The words of --text or --file. Raises CommandError."""
    if text and file is not None:
        raise CommandError("Give --text or --file, not both.", "--text 与 --file 只能指定其一。")
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except OSError as error:
            raise options.unreadable(file, error) from None
        except UnicodeDecodeError:
            raise CommandError(f"{file} is not UTF-8.", f"{file} 不是 UTF-8 编码。") from None
    if needed and not text.strip():
        raise CommandError("Give the words: --text or --file.", "请用 --text 或 --file 提供文字。")
    return text.strip()


def show_request(one: pb.SubjectRequest, *, as_json: bool) -> None:
    """A request with all that the vault says of it."""
    if as_json:
        show_message(one, as_json=True)
        return
    out = console()
    state = say("OVERDUE", "已逾期") if one.overdue else word(OUTCOMES, one.outcome)
    rows = [
        (say("request", "请求"), one.name),
        (say("etag", "标签"), one.etag),
        (say("asks for", "事项"), word(KINDS, one.kind)),
        (say("state", "状态"), state),
        (say("received", "收到"), day(one.receive_date)),
        (say("due", "期限"), f"{day(one.due_date)}  ({one.source}, {one.article})"),
    ]
    if one.HasField("longest_date") and not one.extended and not one.closed_by:
        rows.append((say("at the longest", "最迟"), day(one.longest_date)))
    if one.closed_by:
        rows.append((say("closed by", "结案人"), one.closed_by))
    if one.corrected:
        rows.append((say("corrected by", "更正版本"), f"{one.corrected}@{one.version}"))
    if one.words_gone:
        rows.append((say("words", "文字"), say("destroyed with the file", "已随档案销毁")))
    rows += [(say("said", "内容"), words.text) for words in one.said if words.text]
    kept = [*(g for words in one.said for g in words.grounds), *one.erasure.grounds]
    rows += [(part(g.what), ground(g)) for g in kept]
    if one.erasure.verdict:
        rows.append((say("by the rules", "按规则"), word(VERDICTS, one.erasure.verdict)))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(clean(value)))
    out.print(table)
