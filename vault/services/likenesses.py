"""What a customer who is opened in full has in common with others, as keyed tokens.

Tokens are made only where a rule of detection asks for them of the caller: of anybody else's reads
nothing is worked out, and the index key is not used. They are of this caller's eyes alone
(vault/sealing/blind.py), so that they tell nothing when they are put beside a search index or
beside what others have opened.
"""

from __future__ import annotations

from vault.access.detection import By
from vault.records import Customer, Likeness, customer_commons
from vault.services.call import Call
from vault.services.callers import caller_of
from vault.services.errors import NotFound, Shredded
from vault.services.keys import Keys
from vault.services.reading import Reading
from vault.services.watching import Watch

_BY = {Likeness.SURNAME: By.SURNAME, Likeness.STREET: By.STREET}


class Likenesses:
    """Works them out for the watch."""

    def __init__(self, reading: Reading, keys: Keys, watch: Watch) -> None:
        self._reading = reading
        self._keys = keys
        self._watch = watch

    async def note(self, call: Call, customer: str, record: Customer | None = None) -> None:
        """Note in the call what a customer has in common with others, whose file, or something
        below it, was opened in full. `record` is his, if it is at hand.

        Raises StoreUnavailable, KmsUnavailable, Corrupted from below.
        """
        institution = call.trace.institution
        asked = self._watch.asked_of(call, institution) if customer else None
        if not asked:
            return
        home = call.person.home_branch if call.person is not None else ""
        if not home and asked == {By.OTHER_BRANCH}:
            return
        if record is None:
            try:
                record = (await self._reading.customer(call, institution, customer)).value
            except (NotFound, Shredded):
                return
        found: list[tuple[By, str]] = []
        commons = [(kind, text) for kind, text in customer_commons(record) if _BY[kind] in asked]
        if commons:
            index = await self._keys.index(institution)
            eyes = caller_of(call, institution).who
            found = [(_BY[kind], index.common(kind, text, eyes).hex()) for kind, text in commons]
        if By.OTHER_BRANCH in asked and home and record.branch and record.branch != home:
            found.append((By.OTHER_BRANCH, ""))
        call.alike = tuple(sorted(found))
