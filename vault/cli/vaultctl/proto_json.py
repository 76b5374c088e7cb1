"""ProtoJSON from files that people made: strict, fast, and with errors that quote no value.

What the form is: https://protobuf.dev/programming-guides/json/. Stricter than protobuf's own
parser where that would guess: a name given twice, a list where a message belongs and NaN are
refused. Wider in one thing: an enum value may leave out the prefix of its type. Every problem of
a record is found at once, each with the path of its field.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

M = TypeVar("M", bound=Message)

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field (the whole, if `field` is empty), in both languages."""

    field: str
    en: str
    zh: str


class Refused(Exception):
    """A row or file that is no message of the contract: every problem, and no value."""

    def __init__(self, *problems: Problem) -> None:
        """At least one problem."""
        super().__init__("; ".join(f"{p.field}: {p.en}" if p.field else p.en for p in problems))
        self.problems = problems

    def text(self, zh: bool) -> str:
        """All problems in one line."""
        texts = [(p.field, p.zh if zh else p.en) for p in self.problems]
        return "; ".join(f"{field}: {text}" if field else text for field, text in texts)


class _Wrong(Exception):
    """A value that does not fit its field."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh


Problems = list[Problem]
Convert = Callable[[Any, str, Problems], Any]


def parse_json(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises Refused for anything else, and for a name that is given twice."""
    try:
        value = json.loads(
            data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise Refused(Problem("", "is not UTF-8 text", "不是 UTF-8 文本")) from None
    except RecursionError:
        raise Refused(Problem("", "is nested too deeply", "嵌套过深")) from None
    except json.JSONDecodeError as error:
        # The decoder's message is a constant; only its place is of this file.
        en = f"is not JSON at line {error.lineno}, column {error.colno}: {error.msg.lower()}"
        zh = f"第 {error.lineno} 行第 {error.colno} 列不是有效的 JSON"
        raise Refused(Problem("", en, zh)) from None
    except ValueError:
        # Python refuses integers of more than 4,300 digits.
        raise Refused(Problem("", "holds a number that is too long", "含有过长的数字")) from None
    if not isinstance(value, dict):
        raise Refused(Problem("", "is not a JSON object", "不是 JSON 对象"))
    return value


def parse_message(value: dict[str, Any], kind: type[M]) -> M:
    """The message of a ProtoJSON object. Raises Refused with every problem."""
    problems: Problems = []
    fields = _plan(kind.DESCRIPTOR).fields(value, "", problems)
    if problems:
        raise Refused(*problems)
    return kind(**fields)


class _Plan:
    """How to read one message type; made once."""

    def __init__(self, kind: Descriptor) -> None:
        self._fields: dict[str, tuple[str, Convert, str]] = {}
        for field in kind.fields:
            oneof = field.containing_oneof.name if field.containing_oneof else ""
            entry = (field.name, _converter(field), oneof)
            self._fields[field.name] = self._fields[field.json_name] = entry

    def fields(self, value: dict[str, Any], path: str, problems: Problems) -> dict[str, Any]:
        """The constructor's arguments."""
        out: dict[str, Any] = {}
        taken: dict[str, str] = {}
        for key, item in value.items():
            entry = self._fields.get(key)
            if entry is None:
                problems.append(Problem(_safe(path, key), "there is no such field", "没有此字段"))
                continue
            if item is None:
                continue
            name, convert, oneof = entry
            where = f"{path}.{name}" if path else name
            if name in out:
                problems.append(Problem(where, "is given twice", "重复给出"))
            elif oneof and taken.setdefault(oneof, name) != name:
                problems.append(
                    Problem(
                        where, f"cannot stand beside {taken[oneof]}", f"不能与 {taken[oneof]} 并存"
                    )
                )
            else:
                try:
                    out[name] = convert(item, where, problems)
                except _Wrong as wrong:
                    problems.append(Problem(where, wrong.en, wrong.zh))
        return out


@lru_cache(maxsize=256)
def _plan(kind: Descriptor) -> _Plan:
    return _Plan(kind)


def _converter(field: FieldDescriptor) -> Convert:
    one = _single(field)
    if not field.is_repeated:
        return one

    def many(value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, list):
            raise _Wrong("must be a list", "必须是列表")
        out = []
        for index, item in enumerate(value):
            where = f"{path}[{index}]"
            try:
                out.append(one(item, where, problems))
            except _Wrong as wrong:
                problems.append(Problem(where, wrong.en, wrong.zh))
        return out

    return many


def _single(field: FieldDescriptor) -> Convert:
    kind = field.cpp_type
    if field.message_type is not None:
        if field.message_type.full_name == Timestamp.DESCRIPTOR.full_name:
            return _timestamp
        return _message(field.message_type)
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if kind in _RANGES:
        return _integer(*_RANGES[kind])
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return _boolean
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return _bytes if field.type == FieldDescriptor.TYPE_BYTES else _string
    return _number


def _message(kind: Descriptor) -> Convert:
    def convert(value: Any, path: str, problems: Problems) -> Any:
        if not isinstance(value, dict):
            raise _Wrong("must be an object", "必须是对象")
        return _plan(kind).fields(value, path, problems)

    return convert


def _enum(kind: EnumDescriptor) -> Convert:
    names = {value.name: value.number for value in kind.values}
    prefix = kind.values_by_number[0].name.removesuffix("UNSPECIFIED")
    names |= {name.removeprefix(prefix): number for name, number in names.items()}
    numbers = set(kind.values_by_number)

    def convert(value: Any, path: str, problems: Problems) -> Any:
        if isinstance(value, str) and value in names:
            return names[value]
        if type(value) is int and value in numbers:
            return value
        listed = ", ".join(item.name for item in kind.values if item.number)
        raise _Wrong(f"must be one of {listed}", f"必须是以下之一：{listed}")

    return convert


def _string(value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, str):
        raise _Wrong("must be a text", "必须是文本")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Wrong("holds half a character (surrogate)", "含有不完整的字符") from None
    return value


def _boolean(value: Any, path: str, problems: Problems) -> Any:
    if not isinstance(value, bool):
        raise _Wrong("must be true or false", "必须是 true 或 false")
    return value


def _integer(lowest: int, highest: int) -> Convert:
    def convert(value: Any, path: str, problems: Problems) -> Any:
        if (isinstance(value, str) and _INTEGER.fullmatch(value)) or (
            isinstance(value, float) and value.is_integer()
        ):
            value = int(value)
        if type(value) is not int or not lowest <= value <= highest:
            raise _Wrong("must be a whole number of its range", "必须是范围内的整数")
        return value

    return convert


def _number(value: Any, path: str, problems: Problems) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("must be a number", "必须是数字")
    return float(value)


def _bytes(value: Any, path: str, problems: Problems) -> Any:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _Wrong("must be base64", "必须是 base64") from None


def _timestamp(value: Any, path: str, problems: Problems) -> Any:
    out = Timestamp()
    try:
        out.FromJsonString(value)
    except (ValueError, TypeError, AttributeError):
        raise _Wrong(
            "must be a time with its zone, such as 2026-03-01T09:30:00+08:00",
            "必须是带时区的时间，如 2026-03-01T09:30:00+08:00",
        ) from None
    return out


def _safe(path: str, key: str) -> str:
    """The path of an unknown name; the name itself only if it cannot be a value in disguise."""
    shown = key if re.fullmatch(r"[A-Za-z][A-Za-z_]{0,59}", key) else "?"
    return f"{path}.{shown}" if path else shown


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        # Readers differ in which of the two they take: a bank's record may not depend on that.
        raise Refused(Problem("", "gives a name twice in one object", "同一对象中有重复的名称"))
    return made


def _no_constant(name: str) -> Any:
    raise Refused(Problem("", "holds NaN or Infinity", "含有 NaN 或 Infinity"))
