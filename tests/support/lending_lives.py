"""A bank's lending register lived through on a whole tier, with the model of need_to_know.py beside
it: the order of things, so that random steps come to something and touch each other.
"""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from tests.support.bank_staff import ANYHOW, LIKELY, NEAR, ODD, Staff, Step
from tests.support.customer_files import CAREFUL, START, Files
from tests.support.lending_facts import BRANCHES, DAY, MINUTE, REGULATOR, Life
from tests.support.need_to_know import Model
from tests.support.register_steps import RegisterSteps
from tests.support.trying import Trying
from tests.support.whole_tier import HandClock, WholeTier


class Lives:
    """The vault and the model, side by side, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._clock = HandClock(START)
        self._tier = WholeTier(folder, self._clock)
        self.trying = Trying(self._tier)
        self._staff = Staff()
        self._model = Model(START, self._staff.accounts, [BRANCHES[0]] * 2, {CAREFUL})
        self._files = Files(folder, self.trying, self._staff, self._model)
        names, model = self._files.names, self._model
        self._register = RegisterSteps(self.trying, self._staff, model, names)
        register = self._register
        self._on_one: dict[str, Callable[[Step, Life], Awaitable[None]]] = {
            "approve": register.approve,
            "approve_unseen": register.approve_unseen,
            "deny": register.deny,
            "read": self._files.read,
            "return": register.give_back,
            "revoke": register.revoke,
            "renew": register.renew,
            "review": register.review,
            "look": register.look,
        }
        # With which check-outs a step may come to something.
        self._fits: dict[str, Callable[[Life], bool]] = {
            "approve": model.waits,
            "approve_unseen": model.waits,
            "deny": model.waits,
            "read": model.lent,
            "return": lambda one: model.lent(one) or model.waits(one),
            "revoke": model.lent,
            "renew": lambda one: one.began is not None and not one.glass,
            "review": lambda one: one.glass and not one.reviewed,
            "look": lambda _: True,
        }

    async def live(self, steps: Iterable[Step]) -> None:
        """Raises AssertionError where the vault does what the model does not allow, or refuses what
        it does."""
        await self._start()
        try:
            for step in steps:
                await self._take(step)
        finally:
            await self._tier.stop()

    async def _start(self) -> None:
        await self._tier.start()
        self._tier.take(self._staff.entries(self._files.names))

    async def _take(self, step: Step) -> None:
        register = self._register
        on_all: dict[str, Callable[[Step], Awaitable[None]]] = {
            "ask": register.ask,
            "lend": self._lend,
            "glass": register.glass,
            "update": self._files.update,
            "read by role": lambda one: self._files.read(one, None),
            "move": self._go_on,
            "sleep": self._sleep,
            "restart": self._restart,
        }
        if step.what in on_all:
            await on_all[step.what](step)
        elif step.what in Staff.CHANGES:
            await self._change(step)
        else:
            life = await self._which(step)
            if life is not None:
                await self._on_one[step.what](step, life)

    async def _which(self, step: Step) -> Life | None:
        """Which check-out it is about: mostly, one with which it may come to something. There is
        one then, if there was none; it is one of its own where what comes of it hangs on what
        became of it before."""
        lives, fits = self._model.lives, self._fits[step.what]
        aim = (step.what, step.aimed)
        if aim == ("read", ODD):
            among = await self._ended_one(step)
        elif aim == ("approve", ODD) and step.which % 2:
            among = await self._new(step, short_of=1)
            if among:
                self._move(among[0].terms.within)
        elif aim == ("approve", NEAR):
            among = await self._new(step._replace(purpose=REGULATOR), short_of=1)
        else:
            among = [one for one in lives if step.aimed == ANYHOW or fits(one)]
            if not among:
                await (self._register.glass if step.what == "review" else self._lend)(step)
                among = [one for one in lives if fits(one)]
        among = among or lives
        return among[step.which % len(among)] if among else None

    async def _new(self, step: Step, short_of: int) -> list[Life]:
        before = len(self._model.lives)
        await self._lend(step, short_of)
        return self._model.lives[before:]

    async def _ended_one(self, step: Step) -> list[Life]:
        """One that was lent, and mostly given back, taken back or used."""
        made = await self._new(step, short_of=0)
        for life in made:
            how = ("return", "revoke", "read", "")[step.who % 4]
            if how:
                await self._on_one[how](step._replace(what=how, aimed=LIKELY), life)
        return made

    async def _go_on(self, step: Step) -> None:
        """Some time goes by."""
        self._move(max(1, step.minutes if step.flag else min(step.minutes, 10)) * MINUTE)

    async def _restart(self, _: Step) -> None:
        await self._tier.stop()
        await self._start()

    def _move(self, micros: int) -> None:
        self._model.now = self._clock.micros = self._model.now + micros

    async def _sleep(self, step: Step) -> None:
        """A day goes by; mostly, between one file opened in an emergency and another."""
        if step.aimed != ANYHOW:
            await self._register.glass(step)
        self._move(DAY)
        if step.aimed != ANYHOW:
            await self._register.glass(step._replace(aimed=ODD))

    async def _change(self, step: Step) -> None:
        """Somebody is not who he was. Mostly, one who has agreed to what waits for another; and
        then he tries to see it, and somebody else does."""
        if step.sane:
            await self._lend(step._replace(purpose=REGULATOR), short_of=1)
        who = self._staff.change(step, self._model)
        self._tier.take(self._staff.entries(self._files.names))
        if step.sane and self._model.lives:
            await self._register.look(step, self._model.lives[-1], by=who)
            await self._register.look(step, self._model.lives[-1])

    async def _lend(self, step: Step, short_of: int | None = None) -> None:
        """All that it takes to read, or ``short_of`` so many agreements, as it mostly goes."""
        lives, likely = self._model.lives, step._replace(aimed=LIKELY)
        before = len(lives)
        await self._register.ask(likely._replace(what="ask"))
        if len(lives) > before:
            needed = len(self._model.missing(lives[-1]))
            less = (0, 0, 1, needed)[step.which % 4] if short_of is None else short_of
            for _ in range(needed - less):
                self._move(MINUTE)
                await self._register.approve(likely._replace(what="approve", minutes=60), lives[-1])
