"""Which pages there are, and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tools.docs import api, cli, errors

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / "docs" / "reference"

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "api.md": lambda: api.page(ROOT / "build" / "image.binpb"),
    "cli.md": cli.page,
    "errors.md": errors.page,
}
"""The text of each page of the folder."""


def write(folder: Path = FOLDER) -> list[Path]:
    """Write every page; the ones that changed."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, make in PAGES.items():
        path, text = folder / name, make()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed
