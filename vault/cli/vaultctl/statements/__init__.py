"""Statements of accounts as others send them, for `vaultctl import`: camt.053, MT940, mapped CSV.

In comes a file that nobody here has made; out come its parts one after the other (statements,
entries, and what could not be understood), a reconciliation of the whole, and an item of the import
for each entry. Readers are functions over a stream that keep no more than one entry in memory, take
nothing for granted and know nothing of the vault; what they cannot read ends as a refused row or as
a sentence that says where. They never resolve an entity, open another file or the network, replace
a character, or guess an encoding, a time zone, an instrument or a channel.
"""

from vault.cli.vaultctl.statements.booking import Terms
from vault.cli.vaultctl.statements.formats import Format, format_of, open_statements
from vault.cli.vaultctl.statements.mapping import CHANNELS, INSTRUMENTS, Mapping, read_mapping, zone
from vault.cli.vaultctl.statements.reconcile import TELLS, Reconciliation
from vault.cli.vaultctl.statements.rows import StatementRows

__all__ = [
    "CHANNELS",
    "INSTRUMENTS",
    "TELLS",
    "Format",
    "Mapping",
    "Reconciliation",
    "StatementRows",
    "Terms",
    "format_of",
    "open_statements",
    "read_mapping",
    "zone",
]
