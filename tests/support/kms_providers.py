"""The five providers of KEKs, each with what a test needs to do to it from outside.

`Given` is what one node was given: some of the KEKs, and a way to ask for them. Services are
started once for a process of tests; each node has a prefix, a token or a folder of its own there.
"""

import base64
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import softhsm
from tests.support.go_servers import REGION, LocalAws, TransitServer
from vault.kms import (
    AwsKms,
    AwsSettings,
    KekName,
    Kms,
    LocalFileKms,
    Pkcs11Kms,
    Pkcs11Settings,
    SplitKms,
    TransitKms,
    TransitSettings,
    create_local_keks,
)
from vault.kms.split import FILE, split_keks

TRANSIT_RIGHTS = ("encrypt", "decrypt")
_prefixes = count(1)
_kept: list[TemporaryDirectory[str]] = []


@dataclass(frozen=True, slots=True)
class Given:
    """What a node was given.

    `open` asks for it anew, as a process that starts does; `rotate` makes a new version of a KEK,
    `withdraw` takes one away from the node. `table` is its `kms` table but for `directory`. `first`
    is the first byte of a wrapped key that is the ciphertext's own and not of its envelope.
    """

    kind: str
    open: Callable[[], Kms]
    rotate: Callable[[KekName], None]
    withdraw: Callable[[KekName], None]
    table: str
    first: int = 0
    shares: tuple[str, ...] = ()


def scratch() -> Path:
    """A folder until the tests are over, mode 0700."""
    _kept.append(TemporaryDirectory())
    return Path(_kept[-1].name)


def private_file(path: Path, text: str) -> Path:
    """A file as keys, tokens and PINs must lie."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def local(folder: Path, keks: Iterable[KekName]) -> Given:
    """KEK files in a folder."""
    create_local_keks(folder, keks)

    def rotate(kek: KekName) -> None:
        path = folder / f"{kek.value}.kek"
        document = json.loads(path.read_bytes())
        fresh = document["versions"][-1] | {
            "version": str(len(document["versions"]) + 1),
            "key": base64.b64encode(os.urandom(32)).decode(),
        }
        document["versions"].append(fresh)
        path.write_text(json.dumps(document))

    return Given(
        "local-file",
        lambda: LocalFileKms(folder),
        rotate,
        lambda kek: (folder / f"{kek.value}.kek").unlink(),
        'provider = "local-file"',
    )


def split(folder: Path, keks: Iterable[KekName]) -> Given:
    """KEKs sealed under a secret of five custodians, three of whom open it."""
    clear = local(scratch() / "clear", keks)
    folder.mkdir(mode=0o700, exist_ok=True)
    shares: list[str] = []

    def seal() -> None:
        (folder / FILE).unlink(missing_ok=True)
        source = _folder_of(clear)
        shares[:] = [share.words for share in split_keks(source, folder, 3, 5)]

    def opened() -> Kms:
        kms = SplitKms(folder)
        for words in shares[1:4]:
            kms.give(words)
        return kms

    def rotate(kek: KekName) -> None:
        clear.rotate(kek)
        seal()

    def withdraw(kek: KekName) -> None:
        clear.withdraw(kek)
        seal()

    seal()
    return Given("split", opened, rotate, withdraw, 'provider = "split"', shares=tuple(shares))


def _folder_of(clear: Given) -> Path:
    kms = clear.open()
    assert isinstance(kms, LocalFileKms)
    return kms._directory


def pkcs11(folder: Path, keks: Iterable[KekName]) -> Given:
    """AES keys in a token of SoftHSM."""
    label = softhsm.token(f"rv-{kek.value}-1" for kek in keks)
    versions = dict.fromkeys(KekName, 1)
    folder.mkdir(mode=0o700, exist_ok=True)
    pin = private_file(folder / "pin", f"{softhsm.PIN}\n")
    settings = Pkcs11Settings(module=softhsm.library(), token=label, pin_file=pin, prefix="rv-")

    def rotate(kek: KekName) -> None:
        versions[kek] += 1
        softhsm.add_keys(label, [f"rv-{kek.value}-{versions[kek]}"])

    return Given(
        "pkcs11",
        lambda: Pkcs11Kms(settings),
        rotate,
        lambda kek: softhsm.remove_key(label, f"rv-{kek.value}-{versions[kek]}"),
        f'provider = "pkcs11", module = "{settings.module}", token = "{label}", '
        f'pin_file = "{pin}", prefix = "rv-"',
    )


@cache
def transit_server() -> TransitServer:
    """The one of this process of tests."""
    server = TransitServer(scratch())
    server.start()
    return server


def transit(folder: Path, keks: Iterable[KekName], server: TransitServer | None = None) -> Given:
    """Keys of a transit engine, and a token that may encrypt and decrypt with those alone."""
    at = server or transit_server()
    prefix = f"rv{next(_prefixes)}-"
    rights = {
        kek: [f"transit/{verb}/{prefix}{kek.value}" for verb in TRANSIT_RIGHTS] for kek in keks
    }
    for kek in rights:
        at.add_key(f"{prefix}{kek.value}")
    token = at.token(path for paths in rights.values() for path in paths)
    folder.mkdir(mode=0o700, exist_ok=True)
    file = private_file(folder / "token", f"{token}\n")
    settings = TransitSettings(address=at.address, token_file=file, prefix=prefix)

    def withdraw(kek: KekName) -> None:
        del rights[kek]
        at.narrow(token, [path for paths in rights.values() for path in paths])

    return Given(
        "transit",
        lambda: TransitKms(settings),
        lambda kek: at.rotate(f"{prefix}{kek.value}"),
        withdraw,
        f'provider = "transit", address = "{at.address}", token_file = "{file}", '
        f'prefix = "{prefix}"',
    )


@cache
def aws_server() -> LocalAws:
    """The one of this process of tests."""
    server = LocalAws(scratch())
    server.start()
    return server


def aws(folder: Path, keks: Iterable[KekName], server: LocalAws | None = None) -> Given:
    """Keys of a local AWS KMS under aliases of their own."""
    at = server or aws_server()
    prefix = f"rv{next(_prefixes)}-"
    arns = {kek: at.add_key(f"{prefix}{kek.value}") for kek in keks}
    settings = AwsSettings(region=REGION, endpoint=at.address, prefix=prefix)

    def rotate(kek: KekName) -> None:
        arns[kek] = at.add_key(f"{prefix}{kek.value}")

    return Given(
        "aws",
        lambda: AwsKms(settings),
        rotate,
        lambda kek: at.disable(arns[kek]),
        f'provider = "aws", region = "{REGION}", endpoint = "{at.address}", prefix = "{prefix}"',
        # Its envelope: the length of the key's ARN, the ARN, the version of its material.
        first=1 + 2 + len(f"arn:aws:kms:{REGION}:111122223333:key/") + 36 + 4,
    )


@dataclass(frozen=True, slots=True)
class Tiers:
    """What the nodes of a vault were given: the full tier's three KEKs, and of them the masked one
    for a masked node. `too_much` gives the masked node more."""

    full: str
    masked: str
    too_much: Callable[[], None]
    shares: tuple[str, ...] = ()
    masked_shares: tuple[str, ...] = ()


def local_tiers(full: Path, masked: Path) -> Tiers:
    """As RunningVault lays them out: they are there already."""

    def too_much() -> None:
        private_file(masked / "full.kek", (full / "full.kek").read_text())

    return Tiers('provider = "local-file"', 'provider = "local-file"', too_much)


def split_tiers(full: Path, masked: Path) -> Tiers:
    """The KEKs that lie in the folders, sealed there; nothing in the clear stays."""
    shares = tuple(share.words for share in split_keks(full, full, 3, 5))
    masked_shares = tuple(share.words for share in split_keks(masked, masked, 2, 3))

    def too_much() -> None:
        (masked / FILE).write_bytes((full / FILE).read_bytes())

    table = 'provider = "split"'
    return Tiers(table, table, too_much, shares, masked_shares)


def pkcs11_tiers(full: Path, masked: Path) -> Tiers:
    """Two tokens."""
    label, masked_label = softhsm.token(["rv-full-1", "rv-index-1"]), softhsm.token([])
    softhsm.same_key((label, masked_label), "rv-masked-1")
    for folder in (full, masked):
        private_file(folder / "pin", f"{softhsm.PIN}\n")

    def table(folder: Path, token: str) -> str:
        return (
            f'provider = "pkcs11", module = "{softhsm.library()}", token = "{token}", '
            f'pin_file = "{folder}/pin", prefix = "rv-"'
        )

    return Tiers(
        table(full, label),
        table(masked, masked_label),
        lambda: softhsm.add_keys(masked_label, ["rv-full-1"]),
    )


def transit_tiers(full: Path, masked: Path, server: TransitServer | None = None) -> Tiers:
    """Two tokens of one engine."""
    at = server or transit_server()
    given = transit(full, KekName, at)
    prefix = given.table.rpartition('prefix = "')[2].rstrip('"')

    def paths(*keks: KekName) -> list[str]:
        return [f"transit/{verb}/{prefix}{kek.value}" for kek in keks for verb in TRANSIT_RIGHTS]

    token = at.token(paths(KekName.MASKED))
    file = private_file(masked / "token", token)
    return Tiers(
        given.table,
        given.table.replace(f"{full}/token", str(file)),
        lambda: at.narrow(token, paths(KekName.MASKED, KekName.INDEX)),
    )


def aws_tiers(full: Path, masked: Path, server: LocalAws | None = None) -> Tiers:
    """Two prefixes of aliases; the local KMS has no policies that could tell nodes apart."""
    at = server or aws_server()
    given = aws(full, KekName, at)
    prefix = given.table.rpartition('prefix = "')[2].rstrip('"')
    client, known = at.client(), {}
    for one in client.list_aliases()["Aliases"]:
        known[one["AliasName"]] = one["TargetKeyId"]

    def also(kek: KekName) -> None:
        target = known[f"alias/{prefix}{kek.value}"]
        client.create_alias(AliasName=f"alias/m-{prefix}{kek.value}", TargetKeyId=target)

    also(KekName.MASKED)
    table = given.table.replace(f'prefix = "{prefix}"', f'prefix = "m-{prefix}"')
    return Tiers(given.table, table, lambda: also(KekName.FULL))


TIERS = {
    "local-file": local_tiers,
    "pkcs11": pkcs11_tiers,
    "aws": aws_tiers,
    "transit": transit_tiers,
    "split": split_tiers,
}

PROVIDERS = {
    "local-file": local,
    "pkcs11": pkcs11,
    "aws": aws,
    "transit": transit,
    "split": split,
}
