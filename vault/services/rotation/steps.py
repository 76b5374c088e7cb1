"""What two persons agree to do with a key: which key, what, and with which figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from vault.kms import KekName
from vault.records import Branch
from vault.services.proposal_content import ProposalContent, altered

DEFAULT_RATE: Final = 2_000
"""Keys, or records, a second, where a step names no rate."""


class Key(StrEnum):
    """A key that can be rotated. KEKs are the vault's, the others each institution's own."""

    KEK_FULL = "kek-full"
    KEK_MASKED = "kek-masked"
    KEK_INDEX = "kek-index"
    BRANCH_FULL = "branch-full"
    BRANCH_MASKED = "branch-masked"
    INDEX = "index"
    RECORDS = "records"
    """No key: what the institution's keys have sealed."""

    __hash__ = str.__hash__

    @property
    def kek(self) -> KekName | None:
        """Which KEK it is, if it is one."""
        return _KEKS.get(self)

    @property
    def branch(self) -> Branch | None:
        """Which branch's key it is, if it is one."""
        return _BRANCHES.get(self)

    @property
    def of_vault(self) -> bool:
        """Whether it is the vault's, and no institution's."""
        return self in _KEKS


class Verb(StrEnum):
    """What is done with a key."""

    ROTATE = "rotate"
    """A new version, which serves all new wraps at once."""
    REWRAP = "rewrap"
    """What hangs under older versions is hung under the newest, and every piece opened."""
    RETIRE = "retire"
    """A version under which nothing hangs any more is destroyed."""
    RESEAL = "reseal"
    """Of records: what another cipher suite has sealed is sealed with the institution's own."""

    __hash__ = str.__hash__


_KEKS: Final = {
    Key.KEK_FULL: KekName.FULL,
    Key.KEK_MASKED: KekName.MASKED,
    Key.KEK_INDEX: KekName.INDEX,
}
_BRANCHES: Final = {Key.BRANCH_FULL: Branch.FULL, Key.BRANCH_MASKED: Branch.MASKED}


@dataclass(frozen=True, slots=True)
class Step:
    """A step. `version` is the one to be retired, `rate` how many keys a second a rewrap takes (0:
    the usual), `provider` where a KEK is moved to (empty: it stays)."""

    key: Key
    verb: Verb
    version: str = ""
    rate: int = 0
    provider: str = ""


class _Content(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The content of a proposal. Append only; format version 1."""

    key: str
    verb: str
    version: str = ""
    rate: int = 0
    provider: str = ""
    v: int = 1


_content: Final = ProposalContent(msgspec.json.Decoder(_Content))


def to_content(step: Step) -> bytes:
    """The content of a proposal, always the same bytes for the same step."""
    return _content.encode(
        _Content(step.key.value, step.verb.value, step.version, step.rate, step.provider)
    )


def step_in(content: bytes) -> Step:
    """The step of such a content. Raises StoreAltered."""
    read = _content.decode(content)
    try:
        return Step(Key(read.key), Verb(read.verb), read.version, read.rate, read.provider)
    except ValueError as error:
        raise altered() from error
