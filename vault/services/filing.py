"""What is seen to when a customer's file is written: from when the version is true, and that no
business rule is broken anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from vault.records import Customer
from vault.records.timeline import dated
from vault.rules.business import Broken, BusinessRule, Effect, broken, concerns, read_business
from vault.rules.completeness import ElementBook
from vault.rules.element_files import read_elements
from vault.services.errors import VaultError


class ElementsMissing(VaultError):
    """A business rule asks for elements that the file does not have."""

    code = "FAILED_PRECONDITION"
    reason = "ELEMENTS_MISSING"

    def __init__(self, rule: Broken) -> None:
        elements = ", ".join(rule.elements)
        super().__init__(
            f"The rule {rule.rule} refuses this file: it needs {elements}, missing or not as the "
            "rule asks. Complete the file, or leave out what the rule is about.",
            f"规则 {rule.rule} 拒绝该档案：缺少或不符合要求的要素为 {elements}。"
            "请补全档案，或去除该规则所涉内容。",
            rule=rule.rule,
            elements=",".join(rule.elements),
        )


class Filing:
    """Looks at files that are about to be written."""

    def __init__(
        self, elements: ElementBook, business: Iterable[BusinessRule], where: frozenset[str]
    ) -> None:
        """`where`: the institution's jurisdictions."""
        self._elements = elements
        self._rules = tuple(rule for rule in business if rule.effect is Effect.REFUSE)
        self._where = where

    @classmethod
    def default(cls) -> Filing:
        """By the rules that the vault comes with."""
        return cls(read_elements(), read_business(), frozenset({"CN"}))

    def first(self, new: Customer, today: date) -> Customer:
        """The first version of a file as it is stored. Raises ElementsMissing."""
        for one in self._broken(new, today):
            raise ElementsMissing(one)
        return new

    def following(self, new: Customer, old: Customer, today: date, old_recorded: date) -> Customer:
        """A further version. What the version before broke already is no reason to refuse this one:
        a file that was stored under other rules can still be changed, and ended. Raises
        ElementsMissing."""
        found = self._broken(new, today)
        if found:
            before = {one.rule: set(one.elements) for one in self._broken(old, today)}
            for one in found:
                if not set(one.elements) <= before.get(one.rule, set()):
                    raise ElementsMissing(one)
        return dated(new, old, old_recorded)

    def broken(self, customer: Customer, today: date) -> tuple[Broken, ...]:
        """The rules that would refuse this file: of one that is taken as it is."""
        return self._broken(customer, today)

    def _broken(self, customer: Customer, today: date) -> tuple[Broken, ...]:
        # Of most files nothing has to be looked at but what a rule is about.
        rules = [rule for rule in self._rules if concerns(rule, customer)]
        if not rules:
            return ()
        only: frozenset[str] | None = None
        if all(rule.elements for rule in rules):
            only = frozenset().union(*(rule.elements for rule in rules))
        found = self._elements.evaluate(customer, self._where, today, only)
        return broken(rules, customer, found)
