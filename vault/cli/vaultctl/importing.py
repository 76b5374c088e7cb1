"""`vaultctl import`: files of records into the vault, resumable, with a bar and a summary."""

from __future__ import annotations

import io
import os
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from recordsvault_client import VaultError, VaultServices
from vault.cli.vaultctl import options
from vault.cli.vaultctl.csv_paths import Kind
from vault.cli.vaultctl.failures import INPUT, ROWS_REFUSED, CommandError
from vault.cli.vaultctl.import_progress import ImportProgress
from vault.cli.vaultctl.import_rows import open_rows
from vault.cli.vaultctl.import_run import FileImport, Totals
from vault.cli.vaultctl.import_state import ImportKey, ImportState
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import clean, console, write_json
from vault.cli.vaultctl.session import session


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    file: Path
    totals: Totals
    seconds: float
    rejected: Path


def import_files(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="JSONL or CSV files.")],
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Kind of the records, where a CSV leaves it open.")
    ] = None,
    batch: Annotated[int, typer.Option("--batch", min=1, max=500, help="Rows a message.")] = 500,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", metavar="FILE", help="What is done; FILE.import-state if left out."
        ),
    ] = None,
    in_flight: Annotated[
        int, typer.Option("--in-flight", min=1, max=64, help="Messages on their way at once.")
    ] = 8,
    as_json: options.Json = False,
) -> None:
    """Import files in the order given. Run the same command again to go on after an interruption.

    Rows that are refused go to FILE.rejected.jsonl with the reason; the exit code is then 20.
    """
    made = session(context)
    results = []
    with ImportProgress(enabled=sys.stderr.isatty()) as progress:
        for file in files:
            try:
                results.append(
                    _import_file(
                        made.client(),
                        file,
                        kind,
                        batch,
                        state or _beside(file),
                        in_flight,
                        progress,
                    )
                )
            except (KeyboardInterrupt, VaultError):
                _tell_how_to_go_on(file)
                raise
    _summary(results, as_json)
    if any(result.totals.refused for result in results):
        raise typer.Exit(ROWS_REFUSED)


def _import_file(
    client: VaultServices,
    file: Path,
    kind: Kind | None,
    batch: int,
    state_path: Path,
    in_flight: int,
    progress: ImportProgress,
) -> FileResult:
    try:
        # Looked at first: to open a pipe would wait for somebody to write to it.
        _ordinary(file, file.stat())
        stream = file.open("rb")
    except OSError as error:
        raise options.unreadable(file, error) from None
    with stream:
        seen = _stamp(file, stream)
        progress.checking(file.name)
        key = ImportKey.make(stream, client.profile, batch, kind.value if kind else "")
        rows = open_rows(file, stream, kind)
        state = ImportState(state_path, key)
        try:
            started = time.monotonic()
            progress.importing(file.name, seen[0])
            rejected = file.with_name(f"{file.name}.rejected.jsonl")
            run = FileImport(rows, key, state, rejected, progress.advance)
            run.run(client, in_flight, _interrupted)
            if _stamp(file, stream) != seen:
                raise CommandError(
                    f"{file} was changed while it was imported: import it again.",
                    f"{file} 在导入期间被修改：请重新导入。",
                    INPUT,
                )
            return FileResult(file, run.totals, time.monotonic() - started, rejected)
        finally:
            state.close()


def _stamp(file: Path, stream: io.BufferedReader) -> tuple[int, int]:
    """Size and time of change: differ if the file changed after its digest was taken."""
    seen = os.fstat(stream.fileno())
    _ordinary(file, seen)
    return seen.st_size, seen.st_mtime_ns


def _ordinary(file: Path, seen: os.stat_result) -> None:
    if not stat.S_ISREG(seen.st_mode):
        raise CommandError(
            f"{file} is no ordinary file: an import that can be resumed needs one.",
            f"{file} 不是普通文件：可续传的导入需要普通文件。",
            INPUT,
        )


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}.import-state")


def _interrupted(error: VaultError, pause: float) -> None:
    sys.stderr.write(
        say(
            f"vaultctl: connection lost, trying again in {pause:.1f} s: ",
            f"vaultctl：连接中断，{pause:.1f} 秒后重试：",
        )
        + clean(error.text(language().value))
        + "\n"
    )


def _tell_how_to_go_on(file: Path) -> None:
    sys.stderr.write(
        say(
            f"vaultctl: {file} is not done: run the same command again to go on.\n",
            f"vaultctl：{file} 尚未完成：再次运行相同命令即可继续。\n",
        )
    )


def _summary(results: list[FileResult], as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "files": [
                    {
                        "file": str(result.file),
                        "rows": result.totals.rows,
                        "stored": result.totals.stored,
                        "refused": result.totals.refused,
                        "resumed": result.totals.resumed,
                        "seconds": round(result.seconds, 3),
                        "rejected_file": str(result.rejected) if result.totals.refused else "",
                    }
                    for result in results
                ],
                "rows": sum(result.totals.rows for result in results),
                "stored": sum(result.totals.stored for result in results),
                "refused": sum(result.totals.refused for result in results),
            }
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(say("file", "文件"))
    for title in (
        say("rows", "行数"),
        say("stored", "已存储"),
        say("refused", "被拒绝"),
        say("done before", "此前完成"),
        say("seconds", "秒"),
        say("rows/s", "行/秒"),
    ):
        table.add_column(title, justify="right")
    for result in results:
        totals = result.totals
        now = totals.rows - totals.resumed
        table.add_row(
            result.file.name,
            f"{totals.rows:,}",
            f"{totals.stored:,}",
            f"{totals.refused:,}",
            f"{totals.resumed:,}",
            f"{result.seconds:,.1f}",
            f"{now / result.seconds:,.0f}" if now and result.seconds else "-",
        )
    console().print(table)
    for result in results:
        if result.totals.refused:
            sys.stderr.write(
                say(
                    f"vaultctl: refused rows, with the reason: {result.rejected}\n",
                    f"vaultctl：被拒绝的行及原因见：{result.rejected}\n",
                )
            )
