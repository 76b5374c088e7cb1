"""How the server's own log lines look: JSON, or readable where a person looks on. On stderr.

This is the operator's log, not the vault's: what callers did is in the audit log alone. The text of
an exception is written only where it is one of ours: a library's may quote the value it stumbled
over, and these lines go to places that were never cleared for records.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from enum import StrEnum
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


class LogFormat(StrEnum):
    """What a line looks like."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


def configure(chosen: LogFormat = LogFormat.AUTO) -> None:
    """Send structlog's and the standard library's lines to stderr. AUTO: by whether it is a TTY."""
    if chosen is LogFormat.AUTO:
        chosen = LogFormat.CONSOLE if sys.stderr.isatty() else LogFormat.JSON
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _without_texts,
    ]
    if chosen is LogFormat.CONSOLE:
        shared.append(structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False))
        last: Processor = structlog.dev.ConsoleRenderer(
            pad_event_to=24, colors="NO_COLOR" not in os.environ
        )
    else:
        shared.append(structlog.processors.TimeStamper(fmt="iso", utc=True))
        last = structlog.processors.JSONRenderer(ensure_ascii=False)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # Says of each migration what `vaultd migrate` says once.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _without_texts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put what happened and where in the place of `exc_info`, without foreign texts."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = _named(error)
        event["at"] = _frames(error.__traceback__)
    return event


def _named(error: BaseException) -> str:
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}: {error}" if kind.__module__.startswith("vault.") else name


def _frames(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(trace)
    ]
