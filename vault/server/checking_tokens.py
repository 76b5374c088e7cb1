"""Looks over the issuers of tokens: their keys can be read, and some are of use."""

from __future__ import annotations

from vault.access.tokens import JwksAway, JwksInvalid, parse_jwks
from vault.server.checking_log import Doubt
from vault.server.settings import Settings, SettingsInvalid
from vault.server.token_settings import source


def look_at_tokens(settings: Settings) -> str:
    """How many keys there are. Raises SettingsInvalid; Doubt for an issuer that is away."""
    found = 0
    for table in settings.tokens:
        try:
            keys = parse_jwks(source(table, settings.path).read())
        except JwksInvalid as error:
            raise SettingsInvalid(f"the keys at {table.jwks}: {error}") from None
        except JwksAway as error:
            if "://" not in table.jwks:
                raise SettingsInvalid(str(error)) from None
            raise Doubt(f"{table.jwks}: {error}; its tokens are refused until it is back") from None
        except OSError:
            raise SettingsInvalid(
                f"{settings.path(table.ca)} is not a file of certificates in PEM"
            ) from None
        usable = [key for key in keys.keys if _fits(key.algorithms, table.algorithms)]
        if not usable:
            raise SettingsInvalid(
                f"the keys at {table.jwks}: none is for one of tokens.algorithms; add its algorithm"
            )
        found += len(usable)
    return f"{len(settings.tokens)} issuers, {found} keys"


def _fits(algorithms: frozenset[str], wanted: list[str]) -> bool:
    return not wanted or not algorithms.isdisjoint(wanted)
