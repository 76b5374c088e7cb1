"""Public keys that a command verifies with, from its options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from vault.audit.note import NoteInvalid, VerifierKey
from vault.audit.signers import access_name, receipt_name
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import INPUT, CommandError

Keys = Annotated[
    list[str],
    typer.Option(
        "--key",
        metavar="VKEY|FILE",
        help="Public key as `vaultd keys show` prints it, or a file of them. Repeatable.",
    ),
]
_SUFFIX = receipt_name("")
_MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class PinnedKeys:
    """The keys of one log: those of its checkpoints, of its nodes' receipts, and of changes of
    access to its vault."""

    origin: str
    log: tuple[VerifierKey, ...]
    receipts: tuple[VerifierKey, ...]
    access: tuple[VerifierKey, ...] = ()


def pinned(given: Iterable[str]) -> PinnedKeys:
    """The keys that were named. Raises CommandError unless they are one log's."""
    keys = list(dict.fromkeys(key for one in given for key in _read(one)))
    # Only beside the log's own: a log may be called so itself.
    of_access = {access_name(key.name) for key in keys}
    access = tuple(key for key in keys if key.name in of_access)
    log = tuple(k for k in keys if not k.name.endswith(_SUFFIX) and k.name not in of_access)
    receipts = tuple(key for key in keys if key.name.endswith(_SUFFIX))
    names = {key.name for key in log}
    if len(names) != 1:
        raise CommandError(
            "Give the log's own public key with --key, and those of one log only.",
            "请用 --key 给出日志自身的公钥，且只给出同一日志的公钥。",
        )
    origin = names.pop()
    if any(key.name != receipt_name(origin) for key in receipts):
        raise CommandError(
            "A receipt key belongs to another log than the log key.",
            "某个回执公钥与日志公钥不属于同一日志。",
        )
    return PinnedKeys(origin, log, receipts, access)


def _read(given: str) -> list[VerifierKey]:
    path = Path(given)
    try:
        if not path.is_file():
            return [VerifierKey.parse(given.strip())]
        with path.open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
    except NoteInvalid:
        raise CommandError(
            f"--key {given}: neither a file nor a public key.",
            f"--key {given}：既不是文件，也不是公钥。",
        ) from None
    except OSError as error:
        # The name of a key may be longer than a file's may be.
        if "+" in given:
            return [VerifierKey.parse(given.strip())]
        raise options.unreadable(path, error) from None
    try:
        wanted = [line.strip() for line in lines]
        return [VerifierKey.parse(one) for one in wanted if one and not one.startswith("#")]
    except NoteInvalid as error:
        raise CommandError(
            f"{path}: a line is no public key ({error}).",
            f"{path}：有一行不是公钥（{error}）。",
            INPUT,
        ) from None
