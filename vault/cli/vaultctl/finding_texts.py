"""What a finding means, in a sentence for the person who has to act on it."""

from __future__ import annotations

from collections.abc import Callable

from vault.audit.findings import Finding, Kind
from vault.cli.vaultctl.language import say

_Words = Callable[[Finding], tuple[str, str]]


def _span(f: Finding) -> str:
    return str(f.first) if f.first == f.last else f"{f.first}-{f.last}"


def _slot(f: Finding) -> tuple[str, str]:
    return (f" (hash {f.first})", f"（第 {f.first} 个哈希）") if f.first >= 0 else ("", "")


_TEXTS: dict[Kind, _Words] = {
    Kind.CHECKPOINT_MISSING: lambda f: (
        "there is no checkpoint: nothing here is signed, so nothing can be relied on",
        "没有检查点：此处内容均未签名，不可信赖",
    ),
    Kind.CHECKPOINT_INVALID: lambda f: (
        f"the checkpoint was not signed by the log's key ({f.detail}): who wrote this is unknown, "
        "and the whole may be forged",
        f"检查点并非由该日志的密钥签名（{f.detail}）：来源不明，整个日志可能是伪造的",
    ),
    Kind.EARLIER_INVALID: lambda f: (
        f"the earlier checkpoint was not signed by the log's key ({f.detail}): it proves nothing",
        f"先前的检查点并非由该日志的密钥签名（{f.detail}）：不能证明任何事",
    ),
    Kind.SET_BACK: lambda f: (
        f"the log has {f.first} entries, and {f.last} were signed before: it was cut off or set "
        "back to an old copy; keep both checkpoints, they prove it",
        f"日志有 {f.first} 条，而先前已签名 {f.last} 条：日志被截断或恢复到旧副本；"
        "请保存两个检查点，它们可作证明",
    ),
    Kind.FORKED: lambda f: (
        f"the log does not begin with the {f.first} entries that were signed before: two histories "
        "were shown; keep both checkpoints, they prove it",
        f"日志开头并非先前已签名的 {f.first} 条：存在两份不同的历史；"
        "请保存两个检查点，它们可作证明",
    ),
    Kind.ROOT_DIFFERS: lambda f: (
        f"the tree of {f.last} entries does not lead to the signed root: the log was rewritten "
        "after it was signed, or the checkpoint belongs to another one",
        f"含 {f.last} 条的树与已签名的根不符：日志在签名后被改写，或检查点属于另一日志",
    ),
    Kind.TILE_MISSING: lambda f: (
        f"{f.place} is missing: hashes of the tree were removed",
        f"缺少 {f.place}：树的部分哈希被移除",
    ),
    Kind.TILE_CHANGED: lambda f: (
        f"{f.place}{_slot(f)[0]} was altered: it is not what the signed root says",
        f"{f.place}{_slot(f)[1]} 被改动：与已签名的根不符",
    ),
    Kind.BUNDLE_MISSING: lambda f: (
        f"{f.place} is missing: entries {_span(f)} are in the tree by their hashes, but were "
        "removed, or not exported because they concern another institution "
        "(--may-lack-entries accepts that)",
        f"缺少 {f.place}：第 {_span(f)} 条在树中仅有哈希，内容被移除，"
        "或因涉及其他机构而未导出（可用 --may-lack-entries 接受）",
    ),
    Kind.BUNDLE_UNREADABLE: lambda f: (
        f"{f.place} cannot be read ({f.detail}): entries were altered, removed or put in",
        f"{f.place} 无法读取（{f.detail}）：条目被改动、删除或插入",
    ),
    Kind.LEAF_CHANGED: lambda f: (
        f"entry {_span(f)} was altered: its bytes are not those that were signed for",
        f"第 {_span(f)} 条被改动：内容与签名时不同",
    ),
    Kind.LEAF_MISSING: lambda f: (
        f"entry {_span(f)} is missing: it was signed for, and deleted since",
        f"缺少第 {_span(f)} 条：签名之后被删除",
    ),
    Kind.CHAIN_BROKEN: lambda f: (
        f"entry {f.first} breaks the hash chain or its index ({f.detail}): the log's table was "
        "edited",
        f"第 {f.first} 条使哈希链或索引中断（{f.detail}）：日志表被编辑过",
    ),
    Kind.ARCHIVE_CHANGED: lambda f: (
        f"{f.place} of the archive: {f.detail}: its object was exchanged or removed, or the tables "
        "that find it were edited",
        f"归档的 {f.place}（{f.detail}）：其对象被调换或移除，或用于检索它的表被编辑过",
    ),
    Kind.EVENT_UNREADABLE: lambda f: (
        f"entry {f.first} is no event that this version can read: its rows were not checked",
        f"第 {f.first} 条不是本版本可读取的事件：未检查其记录行",
    ),
    Kind.ROW_CHANGED: lambda f: (
        f"{f.place} is not what entry {f.first} says was written: the record was edited or "
        "exchanged in the database",
        f"{f.place} 与第 {f.first} 条所述写入内容不同：记录在数据库中被编辑或调换",
    ),
    Kind.ROW_MISSING: lambda f: (
        f"{f.place} is missing: entry {f.first} says it was written; it was deleted in the "
        "database",
        f"缺少 {f.place}：第 {f.first} 条表明其已写入；它在数据库中被删除",
    ),
    Kind.ROW_BACK: lambda f: (
        f"{f.place} is there: entry {f.first} says that it was disposed of; it was put back past "
        "the vault",
        f"{f.place} 仍然存在：第 {f.first} 条表明其已被销毁；它绕过保险库被放回",
    ),
    Kind.ROWS_UNLOGGED: lambda f: (
        f"the table {f.place} has {f.last} rows, and entries speak of {f.first}: rows were put in "
        "past the vault",
        f"表 {f.place} 有 {f.last} 行，而日志只提到 {f.first} 行：有记录绕过保险库写入",
    ),
    Kind.APPROVAL_CHANGED: lambda f: (
        f"{f.place} is no change of access that the vault has signed in this place ({f.detail}): "
        "it was put in, altered or moved in the database, and no tier takes it",
        f"{f.place} 并非保险库在该位置签名的权限变更（{f.detail}）："
        "它在数据库中被加入、改动或移位，各层均不予采用",
    ),
}


def sentence(finding: Finding) -> str:
    """The finding in the language in use."""
    return say(*_TEXTS[finding.kind](finding))
