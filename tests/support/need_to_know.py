"""Who may do what with check-outs, in a few rules of its own: a model to hold the vault against.

Out of the bare facts (lending_facts.py) it works out each answer, anew at each question. It has no
state machine, no versions and no code of the vault.
"""

from tests.support.lending_facts import (
    COUNTER,
    DAY,
    DECIDERS,
    EVERYTHING,
    ORDINARY,
    OVERSEERS,
    QUALITY,
    REGULATOR,
    SERVING,
    STAFF,
    VIP,
    WITH_A_CASE,
    Account,
    Agreed,
    Life,
    terms,
    touches,
    within,
)


class Model:
    """Everything that is known, and the rules. ``branches`` are the customers', ``careful`` those
    whose files need more care."""

    def __init__(
        self, now: int, accounts: list[Account], branches: list[str], careful: set[int]
    ) -> None:
        self.now = now
        self.accounts = accounts
        self.branches = branches
        self.careful = careful
        self.lives: list[Life] = []

    # -- who somebody is ---------------------------------------------------------------------

    def roles(self, who: Account) -> set[str]:
        """That count now."""
        return {role for role, end in who.roles.items() if who.known and end > self.now}

    def close(self, who: Account, customer: int) -> bool:
        """Whether the file is his own, as any of his accounts says."""
        return any(
            customer in one.own for one in self.accounts if one.known and one.person == who.person
        )

    def reaches(self, who: Account, customer: int) -> bool:
        """Whether his roles do."""
        kind = VIP if customer in self.careful else ORDINARY
        return (who.branches is None or self.branches[customer] in who.branches) and (
            who.classes is None or kind in who.classes
        )

    def standing(self, life: Life) -> list[Agreed]:
        """Agreements whose givers could still give them; of what waits no longer, all that were
        given."""
        if life.began is not None or life.over:
            return life.agreed
        by_name = {one.name: one for one in self.accounts if one.known}
        return [
            one
            for one in life.agreed
            if (giver := by_name.get(one.name)) is not None
            and giver.person == one.person
            and one.role in self.roles(giver)
            and not self.close(giver, life.customer)
            and self.reaches(giver, life.customer)
        ]

    def missing(self, life: Life) -> list[str]:
        """Roles in which somebody has still to agree, in their order."""
        given = {one.role for one in self.standing(life)}
        return [role for role in life.terms.needs if role not in given]

    # -- how a check-out stands --------------------------------------------------------------

    def waits(self, life: Life) -> bool:
        """Whether it can still be agreed to."""
        return not life.over and life.began is None and self.now < life.born + life.terms.within

    def lent(self, life: Life) -> bool:
        """Whether it opens anything now."""
        began = life.began
        return not life.over and began is not None and began <= self.now < began + life.lasts

    def agreed_by_enough(self, life: Life) -> bool:
        """Whether all were asked to agree whom the file takes as it is now."""
        if life.glass or life.customer not in self.careful:
            return True
        return set(terms(life.purpose, life.fields, careful=True).needs) <= set(life.terms.needs)

    def longest_now(self, life: Life) -> int:
        """How long it may be agreed to, of the file as it is now."""
        if life.customer not in self.careful:
            return life.lasts
        return terms(life.purpose, life.fields, careful=True).longest

    def still_enough(self, life: Life) -> bool:
        """Whether what was lent is no more than what is lent of the file as it is now."""
        if life.glass or life.customer not in self.careful:
            return True
        longest = terms(life.purpose, life.fields, careful=True).longest
        return (
            self.agreed_by_enough(life)
            and life.began is not None
            and self.now < life.began + longest
        )

    def state(self, life: Life) -> str:
        """As it would be told."""
        if life.over:
            return life.over
        if life.began is None:
            return "REQUESTED" if self.waits(life) else "LAPSED"
        return "ACTIVE" if self.lent(life) else "EXPIRED"

    def sees(self, who: Account, life: Life) -> bool:
        """Whether it is there for him."""
        if who.person == life.asker:
            return True
        if self.close(who, life.customer) or not self.reaches(who, life.customer):
            return False
        return bool(
            self.roles(who) & {*life.terms.needs, *(() if life.terms.secret else OVERSEERS)}
        )

    # -- what may be opened ------------------------------------------------------------------

    def table(self, who: Account, purpose: str, *, lent: bool) -> tuple[str, ...]:
        """Paths that his roles open for a purpose, with a check-out or without."""
        roles = self.roles(who)
        if "compliance" in roles and purpose != SERVING:
            return (EVERYTHING,)
        if lent and "break_glass" in roles:
            return (EVERYTHING,)
        return COUNTER if lent and "teller" in roles and purpose in (SERVING, QUALITY) else ()

    def may_be_lent(self, who: Account, purpose: str) -> tuple[str, ...]:
        """Paths that he may ask for. A custodian asks for what he hands to another vault, and
        reads none of it."""
        if "custodian" in self.roles(who) and purpose == REGULATOR:
            return (EVERYTHING,)
        return self.table(who, purpose, lent=True)

    def reads(
        self, who: Account, customer: int, purpose: str, life: Life | None, *, case: bool
    ) -> list[tuple[str, ...]] | None:
        """Choices of paths all of which a value must lie in to be shown; None: nothing is."""
        if self.close(who, customer) or not self.reaches(who, customer):
            return None
        if purpose in WITH_A_CASE and not case:
            return None
        if life is None:
            open_ = self.table(who, purpose, lent=False)
            return [open_] if open_ else None
        if who.person != life.asker or customer != life.customer or purpose != life.purpose:
            return None
        if not self.lent(life) or not self.roles(who) or not self.still_enough(life):
            return None
        open_ = self.table(who, purpose, lent=True)
        if not any(touches(one, other) for one in open_ for other in life.fields):
            return None
        return [open_, life.fields]

    # -- what somebody may do ----------------------------------------------------------------

    def may_ask(
        self, who: Account, customer: int, purpose: str, fields: tuple[str, ...], lasts: int,
        *, case: bool,
    ) -> bool:  # fmt: skip
        open_ = self.may_be_lent(who, purpose)
        return (
            bool(self.roles(who) & STAFF)
            and all(any(touches(f, one) for one in open_) for f in fields)
            and self.lendable(who, customer, purpose, fields, lasts, case=case)
        )

    def lendable(
        self, who: Account, customer: int, purpose: str, fields: tuple[str, ...], lasts: int,
        *, case: bool,
    ) -> bool:  # fmt: skip
        """Whether there is such a check-out, for him."""
        of = terms(purpose, fields, careful=customer in self.careful)
        return (
            not self.close(who, customer)
            and self.reaches(who, customer)
            and 0 < lasts <= of.longest
            and (case or purpose not in WITH_A_CASE)
        )

    def may_renew(self, who: Account, life: Life, lasts: int) -> bool:
        open_ = self.may_be_lent(who, life.purpose)
        return (
            bool(self.roles(who) & STAFF)
            and who.person == life.asker
            and life.began is not None
            and life.over != "REVOKED"
            and not life.glass
            and any(touches(f, one) for f in life.fields for one in open_)
            and self.lendable(who, life.customer, life.purpose, life.fields, lasts, case=life.case)
        )

    def may_break_glass(self, who: Account, customer: int) -> bool:
        overdue = any(
            one.glass
            and one.asker == who.person
            and not one.reviewed
            and self.now >= one.born + DAY
            for one in self.lives
        )
        open_ = not self.close(who, customer) and self.reaches(who, customer)
        return "break_glass" in self.roles(who) and open_ and not overdue

    def _decides(self, who: Account, life: Life) -> bool:
        return (
            bool(self.roles(who) & DECIDERS) and self.sees(who, life) and who.person != life.asker
        )

    def fills(self, who: Account, life: Life) -> str | None:
        """The role in which he would agree."""
        return next((role for role in self.missing(life) if role in self.roles(who)), None)

    def may_approve(
        self, who: Account, life: Life, fields: tuple[str, ...], lasts: int | None
    ) -> bool:
        return (
            self._decides(who, life)
            and self.waits(life)
            and all(one.person != who.person for one in self.standing(life))
            and self.fills(who, life) is not None
            and all(any(within(f, one) for one in life.fields) for f in fields)
            and (lasts is None or 0 < lasts <= life.lasts)
            and self.agreed_by_enough(life)
            and (lasts or life.lasts) <= self.longest_now(life)
        )

    def may_deny(self, who: Account, life: Life) -> bool:
        needed = set(life.terms.needs)
        return self._decides(who, life) and self.waits(life) and bool(self.roles(who) & needed)

    def may_look(self, who: Account, life: Life) -> bool:
        return bool(self.roles(who) & STAFF) and self.sees(who, life)

    def may_return(self, who: Account, life: Life) -> bool:
        stands = self.waits(life) or self.lent(life)
        return bool(self.roles(who) & STAFF) and who.person == life.asker and stands

    def may_revoke(self, who: Account, life: Life) -> bool:
        return bool(self.roles(who) & DECIDERS) and self.sees(who, life) and self.lent(life)

    def may_review(self, who: Account, life: Life) -> bool:
        return (
            life.glass
            and not life.reviewed
            and bool(self.roles(who) & OVERSEERS)
            and self.sees(who, life)
            and who.person != life.asker
        )
