"""`vaultctl blobs`: the objects that documents' contents and archived log entries are."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import TextColumn, TimeRemainingColumn

from vault.blobs import BlobsUnavailable
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import INPUT, NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, write_json
from vault.cli.vaultctl.progress import bar
from vault.services.object_check import ObjectCheck, ObjectCounts, ObjectFault, ObjectFinding
from vault.store import StoreError

app = typer.Typer(
    add_completion=False, help="Objects outside of the database.", no_args_is_help=True
)

_SHOWN: Final = 100


@app.callback()
def family() -> None:
    """Objects outside of the database."""


@app.command()
def verify(
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The vault's configuration.")
    ],
    read: Annotated[
        bool, typer.Option("--read", help="Read every object, and compare its digest.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Compare the rows that name objects with the objects that are there, both ways.

    Reads the database and the object store by the configuration, also while the vault serves, and
    changes nothing. Exit code 0: all agrees; 21: an object is missing, of another size, damaged, or
    named by no row, or rows of a content are not those that it was stored with; each line says
    which.
    """
    # Only here: with the server comes all that it needs.
    from vault.server.parts import databases
    from vault.server.settings import SettingsInvalid, TierName, load

    try:
        settings = load(config, TierName.FULL)
        blobs = settings.open_blobs()
        if blobs is None:
            raise SettingsInvalid(f"{config} has no table [blobs]")
        data, keys = databases(settings)
        try:
            check = ObjectCheck(data, blobs, time.time_ns() // 1_000)
            found = _run(check, read=read)
        finally:
            for database in dict.fromkeys((data, keys)):
                database.dispose()
    except SettingsInvalid as error:
        raise CommandError(f"{error}.", f"配置有误：{error}。", INPUT) from None
    except BlobsUnavailable as error:
        raise CommandError(f"{error}.", f"无法读取对象存储：{error}。", INPUT) from None
    except StoreError as error:
        raise CommandError(f"{error}.", f"无法读取数据库：{error}。", INPUT) from None
    _tell(check.counts, found, as_json=as_json)
    if found:
        raise typer.Exit(NOT_PROVED)


def _run(check: ObjectCheck, *, read: bool) -> list[ObjectFinding]:
    with _told() as told:
        return list(
            check.run(
                read=read,
                rows_told=told(say("rows", "记录行")),
                objects_told=told(say("objects", "对象")),
            )
        )


@contextmanager
def _told() -> Iterator[Callable[[str], Callable[[int, int], None]]]:
    counted = TextColumn("{task.completed}/{task.total}")
    with bar(counted, TimeRemainingColumn()) as progress:

        def of(what: str) -> Callable[[int, int], None]:
            task = progress.add_task(what, total=None)
            return lambda done, total: progress.update(task, completed=done, total=total or None)

        yield of


def _tell(counts: ObjectCounts, found: list[ObjectFinding], *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "holds": not found,
                "contents": counts.contents,
                "named": counts.named,
                "unfinished": counts.unfinished,
                "objects": counts.objects,
                "bytes": counts.bytes,
                "newer": counts.newer,
                "findings": [
                    {
                        "fault": one.fault.value,
                        "object": one.object,
                        "place": one.place,
                        "expected_bytes": one.expected,
                        "found_bytes": one.found,
                        "text": _sentence(one),
                    }
                    for one in found
                ],
            }
        )
        return
    for one in found[:_SHOWN]:
        sys.stdout.write(clean(_sentence(one)) + "\n")
    if len(found) > _SHOWN:
        more = len(found) - _SHOWN
        sys.stdout.write(say(f"and {more} more: see --json\n", f"另有 {more} 项：见 --json\n"))
    looked = say(
        f"{counts.objects} objects of {counts.bytes} bytes, {counts.named} named in rows",
        f"{counts.objects} 个对象，共 {counts.bytes} 字节；记录行命名 {counts.named} 个",
    )
    if counts.unfinished:
        looked += say(
            f", {counts.unfinished} of them by uploads that are not done",
            f"，其中 {counts.unfinished} 个属未完成的上传",
        )
    ends = (
        say(f": {len(found)} do not agree", f"：{len(found)} 个不一致")
        if found
        else say(": all agree", "：全部一致")
    )
    sys.stdout.write(f"{looked}{ends}\n")


def _sentence(one: ObjectFinding) -> str:
    match one.fault:
        case ObjectFault.MISSING:
            return say(
                f"missing: {one.object}, named by {one.place}",
                f"缺失：{one.object}，由 {one.place} 命名",
            )
        case ObjectFault.ORPHANED:
            return say(
                f"orphaned: {one.object}, {one.found} bytes, named by no row",
                f"孤立：{one.object}，{one.found} 字节，无记录行命名",
            )
        case ObjectFault.WRONG_SIZE:
            return say(
                f"wrong size: {one.object} has {one.found} bytes instead of {one.expected}, "
                f"named by {one.place}",
                f"大小不符：{one.object} 有 {one.found} 字节，应为 {one.expected}，"
                f"由 {one.place} 命名",
            )
        case ObjectFault.SEGMENTS:
            return say(
                f"segments: the rows of the segments of {one.place} are not those that it was "
                "stored with",
                f"分段：{one.place} 的分段记录行与存储时不同",
            )
        case ObjectFault.DAMAGED:
            return say(
                f"damaged: {one.object} is not what was put, named by {one.place}",
                f"损坏：{one.object} 与写入时不同，由 {one.place} 命名",
            )
