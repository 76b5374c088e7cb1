"""`vaultctl keys rotate|rewrap|retire|reseal|withdraw`: steps with keys, proposed; another person
approves each within 7 days, and the vault then carries it out."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from recordsvault_client import NotFound, step_of
from vault.cli.vaultctl import checkout_options as given
from vault.cli.vaultctl import options, proposal_decide
from vault.cli.vaultctl.session import session
from vault.cli.vaultctl.steward import Steward

_VAULT = ""
_RECORDS = "records"


class KeyName(str, Enum):
    """A key that can be rotated."""

    KEK_FULL = "kek-full"
    KEK_MASKED = "kek-masked"
    KEK_INDEX = "kek-index"
    BRANCH_FULL = "branch-full"
    BRANCH_MASKED = "branch-masked"
    INDEX = "index"


Which = Annotated[KeyName, typer.Argument(metavar="KEY", help="Key, as `keys list` has it.")]
To = Annotated[
    str,
    typer.Option(
        "--to-provider",
        metavar="NAME",
        help="Of a KEK: move it to this provider of `kms_others`, `first` being `kms` itself.",
    ),
]
Rate = Annotated[
    int, typer.Option("--rate", min=1, max=1_000_000, metavar="N", help="Keys a second at most.")
]
Version = Annotated[str, typer.Option("--version", metavar="VERSION", help="Version to destroy.")]


def rotate(
    context: typer.Context,
    key: Which,
    reason: given.Reason,
    provider: To = "",
    as_json: options.Json = False,
) -> None:
    """Propose a new version of a key. It serves new wraps at once; the old one goes on to open."""
    _propose(context, key.value, "rotate", reason, as_json, provider=provider)


def rewrap(
    context: typer.Context,
    key: Which,
    reason: given.Reason,
    rate: Rate = 2_000,
    as_json: options.Json = False,
) -> None:
    """Propose to hang under the newest version all that hangs under older ones.

    No data is touched, reads and writes go on, and each key is opened again before the step is
    done. Of the index key, all index entries are made anew.
    """
    _propose(context, key.value, "rewrap", reason, as_json, rate=rate)


def retire(
    context: typer.Context,
    key: Which,
    version: Version,
    reason: given.Reason,
    as_json: options.Json = False,
) -> None:
    """Propose to destroy an old version of a key; refused while anything hangs under it."""
    _propose(context, key.value, "retire", reason, as_json, version=version)


def reseal(
    context: typer.Context,
    reason: given.Reason,
    rate: Rate = 2_000,
    as_json: options.Json = False,
) -> None:
    """Propose to seal anew what another cipher suite has sealed, with the institution's own.

    Reads, writes and searches go on. Each row is opened again before it takes the old one's place,
    and the log has its new hash. `keys status --wait` shows how far it is.
    """
    _propose(context, _RECORDS, "reseal", reason, as_json, rate=rate)


def withdraw(
    context: typer.Context, name: proposal_decide.Name, as_json: options.Json = False
) -> None:
    """Take back a proposal of one's own."""
    keys = session(context).client().keys
    mine, of_vault = Steward.either(context, name)
    try:
        made = keys.withdraw(mine)
    except NotFound:
        made = keys.withdraw(of_vault)
    proposal_decide.tell(made, as_json)


def _propose(
    context: typer.Context,
    key: str,
    verb: str,
    reason: str,
    as_json: bool,
    *,
    version: str = "",
    rate: int = 0,
    provider: str = "",
) -> None:
    step = step_of(key, verb, version=version, rate=rate, provider=provider)
    why = given.words(reason, "--reason")
    parent = _VAULT if key.startswith("kek-") else None
    made = session(context).client().keys.propose(step, reason=why, parent=parent)
    proposal_decide.tell(made, as_json)
