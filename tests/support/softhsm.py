"""Tokens of SoftHSM2, Debian's software HSM, with keys for tests.

Package `softhsm2`. Where it is absent it is installed if the test runs as root on Debian; else the
test fails and says what to install.

A PKCS#11 library sees no token that is made after it was loaded, and it is loaded once in a
process: so tokens are made in advance, and the tests of a process take one after another.
Keys are made from outside (`python -m tests.support.softhsm`), and are seen at once.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

PIN = "290417"
_TOKENS = 24
_kept: list[TemporaryDirectory[str]] = []
_next = count(1)


def library() -> Path:
    """SoftHSM's library. Raises RuntimeError, which says how to install it."""
    if shutil.which("softhsm2-util") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", "softhsm2"]):
            subprocess.run(
                ["apt-get", "-qq", *command], env=quiet, check=False, capture_output=True
            )
    for place in ("/usr/lib/softhsm", "/usr/lib64/pkcs11", "/usr/local/lib/softhsm"):
        found = Path(place) / "libsofthsm2.so"
        if found.exists() and shutil.which("softhsm2-util"):
            return found
    raise RuntimeError("this test needs Debian's SoftHSM: apt-get install softhsm2")


@cache
def environment() -> dict[str, str]:
    """What a process must have in its environment to see this process's tokens. This one has it
    from the first call on."""
    library()
    _kept.append(TemporaryDirectory())
    folder = Path(_kept[-1].name)
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    for number in range(1, _TOKENS + 1):
        _new_token(f"token-{number}")
    return {"SOFTHSM2_CONF": str(config)}


def _new_token(label: str) -> None:
    command = ["softhsm2-util", "--init-token", "--free", "--label", label]
    subprocess.run([*command, "--so-pin", PIN, "--pin", PIN], check=True, capture_output=True)


def token(labels: Iterable[str]) -> str:
    """A token that no other test has, with AES keys of those labels; its own label."""
    environment()
    number = next(_next)
    assert number <= _TOKENS, "more tokens are needed: raise _TOKENS"
    add_keys(f"token-{number}", labels)
    return f"token-{number}"


def add_keys(label: str, keys: Iterable[str], *, extractable: bool = False) -> None:
    """Make AES keys of 32 bytes in a token."""
    kind = "extractable" if extractable else "kept"
    command = [sys.executable, "-m", "tests.support.softhsm", str(library()), label, kind, *keys]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])


def same_key(labels: Iterable[str], key: str) -> None:
    """Put one AES key into several tokens, as a module's own backup would."""
    value = os.urandom(32).hex()
    for label in labels:
        command = [sys.executable, "-m", "tests.support.softhsm", str(library()), label]
        subprocess.run(
            [*command, f"value={value}", key],
            check=True,
            capture_output=True,
            cwd=Path(__file__).parents[2],
        )


def remove_key(label: str, key: str) -> None:
    """Take a key out of a token."""
    command = [sys.executable, "-m", "tests.support.softhsm", str(library()), label, "gone", key]
    subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])


def _main(module: str, label: str, kind: str, *keys: str) -> None:
    import pkcs11
    from pkcs11 import Attribute, KeyType, ObjectClass

    with pkcs11.lib(module).get_token(token_label=label).open(rw=True, user_pin=PIN) as session:
        for key in keys:
            if kind == "gone":
                wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: key}
                for found in session.get_objects(wanted):
                    found.destroy()
                continue
            if kind.startswith("value="):
                made = {
                    Attribute.CLASS: ObjectClass.SECRET_KEY,
                    Attribute.KEY_TYPE: KeyType.AES,
                    Attribute.VALUE: bytes.fromhex(kind.removeprefix("value=")),
                    Attribute.LABEL: key,
                    Attribute.TOKEN: True,
                    Attribute.SENSITIVE: True,
                    Attribute.EXTRACTABLE: False,
                    Attribute.ENCRYPT: True,
                    Attribute.DECRYPT: True,
                }
                session.create_object(made)
                continue
            kept = {
                Attribute.SENSITIVE: kind == "kept",
                Attribute.EXTRACTABLE: kind != "kept",
                Attribute.PRIVATE: True,
            }
            session.generate_key(KeyType.AES, 256, label=key, store=True, template=kept)


if __name__ == "__main__":
    _main(*sys.argv[1:])
