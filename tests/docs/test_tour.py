"""What the pages tell people to type does what they say, on a vault made by `vaultd dev`."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, codes, command_lines
from tests.support import forked_programs
from tests.support.quiet_ports import free_port
from tests.support.specimen_files import as_pdf
from tests.support.specimens import DRAWN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EXAMPLES = "clients/examples"
# What a client has kept before an officer checks it.
RECEIPTS = """
from recordsvault_client import Profile, VaultClient

with VaultClient(Profile.load(".demo/profiles/operator.toml"), receipts="receipts.jsonl") as vault:
    vault.check_health()
"""
KEPT = {"customers": 60, "documents": 60, "transactions": 200}
SCAN = "specimen-resident-id.jpg"
PHONE = "+8617402254132"
PAGES = [
    "README.md",
    "docs/tutorial.md",
    "docs/how-to/back-end.md",
    "docs/how-to/crm.md",
    "docs/how-to/compliance.md",
    "docs/how-to/custodian.md",
    "docs/how-to/security-officer.md",
    "docs/how-to/operator.md",
    "docs/how-to/recovery.md",
]
# What installs, serves or follows for ever; and files that the pages only speak of.
NOT_HERE = re.compile(
    r"^(make|vaultd(?! dev-token)|pip|\.)( |$)|audit tail|document\.json|transaction\.json|^\S+$"
    # What asks at the terminal; and whom a development vault has not.
    r"|checkout (approve|deny)(?!.*--yes)|break-glass"
)
# The CRM asks for a full record, to be refused.
REFUSED = re.compile(r"crm\.toml customers get \$NAME --full")
PERMISSION_DENIED = 5
# What a page calls by a name of its own from there on.
KEPT_FOR_LATER = re.compile(r"([A-Z]+)=\$\(")
# A check-out that waits, as the pages call it $CHECKOUT.
TOKEN = "vaultd dev-token --dir .demo --person teller --for crm > .demo/teller.jwt"
CHECKOUT = (
    "vaultctl --profile .demo/profiles/crm.toml --token .demo/teller.jwt checkout request $NAME "
    "--field natural_person.full_name,phones --purpose CUSTOMER_SERVICE --for 2h --reason Card"
)
NAME = (
    "NAME=$(vaultctl --profile .demo/profiles/crm.toml customers search "
    "--customer-number C0000001 --json | grep -o 'customers/[0-9a-z]*' | head -n 1)"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Like a clone after `make dev`: some of the examples, and a running vault in .demo."""
    here = tmp_path_factory.mktemp("clone")
    _shorten(here / EXAMPLES)
    (here / "passport.pdf").write_bytes(as_pdf(DRAWN["passport-td3"]().image))
    environment = _environment()
    with (here / "vaultd.log").open("wb") as log:
        ports = ("--port-full", str(free_port()), "--port-masked", str(free_port()))
        dev = subprocess.Popen(
            ["vaultd", "dev", "--dir", ".demo", "--once-ready-file", "ready", *ports],
            cwd=here,
            env=environment,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while not (here / "ready").exists():
            said = (here / "vaultd.log").read_text("utf-8")
            assert dev.poll() is None and time.monotonic() < deadline, said
            time.sleep(0.05)
        for line in command_lines((ROOT / "README.md").read_text(encoding="utf-8")):
            if " import " in line:
                assert _run(line, here) == 0
        subprocess.run([sys.executable, "-c", RECEIPTS], cwd=here, check=True)
        # What the pages write before a program of theirs reads it.
        assert _run(TOKEN.replace(".demo/teller.jwt", "token"), here) == 0
        yield here
    finally:
        dev.send_signal(signal.SIGTERM)
        dev.wait(60)


def _shorten(examples: Path) -> None:
    """The first customers and what is theirs: the whole takes too long for a test."""
    examples.mkdir(parents=True)
    for name, lines in KEPT.items():
        with (ROOT / EXAMPLES / f"{name}.jsonl").open(encoding="utf-8") as source:
            kept = [line for line in source if re.search(r'"customer_number":"C00000[0-5]', line)]
        (examples / f"{name}.jsonl").write_text("".join(kept[:lines]), encoding="utf-8")
    shutil.copy(ROOT / EXAMPLES / SCAN, examples)
    shutil.copytree(ROOT / EXAMPLES / "statements", examples / "statements")


def _environment() -> dict[str, str]:
    programs = [str(forked_programs.folder()), str(Path(sys.executable).parent)]
    return {**os.environ, "PATH": os.pathsep.join([*programs, os.environ["PATH"]])}


def _run(line: str, folder: Path, **variables: str) -> int:
    """Run one line of a page; its exit code. What it said is shown if the test fails."""
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder,
        env=_environment() | variables,
        input=PHONE + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    sys.stdout.write(f"$ {line}\n{done.stdout[-2000:]}{done.stderr}")
    return done.returncode


@pytest.fixture(scope="module")
def name(folder: Path) -> str:
    """The customer that the pages call $NAME, below the institution."""
    said = _said(f'{NAME}; echo "$NAME"', folder)
    assert re.fullmatch(r"customers/[0-9a-z]{26}\n", said)
    return said.strip()


@pytest.mark.parametrize("page", PAGES)
def test_every_line_of_a_page_does_what_it_says(page: str, folder: Path, name: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for code in codes(text):
        if code.language == "json":
            (folder / "customer.json").write_text(code.text, encoding="utf-8")
    shell = [line for code in codes(text) if code.language == "sh" for line in _lines(code.text)]
    wanted = [line for line in shell if not NOT_HERE.search(line)]
    assert wanted
    more = {"CHECKOUT": _checkout(folder, name)} if "$CHECKOUT" in text else {}
    known = {"NAME": name, **more}
    for line in wanted:
        expected = PERMISSION_DENIED if REFUSED.search(line) else 0
        assert _run(line, folder, **known) == expected, line
        kept = KEPT_FOR_LATER.match(line)
        if kept is not None and kept[1] not in known:
            known[kept[1]] = _said(f'{line}; echo "${kept[1]}"', folder, **known).strip()


def _checkout(folder: Path, name: str) -> str:
    """A check-out that waits for the custodian."""
    said = _said(f"{TOKEN}; {CHECKOUT}", folder, NAME=name)
    (found,) = re.findall(r"checkOuts/[0-9a-z]{26}", said)
    return str(found)


def _said(line: str, folder: Path, **variables: str) -> str:
    """What a line that succeeds writes."""
    done = subprocess.run(
        ["bash", "-e", "-c", line],
        cwd=folder,
        env=_environment() | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", [p for p in PAGES if "```python" in (ROOT / p).read_text("utf-8")])
def test_every_python_example_of_a_page_runs(page: str, folder: Path, name: str) -> None:
    for code in codes((ROOT / page).read_text(encoding="utf-8")):
        if code.language == "python":
            done = subprocess.run(
                [sys.executable, "-c", f"name = 'institutions/demo-bank/{name}'\n{code.text}"],
                cwd=folder,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout or "create_local_keks" in code.text
