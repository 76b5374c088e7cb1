"""Faults that the vault could have, each put in by one change of its code: to see that a test finds
them. Each is a function of a pytest.MonkeyPatch, named for what the vault would do.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from vault.access.directory import Directory
from vault.access.directory_change import Approved
from vault.access.fields import Opening
from vault.access.lending import CheckOut, Party, Stage, State, transitions
from vault.access.scope import Scope
from vault.access.stored_directory import StoredDirectory
from vault.rpc import opened
from vault.rpc.masks import revealed
from vault.rpc.servicers import reads
from vault.services import borrowing
from vault.services.call import Call, Trace
from vault.services.check_out_rows import from_row
from vault.services.lending import asking, register
from vault.services.sensitive_files import SensitiveFiles
from vault.store.check_outs import CheckOutRow

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]


def nobody_is_kept_from_his_own_file(patch: Patch) -> None:
    patch.setattr(Call, "close_files", frozenset())


def another_account_is_another_person(patch: Patch) -> None:
    """Who decides is compared with who asked by name."""

    def party_of(call: Call) -> Party:
        who = call.person
        assert who is not None
        return Party(who.name, f"p-{who.name}", who.roles, call.close_files)

    patch.setattr(register, "party_of", party_of)


def the_clock_starts_at_the_request(patch: Patch) -> None:
    def started(made: CheckOut, now: int) -> CheckOut:
        start = made.requested_at
        return replace(made, stage=Stage.ACTIVE, starts_at=start, ends_at=start + made.duration)

    patch.setattr(transitions, "_started", started)


def what_was_revoked_is_open_still(patch: Patch) -> None:
    patch.setattr(
        transitions, "revoke", lambda was, _who, _now: replace(was, version=was.version + 1)
    )


def what_was_returned_is_open_still(patch: Patch) -> None:
    """To a read: the register tells it as it is."""

    def read(row: CheckOutRow, _key: object) -> CheckOut:
        out = from_row(row)
        back = out.stage is Stage.RETURNED
        return replace(out, stage=Stage.ACTIVE, ends_at=1 << 62) if back else out

    patch.setattr(borrowing, "genuine", read)


def what_was_used_is_open_still(patch: Patch) -> None:
    async def finish(_: object, call: Call, trace: Trace) -> None:
        call.trace = trace

    patch.setattr(borrowing.Borrowing, "finish", finish)


def what_expired_is_open_still(patch: Patch) -> None:
    honest = CheckOut.state_at

    def state_at(self: CheckOut, now: int) -> State:
        return State.ACTIVE if self.stage is Stage.ACTIVE else honest(self, now)

    patch.setattr(CheckOut, "state_at", state_at)


def a_field_too_many_is_revealed(patch: Patch) -> None:
    honest = opened.Openings._opening

    def opening(self: opened.Openings, call: Call) -> Opening:
        found = honest(self, call)
        return found | Opening.of(["customer.emails"]) if call.lent is not None else found

    patch.setattr(opened.Openings, "_opening", opening)


def the_log_tells_of_a_field_too_few(patch: Patch) -> None:
    patch.setattr(reads, "revealed", lambda messages: revealed(messages)[1:])


def what_the_approver_left_out_is_opened(patch: Patch) -> None:
    honest = transitions.approve

    def approve(was: CheckOut, who: Party, now: int, **less: Any) -> CheckOut:
        return replace(honest(was, who, now, **less), fields=was.fields)

    patch.setattr(transitions, "approve", approve)


def an_approver_may_add_fields(patch: Patch) -> None:
    patch.setattr(transitions, "all_within", lambda _fields, _wider: True)


def anybody_who_decides_fills_any_role(patch: Patch) -> None:
    honest = transitions.approve

    def approve(was: CheckOut, who: Party, now: int, **less: Any) -> CheckOut:
        return honest(was, replace(who, roles=frozenset(was.waiting_roles)), now, **less)

    patch.setattr(transitions, "approve", approve)


def one_person_fills_two_roles(patch: Patch) -> None:
    honest = transitions.approve

    def approve(was: CheckOut, who: Party, now: int, **less: Any) -> CheckOut:
        made = honest(
            replace(was, approvals=tuple(replace(a, person="") for a in was.approvals)),
            who,
            now,
            **less,
        )
        return replace(made, approvals=(*was.approvals, made.approvals[-1]))

    patch.setattr(transitions, "approve", approve)


def who_lost_his_role_has_agreed_still(patch: Patch) -> None:
    patch.setattr(register, "as_agreed", lambda was, _stands: was)


def a_name_is_a_person(patch: Patch) -> None:
    """An approval stands while somebody has the name and the role, whoever he is by now."""
    honest = register.Register.__init__

    def made(self: Any, *parts: Any) -> None:
        honest(self, *parts)
        known = self.known

        def by_name(institution: str, name: str) -> Any:
            who = known(institution, name)
            return who and _Anybody(who)

        self.known = by_name

    patch.setattr(register.Register, "__init__", made)


class _Anybody:
    """Somebody who is every person."""

    def __init__(self, who: Any) -> None:
        self.roles, self.close_files, self.person = who.roles, who.close_files, self

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]  # nobody asks


def who_was_removed_is_known_still(patch: Patch) -> None:
    honest = StoredDirectory.take

    def take(self: StoredDirectory, approved: Approved) -> None:
        both = {**self.approved.entries, **approved.entries}
        # By his certificate he would be two.
        uris = {one.principal.workload: name for name, one in both.items()}
        kept = {name: one for name, one in both.items() if uris[one.principal.workload] == name}
        honest(self, replace(approved, entries=kept))

    patch.setattr(StoredDirectory, "take", take)


def a_role_that_ended_counts_still(patch: Patch) -> None:
    patch.setattr(StoredDirectory, "_now_is", Directory._in_time)


def roles_reach_everywhere(patch: Patch) -> None:
    patch.setattr(Scope, "limits", False)


def a_check_out_opens_any_customer(patch: Patch) -> None:
    patch.setattr(borrowing, "_covers", lambda *_, **__: True)


def an_old_tag_is_as_good(patch: Patch) -> None:
    honest = register.Register.change

    async def change(self: Any, *about: Any, **more: Any) -> Any:
        return await honest(self, *about[:4], **more)

    patch.setattr(register.Register, "change", change)


def nobody_is_suspended_for_want_of_a_review(patch: Patch) -> None:
    async def reviewed(*_: Any) -> None:
        return

    patch.setattr(asking.Asking, "_require_reviewed", reviewed)


def who_broke_the_glass_reviews_it(patch: Patch) -> None:
    honest = transitions.review

    def review(was: CheckOut, who: Party, *rest: Any) -> CheckOut:
        return honest(was, replace(who, person=""), *rest)

    patch.setattr(transitions, "review", review)


def files_that_need_more_care_get_none(patch: Patch) -> None:
    async def none(*_: Any) -> bool:
        return False

    patch.setattr(SensitiveFiles, "has", none)


def what_was_agreed_to_before_a_file_needed_more_care_is_enough(patch: Patch) -> None:
    async def none(*_: Any) -> None:
        return None

    patch.setattr(SensitiveFiles, "class_now", none)


def any_duration_will_do(patch: Patch) -> None:
    honest = transitions.request

    def request(wish: Any, *rest: Any) -> CheckOut:
        made = honest(replace(wish, duration=1), *rest)
        return replace(made, duration=wish.duration)

    patch.setattr(transitions, "request", request)


def a_request_never_lapses(patch: Patch) -> None:
    honest = transitions.request

    def request(*about: Any) -> CheckOut:
        return replace(honest(*about), decide_by=1 << 62)

    patch.setattr(transitions, "request", request)


QUICK: Final[tuple[Fault, ...]] = (
    nobody_is_kept_from_his_own_file,
    another_account_is_another_person,
    the_clock_starts_at_the_request,
    what_was_revoked_is_open_still,
    what_expired_is_open_still,
    a_field_too_many_is_revealed,
    what_the_approver_left_out_is_opened,
    anybody_who_decides_fills_any_role,
    who_lost_his_role_has_agreed_still,
    who_was_removed_is_known_still,
    an_old_tag_is_as_good,
    files_that_need_more_care_get_none,
)
"""Those that show in few lives."""
OTHERS: Final[tuple[Fault, ...]] = (
    what_was_returned_is_open_still,
    what_was_used_is_open_still,
    the_log_tells_of_a_field_too_few,
    an_approver_may_add_fields,
    one_person_fills_two_roles,
    a_name_is_a_person,
    a_role_that_ended_counts_still,
    roles_reach_everywhere,
    a_check_out_opens_any_customer,
    nobody_is_suspended_for_want_of_a_review,
    who_broke_the_glass_reviews_it,
    any_duration_will_do,
    a_request_never_lapses,
)
