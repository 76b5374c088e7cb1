"""`vaultctl keys backup|restore`: backups of the key store, and the way back.

They work on the vault's own machine with its configuration, not through a server: a key store that
is to be brought back cannot be asked for anything.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vault.cli.vaultctl.failures import NOT_PROVED
from vault.cli.vaultctl.keys_custodian import MOST_BYTES, foreseen, passphrases, told
from vault.cli.vaultctl.language import say
from vault.kms.custodians import read_custodian_key, read_custodians
from vault.sealing import SystemClock
from vault.services.key_backup import (
    OpenedBackup,
    Restored,
    back_up,
    drill,
    open_backup,
    restore,
    tell_backed_up,
    tell_restored,
)
from vault.store import Database

if TYPE_CHECKING:
    from vault.server.settings import Settings

Config = Annotated[
    Path,
    typer.Option("--config", "-c", metavar="FILE", help="The full tier's configuration."),
]


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
    # Here, so that other commands start without the server.
    from vault.server.key_backup import kek_files, opened
    from vault.server.settings import TierName, load

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
    except foreseen() as error:
        raise told(error) from None
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
        list[Path] | None,
        typer.Option(
            "--custodian-key", metavar="FILE", help="A custodian's private key; repeatable."
        ),
    ] = None,
    words: Annotated[
        int, typer.Option("--words", min=0, max=16, help="Ask for so many shares in words.")
    ] = 0,
    words_fd: Annotated[
        int | None,
        typer.Option("--words-fd", min=0, metavar="N", help="Read shares there, one a line."),
    ] = None,
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

    Each gives the words of his share (`vaultctl keys share`), or his key and its passphrase. What
    is on the shred list is destroyed again before the vault can serve. Stop the vault first; a
    drill may be held while it runs.
    """
    from vault.server.key_backup import kms_of_backup, opened, put_kek_files
    from vault.server.settings import TierName, load

    paths = custodian_key or []
    ask = passphrases(paths, passphrase_fd)
    try:
        settings = load(config, TierName.FULL)
        keys = [read_custodian_key(path, partial(ask, path)) for path in paths]
        found = open_backup(file, keys, _words(words, words_fd))
        try:
            with opened(settings) as (data, store):
                if only_drill:
                    done = drill(found, data, store, lambda keks: kms_of_backup(settings, keks))
                else:
                    done = _restore(settings, found, data, store, replace)
        finally:
            found.close()
        put = put_kek_files(keks_to, done.keks) if keks_to and not only_drill else []
    except foreseen() as error:
        raise told(error) from None
    _show(done, found.header.backup, found.by, only_drill)
    for path in put:
        typer.echo(say(f"Put {path} there.", f"已写入 {path}。"))
    if done.opened.problem:
        raise typer.Exit(NOT_PROVED)


def _words(number: int, descriptor: int | None) -> list[str]:
    given = [
        getpass(say(f"Share {place} (33 words): ", f"第 {place} 份（33 个单词）："))
        for place in range(1, number + 1)
    ]
    if descriptor is not None:
        with os.fdopen(descriptor, "rb", closefd=False) as lines:
            text = lines.read(MOST_BYTES).decode("utf-8", "replace")
        given += [line for line in text.splitlines() if line.strip()]
    return given


def _restore(
    settings: Settings, found: OpenedBackup, data: Database, store: Database, replace: bool
) -> Restored:
    def tell(done: Restored) -> None:
        rows = sum(table.rows for table in done.tables)
        asyncio.run(tell_restored(data, found.header, found.by, rows=rows, uid=os.geteuid()))

    from vault.server.key_backup import kms_of_backup

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
