"""`vaultctl`: the vault at the terminal, for people and for scripts.

    vaultctl --profile FILE [--lang en|zh] health | audit | import |
             customers | documents | transactions

One file a command family (`health`, `audit`, `importing`, `customers`, `documents`,
`transactions`); `failures` says how a command ends, `output` what it writes. Every command has
`--json`. It uses the installed client and a profile like any caller, so it can do what that
profile's principal may do and nothing more. It never shows a traceback, and it writes no value of
a record or a search anywhere but to the terminal or file that was asked for.
"""

from vault.cli.vaultctl.app import main

__all__ = ["main"]
