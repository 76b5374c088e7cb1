"""Looks a configuration over before it is served, so that a mistake shows at a desk, not at night.

Nothing is changed and nothing is listened on. Every problem is found at once, each as a sentence
that says how to mend it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from vault.access import Directory, PolicyEngine, PolicyInvalid, PrincipalsInvalid
from vault.access.budgets import BudgetsInvalid
from vault.access.detection import DetectionInvalid
from vault.access.fields import FieldsInvalid
from vault.access.lending import ClassesInvalid
from vault.kms import KmsError
from vault.server.checking_access import look_at_access
from vault.server.checking_blobs import look_at_blobs
from vault.server.checking_kms import look_at_kms
from vault.server.checking_log import (
    Doubt,
    SecondPlaceAway,
    SecondPlaceRefused,
    look_at_second_place,
    look_at_witnesses,
)
from vault.server.checking_tokens import look_at_tokens
from vault.server.field_table import field_table
from vault.server.lending_table import lending_classes
from vault.server.life import rules as life_rules
from vault.server.migrating import SchemaOutOfDate, require_migrated
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.server.signing import purposes, signers
from vault.server.subjects import rules as subject_rules
from vault.server.tls import TlsFilesUnusable, read_private, read_public
from vault.server.transfers import trusted_logs
from vault.server.watch_tables import budget_table, detection_rules
from vault.store import StoreError

_FORESEEN = (
    BudgetsInvalid,
    ClassesInvalid,
    DetectionInvalid,
    FieldsInvalid,
    KmsError,
    PolicyInvalid,
    PrincipalsInvalid,
    SchemaOutOfDate,
    SecondPlaceAway,
    SecondPlaceRefused,
    SettingsInvalid,
    StoreError,
    TlsFilesUnusable,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `problem` and `warning` are empty where all is well; what is
    only a warning can be served."""

    tier: TierName
    subject: str
    detail: str
    problem: str = ""
    warning: str = ""


def tiers(config: Path) -> list[TierName]:
    """The tiers that a configuration has a table for. Raises SettingsInvalid if there is none."""
    try:
        named = tomllib.loads(config.read_text(encoding="utf-8")).get("tiers", {})
    except (OSError, ValueError):
        named = {}
    found = [tier for tier in TierName if isinstance(named, dict) and tier.value in named]
    if not found:
        load(config, TierName.FULL)  # says what is wrong with the file
    return found


def examine(settings: Settings, config: Path, now: datetime | None = None) -> Iterator[Finding]:
    """Look over one tier's table, one finding a subject."""
    table = settings.table
    at = now or datetime.now(UTC)
    subjects: dict[str, Callable[[], str]] = {
        "listen": lambda: _listen(table.listen),
        "tls": lambda: _tls(settings, at),
        "kms": lambda: look_at_kms(settings),
        "signing": lambda: _signing(settings),
        "principals": lambda: _principals(settings),
        "policies": lambda: _policies(settings),
        **(_of_full_records(settings) if settings.tier is TierName.FULL else {}),
        "budgets": lambda: _budgets(settings),
        "detection": lambda: _detection(settings),
        "database": lambda: _database(settings, config),
        "access": lambda: look_at_access(settings, config),
    }
    blobs = settings.blobs
    if blobs is not None and settings.tier is TierName.FULL:
        subjects["blobs"] = lambda: look_at_blobs(settings, blobs)
    if settings.tokens:
        subjects["tokens"] = lambda: look_at_tokens(settings)
    if table.oracle is not None:
        subjects["oracle"] = lambda: _oracle(settings, at)
    if settings.log.second_place:
        subjects["second_place"] = lambda: look_at_second_place(settings, config)
    if settings.log.witnesses and settings.tier is TierName.FULL:
        subjects["witnesses"] = lambda: look_at_witnesses(settings)
    if settings.transfers.trusted_logs and settings.tier is TierName.FULL:
        subjects["transfers"] = lambda: _trusted(settings)
    for subject, look in subjects.items():
        try:
            yield Finding(settings.tier, subject, look())
        except Doubt as doubt:
            yield Finding(settings.tier, subject, "", warning=str(doubt))
        except _FORESEEN as error:
            yield Finding(settings.tier, subject, "", " ".join(str(error).split()))


def _listen(address: str) -> str:
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        raise SettingsInvalid("listen is not host:port; write for example localhost:7443")
    return address


def _trusted(settings: Settings) -> str:
    return ", ".join(sorted({key.name for key in trusted_logs(settings)}))


def _tls(settings: Settings, now: datetime) -> str:
    tls = settings.table.tls
    _certificate(settings.path(tls.client_ca), now)
    return _pair(settings.path(tls.certificate), settings.path(tls.key), now)


def _oracle(settings: Settings, now: datetime) -> str:
    oracle = settings.table.oracle
    if oracle is None:
        return ""
    _certificate(settings.path(oracle.ca), now)
    _listen(oracle.endpoint)
    valid = _pair(settings.path(oracle.certificate), settings.path(oracle.key), now)
    return f"{oracle.endpoint}; {valid}"


def _pair(certificate_file: Path, key_file: Path, now: datetime) -> str:
    certificate = _certificate(certificate_file, now)
    try:
        key = load_pem_private_key(read_private(key_file), password=None)
    except (ValueError, TypeError):
        raise TlsFilesUnusable(
            f"{key_file} is not a private key in PEM without a password"
        ) from None
    if key.public_key() != certificate.public_key():
        raise TlsFilesUnusable(f"{key_file} is not the key of {certificate_file}")
    return f"valid until {certificate.not_valid_after_utc:%Y-%m-%d}"


def _certificate(file: Path, now: datetime) -> x509.Certificate:
    try:
        certificate = x509.load_pem_x509_certificate(read_public(file))
    except ValueError:
        raise TlsFilesUnusable(f"{file} is not a certificate in PEM") from None
    if certificate.not_valid_after_utc <= now:
        raise TlsFilesUnusable(
            f"{file} ended on {certificate.not_valid_after_utc:%Y-%m-%d}; put a new one there"
        )
    if certificate.not_valid_before_utc > now:
        raise TlsFilesUnusable(
            f"{file} begins on {certificate.not_valid_before_utc:%Y-%m-%d}; is the clock right?"
        )
    return certificate


def _signing(settings: Settings) -> str:
    found = []
    for purpose in purposes(settings.tier):
        number = len(signers(settings, purpose, lambda: 0).signers())
        found.append(f"{purpose.value} {number}")
    return f"keys that sign: {', '.join(found)}"


def _principals(settings: Settings) -> str:
    file = settings.path(settings.table.principals)
    Directory(file)
    return str(file)


def _policies(settings: Settings) -> str:
    if not settings.table.policies:
        PolicyEngine.load()
        return "the vault's own"
    folder = settings.path(settings.table.policies)
    PolicyEngine.load(folder)
    return str(folder)


def _of_full_records(settings: Settings) -> dict[str, Callable[[], str]]:
    return {
        "fields": lambda: _fields(settings),
        "lending": lambda: _lending(settings),
        "life": lambda: _life(settings),
    }


def _life(settings: Settings) -> str:
    made = life_rules(settings)
    subject_rules(settings)
    alone = sorted(set(settings.table.institutions) - set(made.custodians))
    if alone:
        raise Doubt(
            f"life.custodians names nobody for {', '.join(alone)}: a file that names no custodian "
            "is refused there"
        )
    return f"{len(made.elements.sets)} sets of elements, {len(made.business)} rules"


def _lending(settings: Settings) -> str:
    lending_classes(settings)
    named = settings.table.lending
    return str(settings.path(named)) if named else "the vault's own"


def _fields(settings: Settings) -> str:
    field_table(settings)
    return str(settings.path(settings.table.fields)) if settings.table.fields else "the vault's own"


def _budgets(settings: Settings) -> str:
    budget_table(settings)
    named = settings.table.budgets
    return str(settings.path(named)) if named else "the vault's own"


def _detection(settings: Settings) -> str:
    detection_rules(settings)
    named = settings.table.detection
    return str(settings.path(named)) if named else "the vault's own"


def _database(settings: Settings, config: Path) -> str:
    require_migrated(settings, config)
    return "up to date"
