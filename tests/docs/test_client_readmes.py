"""What the clients' own READMEs show is there, by the names and the arguments that they show."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import recordsvault_client
import recordsvault_masked
from tests.docs.pages import ROOT, codes

PAGES = {
    "clients/python-masked/README.md": recordsvault_masked,
    "clients/python/README.md": recordsvault_client,
}
# The name that a client goes by in the examples, and what stands behind it.
CLIENTS: dict[str, Any] = {
    "access": recordsvault_masked.AccessClient,
    "teller": recordsvault_masked.LendingRegister,
}


def trees(page: str) -> list[ast.Module]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [ast.parse(code.text) for code in codes(text) if code.language == "python"]


@pytest.mark.parametrize("page", PAGES)
def test_what_an_example_imports_is_there(page: str) -> None:
    package = PAGES[page]
    wanted = [
        alias.name
        for tree in trees(page)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == package.__name__
        for alias in node.names
    ]
    assert wanted
    assert [name for name in wanted if name not in package.__all__] == []


def test_every_method_of_the_register_that_an_example_calls_takes_what_it_is_given() -> None:
    called = []
    for tree in trees("clients/python-masked/README.md"):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            owner = node.func.value
            if isinstance(owner, ast.Name) and owner.id in CLIENTS:
                method = getattr(CLIENTS[owner.id], node.func.attr)
                given = {keyword.arg: None for keyword in node.keywords if keyword.arg}
                inspect.signature(method).bind(None, *node.args, **given)
                called.append(node.func.attr)
    assert set(called) == {"acting_for", "request_check_out", "watch", "approve"}


def test_there_is_a_readme_for_each_client() -> None:
    assert all(Path(ROOT / page).is_file() for page in PAGES)
