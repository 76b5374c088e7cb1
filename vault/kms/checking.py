"""Whether a provider does what it should: what it wraps, it gives back."""

from __future__ import annotations

import secrets
from typing import Final

from vault.kms.errors import KekMissing, KmsUnavailable
from vault.kms.keybytes import wipe
from vault.kms.port import KekName, Kms

CHECK_CONTEXT: Final = b"recordsvault/kms-check/v1"


def check_given(kms: Kms, *, wrong: str, none: str) -> None:
    """Try the KEKs that this node was given, which the provider knows. Raises KmsUnavailable
    (`wrong`: another key came back), KekMissing (`none` was given), and what wrapping raises."""
    given = 0
    for kek in KekName:
        key = secrets.token_bytes(32)
        try:
            back = kms.unwrap(kms.wrap(kek, key, CHECK_CONTEXT), CHECK_CONTEXT)
        except KekMissing:
            continue
        if back != key:
            raise KmsUnavailable(wrong)
        wipe(back)
        given += 1
    if not given:
        raise KekMissing(none)
