"""Links lead somewhere, tests that are named exist, and no page names a machine or a registry."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, all_pages, anchors, links, page_id

PAGES = all_pages()
MACHINE = re.compile(r"(?<![\w.\-/])/(?:root|work|home|Users|tmp)/[\w.\-]+")
REGISTRY = re.compile(
    r"pypi\.org|files\.pythonhosted|registry\.npmjs|--(?:extra-)?index-url|--find-links"
    r"|--trusted-host|\bnexus\b|\bartifactory\b|\b(?:10|172|192)\.\d+\.\d+\.\d+"
)
TEST = re.compile(r"\b(tests/[\w/]+\.py)(?:::(\w+))?")


def test_there_are_pages_of_every_part() -> None:
    names = {page_id(page) for page in PAGES}
    assert {"README.md", "README.zh-CN.md", "CHANGELOG.md", "docs/tutorial.md"} <= names
    for part, least in (("how-to", 5), ("explanation", 5), ("reference", 3), ("decisions", 2)):
        assert sum(name.startswith(f"docs/{part}/") for name in names) >= least


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_link_resolves(page: Path) -> None:
    broken = []
    for target in links(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_no_page_names_a_machine_or_a_registry(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # The example of the generator shows a scratch folder of the reader's own.
    found = MACHINE.findall(text.replace("--out /tmp/many", "")) + REGISTRY.findall(text)
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    missing = [
        f"{file}::{name}" if name else file
        for file, name in TEST.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / file).is_file() or (name and name not in _functions(ROOT / file))
    ]
    assert missing == []


def _functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
