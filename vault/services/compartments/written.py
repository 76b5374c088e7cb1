"""What the use cases of compartments show and write alike."""

from __future__ import annotations

from dataclasses import dataclass

from vault.access.compartments import Place
from vault.audit import RowHash
from vault.sealing import FullFileKey
from vault.services import sealer
from vault.services.call import Call
from vault.services.compartments.rows import CaseBody, open_case, seal
from vault.services.errors import Corrupted
from vault.services.logged import logged
from vault.store.compartments import CompartmentRow, ItemRow, MemberRow
from vault.store.holds import HoldRow


@dataclass(frozen=True, slots=True)
class ShownPlace:
    """A person's place as it is shown; the time in microseconds."""

    place: Place
    etag: str
    updated_at: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A compartment as a member sees it; times in microseconds."""

    compartment: str
    body: CaseBody
    updated_at: int
    members: tuple[ShownPlace, ...] = ()


def shown_place(row: MemberRow, place: Place) -> ShownPlace:
    """A place with the tag of its state."""
    return ShownPlace(place, sealer.etag_of(row.sealed), row.recorded_at)


def shown_case(key: FullFileKey, row: CompartmentRow | None, name: str) -> Shown:
    """A compartment. Raises Corrupted where there is none: its member's place was found."""
    if row is None:
        raise Corrupted(name)
    return Shown(row.compartment, open_case(key, row), row.recorded_at)


def case_row(
    key: FullFileKey,
    institution: str,
    compartment: str,
    version: int,
    body: CaseBody,
    now: int,
    call: Call,
) -> CompartmentRow:
    """The row of a version of a compartment."""
    sealed = seal(key, body, institution, compartment, version=version)
    return CompartmentRow(institution, compartment, version, now, call.actor, sealed)


def next_version(
    key: FullFileKey, row: CompartmentRow | None, name: str, now: int, call: Call
) -> CompartmentRow:
    """The same compartment as its next version. Raises Corrupted where it is gone.

    Whatever must not happen twice at once writes it: of two such transactions one finds it there.
    """
    if row is None:
        raise Corrupted(name)
    body = open_case(key, row)
    return case_row(key, row.institution, row.compartment, row.version + 1, body, now, call)


def row_hashes(*rows: CompartmentRow | MemberRow | ItemRow | HoldRow) -> tuple[RowHash, ...]:
    """The rows of a write, as its event tells of them: named relative to the institution."""
    return tuple(map(logged, rows))
