"""The table `[[tokens]]` of the configuration: issuers whose tokens are taken, and their keys.

[[tokens]]                                    # one for each issuer
issuer = "https://login.demo.bank/realm"      # the claim iss, letter by letter
audience = "records-vault"                    # the claim aud has it
jwks = "issuer/jwks.json"                     # a file, or https://...
ca = "pki/issuer-ca.pem"                      # of an https address; else the system's
algorithms = ["ES256"]                        # some of those that are taken; else all
longest_seconds = 3600                        # how long a token may be made out for
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from vault.access.principals_entry import ISSUER
from vault.access.tokens import (
    ALGORITHMS,
    Expected,
    HeldKeys,
    Issuer,
    JwksFile,
    JwksUrl,
    Source,
    Tokens,
)
from vault.audit.witness.asking import is_allowed


class TokensTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An issuer of bearer tokens."""

    issuer: str
    audience: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,255}\Z")]
    jwks: Annotated[str, msgspec.Meta(min_length=1)]
    ca: str = ""
    algorithms: list[str] = []
    longest_seconds: Annotated[int, msgspec.Meta(ge=60, le=86_400)] = 3_600


def problem(tables: Sequence[TokensTable]) -> str:
    """What is wrong with the tables and how to mend it; empty if nothing."""
    seen: set[str] = set()
    for table in tables:
        if not ISSUER.fullmatch(table.issuer):
            return "tokens.issuer is not an https address; write it as the claim iss has it"
        if table.issuer in seen:
            return "tokens names an issuer twice; remove one of them"
        seen.add(table.issuer)
        if "://" in table.jwks and not is_allowed(table.jwks):
            return (
                "tokens.jwks is no address that may be used; write https://..., "
                "http://localhost:... on this machine, or the path of a file"
            )
        if table.ca and not table.jwks.startswith("https://"):
            return "tokens.ca is for a jwks at an https address only; remove it"
        if not set(table.algorithms) <= set(ALGORITHMS):
            return f"tokens.algorithms are some of {', '.join(ALGORITHMS)}"
    return ""


def source(table: TokensTable, path: Callable[[str], Path]) -> Source:
    """Where the keys of an issuer are read from. Raises OSError for a `ca` that is none."""
    if "://" in table.jwks:
        return JwksUrl(table.jwks, str(path(table.ca)) if table.ca else "")
    return JwksFile(path(table.jwks))


def tokens(
    tables: Sequence[TokensTable], path: Callable[[str], Path], now: Callable[[], int]
) -> Tokens:
    """What verifies the tokens of these issuers; `now` is in microseconds since the epoch. Raises
    OSError for a `ca` that is none."""
    return Tokens(
        [
            Issuer(
                Expected(table.issuer, table.audience, table.longest_seconds),
                HeldKeys(source(table, path)),
                frozenset(table.algorithms or ALGORITHMS),
            )
            for table in tables
        ],
        now,
    )
