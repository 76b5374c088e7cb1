"""How a command ends when it does not succeed: one sentence on stderr, and an exit code.

0 done                  2 what it was given cannot be used; the sentence says how to mend it
1 failed unexpectedly, or a tier ended that should not have
"""

from __future__ import annotations

import sys

import typer

from vault.access import PolicyInvalid, PrincipalsInvalid
from vault.access.budgets import BudgetsInvalid
from vault.access.detection import DetectionInvalid
from vault.access.fields import FieldsInvalid
from vault.access.lending import ClassesInvalid
from vault.audit.witness import StateUnusable, WitnessKeyRefused
from vault.kms import KmsError
from vault.server.dev import DevFolderUnusable, TierEnded
from vault.server.migrating import SchemaOutOfDate
from vault.server.run import PortUnavailable
from vault.server.settings import SettingsInvalid
from vault.server.tls import TlsFilesUnusable, TlsVersionsOpen
from vault.store import StoreError

UNEXPECTED = 1
UNUSABLE = 2
INTERRUPTED = 130

# Their texts are ours, and hold no value of a record and no key.
_UNUSABLE: tuple[type[Exception], ...] = (
    BudgetsInvalid,
    ClassesInvalid,
    DetectionInvalid,
    DevFolderUnusable,
    FieldsInvalid,
    KmsError,
    PolicyInvalid,
    PortUnavailable,
    PrincipalsInvalid,
    SchemaOutOfDate,
    SettingsInvalid,
    StateUnusable,
    StoreError,
    TlsFilesUnusable,
    TlsVersionsOpen,
    WitnessKeyRefused,
)


def explain(error: Exception) -> tuple[str, int]:
    """The sentence and the exit code of an error."""
    if isinstance(error, _UNUSABLE):
        return _one_line(str(error)), UNUSABLE
    if isinstance(error, typer.TyperException):
        return _one_line(error.format_message()), error.exit_code
    if isinstance(error, TierEnded):
        return f"{error}; its last lines say why", UNEXPECTED
    # The text of an error that nobody foresaw may quote a value: only its kind and place are shown.
    kind = type(error).__name__
    return f"it failed in a way that it did not expect ({kind}, {_where(error)})", UNEXPECTED


def report(error: Exception) -> int:
    """Write the sentence to stderr; the exit code."""
    sentence, code = explain(error)
    if sentence:  # none where the help was shown instead
        sys.stderr.write(f"vaultd: {sentence}\n")
    return code


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
