"""The certificates of a development vault."""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from vault.server.dev.files import DevFolderUnusable
from vault.server.dev.pki import Authority

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URI = "spiffe://demo.bank/crm"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    authority = Authority.open(tmp_path, NOW)
    authority.server("server")
    authority.client("crm", URI)
    yield tmp_path


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def verifier(folder: Path, at: datetime) -> PolicyBuilder:
    return PolicyBuilder().store(Store([certificate(folder, "ca")])).time(at)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def open_at(folder: Path, now: datetime) -> None:
    authority = Authority.open(folder, now)
    authority.server("server")
    authority.client("crm", URI)


def test_a_client_certificate_verifies_against_the_authority_and_names_one_uri(
    folder: Path,
) -> None:
    verified = verifier(folder, NOW).build_client_verifier().verify(certificate(folder, "crm"), [])
    assert verified.subjects == [x509.UniformResourceIdentifier(URI)]
    assert len(verified.chain) == 2


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_a_server_certificate_verifies_for_each_name_of_this_machine(
    folder: Path, host: str
) -> None:
    subject: x509.DNSName | x509.IPAddress = (
        x509.DNSName(host) if host == "localhost" else x509.IPAddress(ipaddress.ip_address(host))
    )
    verifier(folder, NOW).build_server_verifier(subject).verify(certificate(folder, "server"), [])


def test_a_server_certificate_is_no_client_certificate_and_the_other_way_round(
    folder: Path,
) -> None:
    uses = {
        name: list(
            certificate(folder, name)
            .extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            .value
        )
        for name in ("server", "crm")
    }
    assert uses == {
        "server": [ExtendedKeyUsageOID.SERVER_AUTH],
        "crm": [ExtendedKeyUsageOID.CLIENT_AUTH],
    }
    with pytest.raises(VerificationError):
        verifier(folder, NOW).build_client_verifier().verify(certificate(folder, "server"), [])
    with pytest.raises(VerificationError):
        verifier(folder, NOW).build_server_verifier(x509.DNSName("localhost")).verify(
            certificate(folder, "crm"), []
        )


def test_a_certificate_of_another_authority_does_not_verify(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Authority.open(other, NOW).client("crm", URI)
    with pytest.raises(VerificationError):
        verifier(folder, NOW).build_client_verifier().verify(certificate(other, "crm"), [])


def test_every_key_is_p256_private_to_its_owner_and_of_its_certificate(folder: Path) -> None:
    keys = sorted(folder.glob("*.key"))
    assert [path.stem for path in keys] == ["ca", "crm", "server"]
    for path in keys:
        assert path.stat().st_mode & 0o777 == 0o600
        key = load_pem_private_key(path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert isinstance(key.curve, ec.SECP256R1)
        assert certificate(folder, path.stem).public_key() == key.public_key()


def test_opening_it_again_changes_nothing(folder: Path) -> None:
    before = bytes_of(folder)
    open_at(folder, NOW + timedelta(days=300))
    assert bytes_of(folder) == before


def test_certificates_that_end_within_30_days_are_renewed_with_the_same_keys(
    folder: Path,
) -> None:
    before = bytes_of(folder)
    later = NOW + timedelta(days=336)
    open_at(folder, later)
    after = bytes_of(folder)
    assert {name for name in after if after[name] != before.get(name)} == {"server.pem", "crm.pem"}
    for name in ("server", "crm"):
        assert certificate(folder, name).not_valid_after_utc == later + timedelta(days=365)
    verifier(folder, later).build_client_verifier().verify(certificate(folder, "crm"), [])
    assert (folder / "crm.pem").stat().st_mode & 0o777 == 0o644


def test_no_certificate_outlives_the_authority_and_its_renewal_renews_them(folder: Path) -> None:
    authority_ends = certificate(folder, "ca").not_valid_after_utc
    near = authority_ends - timedelta(days=100)
    open_at(folder, near)
    assert certificate(folder, "crm").not_valid_after_utc == authority_ends
    key = (folder / "ca.key").read_bytes()

    last = authority_ends - timedelta(days=20)
    open_at(folder, last)
    assert (folder / "ca.key").read_bytes() == key
    assert certificate(folder, "ca").not_valid_after_utc > last + timedelta(days=1000)
    assert certificate(folder, "crm").not_valid_after_utc == last + timedelta(days=365)
    verifier(folder, last).build_client_verifier().verify(certificate(folder, "crm"), [])


def test_a_key_without_a_certificate_gets_one(folder: Path) -> None:
    key = (folder / "crm.key").read_bytes()
    (folder / "crm.pem").unlink()
    open_at(folder, NOW)
    assert (folder / "crm.key").read_bytes() == key
    verifier(folder, NOW).build_client_verifier().verify(certificate(folder, "crm"), [])


def test_a_certificate_without_its_key_is_told_and_left_alone(folder: Path) -> None:
    (folder / "crm.key").unlink()
    with pytest.raises(DevFolderUnusable, match=r"crm\.key is missing beside its certificate"):
        open_at(folder, NOW)
    assert (folder / "crm.pem").exists() and not (folder / "crm.key").exists()


@pytest.mark.parametrize("name", ["ca.key", "crm.key"])
def test_a_key_that_others_can_read_is_refused(folder: Path, name: str) -> None:
    (folder / name).chmod(0o640)
    with pytest.raises(DevFolderUnusable, match="chmod 600"):
        open_at(folder, NOW)


@pytest.mark.parametrize("name", ["ca.key", "ca.pem", "crm.key", "crm.pem"])
def test_a_broken_file_is_told_and_left_alone(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"-----BEGIN nothing-----")
    before = bytes_of(folder)
    with pytest.raises(DevFolderUnusable, match=name.replace(".", r"\.")):
        open_at(folder, NOW)
    assert bytes_of(folder) == before


def test_a_certificate_of_another_authority_in_the_folder_is_told(
    folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    Authority.open(other, NOW).client("crm", URI)
    for suffix in ("pem", "key"):
        (folder / f"crm.{suffix}").write_bytes((other / f"crm.{suffix}").read_bytes())
    with pytest.raises(DevFolderUnusable, match="not issued by this folder's authority"):
        open_at(folder, NOW)


def test_a_certificate_of_another_key_is_told(folder: Path) -> None:
    (folder / "crm.pem").write_bytes((folder / "server.pem").read_bytes())
    with pytest.raises(DevFolderUnusable, match="not the certificate of the key beside it"):
        open_at(folder, NOW)


def test_the_authority_shows_no_key(folder: Path) -> None:
    assert "PrivateKey" not in repr(Authority.open(folder, NOW))
