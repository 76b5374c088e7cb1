"""What of a record goes into an answer: the fields that are opened, cut out of the record in full.

The contract is known here, so paths of the tables are looked at here: `require_known`. Where a path
is of a message, it stands for all in it; messages of Google's (times, dates, amounts of money) are
values, and nothing inside them is opened by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from recordsvault.records.v1 import customer_pb2, document_pb2, transaction_pb2
from vault.access import Action
from vault.access.fields import FieldsInvalid, FieldTable, Opening
from vault.access.lending.paths import within
from vault.rpc.masks import IDENTITY, is_value
from vault.services.call import Call
from vault.services.closed import FieldsClosed, NothingOpened

KINDS: Final[dict[str, Descriptor]] = {
    "customer": customer_pb2.Customer.DESCRIPTOR,
    "identity_document": document_pb2.IdentityDocument.DESCRIPTOR,
    "transaction": transaction_pb2.Transaction.DESCRIPTOR,
}
"""The kinds of records by the word that is in front of a path."""

CONTENT: Final = "content"
"""By this path the contents (scans, files) of a record are opened: a field of no message."""
WITH_CONTENT: Final = frozenset({"identity_document", "transaction"})
_CACHE_SIZE: Final = 1_024
# Field names to what is kept of them; None for all of it.
_Tree = dict[str, "_Tree | None"]


class _Closed(NamedTuple):
    """A field that is taken out: all of it, or what is closed ``inside`` it."""

    name: str
    inside: tuple[_Closed, ...] | None
    repeated: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """What one read opens of each record. ``withheld`` says whether a field that was asked for is
    not opened, whichever fields a record has: so it tells nothing of the record."""

    withheld: bool
    _closed: tuple[_Closed, ...]

    def apply(self, record: Message) -> None:
        """Take out of a record what is not opened; what names it stays."""
        _prune(record, self._closed)


_WHOLE: Final = Cut(False, ())


class Openings:
    """What is opened to a call, by the table of fields and by the check-out that it has."""

    def __init__(self, table: FieldTable) -> None:
        """Raises FieldsInvalid for a table with a path that the contract does not have."""
        require_known(table)
        self._table = table

    def cut(self, call: Call, kind: str, mask: FieldMask) -> Cut:
        """What of records of a kind, of which those of ``mask`` were asked for.

        Raises NothingOpened when not one field of such a record is opened.
        """
        opening = self._opening(call)
        if opening.all:
            return _WHOLE
        paths = tuple(mask.paths)
        cut = _cut(kind, opening, () if paths == ("*",) else paths)
        if cut is None:
            raise NothingOpened
        return cut

    def _opening(self, call: Call) -> Opening:
        if call.principal is None:
            raise NothingOpened
        return self._table.opened(
            call.principal.roles,
            call.purpose,
            bearer=None if call.bearer is None else call.bearer.roles,
            lent=None if call.lent is None else call.lent.fields,
            handing_over=call.action == Action.FILES_TRANSFER.value,
        )

    def require_fields(self, call: Call, kind: str, paths: Sequence[str] = ()) -> None:
        """Make sure that these fields of a kind of record are opened to the call, or all of it
        where none are named: for what shows them otherwise than as fields, or is found by them.
        Raises FieldsClosed."""
        opening = self._opening(call)
        if opening.all:
            return
        inside = opening.inside(kind)
        if inside is None:
            return
        wanted = paths or _leaves(kind)
        if not all(_any_within(path, inside) for path in wanted):
            raise FieldsClosed

    def require_content(self, call: Call, kind: str) -> str:
        """The path of the contents of a kind of record, if they are opened to the call. Raises
        NothingOpened."""
        path = f"{kind}.{CONTENT}"
        opening = self._opening(call)
        if not opening.all:
            inside = opening.inside(kind)
            if inside is not None and CONTENT not in inside:
                raise NothingOpened
        return path


def is_known(path: str) -> bool:
    """Whether a path, with its kind in front, is one of the contract's that can be opened."""
    kind, dot, rest = path.partition(".")
    if kind not in KINDS:
        return False
    if rest == CONTENT and kind in WITH_CONTENT:
        return True
    return not dot or any(within(leaf, rest) for leaf in _leaves(kind))


def require_known(table: FieldTable) -> None:
    """Raises FieldsInvalid for a path that the contract does not have."""
    unknown = sorted(path for path in table.paths if not is_known(path))
    if unknown:
        raise FieldsInvalid(
            f"the table of fields names {', '.join(unknown)}, which no record has, or which is "
            "always shown; see the API reference, and correct it"
        )


@lru_cache(_CACHE_SIZE)
def _cut(kind: str, opening: Opening, asked: tuple[str, ...]) -> Cut | None:
    """None where not one field of the kind is opened."""
    leaves = _leaves(kind)
    inside = opening.inside(kind)
    if inside is None:
        return _WHOLE
    opened = {leaf for leaf in leaves if _any_within(leaf, inside)}
    if not opened:
        return None
    wanted = {
        leaf
        for leaf in leaves
        # What is asked for of a value's parts is asked for of the value.
        if not asked or any(within(leaf, path) or within(path, leaf) for path in asked)
    }
    return Cut(bool(wanted - opened), _closed(KINDS[kind], _tree({*opened, *IDENTITY})))


def _any_within(leaf: str, paths: Sequence[str]) -> bool:
    return any(within(leaf, path) for path in paths)


@lru_cache(len(KINDS))
def _leaves(kind: str) -> tuple[str, ...]:
    return tuple(
        leaf
        for field in KINDS[kind].fields
        if field.name not in IDENTITY
        for leaf in _below(field, field.name)
    )


def _below(field: FieldDescriptor, path: str) -> Iterable[str]:
    inside = field.message_type
    if inside is None or is_value(field):
        yield path
        return
    for inner in inside.fields:
        yield from _below(inner, f"{path}.{inner.name}")


def _tree(leaves: Iterable[str]) -> _Tree:
    """Of leaves none of which is above another."""
    tree: _Tree = {}
    inner: dict[str, list[str]] = {}
    for leaf in leaves:
        name, _, rest = leaf.partition(".")
        if rest:
            inner.setdefault(name, []).append(rest)
        else:
            tree[name] = None
    return tree | {name: _tree(rest) for name, rest in inner.items()}


def _closed(message: Descriptor, kept: _Tree) -> tuple[_Closed, ...]:
    """All of a message that is not kept: of every field of the contract, whether it is."""
    closed = []
    for field in message.fields:
        if field.name not in kept:
            closed.append(_Closed(field.name, None, field.is_repeated))
        elif (tree := kept[field.name]) and field.message_type is not None:
            inside = _closed(field.message_type, tree)
            if inside:
                closed.append(_Closed(field.name, inside, field.is_repeated))
    return tuple(closed)


def _prune(message: Message, closed: tuple[_Closed, ...]) -> None:
    """What is left empty goes too: that it was there would tell of what was in it."""
    for name, inside, repeated in closed:
        if inside is None:
            message.ClearField(name)
        elif repeated:
            values = getattr(message, name)
            for place in range(len(values) - 1, -1, -1):
                _prune(values[place], inside)
                if not values[place].ByteSize():
                    del values[place]
        elif message.HasField(name):
            value = getattr(message, name)
            _prune(value, inside)
            if not value.ByteSize():
                message.ClearField(name)
