"""`vaultctl export`: customers' files for an authority or for the customer, sealed to one key."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import DownloadColumn, TransferSpeedColumn

from recordsvault_client import FileSelection, Recipient, VaultServices
from vault.bundles import Recipient as PublicKey
from vault.cli.vaultctl import options
from vault.cli.vaultctl.bundle_files import recipient, whole_file
from vault.cli.vaultctl.export_many import after_name, fill, finished, runs_in, tell, whose
from vault.cli.vaultctl.export_merged import not_exported, tell_merged
from vault.cli.vaultctl.export_runs import Runs
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

app = typer.Typer(add_completion=False, help="Customers' files, sealed to who is to have them.")
_PARTS: Final = ("documents", "transactions", "contents")


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
    names = whose(client, customer, every=every)
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
    runs = runs_in(out, go_on=go_on)
    _same(runs, key, wanted, len(names))
    fill(
        runs,
        client.exports.export(
            Recipient(key.x25519, key.ml_kem),
            purpose=asked.purpose,
            case_reference=asked.case_reference,
            check_out=asked.check_out,
            selection=wanted,
            customers=sorted(names),
            after=after_name(runs, client.profile.parent),
        ),
    )
    done = finished(out)
    try:
        tell_merged(not_exported(done))
    except OSError as error:
        raise options.unreadable(out, error) from None
    tell(done, as_json=as_json)


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
    merged: list[str] = []
    with whole_file(out) as file, bar(DownloadColumn(), TransferSpeedColumn()) as progress:
        task = progress.add_task(say("producing", "正在出具"), total=None)
        for piece in client.exports.produce(
            name,
            Recipient(key.x25519, key.ml_kem),
            purpose=asked.purpose,
            case_reference=asked.case_reference,
            check_out=asked.check_out,
            selection=wanted,
            merged=merged.extend,
        ):
            size += file.write(piece)
            progress.update(task, completed=size)
    took = time.monotonic() - began
    tell_merged(merged)
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
