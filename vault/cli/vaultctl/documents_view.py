"""`vaultctl documents view`: pictures of scans and files, as the masked tier shows them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from recordsvault.masked.v1.views_pb2 import MaskedPicture, PictureWithheld
from vault.cli.vaultctl import options
from vault.cli.vaultctl.documents_contents import Owner, owner_name
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, console, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

_WITHHELD = "PICTURE_WITHHELD_"


def view(
    context: typer.Context,
    record: Owner,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the pictures go; made if it is not there.")
    ],
    page: Annotated[
        int, typer.Option("--page", min=0, max=999, help="Only this page; 0: all.")
    ] = 0,
    as_json: options.Json = False,
) -> None:
    """Write pictures of the scans and files of a document or transaction to a folder.

    Small ones, on which is covered what the masks hide, stamped with you, the time and the number
    of the log's entry about it. No purpose is asked for: nothing else leaves the masked tier.
    """
    client = session(context).client()
    owner = owner_name(record, client.profile)
    shown: list[tuple[MaskedPicture, Path]] = []
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with bar() as progress:
            task = progress.add_task(say("pictures", "图片"), total=None)
            for picture in client.masked.view_document(owner, page=page):
                shown.append((picture, _keep(folder, picture)))
                progress.update(task, completed=len(shown))
    except OSError as error:
        raise options.unreadable(folder, error) from None
    if as_json:
        write_json({"pictures": [_plain(one, path) for one, path in shown]})
        return
    if not shown:
        sys.stderr.write(say("There are none.\n", "没有记录。\n"))
        return
    console().print(_table(shown))


def _keep(folder: Path, picture: MaskedPicture) -> Path:
    """Write a picture to a file of its own, which nobody else may read. Raises OSError, also where
    there is one."""
    number = picture.content.rpartition("/")[2]
    path = folder / f"page-{int(number)}-{picture.number}.png"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(picture.png)
    return path


def _plain(picture: MaskedPicture, path: Path) -> dict[str, Any]:
    return {key: value for key, value in as_dict(picture).items() if key != "png"} | {
        "file": str(path)
    }


def _table(shown: list[tuple[MaskedPicture, Path]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("file", "page", "picture", "version", "layout", "withheld"):
        table.add_column(column, overflow="fold")
    for picture, path in shown:
        withheld = PictureWithheld.Name(picture.withheld).removeprefix(_WITHHELD)
        table.add_row(
            Text(clean(str(path))),
            picture.content.rpartition("/")[2],
            f"{picture.number}/{picture.total}",
            str(picture.content_version),
            Text(clean(picture.layout)),
            withheld if picture.withheld else "",
        )
    return table
