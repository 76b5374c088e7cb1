"""`vaultctl bundle verify-export`: a folder of an export, held to its signed manifests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from vault.audit.note import NoteInvalid, parse_note, signatures_by
from vault.bundles.manifest import note_text
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import Keys, pinned
from vault.cli.vaultctl.export_runs import check_run
from vault.cli.vaultctl.failures import NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import write_json


def verify_export(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of an export.")],
    key: Keys,
    as_json: options.Json = False,
) -> None:
    """Verify the folder of an export by the log's public key: that every file is there which the
    log has signed, none is another, and the runs go on from one to the next. The files themselves
    stay sealed; `verify` with the private key looks into one."""
    log = pinned(key).log
    files, after, complete, reconciled, runs = 0, "", False, True, 0
    try:
        for run in sorted(folder.glob("run-*"), key=lambda one: (len(one.name), one.name)):
            count, facts, manifest, note = check_run(run)
            signed = parse_note(note)
            signatures_by(signed, log)
            if signed.text != note_text(str(json.loads(manifest)["log"]), manifest):
                raise _refused(run)
            if complete or facts["after"] != after:
                raise _refused(run)
            files, runs = files + count, runs + 1
            after = facts["through"] or after
            complete = facts["complete"] is True
            reconciled = reconciled and facts["reconciled"] is True
    except FileNotFoundError:
        raise _refused(folder) from None
    except OSError as error:
        raise options.unreadable(folder, error) from None
    except (NoteInvalid, ValueError, LookupError, TypeError, AttributeError):
        raise _refused(folder) from None
    if not (complete and reconciled):
        raise CommandError(
            f"The export is not whole: {files} files are proved, and more were asked for.",
            f"导出不完整：已证明 {files} 份档案，尚有其他申请内容缺失。",
            NOT_PROVED,
        )
    if as_json:
        write_json({"files": files, "runs": runs})
        return
    sys.stdout.write(
        say(
            f"Proved: all {files} files that were asked for are there, as the log has signed.\n",
            f"已证明：所申请的 {files} 份档案齐全，且与日志签名一致。\n",
        )
    )


def _refused(where: Path) -> CommandError:
    return CommandError(
        f"Not proved: {where} has no manifest that the log has signed and that follows the one "
        "before. Do not rely on it; ask for the export anew.",
        f"未能证明：{where} 中没有经日志签名且前后衔接的清单。请勿采信，并重新索取导出。",
        NOT_PROVED,
    )
