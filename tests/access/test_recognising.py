"""Who is recognised by a certificate and a token, and how soon somebody is not any more."""

import asyncio
import datetime
from pathlib import Path

import pytest

from tests.support.tokens import AUDIENCE, ISSUER, Key, bound_to, jwks, token
from vault.access import Credentials, Directory, Recogniser
from vault.access.tokens import Expected, HeldKeys, Issuer, Tokens

CRM, STAFF = "spiffe://demo.bank/crm", "spiffe://demo.bank/staff"
OTHER = "spiffe://demo.bank/other"
NODE = "spiffe://demo.bank/node"
ONE, TWO = "1a" * 32, "2b" * 32
NOW = 1_800_000_000
KEY = Key.make("ES256")
PRINCIPALS = f"""
[[principal]]
name = "crm"
uri = "{CRM}"
institution = "demo-bank"
roles = ["crm_viewer"]

[[principal]]
name = "staff"
uri = "{STAFF}"
certificates = ["sha256:{ONE}"]
person = "p-1"
institution = "demo-bank"
roles = ["custodian"]

[[principal]]
name = "staff-by-token"
person = "p-1"
accounts = ["{ISSUER}|staff"]
institution = "demo-bank"
roles = ["teller"]

[[principal]]
name = "teller"
person = "p-2"
accounts = ["{ISSUER}|teller", "{ISSUER}|teller|second"]
institution = "demo-bank"
roles = ["teller"]
not_after = 2027-01-31

[[principal]]
name = "other-crm"
uri = "{OTHER}"
institution = "other-bank"
roles = ["crm_viewer"]

[[principal]]
name = "node"
uri = "{NODE}"
roles = ["masked_node"]
"""


class Rig:
    """A directory that looks at its file at every question, and one issuer."""

    period, least = 300.0, 10.0

    def __init__(self, folder: Path) -> None:
        self.now, self.day = float(NOW), datetime.date(2027, 1, 15)
        self.path = folder / "principals.toml"
        self.write(PRINCIPALS)
        self.directory = Directory(self.path, check_every=0, today=lambda: self.day)
        self.data = jwks(KEY)
        self.keys = HeldKeys(self)
        self.keys.read()
        expected = Expected(ISSUER, AUDIENCE)
        self.tokens = Tokens([Issuer(expected, self.keys)], lambda: int(self.now * 1_000_000))
        self.recogniser = Recogniser(self.directory, self.tokens)

    def read(self) -> bytes:
        return self.data

    def write(self, text: str) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o600)
        fresh.replace(self.path)

    def who(
        self, uri: str, *subjects: str, certificate: str = ONE, key: Key = KEY
    ) -> tuple[str, str, str]:
        """Names of program and person, and the reason of a refusal."""
        found = self.recogniser.recognise(
            Credentials(uri, certificate, tuple(bearer(one, certificate, key) for one in subjects))
        )
        return (
            found.principal.name if found.principal else "",
            found.bearer.name if found.bearer else "",
            found.refused,
        )


def bearer(subject: str, certificate: str, key: Key = KEY) -> str:
    body = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": NOW,
        "exp": NOW + 300,
        "cnf": bound_to(certificate),
    }
    return f"Bearer {token(key, body)}"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_certificate_names_its_principal(rig: Rig) -> None:
    assert rig.who(CRM) == ("crm", "", "")
    assert rig.who(STAFF) == ("staff", "", "")
    assert rig.who("spiffe://demo.bank/nobody") == ("", "", "UNKNOWN_PRINCIPAL")
    assert rig.who("") == ("", "", "CERTIFICATE_WITHOUT_URI")


def test_a_token_names_the_person_behind_a_program(rig: Rig) -> None:
    assert rig.who(CRM, "teller") == ("crm", "teller", "")
    # A subject may have the bar that divides it from its issuer.
    assert rig.who(CRM, "teller|second") == ("crm", "teller", "")
    assert rig.who(CRM, "staff") == ("crm", "staff-by-token", "")


def test_a_persons_certificate_goes_with_a_token_of_his_own_only(rig: Rig) -> None:
    assert rig.who(STAFF, "staff") == ("staff", "staff-by-token", "")
    assert rig.who(STAFF, "teller")[2] == "TOKEN_NOT_NEEDED"


def test_program_and_person_are_of_one_institution(rig: Rig) -> None:
    assert rig.who(OTHER, "teller")[2] == "TOKEN_OTHER_INSTITUTION"
    assert rig.who(NODE, "teller")[2] == "TOKEN_OTHER_INSTITUTION"


def test_an_account_that_nobody_has_is_refused(rig: Rig) -> None:
    assert rig.who(CRM, "nobody") == ("crm", "", "UNKNOWN_ACCOUNT")
    assert rig.who("spiffe://demo.bank/nobody", "teller") == ("", "", "UNKNOWN_PRINCIPAL")


def test_a_principal_is_held_to_its_certificates(rig: Rig) -> None:
    assert rig.who(STAFF, certificate=TWO) == ("", "", "CERTIFICATE_REFUSED")
    assert rig.who(STAFF, certificate="") == ("", "", "CERTIFICATE_REFUSED")
    assert rig.who(CRM, certificate=TWO) == ("crm", "", "")


def test_a_revoked_certificate_is_nobodys(rig: Rig) -> None:
    rig.write(f'revoked_certificates = ["sha256:{ONE}"]\n{PRINCIPALS}')
    assert rig.who(CRM) == ("", "", "CERTIFICATE_REFUSED")
    assert rig.who(CRM, "teller") == ("", "", "CERTIFICATE_REFUSED")
    assert rig.who(CRM, certificate=TWO) == ("crm", "", "")


def test_an_account_ends_with_its_principals_last_day(rig: Rig) -> None:
    rig.day = datetime.date(2027, 1, 31)
    assert rig.who(CRM, "teller") == ("crm", "teller", "")
    rig.day = datetime.date(2027, 2, 1)
    assert rig.who(CRM, "teller") == ("crm", "", "UNKNOWN_ACCOUNT")


@pytest.mark.parametrize(
    "authorization",
    [
        ("",),
        ("Bearer",),
        ("Basic eA==",),
        ("Bearer a b",),
        ("Bearer\ta",),
        (bearer("teller", ONE), bearer("teller", ONE)),
        (bearer("teller", ONE), "Basic eA=="),
        (bearer("teller", ONE).removeprefix("Bearer "),),
    ],
)
def test_what_is_not_one_bearer_token_is_refused(rig: Rig, authorization: tuple[str, ...]) -> None:
    found = rig.recogniser.recognise(Credentials(CRM, ONE, authorization))
    assert (found.refused, found.bearer) == ("TOKEN_INVALID", None)


def test_without_issuers_no_token_is_taken(rig: Rig) -> None:
    recogniser = Recogniser(rig.directory)
    found = recogniser.recognise(Credentials(CRM, ONE, (bearer("teller", ONE),)))
    assert found.refused == "TOKEN_ISSUER"
    assert recogniser.recognise(Credentials(CRM, ONE)).refused == ""


# -- what changes --------------------------------------------------------------------------------


def test_the_generation_changes_when_others_are_read_keys_change_or_a_day_begins(rig: Rig) -> None:
    def generation() -> int:
        return rig.recogniser.generation

    # A file that was written just now is read again and again; let it be older.
    rig.directory = Directory(rig.path, check_every=3600, today=lambda: rig.day)
    rig.recogniser = Recogniser(rig.directory, rig.tokens)
    before = generation()
    assert generation() == before
    rig.data = jwks(KEY, Key.make("ES256", "k2"))
    rig.keys.read()
    assert generation() > before


def test_a_new_day_and_a_new_file_change_the_directorys_generation(tmp_path: Path) -> None:
    now, day = [0.0], [datetime.date(2027, 1, 31)]
    path = tmp_path / "principals.toml"
    path.write_text(PRINCIPALS, "utf-8")
    path.chmod(0o600)
    directory = Directory(path, monotonic=lambda: now[0], today=lambda: day[0])
    before = directory.generation
    assert directory.lookup_account(ISSUER, "teller") is not None
    day[0] = datetime.date(2027, 2, 1)
    assert directory.generation == before
    now[0] = 1
    assert directory.generation > before
    assert directory.lookup_account(ISSUER, "teller") is None
    after = directory.generation
    path.write_text(PRINCIPALS.replace("crm_viewer", "operator"), "utf-8")
    now[0] = 2
    assert directory.generation > after


def test_a_key_that_is_missing_is_named_by_its_issuer_and_found_when_it_is_there(rig: Rig) -> None:
    second = Key.make("ES256", "k2")
    shown = Credentials(CRM, ONE, (bearer("teller", ONE, second),))
    found = rig.recogniser.recognise(shown)
    assert (found.refused, found.missing) == ("TOKEN_KEY_UNKNOWN", ISSUER)
    rig.data = jwks(KEY, second)
    rig.keys.start()
    try:
        asyncio.run(rig.recogniser.renewed(found.missing))
        assert rig.recogniser.recognise(shown).refused == ""
    finally:
        rig.keys.stop()


def test_nothing_shows_a_token(rig: Rig) -> None:
    text = bearer("teller|second", ONE)
    shown = Credentials(CRM, ONE, (text,))
    found = rig.recogniser.recognise(shown)
    assert found.bearer is not None
    for told in (repr(shown), repr(found)):
        assert text not in told
        assert "second" not in told
