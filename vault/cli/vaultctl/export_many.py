"""Files of many customers as they come, into a folder: for exports, and for transfers."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer
from rich.progress import TextColumn

from recordsvault_client import VaultError, VaultServices
from vault.cli.vaultctl import options
from vault.cli.vaultctl.customers import PATTERN
from vault.cli.vaultctl.export_page import write_page
from vault.cli.vaultctl.export_runs import Answer, RunFolder, Runs
from vault.cli.vaultctl.failures import INPUT, NOT_RECONCILED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json
from vault.cli.vaultctl.progress import bar

_MOST: Final = 500


def whose(client: VaultServices, customer: Sequence[str] | None, *, every: bool) -> list[str]:
    """The names of those whose files are wanted; none for all. Raises CommandError unless it is
    said which."""
    names = [options.resource_name(one, PATTERN, client.profile) for one in customer or ()]
    if bool(names) == every or len(names) > _MOST:
        raise CommandError(
            f"Say whose files: --customer, up to {_MOST} times, or --all.",
            f"请指明客户：--customer（最多 {_MOST} 次）或 --all。",
        )
    return names


def runs_in(out: Path, *, go_on: bool) -> Runs:
    """What a folder has, which is new unless an export goes on in it. Raises CommandError."""
    try:
        if not go_on:
            if out.exists():
                raise CommandError(
                    f"{out} is there already: name another folder, or go on in it with --go-on.",
                    f"{out} 已存在：请指定其他文件夹，或用 --go-on 继续。",
                    INPUT,
                )
            out.mkdir(mode=0o700)
        found = Runs.read(out)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unusable(out, error) from None
    if found.complete:
        raise CommandError(f"The export in {out} is complete.", f"{out} 中的导出已完成。", INPUT)
    return found


def after_name(runs: Runs, parent: str) -> str:
    """The name of the customer behind whom an export goes on; "" for one that begins."""
    return f"{parent}/customers/{runs.after}" if runs.after else ""


def fill(runs: Runs, answers: Iterator[Answer]) -> None:
    """Write what comes into the next folder of the run. Raises VaultError, CommandError."""
    folder: RunFolder | None = None
    try:
        with bar(TextColumn("{task.completed:,}/{task.total:,}")) as progress:
            task = progress.add_task(say("exporting", "正在导出"), total=0)
            for answer in answers:
                if folder is None:
                    # Not before the vault has begun: a refusal leaves nothing behind.
                    folder = runs.new()
                    progress.update(task, total=answer.total)
                folder.take(answer)
                progress.update(task, completed=folder.files)
    except VaultError:
        if folder is None and not runs.runs:
            runs.folder.rmdir()
        elif folder is not None:
            folder.close()
            write_page(Runs.read(runs.folder))
            sys.stderr.write(
                say(
                    f"What was exported is in {runs.folder}; --go-on goes on, by the same "
                    "check-out while it stands, else by another one.\n",
                    f"已导出的文件在 {runs.folder} 中；可用 --go-on 继续：原借阅仍有效时沿用，"
                    "否则须另行借阅。\n",
                )
            )
        raise
    except OSError as error:
        raise options.unreadable(runs.folder, error) from None
    finally:
        if folder is not None:
            folder.close()


def finished(folder: Path) -> Runs:
    """All runs of a folder, with the page above its files written. Raises CommandError."""
    done = Runs.read(folder)
    try:
        write_page(done)
    except OSError as error:
        raise options.unreadable(folder, error) from None
    return done


def tell(runs: Runs, *, as_json: bool) -> None:
    """Say what has been written. Ends the program where the counts do not add up."""

    def total(name: str) -> int:
        return sum(int(one.facts.get(name, 0)) for one in runs.runs)

    counts: Mapping[str, Any] = {
        name: total(name)
        for name in (
            "files",
            "files_closed",
            "files_destroyed",
            "files_stored",
            "documents",
            "transactions",
            "contents",
        )
    }
    reconciled = runs.complete and all(one.facts["reconciled"] is True for one in runs.runs)
    if as_json:
        write_json({"folder": str(runs.folder), **counts, "reconciled": reconciled})
    else:
        sys.stdout.write(
            say(
                f"{counts['files']} files are in {runs.folder}, of {counts['files_stored']} "
                f"customers stored; {counts['files_closed']} are closed to you, "
                f"{counts['files_destroyed']} were destroyed. {counts['transactions']} "
                f"transactions, {counts['contents']} scans and files.\n",
                f"已将 {counts['files']} 份档案导出到 {runs.folder}，共存有客户 "
                f"{counts['files_stored']} 位；其中 {counts['files_closed']} 份您无权查阅，"
                f"{counts['files_destroyed']} 份已销毁。含交易 {counts['transactions']} 笔、"
                f"影像及文件 {counts['contents']} 份。\n",
            )
        )
    if not reconciled:
        sys.stderr.write(
            say(
                "The counts do not add up with the store: see the manifests.\n",
                "数量与存储不一致：请查看清单。\n",
            )
        )
        raise typer.Exit(NOT_RECONCILED)


def _unusable(out: Path, error: Exception) -> CommandError:
    if isinstance(error, OSError):
        return options.unreadable(out, error)
    return CommandError(
        f"{out} holds an export that cannot be read: name another folder.",
        f"{out} 中的导出无法读取：请指定其他文件夹。",
        INPUT,
    )
