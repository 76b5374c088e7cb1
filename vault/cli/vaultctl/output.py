"""What goes to the terminal: tables for people, JSON for machines.

JSON is ProtoJSON with the names of the contract (snake_case), so that it can be read back into
the same messages. Nothing that came from the vault reaches a terminal with control characters in
it: a record could otherwise move the cursor or colour itself as something that it is not.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypeVar, cast

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table
from rich.text import Text

from recordsvault_client import Opened, Page
from vault.cli.vaultctl.fields import flatten
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.piped import Piped

M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)
T = TypeVar("T")

_HIDDEN = dict.fromkeys((*range(32), *range(127, 160)), "�")
# Marks that turn the direction of text, and the separators that break lines.
_HIDDEN |= dict.fromkeys((*range(8234, 8239), *range(8294, 8298), 8206, 8207, 8232, 8233), "�")


def clean(text: str) -> str:
    """`text` without characters that act on a terminal."""
    return text.translate(_HIDDEN)


def console(*, stderr: bool = False) -> Console:
    """The terminal for what was asked for; made anew, so that a redirected stdout is followed."""
    made = Console(highlight=False, soft_wrap=True, stderr=stderr)
    if not made.is_terminal:
        # A pipe has no width: nothing is folded or cut for it, or padded.
        made.width = 10_000
        made.file = cast(IO[str], Piped(sys.stderr if stderr else sys.stdout))
    return made


def as_dict(message: Message) -> dict[str, Any]:
    """A message as ProtoJSON with the names of the contract."""
    return MessageToDict(message, preserving_proto_field_name=True)


def write_json(value: object) -> None:
    """One JSON value a line, on stdout."""
    json.dump(value, sys.stdout, ensure_ascii=False, separators=(", ", ": "))
    sys.stdout.write("\n")
    sys.stdout.flush()


def show(message: Message, *, as_json: bool) -> None:
    """One record: a field a line, or JSON."""
    if as_json:
        write_json(as_dict(message))
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for path, value in flatten(message):
        table.add_row(Text(path, style="cyan"), Text(clean(value)))
    console().print(table)


def show_opened(one: Opened[M, N], *, as_json: bool) -> None:
    """A full record as far as it was opened, and the masked view where it was not all of it."""
    if as_json:
        write_json(opened_dict(one))
        return
    show(one.record, as_json=False)
    if one.masked is not None:
        console().print(
            Text(say("Not all of it is opened; masked:", "未全部打开，脱敏视图："), "bold")
        )
        show(one.masked, as_json=False)


def opened_dict(one: Opened[M, N]) -> dict[str, Any]:
    """The record for machines; a masked view stands in it under `masked`."""
    found = as_dict(one.record)
    return found if one.masked is None else found | {"masked": as_dict(one.masked)}


@dataclass(slots=True)
class Listed:
    """What a list has shown: how many records, and the token to go on from."""

    count: int = 0
    token: str = ""


def show_pages(
    pages: Iterable[Page[M]],
    *,
    key: str,
    columns: Sequence[str],
    limit: int,
    as_json: bool,
) -> Listed:
    """A list of messages, of which the fields that `columns` names are shown; see `show_items`."""
    return show_items(
        pages,
        key=key,
        table=lambda items: _table(items, columns),
        plain=as_dict,
        limit=limit,
        as_json=as_json,
    )


def show_opened_pages(
    pages: Iterable[Page[Opened[M, N]]],
    *,
    key: str,
    columns: Sequence[str],
    limit: int,
    as_json: bool,
) -> Listed:
    """As `show_pages`, of full records as far as they were opened."""
    less = False

    def table(items: Sequence[Opened[M, N]]) -> Table:
        nonlocal less
        less = less or any(one.masked is not None for one in items)
        return _table([one.record for one in items], columns)

    listed = show_items(
        pages, key=key, table=table, plain=opened_dict, limit=limit, as_json=as_json
    )
    if less:
        sys.stderr.write(
            say(
                "Not all fields are opened to you: --json has the masked views as well.\n",
                "部分字段未对您打开：--json 另含脱敏视图。\n",
            )
        )
    return listed


def show_items(
    pages: Iterable[Page[T]],
    *,
    key: str,
    table: Callable[[Sequence[T]], Table],
    plain: Callable[[T], dict[str, Any]],
    limit: int,
    as_json: bool,
) -> Listed:
    """A list, page by page as it comes; `limit` 0 is all.
    It ends after the page that reaches the limit: a page is never cut, since its token would not
    fit the cut. JSON is one object, `{"<key>": [...], "next_page_token": "..."}`, written as the
    pages come, so that a list of any length needs the memory of one page.
    """
    listed = Listed()
    begun = False
    out = console()
    for page in pages:
        if as_json:
            if not begun:
                sys.stdout.write(f'{{"{key}": [')
                begun = True
            for item in page.items:
                separator = ", " if listed.count else ""
                sys.stdout.write(separator + json.dumps(plain(item), ensure_ascii=False))
                listed.count += 1
        elif page.items:
            out.print(table(page.items))
            listed.count += len(page.items)
        listed.token = page.next_page_token
        if limit and listed.count >= limit:
            break
    if as_json:
        sys.stdout.write(f'], "next_page_token": {json.dumps(listed.token)}}}\n')
    return listed


def tell_more(listed: Listed, *, as_json: bool) -> None:
    """Tell on stderr how a list goes on, or that it is empty. JSON says so by itself."""
    if as_json:
        return
    if not listed.count:
        sys.stderr.write(say("There are none.\n", "没有记录。\n"))
    if listed.token:
        more = say("There are more: go on with", "还有更多：继续请用")
        sys.stderr.write(f"{more} --page-token {clean(listed.token)}\n")


def _table(items: Sequence[Message], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for item in items:
        values = dict(flatten(item))
        # The commands take the short form as well.
        values["name"] = re.sub(r"^institutions/[^/]+/", "", values.get("name", ""))
        table.add_row(*(Text(clean(values.get(column, ""))) for column in columns))
    return table
