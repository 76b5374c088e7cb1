"""`vaultctl audit tail --verify`: nothing is believed that the log's key has not signed."""

from __future__ import annotations

import base64
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from recordsvault.audit.v1 import audit_pb2
from recordsvault.audit.v1.event_pb2 import LogEntry
from recordsvault_client import AuditClient, VaultError
from vault.audit.checkpoint import Checkpoint, CheckpointInvalid, verify_checkpoint
from vault.audit.follower_check import Fault, FaultKind, FollowerCheck, Part
from vault.audit.merkle import Frontier, ProofInvalid, verify_consistency
from vault.audit.note import VerifierKey
from vault.cli.vaultctl.failures import NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.state_file import StateFile

KIND = "audit-tail"
_OVERDUE_SECONDS = 60.0

_SENTENCES: dict[FaultKind, tuple[str, str]] = {
    FaultKind.WITHHELD: (
        "entries are withheld: the log has more than the vault tells of",
        "条目被隐瞒：日志中的条目多于保险库告知的条目",
    ),
    FaultKind.ALTERED: (
        "the entry was altered: its bytes are not those that its hash stands for",
        "条目被篡改：其内容与其哈希不符",
    ),
    FaultKind.MOVED: (
        "the entry is not in its place: entries were reordered or exchanged",
        "条目不在原位：条目被调换或重新排序",
    ),
    FaultKind.FORGED: (
        "the checkpoint is not signed by the log's key",
        "检查点并非由日志密钥签署",
    ),
    FaultKind.DIFFERS: (
        "the entries told are not those that the log has signed: one was altered, left out, "
        "added or moved",
        "告知的条目与日志签署的条目不符：有条目被篡改、遗漏、添加或移动",
    ),
    FaultKind.SET_BACK: (
        "the log was set back: it is shorter than what was verified before",
        "日志被回退：短于先前已验证的长度",
    ),
    FaultKind.FORKED: (
        "the log has another history than the one verified before",
        "日志的历史与先前验证的不同",
    ),
}


def load_check(state: StateFile, keys: Sequence[VerifierKey]) -> FollowerCheck:
    """The check where it stood. Raises CommandError where the state is of another log."""
    saved = state.load()
    if saved is None:
        return FollowerCheck(keys)
    try:
        hashes = tuple(base64.b64decode(one, validate=True) for one in saved["hashes"])
        frontier = Frontier(int(saved["size"]), hashes)
        checkpoint = None
        if saved["checkpoint"]:
            checkpoint = verify_checkpoint(saved["checkpoint"].encode(), keys, keys[0].name)
            if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
                raise ValueError("not the tree of its checkpoint")
        return FollowerCheck(keys, frontier, checkpoint)
    except (KeyError, TypeError, ValueError, CheckpointInvalid):
        raise state.unusable() from None


def saved_check(check: FollowerCheck) -> dict[str, Any]:
    """What `load_check` reads."""
    checkpoint = check.checkpoint
    return {
        "origin": check.keys[0].name,
        "size": check.verified.size,
        "hashes": [base64.b64encode(one).decode() for one in check.verified.hashes],
        "checkpoint": checkpoint.note.decode() if checkpoint is not None else "",
    }


class VerifiedTail:
    """One run: shows entries as they come, tells of each checkpoint, ends at the first fault."""

    def __init__(
        self,
        client: AuditClient,
        check: FollowerCheck,
        state: StateFile,
        show: Callable[[LogEntry], None],
    ) -> None:
        self._client = client
        self._check = check
        self._state = state
        self._show = show
        self._shown = 0
        self._hidden = 0
        self._since = time.monotonic()

    def run(
        self,
        *,
        wanted: audit_pb2.EventFilter,
        show_from: int,
        follow: bool,
        on_interrupt: Callable[[VaultError, float], None],
    ) -> None:
        """Follow the log from where the check stands. Raises CommandError at a fault."""
        stream = self._client.messages(
            from_position=self._check.position,
            follow=follow,
            verifiable=True,
            filter=wanted,
            patience=None,
            on_interrupt=on_interrupt,
        )
        with stream:
            for message in stream:
                self._take(message, show_from)
        unverified = self._check.position - self._check.verified.size
        if unverified:
            _say(
                f"the last {unverified} entries are not under a checkpoint yet",
                f"最后 {unverified} 个条目尚未被检查点涵盖",
            )

    def _take(self, message: audit_pb2.StreamEventsResponse, show_from: int) -> None:
        before, hidden = self._check.verified.size, self._check.hidden
        part = Part(
            [(entry.position, entry.leaf) for entry in message.entries],
            message.leaf_hashes,
            message.next_position,
            message.checkpoint.encode(),
        )
        faults = self._check.take(part)
        if faults:
            raise self._refuse(faults, part)
        for entry in message.entries:
            if entry.position >= show_from:
                self._show(entry)
        self._shown += len(message.entries)
        self._hidden += self._check.hidden - hidden
        size = self._check.verified.size
        if size > before:
            self._since = time.monotonic()
            self._state.save(saved_check(self._check))
            _say(
                f"verified up to #{size - 1} by a signed checkpoint ({self._shown} entries shown, "
                f"{self._hidden} of others or not asked for)",
                f"已由签名检查点验证至 #{size - 1}（显示 {self._shown} 条，"
                f"另有 {self._hidden} 条属于其他机构或未在查询范围内）",
            )
            self._shown = self._hidden = 0
        self._warn_if_overdue()

    def _warn_if_overdue(self) -> None:
        """Entries that come without a checkpoint are told of, not believed for ever."""
        now = time.monotonic()
        if self._check.position == self._check.verified.size:
            self._since = now
        elif now - self._since > _OVERDUE_SECONDS:
            self._since = now
            _say(
                f"WARNING: no checkpoint has come for {_OVERDUE_SECONDS:.0f} s; entries from "
                f"#{self._check.verified.size} on are not verified",
                f"警告：{_OVERDUE_SECONDS:.0f} 秒内未收到检查点；自 #{self._check.verified.size} "
                "起的条目未经验证",
            )

    def _refuse(self, faults: Sequence[Fault], part: Part) -> CommandError:
        for fault in faults:
            first = fault.first
            if fault.kind is FaultKind.DIFFERS:
                first = self._first_wrong(part, fault)
            last = max(first, fault.last)
            place = f"#{first}" if first == last else f"#{first} - #{last}"
            en, zh = _SENTENCES[fault.kind]
            detail = f" ({fault.detail})" if fault.detail else ""
            _say(f"ALERT {place}: {en}{detail}", f"警报 {place}：{zh}{detail}")
        return CommandError(
            f"The log is not what was signed. Verified up to {self._check.verified.size} entries; "
            "keep the state file: it is the evidence.",
            f"日志与所签署的不符。已验证至 {self._check.verified.size} 个条目；"
            "请保存状态文件作为证据。",
            NOT_PROVED,
        )

    def _first_wrong(self, part: Part, fault: Fault) -> int:
        """The first entry that is not the signed one, found by asking for proofs that the log grew
        from a part of what was told; the beginning of the range where the vault gives none."""
        told = self._check.verified
        start = self._check.position
        hashes, known = self._check.root_at(start)
        if not known:
            return fault.first

        def tree_at(size: int) -> Frontier:
            if size > start:
                return hashes.append(part.leaf_hashes[: size - start])
            return self._check.root_at(size)[0]

        good, bad = told.size, fault.last + 1
        try:
            while bad - good > 1:
                middle = (good + bad) // 2
                if self._grew_from(tree_at(middle)):
                    good = middle
                else:
                    bad = middle
        except (VaultError, CheckpointInvalid):
            return fault.first
        return good

    def _grew_from(self, tree: Frontier) -> bool:
        answer = self._client.checkpoint(tree.size)
        latest: Checkpoint = verify_checkpoint(
            answer.checkpoint.encode(), self._check.keys, self._check.keys[0].name
        )
        try:
            verify_consistency(
                tree.size, latest.size, tree.root(), latest.root, list(answer.consistency)
            )
        except ProofInvalid:
            return False
        return True


def _say(en: str, zh: str) -> None:
    # On stderr: what was asked for stands alone on stdout.
    sys.stdout.flush()
    sys.stderr.write(say(f"vaultctl: {en}\n", f"vaultctl：{zh}\n"))
