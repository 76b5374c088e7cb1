"""Where objects are kept: what the table may say, whose key is taken, and what check-config and the
health check find."""

import asyncio
from pathlib import Path

import pytest

from tests.support.go_tool import BUILD_SECONDS
from tests.support.s3_server import KEY, S3Server
from vault.blobs import Blobs, BlobsUnavailable, FolderBlobs, S3Blobs, S3Key
from vault.server.blobs_settings import where
from vault.server.checking_blobs import look_at_blobs
from vault.server.checking_log import Doubt
from vault.server.parts import open_store
from vault.server.settings import Settings, SettingsInvalid, TierName, load
from vault.services.health import Check, State, blobs_probe

CONFIG = """
[tiers.full]
listen = "localhost:7443"
database = "sqlite:///vault.db"
principals = "principals.toml"
kms = { provider = "local-file", directory = "kms/full" }
tls = { certificate = "vault.pem", key = "vault.key", client_ca = "ca.pem" }

[blobs]
"""
S3 = 'kind = "s3"\nbucket = "vault-1"\n'
CREDENTIALS = f"""
[default]
aws_access_key_id = {KEY.access_key_id}
aws_secret_access_key = {KEY.secret_access_key}
"""


def settings(folder: Path, table: str) -> Settings:
    path = folder / "vault.toml"
    path.write_text(CONFIG + table, "utf-8")
    return load(path, TierName.FULL)


def key_file(folder: Path, text: str = CREDENTIALS, mode: int = 0o600) -> str:
    path = folder / "s3.credentials"
    path.write_text(text, "utf-8")
    path.chmod(mode)
    return 'credentials = "s3.credentials"\n'


def look(read: Settings) -> str:
    assert read.blobs is not None
    return look_at_blobs(read, read.blobs)


@pytest.fixture(autouse=True)
def _no_key_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("", r"blobs\.folder is missing"),
        ('kind = "tape"\n', "Invalid enum value 'tape'"),
        ('folder = "blobs"\nbucket = "vault-1"\n', r'blobs\.bucket is for kind = "s3"'),
        ('folder = "blobs"\nlock_days = 3\n', r"blobs\.lock_days is for"),
        ('kind = "s3"\n', r"blobs\.bucket is no bucket's name"),
        ('kind = "s3"\nbucket = "No_Bucket"\n', r"blobs\.bucket is no bucket's name"),
        (S3 + 'folder = "blobs"\n', r"blobs\.folder is for"),
        (S3 + 'endpoint = "http://s3.demo.bank"\n', r"blobs\.endpoint: write https"),
        (S3 + 'endpoint = "https://user:secret@s3.demo.bank"\n', r"blobs\.endpoint: write"),
        (S3 + 'endpoint = "http://localhost:1"\nca = "ca.pem"\n', r"blobs\.ca is for an https"),
        (S3 + 'prefix = "vault"\n', r"blobs\.prefix is of"),
        (S3 + 'prefix = "../"\n', r"blobs\.prefix is of"),
        (S3 + 'region = "eu central"\n', r"blobs\.region"),
        (S3 + "lock_days = -1\n", r"blobs\.lock_days"),
        (S3 + 'lock_mode = "strict"\n', "Invalid enum value 'strict'"),
        (S3 + "timeout_seconds = 0\n", r"blobs\.timeout_seconds"),
        (S3 + 'secret_access_key = "x"\n', "unknown field"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, table: str, told: str) -> None:
    with pytest.raises(SettingsInvalid, match=told):
        settings(tmp_path, table)


def test_a_folder_is_beside_the_configuration(tmp_path: Path) -> None:
    read = settings(tmp_path, 'folder = "blobs"\n')
    assert isinstance(read.open_blobs(), FolderBlobs)
    with pytest.raises(SettingsInvalid, match="make it"):
        look(read)
    (tmp_path / "blobs").mkdir()
    assert look(read) == str(tmp_path / "blobs")


def place_of(read: Settings) -> S3Key:
    blobs = read.open_blobs()
    assert isinstance(blobs, S3Blobs)
    return blobs.__reduce__()[1][0].key


def test_the_key_is_of_the_file_or_else_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsInvalid, match="no access key"):
        settings(tmp_path, S3).open_blobs()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-the-environment")
    with pytest.raises(SettingsInvalid, match="no access key"):
        settings(tmp_path, S3).open_blobs()
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert place_of(settings(tmp_path, S3)) == S3Key("of-the-environment", "secret", "token")
    assert place_of(settings(tmp_path, S3 + key_file(tmp_path))) == KEY


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[default]\naws_access_key_id = a\n", "needs aws_access_key_id and"),
        ("[other]\naws_access_key_id = a\naws_secret_access_key = hidden\n", "profile .default"),
        ("aws_secret_access_key = hidden\n", "no file of credentials"),
        ("[default]\naws_secret_access_key = hidden\naws_secret_access_key = hidden\n", "no file"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_not_shown(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(SettingsInvalid, match=told) as caught:
        look(settings(tmp_path, S3 + key_file(tmp_path, text)))
    assert "hidden" not in str(caught.value)


def test_a_file_that_others_can_read_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    read = settings(tmp_path, S3 + key_file(tmp_path, mode=0o644))
    with pytest.raises(SettingsInvalid, match="chmod 600"):
        look(read)
    (tmp_path / "s3.credentials").unlink()
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        look(read)


def test_a_file_of_authorities_is_looked_at(tmp_path: Path) -> None:
    table = S3 + key_file(tmp_path) + 'endpoint = "https://localhost:1"\nca = "ca.pem"\n'
    with pytest.raises(SettingsInvalid, match="cannot be read"):
        look(settings(tmp_path, table))
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SettingsInvalid, match=r"certificates in PEM"):
        look(settings(tmp_path, table))


def test_a_store_that_is_away_is_a_doubt_and_keeps_no_server_from_starting(tmp_path: Path) -> None:
    table = S3 + key_file(tmp_path) + 'endpoint = "http://localhost:1"\n'
    with pytest.raises(Doubt, match="cannot be reached; documents"):
        look(settings(tmp_path, table))
    for more in ("", "lock_days = 5\n"):
        blobs = open_store(settings(tmp_path, table + more))
        assert blobs is not None
        with pytest.raises(BlobsUnavailable):
            blobs.put("a", b"x")


def probed(blobs: Blobs) -> Check:
    async def run() -> Check:
        return await blobs_probe(blobs)()

    return asyncio.run(run())


@pytest.mark.timeout(BUILD_SECONDS)
def test_a_real_store_is_looked_over(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir()
    server = S3Server(tmp_path / "s3")
    server.start()
    try:
        table = key_file(tmp_path) + f'kind = "s3"\nendpoint = "{server.url}"\nprefix = "v/"\n'
        plain = table + f'bucket = "{server.new_bucket("plain")}"\n'
        locks = table + f'bucket = "{server.new_bucket("locks", locks=True)}"\nlock_days = 30\n'
        assert look(settings(tmp_path, plain)) == "s3://plain/v/"
        assert look(settings(tmp_path, locks)) == "s3://locks/v/, locked for 30 days"

        for more in ("lock_days = 30\n", 'lock_days = 1\nlock_mode = "governance"\n'):
            read = settings(tmp_path, plain + more)
            for refused in (look, open_store):
                with pytest.raises(SettingsInvalid, match="the bucket has no object lock"):
                    refused(read)
        with pytest.raises(SettingsInvalid, match="no such bucket"):
            look(settings(tmp_path, table + 'bucket = "elsewhere"\n'))
        other = CREDENTIALS.replace(KEY.secret_access_key, "another")
        with pytest.raises(SettingsInvalid, match="refuses our key") as caught:
            look(settings(tmp_path, plain + key_file(tmp_path, other).replace("cred", "#")))
        assert "another" not in str(caught.value)

        key_file(tmp_path)
        blobs = open_store(settings(tmp_path, plain))
        assert blobs is not None
        assert probed(blobs).state is State.OK
        server.stop()
        found = probed(blobs)
        assert (found.state, found.detail) == (
            State.WARNING,
            "the object store cannot be reached",
        )
    finally:
        server.stop()


def test_where_objects_are_is_said_without_the_key(tmp_path: Path) -> None:
    read = settings(tmp_path, S3 + key_file(tmp_path))
    assert read.blobs is not None
    assert KEY.access_key_id not in where(read.blobs, read.path)
    assert KEY.secret_access_key not in repr(read)
