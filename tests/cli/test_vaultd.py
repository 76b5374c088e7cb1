"""`vaultd`: what each command does, and how it ends when it cannot."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from tests.support.databases import PostgresServer
from vault.cli.vaultd.app import run
from vault.server.dev import held, prepare
from vault.server.dev.pki import Authority
from vault.server.settings import TierName
from vault.store import Database, StoreForbidden
from vault.store.migrate import pending


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sends the process's log lines to its stderr, which here is one test's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A development vault's folder, laid out and not yet migrated."""
    folder = tmp_path / "dev"
    with held(folder):
        prepare(folder)
    return folder


def change(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence on stderr of a command that ends with code 2."""
    code = run(arguments)
    said = capsys.readouterr()
    assert code == 2
    assert "Traceback" not in said.err
    lines = said.err.splitlines()
    assert len(lines) == 1, said.err
    assert lines[0].startswith("vaultd: ")
    return lines[0]


# -- the command line ----------------------------------------------------------------------------


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("serve", "dev", "migrate", "check-config"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["serve"], "--config"),
        (["dev"], "--dir"),
        (["dev", "--dir", "x", "--port-full", "0"], "--port-full"),
        (["serve", "--config", "vault.toml", "--tier", "half"], "--tier"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_slip_on_the_command_line_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert expected in refused(capsys, *arguments)


@pytest.mark.parametrize("command", ["serve", "migrate", "check-config"])
def test_a_configuration_that_is_not_there_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: str
) -> None:
    missing = str(tmp_path / "none.toml")
    assert missing in refused(capsys, command, "--config", missing)


def test_an_unforeseen_error_shows_its_kind_and_place_and_not_its_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, vault: Path
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("110101199003070011")

    monkeypatch.setattr("vault.cli.vaultd.serve.require_migrated", broken)
    assert run(["serve", "--config", str(vault / "vault.toml")]) == 1
    said = capsys.readouterr().err
    assert "110101199003070011" not in said
    assert re.fullmatch(r"vaultd: .*\(ValueError, [^)]*test_vaultd:\d+\)\n", said)


# -- serve ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", ["full", "masked"])
def test_a_vault_that_was_not_migrated_is_not_served(
    capsys: pytest.CaptureFixture[str], vault: Path, tier: str
) -> None:
    config = str(vault / "vault.toml")
    told = refused(capsys, "serve", "--config", config, "--tier", tier)
    assert f"vaultd migrate --config {config}" in told
    assert not (vault / "vault.db").exists()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda vault: (vault / "kms/full/full.kek").chmod(0o644), "chmod 600"),
        (lambda vault: (vault / "pki/full-server.key").chmod(0o640), "chmod 600"),
        (lambda vault: (vault / "pki/full-server.pem").unlink(), "full-server.pem"),
        (lambda vault: (vault / "principals.toml").chmod(0o666), "chmod go-w"),
        (lambda vault: (vault / "principals.toml").write_text("[[principal]]"), "principal 1"),
        (lambda vault: (vault / "vault.db").write_bytes(b"no database " * 500), "vaultd: "),
        (
            lambda vault: change(
                vault / "vault.toml", "sqlite:///vault.db", "mysql://u:secret@h/d"
            ),
            "sqlite:///FILE or postgresql://",
        ),
        (
            lambda vault: change(vault / "vault.toml", "sqlite:///vault.db", "//u:secret@h"),
            "sqlite:///FILE or postgresql://",
        ),
    ],
    ids=[
        "wide-kek",
        "wide-key",
        "no-certificate",
        "wide-principals",
        "bad-principals",
        "damaged-database",
        "other-database",
        "no-url",
    ],
)
def test_what_cannot_be_served_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], vault: Path, spoil: object, expected: str
) -> None:
    config = str(vault / "vault.toml")
    assert run(["migrate", "--config", config]) == 0
    capsys.readouterr()
    assert callable(spoil)
    spoil(vault)
    told = refused(capsys, "serve", "--config", config)
    assert expected in told
    assert "secret" not in told


# -- migrate -------------------------------------------------------------------------------------


def test_migrate_says_what_it_ran_and_then_that_there_is_nothing_to_run(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    config = vault / "vault.toml"
    assert run(["migrate", "--config", str(config)]) == 0
    assert re.fullmatch(r"migrated: data:\w+.*, keys:\w+.*\n", capsys.readouterr().out)
    assert run(["migrate", "--config", str(config)]) == 0
    assert capsys.readouterr().out == "the databases are up to date\n"


def test_migrate_takes_a_key_store_of_its_own(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    config = vault / "vault.toml"
    change(config, "[tiers.full]\n", '[tiers.full]\nkeys_database = "sqlite:///keys.db"\n')
    assert run(["migrate", "--config", str(config)]) == 0
    stands: dict[str, list[str]] = {}
    for name in ("vault.db", "keys.db"):
        database = Database(f"sqlite:///{vault / name}")
        stands[name] = pending(database)
        database.dispose()
    assert {revision.partition(":")[0] for revision in stands["vault.db"]} == {"keys"}
    assert {revision.partition(":")[0] for revision in stands["keys.db"]} == {"data"}


def test_a_database_of_a_newer_program_is_left_alone(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    config = str(vault / "vault.toml")
    assert run(["migrate", "--config", config]) == 0
    database = Database(f"sqlite:///{vault / 'vault.db'}")
    database.write_sync(
        lambda conn: conn.exec_driver_sql("UPDATE alembic_version_data SET version_num = 'd9999'")
    )
    database.dispose()
    capsys.readouterr()
    for command in ("migrate", "serve"):
        assert "newer program" in refused(capsys, command, "--config", config)


def test_sqlite_has_no_roles_to_grant(capsys: pytest.CaptureFixture[str], vault: Path) -> None:
    config = str(vault / "vault.toml")
    told = refused(capsys, "migrate", "--config", config, "--grant-masked-role", "crm")
    assert "SQLite has no roles" in told


def test_migrate_grants_the_masked_role_its_rights_and_no_others(
    capsys: pytest.CaptureFixture[str],
    vault: Path,
    postgres_server: PostgresServer,
    postgres_url: str,
) -> None:
    role = "masked_of_vaultd"
    postgres_server.execute(f"DROP ROLE IF EXISTS {role}")
    postgres_server.execute(f"CREATE ROLE {role} LOGIN")
    config = vault / "vault.toml"
    change(config, "sqlite:///vault.db", postgres_url)
    given = ["migrate", "--config", str(config), "--grant-masked-role"]
    assert "no such role" in refused(capsys, *given, "nobody_at_all")
    assert run([*given, role]) == 0
    assert f"{role} has the masked tier's rights" in capsys.readouterr().out

    database = Database(
        postgres_url.replace("postgres@", f"{role}@").replace("postgres:@", role + ":@")
    )
    try:
        user = database.read_sync(lambda c: c.exec_driver_sql("SELECT current_user").scalar())
        assert user == role
        database.read_sync(lambda c: c.exec_driver_sql("SELECT masked FROM customers").all())
        with pytest.raises(StoreForbidden):
            database.read_sync(lambda c: c.exec_driver_sql("SELECT sealed FROM customers").all())
    finally:
        database.dispose()


# -- check-config --------------------------------------------------------------------------------


def test_a_vault_that_can_be_served_passes_the_check(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    config = str(vault / "vault.toml")
    assert run(["migrate", "--config", config]) == 0
    capsys.readouterr()
    assert run(["check-config", "--config", config]) == 0
    said = capsys.readouterr().out
    assert "problem" not in said
    for tier in TierName:
        for subject in ("listen", "tls", "kms", "principals", "policies", "database"):
            assert re.search(rf"^{tier.value} +{subject} +ok ", said, re.MULTILINE)


def test_the_check_tells_every_problem_at_once_and_changes_nothing(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    (vault / "kms/full/index.kek").unlink()
    (vault / "pki/full-server.key").chmod(0o644)
    (vault / "principals.toml").write_text("[[principal]]\n")
    assert run(["check-config", "--config", str(vault / "vault.toml"), "--tier", "full"]) == 2
    said = capsys.readouterr().out
    for subject, why in (
        ("tls", "chmod 600"),
        ("kms", "no KEK index"),
        ("principals", "principal 1"),
        ("database", "vaultd migrate"),
    ):
        assert re.search(rf"^full +{subject} +problem +.*{why}", said, re.MULTILINE), said
    assert re.search(r"^full +policies +ok", said, re.MULTILINE)
    assert "masked" not in said
    assert not (vault / "vault.db").exists()


@pytest.mark.parametrize("kek", ["full", "index"])
def test_the_check_finds_a_kek_that_no_masked_node_may_have(
    capsys: pytest.CaptureFixture[str], vault: Path, kek: str
) -> None:
    stray = vault / "kms/masked" / f"{kek}.kek"
    stray.write_bytes((vault / "kms/full" / stray.name).read_bytes())
    stray.chmod(0o600)
    assert run(["check-config", "--config", str(vault / "vault.toml")]) == 2
    said = capsys.readouterr().out
    assert re.search(rf"^masked +kms +problem +.*KEK {kek}, which no masked node", said, re.M)


def test_the_check_finds_a_certificate_that_has_ended_and_a_key_of_another(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    other = vault / "other"
    other.mkdir()
    Authority.open(other, datetime.now(UTC) - timedelta(days=400)).server("old")
    for suffix in ("pem", "key"):
        (vault / f"pki/full-server.{suffix}").write_bytes((other / f"old.{suffix}").read_bytes())
    (vault / "pki/masked-node.key").write_bytes((vault / "pki/crm.key").read_bytes())
    assert run(["check-config", "--config", str(vault / "vault.toml")]) == 2
    said = capsys.readouterr().out
    assert re.search(r"^full +tls +problem +.*full-server\.pem ended on", said, re.MULTILINE)
    assert re.search(r"^masked +oracle +problem +.*is not the key of", said, re.MULTILINE)


def test_the_check_looks_at_the_tiers_that_the_file_has(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    config = vault / "vault.toml"
    text = config.read_text()
    config.write_text(text[: text.index("[tiers.masked]")])
    assert run(["migrate", "--config", str(config)]) == 0
    capsys.readouterr()
    assert run(["check-config", "--config", str(config)]) == 0
    assert "masked " not in capsys.readouterr().out
    assert "[tiers.masked]" in refused(
        capsys, "check-config", "-c", str(config), "--tier", "masked"
    )


# -- dev-token -----------------------------------------------------------------------------------


def test_dev_token_prints_a_token_and_nothing_else(
    vault: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["dev-token", "--dir", str(vault), "--person", "teller", "--for", "crm"]
    assert run(arguments) == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", said.out)
    assert said.err == ""


def test_dev_token_says_whose_there_are(vault: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(capsys, "dev-token", "--dir", str(vault), "--person", "x", "--for", "crm")
    assert "nobody's token can be had but for teller" in said
