"""`vaultctl audit verify`: an exported log, or the database itself, held to the public key."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import TextColumn, TimeRemainingColumn

from vault.audit.archive import ArchiveUnavailable
from vault.audit.chain import ChainBroken
from vault.audit.findings import Finding, Kind
from vault.audit.log_sources import (
    CHECKPOINT_FILE,
    FolderSource,
    StoreSource,
    open_store,
)
from vault.audit.note import AlgorithmMissing
from vault.audit.reader import verify_chain
from vault.audit.signers import access_name
from vault.audit.verify import Progress as Told
from vault.audit.verify import Verification, verify_log
from vault.audit.verify_archive import verify_archive
from vault.audit.verify_rows import verify_rows
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import Keys, PinnedKeys, pinned
from vault.cli.vaultctl.failures import INPUT, NOT_PROVED, UNEXPECTED, CommandError
from vault.cli.vaultctl.finding_texts import sentence
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, write_json
from vault.cli.vaultctl.progress import bar
from vault.store import StoreAltered, StoreError

if TYPE_CHECKING:
    from vault.server.settings import Settings

_SHOWN = 20


def verify(
    key: Keys,
    folder: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Exported log (`audit export`).")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="The database itself, and each row that the log names.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="With --live: the vault's configuration."),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", metavar="CHECKPOINT", help="Earlier checkpoint to be continued."),
    ] = None,
    may_lack_entries: Annotated[
        bool,
        typer.Option(
            "--may-lack-entries",
            help="Accept entries that are there by their hash only, also where the export does not "
            "note that the vault left them out.",
        ),
    ] = False,
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=0, help="Processes; 0: as many as there are cores.")
    ] = 0,
    as_json: options.Json = False,
) -> None:
    """Verify every entry, every tile, the signature and the growth of a log; offline.

    Needs nothing but the public key. Exit code 0: all is proved; 21: something is wrong, and each
    line says what and where.
    """
    keys = pinned(key)
    earlier = _earlier(since)
    workers = jobs or len(os.sched_getaffinity(0))
    if live == (folder is not None):
        raise CommandError("Give a folder, or --live.", "请给出文件夹，或使用 --live。")
    try:
        if folder is not None:
            found, findings = _folder(folder, keys, earlier, may_lack_entries, workers)
        else:
            found, findings = _live(config, keys, earlier, workers)
    except AlgorithmMissing as error:
        raise CommandError(f"{error}.", f"{error}。", UNEXPECTED) from None
    _tell(found, findings, as_json=as_json)
    if found.checkpoint is None or findings:
        raise typer.Exit(NOT_PROVED)


def _folder(
    folder: Path, keys: PinnedKeys, since: bytes | None, lack: bool, workers: int
) -> tuple[Verification, list[Finding]]:
    if not folder.is_dir():
        raise CommandError(f"{folder} is no folder.", f"{folder} 不是文件夹。", INPUT)
    try:
        with _bar(say("entries", "条目")) as told:
            source = FolderSource(folder)
            found = verify_log(
                source,
                keys.log,
                keys.origin,
                since=since,
                may_lack_entries=lack,
                withheld=source.withheld(),
                workers=workers,
                progress=told,
            )
    except OSError as error:
        raise options.unreadable(folder, error) from None
    return found, list(found.findings)


def _live(
    config: Path | None, keys: PinnedKeys, since: bytes | None, workers: int
) -> tuple[Verification, list[Finding]]:
    if config is None:
        raise CommandError(
            "--live reads the database: name the vault's configuration with --config.",
            "--live 读取数据库：请用 --config 指定保险库的配置文件。",
        )
    # Only here: with the server comes all that it needs, which would double every command's start.
    from vault.server.parts import databases
    from vault.server.settings import SettingsInvalid, TierName, load

    try:
        settings = load(config, TierName.FULL)
        url = settings.database_url(settings.table.database)
        # Also says whether there is a database at all.
        for database in dict.fromkeys(databases(settings)):
            database.ping()
            database.dispose()
        source = StoreSource(url, settings.open_blobs())
        with _bar(say("entries", "条目")) as told:
            found = verify_log(
                source, keys.log, keys.origin, since=since, workers=workers, progress=told
            )
        findings = list(found.findings)
        with _bar(say("rows", "记录行")) as told:
            findings += verify_rows(source, found.size, workers=workers, progress=told)
        with _bar(say("archive", "归档")) as told:
            findings += verify_archive(source, told)
        with _bar(say("chain", "哈希链")) as told:
            findings += _chain(url, told)
        findings += _approvals(settings, url, keys)
    except SettingsInvalid as error:
        raise CommandError(f"{error}.", f"配置有误：{error}。", INPUT) from None
    except ArchiveUnavailable as error:
        raise CommandError(f"{error}.", f"无法读取归档：{error}。", INPUT) from None
    except StoreError as error:
        raise CommandError(f"{error}.", f"无法读取数据库：{error}。", INPUT) from None
    return found, findings


def _approvals(settings: Settings, url: str, keys: PinnedKeys) -> Iterator[Finding]:
    """What changes access, by the keys that were named, or else by those of this machine."""
    # Only here, as above.
    from vault.kms import KmsError
    from vault.kms.signing import Purpose
    from vault.server.signing import verifier_keys
    from vault.services.proposal_signing import ProposalVerifier
    from vault.services.verify_approvals import verify_approvals

    try:
        known = keys.access or verifier_keys(settings, Purpose.ACCESS)
    except KmsError as error:
        raise CommandError(f"{error}.", f"无法读取密钥：{error}。", INPUT) from None
    if not known:
        sys.stderr.write(
            say(
                "Changes of access were not looked at: name their public keys with --key.\n",
                "未核查权限变更：请用 --key 给出其公钥。\n",
            )
        )
        return
    verifier = ProposalVerifier(access_name(keys.origin), lambda: known)
    yield from verify_approvals(open_store(url), verifier)


def _chain(url: str, told: Told) -> Iterator[Finding]:
    """What no checkpoint covers yet, and the columns and indexes that filters use."""
    try:
        open_store(url).read_sync(lambda conn: verify_chain(conn, told))
    except ChainBroken as broken:
        index = broken.position - 1
        yield Finding(Kind.CHAIN_BROKEN, "", index, index, broken.why)
    except (TypeError, StoreAltered):
        # SQLite lets a column hold another type than its own.
        yield Finding(Kind.CHAIN_BROKEN, detail="a value of another type")


def _earlier(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        # An exported folder of another day stands for its checkpoint.
        return (path / CHECKPOINT_FILE if path.is_dir() else path).read_bytes()
    except OSError as error:
        raise options.unreadable(path, error) from None


def _tell(found: Verification, findings: Iterable[Finding], *, as_json: bool) -> None:
    listed = list(findings)
    if as_json:
        write_json(
            {
                "holds": found.checkpoint is not None and not listed,
                "signed": found.checkpoint is not None,
                "size": found.size,
                "root": found.checkpoint.root.hex() if found.checkpoint else "",
                "entries_hashed": found.leaves,
                "entries_lacking": found.withheld,
                "bundles_lacking": found.noted + found.unnoted,
                "bundles_of_other_institutions": found.noted,
                "findings": [
                    {
                        "kind": one.kind.value,
                        "place": one.place,
                        "first": one.first,
                        "last": one.last,
                        "text": sentence(one),
                    }
                    for one in listed
                ],
            }
        )
        return
    for one in listed[:_SHOWN]:
        sys.stdout.write(clean(sentence(one)) + "\n")
    if len(listed) > _SHOWN:
        more = len(listed) - _SHOWN
        sys.stdout.write(say(f"and {more} more: see --json\n", f"另有 {more} 项：见 --json\n"))
    if listed or found.checkpoint is None:
        sys.stdout.write(say("NOT PROVED\n", "未能证明\n"))
        return
    sys.stdout.write("".join(_lacking(found)))
    root = found.checkpoint.root.hex()
    lacking = (
        say(
            f", {found.withheld} of them by their hash only",
            f"，其中 {found.withheld} 条仅有哈希",
        )
        if found.withheld
        else ""
    )
    sys.stdout.write(
        say(
            f"proved: {found.size} entries{lacking}, root {root}\n",
            f"已证明：{found.size} 条{lacking}，根 {root}\n",
        )
    )


def _lacking(found: Verification) -> Iterator[str]:
    """What is no fault: bundles that no officer of one institution is given, or that whoever
    verifies accepts."""
    if n := found.noted:
        yield say(
            f"{n} {'bundle belongs' if n == 1 else 'bundles belong'} to other institutions too and "
            f"{'is' if n == 1 else 'are'} not here; their hashes are verified\n",
            f"{n} 个条目包同时涉及其他机构，未包含在此；其哈希已验证\n",
        )
    if n := found.unnoted:
        yield say(
            f"{n} {'bundle is' if n == 1 else 'bundles are'} not here, which was accepted; their "
            "hashes are verified\n",
            f"{n} 个条目包未包含在此（已选择接受）；其哈希已验证\n",
        )


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    watched = sys.stderr.isatty()
    counted = TextColumn("{task.completed}/{task.total}")
    # No thread of its own: worker processes are forked while it shows.
    with bar(counted, TimeRemainingColumn(), enabled=watched, auto_refresh=False) as progress:
        task = progress.add_task(what, total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total, refresh=watched)

        yield told
