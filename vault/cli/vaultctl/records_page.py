"""The custodian's report of a month as one HTML file: a section a part, each with its plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from vault.cli.vaultctl.element_words import element_word
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.plots import Bar, bars, columns
from vault.cli.vaultctl.printable import document, safe
from vault.cli.vaultctl.records_figures import Figures, Part
from vault.cli.vaultctl.records_words import word

_STYLE = """
svg { display: block; max-width: 100%; height: auto; margin: .4rem 0 .8rem; }
svg text { font-size: 12px; fill: #1b1f24; }
section { break-inside: avoid; }
p.closed { color: #57606a; font-style: italic; }
.sign { margin-top: 3rem; display: flex; gap: 4rem; }
.sign span { border-top: 1px solid #57606a; min-width: 16rem; padding-top: .3rem; }
@media print { @page { size: A4 portrait; margin: 14mm; } }
"""
_RISKS = ("HIGH", "MEDIUM", "LOW", "UNSPECIFIED")


def page(found: Figures, institution: str) -> str:
    """The file's text."""
    month = f"{found.period.first:%Y-%m}"
    heading = say(
        f"Custodian's report, {institution}, {month}", f"档案保管月报（{institution}，{month}）"
    )
    about = say(
        f"Disposals and accesses of {month} (UTC); all else as it stood on {found.day}",
        f"处置与访问为 {month}（UTC）数据；其余为 {found.day} 的状态",
    )
    return document(heading, [about], _body(found), _STYLE)


def _body(found: Figures) -> Iterator[str]:
    sections = {
        Part.COMPLETENESS: _completeness,
        Part.DUE: _due,
        Part.CUSTODIANS: _custodians,
        Part.DISPOSAL: _disposal,
        Part.HOLDS: _holds,
        Part.ACCESSES: _accesses,
        Part.HEALTH: _health,
    }
    for part, section in sections.items():
        title = word(part)
        yield f"<section>\n<h2>{safe(title[:1].upper() + title[1:])}</h2>\n"
        if part in found.closed:
            closed = say("Not open to who made this report: ", "未对报告生成者开放：")
            yield f'<p class="closed">{safe(closed + found.closed[part])}</p>\n'
        else:
            yield from section(found)
        yield "</section>\n"
    names = (say("Custodian, date", "保管人、日期"), say("Reviewed by, date", "复核人、日期"))
    yield '<div class="sign">' + "".join(f"<span>{safe(one)}</span>" for one in names) + "</div>\n"


def _completeness(found: Figures) -> Iterator[str]:
    total, whole = found.files.total(), found.complete.total()
    if not total:
        yield _nothing()
        return
    yield _sentence(
        say(
            f"Nothing is amiss in {whole:,} of {total:,} files ({whole / total:.1%}).",
            f"{total:,} 份档案中 {whole:,} 份完整（{whole / total:.1%}）。",
        )
    )
    lines = [
        Bar(word(risk), (found.complete[risk], found.files[risk] - found.complete[risk]))
        for risk in _RISKS
        if found.files[risk]
    ]
    legend = (say("complete", "完整"), say("something is amiss", "存在问题"))
    yield bars(say("Files by risk class", "按风险等级的档案"), legend, lines)
    amiss = [
        Bar(element_word(name), (count,)) for name, count in found.amiss.most_common(10) if count
    ]
    if amiss:
        said = say("missing, expired or unverified", "缺失、过期或未核实")
        yield bars(say("Elements most often amiss", "最常见的问题要素"), (said,), amiss)


def _due(found: Figures) -> Iterator[str]:
    late, coming = found.overdue.total(), found.coming.total()
    if not late + coming:
        yield _nothing()
        return
    yield _sentence(
        say(
            f"{late:,} are overdue; {coming:,} fall due within ninety days.",
            f"{late:,} 项已逾期；{coming:,} 项将在九十天内到期。",
        )
    )
    kinds = sorted(found.overdue | found.coming)
    lines = [Bar(word(kind), (found.coming[kind], found.overdue[kind])) for kind in kinds]
    legend = (say("coming", "即将到期"), say("overdue", "已逾期"))
    yield bars(say("By kind", "按类型"), legend, lines)
    months = sorted(found.due_months.items())[-24:]
    said = say("due in the month", "当月到期")
    title = say("By month", "按月份")
    yield columns(title, (said,), [Bar(month, (count,)) for month, count in months])


def _custodians(found: Figures) -> Iterator[str]:
    yield from _counted(found.custodians, say("files", "档案"), say("Who keeps them", "保管情况"))


def _disposal(found: Figures) -> Iterator[str]:
    done = found.disposed
    yield _sentence(
        say(
            f"Plans carried out in the month: {done['plans']:,}; scopes given up: "
            f"{done['scopes']:,}; rows taken away: {done['rows']:,}. In the newest plan, due: "
            f"{found.going:,}; kept although due: {found.blocked.total():,}.",
            f"本月执行计划 {done['plans']:,} 个：处置 {done['scopes']:,} 个范围，"
            f"删除 {done['rows']:,} 行。最新计划中到期 {found.going:,} 项，"
            f"到期但保留 {found.blocked.total():,} 项。",
        )
    )
    if found.blocked:
        title = say("Kept although due, by kind of cause", "到期但保留，按事由")
        yield from _counted(found.blocked, say("items", "项"), title)
    if found.plans:
        title = say("Plans under way", "进行中的计划")
        yield from _counted(found.plans, say("plans", "计划"), title)


def _holds(found: Figures) -> Iterator[str]:
    if not found.holds:
        yield _nothing()
        return
    yield _sentence(
        say(
            "Of compartments that whoever made this report is a member of. Show it to no others.",
            "仅含报告生成者所属保密案卷的冻结保留，不得向其他人出示。",
        )
    )
    title = say("Holds that stand, by kind", "有效冻结，按类型")
    yield from _counted(found.holds, say("holds", "项"), title)


def _accesses(found: Figures) -> Iterator[str]:
    if not found.accesses:
        yield _nothing()
        return
    lines = []
    day = found.period.first
    while day < found.period.behind:
        counts = (found.accesses[day, "allowed"], found.accesses[day, "denied"])
        lines.append(Bar(f"{day.day}", counts))
        day += timedelta(days=1)
    legend = (word("allowed"), word("denied"))
    yield columns(say("Calls by day", "每日调用"), legend, lines)
    yield from _counted(found.kinds, say("calls", "调用"), say("By kind", "按类型"))


def _health(found: Figures) -> Iterator[str]:
    yield "<table>\n<tbody>\n"
    for name, state, detail in found.health:
        kind = "" if state == "OK" else ' class="wrong"'
        cells = "".join(f"<td>{safe(cell)}</td>" for cell in (name, word(state), detail))
        yield f"<tr{kind}>{cells}</tr>\n"
    yield "</tbody>\n</table>\n"


def _counted(counts: Counter[str], unit: str, title: str) -> Iterator[str]:
    if not counts:
        yield _nothing()
        return
    lines = [Bar(word(name), (count,)) for name, count in counts.most_common()]
    yield bars(title, (unit,), lines)


def _sentence(text: str) -> str:
    return f"<p>{safe(text)}</p>\n"


def _nothing() -> str:
    return _sentence(say("Nothing.", "无。"))
