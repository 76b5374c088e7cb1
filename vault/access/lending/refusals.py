"""Why a change of a check-out is refused."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Why(StrEnum):
    """A reason; the `reason` of the ErrorInfo that the caller gets."""

    NO_CLASS = "CHECK_OUT_NO_CLASS"
    TOO_LONG = "CHECK_OUT_TOO_LONG"
    NO_DURATION = "CHECK_OUT_NO_DURATION"
    NO_FIELDS = "CHECK_OUT_NO_FIELDS"
    CASE_REFERENCE = "CASE_REFERENCE_REQUIRED"
    NOT_WAITING = "CHECK_OUT_NOT_WAITING"
    NOT_ACTIVE = "CHECK_OUT_NOT_ACTIVE"
    OTHER_EXPORT = "CHECK_OUT_OTHER_EXPORT"
    NEEDS_MORE = "CHECK_OUT_NEEDS_MORE"
    OWN_REQUEST = "CHECK_OUT_OWN_REQUEST"
    OWN_FILE = "CHECK_OUT_OWN_FILE"
    ROLE_NOT_NEEDED = "CHECK_OUT_ROLE_NOT_NEEDED"
    APPROVED_ALREADY = "CHECK_OUT_APPROVED_ALREADY"
    WIDER = "CHECK_OUT_WIDER"
    NOT_REQUESTER = "CHECK_OUT_NOT_REQUESTER"
    NOT_RENEWABLE = "CHECK_OUT_NOT_RENEWABLE"
    NOT_BREAK_GLASS = "CHECK_OUT_NOT_BREAK_GLASS"
    REVIEWED_ALREADY = "CHECK_OUT_REVIEWED_ALREADY"

    __hash__ = str.__hash__


TEXTS: Final[dict[Why, tuple[str, str]]] = {
    Why.NO_CLASS: (
        "No class of check-outs covers this request: nobody lends these fields for this purpose.",
        "没有适用于该申请的借阅类别：这些字段不得以该用途借出。",
    ),
    Why.TOO_LONG: (
        "The duration is longer than the class allows, which is {}; ask for a shorter one.",
        "借阅时长超过该类别的上限（{}），请缩短。",
    ),
    Why.NO_DURATION: (
        "A check-out has an end: give a duration of more than zero.",
        "借阅须有期限：请给出大于零的时长。",
    ),
    Why.NO_FIELDS: ("A check-out names at least one field.", "借阅须至少指明一个字段。"),
    Why.CASE_REFERENCE: (
        "This class of check-outs needs a case reference.",
        "该借阅类别须提供案件编号。",
    ),
    Why.NOT_WAITING: (
        "The check-out does not wait for a decision any more.",
        "该借阅申请已不再等待审批。",
    ),
    Why.NOT_ACTIVE: (
        "The check-out does not open anything now: it waits, or has ended.",
        "该借阅目前无效：尚待审批或已终止。",
    ),
    Why.OTHER_EXPORT: (
        "The check-out was used up by another export. It goes on with the same recipient, parts, "
        "period and customers alone, and not in front of where it began; for anything else ask "
        "for another check-out.",
        "该借阅已用于另一次导出。仅可以相同的接收方、内容、期间与客户继续，且不得早于其起点；"
        "其他导出请另行借阅。",
    ),
    Why.NEEDS_MORE: (
        "The file takes more to open by now than when it was asked for: others have to agree too, "
        "or it is lent for a shorter time. Ask for another check-out.",
        "该档案现在的调阅要求高于申请之时：须另有人员审批，或借阅时长更短。请重新申请借阅。",
    ),
    Why.OWN_REQUEST: (
        "Nobody decides on his own request, under whichever account.",
        "任何人不得审批自己的申请，无论使用哪个账号。",
    ),
    Why.OWN_FILE: (
        "Nobody opens or decides on his own file or a declared relative's.",
        "任何人不得查阅或审批本人及已申报亲属的档案。",
    ),
    Why.ROLE_NOT_NEEDED: (
        "None of your roles is one that has still to agree.",
        "您的角色均不在待审批之列。",
    ),
    Why.APPROVED_ALREADY: (
        "You have agreed already; another person has to.",
        "您已审批过，须由另一人审批。",
    ),
    Why.WIDER: (
        "An approver may shorten and narrow, never widen.",
        "审批人可缩短或缩小范围，但不得扩大。",
    ),
    Why.NOT_REQUESTER: (
        "Only the person who asked may do that.",
        "只有申请人本人可执行该操作。",
    ),
    Why.NOT_RENEWABLE: (
        "Only what was lent is renewed, and not what was revoked or opened in an emergency; "
        "ask for a new check-out.",
        "只有已借出的借阅可续借，已收回或紧急调阅的不可续借；请重新申请借阅。",
    ),
    Why.NOT_BREAK_GLASS: (
        "Only a check-out that was opened by breaking the glass is reviewed.",
        "只有紧急调阅才需要复核。",
    ),
    Why.REVIEWED_ALREADY: ("It has been reviewed already.", "已复核。"),
}


# Classes give their times in these (vault.access.lending.classes).
_UNITS: Final = (
    (86_400_000_000, "d", "天"),
    (3_600_000_000, "h", "小时"),
    (60_000_000, "min", "分钟"),
)


class LendingRefused(Exception):
    """A change that the register does not take. `field` is "fields" or "duration" where that is
    what is wrong; `longest` is what would be taken, in microseconds, where it was too long."""

    def __init__(self, why: Why, field: str = "", *, longest: int = 0) -> None:
        super().__init__(why.value)
        self.why = why
        self.field = field
        self.longest = longest

    @property
    def en(self) -> str:
        """For a person, in English."""
        return TEXTS[self.why][0].format(_length(self.longest, 1))

    @property
    def zh(self) -> str:
        """For a person, in Chinese."""
        return TEXTS[self.why][1].format(_length(self.longest, 2))


def _length(micros: int, word: int) -> str:
    """In the largest unit in which it is a whole number."""
    unit = next((one for one in _UNITS if micros % one[0] == 0), _UNITS[-1])
    return f"{micros // unit[0]} {unit[word]}"
