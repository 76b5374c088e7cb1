"""TLS 1.3 with certificates of the vault's authority, or nothing; and principals reloaded live."""

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc

from recordsvault.admin.v1 import admin_pb2
from recordsvault.audit.v1 import audit_pb2 as ap
from tests.e2e.people import PARENT
from tests.e2e.wire import LogBook, refusal, refused
from tests.support.running_vault import ROOT, STRANGER, RunningVault
from vault.server.dev.pki import Authority
from vault.server.settings import TierName

TIERS = pytest.mark.parametrize("tier", list(TierName))


def check(channel: grpc.Channel) -> Callable[[], object]:
    """A call that every known caller may make."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return lambda: stub.Check(health_pb2.HealthCheckRequest(), timeout=5)


def channel_with(
    vault: RunningVault, tier: TierName, certificate: Path | None, key: Path | None = None
) -> grpc.Channel:
    """A channel that trusts the vault and shows a certificate of one's own choosing."""
    return grpc.secure_channel(
        vault.target(tier),
        grpc.ssl_channel_credentials(
            (vault.folder / "pki" / "ca.pem").read_bytes(),
            key.read_bytes() if key else None,
            certificate.read_bytes() if certificate else None,
        ),
    )


@pytest.fixture
def no_event(log: LogBook) -> Iterator[None]:
    """Whoever gets no connection makes no call, and so no event."""
    size = log.size()
    yield
    assert log.size() == size


# -- certificates --------------------------------------------------------------------------------


@TIERS
def test_a_caller_with_a_certificate_of_the_authority_is_heard(
    vault: RunningVault, tier: TierName
) -> None:
    pki = vault.folder / "pki"
    with channel_with(vault, tier, pki / "crm.pem", pki / "crm.key") as channel:
        check(channel)()


@TIERS
def test_without_a_client_certificate_there_is_no_connection(
    vault: RunningVault, no_event: None, tier: TierName
) -> None:
    with channel_with(vault, tier, None) as channel:
        assert refusal(check(channel)).code == "UNAVAILABLE"


@TIERS
def test_a_certificate_of_another_authority_gets_no_connection(
    vault: RunningVault, no_event: None, tier: TierName, tmp_path: Path
) -> None:
    """It bears a known caller's URI, and a name like the true authority's."""
    false = Authority.open(tmp_path, datetime.now(UTC))
    false.client("crm", "spiffe://demo.bank/crm")
    with channel_with(vault, tier, tmp_path / "crm.pem", tmp_path / "crm.key") as channel:
        assert refusal(check(channel)).code == "UNAVAILABLE"


def issue(vault: RunningVault, folder: Path, uris: list[str], *, days: int = 1) -> Path:
    """A client certificate of the vault's own authority, with any number of URIs."""
    pki = vault.folder / "pki"
    authority = x509.load_pem_x509_certificate((pki / "ca.pem").read_bytes())
    signer = serialization.load_pem_private_key((pki / "ca.key").read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "crm")]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=days))
    )
    if uris:
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(u) for u in uris])
        builder = builder.add_extension(names, critical=False)
    certificate = folder / "caller.pem"
    certificate.write_bytes(
        builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    (folder / "caller.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate


@TIERS
def test_an_expired_certificate_gets_no_connection(
    vault: RunningVault, no_event: None, tier: TierName, tmp_path: Path
) -> None:
    file = issue(vault, tmp_path, ["spiffe://demo.bank/crm"], days=-1)
    with channel_with(vault, tier, file, tmp_path / "caller.key") as channel:
        assert refusal(check(channel)).code == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("uris", "reason"),
    [
        ([], "CERTIFICATE_WITHOUT_URI"),
        (["spiffe://demo.bank/crm", "spiffe://demo.bank/backend"], "CERTIFICATE_WITHOUT_URI"),
        (["spiffe://demo.bank/crm/"], "UNKNOWN_PRINCIPAL"),
        (["spiffe://demo.bank/CRM"], "UNKNOWN_PRINCIPAL"),
        (["spiffe://other.bank/crm"], "UNKNOWN_PRINCIPAL"),
    ],
)
def test_a_certificate_that_names_no_principal_is_nobody(
    vault: RunningVault, log: LogBook, tmp_path: Path, uris: list[str], reason: str
) -> None:
    file, size = issue(vault, tmp_path, uris), log.size()
    with channel_with(vault, TierName.FULL, file, tmp_path / "caller.key") as channel:
        found = refusal(check(channel))
    assert (found.code, found.reason) == ("UNAUTHENTICATED", reason)
    (event,) = log.since(size)
    assert (event.actor, event.outcome) == ("", "UNAUTHENTICATED")


@TIERS
def test_a_client_refuses_a_server_of_another_authority(
    vault: RunningVault, no_event: None, tier: TierName, tmp_path: Path
) -> None:
    Authority.open(tmp_path, datetime.now(UTC))
    pki = vault.folder / "pki"
    credentials = grpc.ssl_channel_credentials(
        (tmp_path / "ca.pem").read_bytes(),
        (pki / "crm.key").read_bytes(),
        (pki / "crm.pem").read_bytes(),
    )
    with grpc.secure_channel(vault.target(tier), credentials) as channel:
        assert refusal(check(channel)).code == "UNAVAILABLE"


# -- versions of TLS -----------------------------------------------------------------------------


def shake(vault: RunningVault, tier: TierName, version: ssl.TLSVersion) -> str:
    """The version that a handshake with the crm's certificate ends in."""
    pki = vault.folder / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.pem"))
    context.load_cert_chain(pki / "crm.pem", pki / "crm.key")
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    # Every suite that the library has: a refusal is then not for want of one.
    context.set_ciphers("ALL:@SECLEVEL=0")
    with (
        socket.create_connection(("localhost", vault.ports[tier]), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return str(wrapped.version())


@TIERS
def test_tls_1_3_is_spoken(vault: RunningVault, tier: TierName) -> None:
    assert shake(vault, tier, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


@TIERS
def test_tls_1_2_is_refused(vault: RunningVault, no_event: None, tier: TierName) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shake(vault, tier, ssl.TLSVersion.TLSv1_2)


def test_a_process_that_would_speak_tls_1_2_does_not_serve(vault: RunningVault) -> None:
    program = (
        "import grpc, asyncio, sys; from pathlib import Path;"
        "from vault.server.run import serve; from vault.server.settings import TierName, load;"
        "asyncio.run(serve(load(Path(sys.argv[1]), TierName.FULL)))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "GRPC_SSL_CIPHER_SUITES"}
    ended = subprocess.run(
        [sys.executable, "-c", program, str(vault.config)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode != 0
    assert "TlsVersionsOpen" in ended.stderr


@TIERS
def test_plaintext_is_refused(vault: RunningVault, no_event: None, tier: TierName) -> None:
    with grpc.insecure_channel(vault.target(tier)) as channel:
        assert refusal(check(channel)).code == "UNAVAILABLE"
    with socket.create_connection(("localhost", vault.ports[tier]), timeout=5) as plain:
        plain.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        plain.settimeout(5)
        try:
            answer = plain.recv(100)
        except ConnectionError:
            answer = b""
    # An alert of TLS, or nothing: never a frame of HTTP/2.
    assert answer == b"" or answer[0] == 0x15


@TIERS
def test_noise_on_the_port_does_no_harm(
    vault: RunningVault, no_event: None, tier: TierName
) -> None:
    for noise in (
        b"",
        b"\x00" * 1000,
        b"\x16\x03\x01\xff\xff" + b"\xff" * 1000,
        b"GET / HTTP/1.1\r\n",
    ):
        with socket.create_connection(("localhost", vault.ports[tier]), timeout=5) as plain:
            plain.sendall(noise)


@TIERS
def test_the_vault_is_well_after_all_that(vault: RunningVault, tier: TierName) -> None:
    check(vault.channel("crm", tier))()


# -- principals, live ----------------------------------------------------------------------------


@pytest.fixture
def principals(vault: RunningVault) -> Iterator[Callable[[str], None]]:
    """Replaces the principals file at one stroke; puts the old one back afterwards."""
    path = vault.folder / "principals.toml"
    before = path.read_text("utf-8")

    def write(text: str) -> None:
        new = path.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.chmod(0o600)
        new.replace(path)

    yield write
    write(before)
    # Both tiers have read it again before the next test begins.
    time.sleep(0.7)


def code(vault: RunningVault, who: str, tier: TierName) -> str:
    try:
        check(vault.channel(who, tier))()
    except grpc.RpcError as error:
        return refused(error).code
    return "OK"


def until(vault: RunningVault, who: str, tier: TierName, wanted: str) -> float:
    """Seconds until a caller gets a status."""
    started = time.monotonic()
    while code(vault, who, tier) != wanted:
        assert time.monotonic() - started < 10, f"{who} never got {wanted}"
        time.sleep(0.02)
    return time.monotonic() - started


def file_without(vault: RunningVault, who: str) -> str:
    entries = (vault.folder / "principals.toml").read_text("utf-8").split("\n\n")
    left = [e for e in entries if f'name = "{who}"' not in e]
    assert len(left) == len(entries) - 1
    return "\n\n".join(left)


def entry(who: str, role: str) -> str:
    return (
        f'\n[[principal]]\nname = "{who}"\nuri = "spiffe://demo.bank/{who}"\n'
        f'institution = "demo-bank"\nroles = ["{role}"]\n'
    )


@TIERS
def test_a_principal_taken_out_is_refused_within_moments(
    vault: RunningVault, principals: Callable[[str], None], tier: TierName
) -> None:
    assert code(vault, "crm", tier) == "OK"
    principals(file_without(vault, "crm"))
    assert until(vault, "crm", tier, "UNAUTHENTICATED") < 3


@TIERS
def test_a_principal_added_is_accepted_within_moments(
    vault: RunningVault, principals: Callable[[str], None], tier: TierName
) -> None:
    assert code(vault, STRANGER, tier) == "UNAUTHENTICATED"
    principals((vault.folder / "principals.toml").read_text("utf-8") + entry(STRANGER, "operator"))
    assert until(vault, STRANGER, tier, "OK") < 3


def test_a_role_taken_away_is_gone(vault: RunningVault, principals: Callable[[str], None]) -> None:
    def query() -> str:
        try:
            vault.audit().QueryEvents(ap.QueryEventsRequest(parent=PARENT, page_size=1))
        except grpc.RpcError as error:
            return refused(error).code
        return "OK"

    assert query() == "OK"
    principals(file_without(vault, "officer") + entry("officer", "operator"))
    deadline = time.monotonic() + 3
    while query() == "OK":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert query() == "PERMISSION_DENIED"


def test_a_follower_that_is_taken_out_hears_no_more(
    vault: RunningVault, principals: Callable[[str], None]
) -> None:
    until(vault, "officer", TierName.FULL, "OK")
    request = ap.StreamEventsRequest(parent=PARENT, from_position=0, follow=True)
    stream = vault.audit().StreamEvents(request, timeout=10)
    check(vault.channel("crm", TierName.FULL))()
    assert next(iter(stream)).entries
    principals(file_without(vault, "officer"))
    until(vault, "officer", TierName.FULL, "UNAUTHENTICATED")
    # An event that is made now is not his to see.
    check(vault.channel("crm", TierName.FULL))()
    found = refusal(lambda: stream)
    assert (found.code, found.reason) == ("UNAUTHENTICATED", "UNKNOWN_PRINCIPAL")


@pytest.mark.parametrize("text", ["[[principal]\n", "", '[[principal]]\nname = "x"\n'])
def test_a_broken_file_changes_nothing_and_shows_in_health(
    vault: RunningVault, principals: Callable[[str], None], text: str
) -> None:
    principals(text)
    time.sleep(0.7)
    assert code(vault, "crm", TierName.FULL) == "OK"
    health = vault.admin().CheckHealth(admin_pb2.CheckHealthRequest(parts=["principals"]))
    assert health.checks[0].state in (
        admin_pb2.HEALTH_STATE_WARNING,
        admin_pb2.HEALTH_STATE_CRITICAL,
    )
    assert health.checks[0].remedy
