"""`vaultd keys`: the signing keys of the log, of changes of access and of receipts."""

from __future__ import annotations

from typing import Annotated

import typer

from vault.cli.vaultd.options import Config, Tier
from vault.kms.signing import (
    Algorithm,
    Purpose,
    create_signing_keys,
    retire_signing_keys,
    rotate_signing_keys,
    signing_file,
)
from vault.server.settings import Settings, TierName, load
from vault.server.signing import key_folder, purposes, refuse_surplus, verifier_keys

app = typer.Typer(
    name="keys",
    help="Signing keys: of the log's checkpoints, of changes of access, and of receipts.",
    no_args_is_help=True,
)
What = Annotated[Purpose, typer.Argument(metavar="log|access|receipt", help="Which keys.")]
Lattice = Annotated[
    bool, typer.Option("--ml-dsa-44", help="A key of ML-DSA-44 for the log as well.")
]


@app.command("create")
def create(config: Config, tier: Tier = TierName.FULL, ml_dsa_44: Lattice = False) -> None:
    """Make the signing keys that a tier lacks, and show the public ones.

    A key file that is there is left alone. Keep copies where the database is not: without the log's
    key its tree cannot be continued, and without the one of changes of access, what was approved is
    not taken.
    """
    settings = load(config, tier)
    refuse_surplus(settings)
    for purpose in purposes(tier):
        file = signing_file(key_folder(settings), purpose)
        if not file.exists():
            create_signing_keys(key_folder(settings), purpose, _algorithms(purpose, ml_dsa_44))
            typer.echo(f"made {file}", err=True)
    _show(settings, *purposes(tier))


@app.command("rotate")
def rotate(
    config: Config, what: What, tier: Tier = TierName.FULL, ml_dsa_44: Lattice = False
) -> None:
    """Add a new key: it and the old one sign from now on, without a restart.

    Give its public half, which is shown last, to everybody who verifies; then retire the old one.
    """
    settings = _for(load(config, tier), what)
    rotate_signing_keys(key_folder(settings), what, _algorithms(what, ml_dsa_44)[1:])
    _show(settings, what)


@app.command("retire")
def retire(config: Config, what: What, tier: Tier = TierName.FULL) -> None:
    """End a rotation: older keys sign no more, and their private halves are deleted.

    Their public halves stay, and are shown, since what they signed is still to be verified.
    """
    settings = _for(load(config, tier), what)
    retire_signing_keys(key_folder(settings), what)
    _show(settings, what)


@app.command("show")
def show(config: Config, tier: Tier = TierName.FULL) -> None:
    """Show the public keys of a tier, oldest first: what everybody needs who verifies."""
    _show(load(config, tier), *purposes(tier))


def _for(settings: Settings, what: Purpose) -> Settings:
    if what not in purposes(settings.tier):
        raise typer.BadParameter(f"the {settings.tier} tier has no {what} key")
    return settings


def _algorithms(purpose: Purpose, lattice: bool) -> tuple[Algorithm, ...]:
    # A receipt is metadata of every answer, in which a signature of 2,420 bytes has no room.
    if lattice and purpose is Purpose.LOG:
        return (Algorithm.ED25519, Algorithm.ML_DSA_44)
    return (Algorithm.ED25519,)


def _show(settings: Settings, *shown: Purpose) -> None:
    for purpose in shown:
        for key in verifier_keys(settings, purpose):
            typer.echo(key.vkey)
