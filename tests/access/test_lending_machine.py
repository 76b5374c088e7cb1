"""Random lives of check-outs, held against a model that knows the rules in other words.

The model keeps, for each check-out, the bare list of what was done to it and by whom; whether a
step may succeed, and whether the check-out opens anything, it works out of that list each time.
"""

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from vault.access.lending import (
    CheckOut,
    LendingClass,
    LendingRefused,
    Party,
    State,
    Verdict,
    Wish,
    transitions,
)

# Three persons with two accounts each, and three with one; what an account may is its own.
ACCOUNTS = (
    Party("ann", "p-ann", frozenset({"teller"})),
    Party("ann-2", "p-ann", frozenset({"custodian", "compliance"})),
    Party("bob", "p-bob", frozenset({"custodian"})),
    Party("bob-2", "p-bob", frozenset({"compliance", "teller"})),
    Party("cai", "p-cai", frozenset({"custodian", "compliance"}), frozenset({"f1"})),
    Party("cai-2", "p-cai", frozenset({"teller"}), frozenset({"f1"})),
    Party("dan", "p-dan", frozenset({"compliance"})),
    Party("eva", "p-eva", frozenset({"custodian"}), frozenset({"f2"})),
    Party("fay", "p-fay", frozenset({"security_officer"})),
)
REVIEWERS = frozenset({"security_officer", "compliance"})
FILES = ("f1", "f2", "f3")
FIELDS = ("customer.a", "customer.a.x", "customer.a.y", "customer.b", "customer.bb")
TWO = ("custodian", "compliance")
NEEDS: tuple[tuple[str, ...], ...] = ((), ("custodian",), TWO, TWO, TWO)
LONGEST, DECIDE_WITHIN, GLASS, REVIEW = 100, 50, 20, 200
_who = st.sampled_from(ACCOUNTS)
_fields = st.lists(st.sampled_from(FIELDS), max_size=3, unique=True).map(tuple)
_durations = st.one_of(st.integers(1, LONGEST), st.sampled_from([-1, 0, LONGEST + 1]))
# So few that each has a life.
MOST = 3


@dataclass
class Life:
    """What the model knows of a check-out."""

    out: CheckOut
    asker: str
    file: str
    needs: tuple[str, ...]
    asked: tuple[str, ...]
    longest: int
    born: int
    glass: bool = False
    one_time: bool = False
    # (person, role, account, when)
    agreed: list[tuple[str, str, str, int]] = field(default_factory=list)
    # (fields left, time left), whether who left no more is still there or not
    narrowed: list[tuple[tuple[str, ...], int]] = field(default_factory=list)
    over: bool = False
    reviewed: bool = False

    @property
    def complete(self) -> bool:
        return {role for _, role, *_ in self.agreed} >= set(self.needs)

    @property
    def began(self) -> int:
        return max([self.born, *(when for *_, when in self.agreed)])

    @property
    def lasts(self) -> int:
        return self.narrowed[-1][1] if self.narrowed else self.longest

    @property
    def opens(self) -> tuple[str, ...]:
        return self.narrowed[-1][0] if self.narrowed else self.asked

    def waits(self, now: int) -> bool:
        return not self.over and not self.complete and now < self.born + DECIDE_WITHIN

    def lent(self, now: int) -> bool:
        return not self.over and self.complete and now < self.began + self.lasts


def is_inside(path: str, wider: tuple[str, ...]) -> bool:
    parts = path.split(".")
    return any(parts[: len(w)] == w for w in (one.split(".") for one in wider))


class Register(RuleBasedStateMachine):
    """The rules, driven at random."""

    @initialize()
    def begin(self) -> None:
        self.now = 1_000
        self.lives: list[Life] = []
        self.gone: set[str] = set()

    @rule(who=_who)
    def leaves_or_comes_back(self, who: Party) -> None:
        self.gone ^= {who.name}

    def stands(self, giver: Party) -> bool:
        (who,) = [a for a in ACCOUNTS if a.name == giver.name]
        assert giver.person == who.person and len(giver.roles) == 1 and giver.roles <= who.roles
        return who.name not in self.gone

    @precondition(lambda self: len(self.lives) < MOST)
    @rule(
        who=_who,
        file=st.sampled_from(FILES),
        needs=st.sampled_from(NEEDS),
        fields=st.one_of(st.just(FIELDS[:1]), _fields),
        duration=st.one_of(st.just(LONGEST), _durations),
        one_time=st.booleans(),
    )
    def ask(
        self,
        who: Party,
        file: str,
        needs: tuple[str, ...],
        fields: tuple[str, ...],
        duration: int,
        one_time: bool,
    ) -> None:
        of = LendingClass("c", needs, LONGEST, DECIDE_WITHIN, False, (), (), False)
        wish = Wish(
            institution="bank",
            customer=file,
            record="",
            fields=fields,
            purpose="CUSTOMER_SERVICE",
            has_case_reference=False,
            duration=duration,
            one_time=one_time,
        )
        may = bool(fields) and 0 < duration <= LONGEST and file not in who.close_files
        try:
            out = transitions.request(wish, f"c{len(self.lives)}", who, of, self.now)
        except LendingRefused:
            assert not may
            return
        assert may
        self.lives.append(
            Life(out, who.person, file, needs, fields, duration, self.now, one_time=one_time)
        )

    @precondition(lambda self: len(self.lives) < MOST)
    @rule(who=_who, file=st.sampled_from(FILES))
    def break_glass(self, who: Party, file: str) -> None:
        wish = Wish(
            institution="bank",
            customer=file,
            record="",
            fields=("customer",),
            purpose="CUSTOMER_SERVICE",
            has_case_reference=False,
            duration=LONGEST,
        )
        name = f"c{len(self.lives)}"
        try:
            out = transitions.break_glass(
                wish, name, who, None, self.now, longest=GLASS, review_within=REVIEW
            )
        except LendingRefused:
            assert file in who.close_files
            return
        assert file not in who.close_files
        self.lives.append(
            Life(out, who.person, file, (), ("customer",), GLASS, self.now, glass=True)
        )

    @precondition(lambda self: self.lives)
    @rule(
        data=st.data(),
        who=_who,
        fields=st.one_of(st.just(()), _fields),
        duration=st.one_of(st.none(), _durations),
    )
    def approve(
        self, data: st.DataObject, who: Party, fields: tuple[str, ...], duration: int | None
    ) -> None:
        self._approve(data.draw(st.sampled_from(self.lives)), who, fields, duration)

    def _approve(
        self, life: Life, who: Party, fields: tuple[str, ...], duration: int | None
    ) -> None:
        standing = [one for one in life.agreed if one[2] not in self.gone]
        missing = [r for r in life.needs if r not in {role for _, role, *_ in standing}]
        mine = [role for role in missing if role in who.roles]
        may = (
            life.waits(self.now)
            and who.person != life.asker
            and life.file not in who.close_files
            and who.person not in {person for person, *_ in standing}
            and bool(mine)
            and all(is_inside(path, life.opens) for path in fields)
            and (duration is None or 0 < duration <= life.lasts)
        )
        was = transitions.as_agreed(life.out, self.stands)
        waited = transitions.waits_for(was, who, REVIEWERS, self.now)
        assert not may or life.glass or waited
        try:
            out = transitions.approve(was, who, self.now, fields=fields, duration=duration)
        except LendingRefused:
            assert not may
            return
        assert may and waited and out.version == life.out.version + 1
        life.agreed = [*standing, (who.person, mine[0], who.name, self.now)]
        life.narrowed.append((fields or life.opens, duration or life.lasts))
        life.out = out

    @precondition(lambda self: any(life.waits(self.now) for life in self.lives))
    @rule(data=st.data(), by=st.sampled_from([0, 1, 5]))
    def approve_in_a_role_that_waits(self, data: st.DataObject, by: int) -> None:
        """By whoever has the role, were it the requester or one who has agreed already."""
        self.now += by
        waiting = [life for life in self.lives if life.waits(self.now)]
        if not waiting:
            return
        life = data.draw(st.sampled_from(waiting))
        standing = [one for one in life.agreed if one[2] not in self.gone]
        roles = {r for r in life.needs if r not in {role for _, role, *_ in standing}}
        who = data.draw(st.sampled_from([a for a in ACCOUNTS if not a.roles.isdisjoint(roles)]))
        self._approve(life, who, (), None)

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), who=_who, how=st.sampled_from(["deny", "return", "revoke", "use"]))
    def end(self, data: st.DataObject, who: Party, how: str) -> None:
        life = data.draw(st.sampled_from(self.lives))
        waits, lent = life.waits(self.now), life.lent(self.now)
        stranger = who.person != life.asker
        close = life.file in who.close_files
        has_role = not who.roles.isdisjoint(life.needs)
        may, step = {
            "deny": (waits and stranger and not close and has_role, transitions.deny),
            "return": (not stranger and (waits or lent), transitions.give_back),
            "revoke": (lent, transitions.revoke),
            "use": (life.one_time and lent, lambda out, _who, now: transitions.use(out, now)),
        }[how]
        try:
            out = step(life.out, who, self.now)
        except LendingRefused:
            assert not may
            return
        assert may and out.version == life.out.version + 1
        life.out, life.over = out, True

    @precondition(lambda self: self.lives)
    @rule(data=st.data(), who=_who, good=st.booleans())
    def review(self, data: st.DataObject, who: Party, good: bool) -> None:
        life = data.draw(st.sampled_from(self.lives))
        may = (
            life.glass
            and not life.reviewed
            and who.person != life.asker
            and life.file not in who.close_files
            and not who.roles.isdisjoint(REVIEWERS)
        )
        verdict = Verdict.JUSTIFIED if good else Verdict.UNJUSTIFIED
        try:
            out = transitions.review(life.out, who, verdict, REVIEWERS, self.now)
        except LendingRefused:
            assert not may
            return
        assert may
        life.out, life.reviewed = out, True
        life.over = life.over or (not good and life.lent(self.now))

    @precondition(lambda self: self.lives)
    @rule(duration=_durations, data=st.data(), who=_who)
    def renew(self, data: st.DataObject, who: Party, duration: int) -> None:
        life = data.draw(st.sampled_from(self.lives))
        try:
            wish = transitions.renewal(life.out, who, duration, has_case_reference=False)
        except LendingRefused:
            return
        assert who.person == life.asker and life.complete and not life.glass
        assert wish.fields == life.opens and wish.customer == life.file

    @rule(by=st.sampled_from([1, 5, 19, 20, 49, 50, 99]))
    def time_passes(self, by: int) -> None:
        self.now += by

    @invariant()
    def what_opens_is_what_the_model_lends(self) -> None:
        for life in getattr(self, "lives", ()):
            state = life.out.state_at(self.now)
            assert (state is State.ACTIVE) is life.lent(self.now), (life, self.now)
            assert (state is State.REQUESTED) is life.waits(self.now), (life, self.now)

    @invariant()
    def what_is_lent_has_an_end_and_everybody_it_needs(self) -> None:
        for life in getattr(self, "lives", ()):
            out = life.out
            if out.state_at(self.now) is not State.ACTIVE:
                continue
            agreed = {approval.role: approval.person for approval in out.approvals}
            assert set(agreed) == set(out.needed_roles) == set(life.needs)
            assert len(set(agreed.values())) == len(life.needs)
            assert life.asker not in agreed.values()
            close = {a.person for a in ACCOUNTS if life.file in a.close_files}
            assert close.isdisjoint({*agreed.values(), life.asker})
            assert out.starts_at == life.began <= self.now
            assert self.now < out.ends_at <= out.starts_at + life.longest
            assert out.fields == life.opens
            assert all(is_inside(path, life.asked) for path in out.fields)
            assert replace(out, approvals=()).requester_person == life.asker


Register.TestCase.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)
TestRegister = Register.TestCase
