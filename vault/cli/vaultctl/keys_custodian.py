"""`vaultctl keys custodian|share`: what a recovery custodian does, on a machine of his own; and
what both it and the vault's machine need for that."""

from __future__ import annotations

import base64
import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from vault.audit import LogUnavailable
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.kms import KmsError
from vault.kms.custodians import make_custodian_key, read_custodian_key
from vault.services.key_backup import BackupInvalid, KeyStoreNotEmpty, header_of, share_of
from vault.store import StoreError

MOST_BYTES = 1 << 16
_AWAY = 9


def custodian(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="Where the private key goes.")],
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="Of the custodian.")],
    passphrase_fd: Annotated[
        int | None,
        typer.Option("--passphrase-fd", min=0, metavar="N", help="Read the passphrase there."),
    ] = None,
) -> None:
    """Make a recovery custodian's key, and show his entry of the file of custodians.

    The passphrase is asked for. The private key never leaves him; without enough custodians' keys
    no backup can be opened.
    """
    ask = passphrases([to], passphrase_fd, again=True)
    passphrase = ask(to)
    if not passphrase:
        raise CommandError("A passphrase is needed.", "必须设置口令。", INPUT)
    try:
        public = make_custodian_key(to, passphrase)
    except (KmsError, OSError) as error:
        raise told(error) from None
    typer.echo(f'[[custodian]]\nname = "{name}"')
    typer.echo(f'public_key = "{base64.b64encode(public).decode()}"')


def share(
    file: Annotated[
        Path, typer.Argument(metavar="BACKUP", help="The backup; its first line is enough.")
    ],
    custodian_key: Annotated[
        Path, typer.Option("--custodian-key", metavar="FILE", help="Your private key.")
    ],
    to_fd: Annotated[
        int | None, typer.Option("--to-fd", min=1, metavar="N", help="Write the words there.")
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        typer.Option("--passphrase-fd", min=0, metavar="N", help="Read the passphrase there."),
    ] = None,
) -> None:
    """Open your share of a backup on your own machine, so that your key never leaves it.

    The words are of this backup alone. Give them where it is restored, and nowhere else.
    """
    if to_fd is None and not sys.stdout.isatty():
        raise CommandError(
            "The words are shown at a terminal only; or name a descriptor with --to-fd.",
            "份额只在终端上显示；也可用 --to-fd 指定文件描述符。",
        )
    ask = passphrases([custodian_key], passphrase_fd)
    try:
        key = read_custodian_key(custodian_key, lambda: ask(custodian_key))
        words = share_of(header_of(file), key).words
    except foreseen() as error:
        raise told(error) from None
    if to_fd is None:
        typer.echo(words)
        return
    with os.fdopen(to_fd, "w", closefd=False) as lines:
        lines.write(f"{words}\n")


def passphrases(
    paths: list[Path], descriptor: int | None, *, again: bool = False
) -> Callable[[Path], bytes]:
    """What asks for the passphrase of a key file: at the terminal, or the lines of a descriptor in
    the order of the files."""
    if descriptor is None:

        def ask(path: Path) -> bytes:
            first = getpass(say(f"Passphrase of {path}: ", f"{path} 的口令："))
            if again and getpass(say("Once more: ", "再次输入：")) != first:
                raise CommandError("They are not the same.", "两次输入不一致。", INPUT)
            return first.encode()

        return ask
    with os.fdopen(descriptor, "rb", closefd=False) as lines:
        given = lines.read(MOST_BYTES).splitlines()
    by_path = dict(zip(paths, given, strict=False))
    return lambda path: by_path.get(path, b"")


def foreseen() -> tuple[type[Exception], ...]:
    """What a backup, a restore or a look at a share can come to."""
    # Here, so that other commands start without the server.
    from vault.server.settings import SettingsInvalid

    return (
        BackupInvalid,
        KmsError,
        SettingsInvalid,
        KeyStoreNotEmpty,
        LogUnavailable,
        StoreError,
        OSError,
    )


def told(error: Exception) -> CommandError:
    """The sentence and the exit code of one of those `foreseen`."""
    if isinstance(error, KeyStoreNotEmpty):
        return CommandError(
            "The key store has keys. Give --replace to throw them away for the backup's.",
            "密钥库中已有密钥。如要以备份替换，请加 --replace。",
        )
    if isinstance(error, LogUnavailable | StoreError):
        return CommandError(f"The database is away: {error}.", f"数据库不可用：{error}。", _AWAY)
    if isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        return CommandError(f"It failed: {why}.", f"失败：{why}。", INPUT)
    return CommandError(f"{error}.", f"{error}。", INPUT)
