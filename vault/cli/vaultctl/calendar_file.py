"""Due dates as a calendar (iCalendar, RFC 5545) and as a table (CSV, RFC 4180).

Neither holds a value of a file: names of customers are opaque, and so are these files.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from vault.cli.vaultctl.csv_safe import safe

_LINE: Final = 75
COLUMNS: Final = (
    "due_date", "kind", "customer", "path", "custodian", "branch", "risk_class", "segments",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DueRow:
    """Something that falls due; `kind` as the contract has it, without its prefix."""

    day: date
    kind: str
    customer: str
    path: str
    custodian: str
    branch: str
    risk_class: str = "UNSPECIFIED"
    segments: tuple[str, ...] = ()

    @property
    def uid(self) -> str:
        """The same for the same thing in every export, so that a calendar takes it for itself."""
        # What is due at once has the day of the question.
        day = "" if self.kind == "CUSTODIAN_LEFT" else self.day.isoformat()
        text = "\n".join((self.customer, self.kind, self.path, day))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def calendar(rows: Iterable[DueRow], titles: dict[str, str], now: datetime) -> Iterator[str]:
    """The lines of a calendar of all-day events, each with its line end (section 3.1): `titles`
    are what each kind is called, `now` is when it is drawn up."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    for line in ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//records vault//due//EN"):
        yield _folded(line)
    for row in rows:
        last = row.day + timedelta(days=1) if row.day < date.max else row.day
        about = [f"{name}: {value}" for name, value in _about(row) if value]
        for line in (
            "BEGIN:VEVENT",
            f"UID:{row.uid}@records-vault",
            f"DTSTAMP:{stamp}",
            f"DTSTART;VALUE=DATE:{row.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{last:%Y%m%d}",
            f"SUMMARY:{_text(titles.get(row.kind, row.kind))}",
            f"DESCRIPTION:{_text(chr(10).join(about))}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ):
            yield _folded(line)
    yield _folded("END:VCALENDAR")


def table(rows: Iterable[DueRow]) -> Iterator[str]:
    """The lines of a table with a head. What a spreadsheet would take for a formula is kept from
    being one."""
    yield _csv(COLUMNS)
    for row in rows:
        yield _csv(
            (
                row.day.isoformat(),
                row.kind,
                row.customer,
                row.path,
                safe(row.custodian),
                safe(row.branch),
                row.risk_class,
                safe("; ".join(row.segments)),
            )
        )


def _about(row: DueRow) -> tuple[tuple[str, str], ...]:
    return (
        ("customer", row.customer),
        ("path", row.path),
        ("custodian", row.custodian),
        ("branch", row.branch),
    )


def _text(value: str) -> str:
    """Section 3.3.11: what would end a text, or the line, is escaped."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value.replace("\r", "")


def _folded(line: str) -> str:
    """Section 3.1: no line has more than 75 octets; one that goes on begins with a blank. No
    character is cut in two."""
    out, used = [], 0
    for letter in line:
        size = len(letter.encode())
        if used + size > _LINE:
            out.append("\r\n ")
            used = 1
        out.append(letter)
        used += size
    return "".join(out) + "\r\n"


def _csv(values: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(values)
    return out.getvalue()
