"""`vaultctl export`: customers' files for an authority or for the customer, sealed to one key."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import DownloadColumn, TextColumn, TransferSpeedColumn

from recordsvault_client import FileSelection, Recipient, VaultError, VaultServices
from vault.bundles import Recipient as PublicKey
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.bundle_files import recipient, whole_file
from vault.cli.vaultctl.export_page import write_page
from vault.cli.vaultctl.export_runs import RunFolder, Runs
from vault.cli.vaultctl.failures import INPUT, NOT_RECONCILED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

app = typer.Typer(help="Customers' files, sealed to who is to have them.")
_PARTS: Final = ("documents", "transactions", "contents")
_MOST: Final = 500


@app.command("export")
def export(
    context: typer.Context,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="PATH", help="New file for one customer; else new folder."),
    ],
    to: Annotated[
        Path,
        typer.Option(
            "--recipient", metavar="FILE", help="Public key (PEM) of who is to open it, alone."
        ),
    ],
    customer: Annotated[
        list[str] | None,
        typer.Option(
            "--customer",
            metavar="NAME",
            help="Customer. One: at once, by your role or a check-out of his file. Repeatable.",
        ),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All customers, by a check-out of the institution.")
    ] = False,
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part",
            metavar="PART",
            help="documents, transactions or contents; all if left out. Repeatable.",
        ),
    ] = None,
    booked_from: Annotated[
        str, typer.Option("--from", metavar="TIME", help="Transactions from this time on.")
    ] = "",
    booked_to: Annotated[
        str, typer.Option("--to", metavar="TIME", help="Transactions before this time.")
    ] = "",
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    go_on: Annotated[
        bool,
        typer.Option("--go-on", help="Go on in the folder, by the same check-out if it stands."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Export customers' files, each a sealed bundle: every version of the customer and his
    documents, the transactions of a period, scans and files.

    One customer's is a file; those of several, or of all, are in a folder with a signed manifest,
    by a check-out of the institution that two others agreed to (`vaultctl checkout request
    institution --whole-file`). `vaultctl bundle verify` and `verify-export` verify them.
    """
    client = session(context).client()
    names = [
        options.resource_name(one, customers.PATTERN, client.profile) for one in customer or ()
    ]
    if bool(names) == every or len(names) > _MOST:
        raise CommandError(
            f"Say whose files: --customer, up to {_MOST} times, or --all.",
            f"请指明客户：--customer（最多 {_MOST} 次）或 --all。",
        )
    asked = options.full_read(purpose, case, "", check_out, client.profile)
    wanted = _selection(part or (), booked_from, booked_to)
    key = recipient(to)
    if len(names) == 1 and not go_on:
        _produce(client, names[0], out, key, asked, wanted, as_json=as_json)
        return
    if not asked.check_out:
        raise CommandError(
            "Name the check-out: ask for one with `vaultctl checkout request institution "
            "--whole-file ...`; two others have to agree.",
            "请指明借阅：先用 `vaultctl checkout request institution --whole-file ...` 申请，"
            "须经另外两人审批。",
        )
    runs = _runs(out, go_on=go_on)
    _same(runs, key, wanted, len(names))
    _export(client, runs, key, asked, wanted, sorted(names))
    done = Runs.read(out)
    try:
        write_page(done)
    except OSError as error:
        raise options.unreadable(out, error) from None
    _tell(done, as_json=as_json)


def _selection(parts: list[str] | tuple[str, ...], start: str, end: str) -> FileSelection:
    if any(one not in _PARTS for one in parts):
        raise CommandError(
            f"--part takes one of {', '.join(_PARTS)}.", f"--part 须为 {'、'.join(_PARTS)} 之一。"
        )
    return FileSelection(
        tuple(dict.fromkeys(parts)),
        options.moment(start, "--from"),
        options.moment(end, "--to"),
    )


def _produce(
    client: VaultServices,
    name: str,
    out: Path,
    key: PublicKey,
    asked: options.FullRead,
    wanted: FileSelection,
    *,
    as_json: bool,
) -> None:
    size, began = 0, time.monotonic()
    with whole_file(out) as file, bar(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(say("producing", "正在出具"), total=None)
        for piece in client.exports.produce(
            name,
            Recipient(key.x25519, key.ml_kem),
            purpose=asked.purpose,
            case_reference=asked.case_reference,
            check_out=asked.check_out,
            selection=wanted,
        ):
            size += file.write(piece)
            progress.update(task, completed=size)
    took = time.monotonic() - began
    if as_json:
        write_json(
            {
                "file": str(out),
                "size": size,
                "seconds": round(took, 3),
                "recipient": key.fingerprint.hex(),
            }
        )
        return
    sys.stdout.write(
        say(
            f"{out} ({size:,} bytes, {took:.1f} s) is sealed to the key {key.fingerprint.hex()}.\n",
            f"{out}（{size:,} 字节，{took:.1f} 秒）已为密钥 {key.fingerprint.hex()} 密封。\n",
        )
    )


def _runs(out: Path, *, go_on: bool) -> Runs:
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


def _same(runs: Runs, key: PublicKey, wanted: FileSelection, named: int) -> None:
    """Make sure that what goes on is the export that was begun."""
    message = wanted.message()
    period = [
        getattr(message, name).ToJsonString() if message.HasField(name) else ""
        for name in ("booked_from", "booked_to")
    ]
    parts = ["customer", *(one for one in _PARTS if not wanted.parts or one in wanted.parts)]
    mine = [key.fingerprint.hex(), parts, *period, named]
    for run in runs.runs:
        facts = run.facts
        its = [facts.get(n) for n in ("recipient", "parts", "booked_from", "booked_to", "named")]
        if its != mine:
            raise CommandError(
                "The export that was begun is another one: give the same recipient, customers, "
                "parts and period, or name another folder.",
                "已开始的导出与此不同：请使用相同的接收方、客户、内容与期间，或指定其他文件夹。",
                INPUT,
            )


def _export(
    client: VaultServices,
    runs: Runs,
    key: PublicKey,
    asked: options.FullRead,
    wanted: FileSelection,
    names: list[str],
) -> None:
    after = f"{client.profile.parent}/customers/{runs.after}" if runs.after else ""
    folder: RunFolder | None = None
    try:
        with bar(TextColumn("{task.completed:,}/{task.total:,}")) as progress:
            task = progress.add_task(say("exporting", "正在导出"), total=0)
            for answer in client.exports.export(
                Recipient(key.x25519, key.ml_kem),
                purpose=asked.purpose,
                case_reference=asked.case_reference,
                check_out=asked.check_out,
                selection=wanted,
                customers=names,
                after=after,
            ):
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


def _tell(runs: Runs, *, as_json: bool) -> None:
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
