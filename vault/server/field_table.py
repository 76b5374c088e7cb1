"""The table of fields that a configuration names, held against the contract."""

from __future__ import annotations

from vault.access.fields import FieldTable, read_fields
from vault.rpc.opened import require_known
from vault.server.settings import Settings


def field_table(settings: Settings) -> FieldTable:
    """The table that the settings name, or the vault's own. Raises FieldsInvalid for one that
    cannot be read, or that names what the contract does not have."""
    named = settings.table.fields
    table = read_fields(settings.path(named)) if named else read_fields()
    require_known(table)
    return table
