"""A statement of any length is read in the same memory, in each format: checked, made into items,
and what cannot be understood accounted for. `make soak` imports 1 GiB of each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.statements import CSV_MAPPING, write_camt, write_csv, write_mt940
from vault.cli.vaultctl.statements import Format

ROOT = Path(__file__).parents[3]
SMALL, LARGE = 1_500, 12_000
"""Entries: about 1 and 8 MiB."""
BROKEN = 100
KIBIBYTES = 2_048
"""How much more the large file may take: what the allocator does, and not a third of what comes."""
_READS = """
import sys
from pathlib import Path
from vault.cli.vaultctl.proto_json import Refused
from vault.cli.vaultctl.statements import Format, Terms, open_statements, read_mapping
from vault.cli.vaultctl.statements.mapping import Mapping

form, mapping = Format(sys.argv[1]), Path(sys.argv[2])
given = read_mapping(mapping) if form is Format.CSV else Mapping(channel="API")
for text in sys.argv[3:]:
    path = Path(text)
    with path.open("rb") as stream:
        rows = open_statements(form, path, stream, Terms(given, "UTC"))
        result = rows.check(lambda rows, end: None)
        items = refused = 0
        for row in rows:
            try:
                rows.item(row)
                items += 1
            except Refused:
                refused += 1
    status = Path("/proc/self/status").read_text()
    peak = status.partition("VmHWM:")[2].split()[0]
    print(result.entries, result.broken, items, refused, peak)
"""
WRITERS: dict[Format, Callable[..., list[int]]] = {
    Format.CAMT053: write_camt,
    Format.MT940: write_mt940,
    Format.CSV: write_csv,
}


@pytest.mark.parametrize("form", WRITERS, ids=str)
def test_a_statement_of_any_length_is_read_in_the_same_memory(tmp_path: Path, form: Format) -> None:
    """One process reads the small one, and then the large one."""
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(CSV_MAPPING)
    paths = []
    for entries in (SMALL, LARGE):
        path = tmp_path / f"{entries}"
        WRITERS[form](path, entries, broken=BROKEN)
        assert path.stat().st_size > 600 * entries
        paths.append(str(path))
    done = subprocess.run(
        [sys.executable, "-c", _READS, form.value, str(mapping), *paths],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    small, large = [[int(word) for word in line.split()] for line in done.stdout.splitlines()]
    for told, entries in ((small, SMALL), (large, LARGE)):
        assert told[:4] == [entries, BROKEN, entries - BROKEN, BROKEN]
    assert large[4] < small[4] + KIBIBYTES, (small, large)
