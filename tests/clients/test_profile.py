"""A profile says where the vault is and as whom to call it; a careless key file is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recordsvault_masked import Profile, ProfileError, Tier
from tests.clients.fake_vault import FakeVault


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A profile with its files, made once; and the key."""
    vault = FakeVault(tmp_path_factory.mktemp("profile"))
    vault.stop()
    path = vault.profile()
    return path, (path.parent / "pki/crm.key").read_bytes()


@pytest.fixture
def profile(whole: tuple[Path, bytes], tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    source, _ = whole
    (tmp_path / "pki").mkdir()
    for file in (source, *(source.parent / "pki").iterdir()):
        copy = tmp_path / file.relative_to(source.parent)
        copy.touch(mode=0o600)
        copy.write_bytes(file.read_bytes())
    return tmp_path / "crm.toml"


def test_a_profile_is_read_with_paths_relative_to_its_file(profile: Path) -> None:
    read = Profile.load(profile)
    assert (read.name, read.institution, read.parent) == (
        "crm",
        "demo-bank",
        "institutions/demo-bank",
    )
    assert read.endpoint(Tier.MASKED).startswith("localhost:")
    assert read.key == (profile.parent / "pki/crm.key").read_bytes()


def test_a_profile_does_not_show_its_key(profile: Path) -> None:
    read = Profile.load(profile)
    body = read.key.decode().splitlines()[1]
    assert body not in repr(read)
    assert "key" not in repr(read)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o660, 0o644, 0o601])
def test_a_key_that_others_may_touch_is_refused_with_how_to_mend_it(
    profile: Path, mode: int
) -> None:
    key = profile.parent / "pki/crm.key"
    key.chmod(mode)
    with pytest.raises(ProfileError) as refused:
        Profile.load(profile)
    assert f"chmod 600 {key}" in str(refused.value)
    assert f"{mode:04o}" in str(refused.value)
    assert f"chmod 600 {key}" in refused.value.text("zh")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_for_its_owner_alone_is_accepted(profile: Path, mode: int) -> None:
    (profile.parent / "pki/crm.key").chmod(mode)
    Profile.load(profile)


def _write(text: str) -> Callable[[Path], object]:
    return lambda profile: profile.write_text(text)


def _edit(old: str, new: str) -> Callable[[Path], object]:
    return lambda profile: profile.write_text(profile.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda profile: profile.unlink(), "cannot be read"),
        (_write("name = "), "is not TOML"),
        (lambda profile: profile.write_bytes(b"\xff\xfe"), "is not UTF-8"),
        (_edit("institution", "instituton"), "did you mean institution?"),
        (_edit("demo-bank", "Demo Bank"), "not an identifier"),
        (_edit("localhost:", "localhost"), "is not host:port"),
        (_edit("localhost:", "https://localhost:"), "is not host:port"),
        (_edit("full", "ful"), "did you mean endpoints.full?"),
        (_edit('key = "pki/crm.key"', ""), "tls.key is missing"),
        (_edit("[tls]", "[tls]\ninsecure = true"), "tls.insecure is not known"),
        (_edit("pki/crm.key", "pki/nothing.key"), "cannot be read"),
        (_edit('key = "pki/crm.key"', 'key = "pki/crm.pem"'), "no PEM private key"),
        (
            lambda profile: (profile.parent / "pki/crm.key").write_text(
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
            ),
            "is encrypted",
        ),
        (_edit('certificate = "pki/crm.pem"', 'certificate = "crm.toml"'), "no PEM CERTIFICATE"),
    ],
)
def test_a_profile_that_cannot_be_used_says_why(
    profile: Path, spoil: Callable[[Path], object], said: str
) -> None:
    spoil(profile)
    with pytest.raises(ProfileError) as refused:
        Profile.load(profile)
    assert said in str(refused.value)
    assert refused.value.text("zh") != refused.value.text("en")


def test_a_tier_that_the_profile_does_not_name_is_reported_by_name(profile: Path) -> None:
    lines = [line for line in profile.read_text().splitlines() if not line.startswith("full")]
    profile.write_text("\n".join(lines))
    with pytest.raises(ProfileError, match=r"endpoints\.full"):
        Profile.load(profile).endpoint(Tier.FULL)
