"""`vaultctl records status`: in a few lines, how the institution's files stand today; and
`vaultctl records report`: a month of it as a page to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from vault.cli.vaultctl import options
from vault.cli.vaultctl.element_words import element_word
from vault.cli.vaultctl.failures import CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console, write_json
from vault.cli.vaultctl.records_figures import Figures, Part, Period, gather
from vault.cli.vaultctl.records_page import page
from vault.cli.vaultctl.records_words import word
from vault.cli.vaultctl.reports import write_out
from vault.cli.vaultctl.session import session

Parts = Annotated[
    list[Part] | None, typer.Option("--part", help="This part only; repeatable. All if left out.")
]


def status(context: typer.Context, part: Parts = None, as_json: options.Json = False) -> None:
    """Say how the files stand: complete, due, kept, to be disposed of, looked at; and the vault.

    Counts only. Accesses are those of this month; holds those of the compartments that you are a
    member of, and of no other.
    """
    today = datetime.now(UTC).date()
    found = _gathered(context, part, _month(f"{today:%Y-%m}"), today)
    if as_json:
        write_json(plain(found))
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True, style="bold")
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for name, what, count, more in _lines(found):
        table.add_row(*(Text(clean(cell)) for cell in (name, what, count, more)))
    console().print(table)


def report(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The HTML file to write.")],
    month: Annotated[
        str, typer.Option("--month", metavar="YYYY-MM", help="Which; the last one if left out.")
    ] = "",
    part: Parts = None,
) -> None:
    """Write the custodian's report of a month: one HTML file with plots, to read and to print.

    Disposals and accesses are the month's; all else is as it stands today. Holds are those of the
    compartments that you are a member of: a report that others will see is made by somebody who is
    in none, or of the other parts (--part).
    """
    today = datetime.now(UTC).date()
    period = _month(month) if month else _before(today)
    if period.first > today:
        raise CommandError("That month has not begun.", "该月份尚未开始。")
    found = _gathered(context, part, period, today)
    write_out(page(found, session(context).profile().institution), out)


def _gathered(
    context: typer.Context, parts: list[Part] | None, period: Period, today: date
) -> Figures:
    return gather(session(context).client(), frozenset(parts or Part), period, today)


def _month(text: str) -> Period:
    if not re.fullmatch(r"(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])", text):
        raise CommandError(
            "--month is no month: write it as 2026-03.", "--month 不是有效月份：请写作 2026-03。"
        )
    first = date.fromisoformat(f"{text}-01")
    behind = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return Period(first, behind)


def _before(today: date) -> Period:
    first = today.replace(day=1)
    year, month = (first.year, first.month - 1) if first.month > 1 else (first.year - 1, 12)
    return Period(date(year, month, 1), first)


def _lines(found: Figures) -> Iterator[tuple[str, str, str, str]]:
    """Part, what is counted, how many, and what belongs to it."""
    for part in Part:
        if part in found.closed:
            yield word(part), say("not open to you", "未对您开放"), "", found.closed[part]
    total, whole = found.files.total(), found.complete.total()
    if total:
        share = f"{whole / total:.1%}"
        yield word(Part.COMPLETENESS), say("files complete", "完整档案"), f"{whole:,}", share
        yield "", say("files in all", "档案总数"), f"{total:,}", _worst(found)
    for kind in sorted(found.overdue | found.coming):
        late = found.overdue[kind]
        more = say(f"{late:,} of them overdue", f"其中 {late:,} 项已逾期") if late else ""
        yield word(Part.DUE), word(kind), f"{late + found.coming[kind]:,}", more
    for state, count in sorted(found.custodians.items()):
        yield word(Part.CUSTODIANS), word(state), f"{count:,}", ""
    for state, count in sorted(found.plans.items()):
        yield word(Part.DISPOSAL), word(state), f"{count:,}", ""
    for cause, count in sorted(found.blocked.items()):
        yield word(Part.DISPOSAL), word(cause), f"{count:,}", say("due, and kept", "到期但保留")
    for kind, count in sorted(found.holds.items()):
        more = say("of your own compartments", "本人所属案卷")
        yield word(Part.HOLDS), word(kind), f"{count:,}", more
    for kind, count in found.kinds.most_common():
        yield word(Part.ACCESSES), word(kind), f"{count:,}", ""
    denied = sum(count for (_, how), count in found.accesses.items() if how == "denied")
    if found.accesses:
        yield word(Part.ACCESSES), word("denied"), f"{denied:,}", ""
    for name, state, detail in found.health:
        yield word(Part.HEALTH), name, word(state), detail


def _worst(found: Figures) -> str:
    worst = [
        f"{element_word(name)} {count:,}" for name, count in found.amiss.most_common(3) if count
    ]
    if not worst:
        return ""
    return say(f"most often amiss: {', '.join(worst)}", f"最常见问题：{'、'.join(worst)}")


def plain(found: Figures) -> dict[str, Any]:
    """The figures for machines."""
    days: dict[str, dict[str, int]] = {}
    for (day, how), count in sorted(found.accesses.items()):
        days.setdefault(day.isoformat(), {})[how] = count
    return {
        "day": found.day.isoformat(),
        "from": found.period.first.isoformat(),
        "to": found.period.behind.isoformat(),
        "not_open": {part.value: why for part, why in found.closed.items()},
        "files": dict(found.files),
        "complete": dict(found.complete),
        "amiss": dict(found.amiss),
        "overdue": dict(found.overdue),
        "coming": dict(found.coming),
        "custodians": dict(found.custodians),
        "disposed": dict(found.disposed),
        "plans": dict(found.plans),
        "blocked": dict(found.blocked),
        "going": found.going,
        "holds": dict(found.holds),
        "accesses": days,
        "kinds": dict(found.kinds),
        "health": [
            {"part": name, "state": state, "detail": detail} for name, state, detail in found.health
        ],
    }
