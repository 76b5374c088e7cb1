"""The table of what each role may open for each purpose. Data; what no row opens stays closed.

    [[grant]]
    roles = ["teller", "crm_viewer"]     # who has one of these
    purposes = ["CUSTOMER_SERVICE"]      # and reads for one of these
    lent = true                          # with a check-out only; false if left out
    fields = ["customer.natural_person.full_name", "customer.phones"]

    [[grant]]
    roles = ["compliance"]
    purposes = ["REGULATOR_REQUEST"]
    all = true                           # instead of `fields`
    handed_over = true                   # only to hand files to another vault; false if left out

Whoever has several roles may open what one of the rows that are his opens. Whether he may open a
record at all is the policies' to say; both must agree.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, reduce
from pathlib import Path
from typing import Annotated, Final

import msgspec

from vault.access.fields.opening import ALL, NOTHING, Opening
from vault.access.purposes import Purpose

DEFAULT_FIELDS: Final = Path(__file__).parent / "default.toml"
_CACHE_SIZE: Final = 4_096
_PATH: Final = re.compile(r"(customer|identity_document|transaction)(\.[a-z][a-z0-9_]*){0,6}")


class FieldsInvalid(Exception):
    """The table cannot be used; says which row and how to mend it."""


@dataclass(frozen=True, slots=True)
class _Grant:
    roles: frozenset[str]
    purposes: frozenset[str]
    lent: bool
    handed_over: bool
    opening: Opening


class FieldTable:
    """All rows. Thread-safe."""

    def __init__(self, grants: Iterable[_Grant]) -> None:
        """Use `read_fields`."""
        self.grants = tuple(grants)
        self._cached = lru_cache(_CACHE_SIZE)(self._open)

    def opened(
        self,
        roles: frozenset[str],
        purpose: str,
        *,
        bearer: frozenset[str] | None = None,
        lent: tuple[str, ...] | None = None,
        handing_over: bool = False,
    ) -> Opening:
        """What somebody with these roles opens for this purpose: no more than the roles of the
        `bearer` of a token that he carries, and than the fields that a check-out has `lent`. Rows
        of what is handed over count where it is, or a check-out for it is asked for
        (`handing_over`), and never where records are read."""
        return self._cached(roles, purpose, bearer, lent, handing_over)

    @property
    def paths(self) -> frozenset[str]:
        """Every path that some row names."""
        return frozenset(path for grant in self.grants for path in grant.opening.paths)

    def _open(
        self,
        roles: frozenset[str],
        purpose: str,
        bearer: frozenset[str] | None,
        lent: tuple[str, ...] | None,
        handing_over: bool,
    ) -> Opening:
        found = self._of(roles, purpose, lent is not None, handing_over)
        if bearer is not None:
            found &= self._of(bearer, purpose, lent is not None, handing_over)
        return found if lent is None else found & Opening.of(lent)

    def _of(self, roles: frozenset[str], purpose: str, lent: bool, handing_over: bool) -> Opening:
        mine = (
            grant.opening
            for grant in self.grants
            if not roles.isdisjoint(grant.roles)
            and purpose in grant.purposes
            and (lent or not grant.lent)
            and (handing_over or not grant.handed_over)
        )
        return reduce(Opening.__or__, mine, NOTHING)


_Role = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    roles: Annotated[list[_Role], msgspec.Meta(min_length=1)]
    purposes: Annotated[list[str], msgspec.Meta(min_length=1)]
    lent: bool = False
    handed_over: bool = False
    all: bool = False
    fields: list[str] = []


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    grants: list[_Row] = msgspec.field(name="grant")


def read_fields(path: Path = DEFAULT_FIELDS) -> FieldTable:
    """The table of a file. Raises FieldsInvalid.

    A path of a kind of record or a field that the contract does not have is found by
    `vault.rpc.opened.require_known`.
    """
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise FieldsInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise FieldsInvalid(f"{path.name}: {error}") from None
    if not file.grants:
        raise FieldsInvalid(f"{path.name}: without a grant nothing can be opened; write one")
    return FieldTable(
        _grant(f"{path.name}: grant {number}", row) for number, row in enumerate(file.grants, 1)
    )


def _grant(where: str, row: _Row) -> _Grant:
    unknown = [p for p in row.purposes if not p or p not in set(Purpose)]
    if unknown:
        raise FieldsInvalid(f"{where}: no purpose is called {', '.join(unknown)}")
    if row.all == bool(row.fields):
        raise FieldsInvalid(f"{where}: write either all = true or fields = [...]")
    for path in row.fields:
        if not _PATH.fullmatch(path):
            raise FieldsInvalid(
                f'{where}: "{path}" is no path; write for example customer.natural_person.full_name'
            )
    for name, values in (
        ("roles", row.roles),
        ("purposes", row.purposes),
        ("fields", row.fields),
    ):
        if len(set(values)) != len(values):
            raise FieldsInvalid(f"{where}: {name} names something twice")
    opening = ALL if row.all else Opening.of(row.fields)
    return _Grant(frozenset(row.roles), frozenset(row.purposes), row.lent, row.handed_over, opening)
