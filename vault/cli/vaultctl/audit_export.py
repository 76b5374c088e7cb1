"""`vaultctl audit export`: the log as files, to verify where the vault is not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recordsvault_client import AuditClient, Unavailable, VaultError
from vault.audit.checkpoint import CheckpointBody
from vault.audit.tiles import bundles_of, tiles_of
from vault.cli.vaultctl import options
from vault.cli.vaultctl.export_folder import ExportFolder, FolderUnusable, HistoryDiffers
from vault.cli.vaultctl.failures import INPUT, NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

_ATTEMPTS = 5


def export(
    context: typer.Context,
    folder: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Folder of the exported log.")
    ],
    as_json: options.Json = False,
) -> None:
    """Write the log's tree to a folder (C2SP tlog-tiles); only what is new, resumable.

    Verify it with `audit verify DIR`. What was exported once is never replaced by something else.
    """
    client = session(context).client().audit
    try:
        target = ExportFolder(folder)
        before = target.size
        body = _exported(client, target)
    except OSError as error:
        raise options.unreadable(folder, error) from None
    except FolderUnusable:
        raise CommandError(
            f"{folder} holds something else than an exported log: name an empty folder.",
            f"{folder} 中的内容不是导出的日志：请指定空文件夹。",
            INPUT,
        ) from None
    except HistoryDiffers as differs:
        raise CommandError(
            f"The vault now shows another history than the one exported before ({differs.path} "
            "differs). Keep the folder as it is, it is evidence, and tell the security officer.",
            f"保险库现在给出的历史与先前导出的不同（{differs.path} 不一致）。"
            "请原样保存该文件夹作为证据，并通知安全官。",
            NOT_PROVED,
        ) from None
    size = body.size if body is not None else 0
    if as_json:
        write_json({"size": size, "new": size - before, "files": target.written})
        return
    sys.stdout.write(
        say(
            f"{size} entries, {size - before} of them new; {target.written} files written.\n",
            f"共 {size} 条，其中新增 {size - before} 条；写入 {target.written} 个文件。\n",
        )
    )


def _exported(client: AuditClient, target: ExportFolder) -> CheckpointBody | None:
    """The checkpoint that the export ends with; None while the log has none."""
    failures = 0
    with bar() as progress:
        task = progress.add_task(say("exporting", "正在导出"), total=None)
        while True:
            have, written = target.have(), target.written
            try:
                for file in client.export_tiles(have):
                    if file.path == "checkpoint":
                        return target.finish(file.data)
                    target.put(file.path, file.data)
                    if not progress.tasks[0].total:
                        progress.update(task, total=_files(file.size, have))
                    progress.advance(task)
                if target.before is not None:
                    # The log that was exported before is not there any more.
                    raise HistoryDiffers("checkpoint")
                return None
            except VaultError as error:
                if error.reason == "BEYOND_LOG":
                    raise HistoryDiffers("checkpoint") from None
                # What has come stays; only a stream that brings nothing at all is given up.
                failures = 0 if target.written > written else failures + 1
                if failures >= _ATTEMPTS or not _passes(error):
                    raise
                progress.reset(task, total=None)


def _passes(error: VaultError) -> bool:
    return isinstance(error, Unavailable) and not error.handshake


def _files(size: int, have: int) -> int:
    return sum(1 for _ in tiles_of(size, since=have)) + sum(1 for _ in bundles_of(size, since=have))
