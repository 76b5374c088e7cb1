"""What stands sealed in the rows of holds, and back."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from vault.sealing import FullFileKey, SealBroken, UnknownSuite, open_full, seal_full
from vault.services.compartments.rows import context_of, resource_name
from vault.services.errors import Corrupted
from vault.store.holds import HoldRow


class HoldState(StrEnum):
    """What somebody has done about a hold."""

    STANDING = "STANDING"
    RELEASE_PROPOSED = "RELEASE_PROPOSED"
    """Still stands: somebody else has to agree."""
    RELEASED = "RELEASED"

    __hash__ = str.__hash__


class HoldBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of a hold. Append only; format version 1.

    `customer` is the identifier; `account` narrows it in words, `first_on` and `last_on` (days as
    `date.toordinal`, 0: open) to bookings of a period, `records` to transactions, whose `scopes`
    are then held. `proposer` and `proposer_person` are who proposed its release.
    """

    customer: str
    authority: str
    reference: str = ""
    account: str = ""
    first_on: int = 0
    last_on: int = 0
    records: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    state: HoldState = HoldState.STANDING
    reason: str = ""
    proposer: str = ""
    proposer_person: str = ""
    released_by: str = ""
    placed_by: str = ""
    placed_at: int = 0
    v: int = 1

    @property
    def stands(self) -> bool:
        """Whether it stops disposal."""
        return self.state is not HoldState.RELEASED

    def keeps(self, scope: str, first_on: int, last_on: int) -> bool:
        """Whether it stops disposal of a scope of its customer, with bookings on these days. It is
        as fine as what is destroyed together: of an account, all bookings of its time are held, and
        whose they are stays known as long as anything is held."""
        if not self.stands:
            return False
        if scope == "identity":
            return True
        if self.scopes and scope not in self.scopes:
            return False
        begins_later = self.first_on > 0 and last_on > 0 and last_on < self.first_on
        ended_before = self.last_on > 0 and first_on > self.last_on
        return not (begins_later or ended_before)


_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(HoldBody)


def hold_row(
    key: FullFileKey,
    institution: str,
    compartment: str,
    hold: str,
    version: int,
    body: HoldBody,
    now: int,
    actor: str,
) -> HoldRow:
    """The row of a version that `actor` makes at `now` (microseconds)."""
    context = context_of(institution, compartment, f"holds/{hold}", version)
    sealed = seal_full(key, _encoder.encode(body), context)
    return HoldRow(institution, compartment, hold, version, now, actor, sealed)


def open_hold(key: FullFileKey, row: HoldRow) -> HoldBody:
    """Raises Corrupted for anything that was not sealed for just this one."""
    below = f"holds/{row.hold}"
    context = context_of(row.institution, row.compartment, below, row.version)
    try:
        return _decoder.decode(open_full(key, row.sealed, context))
    except (SealBroken, UnknownSuite, msgspec.MsgspecError, UnicodeDecodeError):
        pass
    # Out here, since the decoder's own message can quote what it read.
    raise Corrupted(resource_name(row.institution, row.compartment, below))
