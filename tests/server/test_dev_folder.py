"""A development vault's folder: what is in it, what is kept, what is refused."""

import os
import socket
import stat
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from recordsvault_client import Profile, Tier
from tests.support.quiet_ports import quiet_ports
from tests.support.tokens import digest_of
from vault.access import Credentials, Directory, Recognised, Recogniser
from vault.access.tokens import Expected, HeldKeys, Issuer, JwksFile, Tokens
from vault.audit.note import VerifierKey
from vault.kms import KekMissing, KekName, LocalFileKms
from vault.kms.signing import Purpose, rotate_signing_keys
from vault.server.checking import examine
from vault.server.dev import (
    PEOPLE,
    DevFolderUnusable,
    Ports,
    dev_token,
    held,
    prepare,
    require_free,
)
from vault.server.dev.layout import Age, texts
from vault.server.migrating import migrate
from vault.server.settings import TierName, load
from vault.server.signing import verifier_keys

ROLES = {
    "backend": "ingestor",
    "crm": "crm_viewer",
    "compliance": "compliance",
    "officer": "security_officer",
    "operator": "operator",
    "custodian": "custodian",
    "investigator": "investigator",
    "keeper": "access_admin",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Under a wide umask, so that no mode is right by luck.
    before = os.umask(0)
    try:
        made = tmp_path / "dev"
        with held(made):
            prepare(made)
        return made
    finally:
        os.umask(before)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def again(folder: Path, **changes: int) -> None:
    with held(folder):
        prepare(folder, full_port=changes.get("full_port"), masked_port=changes.get("masked_port"))


# -- what is in it -------------------------------------------------------------------------------


def test_the_folder_holds_these_files_and_no_others(folder: Path) -> None:
    pki = ["ca", "full-server", "masked-server", "masked-node", *ROLES]
    assert set(contents(folder)) == {
        ".dev.lock",
        "vault.toml",
        "principals.toml",
        "kms/full/full.kek",
        "kms/full/masked.kek",
        "kms/full/index.kek",
        "kms/full/log.signing",
        "kms/full/access.signing",
        "kms/full/receipt.signing",
        "kms/masked/masked.kek",
        "kms/masked/receipt.signing",
        "log.vkey",
        "access.vkey",
        "receipt.vkey",
        "issuer/issuer.key",
        "issuer/jwks.json",
        *(f"pki/{name}.{suffix}" for name in pki for suffix in ("pem", "key")),
        *(f"profiles/{name}.toml" for name in ROLES),
    }


def test_nothing_but_what_is_public_can_be_read_by_others_and_nothing_written(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        public = path.suffix in (".pem", ".vkey") or path.name == "jwks.json"
        expected = 0o700 if path.is_dir() else 0o644 if public else 0o600
        assert (path, oct(mode)) == (path, oct(expected))


def test_the_masked_tiers_folder_holds_a_copy_of_the_masked_kek_and_no_other(folder: Path) -> None:
    masked = folder / "kms" / "masked"
    assert {path.name for path in masked.iterdir()} == {"masked.kek", "receipt.signing"}
    assert (masked / "masked.kek").read_bytes() == (folder / "kms/full/masked.kek").read_bytes()
    kms = LocalFileKms(masked)
    wrapped = LocalFileKms(folder / "kms" / "full").wrap(KekName.MASKED, bytes(32), b"context")
    assert kms.unwrap(wrapped, b"context") == bytes(32)
    for kek in (KekName.FULL, KekName.INDEX):
        with pytest.raises(KekMissing):
            kms.wrap(kek, bytes(32), b"context")


def test_each_tier_has_a_server_key_of_its_own(folder: Path) -> None:
    keys = [load(folder / "vault.toml", tier).table.tls.key for tier in TierName]
    assert len(set(keys)) == 2
    assert len({(folder / key).read_bytes() for key in keys}) == 2


def test_every_profile_loads_and_names_both_tiers(folder: Path) -> None:
    assert sorted(path.stem for path in (folder / "profiles").iterdir()) == sorted(ROLES)
    for name in ROLES:
        profile = Profile.load(folder / "profiles" / f"{name}.toml")
        assert (profile.name, profile.institution) == (name, "demo-bank")
        assert profile.endpoint(Tier.FULL) == "localhost:7443"
        assert profile.endpoint(Tier.MASKED) == "localhost:7444"
        raw = tomllib.loads((folder / "profiles" / f"{name}.toml").read_text())
        for file in raw["tls"].values():
            assert (folder / "profiles" / file).is_file()
            assert not Path(file).is_absolute()


def test_each_profiles_certificate_names_a_principal_with_its_role(folder: Path) -> None:
    directory = Directory(folder / "principals.toml")
    for name, role in ROLES.items():
        profile = Profile.load(folder / "profiles" / f"{name}.toml")
        certificate = x509.load_pem_x509_certificate(profile.certificate)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert [type(one) for one in names] == [x509.UniformResourceIdentifier]
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert uri == f"spiffe://demo.bank/{name}"
        principal = directory.lookup(uri)
        assert principal is not None
        assert (principal.name, principal.institution) == (name, "demo-bank")
        assert principal.roles == {role}
    node = directory.lookup("spiffe://demo.bank/masked-node")
    assert node is not None
    assert node.institution == ""
    assert node.roles == {"masked_node"}
    assert {person.name: person.role for person in PEOPLE} == ROLES


def test_the_public_keys_of_the_full_tier_and_of_both_tiers_receipts_lie_beside_the_configuration(
    folder: Path,
) -> None:
    log = [VerifierKey.parse(line) for line in (folder / "log.vkey").read_text().splitlines()]
    access = [VerifierKey.parse(line) for line in (folder / "access.vkey").read_text().splitlines()]
    receipts = [
        VerifierKey.parse(line) for line in (folder / "receipt.vkey").read_text().splitlines()
    ]
    full, masked = (load(folder / "vault.toml", tier) for tier in TierName)
    assert log == verifier_keys(full, Purpose.LOG)
    assert access == verifier_keys(full, Purpose.ACCESS)
    assert [key.name for key in access] == ["demo.bank/log/access"]
    assert receipts == [
        *verifier_keys(full, Purpose.RECEIPT),
        *verifier_keys(masked, Purpose.RECEIPT),
    ]
    assert len({*log, *access, *receipts}) == 4


def test_a_folder_from_before_the_signing_keys_gets_them(folder: Path) -> None:
    names = set(contents(folder))
    for file in (*folder.glob("kms/*/*.signing"), *folder.glob("*.vkey")):
        file.unlink()
    again(folder)
    assert set(contents(folder)) == names


@pytest.mark.parametrize("purpose", [Purpose.LOG, Purpose.ACCESS])
def test_a_key_is_not_made_anew_once_it_may_have_signed(folder: Path, purpose: Purpose) -> None:
    (folder / f"kms/full/{purpose}.signing").unlink()
    before = contents(folder)
    with pytest.raises(DevFolderUnusable, match=rf"{purpose}\.signing is missing"):
        again(folder)
    assert contents(folder) == before


def test_a_rotated_key_is_written_out_by_the_next_start(folder: Path) -> None:
    rotate_signing_keys(folder / "kms/full", Purpose.LOG)
    again(folder)
    assert len((folder / "log.vkey").read_text().splitlines()) == 2


def test_the_configuration_can_be_served_once_it_is_migrated(folder: Path) -> None:
    config = folder / "vault.toml"
    assert migrate(load(config, TierName.FULL))
    for tier in TierName:
        findings = list(examine(load(config, tier), config))
        assert [found.problem for found in findings if found.problem] == []
        assert len(findings) >= 6


# -- what is kept --------------------------------------------------------------------------------


def test_a_second_start_changes_nothing(folder: Path) -> None:
    before = contents(folder)
    again(folder)
    assert contents(folder) == before


def test_what_somebody_changed_stays(folder: Path) -> None:
    for name in ("vault.toml", "principals.toml", "profiles/crm.toml"):
        (folder / name).write_text((folder / name).read_text() + "\n# mine\n")
    before = contents(folder)
    again(folder)
    assert contents(folder) == before


@pytest.mark.parametrize(
    "lost",
    [
        "principals.toml",
        "profiles/crm.toml",
        "kms/masked/masked.kek",
        "kms/full/full.kek",
        "pki/officer.pem",
    ],
)
def test_what_a_crash_left_out_is_made_by_the_next_start(folder: Path, lost: str) -> None:
    before = contents(folder)
    (folder / lost).unlink()
    again(folder)
    assert set(contents(folder)) == set(before)


def test_other_ports_move_the_configuration_and_every_profile(folder: Path) -> None:
    before = contents(folder)
    again(folder, full_port=8443)
    after = contents(folder)
    assert {name for name in after if after[name] != before[name]} == {
        "vault.toml",
        *(f"profiles/{name}.toml" for name in ROLES),
    }
    assert load(folder / "vault.toml", TierName.FULL).table.listen == "localhost:8443"
    masked = load(folder / "vault.toml", TierName.MASKED).table
    assert masked.listen == "localhost:7444"
    assert masked.oracle is not None and masked.oracle.endpoint == "localhost:8443"
    crm = Profile.load(folder / "profiles/crm.toml")
    assert crm.endpoint(Tier.FULL) == "localhost:8443"
    # They are the folder's own from then on.
    again(folder)
    assert contents(folder) == after


def test_ports_do_not_move_a_file_that_somebody_changed(folder: Path) -> None:
    changed = folder / "profiles" / "crm.toml"
    changed.write_text(changed.read_text() + "# mine\n")
    before = contents(folder)
    with pytest.raises(DevFolderUnusable, match=r"crm\.toml was changed by hand"):
        again(folder, full_port=8443)
    assert contents(folder) == before


def test_ports_that_a_crash_moved_half_way_are_moved_by_the_next_start(folder: Path) -> None:
    before = contents(folder)
    again(folder, full_port=8443)
    after = contents(folder)
    # The configuration is moved last, so this is what a crash before it leaves.
    (folder / "vault.toml").write_bytes(before["vault.toml"])
    (folder / "profiles/crm.toml").write_bytes(before["profiles/crm.toml"])
    again(folder, full_port=8443)
    assert contents(folder) == after


def test_certificates_are_renewed_and_their_keys_kept(folder: Path) -> None:
    before = contents(folder)
    with held(folder):
        prepare(folder, now=datetime.now(UTC) + timedelta(days=340))
    after = contents(folder)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {
        f"pki/{name}.pem" for name in ("full-server", "masked-server", "masked-node", *ROLES)
    }


# -- what is refused -----------------------------------------------------------------------------


def test_a_kek_is_not_made_anew_beside_data_that_it_should_open(folder: Path) -> None:
    migrate(load(folder / "vault.toml", TierName.FULL))
    (folder / "kms/full/full.kek").unlink()
    with pytest.raises(DevFolderUnusable, match=r"full\.kek is missing"):
        again(folder)
    assert not (folder / "kms/full/full.kek").exists()


@pytest.mark.parametrize(
    "changed",
    [
        ('database = "sqlite:///vault.db"', 'database = "postgresql://vault@db.example/vault"'),
        ("[tiers.full]\n", '[tiers.full]\nkeys_database = "sqlite:///keys.db"\n'),
    ],
)
def test_a_kek_is_not_made_anew_where_the_data_may_be_elsewhere(
    folder: Path, changed: tuple[str, str]
) -> None:
    config = folder / "vault.toml"
    before = config.read_text()
    config.write_text(before.replace(*changed))
    assert config.read_text() != before
    (folder / "kms/full/index.kek").unlink()
    with pytest.raises(DevFolderUnusable, match=r"index\.kek is missing"):
        again(folder)
    assert not (folder / "kms/full/index.kek").exists()


def test_a_masked_kek_that_was_rotated_is_brought_to_the_masked_tier_by_the_next_start(
    folder: Path,
) -> None:
    full, masked = folder / "kms" / "full", folder / "kms" / "masked"
    made = LocalFileKms(full).new_version(KekName.MASKED)
    again(folder)
    assert LocalFileKms(masked).wrap(KekName.MASKED, bytes(32), b"context").kek_version == made
    assert stat.S_IMODE((masked / "masked.kek").stat().st_mode) == 0o600


@pytest.mark.parametrize("kek", ["full", "index"])
def test_a_masked_tier_with_more_than_the_masked_kek_is_refused(folder: Path, kek: str) -> None:
    stray = folder / "kms" / "masked" / f"{kek}.kek"
    stray.write_bytes((folder / "kms" / "full" / f"{kek}.kek").read_bytes())
    with pytest.raises(DevFolderUnusable, match="must not be where the masked tier can read it"):
        again(folder)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with (
        pytest.raises(DevFolderUnusable, match=r"holds other things and no vault\.toml"),
        held(tmp_path),
    ):
        pass
    assert set(contents(tmp_path)) == {"thesis.txt"}


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text("mine")
    with pytest.raises(DevFolderUnusable, match="cannot be used"), held(tmp_path / "dev"):
        pass


def test_a_folder_in_use_is_told_and_free_again_afterwards(folder: Path) -> None:
    with (
        held(folder),
        pytest.raises(DevFolderUnusable, match="is running already"),
        held(folder),
    ):
        pass
    with held(folder):
        pass


def test_one_port_for_both_tiers_is_refused(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(DevFolderUnusable, match="both tiers"):
        prepare(tmp_path, full_port=9000, masked_port=9000)
    assert not (tmp_path / "vault.toml").exists()


def test_a_configuration_that_cannot_be_read_is_told(folder: Path) -> None:
    (folder / "vault.toml").write_text("[tiers.full]\nlisten = 7\n")
    with pytest.raises(DevFolderUnusable, match=r"vault\.toml"):
        again(folder)


@contextmanager
def listening(family: socket.AddressFamily, host: str) -> Iterator[int]:
    with closing(socket.socket(family)) as busy:
        try:
            busy.bind((host, 0))
        except OSError:
            pytest.fail(f"this machine has no {host}")
        busy.listen()
        yield int(busy.getsockname()[1])


@pytest.mark.parametrize(
    ("family", "host"),
    [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::1")],
)
def test_a_port_in_use_is_told_with_the_option_that_helps(
    family: socket.AddressFamily, host: str
) -> None:
    (free,) = quiet_ports(1)
    with listening(family, host) as busy:
        for ports, option in (
            (Ports(busy, free), "--port-full"),
            (Ports(free, busy), "--port-masked"),
        ):
            told = f"port {busy} is in use .* {option} another port"
            with pytest.raises(DevFolderUnusable, match=told):
                require_free(ports)


def test_free_ports_are_free() -> None:
    require_free(Ports(*quiet_ports(2)))


# -- a second place ------------------------------------------------------------------------------


def test_both_tiers_are_given_the_second_place_and_the_logs_public_key(folder: Path) -> None:
    for tier in TierName:
        settings = load(folder / "vault.toml", tier)
        assert settings.path(settings.log.second_place).parent == folder.resolve()
        assert settings.path(settings.log.public_keys) == folder.resolve() / "log.vkey"


def test_an_early_folder_goes_on_without_and_takes_new_ports(tmp_path: Path) -> None:
    """A log that has entries already would be refused by a second place that never saw it."""
    made = tmp_path / "early"
    with held(made):
        for name, text in texts(Ports(), Age.EARLY).items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text)
        prepare(made)
        assert (made / "vault.toml").read_text() == texts(Ports(), Age.EARLY)["vault.toml"]
        prepare(made, full_port=7453, masked_port=7454)
    settings = load(made / "vault.toml", TierName.FULL)
    assert settings.table.listen == "localhost:7453"
    assert not settings.log.second_place
    assert (made / "vault.toml").read_text() == texts(Ports(7453, 7454), Age.EARLY)["vault.toml"]


# -- an issuer of tokens -------------------------------------------------------------------------


@pytest.mark.parametrize("age", [Age.EARLY, Age.WITHOUT_TOKENS])
def test_an_older_folder_takes_no_tokens_and_new_ports(tmp_path: Path, age: Age) -> None:
    made = tmp_path / "older"
    with held(made):
        for name, text in texts(Ports(), age).items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text)
        # Its principals are of its time, too.
        (made / "principals.toml").write_text(_FEWER)
        prepare(made)
        prepare(made, full_port=7453, masked_port=7454)
    assert (made / "vault.toml").read_text() == texts(Ports(7453, 7454), age)["vault.toml"]
    assert (made / "principals.toml").read_text() == _FEWER
    assert not (made / "issuer").exists()
    with pytest.raises(DevFolderUnusable, match="but not in a folder of an older vault"):
        dev_token(made, "teller", "crm")


def test_a_folder_of_before_custodians_keeps_its_text_and_takes_new_ports(tmp_path: Path) -> None:
    made, age = tmp_path / "older", Age.WITHOUT_CUSTODIANS
    with held(made):
        for name, text in texts(Ports(), age).items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_text(text)
        prepare(made)
        prepare(made, full_port=7453, masked_port=7454)
    assert (made / "vault.toml").read_text() == texts(Ports(7453, 7454), age)["vault.toml"]
    assert load(made / "vault.toml", TierName.FULL).life.custodians == {}


def test_a_new_folder_says_who_keeps_the_files_that_name_nobody(tmp_path: Path) -> None:
    made = tmp_path / "new"
    with held(made):
        prepare(made)
    custodians = load(made / "vault.toml", TierName.FULL).life.custodians
    assert custodians == {"demo-bank": "custodian"}


_FEWER = """\
[[principal]]
name = "crm"
uri = "spiffe://demo.bank/crm"
institution = "demo-bank"
roles = ["crm_viewer"]
"""


def recognised(folder: Path, text: str, beside: str) -> Recognised:
    """Whom both tiers would recognise by a token beside a certificate of the folder."""
    settings = load(folder / "vault.toml", TierName.MASKED)
    taken = Tokens(
        [
            Issuer(Expected(one.issuer, one.audience), held_keys(folder / one.jwks))
            for one in settings.tokens
        ],
        lambda: time.time_ns() // 1000,
    )
    digest = digest_of((folder / "pki" / f"{beside}.pem").read_bytes())
    shown = Credentials(f"spiffe://demo.bank/{beside}", digest, (f"Bearer {text}",))
    return Recogniser(Directory(folder / "principals.toml"), taken).recognise(shown)


def held_keys(path: Path) -> HeldKeys:
    keys = HeldKeys(JwksFile(path))
    keys.read()
    return keys


def test_a_token_names_the_teller_beside_the_crms_certificate_alone(folder: Path) -> None:
    text = dev_token(folder, "teller", "crm")
    found = recognised(folder, text, "crm")
    assert found.refused == ""
    assert found.principal is not None and found.principal.name == "crm"
    assert found.bearer is not None
    assert (found.bearer.name, found.bearer.person) == ("teller", "p-2001")
    assert recognised(folder, text, "backend").refused == "TOKEN_UNBOUND"
    assert recognised(folder, dev_token(folder, "teller", "custodian"), "custodian").refused == (
        "TOKEN_NOT_NEEDED"
    )


def test_the_issuers_key_stays_and_what_it_publishes_is_made_again(folder: Path) -> None:
    text = dev_token(folder, "teller", "crm")
    (folder / "issuer/jwks.json").unlink()
    again(folder)
    assert recognised(folder, text, "crm").refused == ""
    published = (folder / "issuer/jwks.json").read_text()
    assert '"d"' not in published


def test_a_token_is_for_a_bearer_and_a_caller_of_the_folder(folder: Path) -> None:
    with pytest.raises(DevFolderUnusable, match="nobody's token can be had but for teller"):
        dev_token(folder, "officer", "crm")
    with pytest.raises(DevFolderUnusable, match="name a caller of the folder: backend, crm"):
        dev_token(folder, "teller", "nobody")


# -- the log's name ------------------------------------------------------------------------------


def origin_of(folder: Path) -> str:
    return load(folder / "vault.toml", TierName.FULL).log.origin


def test_a_new_vaults_log_has_the_name_that_was_asked_for_and_keeps_it(tmp_path: Path) -> None:
    made = tmp_path / "other"
    with held(made):
        prepare(made, origin="other.bank/log")
    assert origin_of(made) == "other.bank/log"
    assert VerifierKey.parse((made / "log.vkey").read_text().strip()).name == "other.bank/log"

    again(made, full_port=7543)
    with held(made):
        prepare(made, origin="other.bank/log")
    assert origin_of(made) == "other.bank/log"
    assert load(made / "vault.toml", TierName.FULL).table.listen == "localhost:7543"


def test_no_log_is_renamed(folder: Path) -> None:
    before = contents(folder)
    with held(folder), pytest.raises(DevFolderUnusable, match="never changes"):
        prepare(folder, origin="other.bank/log")
    assert contents(folder) == before


@pytest.mark.parametrize("origin", ["", "Other Bank", "other.bank+log", 'a"b', "a\nb", "/log"])
def test_a_name_that_no_log_may_have_is_refused_before_anything_is_written(
    tmp_path: Path, origin: str
) -> None:
    made = tmp_path / "other"
    with held(made), pytest.raises(DevFolderUnusable, match="is named like an address"):
        prepare(made, origin=origin)
    assert set(contents(made)) <= {".dev.lock"}
