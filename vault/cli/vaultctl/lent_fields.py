"""Fields of records by name, as `checkout` takes them: whole paths, or as much as is clear.

`phones` of a customer is `customer.phones`; `full_name` is more than one field, and whoever asks
has to say which. There is no wildcard: a path of a message stands for all in it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from google.protobuf.descriptor import Descriptor

from recordsvault.records.v1.customer_pb2 import Customer
from recordsvault.records.v1.document_pb2 import IdentityDocument
from recordsvault.records.v1.transaction_pb2 import Transaction
from vault.cli.vaultctl.failures import CommandError

_KINDS: dict[str, Descriptor] = {
    "customer": Customer.DESCRIPTOR,
    "identity_document": IdentityDocument.DESCRIPTOR,
    "transaction": Transaction.DESCRIPTOR,
}
# What names a record is shown with every field of it, and never lent.
_ALWAYS = frozenset({"name", "version", "etag", "create_time", "update_time"})
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,120}")
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
    kind = kind_of(subject)
    groups = [list(_paths(kind, _KINDS[kind], 0))]
    if kind == "customer":
        groups += [list(_paths(name, of, 0)) for name, of in _KINDS.items() if name != kind]
    return _each(given, groups)


def everything(subject: str) -> list[str]:
    """Every field of a request about `subject`, with the scans and files: for who takes a whole
    file out of the vault. Of a customer's file or an institution's, documents and transactions
    too."""
    kind = kind_of(subject)
    kinds = list(_KINDS) if kind == "customer" else [kind]
    return [
        f"{name}.{field}"
        for name in kinds
        for field in (
            *(one.name for one in _KINDS[name].fields if one.name not in _ALWAYS),
            *(() if name == "customer" else ("content",)),
        )
    ]


def within(given: Sequence[str], asked: Sequence[str], subject: str) -> list[str]:
    """The paths that `given` names of what was asked for. Raises CommandError."""
    kinds = [kind_of(subject), *(name for name in _KINDS if name != kind_of(subject))]
    groups = [
        [path for path in _paths(kind, _KINDS[kind], 0) if _covers(asked, path)] for kind in kinds
    ]
    return _each(given, groups)


def _covers(asked: Sequence[str], path: str) -> bool:
    return any(path == one or path.startswith(f"{one}.") for one in asked)


def _each(given: Sequence[str], groups: Sequence[Sequence[str]]) -> list[str]:
    names = [part.strip() for one in given for part in one.split(",") if part.strip()]
    return list(dict.fromkeys(_one(name, groups) for name in names))


def _one(name: str, groups: Sequence[Sequence[str]]) -> str:
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
