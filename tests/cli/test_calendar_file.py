"""Due dates as a calendar and as a table: what other programs take, whatever stands in it."""

import csv
import io
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from vault.cli.vaultctl.calendar_file import COLUMNS, DueRow, calendar, table

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAME = "institutions/demo-bank/customers/01jd0000000000000000000000"
ROW = DueRow(date(2027, 4, 15), "REVIEW", NAME, "", "keeper", "BJ-01")
TITLES = {"REVIEW": "A file is to be reviewed"}
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
rows = st.builds(
    DueRow, st.dates(), st.sampled_from(["REVIEW", "DORMANT"]), st.just(NAME), texts, texts, texts
)


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")[:-1]


def test_a_calendar_has_an_all_day_event_for_each() -> None:
    text = "".join(calendar([ROW], TITLES, NOW))
    assert unfolded(text) == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//records vault//due//EN",
        "BEGIN:VEVENT",
        f"UID:{ROW.uid}@records-vault",
        "DTSTAMP:20261124T120000Z",
        "DTSTART;VALUE=DATE:20270415",
        "DTEND;VALUE=DATE:20270416",
        "SUMMARY:A file is to be reviewed",
        f"DESCRIPTION:customer: {NAME}\\ncustodian: keeper\\nbranch: BJ-01",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    ]


def test_what_is_due_at_once_is_the_same_event_whichever_day_is_asked() -> None:
    today, tomorrow = (
        DueRow(date(2027, 4, day), "CUSTODIAN_LEFT", NAME, "", "keeper", "BJ-01") for day in (1, 2)
    )
    assert today.uid == tomorrow.uid
    assert today.uid != ROW.uid


@given(st.lists(rows, max_size=3))
def test_no_text_ends_a_line_or_an_event_and_no_line_is_too_long(some: list[DueRow]) -> None:
    text = "".join(calendar(some, TITLES, NOW))
    lines = text.split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert sum(line == "BEGIN:VEVENT" for line in unfolded(text)) == len(some)
    assert len(unfolded(text)) == 4 + 9 * len(some)


@given(rows, rows)
def test_the_same_thing_is_the_same_event_in_every_calendar(one: DueRow, other: DueRow) -> None:
    same = (one.day, one.kind, one.path) == (other.day, other.kind, other.path)
    assert (one.uid == other.uid) == same


@given(st.lists(rows, max_size=3))
def test_a_table_has_a_line_for_each_and_none_is_a_formula(some: list[DueRow]) -> None:
    read = list(csv.reader(io.StringIO("".join(table(some)), newline="")))
    assert read[0] == list(COLUMNS)
    assert len(read) == 1 + len(some)
    for line in read[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line[4:])
