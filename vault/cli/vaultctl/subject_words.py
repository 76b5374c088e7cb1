"""What persons ask about their own data, in words of both languages."""

from __future__ import annotations

from typing import Final

from google.type.date_pb2 import Date

from recordsvault.life.v1 import subjects_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import Purpose
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.lending_words import PURPOSES

KINDS: Final[dict[int, tuple[str, str]]] = {
    pb.SUBJECT_REQUEST_KIND_ACCESS: ("access to the data", "查阅个人信息"),
    pb.SUBJECT_REQUEST_KIND_CORRECTION: ("correction", "更正个人信息"),
    pb.SUBJECT_REQUEST_KIND_ERASURE: ("erasure", "删除个人信息"),
}
OUTCOMES: Final[dict[int, tuple[str, str]]] = {
    pb.SUBJECT_REQUEST_OUTCOME_OPEN: ("open", "办理中"),
    pb.SUBJECT_REQUEST_OUTCOME_ANSWERED: ("answered", "已答复"),
    pb.SUBJECT_REQUEST_OUTCOME_CORRECTED: ("corrected", "已更正"),
    pb.SUBJECT_REQUEST_OUTCOME_ERASED: ("erased", "已删除"),
    pb.SUBJECT_REQUEST_OUTCOME_REFUSED: ("refused", "已拒绝"),
    pb.SUBJECT_REQUEST_OUTCOME_WITHDRAWN: ("withdrawn", "已撤回"),
}
USES: Final[dict[int, tuple[str, str]]] = {
    pb.DATA_USE_READ: ("opened", "查阅"),
    pb.DATA_USE_READ_MASKED: ("masked values shown", "查看脱敏信息"),
    pb.DATA_USE_LISTED: ("shown on a list or among search results", "出现在列表或查询结果中"),
    pb.DATA_USE_DOCUMENT_SEEN: ("a document's picture opened", "查看证件影像"),
    pb.DATA_USE_TAKEN_OUT: ("given out, sealed to a recipient", "密封提供给接收方"),
}
VERDICTS: Final[dict[int, tuple[str, str]]] = {
    pb.ERASURE_VERDICT_KEPT: (
        "The law asks that it be kept: refuse the request",
        "法律要求保存：应予拒绝",
    ),
    pb.ERASURE_VERDICT_NO_RULE: (
        "No law asks that it be kept, and of some of it no rule says how long: propose a rule",
        "没有法定最短保存期限，且部分内容无保存期限规则：请提出规则",
    ),
    pb.ERASURE_VERDICT_DUE: (
        "Every period is over: plan the disposal, and close the request when it is done",
        "各项保存期限均已届满：请制定销毁计划，完成后结案",
    ),
    pb.ERASURE_VERDICT_GONE: (
        "Nothing is kept any more: close the request as erased",
        "已无保存内容：请以已删除结案",
    ),
}
_CLOCKS: Final[dict[str, tuple[str, str]]] = {
    "relationship_end": ("the end of the relationship", "业务关系结束"),
    "relationship_end_year": (
        "the end of the year in which the relationship ended",
        "业务关系结束当年年末",
    ),
    "booking": ("the last booking", "最后一笔交易"),
    "booking_year": ("the end of the year of the last booking", "最后一笔交易当年年末"),
}


def word(table: dict[int, tuple[str, str]], number: int) -> str:
    """A word of a table, in the language in use."""
    return say(*table.get(number, ("?", "?")))


def day(message: Date) -> str:
    """As ISO 8601."""
    return f"{message.year:04}-{message.month:02}-{message.day:02}"


def purpose(number: Purpose.ValueType) -> str:
    """A purpose; nothing where none was named."""
    if not number:
        return "-"
    name = Purpose.Name(number).removeprefix("PURPOSE_")
    return say(name.replace("_", " ").lower(), PURPOSES.get(number, name))


def part(what: str) -> str:
    """A part of what is kept of somebody."""
    scope, _, year = what.partition("/")
    if scope == "identity":
        return say("identity data and documents", "身份资料")
    return say(f"transactions of {year}", f"{year} 年交易记录")


def ground(one: pb.ErasureGround) -> str:
    """Why something is kept, and until when."""
    start = say(*_CLOCKS.get(one.clock, (one.clock, one.clock)))
    if not one.rule:
        return say("no rule says how long it is kept", "没有规则规定其保存期限")
    years = say(
        f"at least {one.minimum_years} years from {start}",
        f"自{start}起至少保存 {one.minimum_years} 年",
    )
    law = f"{one.source}, {one.article}"
    if one.HasField("kept_through"):
        until = day(one.kept_through)
        return say(f"{law}: {years}, through {until}", f"{law}：{years}，至 {until}（含）")
    return say(
        f"{law}: {years}, which has not come yet",
        f"{law}：{years}，该期限尚未开始计算",
    )
