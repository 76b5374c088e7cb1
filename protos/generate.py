"""Generate the Python stubs and the descriptor image from the proto files of this folder.

    python protos/generate.py                    everything
    python protos/generate.py --only masked      one distribution's stubs
    python protos/generate.py --release 0.1.0    also keep the contract as a baseline for
                                                 `buf breaking`, in protos/released/

What comes out is ignored by git and read by people only to debug. Each distribution gets its
own part of the namespace package `recordsvault`, so that a front end can install the masked
part and have no stub of a full record:

    clients/python-masked/generated   recordsvault.type, .masked, .access, and buf.validate
    clients/python/generated          recordsvault.records, .accounts, .bundles, .retention,
                                      .compartments, .audit, .admin
    stubs                             recordsvault.internal (between the two tiers)
    build/image.binpb                 all of it with comments, for buf
    build/typings                     stubs of google.type and google.rpc for the type checker,
                                      whose distribution is not marked as typed

A proto may import from its own distribution and from those above it in this list. One that
reaches further down stops the generation: it would break the import of whoever installed less.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import status_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "recordsvault"
VALIDATE_PROTO = "buf/validate/validate.proto"
# Imported by code of ours though by no proto of ours.
RPC_PROTOS = ("google/rpc/code.proto", "google/rpc/error_details.proto", "google/rpc/status.proto")


@dataclass(frozen=True, slots=True)
class Target:
    """The stubs of one distribution: where they go and whose audience's packages they hold."""

    folder: str
    packages: tuple[str, ...]
    extra: tuple[str, ...] = ()


# From the distribution that stands alone to the one that needs all others.
TARGETS = {
    "masked": Target(
        "clients/python-masked/generated", ("type", "masked", "access"), (VALIDATE_PROTO,)
    ),
    "client": Target(
        "clients/python/generated",
        ("records", "life", "accounts", "bundles", "retention", "compartments", "audit", "admin"),
    ),
    "server": Target("stubs", ("internal",)),
}


class GenerationError(Exception):
    """The contract cannot be compiled, or breaks the rule on imports between distributions."""


class Compiler:
    """protoc with the include paths and plug-ins set up in a scratch folder."""

    def __init__(self, protos: Path, scratch: Path) -> None:
        """Prepare `scratch` with the descriptor of the protovalidate rules."""
        self._protos = protos
        validate = scratch / "validate.binpb"
        validate.write_bytes(_validate_descriptor().SerializeToString(deterministic=True))
        google = Path(status_pb2.__file__).parents[2]
        well_known = Path(grpc_tools.__file__).parent / "_proto"
        self._base = [
            "protoc",
            f"--descriptor_set_in={validate}",
            *(f"-I{folder}" for folder in (protos, google, well_known)),
        ]

    def names(self) -> list[str]:
        """Every proto of ours, relative to the folder of protos, in a fixed order."""
        found = (self._protos / NAMESPACE).rglob("*.proto")
        names = sorted(path.relative_to(self._protos).as_posix() for path in found)
        if not names:
            raise GenerationError(f"no proto below {self._protos / NAMESPACE}")
        return names

    def image(self, names: Sequence[str], path: Path, *, comments: bool) -> FileDescriptorSet:
        """Write the descriptor set of `names` and all that they import to `path`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        options = ["--include_imports", f"--descriptor_set_out={path}"]
        if comments:
            options.append("--include_source_info")
        self._run(options, names)
        image = FileDescriptorSet()
        image.ParseFromString(path.read_bytes())
        return image

    def messages(self, names: Sequence[str], out: Path) -> None:
        """The messages of `names` and their types, below `out`."""
        self._run([f"--python_out={out}"], names)
        self.typings(names, out)

    def services(self, names: Sequence[str], out: Path) -> None:
        """The services of `names`, each of which has one, and their types, below `out`."""
        plugin = _plugin("protoc-gen-mypy_grpc")
        options = [f"--plugin=protoc-gen-mypy_grpc={plugin}", f"--mypy_grpc_out=quiet:{out}"]
        self._run([f"--grpc_python_out={out}", *options], names)

    def typings(self, names: Sequence[str], out: Path) -> None:
        """Only the types of the messages in `names`, below `out`."""
        plugin = _plugin("protoc-gen-mypy")
        options = [f"--plugin=protoc-gen-mypy={plugin}", f"--mypy_out=quiet:{out}"]
        self._run(options, names)

    def _run(self, options: Sequence[str], names: Sequence[str]) -> None:
        if protoc.main([*self._base, *options, *names]) != 0:
            raise GenerationError("protoc refused the contract; see its message above")


def generate(only: Iterable[str] = (), *, root: Path = ROOT, release: str | None = None) -> None:
    """Generate the stubs of the targets named in `only` (none named: all, and the typings).

    Raises GenerationError; what was generated before then stands as it was.
    """
    wanted = tuple(only) or tuple(TARGETS)
    with tempfile.TemporaryDirectory(prefix="recordsvault-stubs-") as folder:
        scratch = Path(folder)
        compiler = Compiler(root / "protos", scratch)
        names = compiler.names()
        contract = compiler.image(names, scratch / "image.binpb", comments=True)
        check_imports(contract.file)
        # protoc would make an empty module for a file without a service.
        serving = {file.name for file in contract.file if file.service}
        for key in wanted:
            target, out = TARGETS[key], scratch / key
            out.mkdir()
            held = _in_packages(names, target.packages)
            compiler.messages([*held, *target.extra], out)
            if services := [name for name in held if name in serving]:
                compiler.services(services, out)
            _mark_typed(out)
            _replace(out, root / target.folder)
        if not only:
            google = {file.name for file in contract.file if file.name.startswith("google/type/")}
            (scratch / "typings").mkdir()
            compiler.typings(sorted(google | set(RPC_PROTOS)), scratch / "typings")
            _mark_typed(scratch / "typings")
            _replace(scratch / "typings", root / "build" / "typings")
            (root / "build").mkdir(exist_ok=True)
            shutil.copyfile(scratch / "image.binpb", root / "build" / "image.binpb")
        if release is not None:
            baseline = root / "protos" / "released" / f"{release}.binpb"
            if baseline.exists():
                raise GenerationError(f"{release} is released already: a baseline never changes")
            compiler.image(names, baseline, comments=False)


def check_imports(files: Iterable[FileDescriptorProto]) -> None:
    """Raise GenerationError unless each file imports from its own distribution or a smaller one."""
    rank = {
        package: position
        for position, target in enumerate(TARGETS.values())
        for package in target.packages
    }
    for file in files:
        if (package := _package_of(file.name)) is None:
            continue
        if package not in rank:
            raise GenerationError(f"{file.name}: no distribution in TARGETS holds {package}")
        for imported in file.dependency:
            other = _package_of(imported)
            if other is not None and rank.get(other, len(rank)) > rank[package]:
                raise GenerationError(
                    f"{file.name} imports {imported}, which its distribution does not hold"
                )


def _package_of(name: str) -> str | None:
    """The audience package of a proto file of ours: `records` of `recordsvault/records/v1/x`."""
    parts = name.split("/")
    return parts[1] if parts[0] == NAMESPACE and len(parts) > 2 else None


def _in_packages(names: Sequence[str], packages: tuple[str, ...]) -> list[str]:
    chosen = [name for name in names if _package_of(name) in packages]
    for package in packages:
        if not any(_package_of(name) == package for name in chosen):
            raise GenerationError(f"no proto in {NAMESPACE}/{package}")
    return chosen


def _validate_descriptor() -> FileDescriptorSet:
    """The descriptor of buf/validate/validate.proto.

    No package of the registry ships it as a file; protovalidate carries the compiled form.
    """
    # A private module, so a later protovalidate may move it: the import then fails right here.
    from protovalidate._gen.buf.validate import validate_pb

    image = FileDescriptorSet()
    image.file.add().ParseFromString(validate_pb._DESC.proto.to_binary())
    return image


def _plugin(name: str) -> str:
    # Beside this interpreter first: a virtual environment need not be activated.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(name, path=path)
    if found is None:
        raise GenerationError(f"{name} is not installed; it comes with mypy-protobuf")
    return found


def _mark_typed(out: Path) -> None:
    """PEP 561: a marker in each package below the namespace packages."""
    for package in out.glob("*/*/"):
        (package / "py.typed").touch()


def _replace(source: Path, target: Path) -> None:
    """Make `target` hold what `source` holds; a file that did not change keeps its time."""
    fresh = {path.relative_to(source) for path in source.rglob("*") if path.is_file()}
    for old in [path for path in target.rglob("*") if path.is_file()]:
        if old.relative_to(target) not in fresh and old.suffix != ".pyc":
            old.unlink()
    for name in fresh:
        data, kept = (source / name).read_bytes(), target / name
        if not kept.is_file() or kept.read_bytes() != data:
            kept.parent.mkdir(parents=True, exist_ok=True)
            # Beside it first: an importer never sees half a module.
            draft = kept.with_name(f".{kept.name}.{os.getpid()}")
            draft.write_bytes(data)
            draft.replace(kept)


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+\.\d+\.\d+", text):
        raise argparse.ArgumentTypeError("a version is three numbers, such as 0.1.0")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when everything was generated, 1 when not."""
    parser = argparse.ArgumentParser(description="Generate the stubs of the records vault.")
    parser.add_argument("--only", choices=sorted(TARGETS), action="append", default=[])
    parser.add_argument("--release", type=_version, metavar="VERSION")
    options = parser.parse_args(arguments)
    try:
        generate(options.only, release=options.release)
    except GenerationError as error:
        print(f"protos/generate.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
