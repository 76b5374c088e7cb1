"""Records and views as bytes: what is sealed, and what is opened again.

JSON in UTF-8 with the format's version first: `{"v":1,...}`. Fields that are not there take their
defaults and fields that are not known are passed over, so that a record written by an earlier or
later release of the same format still opens. Empty fields are written: leaving them out saves a
seventh of the size and costs four times the time. The bytes are not canonical: compare records.

A customer's masked view has the classes of his file beside it (`"file":"10000"`, as sensitivity.py
writes them): sealed with it, so that a node of the masked tier can hold a caller against them, and
no part of the view, so that nothing which is made of a view can show them. They are those of the
day of sealing: a minor is one until his file is next written.
"""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

import msgspec

from vault.records.customer import Customer
from vault.records.document import IdentityDocument
from vault.records.sensitivity import classes_in, marks_of
from vault.records.transaction import Transaction
from vault.records.views import MaskedCustomer, MaskedDocument, MaskedTransaction

Record = Customer | IdentityDocument | Transaction
View = MaskedCustomer | MaskedDocument | MaskedTransaction

_HEAD = b'{"v":1,'
_T = TypeVar("_T")
_ENCODER = msgspec.json.Encoder()
_CUSTOMER = msgspec.json.Decoder(Customer)
_DOCUMENT = msgspec.json.Decoder(IdentityDocument)
_TRANSACTION = msgspec.json.Decoder(Transaction)
_MASKED_CUSTOMER = msgspec.json.Decoder(MaskedCustomer)
_MASKED_DOCUMENT = msgspec.json.Decoder(MaskedDocument)
_MASKED_TRANSACTION = msgspec.json.Decoder(MaskedTransaction)


class _Marked(msgspec.Struct, frozen=True):
    branch: str = ""
    file: str = ""


_MARKED = msgspec.json.Decoder(_Marked)


class FileMarks(NamedTuple):
    """What of a customer's file a caller's reach is held against: its branch, and its classes;
    None where they are not known."""

    branch: str
    classes: frozenset[str] | None

    def __repr__(self) -> str:
        return "FileMarks(...)"


class RecordUndecodable(Exception):
    """The bytes are not a record of this format. Nothing of them is repeated."""


def encode_record(record: Record) -> bytes:
    """Return the bytes of a record, to be sealed under the full branch."""
    return _HEAD + _ENCODER.encode(record)[1:]


def encode_view(view: View) -> bytes:
    """Return the bytes of a masked view, to be sealed under the masked branch."""
    return _HEAD + _ENCODER.encode(view)[1:]


def encode_marked_view(view: MaskedCustomer, classes: Iterable[str]) -> bytes:
    """Return the bytes of a customer's masked view with the classes of his file beside it."""
    marks = f'"file":"{marks_of(classes)}",'.encode()
    return _HEAD + marks + _ENCODER.encode(view)[1:]


def decode_marks(data: bytes) -> FileMarks:
    """What stands in or beside a customer's masked view. Raises RecordUndecodable."""
    found = _decode(_MARKED, data)
    return FileMarks(found.branch, classes_in(found.file))


def decode_customer(data: bytes) -> Customer:
    """Raises RecordUndecodable."""
    return _decode(_CUSTOMER, data)


def decode_document(data: bytes) -> IdentityDocument:
    """Raises RecordUndecodable."""
    return _decode(_DOCUMENT, data)


def decode_transaction(data: bytes) -> Transaction:
    """Raises RecordUndecodable."""
    return _decode(_TRANSACTION, data)


def decode_masked_customer(data: bytes) -> MaskedCustomer:
    """Raises RecordUndecodable."""
    return _decode(_MASKED_CUSTOMER, data)


def decode_masked_document(data: bytes) -> MaskedDocument:
    """Raises RecordUndecodable."""
    return _decode(_MASKED_DOCUMENT, data)


def decode_masked_transaction(data: bytes) -> MaskedTransaction:
    """Raises RecordUndecodable."""
    return _decode(_MASKED_TRANSACTION, data)


def _decode(decoder: "msgspec.json.Decoder[_T]", data: bytes) -> _T:
    if not data.startswith(_HEAD):
        raise RecordUndecodable("not a record of format 1")
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass
    # Raised out here, since the decoder's own message can quote the value and would go along.
    raise RecordUndecodable("not a record of this kind")
