"""`vaultctl documents put`, `contents` and `get --output`: scans and files, by stream."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final
from uuid import uuid4

import typer
from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

from recordsvault_client import Profile, VaultError, content_types
from vault.cli.vaultctl import options
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, show, show_pages, tell_more, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

OWNERS: Final = ("customers/*/documents/*", "customers/*/transactions/*")
_COLUMNS: Final = ("page", "version", "content_type", "size", "create_time")
_RANGE: Final = re.compile(r"(\d{1,18})-(\d{1,18})?")

Owner = Annotated[
    str,
    typer.Argument(
        metavar="RECORD",
        help="Resource name of a document, or of a transaction: customers/.../documents/...",
    ),
]
Page = Annotated[int, typer.Option("--page", min=1, max=999, help="Which page.")]


def put(
    context: typer.Context,
    record: Owner,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Scan, picture or PDF.")],
    page: Page = 1,
    kind: Annotated[
        str,
        typer.Option(
            "--type",
            metavar="TYPE",
            help=f"Format, if not told by the file: {', '.join(content_types())}.",
        ),
    ] = "",
    request_id: options.RequestId = "",
    as_json: options.Json = False,
) -> None:
    """Store a scan or file as a page of a document, or as a transaction's voucher.

    Another file of the same page makes its next version. A connection that is lost is gone on with;
    so is an upload that was interrupted, by its --request-id.
    """
    client = session(context).client()
    owner = owner_name(record, client.profile)
    request_id = request_id or str(uuid4())
    with _moving(say("uploading", "正在上传")) as (progress, interrupted):
        try:
            made = client.contents.upload(
                owner,
                file,
                page=page,
                content_type=kind,
                request_id=request_id,
                progress=progress,
                on_interrupt=interrupted,
            )
        except KeyboardInterrupt:
            sys.stderr.write(
                say(
                    f"Go on with --request-id {request_id}\n",
                    f"继续上传请用 --request-id {request_id}\n",
                )
            )
            raise
        except ValueError as error:
            raise _not_taken(file, error) from None
        except OSError as error:
            raise options.unreadable(file, error) from None
    show(made, as_json=as_json)


def fetch(
    context: typer.Context,
    record: str,
    target: Path,
    read: options.FullRead,
    *,
    page: int,
    version: int,
    span: str,
    as_json: bool,
) -> None:
    """Write the content of a page, or a range of it, to a file that is not there yet."""
    client = session(context).client()
    owner = owner_name(record, client.profile)
    offset, length = _span(span)
    with _moving(say("downloading", "正在下载")) as (progress, interrupted):
        try:
            found = client.contents.download(
                f"{owner}/contents/{page}",
                target,
                purpose=read.purpose,
                case_reference=read.case_reference,
                check_out=read.check_out,
                version=version,
                offset=offset,
                length=length,
                progress=progress,
                on_interrupt=interrupted,
            )
        except OSError as error:
            raise options.unreadable(target, error) from None
    if as_json:
        write_json(as_dict(found) | {"file": str(target)})
        return
    size = target.stat().st_size
    sys.stdout.write(
        say(
            f"{size} bytes of version {found.version} are in {target}\n",
            f"版本 {found.version} 的 {size} 字节已写入 {target}\n",
        )
    )


def contents(
    context: typer.Context,
    record: Owner,
    purpose: options.Purpose = "",
    case: options.Case = "",
    check_out: options.CheckOut = "",
    limit: options.Limit = 50,
    page_size: options.PageSize = 0,
    page_token: options.PageToken = "",
    as_json: options.Json = False,
) -> None:
    """List the scans and files of a document or transaction, for a purpose."""
    client = session(context).client()
    read = options.full_read(purpose, case, "", check_out, client.profile)
    pager = client.contents.list(
        owner_name(record, client.profile),
        purpose=read.purpose,
        case_reference=read.case_reference,
        check_out=read.check_out,
        page_size=options.page_size(page_size, limit),
        page_token=page_token,
    )
    listed = show_pages(
        pager.pages(), key="contents", columns=_COLUMNS, limit=limit, as_json=as_json
    )
    tell_more(listed, as_json=as_json)


def owner_name(given: str, profile: Profile) -> str:
    """A document's or a transaction's name from what was typed. Raises CommandError."""
    for pattern in OWNERS[1:]:
        try:
            return options.resource_name(given, pattern, profile)
        except CommandError:
            continue
    return options.resource_name(given, OWNERS[0], profile)


Told = Callable[[int, int], None]
Interrupted = Callable[[VaultError, float], None]


@contextmanager
def _moving(what: str) -> Iterator[tuple[Told, Interrupted]]:
    columns = (DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with bar(*columns) as progress:
        task = progress.add_task(what, total=None)

        def told(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        def interrupted(error: VaultError, pause: float) -> None:
            lost = say("connection lost", "连接中断")
            progress.console.print(
                f"{lost} ({clean(type(error).__name__)}); {pause:.1f} s", markup=False
            )

        yield told, interrupted


def _span(given: str) -> tuple[int, int]:
    """(offset, length) of FIRST-LAST; length 0 is all to the end. Raises CommandError."""
    if not given:
        return 0, 0
    found = _RANGE.fullmatch(given)
    first, last = (int(found[1]), int(found[2]) if found[2] else None) if found else (1, 0)
    if last is not None and last < first:
        raise CommandError(
            "--range is FIRST-LAST, or FIRST- to the end, counted from 0: 0-1023.",
            "--range 的格式为 首-末，或 首- 直至末尾，从 0 起计：0-1023。",
        )
    return first, 0 if last is None else last - first + 1


def _not_taken(file: Path, error: ValueError) -> CommandError:
    formats = ", ".join(content_types())
    return CommandError(
        f"{file} cannot be stored: {error}.",
        f"无法存储 {file}：文件不得为空，格式须为 {formats}。",
        INPUT,
    )
