"""`vaultctl import`: files of records and of statements into the vault, resumable, with a bar and a
summary."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from recordsvault_client import Profile, VaultError, VaultServices
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.csv_paths import Kind
from vault.cli.vaultctl.failures import INPUT, NOT_RECONCILED, ROWS_REFUSED, CommandError
from vault.cli.vaultctl.import_progress import ImportProgress
from vault.cli.vaultctl.import_rows import Rows, open_rows
from vault.cli.vaultctl.import_run import FileImport, Totals
from vault.cli.vaultctl.import_state import ImportKey, ImportState
from vault.cli.vaultctl.import_summary import FileResult, write_check, write_summary
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import clean
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.statements import (
    CHANNELS,
    INSTRUMENTS,
    Format,
    Mapping,
    Reconciliation,
    StatementRows,
    Terms,
    format_of,
    open_statements,
    read_mapping,
    zone,
)

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked for, beside the files."""

    kind: Kind | None
    form: Format | None
    batch: int
    in_flight: int
    terms: Terms
    mapped: bool
    spoken: bool
    """Whether an option was given that is for statements only."""


@app.command("import")
def import_files(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="JSONL, CSV, camt.053 or MT940 files.")
    ],
    kind: Annotated[
        Kind | None, typer.Option("--kind", help="Kind of the records, where a CSV leaves it open.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="Format, where the ending does not say it.")
    ] = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            "--mapping", metavar="TOML", help="What codes and columns of statements mean."
        ),
    ] = None,
    customer: Annotated[
        str,
        typer.Option(
            "--customer",
            metavar="CUSTOMER",
            help="Whose statements: name, or number; left out: who holds the account.",
        ),
    ] = "",
    time_zone: Annotated[
        str,
        typer.Option("--time-zone", metavar="ZONE", help="Of bookings, such as Asia/Shanghai."),
    ] = "",
    instrument: Annotated[
        str, typer.Option("--instrument", help="Where a booking's code does not say it.")
    ] = "",
    channel: Annotated[
        str, typer.Option("--channel", help="Where a booking's code does not say it.")
    ] = "",
    encoding: Annotated[
        str, typer.Option("--encoding", help="Of statements, where it is not UTF-8: gb18030 ...")
    ] = "",
    take_copies: Annotated[
        bool, typer.Option("--take-copies", help="Take statements marked as duplicates.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only read statements and add up; store nothing.")
    ] = False,
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

    JSONL and CSV of the vault's own records; statements as camt.053 (.xml) and MT940 (.sta, .940),
    and CSV by a mapping. A statement file that cannot be read to its end stores nothing.
    Rows that are refused go to FILE.rejected.jsonl with the reason; the exit code is then 20. It is
    23 where statements do not add up.
    """
    made = session(context)
    profile = made.profile()
    plan = _plan(
        profile,
        Terms(
            _with(read_mapping(mapping) if mapping else Mapping(), instrument, channel),
            time_zone,
            customer,
            encoding=encoding,
            copies=take_copies,
        ),
        kind,
        form,
        batch,
        in_flight,
        mapped=mapping is not None,
    )
    results = []
    with ImportProgress(enabled=sys.stderr.isatty()) as progress:
        for file in files:
            if check:
                results.append(_check_file(file, plan, progress))
                continue
            try:
                results.append(
                    _import_file(made.client(), file, plan, state or _beside(file), progress)
                )
            except (KeyboardInterrupt, VaultError) as error:
                _tell_how_to_go_on(file, error)
                raise
    if check:
        for result in results:
            assert result.reconciliation is not None  # noqa: S101 - what a check makes, for the types
            write_check(result.file, result.reconciliation, as_json)
    else:
        write_summary(results, as_json)
    if not all(result.adds_up for result in results):
        raise typer.Exit(NOT_RECONCILED)
    if any(result.totals.refused for result in results):
        raise typer.Exit(ROWS_REFUSED)


def _with(mapping: Mapping, instrument: str, channel: str) -> Mapping:
    """The mapping with what the command line says."""
    for option, given, allowed in (
        ("--instrument", instrument, INSTRUMENTS),
        ("--channel", channel, CHANNELS),
    ):
        if given and given.upper() not in allowed:
            listed = ", ".join(allowed)
            raise CommandError(
                f"{option} is one of {listed}.", f"{option} 须为以下之一：{listed}。"
            )
    return replace(
        mapping,
        instrument=instrument.upper() or mapping.instrument,
        channel=channel.upper() or mapping.channel,
    )


def _plan(
    profile: Profile,
    terms: Terms,
    kind: Kind | None,
    form: Format | None,
    batch: int,
    in_flight: int,
    *,
    mapped: bool,
) -> _Plan:
    mapping, said = terms.mapping, terms.customer
    spoken = terms != Terms(Mapping(), "")
    if said.strip().lower().startswith(("institutions/", "customers/")) or len(said) == 26:
        name = options.resource_name(said, customers.PATTERN, profile)
        terms = replace(terms, customer=name)
    else:
        terms = replace(terms, customer="", customer_number=said.strip())
    terms = replace(terms, time_zone=zone(terms.time_zone) or mapping.time_zone)
    return _Plan(kind, form, batch, in_flight, terms, mapped, spoken)


def _statements(plan: _Plan, file: Path, stream: io.BufferedReader) -> StatementRows | None:
    """The rows of a file of statements; None for one of records. Raises CommandError."""
    form = format_of(file, plan.form, mapped=plan.mapped)
    if form is Format.RECORDS:
        if plan.spoken:
            raise CommandError(
                f"{file} is a file of records: the options for statements (--customer, --mapping, "
                "--time-zone ...) are not for it. Is it one of statements? Then say --format.",
                f"{file} 是记录文件：对账单选项（--customer、--mapping、--time-zone 等）不适用。"
                "若为对账单，请用 --format 指定。",
            )
        return None
    if plan.kind is not None:
        raise CommandError(
            "--kind is for records: a statement has transactions only.",
            "--kind 仅用于记录文件：对账单只含交易。",
        )
    if form is Format.CSV and not plan.mapped:
        raise CommandError("A CSV of statements needs a --mapping.", "对账单 CSV 需要 --mapping。")
    if not plan.terms.time_zone:
        raise CommandError(
            "Statements have days without a time zone: give --time-zone, such as Asia/Shanghai.",
            "对账单日期不含时区：请用 --time-zone 指定，如 Asia/Shanghai。",
        )
    return open_statements(form, file, stream, plan.terms)


def _check_file(file: Path, plan: _Plan, progress: ImportProgress) -> FileResult:
    with _opened(file) as stream:
        found = _statements(plan, file, stream)
        if found is None:
            raise CommandError(
                f"{file} is no file of statements: --check adds up statements.",
                f"{file} 不是对账单文件：--check 仅用于对账单。",
            )
        started = time.monotonic()
        return _result(file, _checked(found, file, stream, progress), started)


def _result(file: Path, found: Reconciliation, started: float) -> FileResult:
    return FileResult(file, Totals(), time.monotonic() - started, file, found)


def _checked(
    rows: StatementRows, file: Path, stream: io.BufferedReader, progress: ImportProgress
) -> Reconciliation:
    progress.checking(file.name)
    size = os.fstat(stream.fileno()).st_size
    progress.importing(say(f"{file.name}: adding up", f"{file.name}：核对"), size)
    return rows.check(progress.advance)


def _opened(file: Path) -> io.BufferedReader:
    try:
        # Looked at first: to open a pipe would wait for somebody to write to it.
        _ordinary(file, file.stat())
        return file.open("rb")
    except OSError as error:
        raise options.unreadable(file, error) from None


def _import_file(
    client: VaultServices, file: Path, plan: _Plan, state_path: Path, progress: ImportProgress
) -> FileResult:
    with _opened(file) as stream:
        seen = _stamp(file, stream)
        progress.checking(file.name)
        statements = _statements(plan, file, stream)
        kind = plan.kind.value if plan.kind else ""
        terms = ""
        reconciliation = None
        if statements is not None:
            kind = f"statements/{format_of(file, plan.form, mapped=plan.mapped).value}"
            terms = hashlib.sha256(plan.terms.digest.encode()).hexdigest()[:16]
        stream.seek(0)
        key = ImportKey.make(stream, client.profile, plan.batch, kind, terms)
        rows: Rows = statements if statements is not None else open_rows(file, stream, plan.kind)
        if statements is not None:
            # Before the state: what ends here has not begun, and may be begun by other terms.
            reconciliation = _checked(statements, file, stream, progress)
        state = ImportState(state_path, key)
        try:
            started = time.monotonic()
            progress.importing(file.name, seen[0])
            rejected = file.with_name(f"{file.name}.rejected.jsonl")
            run = FileImport(rows, key, state, rejected, progress.advance)
            run.run(client, plan.in_flight, _interrupted)
            if _stamp(file, stream) != seen:
                raise CommandError(
                    f"{file} was changed while it was imported: import it again.",
                    f"{file} 在导入期间被修改：请重新导入。",
                    INPUT,
                )
            seconds = time.monotonic() - started
            return FileResult(file, run.totals, seconds, rejected, reconciliation)
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


def _tell_how_to_go_on(file: Path, error: BaseException) -> None:
    if isinstance(error, VaultError) and error.reason == "REQUEST_ID_REUSED":
        sys.stderr.write(
            say(
                f"vaultctl: {file} was imported before by other options or another mapping. What "
                "was stored then is not stored again: give the options of then.\n",
                f"vaultctl：{file} 曾以其他选项或映射导入。已存储的内容不会重复存储："
                "请使用当时的选项。\n",
            )
        )
        return
    sys.stderr.write(
        say(
            f"vaultctl: {file} is not done: run the same command again to go on.\n",
            f"vaultctl：{file} 尚未完成：再次运行相同命令即可继续。\n",
        )
    )
