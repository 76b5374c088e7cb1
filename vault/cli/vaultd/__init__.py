"""`vaultd`: what runs the vault.

    vaultd serve --config vault.toml [--tier full|masked]
    vaultd dev --dir DIR
    vaultd dev-token --dir DIR --person NAME --for NAME
    vaultd migrate --config vault.toml [--grant-masked-role ROLE]
    vaultd check-config --config vault.toml
    vaultd keys create|rotate|retire|show --config vault.toml
    vaultd witness --config witness.toml
    vaultd witness keygen|show|forget

One file a command; each hands over to `vault.server`. `logs` says how log lines look, `failures`
how a command ends: with code 2 and one sentence on stderr where what it was given cannot be used,
with 1 where something ended that should not have. No traceback, and no word of an error that may
quote a value, is ever written.
"""

from vault.cli.vaultd.app import main

__all__ = ["main"]
