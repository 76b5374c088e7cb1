"""The contract, from its descriptors, with the comments and rules that stand in the protos."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from buf.validate import validate_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from google.protobuf.message import Message

_OURS: Final = "recordsvault."
_ORDER: Final = (
    "records",
    "life",
    "accounts",
    "bundles",
    "retention",
    "masked",
    "access",
    "compartments",
    "audit",
    "admin",
    "type",
    "internal",
)
_AUDIENCE: Final = {
    "records": "Full records, for back ends and for people who open them for a purpose. Full tier.",
    "life": "Files for life: complete, current, kept by somebody; and what changes. Full tier.",
    "accounts": "Accounts: their transactions searched, their balances checked. Full tier.",
    "bundles": "Records as sealed bundles that verify without the vault. Full tier.",
    "retention": "How long records are kept, and how they go. Full tier.",
    "masked": "Masked views, for front ends that may see no more. Masked tier.",
    "access": "The lending register, for persons. Full tier.",
    "compartments": "Investigations, holds, suspicious activity: for named members. Full tier.",
    "audit": "The log of every call, for security officers. Full tier.",
    "admin": "Operation of a vault. Both tiers.",
    "type": "What several packages share.",
    "internal": "Between the two tiers; in no client's stubs.",
}
_INTRODUCTION: Final = """\
# API

Written by `make docs` from the descriptors of `protos/`, with the comments and the rules that stand
there. A test fails if this page and the contract differ.

Both tiers also serve `grpc.health.v1.Health` and `grpc.reflection.v1alpha.ServerReflection`, to
callers that the vault knows. What a call can be answered when it fails stands in
[errors.md](errors.md), who may call what in [../decision-matrix.md](../decision-matrix.md).
"""
_SCALARS: Final = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
# Numbers of the members in descriptor.proto, of which the paths of comments are made.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED, _NESTED_ENUMS = 2, 3, 4
_METHODS, _VALUES = 2, 2

Comments = Mapping[tuple[int, ...], str]


def page(image: Path) -> str:
    """The page, from a descriptor set with source information."""
    files = FileDescriptorSet()
    files.ParseFromString(image.read_bytes())
    mine = [file for file in files.file if file.package.startswith(_OURS)]
    parts = [_INTRODUCTION]
    for audience in _ORDER:
        some = [file for file in mine if file.package.split(".")[1] == audience]
        if not some:
            raise ValueError(f"the contract has no package for {audience}")
        parts.append(f"\n## {some[0].package}\n\n{_AUDIENCE[audience]}\n")
        # Services first: they are what one looks for.
        for file in sorted(some, key=lambda f: not f.service):
            parts.extend(_file(file))
    left = {file.package for file in mine if file.package.split(".")[1] not in _ORDER}
    if left:
        raise ValueError(f"no place on the page for {', '.join(sorted(left))}")
    return "".join(parts)


def _file(file: FileDescriptorProto) -> Iterator[str]:
    comments = {
        tuple(location.path): _line(location.leading_comments)
        for location in file.source_code_info.location
        if location.leading_comments
    }
    for i, service in enumerate(file.service):
        at = (_SERVICES, i)
        yield f"\n### Service {service.name}\n\n{comments[at]}\n"
        yield "\n| method | request | answer | what it does |\n| --- | --- | --- | --- |\n"
        for j, method in enumerate(service.method):
            yield _method(method, comments[*at, _METHODS, j])
    for i, message in enumerate(file.message_type):
        yield from _message(message, message.name, (_MESSAGES, i), comments)
    for i, enum in enumerate(file.enum_type):
        yield from _enum(enum, enum.name, (_ENUMS, i), comments)


def _method(method: MethodDescriptorProto, comment: str) -> str:
    asked = _link(method.input_type, stream=method.client_streaming)
    answered = _link(method.output_type, stream=method.server_streaming)
    return f"| `{method.name}` | {asked} | {answered} | {comment} |\n"


def _message(
    message: DescriptorProto, name: str, at: tuple[int, ...], comments: Comments
) -> Iterator[str]:
    yield f"\n### {name}\n\n{comments[at]}\n"
    if message.field:
        yield "\n| field | type | what it is |\n| --- | --- | --- |\n"
    maps = {nested.name: nested for nested in message.nested_type if nested.options.map_entry}
    for j, field in enumerate(message.field):
        kind = _type(field, maps)
        one_of = ""
        if field.HasField("oneof_index") and not field.proto3_optional:
            one_of = f"One of `{message.oneof_decl[field.oneof_index].name}`. "
        rules = _rules(field)
        said = f" Rule: {rules}." if rules else ""
        yield f"| `{field.name}` | {kind} | {one_of}{comments[*at, _FIELDS, j]}{said} |\n"
    for j, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            inner = f"{name}.{nested.name}"
            yield from _message(nested, inner, (*at, _NESTED, j), comments)
    for j, enum in enumerate(message.enum_type):
        yield from _enum(enum, f"{name}.{enum.name}", (*at, _NESTED_ENUMS, j), comments)


def _enum(
    enum: EnumDescriptorProto, name: str, at: tuple[int, ...], comments: Comments
) -> Iterator[str]:
    yield f"\n### {name}\n\n{comments[at]}\n\n| value | number | meaning |\n| --- | --- | --- |\n"
    for j, value in enumerate(enum.value):
        yield f"| `{value.name}` | {value.number} | {comments[*at, _VALUES, j]} |\n"


def _type(field: FieldDescriptorProto, maps: Mapping[str, DescriptorProto]) -> str:
    short = field.type_name.rpartition(".")[2]
    if short in maps:
        key, value = maps[short].field
        return f"map of {_type(key, {})} to {_type(value, {})}"
    kind = _link(field.type_name) if field.type_name else _SCALARS[field.type]
    repeated = field.label == FieldDescriptorProto.LABEL_REPEATED
    return f"repeated {kind}" if repeated else kind


def _link(type_name: str, *, stream: bool = False) -> str:
    full = type_name.removeprefix(".")
    short = re.sub(r"^recordsvault\.\w+\.v\d+\.", "", full)
    shown = f"[{short}](#{short.lower().replace('.', '')})" if full.startswith(_OURS) else full
    return f"stream of {shown}" if stream else shown


def _rules(field: FieldDescriptorProto) -> str:
    return ", ".join(_set(field.options.Extensions[validate_pb2.field], ""))


def _set(message: Message, prefix: str) -> Iterator[str]:
    """The rules that are set, as `string.pattern` and the like."""
    for field, value in message.ListFields():
        name = f"{prefix}{field.name}"
        if field.message_type is not None and not field.is_repeated:
            yield from _set(value, f"{name}.")
        elif value is True:
            yield f"`{name}`"
        else:
            yield f"`{name} = {_value(field, value)}`"


def _value(field: Any, value: Any) -> str:
    if field.enum_type is not None and not field.is_repeated:
        return str(field.enum_type.values_by_number[value].name)
    shown = list(value) if field.is_repeated else value
    return str(shown).replace("|", "\\|")


def _line(comment: str) -> str:
    """A comment as one line of a table."""
    text = " ".join(comment.split()).replace("|", "\\|")
    return text.replace("<", "&lt;")
