"""The log: every call leaves one event, durable before the call is answered.

In come `AuditEvent`s from the call pipeline, and units of work that write records together with
the events that tell of them. Out come stored events: their position, their bytes as they are kept
for ever, and the hash chain over them. `AuditLog` groups what arrives into batches, one database
transaction each; `encode` makes the bytes; `vault.audit.reader` pages through the log, follows a
filter and checks the chain.

It never answers before the commit, never reports a success that it is not sure of, never changes
or deletes an event, and puts no personal data into one. What cannot be logged fails, with
`LogUnavailable`.
"""

from vault.audit.chain import ChainBroken, Head, StoredEvent
from vault.audit.event import (
    AuditEvent,
    Decision,
    EventTooLarge,
    EventUnreadable,
    Phase,
    RowHash,
    decode,
    encode,
    split_rows,
)
from vault.audit.log import AuditLog, LogSettings, LogUnavailable
from vault.audit.reader import EventFilter, EventPage

__all__ = [
    "AuditEvent",
    "AuditLog",
    "ChainBroken",
    "Decision",
    "EventFilter",
    "EventPage",
    "EventTooLarge",
    "EventUnreadable",
    "Head",
    "LogSettings",
    "LogUnavailable",
    "Phase",
    "RowHash",
    "StoredEvent",
    "decode",
    "encode",
    "split_rows",
]
