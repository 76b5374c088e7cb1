"""`vaultctl records completeness` and `vaultctl records due`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TextColumn

from recordsvault.life.v1 import life_pb2 as pb
from recordsvault.records.v1.completeness_pb2 import DueKind
from recordsvault.type.v1.party_pb2 import RiskClass
from vault.cli.vaultctl import options
from vault.cli.vaultctl.calendar_file import DueRow, calendar, table
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, console, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.records_tables import (
    RISK,
    By,
    counted_table,
    counts_table,
    due_table,
    due_titles,
    named_table,
    segments_table,
)
from vault.cli.vaultctl.session import session

Branch = Annotated[str, typer.Option("--branch", metavar="BRANCH", help="Of this branch only.")]
Segments = Annotated[
    list[str] | None,
    typer.Option("--segment", metavar="SEGMENT", help="Of this segment only; repeatable."),
]


class Risk(StrEnum):
    """A risk class, as an option has it."""

    UNSPECIFIED = "unspecified"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


Risks = Annotated[
    list[Risk] | None, typer.Option("--risk", help="Of this risk class only; repeatable.")
]


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
    risk: Risks = None,
    segment: Segments = None,
    files: Annotated[
        bool, typer.Option("--files", help="Also name the files in which something is amiss.")
    ] = False,
    day: Annotated[
        str, typer.Option("--day", metavar="YYYY-MM-DD", help="As of this day; today if left out.")
    ] = "",
    as_json: options.Json = False,
) -> None:
    """Say how complete the institution's files are, by branch and risk class, and by segment."""
    client = session(context).client()
    named: list[pb.IncompleteFile] = []
    counts: list[pb.CompletenessCount] = []
    segments: list[pb.SegmentCount] = []
    examined = 0
    with bar(TextColumn("{task.completed:,}")) as progress:
        task = progress.add_task(say("looking", "正在检查"), total=None)
        for part in client.files.completeness(
            branch=branch,
            risk_classes=_risks(risk),
            segments=segment or (),
            name_files=files,
            day=options.day(day, "--day"),
        ):
            examined = part.examined
            named.extend(part.files)
            counts.extend(part.counts)
            segments.extend(part.segments)
            progress.update(task, completed=examined)
    if as_json:
        write_json(
            {
                "examined": examined,
                "counts": [as_dict(one) for one in counts],
                "segments": [as_dict(one) for one in segments],
                "files": [as_dict(one) for one in named],
            }
        )
        return
    out = console()
    out.print(counts_table(counts))
    # Where no file is of any, there is nothing to tell apart.
    if any(one.segment for one in segments):
        out.print()
        out.print(segments_table(segments))
    if named:
        out.print(named_table(named))


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
    risk: Risks = None,
    segment: Segments = None,
    count: Annotated[
        By | None, typer.Option("--count", help="Only count, by this, instead of a list.")
    ] = None,
    ics: Annotated[
        Path | None, typer.Option("--ics", metavar="FILE", help="As a calendar; - for stdout.")
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="As a table; - for stdout.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List what falls due: documents that end, reviews, relationships that become dormant, persons
    who are to be answered, and files whose custodian has left."""
    if (ics is not None) + (csv is not None) + as_json > 1:
        raise CommandError(
            "Name one of --ics, --csv and --json.", "--ics、--csv 与 --json 只能择一。"
        )
    if count is not None and (ics is not None or csv is not None):
        raise CommandError(
            "--count is for a table or --json.", "--count 仅可用于表格或 --json 输出。"
        )
    asked = (
        session(context)
        .client()
        .files.due(
            until=options.day(until, "--until"),
            kinds=[DueKind.Value(f"DUE_KIND_{one.name}") for one in kind or ()],
            branch=branch,
            custodian=custodian,
            risk_classes=_risks(risk),
            segments=segment or (),
        )
    )
    found = sorted(map(_row, asked), key=lambda row: (row.day, row.customer, row.kind, row.path))
    if count is not None:
        counted = _counted(found, count)
        if as_json:
            write_json({"counts": counted})
        else:
            console().print(counted_table(counted, count))
    elif ics is not None:
        _write(ics, calendar(found, due_titles(), datetime.now(UTC)))
    elif csv is not None:
        _write(csv, table(found))
    elif as_json:
        write_json({"due": [_plain(row) for row in found]})
    else:
        console().print(due_table(found))


def _risks(given: list[Risk] | None) -> list[RiskClass.ValueType]:
    return [RiskClass.Value(f"{RISK}{one.name}") for one in given or ()]


def _row(one: pb.FileDue) -> DueRow:
    on = one.due.due_date
    return DueRow(
        date(on.year, on.month, on.day),
        DueKind.Name(one.due.kind).removeprefix("DUE_KIND_"),
        one.customer,
        one.due.path,
        one.custodian,
        one.branch,
        RiskClass.Name(one.risk_class).removeprefix(RISK),
        tuple(one.segments),
    )


def _plain(row: DueRow) -> dict[str, Any]:
    return {
        "due_date": row.day.isoformat(),
        "kind": row.kind,
        "customer": row.customer,
        "path": row.path,
        "custodian": row.custodian,
        "branch": row.branch,
        "risk_class": row.risk_class,
        "segments": list(row.segments),
    }


def _counted(rows: list[DueRow], by: By) -> dict[str, int]:
    """How many there are of each; one of several segments counts in each."""
    found: Counter[str] = Counter()
    for row in rows:
        if by is By.SEGMENT:
            found.update(row.segments or ("",))
        else:
            found[getattr(row, "risk_class" if by is By.RISK else by.value)] += 1
    return dict(sorted(found.items()))


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
