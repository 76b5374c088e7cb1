"""Steps of a lending register's life: each is tried on a whole tier, and what came of it must be
what the model of need_to_know.py says; and so must what is told of the check-out.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from google.protobuf.duration_pb2 import Duration

from recordsvault.access.v1 import access_pb2 as pb
from tests.support.bank_staff import Staff, Step
from tests.support.customer_files import PARENT, purpose_of
from tests.support.lending_facts import (
    DECIDERS,
    EVERYTHING,
    HOUR,
    MINUTE,
    REGULATOR,
    SERVING,
    Account,
    Agreed,
    Life,
    Terms,
    terms,
)
from tests.support.need_to_know import Model
from tests.support.trying import Trying

LENDING = "/recordsvault.access.v1.Access/"


class RegisterSteps:
    """Of the customers of these names."""

    def __init__(self, trying: Trying, staff: Staff, model: Model, names: Sequence[str]) -> None:
        self._try = trying
        self._staff = staff
        self._model = model
        self._names = names

    def _decider(self, step: Step, life: Life, may: Callable[[Account], bool]) -> Account:
        """Who tries to decide on it."""
        model = self._model

        def might(one: Account) -> bool:
            return bool(model.roles(one) & DECIDERS) and one.person != life.asker

        involved = (life.asker, *(one.person for one in life.agreed))
        return self._staff.pick(step, may, might, involved)

    def _asker(self, step: Step, life: Life, may: Callable[[Account], bool]) -> Account:
        """Who tries what only its requester may."""
        involved = [one.person for one in life.agreed]
        return self._staff.pick(step, may, lambda one: one.person == life.asker, involved)

    async def _tried(self, step: Step, who: Account, may: bool, request: Any) -> Any:
        """The check-out in the answer, if there is one."""
        method = type(request).__name__.removesuffix("Request")
        answer = getattr(pb, f"{method}Response")
        done = await self._try(step.what, may, who, LENDING + method, request, answer)
        return None if done is None else done.check_out

    # -- asking ----------------------------------------------------------------------------------

    async def ask(self, step: Step) -> None:
        """He asks for a file."""
        model, customer, purpose, fields = self._model, step.customer, step.purpose, step.fields

        def may(one: Account, lasts: int = HOUR, *, case: bool = True) -> bool:
            return model.may_ask(one, customer, purpose, fields, lasts, case=case)

        who = self._staff.pick(step, may, may)
        case = step.sane or step.flag
        lasts = HOUR if step.sane else step.minutes * MINUTE
        wish = pb.CheckOut(
            subject=self._names[customer],
            fields=fields,
            purpose=purpose_of(purpose),
            reason="Calls back",
            case_reference="K-1" if case else "",
            duration=_span(lasts),
            one_time=step.flag,
        )
        request = pb.RequestCheckOutRequest(parent=PARENT, check_out=wish)
        out = await self._tried(step, who, may(who, lasts, case=case), request)
        if out is not None:
            of = terms(purpose, fields, careful=customer in model.careful)
            life = Life(who.person, customer, purpose, of, fields, lasts, model.now)
            life.once, life.case = step.flag, case
            self._born(life, out)

    async def renew(self, step: Step, was: Life) -> None:
        """He asks for the same once more."""
        model = self._model

        def may(one: Account, lasts: int = HOUR) -> bool:
            return model.may_renew(one, was, lasts)

        who = self._asker(step, was, may)
        lasts = HOUR if step.sane else step.minutes * MINUTE
        request = pb.RenewCheckOutRequest(name=was.name, duration=_span(lasts), reason="Not yet")
        out = await self._tried(step, who, may(who, lasts), request)
        if out is not None:
            of = terms(was.purpose, was.fields, careful=was.customer in model.careful)
            life = Life(was.asker, was.customer, was.purpose, of, was.fields, lasts, model.now)
            life.once, life.case = was.once, was.case
            self._born(life, out)

    async def glass(self, step: Step) -> None:
        """He opens a file in an emergency."""
        model, customer = self._model, step.customer
        purpose = SERVING if step.flag else REGULATOR

        def may(one: Account) -> bool:
            return model.may_break_glass(one, customer)

        who = self._staff.pick(step, may, lambda one: "break_glass" in model.roles(one))
        request = pb.BreakGlassRequest(
            parent=PARENT,
            customer=self._names[customer],
            reason="Fire",
            purpose=purpose_of(purpose),
        )
        out = await self._tried(step, who, may(who), request)
        if out is not None:
            nobody, lasts = Terms((), 0, 0), 30 * MINUTE
            life = Life(who.person, customer, purpose, nobody, (EVERYTHING,), lasts, model.now)
            life.glass, life.began = True, model.now
            self._born(life, out)

    # -- deciding --------------------------------------------------------------------------------

    async def approve(self, step: Step, life: Life) -> None:
        """He agrees, perhaps to less."""
        model = self._model

        def may(one: Account, fields: tuple[str, ...] = (), lasts: int | None = None) -> bool:
            return model.may_approve(one, life, fields, lasts)

        who = self._decider(step, life, may)
        less = step.fields if not step.sane else life.fields[:1]
        fields = less if step.flag else ()
        shorter = step.minutes * MINUTE if not step.sane else min(20 * MINUTE, life.lasts)
        lasts = shorter if step.minutes % 3 else None
        allowed = may(who, fields, lasts)
        role, standing = model.fills(who, life), model.standing(life)
        request = pb.ApproveCheckOutRequest(name=life.name, etag=life.tags[-1], fields=fields)
        if lasts is not None:
            request.duration.CopyFrom(_span(lasts))
        out = await self._tried(step, who, allowed, request)
        if out is not None:
            assert role is not None
            life.agreed = [*standing, Agreed(who.name, who.person, role)]
            life.fields = fields or life.fields
            life.lasts = life.lasts if lasts is None else lasts
            if not model.missing(life):
                life.began = model.now
            self._changed(life, out)

    async def approve_unseen(self, step: Step, life: Life) -> None:
        """By the tag of another request, or of this one as it was before."""
        tags = [tag for one in self._model.lives for tag in one.tags if tag != life.tags[-1]]
        if tags:
            may = partial(self._model.may_approve, life=life, fields=(), lasts=None)
            who = self._decider(step, life, may)
            etag = tags[step.minutes % len(tags)]
            request = pb.ApproveCheckOutRequest(name=life.name, etag=etag)
            await self._tried(step, who, False, request)

    async def deny(self, step: Step, life: Life) -> None:
        """He refuses."""
        may = partial(self._model.may_deny, life=life)
        who = self._decider(step, life, may)
        request = pb.DenyCheckOutRequest(name=life.name, etag=life.tags[-1])
        self._ended(life, "DENIED", await self._tried(step, who, may(who), request))

    async def give_back(self, step: Step, life: Life) -> None:
        """He gives back what he has, or wants it no more."""
        may = partial(self._model.may_return, life=life)
        who = self._asker(step, life, may)
        request = pb.ReturnCheckOutRequest(name=life.name)
        self._ended(life, "RETURNED", await self._tried(step, who, may(who), request))

    async def revoke(self, step: Step, life: Life) -> None:
        """He takes back what is lent."""
        may = partial(self._model.may_revoke, life=life)
        who = self._decider(step, life, may)
        request = pb.RevokeCheckOutRequest(name=life.name)
        self._ended(life, "REVOKED", await self._tried(step, who, may(who), request))

    async def review(self, step: Step, life: Life) -> None:
        """He says whether breaking the glass was right."""
        model, may = self._model, partial(self._model.may_review, life=life)
        who = self._decider(step, life, may)
        verdict = pb.REVIEW_VERDICT_JUSTIFIED if step.flag else pb.REVIEW_VERDICT_UNJUSTIFIED
        request = pb.ReviewBreakGlassRequest(name=life.name, etag=life.tags[-1], verdict=verdict)
        out = await self._tried(step, who, may(who), request)
        if out is not None:
            life.reviewed = True
            if not step.flag and model.lent(life):
                life.over = "REVOKED"
            self._changed(life, out)

    async def look(self, step: Step, life: Life, by: Account | None = None) -> None:
        """He looks at it."""
        may = partial(self._model.may_look, life=life)
        who = by or self._decider(step, life, may)
        out = await self._tried(
            step._replace(what="look"), who, may(who), pb.GetCheckOutRequest(name=life.name)
        )
        if out is not None:
            if life.over != "USED":  # of which its reader was not told the tag
                assert out.etag == life.tags[-1]
            self._told(life, out)

    # -- and what is told of it ------------------------------------------------------------------

    def _born(self, life: Life, out: pb.CheckOut) -> None:
        life.name = out.name
        self._model.lives.append(life)
        self._changed(life, out)

    def _ended(self, life: Life, how: str, out: pb.CheckOut | None) -> None:
        if out is not None:
            life.agreed = self._model.standing(life)
            life.over = how
            self._changed(life, out)

    def _changed(self, life: Life, out: pb.CheckOut) -> None:
        life.tags.append(out.etag)
        self._told(life, out)

    def _told(self, life: Life, out: pb.CheckOut) -> None:
        """It must stand as the model says."""
        assert out.name == life.name
        assert pb.CheckOutState.Name(out.state) == f"CHECK_OUT_STATE_{self._model.state(life)}"
        agreed = [(one.approver, one.role) for one in out.approvals]
        assert agreed == [(one.name, one.role) for one in self._model.standing(life)]
        assert tuple(out.needed_roles) == life.terms.needs
        assert life.glass or tuple(out.fields) == life.fields
        if life.began is not None:
            assert out.start_time.ToMicroseconds() == life.began
            assert life.over or out.end_time.ToMicroseconds() == life.began + life.lasts


def _span(micros: int) -> Duration:
    out = Duration()
    out.FromMicroseconds(micros)
    return out
