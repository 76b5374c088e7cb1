"""The commands, as their own --help tells of them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import typer.main

from vault.cli.vaultctl import failures as vaultctl_failures
from vault.cli.vaultctl.app import app as vaultctl
from vault.cli.vaultd import failures as vaultd_failures
from vault.cli.vaultd.app import app as vaultd

_WIDTH: Final = 100
_INTRODUCTION: Final = """\
# Commands

Written by `make docs` from the programs' own `--help`. A test fails if this page and the programs
differ.

Every command of `vaultctl` needs a profile: `--profile FILE`, or the variable `VAULTCTL_PROFILE`.
The options of `vaultctl` itself stand before the command: `vaultctl --lang zh customers list`.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: how it is called, its help, and the options that it takes."""

    call: str
    help: str
    options: frozenset[str]
    leaf: bool


def commands() -> Iterator[Command]:
    """Every command of both programs, groups before what is in them."""
    for name, app in (("vaultd", vaultd), ("vaultctl", vaultctl)):
        yield from _walk(typer.main.get_command(app), name, None)


def page() -> str:
    """The page."""
    parts = [_INTRODUCTION]
    program = ""
    for command in commands():
        depth = 2 if " " not in command.call else 3
        if depth == 2:
            parts.append(_codes(program))
            program = command.call
        parts.append(f"\n{'#' * depth} {command.call}\n\n```text\n{command.help}\n```\n")
    parts.append(_codes(program))
    return "".join(parts)


def _walk(command: Any, call: str, parent: Any) -> Iterator[Command]:
    # Frames and colours are the terminal's affair: here the plain text of the same help.
    command.rich_markup_mode = None
    context = command.context_class(
        command, info_name=call.rpartition(" ")[2], parent=parent, terminal_width=_WIDTH
    )
    context.max_content_width = _WIDTH
    help_text = "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
    flags = {
        flag
        for parameter in command.get_params(context)
        for flag in (*parameter.opts, *parameter.secondary_opts)
        if flag.startswith("-")
    }
    below = command.list_commands(context) if hasattr(command, "list_commands") else []
    yield Command(call, help_text, frozenset(flags), not below)
    for name in below:
        yield from _walk(command.get_command(context, name), f"{call} {name}", context)


def _codes(program: str) -> str:
    """The exit codes, which stand in the docstring of the module that gives them."""
    module = {"vaultctl": vaultctl_failures, "vaultd": vaultd_failures}.get(program)
    if module is None:
        return ""
    _, _, text = inspect.cleandoc(module.__doc__ or "").partition("\n\n")
    found = re.findall(r"(?:^|\s{2,})(\d+) +(\S.*?)(?=\s{2,}\d+ |$)", text, re.MULTILINE)
    if not found:
        raise ValueError(f"{module.__name__} no longer names its exit codes")
    rows = "".join(
        f"| {code} | {what} |\n" for code, what in sorted(found, key=lambda c: int(c[0]))
    )
    return f"\n### Exit codes of {program}\n\n| code | meaning |\n| --- | --- |\n{rows}"
