"""Fields of records by name, as `checkout` takes them: whole paths, or as much as is clear.

`phones` of a customer is `customer.phones`; `full_name` is more than one field, and whoever asks
has to say which. There is no wildcard: a path of a message stands for all in it, and a kind of
record alone for all of it. The scans and files of a record are its `content`, which no message has.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from google.protobuf.descriptor import Descriptor

from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault.records.v1.transaction_pb2 import Transaction
from recordsvault_client import Violation
from vault.cli.vaultctl.failures import CommandError

_KINDS: dict[str, Descriptor] = {
    "customer": Customer.DESCRIPTOR,
    "identity_document": IdentityDocument.DESCRIPTOR,
    "transaction": Transaction.DESCRIPTOR,
}
# What names a record is shown with every field of it, and never lent.
_ALWAYS = frozenset({"name", "version", "etag", "create_time", "update_time"})
# What is kept beside the record: a path of check-outs and of the table of fields alone.
_CONTENT = "content"
_WITH_CONTENT = frozenset({"identity_document", "transaction"})
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,120}")
_PLACE = re.compile(r"check_out\.fields\[(\d{1,4})\]")
_DEEPEST = 6
_LISTED = 8


def kind_of(subject: str) -> str:
    """The kind of record that a resource name is of."""
    if "/documents/" in subject:
        return "identity_document"
    return "transaction" if "/transactions/" in subject else "customer"


def named(given: Sequence[str], subject: str) -> list[str]:
    """The paths that `given` names, for a request about `subject`. Raises CommandError.

    Each may be several with commas between them. A customer's file has documents and transactions
    too; what is not a field of the customer is looked for there.
    """
    first, *others = _kinds(subject)
    groups = [[*_all_paths(first)], [path for kind in others for path in _all_paths(kind)]]
    wholes = {kind: _whole(kind) for kind in (first, *others)}
    return _each(given, groups, wholes)


def everything(subject: str) -> list[str]:
    """Every field of a request about `subject`, with the scans and files: for who takes a whole
    file out of the vault. Of a customer's file or an institution's, documents and transactions
    too."""
    return [path for kind in _kinds(subject) for path in _whole(kind)]


def within(given: Sequence[str], asked: Sequence[str], subject: str) -> list[str]:
    """The paths that `given` names of what was asked for. Raises CommandError."""
    first, *others = _kinds(subject)
    groups = [
        [path for kind in kinds for path in _all_paths(kind) if _covers(asked, path)]
        for kinds in ((first,), others)
    ]
    wholes = {
        kind: [path for path in asked if path == kind or path.startswith(f"{kind}.")]
        for kind in (first, *others)
    }
    known = [*_kinds(subject), *(path for kind in _kinds(subject) for path in _all_paths(kind))]
    return _each(given, groups, {kind: paths for kind, paths in wholes.items() if paths}, known)


def by_path(found: Sequence[Violation], asked: Sequence[str]) -> tuple[Violation, ...]:
    """What the vault did not accept of a request for the fields `asked`, with their paths for the
    places in a list that nobody typed, and each reason once: the vault tells its text once, too,
    where there is little room."""
    made: dict[tuple[str, str], Violation] = {}
    for one in found:
        place = _PLACE.fullmatch(one.field)
        path = asked[int(place[1])] if place and int(place[1]) < len(asked) else ""
        key = ("" if path else one.field, one.reason)
        first = made.get(key)
        if first is None:
            made[key] = replace(one, field=path or one.field)
        elif path:
            made[key] = replace(first, field=f"{first.field}, {path}")
    return tuple(made.values())


def _kinds(subject: str) -> list[str]:
    """The kinds of records that a request about `subject` can be of: of a customer's file, or an
    institution's, documents and transactions too."""
    kind = kind_of(subject)
    return list(_KINDS) if kind == "customer" else [kind]


def _whole(kind: str) -> list[str]:
    """Every field of a kind that can be lent: the contract has no path that is the kind alone."""
    fields = [one.name for one in _KINDS[kind].fields if one.name not in _ALWAYS]
    return [f"{kind}.{field}" for field in (*fields, *_content(kind))]


def _all_paths(kind: str) -> Iterator[str]:
    yield from _paths(kind, _KINDS[kind], 0)
    yield from (f"{kind}.{field}" for field in _content(kind))


def _content(kind: str) -> tuple[str, ...]:
    return (_CONTENT,) if kind in _WITH_CONTENT else ()


def _covers(asked: Sequence[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in asked)


def _each(
    given: Sequence[str],
    groups: Sequence[Sequence[str]],
    wholes: Mapping[str, Sequence[str]],
    known: Sequence[str] = (),
) -> list[str]:
    names = [part.strip() for one in given for part in one.split(",") if part.strip()]
    return list(
        dict.fromkeys(
            path for name in names for path in wholes.get(name) or [_one(name, groups, known)]
        )
    )


def _one(name: str, groups: Sequence[Sequence[str]], known: Sequence[str]) -> str:
    for paths in groups:
        if name in paths:
            return name
    for paths in groups:
        # The whole path behind the kind of record is clear, whatever else ends in it.
        exact = [path for path in paths if path.partition(".")[2] == name]
        found = exact or [path for path in paths if path.endswith(f".{name}")]
        if len(found) == 1:
            return found[0]
        if found:
            raise _unclear(name, found)
    if any(path == name or path.endswith(f".{name}") for path in known):
        raise CommandError(
            f"{name} was not asked for: less than was asked for can be agreed to, not more.",
            f"申请中没有 {name}：只能在所申请的范围内同意。",
        )
    raise _unknown(name, [path for paths in groups for path in paths])


def _paths(prefix: str, of: Descriptor, depth: int) -> Iterator[str]:
    for field in of.fields:
        path = f"{prefix}.{field.name}"
        yield path
        inner = field.message_type
        if (
            inner is not None
            and depth + 1 < _DEEPEST
            and inner.file.package.startswith("recordsvault.")
        ):
            yield from _paths(path, inner, depth + 1)


def _unclear(name: str, found: Sequence[str]) -> CommandError:
    shown = ", ".join(found[:_LISTED]) + (", ..." if len(found) > _LISTED else "")
    return CommandError(
        f"{name} is the end of several fields: say which of {shown}.",
        f"{name} 对应多个字段，请指明其中之一：{shown}。",
    )


def _unknown(name: str, paths: Sequence[str]) -> CommandError:
    if not _NAME.fullmatch(name):
        # It may be anything, a value even: it is not repeated.
        return CommandError(
            "--field takes names of fields, such as phones or natural_person.full_name.",
            "--field 须为字段名，例如 phones 或 natural_person.full_name。",
        )
    near = difflib.get_close_matches(name, [path.partition(".")[2] for path in paths], 1)
    near = near or difflib.get_close_matches(name, [path.rpartition(".")[2] for path in paths], 1)
    hint_en = f": did you mean {near[0]}?" if near else "."
    hint_zh = f"：是否指 {near[0]}？" if near else "。"
    return CommandError(f"There is no field {name}{hint_en}", f"没有字段 {name}{hint_zh}")
