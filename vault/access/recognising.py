"""Who calls: the principal of a certificate, and the person whose token came beside it.

What a caller shows is looked at when the call begins, and again when the directory or an issuer's
keys have changed since, so that whoever is taken out is served no longer.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from vault.access.directory import Directory
from vault.access.principals import Principal
from vault.access.tokens import TokenReason, TokenRefused, Tokens

_BEARER: Final = re.compile(r"bearer +([^ ]+) *", re.IGNORECASE)
_FOREVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows: the URI of his certificate, the SHA-256 digest of its DER in lower-case
    hexadecimal, and the values of the metadata `authorization`."""

    workload: str = ""
    certificate: str = ""
    authorization: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who it is. `refused` is the reason why he is not served, empty if he may be.

    `ends` is when his token does, in microseconds since the epoch. `generation` is the recogniser's
    from before he was looked up. `missing` is the issuer whose newer keys might help.
    """

    generation: int
    principal: Principal | None = None
    bearer: Principal | None = None
    ends: int = _FOREVER
    refused: str = ""
    missing: str = ""


class Recogniser:
    """Looks callers up. For one thread, that of the event loop."""

    def __init__(self, directory: Directory, tokens: Tokens | None = None) -> None:
        self._directory = directory
        self._tokens = tokens if tokens is not None else Tokens((), lambda: 0)

    @property
    def generation(self) -> int:
        """Differs when somebody may be recognised otherwise than before. Cheap."""
        return self._directory.generation + self._tokens.generation

    def recognise(self, shown: Credentials) -> Recognised:
        """Raises nothing: whoever is not known is refused with a reason."""
        generation = self.generation
        if not shown.workload:
            return Recognised(generation, refused="CERTIFICATE_WITHOUT_URI")
        principal = self._directory.lookup(shown.workload, shown.certificate)
        if principal is None:
            known = self._directory.lists(shown.workload)
            refused = "CERTIFICATE_REFUSED" if known else "UNKNOWN_PRINCIPAL"
            return Recognised(generation, refused=refused)
        if not shown.authorization:
            return Recognised(generation, principal)
        return self._with_bearer(generation, principal, shown)

    async def renewed(self, missing: str) -> None:
        """Return when the keys of an issuer were read again, or soon if that may not be now."""
        await self._tokens.renewed(missing)

    def _with_bearer(self, generation: int, principal: Principal, shown: Credentials) -> Recognised:
        found = _BEARER.fullmatch(shown.authorization[0])
        if len(shown.authorization) != 1 or found is None:
            return Recognised(generation, principal, refused=TokenReason.INVALID.value)
        try:
            verified = self._tokens.verify(found[1], shown.certificate)
        except TokenRefused as error:
            return Recognised(
                generation, principal, refused=error.reason.value, missing=error.issuer
            )
        bearer = self._directory.lookup_account(verified.issuer, verified.subject)
        refused = ""
        if bearer is None:
            refused = "UNKNOWN_ACCOUNT"
        elif principal.person and principal.person != bearer.person:
            # A person acts himself: through another's certificate, who did it would be a guess.
            refused = "TOKEN_NOT_NEEDED"
        elif principal.institution != bearer.institution:
            refused = "TOKEN_OTHER_INSTITUTION"
        return Recognised(generation, principal, bearer, verified.ends, refused)
