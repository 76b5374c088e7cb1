"""What is to be stored: one item, and what it becomes on its way into the store."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from vault.records import CustomerName, ScopeRef
from vault.services.errors import VaultError
from vault.services.kinds import AnyKind


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to be stored. A document or transaction names its customer by ``owner`` or by the
    institution's own ``owner_number`` or by ``owner_account``, an account that he alone holds;
    ``field`` is its path in the request, for messages."""

    kind: AnyKind
    record: Any
    owner: CustomerName | None = None
    owner_number: str = dataclasses.field(default="", repr=False)
    owner_account: str = dataclasses.field(default="", repr=False)
    field: str = ""
    # What the edge found wrong with it; only an import carries refused items along.
    error: VaultError | None = None


_NOWHERE = ScopeRef("", "", "")


@dataclass(slots=True)
class Draft:
    """An item under way: its place, and then its sealed bytes, or why it is refused."""

    item: NewRecord
    customer: str = ""
    record: str = ""
    identifier: str = ""
    scope: ScopeRef = _NOWHERE
    is_new_customer: bool = False
    sealed: bytes = b""
    masked: bytes = b""
    terms: list[tuple[str, bytes]] = field(default_factory=list)
    claims: list[bytes] = field(default_factory=list)
    error: VaultError | None = None
