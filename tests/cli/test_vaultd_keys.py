"""`vaultd keys`: the signing keys of a tier, and what it prints of them."""

from pathlib import Path

import pytest

from vault.audit.note import VerifierKey
from vault.cli.vaultd.app import run
from vault.kms.signing import Purpose, read_signing_keys
from vault.server.dev import held, prepare
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """A vault's folder without signing keys, as one from before them."""
    folder = tmp_path / "dev"
    with held(folder):
        prepare(folder)
    for file in folder.glob("kms/*/*.signing"):
        file.unlink()
    return folder


def keys(
    capsys: pytest.CaptureFixture[str], vault: Path, *arguments: str, code: int = 0
) -> tuple[list[VerifierKey], str]:
    """What a command prints: public keys on stdout, the rest on stderr."""
    capsys.readouterr()
    assert run(["keys", *arguments, "--config", str(vault / "vault.toml")]) == code
    said = capsys.readouterr()
    return [VerifierKey.parse(line) for line in said.out.splitlines()], said.err


def test_the_full_tiers_keys_are_made_once_and_their_public_halves_shown(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    made, said = keys(capsys, vault, "create")
    assert [key.name for key in made] == [
        "demo.bank/log",
        "demo.bank/log/access",
        "demo.bank/log/receipt",
    ]
    assert said.count("made ") == 3
    again, said = keys(capsys, vault, "create")
    assert (again, said) == (made, "")
    assert keys(capsys, vault, "show")[0] == made


def test_a_masked_node_gets_a_receipt_key_of_its_own_and_no_other(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    full, _ = keys(capsys, vault, "create")
    (masked,), _ = keys(capsys, vault, "create", "--tier", "masked")
    assert masked.name == "demo.bank/log/receipt"
    assert masked not in full
    assert [p.name for p in (vault / "kms/masked").glob("*.signing")] == ["receipt.signing"]
    for what in ("log", "access"):
        _, said = keys(capsys, vault, "rotate", what, "--tier", "masked", code=2)
        assert f"the masked tier has no {what} key" in said


@pytest.mark.parametrize("what", ["log", "access"])
def test_a_masked_node_that_has_a_key_of_the_full_tiers_is_told_to_remove_it(
    capsys: pytest.CaptureFixture[str], vault: Path, what: str
) -> None:
    keys(capsys, vault, "create")
    (vault / f"kms/masked/{what}.signing").write_bytes(
        (vault / f"kms/full/{what}.signing").read_bytes()
    )
    _, said = keys(capsys, vault, "create", "--tier", "masked", code=2)
    assert "must not have" in said
    assert not (vault / "kms/masked/receipt.signing").exists()


@pytest.mark.parametrize("what", [Purpose.LOG, Purpose.ACCESS])
def test_rotating_adds_a_key_and_retiring_keeps_the_old_ones_public_half(
    capsys: pytest.CaptureFixture[str], vault: Path, what: Purpose
) -> None:
    keys(capsys, vault, "create")
    both, _ = keys(capsys, vault, "rotate", what)
    assert len(both) == 2
    assert keys(capsys, vault, "retire", what)[0] == both
    active = [key.active for key in read_signing_keys(vault / "kms/full", what)]
    assert active == [False, True]
    _, said = keys(capsys, vault, "retire", what, code=2)
    assert "rotate first" in said


def test_a_lattice_key_is_for_the_log_alone(
    capsys: pytest.CaptureFixture[str], vault: Path
) -> None:
    made, _ = keys(capsys, vault, "create", "--ml-dsa-44")
    assert [(key.name, len(key.public_key)) for key in made] == [
        ("demo.bank/log", 32),
        ("demo.bank/log", 1312),
        ("demo.bank/log/access", 32),
        ("demo.bank/log/receipt", 32),
    ]
    receipts, _ = keys(capsys, vault, "rotate", "receipt", "--ml-dsa-44")
    assert {len(key.public_key) for key in receipts} == {32}


def test_no_private_half_is_ever_printed(capsys: pytest.CaptureFixture[str], vault: Path) -> None:
    capsys.readouterr()
    config = str(vault / "vault.toml")
    for command in (["create"], ["rotate", "log"], ["show"], ["retire", "log"]):
        before = read_signing_keys(vault / "kms/full", Purpose.LOG)
        run(["keys", *command, "--config", config])
        said = "".join(capsys.readouterr())
        text = (vault / "kms/full/log.signing").read_text()
        seeds = [line.split('"')[3] for line in text.splitlines() if '"seed"' in line]
        assert seeds
        assert not [seed for seed in seeds if seed in said]
        assert all(repr(key.seed) not in said for key in before)


def test_the_keys_sign_under_the_origin_of_the_configuration(vault: Path) -> None:
    config = vault / "vault.toml"
    config.write_text(config.read_text().replace("demo.bank/log", "other.bank/vault"))
    run(["keys", "create", "--config", str(config)])
    settings = load(config, TierName.FULL)
    assert [key.name for key in verifier_keys(settings, Purpose.LOG)] == ["other.bank/vault"]
