"""Which signing keys a tier has, and under which names they sign.

The full tier has the log's key, the one of changes of access and a receipt key, a masked node a
receipt key of its own and nothing else: with the log's key it could sign for a history of its own,
with the other one give rights to anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from vault.audit.note import VerifierKey
from vault.audit.signers import Signers, access_name, receipt_name, verifier_key
from vault.kms import KekMissing, KeyFileRefused
from vault.kms.signing import Purpose, SigningKeys, read_signing_keys, signing_file
from vault.server.settings import Settings, TierName


def key_folder(settings: Settings) -> Path:
    """Where a tier's keys are."""
    return settings.path(settings.table.kms.directory)


def purposes(tier: TierName) -> tuple[Purpose, ...]:
    """What a tier signs."""
    return tuple(Purpose) if tier is TierName.FULL else (Purpose.RECEIPT,)


def name_of(settings: Settings, purpose: Purpose) -> str:
    """The name that a purpose's keys sign under."""
    origin = settings.log.origin
    match purpose:
        case Purpose.LOG:
            return origin
        case Purpose.ACCESS:
            return access_name(origin)
        case Purpose.RECEIPT:
            return receipt_name(origin)


def signers(settings: Settings, purpose: Purpose, clock: Callable[[], int]) -> Signers:
    """The signers of a purpose. `clock` gives microseconds.

    Raises KekMissing where the tier has no key file, KeyFileRefused also for one that it must not
    have, KmsUnavailable.
    """
    folder = key_folder(settings)
    refuse_surplus(settings)
    try:
        keys = SigningKeys(folder, purpose)
    except KekMissing:
        raise KekMissing(
            f"the {settings.tier} tier needs {signing_file(folder, purpose)}: restore it there, "
            f"or make it with `vaultd keys create --tier {settings.tier}` if there never was one"
        ) from None
    return Signers(keys, name_of(settings, purpose), clock)


def refuse_surplus(settings: Settings) -> None:
    """Raises KeyFileRefused where a masked node has a key of the full tier's."""
    for purpose in set(Purpose) - set(purposes(settings.tier)):
        file = signing_file(key_folder(settings), purpose)
        if file.exists():
            raise KeyFileRefused(f"the {settings.tier} tier must not have {file}: remove it")


def verifier_keys(settings: Settings, purpose: Purpose) -> list[VerifierKey]:
    """The public keys of a purpose, oldest first, retired ones too; none where there is no file.

    Raises KeyFileRefused, KmsUnavailable.
    """
    name = name_of(settings, purpose)
    return [verifier_key(name, key) for key in read_signing_keys(key_folder(settings), purpose)]
