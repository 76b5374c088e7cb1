"""A whole vault for tests: both tiers as processes of their own, on real ports, with TLS.

`RunningVault` lays out certificates, keys and configuration in a folder, starts the tiers and gives
channels and stubs for each caller. It can kill and restart a tier. Beside the callers of the
demonstration bank there are those of another bank, and one that no principals file names.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import grpc
from sqlalchemy import make_url

from recordsvault.access.v1 import access_pb2_grpc
from recordsvault.admin.v1 import access_admin_pb2_grpc, admin_pb2_grpc
from recordsvault.audit.v1 import audit_pb2_grpc
from recordsvault.compartments.v1 import compartments_pb2_grpc
from recordsvault.masked.v1 import masked_pb2_grpc
from recordsvault.records.v1 import records_pb2_grpc
from tests.support.forked_tier import ForkedTier
from tests.support.migrated_file import migrated_file
from tests.support.quiet_ports import quiet_ports
from tests.support.tokens import AUDIENCE, ISSUER, Key, claims, digest_of, jwks, token
from vault.audit.reader import head
from vault.audit.signers import access_name, verifier_key
from vault.kms import KekName, create_local_keks
from vault.kms.signing import Purpose, create_signing_keys, read_signing_keys
from vault.server.dev.pki import Authority
from vault.server.parts import databases
from vault.server.settings import TierName, load
from vault.store import Database, log_tree
from vault.store.migrate import upgrade

ROOT = Path(__file__).parents[2]
Tier = subprocess.Popen[bytes] | ForkedTier
OWN, OTHER = "demo-bank", "other-bank"
ORIGIN = "demo.bank/log"
ROLES = {
    "backend": "ingestor",
    "crm": "crm_viewer",
    "compliance": "compliance",
    "officer": "security_officer",
    "operator": "operator",
    "custodian": "custodian",
    "investigator": "investigator",
    "colleague": "investigator",
    "keeper": "access_admin",
    "counter": "teller",
    "alarm": "break_glass",
}
# The others are programs.
PERSONS = frozenset(
    "compliance officer operator custodian investigator colleague keeper counter alarm".split()
)
# Persons without a certificate of their own, known by an account of the issuer of tokens.
BEARERS = {"teller": "teller"}
STRANGER = "stranger"
ROOMY = """\
time_zone = "Asia/Shanghai"

[[budget]]
full_an_hour = 1_000_000
full_a_day = 1_000_000
callers = "persons"
"""
NO_RULES = "# Nothing is noticed but decoys.\n"
_START_SECONDS = 30.0
_COVERED_SECONDS = 20.0
# A changed principals file is taken within half a second.
_TAKEN_SECONDS = 0.8


def other(name: str) -> str:
    """The caller with the same role at the other bank."""
    return f"{name}-of-other-bank"


class RunningVault:
    """Use as a context manager, or `start` and `stop` it. `masked_database` may be another URL,
    with the restricted role's user."""

    module = "tests.support.tier_process"
    # Tests have tiers that start in a moment (tests/conftest.py); a measurement has none of it.
    forked = False

    def __init__(
        self,
        folder: Path,
        database: str,
        *,
        masked_database: str = "",
        limits: str = "",
        log: str = "",
        budgets: str = ROOMY,
        detection: str = NO_RULES,
        suites: str = "{}",
        origin: str = ORIGIN,
    ) -> None:
        self.folder = folder
        self.origin = origin
        self._suites = suites
        self.database = database
        self.ports = dict(zip(TierName, quiet_ports(2), strict=True))
        self._processes: dict[TierName, Tier] = {}
        self._channels: dict[tuple[str, TierName], grpc.Channel] = {}
        self._log_settings = log
        self.issuer = Key.make("ES256")
        # The vault's own are made for people: a test opens more files, and is refused more often.
        self._tables = {"budgets": budgets, "detection": detection}
        self._lay_out(masked_database or database, limits)

    @property
    def config(self) -> Path:
        """vault.toml."""
        return self.folder / "vault.toml"

    def log_text(self, tier: TierName) -> str:
        """What the tier has written to its own log."""
        return (self.folder / f"{tier}.log").read_text("utf-8", "replace")

    # -- life --------------------------------------------------------------------------------

    def __enter__(self) -> "RunningVault":
        try:
            self.start()
        except BaseException:
            self.stop()  # the tier that did start
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *tiers: TierName) -> None:
        """Start the tiers (both by default) and wait until they take calls."""
        wanted = tiers or tuple(TierName)
        for tier in wanted:
            ready = self.folder / f"{tier}.ready"
            ready.unlink(missing_ok=True)
            self._processes[tier] = self._spawn(tier, ready)
        deadline = time.monotonic() + _START_SECONDS
        for tier in wanted:
            while not (self.folder / f"{tier}.ready").exists():
                if self._processes[tier].poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{tier} did not start: {self.log_text(tier)[-2000:]}")
                time.sleep(0.02)

    def _spawn(self, tier: TierName, ready: Path) -> Tier:
        """A process that serves the tier and makes the file `ready` when it takes calls."""
        output = self.folder / f"{tier}.log"
        if self.forked and self.module == RunningVault.module:
            return ForkedTier(self.config, tier, ready, output)
        with output.open("ab") as log:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    self.module,
                    str(self.config),
                    tier.value,
                    str(ready),
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env={**os.environ, "GRPC_VERBOSITY": "ERROR"},
            )

    def kill(self, tier: TierName) -> None:
        """SIGKILL."""
        process = self._processes.pop(tier)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def terminate(self, tier: TierName, *, wait: bool = True) -> Tier:
        """SIGTERM."""
        process = self._processes.pop(tier)
        process.terminate()
        if wait:
            process.wait(60)
        return process

    def runs(self, tier: TierName) -> bool:
        """Whether the tier has a process."""
        process = self._processes.get(tier)
        return process is not None and process.poll() is None

    def pid(self, tier: TierName) -> int:
        """The tier's process."""
        return self._processes[tier].pid

    def until_covered(self, seconds: float = _COVERED_SECONDS) -> None:
        """Wait until a signed checkpoint covers all that the log holds now."""
        data, keys = databases(load(self.config, TierName.FULL))
        try:
            size = data.read_sync(head).size
            deadline = time.monotonic() + seconds
            while (newest := data.read_sync(log_tree.latest)) is None or newest.size < size:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"no checkpoint: {self.log_text(TierName.FULL)[-2000:]}")
                time.sleep(0.02)
        finally:
            data.dispose()
            keys.dispose()

    def stop(self) -> None:
        """End everything."""
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            if process.poll() is None:
                process.kill()
                process.wait()
        self._processes.clear()

    # -- callers -----------------------------------------------------------------------------

    def credentials(self, who: str) -> grpc.ChannelCredentials:
        """TLS credentials of a caller."""
        pki = self.folder / "pki"
        return grpc.ssl_channel_credentials(
            (pki / "ca.pem").read_bytes(),
            (pki / f"{who}.key").read_bytes(),
            (pki / f"{who}.pem").read_bytes(),
        )

    def certificate_digest(self, who: str) -> str:
        """The SHA-256 digest of a caller's certificate, in hexadecimal."""
        return digest_of((self.folder / "pki" / f"{who}.pem").read_bytes())

    def token(self, who: str = "teller", via: str = "crm", **changes: object) -> str:
        """A token of one of `BEARERS`, bound to a caller's certificate, with other claims."""
        return token(self.issuer, claims(who, self.certificate_digest(via), **changes))

    def publish(self, *keys: Key) -> None:
        """Have the issuer publish these keys, and no others."""
        path = self.folder / "jwks.json"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(jwks(*keys))
        fresh.chmod(0o600)
        fresh.replace(path)

    def target(self, tier: TierName) -> str:
        """host:port."""
        return f"localhost:{self.ports[tier]}"

    def channel(self, who: str, tier: TierName) -> grpc.Channel:
        """A channel of a caller, kept."""
        key = (who, tier)
        if key not in self._channels:
            options = [
                ("grpc.max_receive_message_length", 64 * 1024 * 1024),
                # A restarted tier is found again at once.
                ("grpc.initial_reconnect_backoff_ms", 50),
                ("grpc.max_reconnect_backoff_ms", 200),
            ]
            self._channels[key] = grpc.secure_channel(
                self.target(tier), self.credentials(who), options=options
            )
        return self._channels[key]

    def records(self, who: str = "backend") -> records_pb2_grpc.RecordsStub:
        """The records service of the full tier."""
        return records_pb2_grpc.RecordsStub(self.channel(who, TierName.FULL))

    def masked(self, who: str = "crm") -> masked_pb2_grpc.MaskedRecordsStub:
        """The masked service of the masked tier."""
        return masked_pb2_grpc.MaskedRecordsStub(self.channel(who, TierName.MASKED))

    def audit(self, who: str = "officer") -> audit_pb2_grpc.AuditStub:
        """The audit service of the full tier."""
        return audit_pb2_grpc.AuditStub(self.channel(who, TierName.FULL))

    def access(self, who: str = "custodian") -> access_pb2_grpc.AccessStub:
        """The access service of the full tier: the lending register."""
        return access_pb2_grpc.AccessStub(self.channel(who, TierName.FULL))

    def compartments(self, who: str = "investigator") -> compartments_pb2_grpc.CompartmentsStub:
        """The compartments service of the full tier."""
        return compartments_pb2_grpc.CompartmentsStub(self.channel(who, TierName.FULL))

    def access_admin(self, who: str = "keeper") -> access_admin_pb2_grpc.AccessAdminStub:
        """The service of access administration of the full tier."""
        return access_admin_pb2_grpc.AccessAdminStub(self.channel(who, TierName.FULL))

    def admin(
        self, who: str = "operator", tier: TierName = TierName.FULL
    ) -> admin_pb2_grpc.AdminStub:
        """The admin service of a tier."""
        return admin_pb2_grpc.AdminStub(self.channel(who, tier))

    # -- layout ------------------------------------------------------------------------------

    def _lay_out(self, masked_database: str, limits: str) -> None:
        folder = self.folder
        for name in ("", "pki", "kms", "blobs"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        create_local_keks(folder / "kms" / "full", list(KekName))
        (folder / "kms" / "masked").mkdir(mode=0o700)
        masked_kek = folder / "kms" / "masked" / "masked.kek"
        masked_kek.write_bytes((folder / "kms" / "full" / "masked.kek").read_bytes())
        masked_kek.chmod(0o600)
        for tier, purpose in (
            ("full", Purpose.LOG),
            ("full", Purpose.ACCESS),
            ("full", Purpose.RECEIPT),
            ("masked", Purpose.RECEIPT),
        ):
            create_signing_keys(folder / "kms" / tier, purpose)
        for purpose, name in (
            (Purpose.LOG, self.origin),
            (Purpose.ACCESS, access_name(self.origin)),
        ):
            (key,) = read_signing_keys(folder / "kms" / "full", purpose)
            (folder / f"{purpose}.vkey").write_text(f"{verifier_key(name, key).vkey}\n")
        self._certificates()
        self.principals()
        self.publish(self.issuer)
        for table, text in self._tables.items():
            if text:
                (folder / f"{table}.toml").write_text(text, "utf-8")
        self.config.write_text(self._config(masked_database, limits), "utf-8")
        settings = load(self.config, TierName.FULL)
        self._migrate(settings.database_url(settings.table.database))

    @staticmethod
    def _migrate(url: str) -> None:
        file = Path(make_url(url).database or "")
        if url.startswith("sqlite:") and not file.exists():
            migrated_file(file)
            return
        database = Database(url)
        upgrade(database)
        database.dispose()

    def _certificates(self) -> None:
        authority = Authority.open(self.folder / "pki", datetime.now(UTC))
        authority.server("server")
        for name in self._callers():
            authority.client(name, f"spiffe://demo.bank/{name}")

    @staticmethod
    def _callers() -> Iterator[str]:
        for name in ROLES:
            yield name
            yield other(name)
        yield "masked-node"
        yield STRANGER

    def principals(self, *, without: str = "", before: str = "") -> None:
        """Write the principals file: without one of them, or with a text before all entries."""

        def entry(name: str, institution: str, role: str) -> str:
            bank = f'institution = "{institution}"\n' if institution else ""
            uri = f"spiffe://demo.bank/{name}"
            person = f'person = "p-{name}"\n' if name.split("-of-")[0] in PERSONS else ""
            who = f'name = "{name}"\nuri = "{uri}"\n{person}'
            return f'[[principal]]\n{who}{bank}roles = ["{role}"]\n\n'

        def bearer(name: str, institution: str, role: str) -> str:
            return (
                f'[[principal]]\nname = "{name}"\nperson = "p-{name}"\n'
                f'accounts = ["{ISSUER}|{name}"]\n'
                f'institution = "{institution}"\nroles = ["{role}"]\n\n'
            )

        entries = {"masked-node": entry("masked-node", "", "masked_node")}
        for name, role in ROLES.items():
            entries[name] = entry(name, OWN, role)
            entries[other(name)] = entry(other(name), OTHER, role)
        for name, role in BEARERS.items():
            entries[name] = bearer(name, OWN, role)
            entries[other(name)] = bearer(other(name), OTHER, role)
        entries.pop(without, None)
        path = self.folder / "principals.toml"
        fresh = path.with_suffix(".new")
        fresh.write_text(before + "".join(entries.values()), "utf-8")
        fresh.chmod(0o600)
        fresh.replace(path)

    def employ(self, name: str = "") -> None:
        """Have the principals file know one custodian more, until it is called again."""
        more = (
            f'[[principal]]\nname = "{name}"\nuri = "spiffe://demo.bank/{name}"\n'
            f'person = "p-{name}"\ninstitution = "{OWN}"\nroles = ["custodian"]\n\n'
        )
        self.principals(before=more if name else "")
        time.sleep(_TAKEN_SECONDS)

    def _config(self, masked_database: str, limits: str) -> str:
        tables = "\n".join(f'{name} = "{name}.toml"' for name, text in self._tables.items() if text)
        tls = '{ certificate = "pki/server.pem", key = "pki/server.key", client_ca = "pki/ca.pem" }'
        return f"""\
[log]
public_keys = "log.vkey"
origin = "{self.origin}"
{self._log_settings}

[limits]
renditions_at_once = 1
{limits}

[blobs]
folder = "blobs"

[life]
custodians = {{ "{OWN}" = "custodian", "{OTHER}" = "{other("custodian")}" }}

[[tokens]]
issuer = "{ISSUER}"
audience = "{AUDIENCE}"
jwks = "jwks.json"

[tiers.full]
listen = "localhost:{self.ports[TierName.FULL]}"
database = "{self.database}"
principals = "principals.toml"
{tables}
institutions = ["{OWN}", "{OTHER}"]
suites = {self._suites}
kms = {{ provider = "local-file", directory = "kms/full" }}
tls = {tls}

[tiers.masked]
listen = "localhost:{self.ports[TierName.MASKED]}"
database = "{masked_database}"
principals = "principals.toml"
{tables}
kms = {{ provider = "local-file", directory = "kms/masked" }}
tls = {tls}

[tiers.masked.oracle]
endpoint = "localhost:{self.ports[TierName.FULL]}"
ca = "pki/ca.pem"
certificate = "pki/masked-node.pem"
key = "pki/masked-node.key"
"""
