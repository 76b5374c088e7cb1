"""Drives running vaults: the example files, imports, errors as callers see them, the log."""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from sqlalchemy import Connection, make_url

from recordsvault.records.v1 import records_pb2 as pb
from recordsvault.type.v1 import purpose_pb2
from tests.support.databases import PostgresServer
from tests.support.running_vault import OTHER, OWN, ROOT, RunningVault
from vault.audit import AuditEvent, decode
from vault.audit.reader import read
from vault.server.parts import databases
from vault.server.settings import TierName, load
from vault.store import Database
from vault.store.roles import grant_masked_role

PARENT = f"institutions/{OWN}"
OTHER_PARENT = f"institutions/{OTHER}"
EXAMPLES = ROOT / "clients" / "examples"
CDD = purpose_pb2.PURPOSE_ONBOARDING_CDD
SERVICE = purpose_pb2.PURPOSE_CUSTOMER_SERVICE
WAIT = 30.0  # seconds; no call of these tests takes as long unless something hangs


# -- vaults ----------------------------------------------------------------------------------


@contextmanager
def laid_out(
    folder: Path,
    dialect: str,
    server: PostgresServer | None,
    kind: type[RunningVault] = RunningVault,
    limits: str = "",
    suites: str = "{}",
) -> Iterator[RunningVault]:
    """A vault that is laid out but not started, on a database of its own.

    On PostgreSQL the masked tier has a role of its own with the masked tier's grants.
    """
    if dialect == "sqlite":
        vault = kind(folder, "sqlite:///vault.db", limits=limits, suites=suites)
        try:
            yield vault
        finally:
            vault.stop()
        return
    assert server is not None
    name = server.create(migrated=True)
    role = f"masked_tier_of_{name}"
    server.execute(f"CREATE ROLE {role} LOGIN")
    masked = make_url(server.url(name)).set(username=role).render_as_string(hide_password=False)
    vault = kind(folder, server.url(name), masked_database=masked, limits=limits, suites=suites)
    with opened(vault) as database:
        database.write_sync(lambda conn: grant_masked_role(conn, role))
    try:
        yield vault
    finally:
        vault.stop()
        server.execute(f"DROP OWNED BY {role}", name)
        server.execute(f"DROP ROLE {role}")
        server.drop(name)


@contextmanager
def opened(vault: RunningVault) -> Iterator[Database]:
    """The vault's data database, opened by this process as its owner."""
    data, keys = databases(load(vault.config, TierName.FULL))
    try:
        yield data
    finally:
        data.dispose()
        if keys is not data:
            keys.dispose()


def events(database: Database) -> list[AuditEvent]:
    """The whole log."""

    def all_of(conn: Connection) -> list[AuditEvent]:
        return [decode(e.leaf) for e in read(conn, 0, 10**9).events]

    return database.read_sync(all_of)


# -- the example files -----------------------------------------------------------------------


def example_lines(kind: str) -> Iterator[dict[str, Any]]:
    """The items of `customers`, `documents` or `transactions` as JSON."""
    with (EXAMPLES / f"{kind}.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def as_item(line: dict[str, Any]) -> pb.ImportItem:
    """An item as the contract has it."""
    return json_format.ParseDict(line, pb.ImportItem())


def examples(customers: int, transactions: int) -> list[pb.ImportItem]:
    """The first customers, all of their documents, and their first transactions."""
    first = list(islice(example_lines("customers"), customers))
    numbers = {line["new_customer"]["customer_number"] for line in first}
    documents = (d for d in example_lines("documents") if d["customer_number"] in numbers)
    booked = (t for t in example_lines("transactions") if t["customer_number"] in numbers)
    lines = [*first, *documents, *islice(booked, transactions)]
    return [as_item(line) for line in lines]


def batches(
    items: Sequence[pb.ImportItem], parent: str = PARENT, size: int = 500
) -> Iterator[pb.ImportRecordsRequest]:
    """Messages of an import."""
    for at in range(0, len(items), size):
        yield pb.ImportRecordsRequest(
            parent=parent, request_id=str(uuid.uuid4()), items=items[at : at + size]
        )


def import_all(
    vault: RunningVault, items: Sequence[pb.ImportItem], who: str = "backend", parent: str = PARENT
) -> list[str]:
    """Import every item and return their names in order; an item that is refused fails the test."""
    names: list[str] = []
    for answer in vault.records(who).ImportRecords(batches(items, parent), timeout=WAIT):
        for result in answer.results:
            assert result.name, f"an example was refused: {result.error}"
            names.append(result.name)
    return names


# -- errors ----------------------------------------------------------------------------------


def details_of(error: Any) -> status_pb2.Status:
    """The google.rpc.Status of an error; empty if it has none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            return status_pb2.Status.FromString(value)
    return status_pb2.Status()


def reason_of(error: Any) -> tuple[str, str]:
    """Code and ErrorInfo reason."""
    info = error_details_pb2.ErrorInfo()
    for detail in details_of(error).details:
        if detail.Unpack(info):
            break
    return error.code().name, info.reason


def everything_said(error: Any) -> bytes:
    """All bytes that a caller gets with an error."""
    parts = [(error.details() or "").encode()]
    for metadata in (error.initial_metadata() or (), error.trailing_metadata() or ()):
        for key, value in metadata:
            parts += [key.encode(), value if isinstance(value, bytes) else value.encode()]
    return b"\n".join(parts)


def outcome(call: Any, request: Any) -> tuple[str, str]:
    """Code and reason of a call; ("OK", "") where it is answered."""
    try:
        answer = call(request, timeout=WAIT)
        if not hasattr(answer, "DESCRIPTOR"):
            list(answer)
    except grpc.RpcError as error:
        return reason_of(error)
    return "OK", ""


def texts_of(message: Any, fields: Iterable[str]) -> Iterator[str]:
    """The strings that stand in the named fields, anywhere in a message."""
    wanted = frozenset(fields)
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                continue
            for part in values:
                yield from texts_of(part, wanted)
        elif field.name in wanted:
            yield from (str(v) for v in values)
