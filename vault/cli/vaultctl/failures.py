"""How a command ends when it does not succeed: one sentence on stderr, and an exit code.

Exit codes of all commands but `health`, which has those of monitoring plug-ins:

    0 done                          8 the record changed meanwhile
    1 failed unexpectedly           9 the vault cannot be reached or cannot serve
    2 wrong use of the command     10 no answer in time
    3 request not acceptable       11 a limit is reached
    4 certificate not known        12 profile, key or token file cannot be used
    5 not permitted                13 input file cannot be used
    6 no such record               20 import done, some rows refused
    7 exists already               21 not proved: log, row or object is wrong
   22 a test of policies failed   23 an account or its statements do not add up
  130 interrupted
"""

from __future__ import annotations

import sys

from recordsvault_client import (
    Aborted,
    AlreadyExists,
    ClientError,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ProfileError,
    ResourceExhausted,
    TokenError,
    Unauthenticated,
    Unavailable,
    VaultError,
)
from vault.cli.vaultctl.language import language, say
from vault.cli.vaultctl.output import clean

UNEXPECTED = 1
USAGE = 2
CHANGED = 8
PROFILE = 12
INPUT = 13
ROWS_REFUSED = 20
NOT_PROVED = 21
TESTS_FAILED = 22
NOT_RECONCILED = 23
INTERRUPTED = 130

_CODES: tuple[tuple[type[VaultError], int], ...] = (
    (InvalidArgument, 3),
    (Unauthenticated, 4),
    (PermissionDenied, 5),
    (NotFound, 6),
    (AlreadyExists, 7),
    (Aborted, CHANGED),
    (FailedPrecondition, CHANGED),
    (Unavailable, 9),
    (DeadlineExceeded, 10),
    (ResourceExhausted, 11),
)


class CommandError(Exception):
    """What the person gave cannot be used; the sentence says what and how to mend it."""

    def __init__(self, en: str, zh: str, code: int = USAGE) -> None:
        """Take the sentence in both languages, free of values, and the exit code."""
        super().__init__(en)
        self.en = en
        self.zh = zh
        self.code = code


def explain(error: Exception) -> tuple[str, int]:
    """The sentence and the exit code of an error."""
    if isinstance(error, CommandError):
        return say(error.en, error.zh), error.code
    if isinstance(error, ProfileError | TokenError):
        return error.text(language().value), PROFILE
    if isinstance(error, VaultError):
        return _of_vault(error), exit_code(error)
    if isinstance(error, ClientError):
        return error.text(language().value), UNEXPECTED
    # The text of an error that nobody foresaw may quote a value: only its kind is shown.
    kind = type(error).__name__
    return (
        say(
            f"vaultctl failed in a way that it did not expect ({kind}, {_where(error)}).",
            f"vaultctl 发生意外错误（{kind}，{_where(error)}）。",
        ),
        UNEXPECTED,
    )


def exit_code(error: VaultError) -> int:
    """The exit code of what the vault answered."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), UNEXPECTED)


def report(error: Exception) -> int:
    """Write the sentence to stderr; the exit code."""
    sentence, code = explain(error)
    sys.stderr.write(f"vaultctl: {clean(sentence)}\n")
    return code


def _of_vault(error: VaultError) -> str:
    sentence = error.text(language().value)
    if isinstance(error, AlreadyExists) and error.existing and error.existing not in sentence:
        sentence += say(f" It is {error.existing}.", f"现有记录为 {error.existing}。")
    if error.reason and not isinstance(error, InvalidArgument):
        sentence += f" [{error.reason}]"
    if error.request_id and isinstance(error, Unavailable | DeadlineExceeded):
        # A write whose outcome is not known is repeated by its request_id, not anew.
        sentence += say(
            f" Whether it was stored is not known: repeat it with --request-id {error.request_id}.",
            f"是否已存储尚不确定：请用 --request-id {error.request_id} 重试。",
        )
    return sentence


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "?"
    return f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
