"""How a request ends: answered, met by a correction, refused, by erasure, or withdrawn."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from vault.records import Customer, DocumentName, ElementSourceKind, InvalidName
from vault.records.differing import differing
from vault.records.element_paths import covers
from vault.rules.erasure import Verdict
from vault.rules.subjects import RequestKind
from vault.services import sealer
from vault.services.call import Call
from vault.services.errors import FieldViolation, InvalidArgument
from vault.services.subjects.erasing import Erasing
from vault.services.subjects.errors import ErasureNotSo, NotThatCorrection, RequestStage
from vault.services.subjects.ground import SubjectGround, who
from vault.services.subjects.register import Register, Shown, require_open
from vault.services.subjects.rows import Outcome, Request, Words, ground_words

_ENDS: Final = {
    RequestKind.ACCESS: {Outcome.ANSWERED, Outcome.REFUSED, Outcome.ERASED, Outcome.WITHDRAWN},
    RequestKind.CORRECTION: {
        Outcome.CORRECTED,
        Outcome.REFUSED,
        Outcome.ERASED,
        Outcome.WITHDRAWN,
    },
    RequestKind.ERASURE: {Outcome.ERASED, Outcome.REFUSED, Outcome.WITHDRAWN},
}
"""What each kind may end in. Whatever was asked of a file that is gone ends with it."""


@dataclass(frozen=True, slots=True)
class End:
    """How a request is to end, what the person is told, and of a correction the version that met
    it."""

    outcome: Outcome
    text: str = field(default="", repr=False)
    version: int = 0


class Closing:
    """The use case. Raises as `Register` does, Aborted, InvalidArgument; RequestStage,
    NotThatCorrection, ErasureNotSo."""

    def __init__(self, ground: SubjectGround, register: Register, erasing: Erasing) -> None:
        self._on = ground
        self._register = register
        self._erasing = erasing

    async def close(
        self, call: Call, institution: str, customer: str, identifier: str, etag: str, end: End
    ) -> Shown:
        """Close a request. What it says it ended in is checked."""
        on = self._on
        one = await on.find(call, institution, customer, identifier)
        require_open(one, etag)
        if end.outcome not in _ENDS[one.kind]:
            raise RequestStage(
                f"a request of the kind {one.kind} does not end as {end.outcome}",
                f"{one.kind} 类请求不能以 {end.outcome} 结案",
            )
        words = Words(end.text) if end.text else None
        corrected = ""
        if end.outcome is Outcome.CORRECTED:
            corrected = await self._corrected(one, end.version)
        elif end.outcome is Outcome.ERASED:
            await self._require_gone(one)
            if end.text:
                raise InvalidArgument([_no_key()])
        elif end.outcome is Outcome.REFUSED and one.kind is RequestKind.ERASURE:
            words = await self._refused(one, end.text)
        elif end.outcome is Outcome.REFUSED and not end.text:
            raise InvalidArgument([_no_reason()])
        now = on.clock.now_micros()
        made = one.next(
            now,
            outcome=end.outcome,
            closed_by=who(call),
            closed_at=now,
            corrected=corrected,
            version=end.version if corrected else 0,
        )
        await on.write(call, made, words)
        return await self._register.shown(made)

    async def _require_gone(self, one: Request) -> None:
        if not await self._erasing.gone(one.institution, one.customer):
            raise ErasureNotSo(
                "Not everything was disposed of yet: plan it (`vaultctl disposal plan`), have it "
                "approved and carried out, and close the request then",
                "尚未全部销毁：请制定销毁计划（`vaultctl disposal plan`）、经批准并执行后再结案",
            )

    async def _refused(self, one: Request, text: str) -> Words:
        """The refusal as the rules have it. What else may stand against disposal is no ground."""
        found = await self._erasing.judge(one.institution, one.customer)
        match found.verdict:
            case Verdict.KEPT:
                return Words(text, ground_words(found))
            case Verdict.NO_RULE:
                raise ErasureNotSo(
                    "No minimum runs, and of some of it no rule says how long it is kept: there is "
                    "no ground to refuse. Propose a rule (`vaultctl retention propose`)",
                    "没有仍在计算的最短保存期限，且部分内容未有规则规定保存期限："
                    "没有拒绝的依据。请提出规则（`vaultctl retention propose`）",
                )
            case Verdict.DUE | Verdict.GONE:
                raise ErasureNotSo(
                    "Every minimum is over: there is no ground to refuse the request. Plan the "
                    "disposal (`vaultctl disposal plan`), and close the request as erased then",
                    "各项最短保存期限均已届满：没有拒绝的依据。"
                    "请制定销毁计划（`vaultctl disposal plan`），销毁后以已删除结案",
                )

    async def _corrected(self, one: Request, version: int) -> str:
        """The customer whose version meets the request: it corrects the one before, was recorded
        since the request came in, and names the document that shows it."""
        on, institution = self._on, one.institution
        # The file may have been merged since.
        customer = on.merges.survivor(institution, one.customer)
        if version < 2:
            raise NotThatCorrection("there is none before it", "之前没有版本")
        opened = await on.file(institution, customer, version)
        value: Customer = opened.value
        if not value.correction:
            raise NotThatCorrection(
                "it follows the one before it and corrects nothing", "该版本为后续变更，并非更正"
            )
        if sealer.utc_day(opened.recorded_at) < one.received:
            raise NotThatCorrection(
                "it was recorded before the request came in", "该版本记录于收到请求之前"
            )
        before: Customer = (await on.file(institution, customer, version - 1)).value
        if not _has_evidence(value, before, institution, customer):
            raise NotThatCorrection(
                "no document is named as the source of a field that it changes",
                "未就所更改的字段注明来源文件",
            )
        return customer


def _has_evidence(value: Customer, before: Customer, institution: str, customer: str) -> bool:
    """Whether some field that differs has a document of the customer's as its source."""
    changed = [path.partition("[")[0] for path in differing(before, value)]
    return any(
        covers(source.path, path) or covers(path, source.path)
        for source in value.sources
        if source.kind is ElementSourceKind.DOCUMENT
        and _is_his(source.reference, institution, customer)
        for path in changed
    )


def _is_his(reference: str, institution: str, customer: str) -> bool:
    try:
        name = DocumentName.parse(reference)
    except InvalidName:
        return False
    return (name.institution, name.customer) == (institution, customer)


def _no_key() -> FieldViolation:
    return FieldViolation(
        "text",
        "FILE_GONE",
        "must be empty: the file is gone, and with it the key that the words would be sealed by",
        "必须为空：档案已销毁，用于密封文字的密钥亦已不存在",
    )


def _no_reason() -> FieldViolation:
    return FieldViolation("text", "REQUIRED", "must say why it is refused", "必须说明拒绝的理由")
