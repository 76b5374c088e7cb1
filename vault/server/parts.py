"""What both tiers are made of, built from the settings in one place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog

from vault.access import PolicyEngine
from vault.access.policy_files import POLICY_FOLDER
from vault.access.stored_directory import StoredDirectory
from vault.access.tokens import Tokens
from vault.audit import AuditLog, LogSettings
from vault.audit.receipts import ReceiptWriter
from vault.audit.sequencer import Sequencer, SequencerSettings
from vault.audit.signers import Signers, access_name
from vault.blobs import Blobs, BlobsUnavailable, NoObjectLock, S3Blobs
from vault.kms.several import SeveralKms
from vault.kms.signing import Purpose
from vault.records import Branch
from vault.sealing import KeyRing, KeyRingLimits, SystemClock
from vault.server.guard import LogGuard
from vault.server.kms import other_kms, required_kms
from vault.server.public_keys import PublicKeys
from vault.server.settings import Settings, SettingsInvalid, TierName
from vault.server.signing import signers
from vault.server.suite_settings import suites_of
from vault.server.token_settings import tokens
from vault.server.watch_tables import budget_table, detection_rules
from vault.services.access_state import AccessState
from vault.services.approved_rows import ApprovedRows
from vault.services.kept_approvals import KeptApprovals
from vault.services.keys import Keys
from vault.services.proposal_signing import ProposalSigner, ProposalVerifier
from vault.services.watching import Watch
from vault.store import Database, KeyStore, key_versions
from vault.store.database import Role

_log = structlog.get_logger("vault.server")


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a tier. ``close`` lets go of keys and connections.

    ``log_signers``, ``sequencer`` and ``access_signer`` are the full tier's alone.
    """

    settings: Settings
    clock: SystemClock
    database: Database
    keys_database: Database
    kms: SeveralKms
    ring: KeyRing
    keys: Keys
    log: AuditLog
    directory: StoredDirectory
    tokens: Tokens
    policy: PolicyEngine
    access: AccessState
    access_signer: ProposalSigner | None
    access_verifier: ProposalVerifier
    watch: Watch
    log_signers: Signers | None
    sequencer: Sequencer | None
    guard: LogGuard
    blobs: Blobs | None

    def close(self) -> None:
        """Wipe the held keys, close the databases."""
        self.keys.close()
        self.database.dispose()
        if self.keys_database is not self.database:
            self.keys_database.dispose()


def databases(settings: Settings) -> tuple[Database, Database]:
    """The data database and the key store's, which may be the same."""
    table = settings.table
    role: Role = "full" if settings.tier is TierName.FULL else "masked"
    data = Database(settings.database_url(table.database), role=role)
    if not table.keys_database:
        return data, data
    return data, Database(settings.database_url(table.keys_database), role=role)


def build(settings: Settings) -> Parts:
    """Build every part. A masked node is given the masked branch only, the masked database role,
    and of the signing keys its receipt key.

    Raises KmsError, PrincipalsInvalid, PolicyInvalid, BudgetsInvalid, DetectionInvalid,
    SettingsInvalid, StoreError: the server does
    not start.
    """
    table, cache = settings.table, settings.cache
    clock = SystemClock()
    database, keys_database = databases(settings)
    full = settings.tier is TierName.FULL
    # Only the full tier wraps, so it alone asks which provider does.
    custody = partial(keys_database.read_sync, key_versions.custody) if full else dict
    kms = SeveralKms(required_kms(settings), other_kms(settings), custody)
    ring = KeyRing(
        kms,
        KeyStore(keys_database),
        frozenset(Branch) if full else frozenset({Branch.MASKED}),
        KeyRingLimits(
            file_keys=cache.file_keys,
            file_key_ttl=cache.file_key_seconds,
            branch_key_ttl=cache.branch_key_seconds,
        ),
        clock,
        suites_of(table.suites),
    )
    log_settings = LogSettings(
        window=settings.log.window_ms / 1000,
        max_queue=settings.log.max_queue,
        max_batch=settings.log.max_batch,
    )
    receipts = ReceiptWriter(
        signers(settings, Purpose.RECEIPT, clock.now_micros),
        int(settings.log.promise_seconds * 1_000_000),
    )
    log_signers = signers(settings, Purpose.LOG, clock.now_micros) if full else None
    log = AuditLog(database, clock.now_micros, log_settings, receipts)
    guard = LogGuard.build(settings, database, log, clock, log_signers)
    sequencer = None
    if log_signers is not None:
        sequencer = _sequencer(settings, database, log_signers, clock, guard)
    directory = StoredDirectory(settings.path(table.principals), now=clock.now_micros)
    policy = PolicyEngine.load(settings.path(table.policies) if table.policies else POLICY_FOLDER)
    access_signers = signers(settings, Purpose.ACCESS, clock.now_micros) if full else None
    verifier = _verifier(settings, access_signers)
    access = _access(database, verifier, policy, directory, guard, keeps=full)
    guard.when_rewound(access.forget)
    return Parts(
        settings=settings,
        clock=clock,
        database=database,
        keys_database=keys_database,
        kms=kms,
        ring=ring,
        keys=Keys(ring, database if full else None),
        log=log,
        directory=directory,
        tokens=_tokens(settings, clock),
        policy=policy,
        access=access,
        access_signer=ProposalSigner(access_signers) if access_signers is not None else None,
        access_verifier=verifier,
        watch=Watch(database, budget_table(settings), detection_rules(settings), clock, full=full),
        log_signers=log_signers,
        sequencer=sequencer,
        guard=guard,
        blobs=open_store(settings) if full else None,
    )


def _verifier(settings: Settings, signers: Signers | None) -> ProposalVerifier:
    """By which approved changes of access are known: a masked node has the public keys alone."""
    keys = PublicKeys.of_access(settings).verifiers if signers is None else signers.verifiers
    return ProposalVerifier(access_name(settings.log.origin), keys)


def _access(
    database: Database,
    verifier: ProposalVerifier,
    policy: PolicyEngine,
    directory: StoredDirectory,
    guard: LogGuard,
    *,
    keeps: bool,
) -> AccessState:
    kept = KeptApprovals(guard.place, verifier, keeps=keeps) if guard.place is not None else None
    rows = ApprovedRows(database, verifier)
    return AccessState(rows, policy, directory, kept=kept, set_back=guard.set_back)


def open_store(settings: Settings) -> Blobs | None:
    """The object store; None where none is configured. Where it is away, whether it locks is asked
    before the first object is put. Raises SettingsInvalid where it is to lock and cannot."""
    blobs = settings.open_blobs()
    if isinstance(blobs, S3Blobs):
        try:
            blobs.hurried().require_lock()
        except NoObjectLock as error:
            raise SettingsInvalid(str(error)) from None
        except BlobsUnavailable as error:
            _log.warning("the object store is away", error=str(error))
    return blobs


def _tokens(settings: Settings, clock: SystemClock) -> Tokens:
    try:
        return tokens(settings.tokens, settings.path, clock.now_micros)
    except OSError:
        raise SettingsInvalid("tokens.ca is not a file of certificates in PEM") from None


def _sequencer(
    settings: Settings,
    database: Database,
    signers: Signers,
    clock: SystemClock,
    guard: LogGuard,
) -> Sequencer:
    interval = settings.log.checkpoint_interval_ms / 1000
    made = Sequencer(
        database,
        signers,
        clock.now_micros,
        SequencerSettings(interval=interval, lease=max(3.0, 3 * interval)),
        guard.publish,
        guard.halted,
    )
    guard.when_rewound(made.forget)
    return made


def data_folder(parts: Parts) -> Path:
    """Where the vault's files are: the SQLite database's folder, else that of the configuration."""
    path = parts.database.sqlite_path
    return Path(path).parent if path else parts.settings.folder


def release() -> str:
    """This release's version."""
    try:
        return version("records-vault")
    except PackageNotFoundError:
        return "unreleased"
