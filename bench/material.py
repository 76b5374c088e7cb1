"""Prepares the bytes that are sent: import messages of 500 items from the seeded generator.

What was prepared is kept under .bench/material, by what went into it, so that a second run starts
at once. The records are invented, so they may lie there in the clear.
"""

import hashlib
import shutil
import struct
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from clients.examples.banking import transactions
from clients.examples.customers import customers
from recordsvault.records.v1 import records_pb2 as pb

SEED = 20260101
PARENT = "institutions/demo-bank"
ITEMS_A_MESSAGE = 500
ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".bench"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is stored before anything is measured, and how much is then sent.

    `imported` transactions are the measured import, `created` those of the single creates; all
    three kinds are spread evenly over the years that the generator covers.
    """

    customers: int
    transactions: int
    imported: int
    created: int


@dataclass(frozen=True, slots=True)
class Material:
    """Files of length-prefixed messages: ImportRecordsRequest, and ImportItem in `created`."""

    folder: Path

    @property
    def customers(self) -> Path:
        return self.folder / "customers.bin"

    @property
    def documents(self) -> Path:
        return self.folder / "documents.bin"

    @property
    def stored(self) -> Path:
        return self.folder / "stored.bin"

    @property
    def imported(self) -> Path:
        return self.folder / "imported.bin"

    @property
    def created(self) -> Path:
        return self.folder / "created.bin"


def write_messages(path: Path, messages: Iterable[bytes]) -> int:
    """Write messages as the loader reads them; return how many."""
    count = 0
    with path.open("wb") as file:
        for count, message in enumerate(messages, 1):  # noqa: B007 - it is returned
            file.write(struct.pack(">I", len(message)) + message)
    return count


def read_messages(path: Path) -> Iterator[bytes]:
    """The messages of a file."""
    with path.open("rb") as file:
        while size := file.read(4):
            yield file.read(struct.unpack(">I", size)[0])


def prepare(size: Size) -> Material:
    """The material of a size, made unless it is there."""
    material = Material(KEPT / "material" / _fingerprint(size))
    if not material.folder.exists():
        partial = material.folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _make(size, Material(partial))
        partial.rename(material.folder)
    return material


def _fingerprint(size: Size) -> str:
    digest = hashlib.sha256(repr((SEED, size)).encode())
    sources = (ROOT / "clients" / "examples").glob("*.py")
    protos = (ROOT / "protos").rglob("*.proto")
    for path in sorted([*sources, *protos, Path(__file__)]):
        digest.update(path.read_bytes())
    return f"{size.transactions}-{digest.hexdigest()[:12]}"


def _make(size: Size, into: Material) -> None:
    filed = list(customers(SEED, size.customers))
    write_messages(into.customers, _requests({"new_customer": f.customer} for f in filed))
    papers = (
        {"customer_number": f.holder.customer_number, "identity_document": paper.document()}
        for f in filed
        for paper in f.papers
    )
    write_messages(into.documents, _requests(papers))
    extra = size.imported + size.created
    total = size.transactions + extra
    imported: list[dict[str, Any]] = []
    created: list[dict[str, Any]] = []

    def stored() -> Iterator[dict[str, Any]]:
        """The others are taken out at even distances."""
        all_of_them = transactions(SEED, total, [f.holder for f in filed])
        for i, item in enumerate(all_of_them):
            nth = i * extra // total
            if (i + 1) * extra // total == nth:
                yield item
            elif (nth + 1) * size.created // extra > nth * size.created // extra:
                created.append(item)
            else:
                imported.append(item)

    write_messages(into.stored, _requests(stored()))
    write_messages(into.imported, _requests(imported))
    write_messages(into.created, (_item(item).SerializeToString() for item in created))


def _requests(items: Iterable[dict[str, Any]]) -> Iterator[bytes]:
    request = pb.ImportRecordsRequest()
    for item in items:
        request.items.append(_item(item))
        if len(request.items) == ITEMS_A_MESSAGE:
            yield _finished(request)
            request = pb.ImportRecordsRequest()
    if request.items:
        yield _finished(request)


def _finished(request: pb.ImportRecordsRequest) -> bytes:
    request.parent = PARENT
    request.request_id = str(uuid.uuid4())
    return request.SerializeToString()


def _item(item: dict[str, Any]) -> pb.ImportItem:
    return json_format.ParseDict(item, pb.ImportItem())
