"""The rules that stand in the contract itself (protovalidate), as field violations."""

from __future__ import annotations

import protovalidate
from google.protobuf.message import Message

from vault.rpc.problems import CONTRACT, Problems

_VALIDATOR = protovalidate.Validator()

_ZH = {
    "required": "必须提供",
    "string.pattern": "格式不正确",
    "string.uuid": "必须是 UUID",
    "string.min_len": "不能为空",
    "string.max_len": "过长",
    "string.len": "长度不正确",
    "enum.defined_only": "不是已定义的取值",
    "enum.not_in": "必须选择一个取值",
    "repeated.min_items": "至少需要一项",
    "repeated.max_items": "项目过多",
}
_EN = {
    "string.pattern": "does not have the form that the API reference gives for this field",
    "enum.not_in": "must be one of the named values",
}


def contract_violations(message: Message, problems: Problems) -> None:
    """Add what the message's own rules find. The text of a rule never holds the value."""
    for violation in _VALIDATOR.collect_violations(message):
        proto = violation.proto
        rule = proto.rule_id
        problems.add(
            _path(proto.field),
            CONTRACT + rule.upper().replace(".", "_"),
            _EN.get(rule, proto.message or rule),
            _ZH.get(rule, f"不符合规则 {rule}"),
        )


def _path(field: object) -> str:
    out: list[str] = []
    for element in getattr(field, "elements", ()):
        name = element.field_name
        subscript = element.subscript
        if subscript is not None:
            name = f"{name}[{subscript.value}]"
        out.append(name)
    return ".".join(out)
