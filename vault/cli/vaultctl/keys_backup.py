"""`vaultctl keys custodian|backup|restore`: backups of the key store, and the way back.

They work on the vault's own machine with its configuration, not through a server: a key store that
is to be brought back cannot be asked for anything.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Callable
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer

from vault.audit import LogUnavailable
from vault.cli.vaultctl.failures import INPUT, NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.kms import KmsError
from vault.kms.custodians import make_custodian_key, read_custodian_key, read_custodians
from vault.sealing import SystemClock
from vault.server.key_backup import kek_files, kms_of_backup, opened, put_kek_files
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.services.key_backup import (
    BackupInvalid,
    KeyStoreNotEmpty,
    OpenedBackup,
    Restored,
    back_up,
    drill,
    open_backup,
    restore,
    tell_backed_up,
    tell_restored,
)
from vault.store import Database, StoreError

_AWAY = 9
_FORESEEN = (BackupInvalid, KmsError, SettingsInvalid)
Config = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="The full tier's configuration."),
]


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
    ask = _passphrases([to], passphrase_fd, again=True)
    passphrase = ask(to)
    if not passphrase:
        raise CommandError("A passphrase is needed.", "必须设置口令。", INPUT)
    try:
        public = make_custodian_key(to, passphrase)
    except (KmsError, OSError) as error:
        raise _told(error) from None
    typer.echo(f'[[custodian]]\nname = "{name}"')
    typer.echo(f'public_key = "{base64.b64encode(public).decode()}"')


def backup(
    config: Config,
    custodians: Annotated[
        Path,
        typer.Option("--custodians", metavar="FILE", help="Who can restore, and how many of them."),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="A new file for the backup.")],
) -> None:
    """Back up the key store for its recovery custodians.

    Keep it for weeks, apart from the backups of the data: what is destroyed stays destroyed once
    the last backup of its keys is gone. May run while the vault does.
    """
    try:
        settings = load(config, TierName.FULL)
        chosen = read_custodians(custodians)
        with opened(settings) as (data, keys):
            made = back_up(
                keys,
                chosen,
                to,
                vault=settings.log.origin,
                now_micros=SystemClock().now_micros(),
                keks=kek_files(settings),
            )
            rows = sum(made.rows.values())
            try:
                asyncio.run(tell_backed_up(data, made.header, rows=rows, uid=os.geteuid()))
            except BaseException:
                to.unlink()  # what is not in the log was not made
                raise
    except _ALL as error:
        raise _told(error) from None
    files = made.rows["full_file_keys"] + made.rows["masked_file_keys"]
    typer.echo(
        say(
            f"Backup {made.header.backup}: {files} file keys, {len(made.keks)} key files; any "
            f"{chosen.threshold} of {len(chosen.all)} custodians open it.",
            f"备份 {made.header.backup}：{files} 个文件密钥，{len(made.keks)} 个密钥文件；"
            f"{len(chosen.all)} 名保管人中任意 {chosen.threshold} 名可打开。",
        )
    )


def restore_(
    file: Annotated[Path, typer.Argument(metavar="BACKUP", help="The file of the backup.")],
    config: Config,
    custodian_key: Annotated[
        list[Path],
        typer.Option(
            "--custodian-key", metavar="FILE", help="A custodian's private key; one for each."
        ),
    ],
    only_drill: Annotated[
        bool, typer.Option("--drill", help="Try it in a key store that is thrown away.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Throw away what the key store has now.")
    ] = False,
    keks_to: Annotated[
        Path | None,
        typer.Option("--keks-to", metavar="DIR", help="Put missing files of KEKs there, too."),
    ] = None,
    passphrase_fd: Annotated[
        int | None,
        typer.Option(
            "--passphrase-fd", min=0, metavar="N", help="Read the passphrases there, one a line."
        ),
    ] = None,
) -> None:
    """Restore the key store from a backup, with enough custodians present.

    Each is asked for his passphrase. What is on the shred list is destroyed again before the vault
    can serve. Stop the vault first; a drill may be held while it runs.
    """
    ask = _passphrases(custodian_key, passphrase_fd)
    try:
        settings = load(config, TierName.FULL)
        keys = [read_custodian_key(path, lambda path=path: ask(path)) for path in custodian_key]  # type: ignore[misc]  # a default, not a parameter
        found = open_backup(file, keys)
        try:
            with opened(settings) as (data, store):
                if only_drill:
                    done = drill(found, data, store, lambda keks: kms_of_backup(settings, keks))
                else:
                    done = _restore(settings, found, data, store, replace)
        finally:
            found.close()
        put = put_kek_files(keks_to, done.keks) if keks_to and not only_drill else []
    except _ALL as error:
        raise _told(error) from None
    _show(done, found.header.backup, found.by, only_drill)
    for path in put:
        typer.echo(say(f"Put {path} there.", f"已写入 {path}。"))
    if done.opened.problem:
        raise typer.Exit(NOT_PROVED)


def _restore(
    settings: Settings, found: OpenedBackup, data: Database, store: Database, replace: bool
) -> Restored:
    def tell(done: Restored) -> None:
        rows = sum(table.rows for table in done.tables)
        asyncio.run(tell_restored(data, found.header, found.by, rows=rows, uid=os.geteuid()))

    return restore(
        found, data, store, lambda keks: kms_of_backup(settings, keks), tell, replace=replace
    )


def _show(done: Restored, backup_id: str, by: tuple[str, ...], only_drill: bool) -> None:
    names = ", ".join(by)
    typer.echo(
        say(
            f"{'Drill of' if only_drill else 'Restored'} backup {backup_id}, opened by {names}.",
            f"{'演练备份' if only_drill else '已恢复备份'} {backup_id}，由 {names} 打开。",
        )
    )
    for table in done.tables:
        now = "?" if table.rows_now < 0 else str(table.rows_now)
        same = say("the same", "相同") if table.same else say("different", "不同")
        before = say("in the vault", "现库")
        typer.echo(f"  {table.name:<20}{table.rows:>9}  {before} {now:>9}  {same}")
    typer.echo(
        say(
            f"Shred list: {done.scopes} scopes were not yet buried in it, {done.destroyed} keys of "
            "theirs were destroyed again.",
            f"销毁清单：其中 {done.scopes} 个范围尚未登记，已再次销毁 {done.destroyed} 个密钥。",
        )
    )
    if done.opened.problem:
        typer.echo(say(f"NOT USABLE: {done.opened.problem}", f"不可用：{done.opened.problem}"))
    elif done.opened.institution_keys:
        typer.echo(
            say(
                f"Opened: {done.opened.institution_keys} branch and index keys, "
                f"{done.opened.file_keys} file keys.",
                f"已试解封：{done.opened.institution_keys} 个分支与索引密钥，"
                f"{done.opened.file_keys} 个文件密钥。",
            )
        )
    else:
        typer.echo(
            say(
                "No key was opened: the KEKs are split, and wait for their own custodians.",
                "未试解封：密钥加密密钥由其自身的保管人分持。",
            )
        )


def _passphrases(
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
        given = lines.read(1 << 16).splitlines()
    by_path = dict(zip(paths, given, strict=False))
    return lambda path: by_path.get(path, b"")


_ALL = (*_FORESEEN, KeyStoreNotEmpty, LogUnavailable, StoreError, OSError)


def _told(error: Exception) -> CommandError:
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
