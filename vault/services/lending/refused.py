"""What the register refuses, as every caller is told it."""

from __future__ import annotations

from typing import Final

from vault.access.lending import LendingRefused, Why
from vault.services.errors import FieldViolation, InvalidArgument, VaultError

CODES: Final[dict[Why, str]] = {
    Why.NO_CLASS: "PERMISSION_DENIED",
    Why.TOO_LONG: "INVALID_ARGUMENT",
    Why.NO_DURATION: "INVALID_ARGUMENT",
    Why.NO_FIELDS: "INVALID_ARGUMENT",
    # As policy answers it of a read.
    Why.CASE_REFERENCE: "PERMISSION_DENIED",
    Why.NOT_WAITING: "FAILED_PRECONDITION",
    Why.NOT_ACTIVE: "FAILED_PRECONDITION",
    Why.NEEDS_MORE: "FAILED_PRECONDITION",
    Why.OWN_REQUEST: "PERMISSION_DENIED",
    Why.OWN_FILE: "PERMISSION_DENIED",
    Why.ROLE_NOT_NEEDED: "PERMISSION_DENIED",
    Why.APPROVED_ALREADY: "FAILED_PRECONDITION",
    Why.WIDER: "INVALID_ARGUMENT",
    Why.NOT_REQUESTER: "PERMISSION_DENIED",
    Why.NOT_RENEWABLE: "FAILED_PRECONDITION",
    Why.NOT_BREAK_GLASS: "FAILED_PRECONDITION",
    Why.REVIEWED_ALREADY: "FAILED_PRECONDITION",
}
"""The canonical code of each reason."""


def refusal(error: LendingRefused, inside: str = "") -> VaultError:
    """A refusal of the rules. ``inside`` is the message of the request that the field is in."""
    if error.field:
        field = f"{inside}.{error.field}" if inside else error.field
        return InvalidArgument([FieldViolation(field, error.why.value, error.en, error.zh)])
    out = VaultError(error.en, error.zh, reason=error.why.value)
    out.code = CODES[error.why]
    return out


class BreakGlassSuspended(VaultError):
    """An earlier one of his has not been reviewed in time."""

    code = "PERMISSION_DENIED"
    reason = "BREAK_GLASS_SUSPENDED"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Your right to open files in an emergency is suspended: {name} was not reviewed in "
            "time. It is back when somebody has reviewed it; ask for a check-out meanwhile.",
            f"您的紧急调阅权已暂停：{name} 未按时复核。复核后即恢复；其间请申请借阅。",
            check_out=name,
        )


def never_lent(place: int) -> FieldViolation:
    """Why the field at a place of a request is not worth asking for."""
    return FieldViolation(
        f"check_out.fields[{place}]",
        "FIELD_NEVER_LENT",
        "is not opened to you for this purpose, even with a check-out; leave it out, or state the "
        "true purpose",
        "即使办理借阅，以该用途您也不得查阅此字段；请删去，或说明真实用途",
    )
