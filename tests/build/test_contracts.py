"""The import contracts catch what they are there for, tried on a house of empty rooms."""

import itertools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = [
    "cli",
    "server",
    "rpc",
    "services",
    "access",
    "audit",
    "sealing",
    "kms",
    "store",
    "records",
]  # from the top down


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for package in (
        "vault",
        *(f"vault/{room}" for room in ROOMS),
        "recordsvault_client",
        "recordsvault_masked",
    ):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> subprocess.CompletedProcess[str]:
    # The house comes first on the path, so it is linted and not the one that is installed.
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command"
    return subprocess.run(
        [sys.executable, "-c", f"{code}; lint_imports_command()", "--no-cache", "--no-logo"],
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_the_design_allows_is_kept(house: Path) -> None:
    for upper, lower in itertools.pairwise(ROOMS):
        (house / "vault" / upper / "use.py").write_text(f"import vault.{lower}\n")
    for room in ("rpc", "server", "cli"):
        (house / "vault" / room / "wire.py").write_text(
            "import grpc\nfrom google.protobuf import message\nimport recordsvault.type.v1\n"
        )
    (house / "vault" / "store" / "tables.py").write_text("import sqlalchemy\n")
    (house / "recordsvault_client" / "use.py").write_text("import recordsvault_masked, grpc\n")
    kept = lint(house)
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert "0 broken" in kept.stdout


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        *(
            (f"vault/{lower}", f"vault.{upper}", "Rooms import downwards only")
            for upper, lower in itertools.pairwise(ROOMS)
        ),
        ("vault/services", "grpc", "Only rpc, server and cli touch gRPC and protobuf"),
        ("vault/audit", "google.protobuf.message", "Only rpc, server and cli"),
        ("vault/access", "google.rpc", "Only rpc, server and cli"),
        ("vault/store", "recordsvault.records.v1", "Only rpc, server and cli"),
        ("vault/services", "protovalidate", "Only rpc, server and cli"),
        ("vault/records", "sqlalchemy", "The domain is pure"),
        ("vault/records", "cryptography.hazmat", "The domain is pure"),
        ("vault/records", "grpc", "The domain is pure"),
        ("recordsvault_client", "vault.records", "Clients stand without the server"),
        ("recordsvault_masked", "vault", "Clients stand without the server"),
        ("recordsvault_masked", "recordsvault_client", "The masked client stands without"),
    ],
)
def test_what_the_design_forbids_is_broken(
    house: Path, importer: str, imported: str, contract: str
) -> None:
    (house / importer / "wrong.py").write_text(f"import {imported}\n")
    broken = lint(house)
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert any(
        line.startswith(contract) and line.endswith("BROKEN") for line in broken.stdout.splitlines()
    ), broken.stdout


def test_a_room_without_a_place_is_broken(house: Path) -> None:
    (house / "vault" / "attic").mkdir()
    (house / "vault" / "attic" / "__init__.py").touch()
    broken = lint(house)
    assert broken.returncode == 1
    assert "vault.attic" in broken.stdout
