"""Which fields of a record may be opened: by which role, for which purpose, and by which check-out.

In come the roles of a caller, the purpose, and the check-out that he names, if he does; out comes
an `Opening`: all fields, or those that are named. What one role may for one purpose stands in a
table of data (`default.toml`, or the file that the settings name), one file a subject.

It widens nothing: several roles open what each of them does, but the person behind a program, the
check-out and the read mask each only narrow. What no row opens stays closed.

This room knows paths, not records: that a path is one of the contract's is looked at where the
contract is known (vault/rpc/opened.py).
"""

from vault.access.fields.opening import ALL, NOTHING, Opening
from vault.access.fields.table import DEFAULT_FIELDS, FieldsInvalid, FieldTable, read_fields

__all__ = [
    "ALL",
    "DEFAULT_FIELDS",
    "NOTHING",
    "FieldTable",
    "FieldsInvalid",
    "Opening",
    "read_fields",
]
