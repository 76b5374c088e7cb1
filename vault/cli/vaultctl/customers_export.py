"""`vaultctl customers export`: all customers into a file, by a check-out of the institution."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import TextColumn

from recordsvault_client import VaultError
from vault.cli.vaultctl import options
from vault.cli.vaultctl.durable import sync_folder
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import opened_dict, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session


def export(
    context: typer.Context,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="JSON file, a line a customer.")],
    check_out: options.CheckOut = "",
    purpose: options.Purpose = "",
    case: options.Case = "",
    fields: options.Fields = "",
    go_on: Annotated[
        bool, typer.Option("--go-on", help="Go on with FILE.part, by another check-out.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Export all customers to a file that only you can read, by a check-out of the institution.

    The file has its name when it is whole; until then it is FILE.part.
    """
    client = session(context).client()
    read = options.full_read(purpose, case, fields, check_out, client.profile)
    if not read.check_out:
        raise CommandError(
            "Name the check-out: ask for one with `vaultctl checkout request institution ...`; two "
            "others have to agree.",
            "请指明借阅：先用 `vaultctl checkout request institution ...` 申请，须经另外两人审批。",
        )
    part = to.with_name(f"{to.name}.part")
    _require_new(to)
    if part.exists() and not go_on:
        raise CommandError(
            f"{part} is of an export that was broken off: take it up with --go-on, or remove it.",
            f"{part} 是中断的导出：请用 --go-on 继续，或将其删除。",
            INPUT,
        )
    try:
        with _opened(part) as file, bar(TextColumn("{task.completed:,}")) as progress:
            after, before = _last(file)
            task = progress.add_task(say("exporting", "正在导出"), total=None, completed=before)
            count = before
            try:
                for one in client.customers.export(
                    purpose=read.purpose,
                    case_reference=read.case_reference,
                    check_out=read.check_out,
                    fields=read.fields,
                    after=after,
                ):
                    line = json.dumps(opened_dict(one), ensure_ascii=False, separators=(",", ":"))
                    file.write(line.encode() + b"\n")
                    count += 1
                    progress.update(task, completed=count)
            except VaultError:
                file.flush()
                if count:
                    _tell_to_go_on(part, count)
                else:
                    part.unlink()
                raise
            file.flush()
            os.fsync(file.fileno())
        # An export takes its time: somebody else may have used the name.
        _require_new(to)
        part.rename(to)
        sync_folder(to.parent)
    except OSError as error:
        raise options.unreadable(to, error) from None
    if as_json:
        write_json({"customers": count, "file": str(to)})
        return
    sys.stdout.write(
        say(f"{count} customers are in {to}.\n", f"已将 {count} 位客户导出到 {to}。\n")
    )


def _require_new(to: Path) -> None:
    if to.exists():
        raise CommandError(
            f"{to} is there already, and is not written over: name another file.",
            f"{to} 已存在，不会被覆盖：请指定其他文件。",
            INPUT,
        )


def _opened(part: Path) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.fdopen(os.open(part, flags, 0o600), "r+b")
    os.fchmod(file.fileno(), 0o600)
    return file


def _last(file: BinaryIO) -> tuple[str, int]:
    """The last customer who is in the file as a whole, and how many there are; what was cut short
    behind him is taken away. Raises CommandError for a file that is no export."""
    name, count, whole = "", 0, 0
    for line in file:
        if not line.endswith(b"\n"):
            break
        try:
            name = str(json.loads(line)["name"])
        except (ValueError, KeyError, TypeError):
            raise CommandError(
                "The file that was begun is no export of customers: remove it, and begin anew.",
                "已开始的文件不是客户导出文件：请将其删除后重新开始。",
                INPUT,
            ) from None
        count, whole = count + 1, whole + len(line)
    file.seek(whole)
    file.truncate()
    return name, count


def _tell_to_go_on(part: Path, count: int) -> None:
    sys.stderr.write(
        say(
            f"{count} customers are in {part}; with another check-out, --go-on takes it up.\n",
            f"已有 {count} 位客户写入 {part}；另行借阅后可用 --go-on 继续。\n",
        )
    )
