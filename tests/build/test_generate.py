"""The generator of the stubs: whose stubs hold what, and when it refuses."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from protos.generate import TARGETS, GenerationError, check_imports, generate, main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the protos, generated from nothing."""
    root = tmp_path_factory.mktemp("tree")
    shutil.copytree(ROOT / "protos" / "recordsvault", root / "protos" / "recordsvault")
    generate(root=root)
    return root


@pytest.fixture
def tree(generated: Path, tmp_path: Path) -> Path:
    """A tree of this test's own, generated already."""
    root = tmp_path / "tree"
    shutil.copytree(generated, root)
    return root


def file(name: str, *imports: str) -> FileDescriptorProto:
    return FileDescriptorProto(name=name, dependency=imports)


def test_each_distribution_gets_its_own_packages(generated: Path) -> None:
    for target in TARGETS.values():
        held = {path.name for path in (generated / target.folder / "recordsvault").iterdir()}
        assert held == set(target.packages)


def test_no_two_distributions_hold_the_same_module(generated: Path) -> None:
    modules = [
        path.relative_to(generated / target.folder)
        for target in TARGETS.values()
        for path in (generated / target.folder).rglob("*_pb2*.py")
    ]
    assert len(modules) == len(set(modules))


def test_the_shared_namespace_has_no_init_file(generated: Path) -> None:
    assert list(generated.rglob("__init__.py")) == []


def test_every_module_has_its_types_and_every_package_is_marked(generated: Path) -> None:
    modules = list(generated.rglob("*_pb2*.py"))
    assert modules
    for module in modules:
        assert module.with_suffix(".pyi").is_file()
        assert (module.parent / "py.typed").is_file() or (module.parents[1] / "py.typed").is_file()


def test_the_image_holds_the_comments_that_the_lint_reads(generated: Path) -> None:
    image = FileDescriptorSet.FromString((generated / "build" / "image.binpb").read_bytes())
    ours = [entry for entry in image.file if entry.name.startswith("recordsvault/")]
    sources = list((generated / "protos").rglob("*.proto"))
    assert len(ours) == len(sources)
    for entry in ours:
        assert any(location.leading_comments for location in entry.source_code_info.location)


def test_a_masked_proto_may_not_import_a_full_record() -> None:
    bad = file("recordsvault/masked/v1/views.proto", "recordsvault/records/v1/customer.proto")
    with pytest.raises(GenerationError, match=r"masked/v1/views.* imports .*records/v1/customer"):
        check_imports([bad])


def test_a_client_proto_may_not_import_the_internal_one() -> None:
    bad = file("recordsvault/admin/v1/a.proto", "recordsvault/internal/v1/index_oracle.proto")
    with pytest.raises(GenerationError, match="does not hold"):
        check_imports([bad])


def test_a_package_without_a_distribution_is_refused() -> None:
    with pytest.raises(GenerationError, match="no distribution"):
        check_imports([file("recordsvault/novel/v1/a.proto")])


def test_an_import_of_a_package_without_a_distribution_is_refused() -> None:
    bad = file("recordsvault/records/v1/a.proto", "recordsvault/novel/v1/b.proto")
    with pytest.raises(GenerationError, match="does not hold"):
        check_imports([bad])


def test_imports_towards_the_smaller_distribution_are_fine() -> None:
    check_imports(
        [
            file("google/type/money.proto"),
            file("recordsvault/masked/v1/a.proto", "recordsvault/type/v1/b.proto"),
            file("recordsvault/records/v1/a.proto", "recordsvault/masked/v1/b.proto"),
            file("recordsvault/internal/v1/a.proto", "recordsvault/records/v1/b.proto"),
            file("recordsvault/audit/v1/a.proto", "recordsvault/records/v1/b.proto"),
        ]
    )


def test_generating_again_touches_nothing(tree: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*_pb2*")}
    generate(root=tree)
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*_pb2*")} == before


def test_a_module_whose_proto_is_gone_goes_too(tree: Path) -> None:
    stale = tree / "stubs" / "recordsvault" / "internal" / "v1" / "gone_pb2.py"
    stale.write_text("left over")
    generate(["server"], root=tree)
    assert not stale.exists()


def test_one_target_leaves_the_others_alone(tree: Path) -> None:
    for target in TARGETS.values():
        shutil.rmtree(tree / target.folder)
    generate(["masked"], root=tree)
    assert (tree / TARGETS["masked"].folder).is_dir()
    assert not (tree / TARGETS["client"].folder).exists()
    assert not (tree / TARGETS["server"].folder).exists()


def test_a_contract_that_does_not_compile_leaves_the_stubs_that_stand(tree: Path) -> None:
    proto = next((tree / "protos" / "recordsvault" / "type").rglob("*.proto"))
    proto.write_text(proto.read_text(encoding="utf-8") + "\nmessage {", encoding="utf-8")
    modules = sorted(tree.rglob("*_pb2.py"))
    with pytest.raises(GenerationError, match="refused"):
        generate(root=tree)
    assert sorted(tree.rglob("*_pb2.py")) == modules


def test_no_proto_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "protos").mkdir()
    with pytest.raises(GenerationError, match="no proto"):
        generate(root=tmp_path)


def test_a_released_contract_never_changes(tree: Path) -> None:
    generate(root=tree, release="9.9.9")
    baseline = tree / "protos" / "released" / "9.9.9.binpb"
    kept = baseline.read_bytes()
    assert FileDescriptorSet.FromString(kept).file
    with pytest.raises(GenerationError, match="released already"):
        generate(root=tree, release="9.9.9")
    assert baseline.read_bytes() == kept


@pytest.mark.parametrize("version", ["", "1", "v1.0.0", "1.0.0/../x", "1.0.0rc1"])
def test_a_release_is_named_by_three_numbers(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--release", version])
    assert stopped.value.code == 2
    assert "three numbers" in capsys.readouterr().err


def test_a_field_that_changes_its_type_is_a_break(tree: Path) -> None:
    buf = ROOT / "node_modules" / ".bin" / "buf"
    generate(root=tree, release="0.0.1")
    proto = next((tree / "protos" / "recordsvault" / "type").rglob("masked_string.proto"))
    text = proto.read_text(encoding="utf-8")
    changed = text.replace("string value = 2;", "bytes value = 2;")
    assert changed != text
    proto.write_text(changed, encoding="utf-8")
    generate(root=tree)
    against = ["--against", str(tree / "protos" / "released" / "0.0.1.binpb")]
    compared = subprocess.run(
        [buf, "breaking", "--config", ROOT / "buf.yaml", tree / "build" / "image.binpb", *against],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compared.returncode == 100, compared.stderr
    assert "masked_string.proto" in compared.stdout


def test_the_declared_runtimes_are_at_least_as_new_as_the_generated_code() -> None:
    module = (ROOT / TARGETS["masked"].folder).rglob("masked_pb2.py")
    service = (ROOT / TARGETS["masked"].folder).rglob("masked_pb2_grpc.py")
    wrote = re.search(r"PUBLIC,\s*(\d+),\s*(\d+),\s*(\d+)", next(module).read_text())
    serves = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", next(service).read_text())
    assert wrote
    assert serves
    needed = {"protobuf": ".".join(wrote.groups()), "grpcio": serves[1]}
    for folder in ("", "clients/python", "clients/python-masked"):
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))
        declared = project["project"]["dependencies"]
        for name, version in needed.items():
            floor = next(line for line in declared if re.match(rf"{name}\W", line))
            assert floor.startswith(f"{name}>={version},")
        assert f"grpcio-tools=={serves[1]}" in project["build-system"]["requires"]


def test_an_error_is_one_line_and_a_failure(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    shutil.rmtree(tmp_path / "protos" / "recordsvault" / "admin")
    ran = subprocess.run(
        [sys.executable, tmp_path / "protos" / "generate.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "no proto in recordsvault/admin" in ran.stderr
    assert "Traceback" not in ran.stderr
