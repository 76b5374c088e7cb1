"""Whether enough witnesses cosign: what the health check says of it, and what calls are told."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from vault.audit.publisher import Publisher
from vault.services.errors import LogNotWitnessed, VaultError
from vault.services.health import Check, Probe, State

_log = structlog.get_logger("vault.services")


class Witnessing:
    """``publishers`` by witness name. A witness counts while no checkpoint has waited for its
    cosignature for ``seconds``; fewer than ``quorum`` are an alert, and with ``required`` the end
    of service until they are back."""

    def __init__(
        self, publishers: Mapping[str, Publisher], quorum: int, seconds: float, *, required: bool
    ) -> None:
        self._publishers = dict(publishers)
        self._quorum = quorum
        self._seconds = seconds
        self._required = required
        self._short = False

    def look(self) -> None:
        """Write an alert to the server's own log when the quorum is lost, and when it is back."""
        present = self._present()
        short = present < self._quorum
        if short and not self._short:
            _log.error("ALERT: too few witnesses", present=present, quorum=self._quorum)
        elif self._short and not short:
            _log.warning("enough witnesses again", present=present, quorum=self._quorum)
        self._short = short

    def refusal(self) -> VaultError | None:
        """What a call is told; None while all is well or nothing is required."""
        if not self._required or self._present() >= self._quorum:
            return None
        return LogNotWitnessed()

    def probe(self) -> Probe:
        """The part `witnesses` of the health check."""

        async def look() -> Check:
            standing = {name: one.standing for name, one in self._publishers.items()}
            missing = [
                f"{name} ({now.failure or 'no answer'})"
                for name, now in standing.items()
                if now.since >= self._seconds
            ]
            present = len(standing) - len(missing)
            figures = {"present": float(present), "quorum": float(self._quorum)}
            figures |= {f"cosigned {name}": float(now.delivered) for name, now in standing.items()}
            if not missing:
                return Check("witnesses", State.OK, f"{present} cosign", figures=figures)
            detail = f"{present} of {len(standing)} cosign; missing: {', '.join(missing)}"
            remedy = "bring the missing witnesses back; one that has seen another history is right"
            if present >= self._quorum:
                return Check("witnesses", State.WARNING, detail, remedy, figures)
            detail = f"{detail}; {self._quorum} are needed"
            state = State.CRITICAL if self._required else State.WARNING
            return Check("witnesses", state, detail, remedy, figures)

        return look

    def _present(self) -> int:
        return sum(one.standing.since < self._seconds for one in self._publishers.values())
