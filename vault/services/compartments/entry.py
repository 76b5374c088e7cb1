"""Who may know of a compartment: its members, and for one proposal the person who is to agree."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from vault.access import ActionClass, Principal
from vault.access.compartments import By, CompartmentRefused, Place
from vault.sealing import Clock, FullFileKey
from vault.services.call import Call
from vault.services.compartments.rows import open_place, resource_name, scope_of
from vault.services.errors import NotFound, VaultError
from vault.services.keys import Keys
from vault.services.recording import Recorder
from vault.services.replays import Replays
from vault.store import Database, compartments
from vault.store.compartments import MemberRow


class ChangeRefused(VaultError):
    """A change of a compartment that its own rules do not allow. Told to those alone who may know
    of it."""

    code = "FAILED_PRECONDITION"

    def __init__(self, refused: CompartmentRefused) -> None:
        super().__init__(refused.en, refused.zh, reason=refused.why.value)


class HoldRefused(VaultError):
    """A step of a hold that its rules do not allow. Told to members alone."""

    code = "FAILED_PRECONDITION"
    reason = "HOLD_REFUSED"

    def __init__(self, why_en: str, why_zh: str) -> None:
        super().__init__(f"{why_en}.", f"{why_zh}。")


@dataclass(frozen=True, slots=True)
class Ground:
    """What the use cases stand on."""

    database: Database
    keys: Keys
    recorder: Recorder
    replays: Replays
    clock: Clock


@dataclass(frozen=True, slots=True)
class Entered:
    """A compartment that the caller is in."""

    institution: str
    compartment: str
    key: FullFileKey
    place: Place

    @property
    def name(self) -> str:
        """Its resource name."""
        return resource_name(self.institution, self.compartment)


def person_of(call: Call, institution: str, needed: ActionClass) -> Principal:
    """The person who calls. Policy lets nobody else in. Raises GrantMismatch, NotFound."""
    call.require(needed, institution)
    if call.person is None or call.person.institution != institution:
        raise NotFound("The person")
    return call.person


def by(call: Call, person: Principal) -> By:
    """Who does it, for a proposal."""
    return By(person.name, person.person)


async def enter(
    ground: Ground, call: Call, institution: str, compartment: str, name: str
) -> Entered:
    """The compartment, for a member. Raises NotFound(name) to everybody else: one look for the
    caller's own place, which finds nothing in either case, is all that is done."""
    person = person_of(call, institution, ActionClass.COMPARTMENT)
    row = await ground.database.read(
        lambda conn: compartments.member(conn, institution, compartment, person.person)
    )
    if row is None:
        raise NotFound(name)
    key = await key_of(ground, institution, compartment)
    place = open_place(key, row)
    if not place.is_member:
        raise NotFound(name)
    return Entered(institution, compartment, key, place)


def still(conn: Connection, entered: Entered, name: str) -> None:
    """Inside the transaction: the caller is a member yet. Raises NotFound."""
    row = compartments.member(conn, entered.institution, entered.compartment, entered.place.person)
    if row is None or not open_place(entered.key, row).is_member:
        raise NotFound(name)


async def key_of(ground: Ground, institution: str, compartment: str) -> FullFileKey:
    """The key of a compartment that there is. Raises ScopeShredded."""
    scope = scope_of(institution, compartment)
    return (await ground.keys.full([scope]))[scope]


def everybody(key: FullFileKey, rows: list[MemberRow]) -> dict[str, Place]:
    """Everybody's place, by person."""
    return {row.person: open_place(key, row) for row in rows}
