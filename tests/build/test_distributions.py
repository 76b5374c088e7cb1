"""What a caller installs: two distributions, built from the tree, that stand without the server."""

import itertools
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorSet

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = {
    "masked": "clients/python-masked",
    "client": "clients/python",
    "server": ".",
}
# The plain strings that an answer of the masked service may hold. Whatever says something about
# a person or a payment is a MaskedString, which knows how it was masked.
PLAIN = {
    "name": "resource name",
    "corrects": "resource name",
    "reverses": "resource name",
    "corrected_by": "resource name",
    "reversed_by": "resource name",
    "content": "resource name",
    "layout": "name of a layout",
    "png": "a picture, drawn anew and covered",
    "branch": "the institution's own branch code",
    "issuing_country": "country code",
    "time_zone": "zone name",
    "next_page_token": "opaque",
}

IMPORT_ALL = """
import importlib, pathlib, sys
import recordsvault
names = []
for folder in map(pathlib.Path, recordsvault.__path__):
    for module in folder.rglob("*_pb2*.py"):
        names.append(".".join(module.relative_to(folder.parent).with_suffix("").parts))
for name in sorted(names):
    importlib.import_module(name)
    print(name)
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree as a clone has it, without generated code: a build must not touch the one in use."""
    tree = tmp_path_factory.mktemp("clone")
    ignore = shutil.ignore_patterns("generated", "dist", "__pycache__", "examples")
    for folder in ("protos", "clients", "vault"):
        shutil.copytree(ROOT / folder, tree / folder, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree / name)
    return tree


@pytest.fixture(scope="module")
def wheels(tree: Path) -> dict[str, Path]:
    """The wheel of each distribution, built with the tools of this environment."""
    built = {}
    for key, folder in PROJECTS.items():
        out = tree / "wheels" / key
        pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "-w", out, tree / folder)
        (built[key],) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a virtual environment in which nothing but pip is installed."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    venv.create(folder, with_pip=True)
    return folder / "bin" / "python"


def pip(python: str | Path, *arguments: str | Path) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    # -I: neither this folder nor PYTHONPATH may lend it what was not installed.
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=False)


def modules(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}


def messages(image: FileDescriptorSet) -> dict[str, DescriptorProto]:
    def walk(prefix: str, found: DescriptorProto) -> Iterator[tuple[str, DescriptorProto]]:
        yield f"{prefix}.{found.name}", found
        for inner in found.nested_type:
            yield from walk(f"{prefix}.{found.name}", inner)

    return {
        name: message
        for file in image.file
        for outer in file.message_type
        for name, message in walk(f".{file.package}", outer)
    }


@pytest.fixture(scope="module")
def image() -> FileDescriptorSet:
    return FileDescriptorSet.FromString((ROOT / "build" / "image.binpb").read_bytes())


def test_the_masked_wheel_holds_only_masked_stubs_and_its_client(wheels: dict[str, Path]) -> None:
    rooms = {
        "/".join(name.split("/")[:2]) if name.startswith(("recordsvault/", "buf/")) else name
        for name in modules(wheels["masked"])
        if not name.startswith("recordsvault_masked/")
    }
    assert rooms == {
        "recordsvault/type",
        "recordsvault/masked",
        "recordsvault/access",
        "buf/validate",
    }


def test_no_module_of_the_masked_wheel_knows_a_full_record(
    wheels: dict[str, Path], image: FileDescriptorSet
) -> None:
    full = {name for name in messages(image) if name.startswith(".recordsvault.records.")}
    assert ".recordsvault.records.v1.Customer" in full
    traces = (b"recordsvault.records", b"recordsvault/records", b"recordsvault_client")
    archive = zipfile.ZipFile(wheels["masked"])
    for name in modules(wheels["masked"]):
        data = archive.read(name)
        if name.endswith((".py", ".pyi")) and not name.startswith("recordsvault_masked/"):
            assert [trace for trace in traces if trace in data] == [], name


def test_whatever_the_masked_service_answers_about_a_person_is_a_masked_string(
    image: FileDescriptorSet,
) -> None:
    known = messages(image)
    services = [
        service
        for file in image.file
        if file.package.startswith("recordsvault.masked.")
        for service in file.service
    ]
    waiting = [method.output_type for service in services for method in service.method]
    assert waiting
    seen: set[str] = set()
    plain: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen or name == ".recordsvault.type.v1.MaskedString":
            continue
        seen.add(name)
        assert name.startswith((".recordsvault.masked.", ".google.")), name
        for field in known[name].field:
            if field.type == FieldDescriptorProto.TYPE_MESSAGE:
                waiting.append(field.type_name)
            elif name.startswith(".recordsvault."):
                kinds = (FieldDescriptorProto.TYPE_STRING, FieldDescriptorProto.TYPE_BYTES)
                plain |= {field.name} if field.type in kinds else set()
    assert plain <= PLAIN.keys()


def test_the_three_distributions_share_no_file(wheels: dict[str, Path]) -> None:
    held = [name for wheel in wheels.values() for name in modules(wheel)]
    assert len(held) == len(set(held))


def test_the_server_wheel_holds_the_server_and_the_internal_stubs_only(
    wheels: dict[str, Path],
) -> None:
    tops = {"/".join(name.split("/")[:2]) for name in modules(wheels["server"])}
    assert "recordsvault/internal" in tops
    assert {top for top in tops if not top.startswith("vault/")} == {"recordsvault/internal"}


@pytest.mark.parametrize("key", sorted(PROJECTS))
def test_a_wheel_brings_its_licence_and_is_marked_as_typed(
    key: str, wheels: dict[str, Path]
) -> None:
    names = zipfile.ZipFile(wheels[key]).namelist()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    packages = {"masked": "recordsvault_masked", "client": "recordsvault_client"}
    assert f"{packages.get(key, 'vault')}/py.typed" in names


def test_a_source_distribution_builds_without_the_protos(tree: Path, tmp_path: Path) -> None:
    code = "from hatchling.build import build_sdist; print(build_sdist({out!r}))"
    made = subprocess.run(
        [sys.executable, "-c", code.format(out=str(tmp_path))],
        cwd=tree / PROJECTS["masked"],
        capture_output=True,
        text=True,
        check=True,
    )
    source = tmp_path / made.stdout.split()[-1]
    pip(sys.executable, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, source)
    (wheel,) = tmp_path.glob("*.whl")
    assert "recordsvault/masked/v1/masked_pb2.py" in modules(wheel)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_clients_install_from_the_tree_without_the_server(tree: Path, empty: Path) -> None:
    # The masked one first and alone, as a front end does; pip builds each in an isolated
    # environment of its own with the tools that the project file names.
    pip(empty, "install", tree / PROJECTS["masked"])
    alone = run(empty, "import recordsvault_masked\n" + IMPORT_ALL)
    assert alone.returncode == 0, alone.stderr
    assert "recordsvault.masked.v1.masked_pb2_grpc" in alone.stdout
    assert "recordsvault.records" not in alone.stdout
    for absent in ("recordsvault_client", "recordsvault.records", "recordsvault.internal", "vault"):
        assert "ModuleNotFoundError" in run(empty, f"import {absent}").stderr, absent

    pip(empty, "install", tree / PROJECTS["masked"], tree / PROJECTS["client"])
    both = run(empty, "import recordsvault_masked, recordsvault_client\n" + IMPORT_ALL)
    assert both.returncode == 0, both.stderr
    assert "recordsvault.records.v1.records_pb2_grpc" in both.stdout
    assert "recordsvault.masked.v1.masked_pb2_grpc" in both.stdout
    for absent in ("recordsvault.internal", "vault", "sqlalchemy", "cryptography"):
        assert "ModuleNotFoundError" in run(empty, f"import {absent}").stderr, absent


def test_the_three_distributions_are_of_one_version() -> None:
    names = ("records-vault", "recordsvault-client", "recordsvault-masked-client")
    versions = {metadata.version(name) for name in names}
    assert len(versions) == 1
    (version,) = versions
    for larger, smaller in itertools.pairwise(names):
        assert f"{smaller}=={version}" in (metadata.requires(larger) or [])
