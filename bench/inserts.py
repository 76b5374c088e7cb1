"""The import's yardstick: the same rows, sealed already, by a plain SQLAlchemy bulk insert.

The rows that the measured import has written are read, deleted, and inserted once more into the
same table of the same database: the ORM-less `insert()` with a list of dictionaries, as many rows a
commit as the import has items a message, with the durability of the vault. There is no index
entry, no event and no key; it is what the database and SQLAlchemy cost alone.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
from sqlalchemy import Engine, create_engine, delete, event, insert, select, tuple_

from bench.material import ITEMS_A_MESSAGE
from vault.store.schema import transactions


def plain_insert(url: str, names: Sequence[str]) -> tuple[float, float]:
    """Rows a second, and rows a second of this process's processor time."""
    engine = _engine(url)
    try:
        rows = _take_out(engine, names)
        batches = list(_in_batches(rows))
        wall, cpu = time.perf_counter(), _cpu()
        with engine.connect() as conn:
            for batch in batches:
                conn.execute(insert(transactions), batch)
                conn.commit()
        return len(rows) / (time.perf_counter() - wall), len(rows) / (_cpu() - cpu)
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _durable(connection: Any, _record: object) -> None:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")

    return engine


def _take_out(engine: Engine, names: Sequence[str]) -> list[dict[str, Any]]:
    """The rows in the order of their import. Raises RuntimeError if one is not there."""
    keys = [(n.split("/")[3], n.split("/")[5]) for n in names]
    key = tuple_(transactions.c.customer, transactions.c.transaction)
    institution = transactions.c.institution == names[0].split("/")[1]
    rows: list[dict[str, Any]] = []
    with engine.begin() as conn:
        for some in _in_batches(keys):
            found = {
                (row["customer"], row["transaction"]): dict(row)
                for row in conn.execute(
                    select(transactions).where(institution, key.in_(some))
                ).mappings()
            }
            rows.extend(found[k] for k in some)
            conn.execute(delete(transactions).where(institution, key.in_(some)))
    return rows


def _in_batches(items: Sequence[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), ITEMS_A_MESSAGE):
        yield list(items[start : start + ITEMS_A_MESSAGE])


def _cpu() -> float:
    times = psutil.Process().cpu_times()
    return times.user + times.system
