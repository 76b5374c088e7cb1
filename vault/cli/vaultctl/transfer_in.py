"""`vaultctl transfer in`: takes files of another vault in, each out of its sealed bundle."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from recordsvault_client import ArrivingFile
from vault.audit.note import VerifierKey
from vault.bundles.evidence import plain_path
from vault.bundles.manifest import MANIFEST
from vault.bundles.transfer import Transfer, read_transfer
from vault.bundles.verifying import BundleFiles, BundleInvalid
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import Keys, pinned
from vault.cli.vaultctl.bundle import opened_tar, refused
from vault.cli.vaultctl.bundle_files import require_new, write_whole
from vault.cli.vaultctl.failures import INPUT, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import as_dict, clean, write_json
from vault.cli.vaultctl.session import session

_WARNINGS = {
    "ELEMENTS_MISSING": ("a rule finds elements missing", "规则提示缺少要素"),
    "RELATED_FILE_UNKNOWN": ("names a file that did not come", "所指关联档案未一并移入"),
    "NUMBER_HELD": ("has one of its numbers already; merge them", "已登记其中号码；请合并档案"),
    "NO_PICTURE": ("is kept, but no picture can be made of it", "已保存，但无法生成图像"),
}


def take_in(
    context: typer.Context,
    bundles: Annotated[
        list[Path],
        typer.Argument(metavar="BUNDLE...", help="Sealed bundles, or folders of them."),
    ],
    key: Keys,
    branch: Annotated[str, typer.Option("--branch", metavar="BRANCH", help="Who keeps them.")],
    custodian: Annotated[
        str, typer.Option("--custodian", metavar="NAME", help="Person who keeps them.")
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why they come.")],
    private: Annotated[
        Path | None,
        typer.Option("--private-key", metavar="FILE", help="Your private key (PEM)."),
    ] = None,
    acknowledgements: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="FOLDER", help="Where acknowledgements are written; made where absent."
        ),
    ] = None,
    number: Annotated[
        str,
        typer.Option(
            "--number", metavar="NUMBER", help="Customer number here, of one; as there if left out."
        ),
    ] = "",
    prefix: Annotated[
        str,
        typer.Option("--number-prefix", metavar="TEXT", help="In front of the numbers of there."),
    ] = "",
    beside: Annotated[
        bool,
        typer.Option(
            "--beside-existing",
            help="Also whom the institution has already: to be merged afterwards.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Take customers' files of another vault in, each out of its sealed bundle.

    A bundle is opened and verified here, by the public key of the log that it comes from, and again
    by the vault, which believes only logs that its configuration names. What was taken in before is
    answered with what was made of it, so that the same command goes on where it broke off.
    """
    log = pinned(key).log
    client = session(context).client()
    paths = _files(bundles)
    if number and (len(paths) > 1 or prefix):
        raise CommandError(
            "--number is for one bundle; for several there is --number-prefix.",
            "--number 仅用于单个资料包；多个资料包请用 --number-prefix。",
        )
    if acknowledgements:
        _make(acknowledgements)  # before anything is taken in that could then not be acknowledged
    for path in paths:
        with opened_tar(path, private) as file:
            files, transfer = _verified(file, log)
            note = (acknowledgements or path.parent) / f"{path.stem}.ack"
            arriving = ArrivingFile(
                str(transfer.name),
                transfer.log,
                hashlib.sha256(files.read(MANIFEST)).digest(),
                branch,
                custodian,
                number or prefix + _number_of(files, transfer),
                reason,
                beside,
            )
            size = file.seek(0, 2)
            file.seek(0)
            done = client.transfers.take_in(arriving, file, size)
        _keep(note, done.acknowledgement)
        _tell(path, done, note, as_json=as_json)


def _files(paths: list[Path]) -> list[Path]:
    found = []
    for path in paths:
        found += sorted(path.rglob("*.bundle")) if path.is_dir() else [path]
    if not found:
        raise CommandError("There is no bundle.", "没有资料包。", INPUT)
    return found


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise options.unreadable(folder, error) from None


def _verified(file: BinaryIO, log: tuple[VerifierKey, ...]) -> tuple[BundleFiles, Transfer]:
    try:
        files = BundleFiles(file)
        return files, read_transfer(files, log)
    except BundleInvalid as error:
        raise refused(str(error)) from None


def _number_of(files: BundleFiles, transfer: Transfer) -> str:
    """The customer's number there, in his last version."""
    last = [row for row in transfer.rows if not row.record][-1]
    return str(json.loads(files.read(plain_path(last.number)))["customer_number"])


def _keep(path: Path, note: bytes) -> None:
    """Write an acknowledgement; one that is there is the same."""
    try:
        if path.exists() and path.read_bytes() == note:
            return
    except OSError as error:
        raise options.unreadable(path, error) from None
    require_new(path)
    write_whole(path, [note])


def _tell(path: Path, done: Any, note: Path, *, as_json: bool) -> None:
    if as_json:
        write_json({"bundle": str(path), "acknowledgement_file": str(note), **as_dict(done)})
        return
    again = say(" (it was here already)", "（此前已移入）") if done.repeated else ""
    sys.stdout.write(
        say(
            f"{clean(str(path))}: {clean(done.name)}{again}; acknowledgement {clean(str(note))}.\n",
            f"{clean(str(path))}：{clean(done.name)}{again}；回执 {clean(str(note))}。\n",
        )
    )
    for one in done.warnings:
        words = say(*_WARNINGS.get(one.reason, (one.reason, one.reason)))
        sys.stderr.write(f"  {clean(one.where)}: {clean(words)}\n")
