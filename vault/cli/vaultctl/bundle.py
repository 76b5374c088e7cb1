"""`vaultctl bundle`: keys to seal bundles to; bundles opened and verified, without the vault."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from vault.audit.event import format_time
from vault.bundles import EnvelopeBroken, NotForThisKey, RecipientKey, RecipientRefused
from vault.bundles.envelope import FORMAT, open_envelope
from vault.bundles.verifying import (
    BundleFiles,
    BundleInvalid,
    Verified,
    is_evidence,
    verify_bundle,
    verify_evidence,
)
from vault.cli.vaultctl import options
from vault.cli.vaultctl.audit_keys import Keys, pinned
from vault.cli.vaultctl.bundle_files import (
    pieces_of,
    private_key,
    require_new,
    whole_file,
    write_whole,
)
from vault.cli.vaultctl.export_verify import verify_export
from vault.cli.vaultctl.failures import NOT_PROVED, CommandError
from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.output import clean, write_json

app = typer.Typer(
    add_completion=False, help="Bundles: sealed records with their proofs.", no_args_is_help=True
)

app.command("verify-export")(verify_export)

Bundle = Annotated[Path, typer.Argument(metavar="BUNDLE", help="The bundle, sealed or opened.")]
Private = Annotated[
    Path | None,
    typer.Option("--private-key", metavar="FILE", help="Your private key (PEM), of a sealed one."),
]


@app.command()
def keygen(
    to: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the private key.")],
    x25519_only: Annotated[
        bool,
        typer.Option("--x25519-only", help="No ML-KEM-768 beside X25519, for old programs."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make a key pair: FILE, which only you can read, and FILE.pub, which is for the vault's users.

    Whoever has FILE opens what is sealed to FILE.pub; nobody else does, the vault neither.
    """
    public = to.with_name(f"{to.name}.pub")
    require_new(to)
    require_new(public)
    try:
        key = RecipientKey.generate(hybrid=not x25519_only)
    except RecipientRefused:
        raise CommandError(
            "This machine's OpenSSL has no ML-KEM-768: make the key elsewhere, or give "
            "--x25519-only.",
            "本机 OpenSSL 不支持 ML-KEM-768：请在其他机器上生成密钥，或使用 --x25519-only。",
        ) from None
    write_whole(to, [key.pem()])
    write_whole(public, [key.public_pem()])
    fingerprint = key.recipient.fingerprint.hex()
    if as_json:
        write_json({"private": str(to), "public": str(public), "fingerprint": fingerprint})
        return
    sys.stdout.write(
        say(
            f"{public} has the public key {fingerprint}\n",
            f"{public} 中为公钥 {fingerprint}\n",
        )
    )


@app.command()
def verify(
    bundle: Bundle,
    key: Keys,
    private: Private = None,
    as_json: options.Json = False,
) -> None:
    """Verify a bundle by the log's public key: every byte of it, with all proofs; or what a vault
    has kept of a file that came to it, by the key of the log that it came from."""
    keys = pinned(key)
    with opened_tar(bundle, private) as file:
        try:
            files = BundleFiles(file)
            if is_evidence(files):
                # What a vault keeps of a file that it has taken over.
                found = verify_evidence(files, keys.log, keys.origin)
            else:
                found = verify_bundle(files, keys.log)
        except BundleInvalid as error:
            raise refused(str(error)) from None
    _tell(found, as_json=as_json)


@app.command("open")
def open_bundle(
    bundle: Bundle,
    key: Keys,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="New file for the tar.")],
    private: Private = None,
    as_json: options.Json = False,
) -> None:
    """Verify a bundle and write it to a file that any tar program reads."""
    log = pinned(key).log
    with opened_tar(bundle, private) as file, whole_file(to) as out:
        try:
            found = verify_bundle(BundleFiles(file), log)
        except BundleInvalid as error:
            raise refused(str(error)) from None
        file.seek(0)
        for piece in pieces_of(file):
            out.write(piece)
    _tell(found, as_json=as_json)


def opened_tar(bundle: Path, private: Path | None) -> BinaryIO:
    """The tar of a bundle: itself, or a nameless file with what was sealed. Raises CommandError."""
    try:
        file = bundle.open("rb")
    except OSError as error:
        raise options.unreadable(bundle, error) from None
    if file.read(len(FORMAT)) != FORMAT.encode():
        return file
    with file:
        file.seek(0)
        if private is None:
            raise CommandError(
                "The bundle is sealed: give the private key of its recipient with --private-key.",
                "资料包已密封：请用 --private-key 给出接收方私钥。",
            )
        key = private_key(private)
        out = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  # the caller closes it
        try:
            for piece in open_envelope(key, pieces_of(file)):
                out.write(piece)
        except NotForThisKey:
            raise CommandError(
                "The bundle is sealed to another key.", "资料包是为另一密钥密封的。", NOT_PROVED
            ) from None
        except EnvelopeBroken as error:
            raise refused(str(error)) from None
        except OSError as error:
            raise options.unreadable(bundle, error) from None
        return out


def refused(why: str) -> CommandError:
    """That a bundle is not to be relied on."""
    return CommandError(
        f"Not proved: {clean(why)}. Do not rely on it; ask for the bundle anew.",
        f"未能证明：{clean(why)}。请勿采信，并重新索取资料包。",
        NOT_PROVED,
    )


def _tell(found: Verified, *, as_json: bool) -> None:
    made = format_time(found.made_at)
    if not found.size and not as_json:
        sys.stdout.write(
            say(
                f"Proved: {clean(found.name)}, made {made}; {found.records} files, as the log "
                f"{clean(found.log)} has signed them.\n",
                f"已证明：{clean(found.name)}，制作于 {made}；含 {found.records} 个文件，"
                f"与日志 {clean(found.log)} 的签名一致。\n",
            )
        )
        return
    if as_json:
        write_json(
            {
                "name": found.name,
                "log": found.log,
                "tree_size": found.size,
                "made_at": made,
                "records": found.records,
                "events": found.events,
            }
        )
        return
    sys.stdout.write(
        say(
            f"Proved: {clean(found.name)}, made {made}; {found.records} records and "
            f"{found.events} events of the log {clean(found.log)} at {found.size} entries.\n",
            f"已证明：{clean(found.name)}，制作于 {made}；含 {found.records} 条记录、"
            f"日志 {clean(found.log)}（{found.size} 条目）的 {found.events} 个事件。\n",
        )
    )
