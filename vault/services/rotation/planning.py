"""What is asked of a step before anybody decides on it: whether it could be taken as things stand.

That is looked at once more when it is carried out: an answer here promises nothing.
"""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection

from vault.kms import KekMissing, UnwrapRefused
from vault.kms.rotation import CannotRotate, Rotates
from vault.services.errors import VaultError
from vault.services.rotation.conditions import require_retirable
from vault.services.rotation.steps import Key, Step, Verb, step_in
from vault.services.rotation.work import Ground
from vault.store import KeyVersionInUse


class KeyStepRefused(VaultError):
    """The step cannot be taken as things stand."""

    code = "FAILED_PRECONDITION"
    reason = "KEY_STEP_REFUSED"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"That cannot be done with this key: {why}. See `vaultctl keys list`.",
            f"目前不能对该密钥执行此操作：{why}。请参阅 `vaultctl keys list`。",
        )


class Planning:
    """Looks at steps."""

    def __init__(self, ground: Ground) -> None:
        self._on = ground

    async def require_content(self, institution: str, content: bytes) -> None:
        """As `require`, of a proposal's content. Raises StoreAltered besides."""
        await self.require(institution, step_in(content))

    async def require(self, institution: str, step: Step) -> None:
        """Make sure that a step could be taken now. Raises KeyStepRefused, KmsUnavailable,
        StoreUnavailable."""
        await asyncio.to_thread(self._require, institution, step)

    def _require(self, institution: str, step: Step) -> None:
        on = self._on
        if (step.verb is Verb.RESEAL) is not (step.key is Key.RECORDS):
            raise KeyStepRefused("records are re-sealed, and nothing else is done with them")
        try:
            if step.verb is Verb.RETIRE:
                newest = on.newest_kek(step.key.kek) if step.key.kek is not None else ""

                def look(conn: Connection) -> None:
                    require_retirable(conn, institution, step, newest)

                on.read(look)
            elif step.verb is Verb.ROTATE and step.key.kek is not None:
                if not isinstance(on.kms, Rotates):
                    raise KeyStepRefused("this provider's KEKs are rotated with its own tools")
                if step.provider:
                    on.kms.require(step.key.kek, step.provider)
                else:
                    on.kms.require_rotatable(step.key.kek)
            elif not step.key.of_vault and on.keystore.newest_index_key(institution) is None:
                raise KeyStepRefused("the institution has no keys")
        except (KeyVersionInUse, CannotRotate, KekMissing, UnwrapRefused) as error:
            raise KeyStepRefused(str(error)) from None
