"""The readable page of an export: what was asked for, what there is, and how it is verified."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_export_runs import identifier
from vault.cli.vaultctl.export_page import MOST_FILES, page_of, write_page
from vault.cli.vaultctl.export_runs import Runs
from vault.cli.vaultctl.language import Language, speak


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    yield
    speak(Language.EN)


def run(folder: Path, number: int, files: int, **facts: Any) -> None:
    """A run as vaultctl leaves it."""
    place = folder / f"run-{number}"
    place.mkdir()
    lines = [
        {
            "file": f"{identifier(one)}.bundle",
            "size": 4_321,
            "sha256": f"{one:064}",
            "documents": 1,
            "transactions": 20,
            "contents": 3,
        }
        for one in range(files)
    ]
    text = "".join(json.dumps(one) + "\n" for one in lines).encode()
    (place / "files.jsonl").write_bytes(text)
    whole = {
        "name": "institutions/demo-bank",
        "log": "log.example/<demo>",
        "made_at": "2026-01-02T03:04:05Z",
        "files": [{"size": len(text)}],
        "facts": {
            "recipient": "ab" * 32,
            "check_out": "01jd0000000000000000000000",
            "parts": ["customer", "documents", "transactions", "contents"],
            "booked_from": "2025-01-01T00:00:00Z",
            "booked_to": "",
            "named": 0,
            "after": "",
            "through": identifier(files - 1),
            "complete": True,
            "reconciled": True,
            "files": files,
            "files_stored": files + 1,
            "files_closed": 1,
            "files_destroyed": 0,
            "documents": files,
            "transactions": files * 20,
            "contents": files * 3,
            **facts,
        },
    }
    (place / "manifest.json").write_text(json.dumps(whole))
    (place / "manifest.note").write_text("signed")


def test_it_says_what_was_asked_for_what_there_is_and_how_to_verify(tmp_path: Path) -> None:
    run(tmp_path, 1, 2, complete=False, files_stored=2, files_closed=0)
    run(tmp_path, 2, 3, after=identifier(1))
    write_page(Runs.read(tmp_path))
    page = tmp_path / "index.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    text = page.read_text("utf-8")
    for said in (
        '<html lang="en">',
        "Export of files of institutions/demo-bank",
        "ab" * 32,
        "2025-01-01T00:00:00Z",
        "no bound",
        "run-1/" + identifier(0) + ".bundle",
        "run-2/" + identifier(2) + ".bundle",
        f"{2:064}",
        "vaultctl bundle verify-export",
        "proves nothing",
    ):
        assert said in text, said
    # Of both runs together; escaped; asked of no other machine.
    assert '<th scope="row">Files</th><td>5</td>' in text
    assert '<th scope="row">Customers stored</th><td>6</td>' in text
    assert "log.example/&lt;demo&gt;" in text
    assert "default-src 'none'" in text and "http://" not in text and "https://" not in text
    # It is no part of what goes on, and is written over.
    assert len(Runs.read(tmp_path).runs) == 2
    write_page(Runs.read(tmp_path))
    assert sorted(one.name for one in tmp_path.iterdir()) == ["index.html", "run-1", "run-2"]


def test_it_speaks_chinese_and_says_that_more_is_to_come(tmp_path: Path) -> None:
    run(tmp_path, 1, 2, complete=False)
    speak(Language.ZH)
    text = page_of(Runs.read(tmp_path)).decode()
    assert '<html lang="zh-CN">' in text and "档案导出" in text
    assert "导出尚未完成" in text and "<td>否</td>" in text


def test_of_very_many_files_it_names_some(tmp_path: Path) -> None:
    run(tmp_path, 1, MOST_FILES + 1)
    text = page_of(Runs.read(tmp_path)).decode()
    assert text.count(".bundle</td>") == MOST_FILES
    assert "The first 1,000 are named here" in text


def test_without_a_manifest_there_is_no_page(tmp_path: Path) -> None:
    write_page(Runs.read(tmp_path))
    assert not list(tmp_path.iterdir())
