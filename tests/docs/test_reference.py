"""The reference pages are what the program says of itself."""

import pytest

from tools.docs import PAGES, errors
from tools.docs.cli import commands
from tools.docs.pages import FOLDER


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_level_with_the_program(name: str) -> None:
    page = (FOLDER / name).read_text(encoding="utf-8")
    assert page == PAGES[name](), f"docs/reference/{name} is out of date: run `make docs`"


def test_the_folder_holds_no_other_page() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(PAGES)


def test_every_reason_that_the_code_can_answer_is_explained() -> None:
    assert errors.in_code() - set(errors.ADVICE) - set(errors.FIELD_ADVICE) == set()


def test_no_reason_is_explained_that_the_code_does_not_have() -> None:
    assert (set(errors.ADVICE) | set(errors.FIELD_ADVICE)) - errors.in_code() == set()


def test_every_reason_that_is_not_about_a_field_has_its_code() -> None:
    assert set(errors.ADVICE) <= set(errors.codes())


def test_every_command_is_on_its_page_with_every_option() -> None:
    page = (FOLDER / "cli.md").read_text(encoding="utf-8")
    for command in commands():
        _, _, section = page.partition(f"# {command.call}\n")
        section, _, _ = section.partition("\n#")
        assert section, command.call
        assert [option for option in command.options if option not in section] == []


def test_every_method_of_the_contract_is_on_its_page() -> None:
    page = (FOLDER / "api.md").read_text(encoding="utf-8")
    for method in ("CreateCustomer", "ListMaskedTransactions", "StreamEvents", "CheckHealth"):
        assert f"| `{method}` |" in page
    # What the vault answers for a name of the wrong form sends people here.
    assert "`string.pattern = ^institutions/" in page
