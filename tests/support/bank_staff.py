"""The staff of a bank in tests, and what becomes of them: renamed, deprived of roles, gone and back
again, with another account, with a file of their own.
"""

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

from tests.support.lending_facts import BRANCHES, MINUTE, NEVER, ORDINARY, VIP, Account
from tests.support.need_to_know import Model
from tests.support.pipeline import uri

_MOST = 16
ROLES = ("teller", "custodian", "compliance", "break_glass", "security_officer", "investigator")
# How a step is aimed: so that it may well succeed; at that, by somebody who nearly may; by somebody
# who may, at something that is not quite right; or anyhow.
LIKELY, NEAR, ODD, ANYHOW = "likely", "near", "odd", "anyhow"


class Step(NamedTuple):
    """Somebody tries something. What of it means anything depends on ``what``, and on how it is
    ``aimed``."""

    what: str
    aimed: str
    who: int
    which: int
    customer: int
    purpose: str
    fields: tuple[str, ...]
    minutes: int
    flag: bool

    @property
    def sane(self) -> bool:
        """Whether all but perhaps the person is as it should be."""
        return self.aimed in (LIKELY, NEAR)


class Staff:
    """Everybody's accounts. A person may have several."""

    CHANGES: ClassVar = frozenset(
        "rename swap lose limit give hold remove bring_back second subject".split()
    )

    def __init__(self) -> None:
        """Two persons with two accounts each, and others; what an account may is its own."""
        self.accounts: list[Account] = []
        for name, person, roles in (
            ("ann", "p-ann", "teller"),
            ("ann-2", "p-ann", "custodian compliance"),
            ("bob", "p-bob", "teller custodian"),
            ("bob-2", "p-bob", "compliance"),
            ("cai", "p-cai", "custodian"),
            ("dan", "p-dan", "compliance"),
            ("eva", "p-eva", "custodian teller"),
            ("fay", "p-fay", "break_glass"),
            ("fay-2", "p-fay", "custodian"),
            ("guy", "p-guy", "security_officer"),
            ("hal", "p-hal", "investigator compliance"),
        ):
            self.accounts.append(
                Account(name, name, person, dict.fromkeys(roles.split(), NEVER), set())
            )
        self.accounts[6].own.add(0)
        self._free = ["zoe"]  # names that nobody has any more
        self._made = 0

    def pick(
        self,
        step: Step,
        may: Callable[[Account], bool],
        might: Callable[[Account], bool],
        involved: Collection[str] = (),
    ) -> Account:
        """Who tries it: of those who ``may``; of the ``involved`` persons, or others with the
        roles of those who may; or, if it is odd and nobody may, of those who ``might`` otherwise.
        """
        rightful = [one for one in self.accounts if step.sane and may(one)]
        chosen = rightful
        if step.aimed == NEAR:
            roles = {role for one in rightful for role in one.roles}
            others = [one for one in self.accounts if one not in rightful]
            chosen = [one for one in others if roles & one.roles.keys()]
            if step.flag:
                chosen = [one for one in others if one.person in involved] or chosen
        elif step.aimed == ODD:
            chosen = [one for one in self.accounts if may(one)]
            chosen = chosen or [one for one in self.accounts if might(one)]
        chosen = chosen or self.accounts
        return chosen[step.who % len(chosen)]

    def entries(self, customers: Sequence[str]) -> Iterator[dict[str, Any]]:
        """As the directory is told of those who are known."""
        for one in self.accounts:
            if one.known:
                held = {"branches": one.branches, "classes": one.classes}
                yield {
                    **{key: sorted(to) for key, to in held.items() if to is not None},
                    "name": one.name,
                    "person": one.person,
                    "uri": uri(one.slug),
                    "roles": [
                        role if end == NEVER else {"role": role, "not_after": _moment(end)}
                        for role, end in one.roles.items()
                    ],
                    "own_files": [customers[n].rpartition("/")[2] for n in sorted(one.own)],
                }

    # -- what becomes of them --------------------------------------------------------------------

    def change(self, step: Step, model: Model) -> Account:
        """Change somebody, and tell whom: mostly, of whom it matters."""
        open_ = [life for life in model.lives if model.waits(life) or model.lent(life)]
        waiting = {by.name for life in open_ if life.began is None for by in life.agreed}
        askers = {life.asker for life in open_}
        among = self.accounts
        if step.aimed != ANYHOW:
            givers = [one for one in self.accounts if one.name in waiting]
            among = givers or [one for one in self.accounts if one.person in askers] or among
        who = among[step.who % len(among)]
        getattr(self, f"_{step.what}")(step, who, model)
        return who

    def _rename(self, step: Step, who: Account, _: Model) -> None:
        """His name changes; he is who he was. Another's former name may be his."""
        if who.known:
            new = self._free.pop() if step.flag and self._free else self._fresh()
            self._free.append(who.name)
            who.name = new

    def _swap(self, step: Step, who: Account, _: Model) -> None:
        """He and somebody in the same role have each other's names from now on."""
        alike = [one for one in self.accounts if one is not who and one.roles.keys() & who.roles]
        if alike:
            other = alike[step.which % len(alike)]
            if who.known and other.known:
                who.name, other.name = other.name, who.name

    def _lose(self, step: Step, who: Account, model: Model) -> None:
        """A role is taken from him, or ended this moment."""
        role = sorted(who.roles)[step.which % len(who.roles)]
        if step.flag and len(who.roles) > 1:
            del who.roles[role]
        else:
            who.roles[role] = min(who.roles[role], model.now)

    def _limit(self, step: Step, who: Account, model: Model) -> None:
        """A role of his is to end."""
        role = sorted(who.roles)[step.which % len(who.roles)]
        who.roles[role] = model.now + max(1, step.minutes) * MINUTE

    def _give(self, step: Step, who: Account, _: Model) -> None:
        """He has a role, or has it again, without an end."""
        who.roles[ROLES[step.which % len(ROLES)]] = NEVER

    def _hold(self, step: Step, who: Account, _: Model) -> None:
        """He is held to some branches, or to some classes of files, or to none any more."""
        held: tuple[tuple[set[str] | None, set[str] | None], ...] = (
            (None, None), ({BRANCHES[0]}, None), ({BRANCHES[1]}, None), (None, {ORDINARY}),
            (set(BRANCHES), {VIP}), (set(), None),
        )  # fmt: skip
        who.branches, who.classes = held[step.which % len(held)]

    def _remove(self, _step: Step, who: Account, _: Model) -> None:
        """He is known no more."""
        if who.known and sum(one.known for one in self.accounts) > 1:
            who.known = False
            self._free.append(who.name)

    def _bring_back(self, step: Step, _who: Account, _: Model) -> None:
        """Somebody who was removed is there again, by another name if his is taken."""
        gone = [one for one in self.accounts if not one.known]
        if gone:
            who = gone[step.who % len(gone)]
            who.known = True
            if who.name in self._free:
                self._free.remove(who.name)
            else:
                who.name = self._fresh()

    def _second(self, step: Step, who: Account, _: Model) -> None:
        """He is given another account."""
        if len(self.accounts) < _MOST:
            slug = self._fresh()
            roles = {ROLES[step.which % len(ROLES)], ROLES[step.minutes % len(ROLES)]}
            self.accounts.append(
                Account(slug, slug, who.person, dict.fromkeys(sorted(roles), NEVER), set())
            )

    def _subject(self, step: Step, who: Account, _: Model) -> None:
        """It is declared that a customer's file is his own, or no more, in one of his entries."""
        who.own ^= {step.customer}

    def _fresh(self) -> str:
        self._made += 1
        return f"new-{self._made}"


def _moment(micros: int) -> str:
    return datetime.datetime.fromtimestamp(micros / 1_000_000, datetime.UTC).isoformat()
