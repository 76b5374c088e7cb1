"""What is said where further files are of the same customer, and have not come with his."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from vault.cli.vaultctl.export_runs import LINES, Runs
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean


def tell_merged(names: Sequence[str]) -> None:
    """Name them, beside what the command answers; nothing where there are none."""
    if not names:
        return
    listed = "".join(f"  {clean(one)}\n" for one in names)
    sys.stderr.write(
        say(
            "Further files are of the same customer (merged), and are not in what you have got. "
            f"Ask for each by its name:\n{listed}",
            f"同一客户另有已合并的档案，未包含在本次结果中。请按名称逐一导出：\n{listed}",
        )
    )


def not_exported(runs: Runs) -> list[str]:
    """Files that the lists of an export name as of a customer of theirs, and do not have. Raises
    OSError, ValueError."""
    # Twice through, so that no more is held than what was merged.
    named = {one for said in _lines(runs) for one in said.get("merged_files", ())}
    if named:
        named.difference_update(said["customer"] for said in _lines(runs))
    return sorted(named)


def _lines(runs: Runs) -> Iterator[Mapping[str, Any]]:
    for run in runs.runs:
        with (run.folder / LINES).open("rb") as lines:
            for line in lines:
                yield json.loads(line)
