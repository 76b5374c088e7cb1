"""What a pipe gets: whole lines, unfolded, that end where their words end."""

import io

import pytest
from rich.table import Table

from vault.cli.vaultctl.output import console
from vault.cli.vaultctl.piped import Piped


def test_no_line_of_a_table_in_a_pipe_is_padded_or_folded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("short", "x")
    table.add_row("long" * 500, "y")
    table.add_row("no second", "")
    console().print(table)
    console(stderr=True).print(table)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        lines = text.splitlines()
        assert [line.split() for line in lines] == [
            ["short", "x"],
            ["long" * 500, "y"],
            ["no", "second"],
        ]
        assert all(line == line.rstrip() for line in lines)
        assert lines[0].index("x") == lines[1].index("y")  # the columns still stand


def test_blanks_inside_a_line_and_empty_lines_stay() -> None:
    stream = io.StringIO()
    Piped(stream).write("  a  b  \n\n   \nc ")
    assert stream.getvalue() == "  a  b\n\n\nc "
