"""What of a check-out is said in words: states, purposes, roles, verdicts, in both languages."""

from __future__ import annotations

import re

from google.protobuf.timestamp_pb2 import Timestamp

from recordsvault.access.v1 import access_pb2 as pb
from recordsvault.type.v1.purpose_pb2 import Purpose
from recordsvault_client import waiting_roles
from vault.cli.vaultctl.durations import local
from vault.cli.vaultctl.fields import enum_name
from vault.cli.vaultctl.language import Language, language, say

STATES: dict[int, tuple[str, str]] = {
    pb.CHECK_OUT_STATE_REQUESTED: ("waiting", "待审批"),
    pb.CHECK_OUT_STATE_ACTIVE: ("open", "借出中"),
    pb.CHECK_OUT_STATE_DENIED: ("denied", "已拒绝"),
    pb.CHECK_OUT_STATE_LAPSED: ("lapsed", "逾期未批"),
    pb.CHECK_OUT_STATE_RETURNED: ("returned", "已归还"),
    pb.CHECK_OUT_STATE_REVOKED: ("revoked", "已收回"),
    pb.CHECK_OUT_STATE_EXPIRED: ("expired", "已到期"),
    pb.CHECK_OUT_STATE_USED: ("used", "已使用"),
}
STYLES: dict[int, str] = {
    pb.CHECK_OUT_STATE_REQUESTED: "yellow",
    pb.CHECK_OUT_STATE_ACTIVE: "green",
    pb.CHECK_OUT_STATE_DENIED: "red",
    pb.CHECK_OUT_STATE_REVOKED: "red",
}
VERDICTS: dict[int, tuple[str, str]] = {
    pb.REVIEW_VERDICT_JUSTIFIED: ("justified", "合理"),
    pb.REVIEW_VERDICT_UNJUSTIFIED: ("unjustified", "不合理"),
}
PURPOSES: dict[Purpose.ValueType, str] = {
    Purpose.PURPOSE_CUSTOMER_SERVICE: "客户服务",
    Purpose.PURPOSE_ONBOARDING_CDD: "开户尽职调查",
    Purpose.PURPOSE_ENHANCED_DUE_DILIGENCE: "强化尽职调查",
    Purpose.PURPOSE_TRANSACTION_MONITORING: "交易监测",
    Purpose.PURPOSE_SUSPICIOUS_ACTIVITY_INVESTIGATION: "可疑交易调查",
    Purpose.PURPOSE_REGULATOR_REQUEST: "监管查询",
    Purpose.PURPOSE_JUDICIAL_REQUEST: "司法查询",
    Purpose.PURPOSE_DATA_SUBJECT_REQUEST: "客户本人请求",
    Purpose.PURPOSE_INTERNAL_AUDIT: "内部审计",
    Purpose.PURPOSE_DATA_QUALITY: "数据质量",
    Purpose.PURPOSE_SYSTEM_OPERATION: "系统运行",
}
ROLES: dict[str, str] = {
    "teller": "柜员",
    "custodian": "档案保管人",
    "compliance": "合规",
    "investigator": "调查员",
    "security_officer": "安全官",
    "break_glass": "紧急调阅",
}


def state(one: pb.CheckOut) -> str:
    """The state in a word; what was returned before it was lent was withdrawn."""
    if one.state == pb.CHECK_OUT_STATE_RETURNED and not one.HasField("start_time"):
        return say("withdrawn", "已撤回")
    words = STATES.get(one.state)
    return say(*words) if words else str(one.state)


def purpose(one: pb.CheckOut) -> str:
    """The purpose: its code in English, with what it means in Chinese."""
    code = enum_name(Purpose.DESCRIPTOR, one.purpose)
    return say(code, PURPOSES.get(one.purpose, code))


def role(name: str) -> str:
    """A role; those that take part in lending have a Chinese name."""
    return say(name, ROLES.get(name, name))


def roles(names: tuple[str, ...]) -> str:
    """Several, as a sentence has them."""
    return say(" and ", "、").join(role(name) for name in names)


def agreed(one: pb.CheckOut) -> list[str]:
    """Who has agreed, in which role and when; one text for each."""
    return [
        say(
            f"{approval.approver} ({approval.role}) {local(approval.time)}",
            f"{approval.approver}（{role(approval.role)}） {local(approval.time)}",
        )
        for approval in one.approvals
    ]


def verdict(one: pb.CheckOut) -> str:
    """What of the review of a broken glass there is to say; "" for any other check-out."""
    if not one.break_glass:
        return ""
    words = VERDICTS.get(one.verdict)
    if words is None:
        return say(
            f"not reviewed, due {when(one.review_by)}", f"未复核，期限 {when(one.review_by)}"
        )
    return say(f"{words[0]}, {one.reviewer}", f"{words[1]}，{one.reviewer}")


def outcome(one: pb.CheckOut) -> str:
    """How it stands or has ended, with who and when."""
    text = state(one)
    if one.state == pb.CHECK_OUT_STATE_REQUESTED:
        return text + say(
            f" for {roles(waiting_roles(one))} until {when(one.decide_by)}",
            f"：{roles(waiting_roles(one))}，截止 {when(one.decide_by)}",
        )
    if one.state == pb.CHECK_OUT_STATE_ACTIVE:
        return text + say(f" until {when(one.end_time)}", f"至 {when(one.end_time)}")
    if one.state == pb.CHECK_OUT_STATE_LAPSED:
        return f"{text} {when(one.decide_by)}"
    by = say(f" by {one.ended_by}", f"（{one.ended_by}）") if one.ended_by else ""
    return f"{text}{by} {when(one.end_time)}"


def when(value: Timestamp) -> str:
    """A time in this machine's zone; `-` for none."""
    return local(value) if value.seconds else "-"


def short(name: str) -> str:
    """A resource name without its institution, as the commands take it as well."""
    return re.sub(r"^institutions/[^/]+/", "", name)


def whole(one: pb.CheckOut) -> bool:
    """Whether it is of all customers, not of one."""
    return "/customers/" not in one.subject


def subject(one: pb.CheckOut) -> str:
    """What is asked for; all customers in so many words."""
    if whole(one):
        return say(
            f"ALL CUSTOMERS of {one.subject}, for an export", f"{one.subject} 的全部客户（导出）"
        )
    return short(one.subject)


def chinese() -> bool:
    """Whether Chinese is spoken."""
    return language() is Language.ZH
