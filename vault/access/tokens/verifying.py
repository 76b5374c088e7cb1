"""The verification of tokens, remembered for as long as a token holds.

RFC 8725 (best current practices for JWTs) is followed: the algorithm is one of an allow-list and
fits the key (3.1, 3.2), issuer and key go together (3.8), subject, audience and times are checked
(3.8, 3.9), and no key, address or certificate of a header is ever used (3.10).
"""

import hashlib
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from joserfc import jws
from joserfc.errors import SecurityWarning

from vault.access.tokens.claims import Expected, check
from vault.access.tokens.held import HeldKeys
from vault.access.tokens.keys import ALGORITHMS
from vault.access.tokens.reading import segment
from vault.access.tokens.refused import TokenReason, TokenRefused

MAX_BYTES: Final = 8 * 1024
_CACHE_SIZE: Final = 10_000
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


# RFC 9864 would rather have EdDSA called Ed25519. Issuers still write the former, and our keys for
# it are of that curve alone, so that the library's word of it tells nobody anything.
warnings.filterwarnings("ignore", r"EdDSA is deprecated", SecurityWarning)


class _Registry(jws.JWSRegistry):
    """Room for headers that name a chain of certificates, which is passed over."""

    max_header_length = 4096


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer whose tokens are taken; `longest` is in seconds."""

    expected: Expected
    keys: HeldKeys
    algorithms: frozenset[str] = frozenset(ALGORITHMS)

    def __post_init__(self) -> None:
        if not self.algorithms or not self.algorithms <= frozenset(ALGORITHMS):
            raise ValueError(f"the algorithms are some of {', '.join(ALGORITHMS)}")


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that holds until `ends` (microseconds since the epoch), and whose it is."""

    issuer: str
    subject: str = field(repr=False)
    ends: int


class _Key(NamedTuple):
    token: bytes
    certificate: str


class Tokens:
    """Verifies tokens. For one thread: the event loop's. `now` is in microseconds."""

    def __init__(
        self,
        issuers: Iterable[Issuer],
        now: Callable[[], int],
        cache_size: int = _CACHE_SIZE,
    ) -> None:
        self._issuers: Mapping[str, Issuer] = {one.expected.issuer: one for one in issuers}
        self._now = now
        self._cache_size = cache_size
        self._cache: OrderedDict[_Key, tuple[Verified, int]] = OrderedDict()

    def start(self) -> None:
        """Begin to read the issuers' keys."""
        for issuer in self._issuers.values():
            issuer.keys.start()

    def stop(self) -> None:
        """Read no more."""
        for issuer in self._issuers.values():
            issuer.keys.stop()

    @property
    def generation(self) -> int:
        """Differs when some issuer's keys are others than before."""
        return sum(issuer.keys.generation for issuer in self._issuers.values())

    @property
    def problems(self) -> Mapping[str, tuple[str, bool]]:
        """Of issuers whose keys could not be read the last time: why, and whether those of before
        are still taken."""
        return {
            name: (issuer.keys.problem, issuer.keys.keys is not None)
            for name, issuer in self._issuers.items()
            if issuer.keys.problem
        }

    def __len__(self) -> int:
        return len(self._issuers)

    def verify(self, token: str, certificate: str) -> Verified:
        """Whose token it is; `certificate` is the SHA-256 digest, in hexadecimal, of the client
        certificate that it came beside.

        Raises:
            TokenRefused: it does not hold.
        """
        if len(token) > MAX_BYTES:
            raise TokenRefused(TokenReason.INVALID)
        key = _Key(hashlib.sha256(token.encode("utf-8", "replace")).digest(), certificate)
        found = self._cache.get(key)
        if found is not None:
            verified, generation = found
            keys = self._issuers[verified.issuer].keys
            if keys.generation == generation and keys.keys is not None:
                if self._now() >= verified.ends:
                    raise TokenRefused(TokenReason.EXPIRED)
                self._cache.move_to_end(key)
                return verified
            del self._cache[key]
        verified, generation = self._verify(token, certificate)
        self._cache[key] = verified, generation
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
        return verified

    async def renewed(self, issuer: str) -> None:
        """Return when the keys of an issuer were read again, or soon if that may not be now."""
        known = self._issuers.get(issuer)
        if known is not None:
            await known.keys.renewed()

    def _verify(self, token: str, certificate: str) -> tuple[Verified, int]:
        if not _COMPACT.fullmatch(token):
            raise TokenRefused(TokenReason.INVALID)
        head, body, _ = token.split(".")
        header, claims = segment(head), segment(body)
        if "crit" in header or "b64" in header:
            # An extension that must be understood (RFC 7515, 4.1.11); none is.
            raise TokenRefused(TokenReason.INVALID)
        name = claims.get("iss")
        issuer = self._issuers.get(name) if isinstance(name, str) else None
        if issuer is None:
            raise TokenRefused(TokenReason.ISSUER)
        generation = issuer.keys.generation
        self._check_signature(token, header, issuer)
        ends = check(claims, issuer.expected, certificate, self._now())
        return Verified(issuer.expected.issuer, claims["sub"], ends), generation

    @staticmethod
    def _check_signature(token: str, header: Mapping[str, Any], issuer: Issuer) -> None:
        algorithm, kid = header.get("alg"), header.get("kid", "")
        # Before any key is looked at: "none" and HMAC are not in it, whatever the key.
        if algorithm not in issuer.algorithms or not isinstance(kid, str):
            raise TokenRefused(TokenReason.INVALID)
        keys = issuer.keys.keys
        if keys is None:
            raise TokenRefused(TokenReason.ISSUER_AWAY, issuer.expected.issuer)
        key = keys.find(kid, algorithm)
        if key is None:
            known = keys.names(kid) if kid else True
            reason = TokenReason.INVALID if known else TokenReason.KEY_UNKNOWN
            raise TokenRefused(reason, "" if known else issuer.expected.issuer)
        registry = _Registry(algorithms=[algorithm], strict_check_header=False)
        try:
            jws.deserialize_compact(token, key.key, registry=registry)
        except Exception:
            # Whatever a library makes of a stranger's bytes: it did not verify.
            raise TokenRefused(TokenReason.INVALID) from None
