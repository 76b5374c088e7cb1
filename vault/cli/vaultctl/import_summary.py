"""What became of the files of an import: table or JSON; of statements, whether they add up."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from vault.cli.vaultctl.import_run import Totals
from vault.cli.vaultctl.import_sums import Sums
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, console, write_json
from vault.cli.vaultctl.statements.amounts import shown
from vault.cli.vaultctl.statements.reconcile import TELLS, Finding, Reconciliation


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    file: Path
    totals: Totals
    seconds: float
    rejected: Path
    reconciliation: Reconciliation | None = None

    @property
    def adds_up(self) -> bool:
        """Whether nothing is wrong with its statements, if it has any."""
        return self.reconciliation is None or self.reconciliation.adds_up


def write_summary(results: Sequence[FileResult], as_json: bool) -> None:
    """Write what became of the files, on stdout."""
    if as_json:
        write_json(
            {
                "files": [_plain(result) for result in results],
                "rows": sum(result.totals.rows for result in results),
                "stored": sum(result.totals.stored for result in results),
                "refused": sum(result.totals.refused for result in results),
                "already_there": sum(result.totals.there for result in results),
            }
        )
        return
    console().print(_files(results))
    for result in results:
        if result.reconciliation is not None:
            _write_statements(result, result.reconciliation)
    for result in results:
        if result.totals.refused:
            sys.stderr.write(
                say(
                    f"vaultctl: refused rows, with the reason: {result.rejected}\n",
                    f"vaultctl：被拒绝的行及原因见：{result.rejected}\n",
                )
            )


def write_check(file: Path, found: Reconciliation, as_json: bool) -> None:
    """Write what a check alone has found, on stdout."""
    if as_json:
        write_json({"file": str(file), "statements": _statements(found)})
        return
    _write_findings(file, found)


def _plain(result: FileResult) -> dict[str, Any]:
    totals = result.totals
    out: dict[str, Any] = {
        "file": str(result.file),
        "rows": totals.rows,
        "stored": totals.stored,
        "refused": totals.refused,
        "already_there": totals.there,
        "resumed": totals.resumed,
        "seconds": round(result.seconds, 3),
        "rejected_file": str(result.rejected) if totals.refused else "",
    }
    if result.reconciliation is not None:
        out["statements"] = _statements(result.reconciliation)
        out["sums"] = {
            "read": _sums(totals.read_sums),
            "stored": _sums(totals.stored_sums),
            "refused": _sums(totals.refused_sums),
            "already_there": _sums(totals.there_sums),
        }
    return out


def _sums(sums: Sums) -> dict[str, dict[str, str]]:
    return {
        currency: {"credit": shown(credit), "debit": shown(debit)}
        for currency, (credit, debit) in sorted(sums.by_currency.items())
    }


def _statements(found: Reconciliation) -> dict[str, Any]:
    return {
        "count": found.statements,
        "proved": found.proved,
        "entries": found.entries,
        "not_understood": found.broken,
        "not_booked": found.not_booked,
        "reversals": found.reversals,
        "findings": [_finding(one) for one in found.findings],
        "more_findings": found.unlisted,
    }


def _finding(one: Finding) -> dict[str, Any]:
    out: dict[str, Any] = {
        "statement": one.place,
        "number": one.number,
        "account_end": one.account_end,
        "faults": [fault.value for fault in one.faults],
    }
    if one.difference is not None:
        out["difference"] = {"amount": shown(one.difference), "currency": one.currency}
    return out


def _files(results: Sequence[FileResult]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(say("file", "文件"))
    for title in (
        say("rows", "行数"),
        say("stored", "已存储"),
        say("refused", "被拒绝"),
        say("already there", "此前已存储"),
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
            f"{totals.there:,}",
            f"{totals.resumed:,}",
            f"{result.seconds:,.1f}",
            f"{now / result.seconds:,.0f}" if now and result.seconds else "-",
        )
    return table


def _write_statements(result: FileResult, found: Reconciliation) -> None:
    totals = result.totals
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in (say("sums", "合计"), say("currency", "币种")):
        table.add_column(title)
    for title in (say("credits", "贷方"), say("debits", "借方")):
        table.add_column(title, justify="right")
    for name, sums in (
        (say("read", "已读取"), totals.read_sums),
        (say("stored", "已存储"), totals.stored_sums),
        (say("refused", "被拒绝"), totals.refused_sums),
        (say("already there", "此前已存储"), totals.there_sums),
    ):
        for currency, (credit, debit) in sorted(sums.by_currency.items()):
            table.add_row(name, currency, shown(credit), shown(debit))
    console().print(table)
    _write_findings(result.file, found)


def _write_findings(file: Path, found: Reconciliation) -> None:
    out = console()
    out.print(
        Text(
            say(
                f"{file.name}: {found.statements:,} statements, {found.entries:,} entries; opening "
                f"+ movements = closing in {found.proved:,}; not understood {found.broken:,}, not "
                f"booked {found.not_booked:,}, reversals {found.reversals:,}.",
                f"{file.name}：{found.statements:,} 份对账单，{found.entries:,} 笔分录；"
                f"期初 + 发生额 = 期末：{found.proved:,} 份；无法读取 {found.broken:,} 笔，"
                f"未入账 {found.not_booked:,} 笔，冲正 {found.reversals:,} 笔。",
            )
        )
    )
    for one in found.findings:
        faults = "; ".join(say(*TELLS[fault]) for fault in one.faults)
        if one.difference is not None:
            faults += say(" (off by ", "（差额 ") + f"{shown(one.difference)} {clean(one.currency)}"
            faults += say(")", "）")
        number = "-" if one.number is None else f"{one.number}"
        out.print(
            Text(
                say(
                    f"  statement {one.place} (number {number}, account ...{one.account_end}): "
                    f"{faults}",
                    f"  对账单 {one.place}（编号 {number}，账户尾号 {one.account_end}）：{faults}",
                )
            )
        )
    if found.unlisted:
        out.print(say(f"  and {found.unlisted:,} more", f"  另有 {found.unlisted:,} 份"))
