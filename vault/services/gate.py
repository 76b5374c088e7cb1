"""Whether the vault may answer at all: asked before every call that does not mend what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vault.access import Action
from vault.services.errors import VaultError

_ALWAYS = frozenset(
    {
        Action.HEALTH_CHECK.value,
        Action.RECOVERY_GET.value,
        Action.RECOVERY_ACKNOWLEDGE.value,
        Action.GRPC_HEALTH.value,
    }
)


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Gate:
    """``refusals`` are asked in turn what is wrong; ``unwritable`` whether the log must not be
    written to: then what is answered or refused has no event, only a line of the server's own
    log."""

    refusals: tuple[Callable[[], VaultError | None], ...] = ()
    unwritable: Callable[[], bool] = _never

    def require_open(self, action: str) -> None:
        """Raise what is wrong, for every action but health and recovery."""
        if action in _ALWAYS:
            return
        for refusal in self.refusals:
            error = refusal()
            if error is not None:
                raise error


OPEN = Gate()
"""Of a node that has nothing to ask."""
