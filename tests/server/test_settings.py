"""The configuration file: relative to itself, strict, and never half understood."""

from pathlib import Path

import pytest

from vault.sealing import AES_256_GCM, SM4_GCM
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.server.suite_settings import suites_of

FULL = """
[tiers.full]
listen = "localhost:7443"
database = "sqlite:///vault.db"
principals = "principals.toml"
institutions = ["demo-bank"]
kms = { provider = "local-file", directory = "kms/full" }
tls = { certificate = "pki/vault.pem", key = "pki/vault.key", client_ca = "pki/ca.pem" }
"""
MASKED = """
[tiers.masked]
listen = "localhost:7444"
database = "sqlite:///vault.db"
principals = "principals.toml"
kms = { provider = "local-file", directory = "kms/masked" }
tls = { certificate = "pki/vault.pem", key = "pki/vault.key", client_ca = "pki/ca.pem" }
oracle = { endpoint = "localhost:7443", ca = "pki/ca.pem", certificate = "n.pem", key = "n.key" }
"""


def read(folder: Path, text: str, tier: TierName = TierName.FULL) -> Settings:
    path = folder / "vault.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, tier)


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.path(settings.table.principals) == tmp_path / "principals.toml"
    assert settings.path("/etc/x") == Path("/etc/x")
    assert settings.database_url("sqlite:///vault.db") == f"sqlite:///{tmp_path}/vault.db"
    assert settings.database_url("sqlite:////srv/vault.db") == "sqlite:////srv/vault.db"
    assert settings.database_url("postgresql://v@h/v") == "postgresql://v@h/v"


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    settings = read(tmp_path, FULL)
    assert settings.limits.max_message_bytes == 4 * 1024 * 1024
    assert settings.log.window_ms == 4
    assert settings.cache.file_key_seconds == 300


def test_an_institution_has_the_suite_that_is_named_and_otherwise_the_first(tmp_path: Path) -> None:
    assert read(tmp_path, FULL).table.suites == {}
    suites = suites_of(read(tmp_path, FULL + 'suites = { "demo-bank" = "sm4-gcm" }').table.suites)
    assert suites("demo-bank") is SM4_GCM
    assert suites("other-bank") is AES_256_GCM
    named = read(tmp_path, FULL + 'suites = { "demo-bank" = "aes-256-gcm" }').table.suites
    assert suites_of(named)("demo-bank") is AES_256_GCM


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{ "demo-bnk" = "sm4-gcm" }', 'suites names "demo-bnk", which is not among'),
        ('{ "demo-bank" = "sm4" }', "Invalid enum value 'sm4'"),
        ('{ "Demo" = "sm4-gcm" }', "Expected `str` matching regex"),
        ('"sm4-gcm"', "Expected `object`, got `str`"),
    ],
)
def test_a_table_of_suites_that_is_not_right_is_refused(
    tmp_path: Path, line: str, why: str
) -> None:
    with pytest.raises(SettingsInvalid, match=why):
        read(tmp_path, FULL + f"suites = {line}")


def test_a_masked_tier_has_no_suites_because_it_seals_nothing(tmp_path: Path) -> None:
    text = FULL + MASKED.replace("oracle = ", 'suites = { "demo-bank" = "sm4-gcm" }\noracle = ')
    with pytest.raises(SettingsInvalid, match="the full tier alone seals"):
        read(tmp_path, text, TierName.MASKED)


def test_each_tier_reads_its_own_table(tmp_path: Path) -> None:
    assert read(tmp_path, FULL + MASKED, TierName.MASKED).table.listen == "localhost:7444"
    with pytest.raises(SettingsInvalid, match=r"no table \[tiers.masked\]"):
        read(tmp_path, FULL, TierName.MASKED)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        load(tmp_path / "none.toml", TierName.FULL)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tiers = 3", "tiers"),
        ("[tiers.full", "is not TOML"),
        (FULL + "\nlisten_adress = 'x'\n", "listen_adress"),
        (FULL + "\n[limts]\n", "limts"),
        (FULL.replace('listen = "localhost:7443"', ""), "listen"),
        (FULL.replace("local-file", "cloud"), 'use one of "local-file"'),
        (FULL + "\n[limits]\nmax_message_bytes = 0\n", "limits.max_message_bytes"),
        (FULL + "\n[limits]\nmax_message_bytes = 1000000000\n", "limits.max_message_bytes"),
        (FULL + "\n[limits]\nconcurrent_calls = 0\n", "limits.concurrent_calls"),
        (FULL + "\n[limits]\nsearches_per_minute = -1\n", "limits.searches_per_minute"),
        (FULL + "\n[limits]\ngrace_seconds = nan\n", "limits.grace_seconds"),
        (FULL + "\n[limits]\ngrace_seconds = inf\n", "limits.grace_seconds"),
        (FULL + "\n[log]\nwindow_ms = -4\n", "log.window_ms"),
        (FULL + "\n[log]\nmax_queue = 0\n", "log.max_queue"),
        (FULL + '\n[log]\norigin = ""\n', "log.origin"),
        (FULL + '\n[log]\norigin = "two words"\n', "log.origin"),
        (FULL + '\n[log]\norigin = "a+b"\n', "log.origin"),
        (FULL + "\n[log]\ncheckpoint_interval_ms = 0\n", "log.checkpoint_interval_ms"),
        (FULL + "\n[log]\npromise_seconds = 0\n", "log.promise_seconds"),
        (FULL + "\n[log]\ncheckpoint_interval_ms = 40000\n", "log.promise_seconds is less"),
        (FULL + "\n[cache]\nfile_keys = 0\n", "cache.file_keys"),
        (FULL + "\n[cache]\nbranch_key_seconds = inf\n", "cache.branch_key_seconds"),
        (FULL.replace('["demo-bank"]', '["Demo Bank"]'), "institutions"),
        (FULL.replace('["demo-bank"]', '["a/b"]'), "institutions"),
        (FULL.replace("sqlite:///vault.db", "mysql://h/v"), "database"),
        (FULL.replace("sqlite:///vault.db", "vault.db"), "database"),
        (FULL.replace("sqlite:///vault.db", "sqlite://"), "database"),
        (FULL.replace("sqlite:///vault.db", "sqlite:///:memory:"), "database"),
    ],
)
def test_a_mistake_is_refused_and_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsInvalid, match=message):
        read(tmp_path, text)


def test_the_masked_tier_does_not_start_without_its_oracle(tmp_path: Path) -> None:
    text = "\n".join(line for line in MASKED.splitlines() if not line.startswith("oracle"))
    with pytest.raises(SettingsInvalid, match="oracle"):
        read(tmp_path, text, TierName.MASKED)


def test_no_password_of_a_database_is_told(tmp_path: Path) -> None:
    text = FULL.replace("sqlite:///vault.db", "mysql://user:hunter2@h/v")
    with pytest.raises(SettingsInvalid) as refused:
        read(tmp_path, text)
    assert "hunter2" not in str(refused.value)


# -- issuers of tokens ---------------------------------------------------------------------------

TOKENS = """
[[tokens]]
issuer = "https://login.demo.bank/realm"
audience = "records-vault"
jwks = "issuer/jwks.json"
"""


def test_issuers_are_those_of_both_tiers(tmp_path: Path) -> None:
    for tier in TierName:
        (issuer,) = read(tmp_path, FULL + MASKED + TOKENS, tier).tokens
        assert (issuer.audience, issuer.longest_seconds) == ("records-vault", 3600)
    assert read(tmp_path, FULL).tokens == []


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ("https://login.demo.bank/realm", "http://login.demo.bank", "tokens.issuer is not an http"),
        ("https://login.demo.bank/realm", "https://a|b", "tokens.issuer is not an https address"),
        ("records-vault", "", "Expected `str` matching regex"),
        ("issuer/jwks.json", "http://login.demo.bank/keys", "tokens.jwks is no address that may"),
        ("issuer/jwks.json", "", "Expected `str` of length >= 1"),
        ('.json"', '.json"\nca = "ca.pem"', "tokens.ca is for a jwks at an https address only"),
        ('.json"', '.json"\nalgorithms = ["HS256"]', "tokens.algorithms are some of ES256, ES384"),
        ('.json"', '.json"\nalgorithms = ["none"]', "tokens.algorithms are some of ES256, ES384"),
        ('.json"', '.json"\nlongest_seconds = 0', "Expected `int` >= 60"),
        ('.json"', '.json"\nlongest_seconds = 86401', "Expected `int` <= 86400"),
        ('.json"', '.json"\nleeway = 600', "unknown field `leeway`"),
        ('.json"', f'.json"\n{TOKENS}', "tokens names an issuer twice; remove one of them"),
    ],
)
def test_an_issuer_that_could_not_be_trusted_is_refused(
    tmp_path: Path, before: str, after: str, why: str
) -> None:
    assert before in TOKENS
    with pytest.raises(SettingsInvalid, match=why):
        read(tmp_path, FULL + TOKENS.replace(before, after))
