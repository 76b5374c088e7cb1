"""`vaultctl audit check-receipts`: hold the vault to what it signed with each answer."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from recordsvault_client import AuditClient, VaultError
from vault.audit.checkpoint import CheckpointInvalid
from vault.audit.event import format_time
from vault.audit.merkle import ProofInvalid
from vault.audit.proof_file import parse_proof, verify_proof
from vault.audit.receipts import Receipt, ReceiptInvalid, verify_receipt
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import Keys, PinnedKeys, pinned
from vault.cli.vaultctl.failures import NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, write_json
from vault.cli.vaultctl.progress import bar
from vault.cli.vaultctl.session import session

_MAX_LINE = 65_536
# A proof that is late by less is asked for again; clocks of two machines differ.
_GRACE_MICROS = 5_000_000


class Outcome(Enum):
    """What came of a receipt."""

    PROVED = "proved"
    PENDING = "pending"
    NOT_A_RECEIPT = "not_a_receipt"
    LATE = "late"
    MISSING = "missing"
    OTHER_ENTRY = "other_entry"
    BAD_CHECKPOINT = "bad_checkpoint"


@dataclass(frozen=True, slots=True)
class Checked:
    """One line of the file, from 1, and what came of it."""

    line: int
    method: str
    outcome: Outcome
    receipt: Receipt | None = None
    detail: str = ""


def check_receipts(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Receipts that a client has kept.")],
    key: Keys,
    as_json: options.Json = False,
) -> None:
    """Have the vault prove each receipt, and report every promise that it has broken.

    The keys are the log's and the receipts': a file of what `vaultd keys show` prints for both
    tiers. Exit code 0: all are proved or not yet due; 21: a promise is broken or a line is no
    receipt.
    """
    keys = pinned(key)
    if not keys.receipts:
        raise CommandError(
            "Give the public keys of the receipts with --key as well.",
            "请同时用 --key 给出回执公钥。",
        )
    counted: Counter[Outcome] = Counter()
    client = session(context).client().audit
    try:
        for one in _checked(file, client, keys):
            counted[one.outcome] += 1
            if as_json or one.outcome is not Outcome.PROVED:
                _show(one, as_json=as_json)
    except OSError as error:
        raise options.unreadable(file, error) from None
    broken = sum(counted.values()) - counted[Outcome.PROVED] - counted[Outcome.PENDING]
    sys.stderr.write(
        say(
            f"{counted[Outcome.PROVED]} proved, {counted[Outcome.PENDING]} not yet due, "
            f"{broken} not kept.\n",
            f"已证明 {counted[Outcome.PROVED]} 张，未到期 {counted[Outcome.PENDING]} 张，"
            f"未兑现 {broken} 张。\n",
        )
    )
    if broken:
        raise typer.Exit(NOT_PROVED)


def _checked(file: Path, client: AuditClient, keys: PinnedKeys) -> Iterator[Checked]:
    with file.open("rb") as lines, bar() as progress:
        task = progress.add_task(say("receipts", "回执"), total=file.stat().st_size)
        number = 0
        while line := lines.readline(_MAX_LINE):
            number += 1
            yield _check(number, line, client, keys)
            progress.advance(task, len(line))


def _check(number: int, line: bytes, client: AuditClient, keys: PinnedKeys) -> Checked:
    method = ""
    try:
        kept = json.loads(line)
        method = str(kept["method"])
        receipt = verify_receipt(
            base64.b64decode(kept["receipt"], validate=True), keys.receipts, keys.origin
        )
    except ReceiptInvalid as error:
        return Checked(number, method, Outcome.NOT_A_RECEIPT, detail=str(error))
    except (ValueError, KeyError, TypeError):
        # Also a line that a crash has cut.
        return Checked(number, method, Outcome.NOT_A_RECEIPT, detail="not a line of receipts")
    outcome, detail = _proved(receipt, client, keys)
    return Checked(number, method, outcome, receipt, detail)


def _proved(receipt: Receipt, client: AuditClient, keys: PinnedKeys) -> tuple[Outcome, str]:
    try:
        text = client.proof(receipt.index)
    except VaultError as error:
        if error.reason == "BEYOND_LOG":
            return Outcome.MISSING, ""
        if error.reason == "NOT_YET_PROVABLE":
            due = receipt.provable_by + _GRACE_MICROS
            late = time.time_ns() // 1000 > due
            return (Outcome.LATE if late else Outcome.PENDING), ""
        raise
    try:
        verify_proof(text, receipt.leaf_hash, keys.log, keys.origin)
        if parse_proof(text).index != receipt.index:
            return Outcome.OTHER_ENTRY, "the proof is of another index"
    except CheckpointInvalid as error:
        return Outcome.BAD_CHECKPOINT, str(error)
    except ProofInvalid as error:
        return Outcome.OTHER_ENTRY, str(error)
    return Outcome.PROVED, ""


def _show(one: Checked, *, as_json: bool) -> None:
    receipt = one.receipt
    if not as_json:
        sys.stdout.write(clean(_sentence(one)) + "\n")
        return
    write_json(
        {
            "line": one.line,
            "outcome": one.outcome.value,
            "method": one.method,
            "index": receipt.index if receipt else -1,
            "committed": format_time(receipt.committed_at) if receipt else "",
            "provable_by": format_time(receipt.provable_by) if receipt else "",
            "detail": one.detail,
        }
    )


def _sentence(one: Checked) -> str:
    index = one.receipt.index if one.receipt else -1
    due = format_time(one.receipt.provable_by) if one.receipt else ""
    en, zh = {
        Outcome.PROVED: (f"entry {index} is proved", f"第 {index} 条已证明"),
        Outcome.PENDING: (
            f"entry {index} is not provable yet, and need not be before {due}",
            f"第 {index} 条尚不可证明，期限为 {due}",
        ),
        Outcome.NOT_A_RECEIPT: (
            f"not a receipt of this vault ({one.detail}): it proves nothing against anybody",
            f"不是本保险库的回执（{one.detail}）：不能证明任何事",
        ),
        Outcome.LATE: (
            f"BROKEN PROMISE: entry {index} was to be provable by {due} and is not",
            f"承诺未兑现：第 {index} 条应于 {due} 前可证明，至今不可",
        ),
        Outcome.MISSING: (
            f"BROKEN PROMISE: the vault signed for entry {index}, and its log has none there; it "
            "was cut off or set back",
            f"承诺未兑现：保险库曾为第 {index} 条签名，而日志中没有该条；日志被截断或回退",
        ),
        Outcome.OTHER_ENTRY: (
            f"BROKEN PROMISE: another entry stands at {index} than the vault signed for",
            f"承诺未兑现：第 {index} 条并非保险库签名时的条目",
        ),
        Outcome.BAD_CHECKPOINT: (
            f"entry {index}: the vault's checkpoint was not signed by the log's key "
            f"({one.detail}): it proves nothing",
            f"第 {index} 条：检查点并非由日志密钥签名（{one.detail}）：不能证明任何事",
        ),
    }[one.outcome]
    return say(f"line {one.line}: {en}", f"第 {one.line} 行：{zh}")
