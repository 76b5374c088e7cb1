"""Why a full record stays closed to somebody whom policy has allowed to open such records."""

from __future__ import annotations

from vault.access.lending.refusals import TEXTS, Why
from vault.access.scope import Scope
from vault.services.errors import NotFound, VaultError


class CheckOutNotFound(NotFound):
    """There is none by that name, or it is somebody else's: he is told the same."""

    closed = True

    def __init__(self, name: str, field: str = "check_out") -> None:
        super().__init__(name, field)


class CheckOutNotActive(VaultError):
    """It waits, or is over: returned, revoked, used or expired."""

    code = "FAILED_PRECONDITION"
    reason = "CHECK_OUT_NOT_ACTIVE"
    closed = True

    def __init__(self) -> None:
        super().__init__(
            "The check-out does not open anything now: it waits for approval, or is over. "
            "See how it stands, and ask for another one if it is over.",
            "该借阅目前无效：尚待审批或已终止。请查看其状态，如已终止请重新申请。",
        )


class CheckOutOtherRecord(VaultError):
    """It is of something else."""

    code = "PERMISSION_DENIED"
    reason = "CHECK_OUT_OTHER_RECORD"

    def __init__(self) -> None:
        super().__init__(
            "The check-out is of another record. One of a single record opens that alone, one of a "
            "customer opens his file and the lists below it.",
            "该借阅针对其他记录。单条记录的借阅仅可查阅该记录；客户档案的借阅可查阅其档案及下属列表。",
        )


class CheckOutOtherExport(VaultError):
    """It was used up by an export of something else."""

    code = "FAILED_PRECONDITION"
    reason = Why.OTHER_EXPORT.value

    def __init__(self) -> None:
        super().__init__(*TEXTS[Why.OTHER_EXPORT])


class CheckOutNeedsMore(VaultError):
    """What was agreed to is less than what the file takes by now."""

    code = "FAILED_PRECONDITION"
    reason = Why.NEEDS_MORE.value
    closed = True

    def __init__(self) -> None:
        super().__init__(*TEXTS[Why.NEEDS_MORE])


class CheckOutOtherPurpose(VaultError):
    """It was lent for something else."""

    code = "PERMISSION_DENIED"
    reason = "CHECK_OUT_OTHER_PURPOSE"

    def __init__(self) -> None:
        super().__init__(
            "The check-out is for another purpose; state that one, or ask for another check-out.",
            "该借阅用途与所述用途不同；请说明其批准用途，或另行申请借阅。",
        )


class BorrowerRequired(VaultError):
    """A program has borrowed nothing."""

    code = "PERMISSION_DENIED"
    reason = "PERSON_REQUIRED"

    def __init__(self) -> None:
        super().__init__(
            "A check-out is a person's: call with a person's certificate, or send his token.",
            "借阅属于自然人：请使用个人证书，或附上其令牌。",
        )


class OwnFile(VaultError):
    """His own, or a declared relative's."""

    code = "PERMISSION_DENIED"
    reason = "OWN_FILE"

    def __init__(self) -> None:
        super().__init__(
            "Nobody opens his own file or a declared relative's, whatever his roles; somebody else "
            "has to look.",
            "任何人不得查阅本人或已申报亲属的档案，无论其角色；须由他人查阅。",
        )


class OutsideScope(VaultError):
    """A customer of another branch, or of a class of files that his roles do not reach. Which of
    the two is not said: it would tell what the file holds."""

    code = "PERMISSION_DENIED"
    reason = "OUTSIDE_SCOPE"

    def __init__(self) -> None:
        super().__init__(
            "Your roles do not reach this customer's file: they are held to some branches, or to "
            "some classes of files. Somebody whose roles do has to look.",
            "您的角色范围不含该客户档案：角色限于部分机构网点或部分档案类别。"
            "须由范围内的人员办理。",
        )


class ScopeChanged(VaultError):
    """What is about to leave was judged by a reach that he has no longer."""

    code = "ABORTED"
    reason = "SCOPE_CHANGED"
    closed = True

    def __init__(self) -> None:
        super().__init__(
            "How far your roles reach has changed while this call was under way. Call again.",
            "在此调用进行期间，您的角色范围已变更。请重新调用。",
        )


class FieldsClosed(VaultError):
    """Something that takes fields which are not opened to the caller."""

    code = "PERMISSION_DENIED"
    reason = "FIELDS_CLOSED"

    def __init__(self) -> None:
        super().__init__(
            "That takes fields which are not opened to you for this purpose, or by this check-out: "
            "search by others, or have somebody do it whose role opens them.",
            "该操作涉及以该用途或该借阅未向您开放的字段：请改用其他条件，或由有权限的人员办理。",
        )


class CheckOutOfOneRecord(VaultError):
    """A check-out of one record, for what takes the customer's whole file."""

    code = "PERMISSION_DENIED"
    reason = "CHECK_OUT_OF_ONE_RECORD"

    def __init__(self) -> None:
        super().__init__(
            "A transaction is reconstructed with the customer's file, and this check-out is of one "
            "record: ask for one of the customer.",
            "重现交易须用到客户档案，而该借阅仅限单条记录：请申请该客户的借阅。",
        )


class NothingOpened(VaultError):
    """Not one field."""

    code = "PERMISSION_DENIED"
    reason = "NOTHING_OPENED"

    def __init__(self) -> None:
        super().__init__(
            "No field of such a record is opened to you for this purpose, or by this check-out.",
            "以该用途或该借阅，您不得查阅此类记录的任何字段。",
        )


def require_everywhere(scope: Scope) -> None:
    """Of what is about an institution as a whole, and shows or decides on anybody's file: not for
    whom something keeps from a part of the files. Raises OutsideScope."""
    if scope.limits:
        raise OutsideScope
