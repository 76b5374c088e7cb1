"""What check-config and the health check say of issuers of tokens."""

import asyncio
from pathlib import Path

import pytest

from tests.support.tokens import Key, jwks
from vault.access.tokens import Tokens
from vault.server.checking_log import Doubt
from vault.server.checking_tokens import look_at_tokens
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.server.token_settings import tokens
from vault.services.health import Check, State, tokens_probe

CONFIG = """
[tiers.full]
listen = "localhost:7443"
database = "sqlite:///vault.db"
principals = "principals.toml"
kms = { provider = "local-file", directory = "kms/full" }
tls = { certificate = "vault.pem", key = "vault.key", client_ca = "ca.pem" }

[[tokens]]
issuer = "https://login.demo.bank/realm"
audience = "records-vault"
"""
AWAY = 'jwks = "https://localhost:1/keys"\n'


def settings(folder: Path, more: str = 'jwks = "jwks.json"\n') -> Settings:
    path = folder / "vault.toml"
    path.write_text(CONFIG + more, "utf-8")
    return load(path, TierName.FULL)


def publish(folder: Path, data: bytes) -> Path:
    path = folder / "jwks.json"
    path.write_bytes(data)
    path.chmod(0o600)
    return path


def test_keys_that_can_be_read_are_counted(tmp_path: Path) -> None:
    publish(tmp_path, jwks(Key.make("ES256"), Key.make("EdDSA", "k2")))
    assert look_at_tokens(settings(tmp_path)) == "1 issuers, 2 keys"


def test_a_file_that_is_missing_open_to_others_or_no_jwks_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"jwks\.json cannot be read"):
        look_at_tokens(settings(tmp_path))
    path = publish(tmp_path, b"{}")
    with pytest.raises(SettingsInvalid, match=r"the keys at jwks\.json: it is not a JWK Set"):
        look_at_tokens(settings(tmp_path))
    path.chmod(0o666)
    with pytest.raises(SettingsInvalid, match="chmod go-w"):
        look_at_tokens(settings(tmp_path))


def test_keys_of_which_none_may_sign_are_a_problem(tmp_path: Path) -> None:
    publish(tmp_path, jwks(Key.make("ES256")))
    with pytest.raises(SettingsInvalid, match=r"none is for one of tokens\.algorithms"):
        look_at_tokens(settings(tmp_path, 'jwks = "jwks.json"\nalgorithms = ["PS256"]\n'))


def test_an_issuer_that_is_away_is_a_warning_and_its_authorities_are_looked_at(
    tmp_path: Path,
) -> None:
    with pytest.raises(Doubt, match=r"the issuer cannot be reached .* until it is back"):
        look_at_tokens(settings(tmp_path, AWAY))
    with pytest.raises(SettingsInvalid, match=r"ca\.pem is not a file of certificates"):
        look_at_tokens(settings(tmp_path, AWAY + 'ca = "ca.pem"\n'))


# -- health --------------------------------------------------------------------------------------


def built(folder: Path, clock: list[float]) -> Tokens:
    read = settings(folder)
    made = tokens(read.tokens, read.path, lambda: 0)
    for issuer in made._issuers.values():
        issuer.keys._monotonic = lambda: clock[0]
        issuer.keys.read()
    return made


def test_health_is_ok_while_keys_are_read_a_warning_then_and_critical_after_an_hour(
    tmp_path: Path,
) -> None:
    clock = [0.0]
    path = publish(tmp_path, jwks(Key.make("ES256")))
    made = built(tmp_path, clock)
    probe = tokens_probe(made)

    async def look() -> Check:
        return await probe()

    assert asyncio.run(look()).state is State.OK
    path.unlink()
    for issuer in made._issuers.values():
        issuer.keys.read()
    warned = asyncio.run(look())
    assert warned.state is State.WARNING
    assert "cannot be read" in warned.detail
    clock[0] = 3_601
    assert asyncio.run(look()).state is State.CRITICAL
