"""The configuration file, `vault.toml`, as frozen types. Paths in it are relative to the file.

[log]                       # optional, as are [limits] and [cache]; the defaults are below
origin = "demo.bank/log"    # the log's name in checkpoints and receipts; never changed again
window_ms = 4
second_place = "/mnt/elsewhere/log"

[access]                    # of masked nodes: the full tier's keys
public_keys = "access.vkey"

[blobs]                     # optional: where objects are kept; see blobs_settings.py
folder = "blobs"

[[tokens]]                  # optional: issuers of bearer tokens; see token_settings.py
issuer = "https://login.demo.bank/realm"
audience = "records-vault"
jwks = "issuer/jwks.json"                   # or https://...

[tiers.full]                # a node that serves one tier needs only that tier's table
listen = "localhost:7443"
database = "sqlite:///vault.db"             # or postgresql://user@host/name
keys_database = ""                          # the key store's own; the data database if empty
principals = "principals.toml"
institutions = ["demo-bank"]                # given their keys when the full tier starts
suites = { "demo-bank" = "sm4-gcm" }        # optional: the others have aes-256-gcm
kms = { provider = "local-file", directory = "kms/full" }
tls = { certificate = "pki/vault.pem", key = "pki/vault.key", client_ca = "pki/ca.pem" }

[tiers.masked]
listen = "localhost:7444"
...
oracle = { endpoint = "localhost:7443", ca = "pki/ca.pem", certificate = "...", key = "..." }
"""

from __future__ import annotations

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from vault.audit.note import NoteInvalid, VerifierKey
from vault.audit.witness.asking import is_allowed
from vault.blobs import Blobs
from vault.server.blobs_settings import BlobsTable, BlobsUnusable, open_blobs
from vault.server.blobs_settings import problem as blobs_problem
from vault.server.kms_settings import KmsTable
from vault.server.kms_settings import problem_of_all as kms_problem
from vault.server.suite_settings import SuiteName
from vault.server.suite_settings import problem as suites_problem
from vault.server.token_settings import TokensTable
from vault.server.token_settings import problem as tokens_problem


class SettingsInvalid(Exception):
    """The configuration file cannot be used; says where and how to mend it."""


class TierName(StrEnum):
    """The two tiers."""

    FULL = "full"
    MASKED = "masked"


# An unknown key in any table is a mistake, not an extension, and is refused. So is a number that
# would leave the vault without a limit, or unable to serve anything.
_Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
_Held = Annotated[float, msgspec.Meta(gt=0, le=7 * 86_400)]
_Institution = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{1,39}\Z")]
_Provider = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,29}\Z")]
_DATABASE = re.compile(r"sqlite:///(?!:memory:|file:).+|postgresql(\+psycopg)?://.+")


class WitnessTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A witness that is asked to cosign the log's checkpoints."""

    url: str
    vkey: str
    ca: str = ""


class LogTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Group commit of the log; its name, its checkpoints, and what a receipt promises."""

    # As C2SP wants it: like an address without a scheme, which need not be reachable.
    origin: Annotated[str, msgspec.Meta(pattern=r"^[!-*,-~]{1,200}\Z")] = "records-vault"
    checkpoint_interval_ms: Annotated[float, msgspec.Meta(ge=20, le=600_000)] = 1_000.0
    promise_seconds: Annotated[float, msgspec.Meta(ge=1, le=7 * 86_400)] = 60.0
    window_ms: Annotated[float, msgspec.Meta(ge=0, le=1_000)] = 4.0
    max_queue: _Count = 10_000
    max_batch: _Count = 512
    # The folder of the latest checkpoint, where whoever can set the database back cannot reach.
    second_place: str = ""
    # File of its public keys, for masked nodes, which compare with the second place too.
    public_keys: str = ""
    witnesses: list[WitnessTable] = []
    witness_quorum: Annotated[int, msgspec.Meta(ge=0, le=50)] = 0
    witness_seconds: Annotated[float, msgspec.Meta(ge=1, le=86_400)] = 15.0
    witness_required: bool = False


class AccessTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was approved: how masked nodes know that it was."""

    # File of the public keys that changes of access are signed with.
    public_keys: Annotated[str, msgspec.Meta(min_length=1)] = "access.vkey"


class LimitsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one caller may take."""

    # The transport takes four times as much, in memory, for each call at once.
    max_message_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=64 * 1024 * 1024)] = 4 * 1024 * 1024
    searches_per_minute: _Count = 600
    searches_per_minute_of_a_node: _Count = 6_000
    grace_seconds: Annotated[float, msgspec.Meta(ge=0, le=3_600)] = 20.0
    concurrent_calls: _Count = 2_000
    streams_per_caller: _Count = 100
    max_content_bytes: Annotated[int, msgspec.Meta(ge=1_024, le=1 << 40)] = 4 * 1024**3
    # So long the bytes of an upload are kept that nobody goes on with.
    upload_hours: Annotated[float, msgspec.Meta(ge=0.001, le=24 * 90)] = 24.0
    # So many documents are read for their masked pictures at once, each by a process of its own.
    renditions_at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    rendition_memory_mib: Annotated[int, msgspec.Meta(ge=256, le=8_192)] = 1_024


class CacheTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many unwrapped file keys are held, and for how long."""

    file_keys: _Count = 16_384
    file_key_seconds: _Held = 300.0
    branch_key_seconds: _Held = 3_600.0


class TlsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The server's certificate, and the authority whose client certificates are accepted."""

    certificate: str
    key: str
    client_ca: str


class OracleTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a masked node reaches the index oracle of the full tier, and with which certificate."""

    endpoint: str
    ca: str
    certificate: str
    key: str


class TierTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One tier of a vault."""

    listen: str
    database: str
    principals: str
    kms: KmsTable
    tls: TlsTable
    keys_database: str = ""
    # More providers of KEKs, by name: what `vaultctl keys rotate --to-provider` moves to.
    kms_others: dict[_Provider, KmsTable] = {}
    policies: str = ""
    fields: str = ""
    lending: str = ""
    budgets: str = ""
    detection: str = ""
    institutions: list[_Institution] = []
    suites: dict[_Institution, SuiteName] = {}
    oracle: OracleTable | None = None


class RetentionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose laws hold where a file says nothing, and for how long backups are kept."""

    jurisdictions: tuple[Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")], ...] = ("CN",)
    key_backup_days: Annotated[int, msgspec.Meta(ge=0, le=3_660)] = 35
    data_backup_days: Annotated[int, msgspec.Meta(ge=0, le=36_600)] = 3_660


class LifeTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files for life: folders of rules in place of the vault's own, and who keeps the files that
    name no custodian, by institution."""

    elements: str = ""
    ownership: str = ""
    business: str = ""
    currency: str = ""
    subjects: str = ""
    disclosure: str = ""
    custodians: dict[_Institution, Annotated[str, msgspec.Meta(min_length=1, max_length=100)]] = {}
    # So often the files are gone through for reminders; 0 is never. And so long before.
    reminder_hours: Annotated[float, msgspec.Meta(ge=0, le=24 * 90)] = 24.0
    reminder_days: Annotated[int, msgspec.Meta(ge=0, le=3_660)] = 30


class TransfersTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Customers' files from and to other vaults: the file of those vaults' logs' public keys, one a
    line. Nobody else is believed."""

    trusted_logs: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    tiers: dict[TierName, TierTable]
    log: LogTable = LogTable()
    limits: LimitsTable = LimitsTable()
    cache: CacheTable = CacheTable()
    access: AccessTable = AccessTable()
    retention: RetentionTable = RetentionTable()
    life: LifeTable = LifeTable()
    transfers: TransfersTable = TransfersTable()
    blobs: BlobsTable | None = None
    tokens: list[TokensTable] = []


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """A read configuration file, for one tier."""

    folder: Path
    tier: TierName
    table: TierTable
    log: LogTable
    limits: LimitsTable
    cache: CacheTable
    access: AccessTable
    retention: RetentionTable = RetentionTable()
    life: LifeTable = LifeTable()
    transfers: TransfersTable = TransfersTable()
    blobs: BlobsTable | None = None
    tokens: list[TokensTable] = []

    def open_blobs(self) -> Blobs | None:
        """The object store; None where none is configured. Raises SettingsInvalid."""
        try:
            return open_blobs(self.blobs, self.path) if self.blobs else None
        except BlobsUnusable as error:
            raise SettingsInvalid(str(error)) from None

    def path(self, text: str) -> Path:
        """A path of the file."""
        return self.folder / text

    def database_url(self, url: str) -> str:
        """A database URL with the path of an SQLite file made absolute."""
        prefix = "sqlite:///"
        if url.startswith(prefix) and not url.startswith(prefix + "/"):
            return prefix + str((self.folder / url.removeprefix(prefix)).resolve())
        return url


def load(path: Path, tier: TierName) -> Settings:
    """Read the file for one tier.

    Raises SettingsInvalid with the key that is wrong.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}") from None
    try:
        file = msgspec.convert(raw, _File)
    except msgspec.ValidationError as error:
        raise SettingsInvalid(f"{path}: {error}") from None
    table = file.tiers.get(tier)
    if table is None:
        raise SettingsInvalid(f"{path} has no table [tiers.{tier}]; add one, or serve another tier")
    wrong = kms_problem(table.kms, table.kms_others)
    if wrong:
        raise SettingsInvalid(f"{path}: tiers.{tier}.{wrong}")
    for key, url in (("database", table.database), ("keys_database", table.keys_database)):
        # The URL itself may hold a password and is not repeated.
        if (url or key == "database") and not _DATABASE.fullmatch(url):
            raise SettingsInvalid(
                f"{path}: tiers.{tier}.{key} is not a database's URL; "
                "write sqlite:///FILE or postgresql://USER@HOST/NAME"
            )
    if file.log.promise_seconds * 1_000 < 2 * file.log.checkpoint_interval_ms:
        raise SettingsInvalid(
            f"{path}: log.promise_seconds is less than twice log.checkpoint_interval_ms, "
            "so receipts would promise what cannot be kept; raise it"
        )
    _check_witnesses(path, file.log)
    wrong = tokens_problem(file.tokens) or blobs_problem(file.blobs)
    if wrong:
        raise SettingsInvalid(f"{path}: {wrong}")
    if tier is TierName.MASKED and table.suites:
        raise SettingsInvalid(
            f"{path}: tiers.masked.suites: the full tier alone seals; move it to tiers.full"
        )
    if wrong := suites_problem(table.suites, table.institutions):
        raise SettingsInvalid(f"{path}: tiers.{tier}.{wrong}")
    if tier is TierName.MASKED and table.oracle is None:
        raise SettingsInvalid(
            f"{path}: tiers.masked has no `oracle`; add where the full tier answers its searches"
        )
    return Settings(
        folder=path.parent.resolve(),
        tier=tier,
        table=table,
        log=file.log,
        limits=file.limits,
        cache=file.cache,
        access=file.access,
        retention=file.retention,
        life=file.life,
        transfers=file.transfers,
        blobs=file.blobs,
        tokens=file.tokens,
    )


def _check_witnesses(path: Path, log: LogTable) -> None:
    seen: set[str] = set()
    for witness in log.witnesses:
        if not is_allowed(witness.url):
            raise SettingsInvalid(
                f"{path}: log.witnesses: write https://..., or http://localhost:... on this machine"
            )
        try:
            key = VerifierKey.parse(witness.vkey)
        except NoteInvalid as error:
            raise SettingsInvalid(f"{path}: log.witnesses.vkey: {error}") from None
        if not key.kind.timestamped or key.name == log.origin:
            raise SettingsInvalid(
                f"{path}: log.witnesses.vkey is no witness's key; "
                "`vaultd witness show` has it on the witness's machine"
            )
        if key.vkey in seen:
            raise SettingsInvalid(f"{path}: log.witnesses has {key.name} twice")
        seen.add(key.vkey)
    if log.witness_quorum > len(log.witnesses):
        raise SettingsInvalid(
            f"{path}: log.witness_quorum is more than there are log.witnesses; "
            "add some, or lower it"
        )
    if log.witness_required and not log.witness_quorum:
        raise SettingsInvalid(f"{path}: log.witness_required needs a log.witness_quorum")
