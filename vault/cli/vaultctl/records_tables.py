"""The tables of `vaultctl records completeness` and `vaultctl records due`."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from rich.table import Table
from rich.text import Text

from recordsvault.life.v1 import life_pb2 as pb
from recordsvault.type.v1.party_pb2 import RiskClass
from vault.cli.vaultctl.calendar_file import DueRow
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean

RISK = "RISK_CLASS_"


class By(StrEnum):
    """What is counted by, as an option has it."""

    KIND = "kind"
    BRANCH = "branch"
    RISK = "risk"
    SEGMENT = "segment"
    CUSTODIAN = "custodian"


def counted_table(counts: dict[str, int], by: By) -> Table:
    """How many fall due, by something."""
    titles = due_titles() if by is By.KIND else {}
    made = Table(box=None, header_style="bold", pad_edge=False)
    made.add_column(
        {
            By.KIND: say("what", "事项"),
            By.BRANCH: say("branch", "网点"),
            By.RISK: say("risk class", "风险等级"),
            By.SEGMENT: say("segment", "分类"),
            By.CUSTODIAN: say("custodian", "保管人"),
        }[by]
    )
    made.add_column(say("due", "到期"), justify="right")
    for name, count in counts.items():
        made.add_row(Text(clean(titles.get(name, name) or say("none", "无"))), f"{count:,}")
    return made


def due_titles() -> dict[str, str]:
    """What each kind is called that falls due."""
    return {
        "DOCUMENT_EXPIRY": say("A document expires", "证件到期"),
        "REVIEW": say("A file is to be reviewed", "客户资料复核"),
        "DORMANT": say("A relationship becomes dormant", "业务关系转为休眠"),
        "SUBJECT_REQUEST": say("A person is to be answered", "答复个人信息请求"),
        "CUSTODIAN_LEFT": say("A file needs a custodian", "档案待指定保管人"),
    }


def counts_table(counts: list[pb.CompletenessCount]) -> Table:
    """How complete the files are, by branch and risk class."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for title in (
        say("branch", "网点"),
        say("risk class", "风险等级"),
        *_titles_of_figures(),
    ):
        made.add_column(title)
    for one in counts:
        cells = (
            one.branch,
            RiskClass.Name(one.risk_class).removeprefix(RISK),
            *_figures(one),
        )
        made.add_row(*(Text(clean(cell)) for cell in cells))
    return made


def segments_table(counts: list[pb.SegmentCount]) -> Table:
    """The same by segment."""
    made = Table(box=None, header_style="bold", pad_edge=False)
    for title in (say("segment", "分类"), *_titles_of_figures()):
        made.add_column(title)
    for one in counts:
        cells = (one.segment or say("none", "无"), *_figures(one))
        made.add_row(*(Text(clean(cell)) for cell in cells))
    return made


def _figures(one: pb.CompletenessCount | pb.SegmentCount) -> tuple[str, ...]:
    return (
        str(one.files),
        str(one.complete),
        *(
            _elements((element.element, getattr(element, state)) for element in one.elements)
            for state in ("missing", "expired", "unverified")
        ),
        str(one.ownership),
        str(one.conflicts),
    )


def _titles_of_figures() -> tuple[str, ...]:
    return (
        say("files", "档案数"),
        say("complete", "完整"),
        say("missing", "缺失"),
        say("expired", "过期"),
        say("unverified", "未核实"),
        say("ownership", "股权"),
        say("conflicts", "矛盾"),
    )


def _elements(counted: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted if count)


def named_table(files: list[pb.IncompleteFile]) -> Table:
    """Files in which something is amiss."""
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


def due_table(rows: list[DueRow]) -> Table:
    """What falls due."""
    titles = due_titles()
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
