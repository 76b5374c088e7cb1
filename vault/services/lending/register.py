"""The register as its use cases share it: who sees what, and how a version follows another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from vault.access import GrantMismatch, Principal
from vault.access.lending import CheckOut, LendingClasses, LendingRefused, Party, State
from vault.access.lending.transitions import as_agreed
from vault.access.roll import Kin, alone
from vault.kms import KmsUnavailable
from vault.records import ScopeRef
from vault.sealing import (
    Clock,
    FullFileKey,
    ScopeShredded,
    SealBroken,
    UnknownSuite,
    open_full,
)
from vault.services.call import Call, Trace
from vault.services.check_out_marks import genuine, marked
from vault.services.check_out_rows import (
    Words,
    decode_words,
    etag_of,
    from_row,
    place,
    scope_of,
    to_row,
)
from vault.services.closed import CheckOutNotFound
from vault.services.errors import Aborted, Corrupted, NotFound
from vault.services.keys import Keys
from vault.services.lending.bounds import Bounds, BoundsOf
from vault.services.lending.refused import refusal
from vault.services.logged import logged
from vault.services.reach import FullReach
from vault.services.recording import Recorder
from vault.services.sensitive_files import SensitiveFiles
from vault.store import Database, VersionConflict, check_outs
from vault.store.check_outs import CheckOutRow

# From a version to the next one, at a time in microseconds; raises LendingRefused.
Change = Callable[[CheckOut, Party, int], CheckOut]

# The principal of that name in that institution, as the directory has him now.
Known = Callable[[str, str], Principal | None]

# Somebody else was first that often within one call: he is told to try again.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """A check-out as somebody may see it now. ``words`` are None where he may not see them, or
    where they were destroyed with the customer's file."""

    out: CheckOut
    state: State
    etag: str
    words: Words | None = field(default=None, repr=False)

    @property
    def subject(self) -> str:
        """Resource name of the customer or record, or of the institution."""
        return self.out.subject


class Register:
    """What the use cases stand on. ``rules`` are the classes in force, ``known`` looks up the
    givers of approvals, ``kin`` whose files are of one customer."""

    def __init__(
        self,
        database: Database,
        keys: Keys,
        recorder: Recorder,
        clock: Clock,
        rules: LendingClasses,
        known: Known,
        kin: Kin = alone,
    ) -> None:
        self.database = database
        self.keys = keys
        self.recorder = recorder
        self.clock = clock
        self.rules = rules
        self.known = known
        reach = FullReach(database, keys, clock)
        self.sensitive = SensitiveFiles(database, reach, rules, kin)
        self._bounds = BoundsOf(reach, known)

    # -- who -----------------------------------------------------------------------------------

    async def bounds(self, call: Call, rows: Sequence[CheckOutRow]) -> Bounds:
        """What of these entries lies beyond somebody's reach."""
        return await self._bounds.of(call, [from_row(row) for row in rows])

    def sees(self, call: Call, out: CheckOut, bounds: Bounds) -> bool:
        """Whether an entry of the register is there for who calls."""
        person = person_of(call)
        if out.institution != person.institution:
            return False
        if out.requester_person == person.person:
            return True
        if out.customer in bounds.outside:
            return False
        seeing = frozenset(out.seen_by) if out.confidential else self.rules.viewers
        # That somebody asks for his own file, or a relative's, is not for him to learn.
        return out.customer not in call.close_files and not person.roles.isdisjoint(
            seeing.union(out.needed_roles)
        )

    def counts(self, call: Call, row: CheckOutRow, bounds: Bounds) -> bool:
        """Whether a page may end at an entry: at one that is there for who calls, or of which he
        may know that it is."""
        out = from_row(row)
        hidden = self.secret(call, row) or out.customer in bounds.outside
        return not hidden or self.sees(call, out, bounds)

    def secret(self, call: Call, row: CheckOutRow) -> bool:
        """Whether he may not know even that there is an entry, unless it is there for him."""
        out = from_row(row)
        return out.confidential or out.customer in call.close_files

    def sees_others(self, call: Call) -> bool:
        """Whether there may be other people's entries that who calls sees."""
        return not person_of(call).roles.isdisjoint(self.rules.viewers | self.rules.initiates)

    def reads_words(self, call: Call, out: CheckOut) -> bool:
        """Whether who calls may see why: he asks himself, or may decide on it."""
        person = person_of(call)
        deciders = frozenset(out.needed_roles)
        if out.break_glass:
            deciders = self.rules.break_glass.reviewers
        elif not out.confidential:
            deciders |= self.rules.deciders
        return out.requester_person == person.person or not person.roles.isdisjoint(deciders)

    def current(self, row: CheckOutRow, bounds: Bounds) -> CheckOut:
        """An entry as it stands: an approval counts only while its giver could still give it."""
        out = from_row(row)

        def stands(giver: Party) -> bool:
            who = self.known(out.institution, giver.name)
            return (
                who is not None
                and who.person == giver.person
                and giver.roles <= who.roles
                and out.customer not in who.close_files
                and (out.customer, giver.name) not in bounds.beyond
            )

        return as_agreed(out, stands)

    # -- looking -------------------------------------------------------------------------------

    async def find(self, call: Call, institution: str, identifier: str) -> CheckOutRow:
        """The current version, if it is there for who calls; his call is about it then.

        Raises NotFound for what he may not see as for what is not there.
        """
        row = await self.database.read(
            lambda conn: check_outs.current(conn, institution, identifier)
        )
        name = f"institutions/{institution}/checkOuts/{identifier}"
        if row is None:
            raise NotFound(name)
        out = from_row(row)
        # The log may say whose file it is, whoever tries it.
        call.check_out = identifier
        call.touched(customer=out.customer)
        if not self.sees(call, out, await self.bounds(call, [row])):
            raise CheckOutNotFound(name, "name")
        return row

    async def shown(self, call: Call, row: CheckOutRow) -> Shown:
        """An entry as who calls may see it."""
        return (await self.all_shown(call, [row]))[0]

    def bare(self, row: CheckOutRow, bounds: Bounds) -> Shown:
        """An entry as it stands now, without its words."""
        out = self.current(row, bounds)
        return Shown(out, out.state_at(self.clock.now_micros()), etag_of(row))

    async def all_shown(self, call: Call, rows: Sequence[CheckOutRow]) -> list[Shown]:
        """Entries as who calls may see them."""
        bounds = await self.bounds(call, rows)
        outs = [self.current(row, bounds) for row in rows]
        open_ = [self.reads_words(call, out) for out in outs]
        keys = await self._keys(
            scope_of(out.institution, out.customer)
            for out, is_open in zip(outs, open_, strict=True)
            if is_open
        )
        now = self.clock.now_micros()
        return [
            Shown(
                out,
                out.state_at(now),
                etag_of(row),
                _words(row, out, keys) if is_open else None,
            )
            for row, out, is_open in zip(rows, outs, open_, strict=True)
        ]

    async def words(self, row: CheckOutRow) -> Words | None:
        """Reason and case reference; None where they were destroyed with the file."""
        out = from_row(row)
        return _words(row, out, await self._keys([scope_of(out.institution, out.customer)]))

    async def _keys(self, scopes: Iterable[ScopeRef]) -> dict[ScopeRef, FullFileKey]:
        """The keys of those files that have not been destroyed."""
        wanted = list(dict.fromkeys(scopes))
        try:
            return await self.keys.full(wanted)
        except ScopeShredded:
            pass
        found: dict[ScopeRef, FullFileKey] = {}
        for scope in wanted:
            try:
                found |= await self.keys.full([scope])
            except ScopeShredded:
                continue
        return found

    # -- changing ------------------------------------------------------------------------------

    async def change(
        self,
        call: Call,
        institution: str,
        identifier: str,
        change: Change,
        etag: str = "",
        *,
        found: CheckOutRow | None = None,
    ) -> Shown:
        """The next version, by ``change``, of the version that stands when it is written. With an
        ``etag``, only if that is the one that was seen. ``found`` is what `find` gave the call, if
        it has looked already.

        Raises NotFound, Aborted, and what the rules refuse.
        """
        row = found or await self.find(call, institution, identifier)
        name = f"institutions/{institution}/checkOuts/{identifier}"
        who = party_of(call)
        words = await self._words_now(call, row)
        bounds = await self.bounds(call, [row])
        key = await self.keys.index(institution)

        def work(conn: Connection) -> _Made:
            current = check_outs.current(conn, institution, identifier)
            if current is None:
                raise NotFound(name)
            if etag and etag_of(current) != etag:
                raise Aborted(name)
            now = self.clock.now_micros()
            genuine(current, key)
            made = change(self.current(current, bounds), who, now)
            new = marked(to_row(made, current.sealed, now, call.actor), key)
            check_outs.insert(conn, new)
            return _Made(new, _fallen(from_row(current), made))

        for _ in range(_ATTEMPTS):
            try:
                made = await self.recorder.commit(call, work, lambda made: made.trace(words))
                break
            except LendingRefused as refused:
                raise refusal(refused) from None
            except VersionConflict:
                # Another process was first: what stands now is looked at, if it need not be what
                # the caller has seen.
                if etag:
                    raise Aborted(name) from None
        else:
            raise Aborted(name)
        out = from_row(made.row)
        return Shown(out, out.state_at(self.clock.now_micros()), etag_of(made.row), words)

    async def _words_now(self, call: Call, row: CheckOutRow) -> Words | None:
        """The words for the answer to a change, which is not given up for want of a key."""
        if not self.reads_words(call, from_row(row)):
            return None
        try:
            return await self.words(row)
        except KmsUnavailable:
            return None


def person_of(call: Call) -> Principal:
    """The person who calls. Policy refuses a call without one before it comes here."""
    if call.person is None:
        raise GrantMismatch("nobody lends or borrows but a person")
    return call.person


def party_of(call: Call) -> Party:
    """The person who calls, as the rules see him."""
    person = person_of(call)
    return Party(person.name, person.person, person.roles, call.close_files)


def revealed(words: Iterable[Words | None]) -> tuple[str, ...]:
    """What of the sealed words an answer shows, for the event."""
    known = [one for one in words if one is not None]
    out = ["check_out.reason"] if any(one.reason for one in known) else []
    if any(one.case_reference for one in known):
        out.append("check_out.case_reference")
    return tuple(out)


def trace_of(row: CheckOutRow, words: Words | None) -> Trace:
    """What the event says of a version that was written, and of the words in the answer."""
    return Trace(
        row.institution,
        row.customer,
        f"institutions/{row.institution}/checkOuts/{row.check_out}",
        fields=revealed([words]),
        rows=(logged(row),),
        count=1,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A version that was written; ``fallen`` are the givers of approvals that are not in it."""

    row: CheckOutRow
    fallen: tuple[str, ...]

    def trace(self, words: Words | None) -> Trace:
        """What the event says of it: also whose approval fell away."""
        trace = trace_of(self.row, words)
        if not self.fallen:
            return trace
        whose = tuple(f"principals/{name}" for name in self.fallen)
        return replace(trace, resources=whose, notice="APPROVAL_FELL_AWAY")


def _fallen(was: CheckOut, made: CheckOut) -> tuple[str, ...]:
    return tuple(one.approver for one in was.approvals if one not in made.approvals)


def _words(row: CheckOutRow, out: CheckOut, keys: dict[ScopeRef, FullFileKey]) -> Words | None:
    key = keys.get(scope_of(out.institution, out.customer))
    if key is None:
        return None
    where = place(out.institution, out.customer, out.identifier)
    try:
        return decode_words(open_full(key, row.sealed, where))
    except (SealBroken, UnknownSuite):
        raise Corrupted(out.name) from None
