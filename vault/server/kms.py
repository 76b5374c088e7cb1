"""The provider of key-encryption keys that a tier's settings name, behind its guard where it is
asked over a wire, and whether it has just the KEKs that the tier is to have."""

from __future__ import annotations

from pathlib import Path

from vault.kms import (
    AwsKms,
    AwsSettings,
    GuardedKms,
    GuardLimits,
    KekMissing,
    KekName,
    KeyFileRefused,
    Kms,
    KmsUnavailable,
    LocalFileKms,
    Pkcs11Kms,
    Pkcs11Settings,
    SplitKms,
    TransitKms,
    TransitSettings,
)
from vault.kms.several import SeveralKms
from vault.server.kms_settings import KmsTable, Provider
from vault.server.settings import Settings, SettingsInvalid, TierName

_PROBE = b"recordsvault/start/v1"


def open_kms(settings: Settings, table: KmsTable | None = None) -> Kms:
    """The provider of a table (by default `tiers.*.kms`), which is not asked for anything yet.

    Raises KmsError where its files are not as they must be, SettingsInvalid.
    """
    table = table or settings.table.kms
    match Provider(table.provider):
        case Provider.LOCAL_FILE:
            return LocalFileKms(settings.path(table.directory))
        case Provider.SPLIT:
            return SplitKms(settings.path(table.directory))
        case Provider.PKCS11 | Provider.AWS | Provider.TRANSIT as asked:
            limits = GuardLimits(seconds=table.timeout_seconds)
            return GuardedKms(_asked(asked, settings, table, limits.attempt_seconds), limits)


def _asked(provider: Provider, settings: Settings, table: KmsTable, timeout: float) -> Kms:
    if provider is Provider.AWS:
        return AwsKms(
            AwsSettings(
                region=table.region, prefix=table.prefix, endpoint=table.endpoint, timeout=timeout
            )
        )
    if provider is Provider.PKCS11:
        return Pkcs11Kms(
            Pkcs11Settings(
                module=settings.path(table.module),
                token=table.token,
                pin_file=settings.path(table.pin_file),
                prefix=table.prefix,
                timeout=timeout,
            )
        )
    ca = str(settings.path(table.ca)) if table.ca else ""
    try:
        return TransitKms(
            TransitSettings(
                address=table.address,
                token_file=settings.path(table.token_file),
                mount=table.mount,
                prefix=table.prefix,
                namespace=table.namespace,
                ca=ca,
                timeout=timeout,
            )
        )
    except OSError:
        raise SettingsInvalid(
            f"tiers.{settings.tier}.kms.ca {ca} is not a file of certificates in PEM"
        ) from None


def wanted_keks(tier: TierName) -> frozenset[KekName]:
    """The KEKs that a tier must have; none besides may be within its reach."""
    return frozenset(KekName) if tier is TierName.FULL else frozenset({KekName.MASKED})


def keks_of(kms: Kms) -> frozenset[KekName]:
    """The KEKs that a node can use. Raises KmsError but for KekMissing."""
    if isinstance(kms, SplitKms):
        return frozenset(kms.names)  # told by the file, sealed or not
    return frozenset(kek for kek in KekName if _has(kms, kek))


def _has(kms: Kms, kek: KekName) -> bool:
    try:
        kms.wrap(kek, bytes(32), _PROBE)
    except KekMissing:
        return False
    return True


def required_kms(settings: Settings) -> Kms:
    """As `open_kms`, with the KEKs that the tier must have, and none besides: a masked node with
    the full KEK would be a full node to whoever takes it. A KEK may have been moved to one of the
    others.

    Raises KekMissing, KeyFileRefused, and what the provider raises: the server does not start.
    """
    kms = open_kms(settings)
    found, wanted = keks_of(kms), wanted_keks(settings.tier)
    missing = wanted - found
    for table in settings.table.kms_others.values() if missing else ():
        missing -= _keks_there(settings, table)
    for kek in KekName:
        if kek in missing:
            place = place_of(settings, settings.table.kms, kek)
            raise KekMissing(f"the {settings.tier} tier needs {place}: restore it there")
    _refuse_surplus(settings, settings.table.kms, found)
    return kms


def _keks_there(settings: Settings, table: KmsTable) -> frozenset[KekName]:
    """The KEKs that may have been moved to another provider. One that is away may have them all:
    the start does not wait for it, and `health` says that it is away."""
    try:
        return keks_of(open_kms(settings, table))
    except KmsUnavailable:
        return frozenset(KekName)


def other_kms(settings: Settings) -> dict[str, Kms]:
    """The providers that KEKs can be moved to, or were moved from, by their names.

    Of these a KEK may be missing, or the whole provider away, until it is needed; only a masked
    node asks each what it would give it, and raises as `required_kms`.
    """
    others: dict[str, Kms] = {}
    for name, table in settings.table.kms_others.items():
        others[name] = open_kms(settings, table)
        if settings.tier is TierName.MASKED:
            _refuse_surplus(settings, table, keks_of(others[name]))
    return others


def _refuse_surplus(settings: Settings, table: KmsTable, found: frozenset[KekName]) -> None:
    surplus = found - wanted_keks(settings.tier)
    for kek in KekName:
        if kek in surplus:
            raise KeyFileRefused(
                f"the {settings.tier} tier must not have {place_of(settings, table, kek)}: "
                f"{_remedy(table)}"
            )


def split_of(kms: SeveralKms) -> SplitKms | None:
    """The provider that waits for custodians' shares; None where there is none."""
    return next((one for one in kms.providers if isinstance(one, SplitKms)), None)


def unsealing_socket(settings: Settings) -> Path:
    """Where shares are given."""
    table = settings.table
    split = [one for one in (table.kms, *table.kms_others.values()) if one.provider == "split"]
    named = split[0] if split else table.kms
    return settings.path(named.socket or f"{named.directory}/unseal.sock")


def place_of(settings: Settings, table: KmsTable, kek: KekName) -> str:
    """Where a KEK is, for a person."""
    folder: Path = settings.path(table.directory)
    match Provider(table.provider):
        case Provider.LOCAL_FILE:
            return str(folder / f"{kek.value}.kek")
        case Provider.SPLIT:
            return f"the KEK {kek.value} in {folder / 'keks.sealed'}"
        case Provider.PKCS11:
            return f"a key {table.prefix}{kek.value}-1 in token {table.token}"
        case Provider.AWS:
            return f"the use of the key alias/{table.prefix}{kek.value} in {table.region}"
        case Provider.TRANSIT:
            return f"the use of the key {table.prefix}{kek.value} of {table.mount}"


def _remedy(table: KmsTable) -> str:
    if table.provider == Provider.LOCAL_FILE:
        return "give it a folder with masked.kek alone"
    return "give it the KEK masked alone (deploy/kms/README.md)"
