"""Services of KEKs that are ill: each fault is the house's own error, in time, and nothing else."""

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from tests.support import softhsm
from tests.support.faulty_http import Fault, FaultyHttp
from tests.support.go_servers import REGION
from tests.support.go_tool import BUILD_SECONDS
from tests.support.kms_providers import aws_server, private_file, transit, transit_server
from vault.kms import (
    AwsKms,
    AwsSettings,
    GuardedKms,
    GuardLimits,
    KekMissing,
    KekName,
    KekUnfit,
    KeyFileRefused,
    Kms,
    KmsUnavailable,
    Pkcs11Kms,
    Pkcs11Settings,
    TransitKms,
    TransitSettings,
)

pytestmark = pytest.mark.timeout(BUILD_SECONDS)

KEY = bytes(range(33))
TIMEOUT = 1.5  # of a provider: well more than a service takes on a busy machine
FAULTS = [fault for fault in Fault if fault is not Fault.NONE]


class Scene:
    """A service behind a faulty server, asked by its provider."""

    def __init__(self, kind: str, folder: Path) -> None:
        if kind == "transit":
            server = transit_server()
            self.proxy = FaultyHttp(server.port)
            given = transit(folder, KekName)
            kms = given.open()
            assert isinstance(kms, TransitKms)
            settings = replace(kms._settings, address=self.proxy.address, timeout=TIMEOUT)
            self.kms: Kms = TransitKms(settings)
            return
        self.proxy = FaultyHttp(aws_server().port)
        for kek in KekName:
            aws_server().add_key(f"faults-{kek.value}")
        self.kms = AwsKms(
            AwsSettings(
                region=REGION, endpoint=self.proxy.address, prefix="faults-", timeout=TIMEOUT
            )
        )


@pytest.fixture(scope="module", params=["transit", "aws"])
def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    made = Scene(request.param, tmp_path_factory.mktemp("kms") / "keys")
    with made.proxy:
        yield made


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.lower())
def test_a_fault_is_told_as_unavailable_and_the_next_call_finds_it_well(
    scene: Scene, fault: Fault
) -> None:
    wrapped = scene.kms.wrap(KekName.FULL, KEY, b"here")
    scene.proxy.fault = fault
    # The time-out of a provider is for each read: what drips for ever, the guard ends.
    guarded = GuardedKms(scene.kms, GuardLimits(seconds=2.0, attempts=1))
    began = time.monotonic()
    try:
        with pytest.raises(KmsUnavailable) as caught:
            guarded.wrap(KekName.FULL, KEY, b"here")
        with pytest.raises(KmsUnavailable):
            guarded.unwrap(wrapped, b"here")
    finally:
        scene.proxy.fault = Fault.NONE
    assert time.monotonic() - began < 20.0
    assert KEY.hex() not in str(caught.value)
    assert scene.kms.unwrap(wrapped, b"here") == KEY


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.BUSY, Fault.LOST, Fault.HUNG])
def test_a_fault_that_passes_is_not_seen_by_who_asks_through_the_guard(
    scene: Scene, fault: Fault
) -> None:
    guarded = GuardedKms(scene.kms, GuardLimits(seconds=30.0))
    scene.proxy.faults = [fault]
    wrapped = guarded.wrap(KekName.FULL, KEY, b"here")
    scene.proxy.faults = [fault, fault]
    assert guarded.unwrap(wrapped, b"here") == KEY
    assert scene.proxy.faults == []


def test_an_answer_of_another_shape_does_not_pass_the_check(scene: Scene) -> None:
    scene.proxy.faults = [Fault.NONE, Fault.OTHER_JSON]
    with pytest.raises(KmsUnavailable):
        scene.kms.check()
    scene.kms.check()


# -- transit: its token ----------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> TransitSettings:
    kms = transit(tmp_path / "keys", KekName).open()
    assert isinstance(kms, TransitKms)
    return kms._settings


def test_a_token_that_ended_is_an_outage_until_its_file_has_another(
    settings: TransitSettings,
) -> None:
    """KekMissing would say that the node's owner took the KEK away."""
    kms = TransitKms(settings)
    good = settings.token_file.read_text()
    settings.token_file.write_text("hvs.ended\n")
    with pytest.raises(KmsUnavailable, match="token is refused"):
        kms.wrap(KekName.FULL, KEY, b"here")
    settings.token_file.write_text(good)
    assert kms.wrap(KekName.FULL, KEY, b"here").kek is KekName.FULL


@pytest.mark.parametrize("text", ["", " \n", "two\nlines", "not\x00text", "né"])
def test_a_file_without_a_token_says_so(settings: TransitSettings, text: str) -> None:
    settings.token_file.write_text(text)
    with pytest.raises(KmsUnavailable, match="has no token"):
        TransitKms(settings).wrap(KekName.FULL, KEY, b"here")


def test_a_token_that_others_can_read_is_not_used(settings: TransitSettings) -> None:
    settings.token_file.chmod(0o640)
    with pytest.raises(KeyFileRefused, match="chmod 600"):
        TransitKms(settings).wrap(KekName.FULL, KEY, b"here")


def test_a_key_that_is_not_there_is_not_made_by_encrypting_with_it(
    settings: TransitSettings,
) -> None:
    other = TransitKms(replace(settings, prefix="mistyped-"))
    with pytest.raises(KekMissing):
        other.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(AssertionError):
        transit_server().ask("GET", "keys/mistyped-full")


def test_its_certificate_is_checked_before_a_token_is_sent(
    settings: TransitSettings, tmp_path: Path
) -> None:
    authority, other = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, one in (("ca", authority), ("other", other)):
        one.cert_pem.write_to_path(str(tmp_path / f"{name}.pem"))
    with FaultyHttp(transit_server().port, context) as proxy:
        at = replace(settings, address=proxy.address)
        kms = TransitKms(replace(at, ca=str(tmp_path / "ca.pem")))
        assert kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY
        asked = proxy.requests
        for wrong in ("", str(tmp_path / "other.pem")):
            with pytest.raises(KmsUnavailable, match="SSLCertVerificationError"):
                TransitKms(replace(at, ca=wrong)).wrap(KekName.FULL, KEY, b"here")
        assert proxy.requests == asked
    with pytest.raises(OSError, match=r"[Nn]o"):
        TransitKms(replace(at, ca=str(tmp_path / "nowhere.pem")))


def test_an_old_version_that_was_ended_is_missing(settings: TransitSettings) -> None:
    kms = TransitKms(settings)
    old = kms.wrap(KekName.FULL, KEY, b"here")
    name = f"{settings.prefix}full"
    transit_server().rotate(name)
    transit_server().ask("POST", f"keys/{name}/config", {"min_decryption_version": "2"})
    with pytest.raises(KekMissing):
        kms.unwrap(old, b"here")


# -- PKCS#11: its PIN and its keys -----------------------------------------------------------


def module(tmp_path: Path, token: str, pin: str = softhsm.PIN) -> Pkcs11Settings:
    tmp_path.chmod(0o700)
    file = private_file(tmp_path / "pin", pin)
    return Pkcs11Settings(module=softhsm.library(), token=token, pin_file=file, prefix="rv-")


def test_a_wrong_pin_is_tried_once_and_not_until_it_was_changed(tmp_path: Path) -> None:
    settings = module(tmp_path, softhsm.token(["rv-full-1"]), "000000")
    kms = Pkcs11Kms(settings)
    told = set()
    for _ in range(20):  # any token would be locked by then
        with pytest.raises(KekUnfit, match="put the right one there") as caught:
            kms.wrap(KekName.FULL, KEY, b"here")
        told.add(str(caught.value))
    assert len(told) == 1
    assert "000000" not in told.pop()
    settings.pin_file.write_text(softhsm.PIN)
    assert kms.unwrap(kms.wrap(KekName.FULL, KEY, b"here"), b"here") == KEY


def test_a_token_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    softhsm.environment()
    with pytest.raises(KmsUnavailable, match="no token"):
        Pkcs11Kms(module(tmp_path, "elsewhere")).wrap(KekName.FULL, KEY, b"here")


def test_a_library_that_does_not_load_is_unavailable(tmp_path: Path) -> None:
    settings = replace(module(tmp_path, "any"), module=tmp_path / "pin")
    with pytest.raises(KmsUnavailable, match="cannot be loaded"):
        Pkcs11Kms(settings).wrap(KekName.FULL, KEY, b"here")


def test_a_key_that_may_leave_the_module_is_no_kek(tmp_path: Path) -> None:
    token = softhsm.token([])
    softhsm.add_keys(token, ["rv-full-1"], extractable=True)
    with pytest.raises(KekUnfit, match="CKA_EXTRACTABLE"):
        Pkcs11Kms(module(tmp_path, token)).wrap(KekName.FULL, KEY, b"here")


def test_two_keys_of_one_label_are_told_apart_by_nobody(tmp_path: Path) -> None:
    kms = Pkcs11Kms(module(tmp_path, token := softhsm.token(["rv-full-1"])))
    wrapped = kms.wrap(KekName.FULL, KEY, b"here")
    softhsm.add_keys(token, ["rv-full-1"])
    with pytest.raises(KekUnfit, match="two keys labelled"):
        kms.wrap(KekName.FULL, KEY, b"here")
    with pytest.raises(KekUnfit, match="two keys labelled"):
        kms.unwrap(wrapped, b"here")


def test_the_tenth_version_is_newer_than_the_ninth(tmp_path: Path) -> None:
    token = softhsm.token(f"rv-full-{number}" for number in (9, 10, 2))
    kms = Pkcs11Kms(module(tmp_path, token))
    assert kms.wrap(KekName.FULL, KEY, b"here").kek_version == "pkcs11:10"


def test_a_module_that_hangs_is_told_in_time_and_asked_no_more(tmp_path: Path) -> None:
    """There is no time-out in PKCS#11: who waits in the library, waits."""
    from vault.kms import pkcs11

    settings = replace(module(tmp_path, softhsm.token(["rv-full-1"])), timeout=0.2)
    guarded = GuardedKms(Pkcs11Kms(settings), GuardLimits(seconds=1.0))
    wrapped = guarded.wrap(KekName.FULL, KEY, b"here")
    turn = pkcs11._libraries[settings.module]
    with turn:  # somebody is in the library, and does not come back
        began = time.monotonic()
        with pytest.raises(KmsUnavailable, match="does not come back"):
            guarded.unwrap(wrapped, b"here")
        assert time.monotonic() - began < 20.0
    assert guarded.unwrap(wrapped, b"here") == KEY
