"""`vaultctl access propose|history|show`: changes of principals, by two persons."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from recordsvault.admin.v1 import access_admin_pb2 as pb
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import options, proposal_decide
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.output import as_dict, console, write_json
from vault.cli.vaultctl.proposal_show import print_list
from vault.cli.vaultctl.steward import Steward

_LISTS = ("certificates", "accounts", "own_files", "related_files")
_LIMITS = ("branches", "classes")
_TEXTS = ("uri", "person", "home_branch")
_KEYS = frozenset({"name", "institution", "roles", "not_after", *_TEXTS, *_LISTS, *_LIMITS})


def propose(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Change, as TOML.")],
    reason: given.Reason,
    as_json: options.Json = False,
) -> None:
    """Propose a change of principals. Another person approves it, within 7 days.

    The file has [[principal]] entries as principals.toml has them, each whole, and removes names
    with remove = ["..."] in front of them. A role may have an end:
    roles = ["teller", {role = "custodian", not_after = 2026-12-31T16:00:00Z}].
    branches = ["sh-01"] and classes = ["ORDINARY"] hold the roles to customers of these branches
    and to files of these classes; an empty list lets nothing through.

    A change by which somebody who keeps files may keep none any more is refused until they are
    handed over. leaves_files = true in front of the entries lets him leave them behind, for a
    revocation that cannot wait.
    """
    change = read_change(file)
    why = given.words(reason, "--reason")
    made = Steward(context).service.propose_change(change, reason=why)
    proposal_decide.tell(made, as_json)


def history(context: typer.Context, as_json: options.Json = False) -> None:
    """List the changes of principals that were proposed, newest first."""
    found = Steward(context).change_proposals()
    if as_json:
        write_json([as_dict(one) for one in found])
    else:
        print_list(found, console())


def show(context: typer.Context, name: proposal_decide.Name, as_json: options.Json = False) -> None:
    """Show a proposed change of principals."""
    steward = Steward(context)
    proposal_decide.show_proposal(steward, steward.change_name(name), as_json)


def read_change(path: Path) -> pb.DirectoryChange:
    """The change in a TOML file. Raises CommandError; what it holds is the vault's to judge."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise options.unreadable(path, error) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise CommandError(f"{path} is not TOML.", f"{path} 不是 TOML。", INPUT) from None
    unknown = document.keys() - {"principal", "remove", "leaves_files"}
    try:
        if unknown:
            raise ValueError(f"the key {sorted(unknown)[0]} is not known")
        return pb.DirectoryChange(
            upsert=[_entry(table, path) for table in _list(document, "principal", path)],
            remove=_list(document, "remove", path),
            leaves_files=document.get("leaves_files", False),
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        why = str(error) if isinstance(error, ValueError) else "a value is of another kind"
        raise CommandError(
            f"{path} is no change of principals: {why}.", f"{path} 不是主体变更：{why}。", INPUT
        ) from None


def _list(table: dict[str, Any], key: str, path: Path) -> list[Any]:
    """What a key has. A text would be taken for a list of its letters. Raises CommandError."""
    found = table.get(key, [])
    if isinstance(found, list):
        return found
    wanted = "[[principal]]" if key == "principal" else f"{key} = [...]"
    raise CommandError(
        f"{path} is no change of principals: {key} is no list, write {wanted}.",
        f"{path} 不是主体变更：{key} 不是列表，请写作 {wanted}。",
        INPUT,
    )


def _entry(table: dict[str, Any], path: Path) -> pb.PrincipalEntry:
    unknown = table.keys() - _KEYS
    if unknown:
        raise ValueError(f"the key {sorted(unknown)[0]} is not known")
    made = pb.PrincipalEntry(
        name=table["name"],
        roles=[_binding(role) for role in _list(table, "roles", path)],
        **{key: table[key] for key in _TEXTS if key in table},
    )
    last = table.get("not_after", "")
    made.not_after = last.isoformat() if isinstance(last, datetime.date) else last
    for key in _LISTS:
        getattr(made, key).extend(_list(table, key, path))
    for key in _LIMITS:
        if key in table:
            # Also an empty one: it lets nothing through, where one that is left out limits nothing.
            limit = getattr(made.scope, key)
            limit.SetInParent()
            limit.names.extend(_list(table, key, path))
    return made


def _binding(role: str | dict[str, Any]) -> pb.RoleBinding:
    if isinstance(role, str):
        return pb.RoleBinding(role=role)
    made = pb.RoleBinding(role=role["role"])
    end = role.get("not_after")
    if end is not None:
        if not isinstance(end, datetime.datetime) or end.tzinfo is None:
            raise ValueError("not_after of a role is a time with its zone, 2026-12-31T16:00:00Z")
        made.not_after.FromDatetime(end)
    return made
