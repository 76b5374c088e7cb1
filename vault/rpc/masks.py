"""Read masks, update masks, and the list of fields that an answer reveals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from vault.rpc.problems import Problems

M = TypeVar("M", bound=Message)

# What names a record and its version is part of every answer and reveals nothing of its contents.
IDENTITY = frozenset({"name", "version", "etag", "create_time", "update_time"})

# More than any record has fields. Each path is looked up, while other calls wait.
_MAX_PATHS = 200


def check_mask(mask: FieldMask, kind: type[Message], field: str, problems: Problems) -> None:
    """Report a mask that names something which the message does not have."""
    if "*" in mask.paths and len(mask.paths) == 1:
        return
    if len(mask.paths) > _MAX_PATHS:
        problems.add(
            field,
            "TOO_MANY_PATHS",
            f"names more than {_MAX_PATHS} fields; leave it out to have them all",
            f"超过 {_MAX_PATHS} 个字段；如需全部字段请省略",
        )
        return
    for path in mask.paths:
        if not FieldMask(paths=[path]).IsValidForDescriptor(cast(Descriptor, kind.DESCRIPTOR)):
            problems.add(
                field,
                "UNKNOWN_FIELD",
                "names a field that the record does not have; see the API reference",
                "包含记录中不存在的字段；请参阅 API 参考",
            )
            return


def masked(message: M, mask: FieldMask) -> M:
    """The message with the mask's fields and what names it; all of it for no mask or ``*``."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return message
    out = type(message)()
    names = [n for n in IDENTITY if n in message.DESCRIPTOR.fields_by_name]
    FieldMask(paths=[*mask.paths, *names]).MergeMessage(message, out)
    return out


def merge(change: M, mask: FieldMask, into: M) -> M:
    """``into`` with the mask's fields taken from ``change`` (AIP-134: a field that is in the mask
    and not in the change is cleared); ``change`` itself for no mask or ``*``."""
    if not mask.paths or list(mask.paths) == ["*"]:
        return change
    out = type(into)()
    out.CopyFrom(into)
    mask.MergeMessage(change, out, replace_message_field=True, replace_repeated_field=True)
    for path in mask.paths:
        _clear_if_absent(change, out, path.split("."))
    return out


def _clear_if_absent(change: Message, out: Message, path: list[str]) -> None:
    """What the mask names and the change leaves out is cleared, and no more than that: MergeMessage
    only sets. A path into a message that the change lacks clears the path's own field."""
    name, rest = path[0], path[1:]
    field = cast(FieldDescriptor, change.DESCRIPTOR.fields_by_name[name])
    if rest:
        if out.HasField(name):
            _clear_if_absent(getattr(change, name), getattr(out, name), rest)
    elif not (change.HasField(name) if _is_message(field) else getattr(change, name)):
        out.ClearField(name)


def revealed(messages: Iterable[Message]) -> tuple[str, ...]:
    """Paths of the fields that answers reveal, each once, in order; without what only names
    them."""
    found: dict[str, None] = {}
    for message in messages:
        for field, value in message.ListFields():
            if field.name not in IDENTITY:
                _collect(field, value, field.name, found)
    return tuple(found)


def _collect(field: FieldDescriptor, value: object, path: str, found: dict[str, None]) -> None:
    kind = field.message_type
    # As `is_value` has it, without the call: this runs for every field of every answer.
    if kind is None or kind.full_name.startswith("google."):
        found.setdefault(path)
        return
    inner = value if field.is_repeated else [value]
    for message in inner:  # type: ignore[attr-defined]  # a message, or a list of them
        for part, part_value in message.ListFields():
            _collect(part, part_value, f"{path}.{part.name}", found)


def is_value(field: FieldDescriptor) -> bool:
    """Whether a field is revealed as one: a scalar, or a message of Google's such as a date or an
    amount of money."""
    kind = field.message_type
    return kind is None or kind.full_name.startswith("google.")


def _is_message(field: FieldDescriptor) -> bool:
    return field.message_type is not None and not field.is_repeated
