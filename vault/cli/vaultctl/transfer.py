"""`vaultctl transfer`: customers' files to another vault, and from one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from recordsvault.bundles.v1 import transfers_pb2 as pb
from recordsvault_client import Recipient
from vault.audit.note import NoteInvalid, parse_note
from vault.cli.vaultctl import customers, options
from vault.cli.vaultctl.bundle_files import recipient
from vault.cli.vaultctl.export_many import after_name, fill, finished, runs_in, tell, whose
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.transfer_in import take_in

app = typer.Typer(
    add_completion=False,
    help="Customers' files to another vault, and from one, with history and proofs.",
    no_args_is_help=True,
)
app.command("in")(take_in)
_MAX_NOTE: Final = 65_536


@app.command("out")
def out(
    context: typer.Context,
    folder: Annotated[Path, typer.Option("--out", metavar="FOLDER", help="New folder.")],
    to: Annotated[
        Path,
        typer.Option("--recipient", metavar="FILE", help="Public key (PEM) of who takes them."),
    ],
    customer: Annotated[
        list[str] | None,
        typer.Option("--customer", metavar="NAME", help="Customer. Repeatable."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All customers.")] = False,
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    go_on: Annotated[
        bool,
        typer.Option("--go-on", help="Go on in the folder, by the same check-out if it stands."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Hand customers' files to another vault: sealed bundles of every version, with the proofs.

    By a check-out of the institution that two others agreed to, whose reason has the fingerprint of
    the recipient's key (`vaultctl checkout request institution --whole-file --reason ...`), for a
    regulator's or a court's order. Holds and investigations do not go along.
    """
    client = session(context).client()
    names = whose(client, customer, every=every)
    asked = options.full_read(purpose, case, "", check_out, client.profile)
    key = recipient(to)
    fingerprint = key.fingerprint.hex()
    if not asked.check_out:
        raise CommandError(
            "Name the check-out: ask for one with `vaultctl checkout request institution "
            f"--whole-file --reason '... {fingerprint}'`; two others have to agree.",
            "请指明借阅：先用 `vaultctl checkout request institution --whole-file --reason "
            f"'... {fingerprint}'` 申请，须经另外两人审批。",
        )
    runs = runs_in(folder, go_on=go_on)
    for run in runs.runs:
        if (run.facts.get("recipient"), run.facts.get("named")) != (fingerprint, len(names)):
            raise CommandError(
                "The transfer that was begun is another one: give the same recipient and "
                "customers, or name another folder.",
                "已开始的移交与此不同：请使用相同的接收方与客户，或指定其他文件夹。",
                INPUT,
            )
    fill(
        runs,
        client.transfers.hand_over(
            Recipient(key.x25519, key.ml_kem),
            purpose=asked.purpose,
            case_reference=asked.case_reference,
            check_out=asked.check_out,
            customers=sorted(names),
            after=after_name(runs, client.profile.parent),
        ),
    )
    tell(finished(folder), as_json=as_json)


@app.command("acknowledge")
def acknowledge(
    context: typer.Context,
    notes: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Acknowledgements, or folders of them (*.ack)."),
    ],
    as_json: options.Json = False,
) -> None:
    """Take the word of another vault that it has received files: their relationships end here.

    Each is verified by the key of a log that this vault was told to trust. The same again changes
    nothing.
    """
    client = session(context).client()
    for path, data in _notes(notes):
        done = client.transfers.acknowledge(_file_of(path, data), data)
        if as_json:
            write_json(as_dict(done))
        else:
            sys.stdout.write(
                say(
                    f"{clean(str(path))}: received as {clean(done.received_as)}.\n",
                    f"{clean(str(path))}：已由对方接收，名称 {clean(done.received_as)}。\n",
                )
            )


@app.command("show")
def show(
    context: typer.Context,
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER")],
    as_json: options.Json = False,
) -> None:
    """Show where a customer's file came from and where it went, with the times of before."""
    client = session(context).client()
    name = options.resource_name(customer, customers.PATTERN, client.profile)
    token, out = "", console()
    while True:
        page = client.transfers.get(name, page_size=1000, page_token=token)
        if as_json:
            write_json(as_dict(page))
        else:
            for line in _lines(page):
                out.print(Text(clean(line)), soft_wrap=True)
        token = page.next_page_token
        if not token:
            return


def _lines(page: pb.GetTransferResponse) -> Iterator[str]:
    for one in page.departures:
        when = one.record_time.ToJsonString()
        if one.received_as:
            yield say(
                f"received as {one.received_as}; acknowledged {when} by {one.recorded_by}",
                f"已由对方接收，名称 {one.received_as}；{when} 由 {one.recorded_by} 登记回执",
            )
        else:
            yield say(
                f"left {when} by {one.recorded_by}, sealed to {one.recipient}; not acknowledged",
                f"{when} 由 {one.recorded_by} 移出，密封至 {one.recipient}；尚无回执",
            )
    if page.HasField("arrival"):
        arrival = page.arrival
        when = arrival.record_time.ToJsonString()
        state = say("came", "移入自") if arrival.acknowledgement else say("arriving", "正在移入")
        yield f"{state} {when}: {arrival.origin} ({arrival.origin_log})"
    for origin in page.origins:
        when = origin.record_time.ToJsonString()
        yield say(
            f"{origin.name}@{origin.version} was recorded there {when} by {origin.recorded_by}",
            f"{origin.name}@{origin.version} 在来源机构由 {origin.recorded_by} 于 {when} 记录",
        )


def _notes(paths: list[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in paths:
        try:
            for file in sorted(path.rglob("*.ack")) if path.is_dir() else [path]:
                with file.open("rb") as opened:
                    yield file, opened.read(_MAX_NOTE)
        except OSError as error:
            raise options.unreadable(path, error) from None


def _file_of(path: Path, data: bytes) -> str:
    """The file that an acknowledgement is about. What it proves is the vault's to say."""
    try:
        lines = parse_note(data).text.split("\n")
        (origin,) = (line for line in lines if line.startswith("from "))
        return origin.split(" ")[2]
    except (NoteInvalid, ValueError, IndexError):
        raise CommandError(
            f"{path} is no acknowledgement of a transfer.", f"{path} 不是移交回执。", INPUT
        ) from None
