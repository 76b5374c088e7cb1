"""`vaultctl records completeness` and `vaultctl records due`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TextColumn
from rich.table import Table
from rich.text import Text

from recordsvault.life.v1 import life_pb2 as pb
from recordsvault.records.v1.completeness_pb2 import DueKind
from recordsvault.type.v1.party_pb2 import RiskClass
from recordsvault_client import VaultServices
from vault.cli.vaultctl import options
from vault.cli.vaultctl.calendar_file import DueRow, calendar, table
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

Branch = Annotated[str, typer.Option("--branch", metavar="BRANCH", help="Of this branch only.")]


class Risk(StrEnum):
    """A risk class, as an option has it."""

    UNSPECIFIED = "unspecified"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Kind(StrEnum):
    """What falls due, as an option has it."""

    DOCUMENT_EXPIRY = "document-expiry"
    REVIEW = "review"
    DORMANT = "dormant"
    SUBJECT_REQUEST = "subject-request"
    CUSTODIAN_LEFT = "custodian-left"


def completeness(
    context: typer.Context,
    branch: Branch = "",
    risk: Annotated[
        list[Risk] | None, typer.Option("--risk", help="Of this risk class only; repeatable.")
    ] = None,
    files: Annotated[
        bool, typer.Option("--files", help="Also name the files in which something is amiss.")
    ] = False,
    day: Annotated[
        str, typer.Option("--day", metavar="YYYY-MM-DD", help="As of this day; today if left out.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Say how complete the institution's files are, by branch and risk class."""
    client = session(context).client()
    risks = [RiskClass.Value(f"RISK_CLASS_{one.name}") for one in risk or ()]
    named: list[pb.IncompleteFile] = []
    counts: list[pb.CompletenessCount] = []
    examined = 0
    with bar(TextColumn("{task.completed:,}")) as progress:
        task = progress.add_task(say("looking", "正在检查"), total=None)
        for part in client.files.completeness(
            branch=branch,
            risk_classes=risks,
            name_files=files,
            day=options.day(day, "--day"),
        ):
            examined = part.examined
            named.extend(part.files)
            counts.extend(part.counts)
            progress.update(task, completed=examined)
    if as_json:
        write_json(
            {
                "examined": examined,
                "counts": [as_dict(one) for one in counts],
                "files": [as_dict(one) for one in named],
            }
        )
        return
    out = console()
    out.print(_counts(counts))
    if named:
        out.print(_named(named))


def due(
    context: typer.Context,
    until: Annotated[
        str,
        typer.Option("--until", metavar="YYYY-MM-DD", help="Last day; in 90 days if left out."),
    ] = "",
    kind: Annotated[
        list[Kind] | None, typer.Option("--kind", help="Of this kind only; repeatable.")
    ] = None,
    branch: Branch = "",
    custodian: Annotated[
        str, typer.Option("--custodian", metavar="NAME", help="Of this custodian's files only.")
    ] = "",
    ics: Annotated[
        Path | None, typer.Option("--ics", metavar="FILE", help="As a calendar; - for stdout.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="As a table; - for stdout.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List what falls due: documents that end, reviews, relationships that become dormant, and
    persons who are to be answered."""
    if (ics is not None) + (csv is not None) + as_json > 1:
        raise CommandError(
            "Name one of --ics, --csv and --json.", "--ics、--csv 与 --json 只能择一。"
        )
    client = session(context).client()
    found = sorted(
        _rows(client, until, kind or [], branch, custodian),
        key=lambda row: (row.day, row.customer, row.kind, row.path),
    )
    if ics is not None:
        _write(ics, calendar(found, _titles(), datetime.now(UTC)))
    elif csv is not None:
        _write(csv, table(found))
    elif as_json:
        write_json({"due": [_plain(row) for row in found]})
    else:
        console().print(_due(found))


def _rows(
    client: VaultServices, until: str, kinds: list[Kind], branch: str, custodian: str
) -> Iterator[DueRow]:
    for one in client.files.due(
        until=options.day(until, "--until"),
        kinds=[DueKind.Value(f"DUE_KIND_{kind.name}") for kind in kinds],
        branch=branch,
        custodian=custodian,
    ):
        on = one.due.due_date
        yield DueRow(
            date(on.year, on.month, on.day),
            DueKind.Name(one.due.kind).removeprefix("DUE_KIND_"),
            one.customer,
            one.due.path,
            one.custodian,
            one.branch,
        )


def _plain(row: DueRow) -> dict[str, str]:
    return {
        "due_date": row.day.isoformat(),
        "kind": row.kind,
        "customer": row.customer,
        "path": row.path,
        "custodian": row.custodian,
        "branch": row.branch,
    }


def _titles() -> dict[str, str]:
    return {
        "DOCUMENT_EXPIRY": say("A document expires", "证件到期"),
        "REVIEW": say("A file is to be reviewed", "客户资料复核"),
        "DORMANT": say("A relationship becomes dormant", "业务关系转为休眠"),
        "SUBJECT_REQUEST": say("A person is to be answered", "答复个人信息请求"),
        "CUSTODIAN_LEFT": say("A file needs a custodian", "档案待指定保管人"),
    }


def _write(to: Path, lines: Iterator[str]) -> None:
    if str(to) == "-":
        for line in lines:
            sys.stdout.write(line)
        return
    try:
        with to.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
    except OSError as error:
        raise options.unreadable(to, error) from None


def _counts(counts: list[pb.CompletenessCount]) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        say("branch", "网点"),
        say("risk class", "风险等级"),
        say("files", "档案数"),
        say("complete", "完整"),
        say("missing", "缺失"),
        say("expired", "过期"),
        say("unverified", "未核实"),
        say("ownership", "股权"),
        say("conflicts", "矛盾"),
    ):
        made.add_column(title)
    for one in counts:
        cells = (
            one.branch,
            RiskClass.Name(one.risk_class).removeprefix("RISK_CLASS_"),
            str(one.files),
            str(one.complete),
            *(
                _elements((element.element, getattr(element, state)) for element in one.elements)
                for state in ("missing", "expired", "unverified")
            ),
            str(one.ownership),
            str(one.conflicts),
        )
        made.add_row(*(Text(clean(cell)) for cell in cells))
    return made


def _elements(counted: Iterator[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted if count)


def _named(files: list[pb.IncompleteFile]) -> Table:
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column(say("customer", "客户"), overflow="fold")
    made.add_column(say("what is amiss", "问题"), overflow="fold")
    for one in files:
        amiss = [
            *(f"{name}: {say('missing', '缺失')}" for name in one.missing),
            *(f"{name}: {say('expired', '过期')}" for name in one.expired),
            *(f"{name}: {say('unverified', '未核实')}" for name in one.unverified),
            *(f"{found.kind} {found.path}" for found in one.ownership),
            *(f"{found.path}: {found.differs}" for found in one.conflicts),
        ]
        made.add_row(Text(clean(one.customer)), Text(clean("; ".join(amiss))))
    return made


def _due(rows: list[DueRow]) -> Table:
    titles = _titles()
    made = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        say("due", "到期日"),
        say("what", "事项"),
        say("customer", "客户"),
        say("where", "位置"),
        say("custodian", "保管人"),
    ):
        made.add_column(title, overflow="fold")
    for row in rows:
        cells = (row.day.isoformat(), titles[row.kind], row.customer, row.path, row.custodian)
        made.add_row(*(Text(clean(cell)) for cell in cells))
    return made
