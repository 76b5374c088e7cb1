"""Which institution has which cipher suite, from `tiers.full.suites`.

suites = { "demo-bank" = "sm4-gcm" }        # aes-256-gcm where none is named
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from vault.sealing import AES_256_GCM, SM4_GCM, Suite


class SuiteName(StrEnum):
    """A suite as the configuration names it."""

    AES_256_GCM = "aes-256-gcm"
    SM4_GCM = "sm4-gcm"


_SUITES: dict[SuiteName, Suite] = {
    SuiteName.AES_256_GCM: AES_256_GCM,
    SuiteName.SM4_GCM: SM4_GCM,
}


def problem(suites: Mapping[str, SuiteName], institutions: Sequence[str]) -> str:
    """What is wrong with the table, and how to mend it; empty if nothing is."""
    for institution in suites:
        if institution not in institutions:
            return (
                f'suites names "{institution}", which is not among `institutions`; '
                "correct the name, or add it there"
            )
    return ""


def suites_of(named: Mapping[str, SuiteName]) -> Callable[[str], Suite]:
    """The suite of an institution; the first one where none is named."""
    return lambda institution: _SUITES[named.get(institution, SuiteName.AES_256_GCM)]
