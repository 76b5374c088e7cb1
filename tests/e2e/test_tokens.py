"""A program that calls for a person: whose token counts, and that none that is wrong is passed over
(RFC 7519, RFC 8705, RFC 8725). Over TLS, with tokens that the tests sign by hand."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from grpc_health.v1 import health_pb2, health_pb2_grpc

from recordsvault.masked.v1 import masked_pb2 as mp
from tests.e2e.people import PARENT
from tests.e2e.wire import LogBook, Refused, refusal
from tests.support.running_vault import RunningVault, other
from tests.support.tokens import Key, bound_to, claims, hmac_token, token, unsigned
from vault.server.settings import TierName

_SOON = 1.0
"""Seconds within which whoever is taken out is served no longer."""


def bearer(text: str) -> tuple[tuple[str, str], ...]:
    """The metadata that carries a token."""
    return (("authorization", f"Bearer {text}"),)


def listing(
    vault: RunningVault, metadata: tuple[tuple[str, str], ...], who: str = "crm"
) -> Callable[[], object]:
    """A masked read, which the CRM may and so may a teller."""
    stub = vault.masked(who)
    request = mp.ListMaskedCustomersRequest(parent=PARENT)
    return lambda: stub.ListMaskedCustomers(request, metadata=metadata, timeout=10)


def told(vault: RunningVault, text: str, who: str = "crm") -> Refused:
    """What is said to a token that must be refused."""
    return refusal(listing(vault, bearer(text), who))


def now() -> int:
    return int(time.time())


# -- what holds ------------------------------------------------------------------------------------


def test_an_event_names_the_program_and_the_person(vault: RunningVault, log: LogBook) -> None:
    event = log.one(listing(vault, bearer(vault.token())))
    assert (event.actor, event.on_behalf_of, event.outcome) == ("crm", "teller", "OK")
    assert set(event.policies) == {"crm-viewer-reads-masked", "teller-reads-masked"}


def test_without_a_token_the_program_calls_for_itself(vault: RunningVault, log: LogBook) -> None:
    event = log.one(listing(vault, ()))
    assert (event.actor, event.on_behalf_of, event.outcome) == ("crm", "", "OK")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_schemes_case_does_not_matter(vault: RunningVault, scheme: str) -> None:
    listing(vault, (("authorization", f"{scheme} {vault.token()}"),))()


def test_an_audience_may_be_one_of_several(vault: RunningVault) -> None:
    listing(vault, bearer(vault.token(aud=["somebody", "records-vault"])))()


def test_clocks_may_differ_by_less_than_a_minute(vault: RunningVault) -> None:
    late = vault.token(iat=now() - 200, nbf=now() - 200, exp=now() - 50)
    early = vault.token(iat=now() + 50, nbf=now() + 50, exp=now() + 200)
    for text in (late, early):
        listing(vault, bearer(text))()


# -- what does not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "another-service"}, "TOKEN_AUDIENCE"),
        ({"aud": None}, "TOKEN_AUDIENCE"),
        ({"aud": []}, "TOKEN_AUDIENCE"),
        ({"aud": "records-vault-2"}, "TOKEN_AUDIENCE"),
        ({"iss": "https://login.demo.bank/other"}, "TOKEN_ISSUER"),
        ({"iss": None}, "TOKEN_ISSUER"),
        ({"exp": None}, "TOKEN_INVALID"),
        ({"exp": "2999-01-01"}, "TOKEN_INVALID"),
        ({"exp": True}, "TOKEN_INVALID"),
        ({"iat": None}, "TOKEN_INVALID"),
        ({"sub": None}, "TOKEN_INVALID"),
        ({"sub": ""}, "TOKEN_INVALID"),
        ({"cnf": None}, "TOKEN_UNBOUND"),
        ({"cnf": {}}, "TOKEN_UNBOUND"),
        ({"cnf": {"jkt": "x"}}, "TOKEN_UNBOUND"),
        ({"cnf": bound_to("00" * 32)}, "TOKEN_UNBOUND"),
        ({"sub": "nobody"}, "UNKNOWN_ACCOUNT"),
    ],
)
def test_a_claim_that_is_wrong_refuses_the_call(
    vault: RunningVault, log: LogBook, changes: dict[str, Any], reason: str
) -> None:
    text = vault.token(**changes)
    said = told(vault, text)
    assert (said.code, said.reason) == ("UNAUTHENTICATED", reason)
    event = log.one(listing(vault, bearer(text)))
    assert (event.actor, event.reason, event.decision.value) == ("crm", reason, "unauthenticated")
    assert event.on_behalf_of == ""


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ({"iat": -400, "nbf": -400, "exp": -100}, "TOKEN_EXPIRED"),
        ({"iat": 100, "nbf": 100, "exp": 400}, "TOKEN_NOT_YET_VALID"),
        ({"iat": 0, "nbf": 100, "exp": 400}, "TOKEN_NOT_YET_VALID"),
        ({"iat": 0, "nbf": 0, "exp": 3_700}, "TOKEN_LIFETIME"),
        ({"iat": -90_000, "nbf": 0, "exp": 100}, "TOKEN_LIFETIME"),
    ],
)
def test_a_token_counts_in_its_time_only(
    vault: RunningVault, times: dict[str, int], reason: str
) -> None:
    changes: dict[str, Any] = {name: now() + at for name, at in times.items()}
    said = told(vault, vault.token(**changes))
    assert (said.code, said.reason) == ("UNAUTHENTICATED", reason)


def test_a_token_bound_to_another_certificate_is_refused(vault: RunningVault) -> None:
    assert told(vault, vault.token(via="backend")).reason == "TOKEN_UNBOUND"


def test_a_token_that_was_verified_beside_one_certificate_is_not_taken_beside_another(
    vault: RunningVault,
) -> None:
    text = vault.token(via="crm")
    listing(vault, bearer(text))()
    assert told(vault, text, other("crm")).reason == "TOKEN_UNBOUND"


def test_a_person_of_another_institution_is_refused_though_the_token_is_right(
    vault: RunningVault,
) -> None:
    said = told(vault, vault.token(who=other("teller")))
    assert (said.code, said.reason) == ("UNAUTHENTICATED", "TOKEN_OTHER_INSTITUTION")


def test_a_certificate_of_another_institution_does_not_reach_a_customer_by_a_token(
    vault: RunningVault,
) -> None:
    said = told(vault, vault.token(via=other("crm")), other("crm"))
    assert (said.code, said.reason) == ("UNAUTHENTICATED", "TOKEN_OTHER_INSTITUTION")
    said = told(vault, vault.token(who=other("teller"), via=other("crm")), other("crm"))
    assert (said.code, said.reason) == ("PERMISSION_DENIED", "OTHER_INSTITUTION")


def test_a_persons_certificate_takes_no_token_of_somebody_else(vault: RunningVault) -> None:
    said = told(vault, vault.token(via="compliance"), "compliance")
    assert (said.code, said.reason) == ("UNAUTHENTICATED", "TOKEN_NOT_NEEDED")


def test_a_program_with_a_token_may_no_more_than_it_may_itself(vault: RunningVault) -> None:
    # A teller may read masked views; a back end may not, whomever it calls for.
    said = told(vault, vault.token(via="backend"), "backend")
    assert (said.code, said.reason) == ("PERMISSION_DENIED", "ROLE_MISSING")


# -- signatures ------------------------------------------------------------------------------------


def body(vault: RunningVault, **changes: Any) -> dict[str, Any]:
    return claims("teller", vault.certificate_digest("crm"), **changes)


@pytest.mark.parametrize("name", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_refused(vault: RunningVault, name: str) -> None:
    for header in ({"alg": name}, {"alg": name, "kid": "k1", "typ": "JWT"}):
        for end in (".", ".AAAA", ""):
            assert told(vault, unsigned(header, body(vault)) + end).reason == "TOKEN_INVALID"


def test_a_public_key_is_no_secret_to_sign_with(vault: RunningVault) -> None:
    public = vault.issuer.private.public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    jwk = vault.issuer.jwk()
    secrets = [spki, pem, pem.strip(), json.dumps(jwk).encode(), jwk["x"].encode()]
    for secret in [*secrets, base64.b64encode(spki), (vault.folder / "jwks.json").read_bytes()]:
        for header in ({}, {"kid": "k1"}):
            assert told(vault, hmac_token(secret, body(vault), **header)).reason == "TOKEN_INVALID"


def test_a_key_that_the_token_brings_along_is_not_used(vault: RunningVault) -> None:
    mine = Key.make("ES256")
    for header in (
        {"jwk": mine.jwk()},
        {"kid": None, "jwk": mine.jwk()},
        {"jku": "http://localhost:1/jwks.json"},
    ):
        assert told(vault, token(mine, body(vault), **header)).reason == "TOKEN_INVALID"


def test_a_signature_is_of_these_claims_and_of_no_others(vault: RunningVault) -> None:
    head, _, signature = vault.token().split(".")
    other_claims = unsigned({}, body(vault, exp=now() + 301)).split(".")[1]
    assert told(vault, f"{head}.{other_claims}.{signature}").reason == "TOKEN_INVALID"


@pytest.mark.parametrize("extension", [{"crit": ["b64"], "b64": True}, {"crit": ["exp"]}])
def test_an_extension_that_must_be_understood_is_not(
    vault: RunningVault, extension: dict[str, Any]
) -> None:
    assert told(vault, token(vault.issuer, body(vault), **extension)).reason == "TOKEN_INVALID"


# -- what is sent ----------------------------------------------------------------------------------


def test_two_tokens_are_refused_though_each_would_do(vault: RunningVault) -> None:
    metadata = bearer(vault.token()) + bearer(vault.token(exp=now() + 200))
    said = refusal(listing(vault, metadata))
    assert (said.code, said.reason) == ("UNAUTHENTICATED", "TOKEN_INVALID")


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Basic dGVsbGVyOng=", "Bearer a b", "Bearer x", "DPoP x"]
)
def test_what_is_no_bearer_token_is_never_passed_over(vault: RunningVault, value: str) -> None:
    said = refusal(listing(vault, (("authorization", value),)))
    assert (said.code, said.reason) == ("UNAUTHENTICATED", "TOKEN_INVALID")


def test_a_token_without_its_scheme_is_refused(vault: RunningVault) -> None:
    assert refusal(listing(vault, (("authorization", vault.token()),))).reason == "TOKEN_INVALID"


def test_an_oversized_token_is_refused(vault: RunningVault) -> None:
    small = vault.token(more="x" * 4_000)
    listing(vault, bearer(small))()
    large = vault.token(more="x" * 6_000)
    # gRPC clients may send 8 KiB and more of metadata; what is let through is refused here.
    assert len(large) > 8 * 1024
    said = told(vault, large)
    assert said.code in ("UNAUTHENTICATED", "RESOURCE_EXHAUSTED", "INTERNAL")
    assert said.reason in ("TOKEN_INVALID", "")


def test_a_wrong_token_refuses_even_what_every_program_may(vault: RunningVault) -> None:
    stub: Any = health_pb2_grpc.HealthStub(vault.channel("crm", TierName.FULL))
    text = vault.token(aud="x")
    said = refusal(
        lambda: stub.Check(health_pb2.HealthCheckRequest(), metadata=bearer(text), timeout=5)
    )
    assert said.reason == "TOKEN_AUDIENCE"


def test_nothing_of_a_token_is_in_a_log_or_an_answer(vault: RunningVault, log: LogBook) -> None:
    secret = "subject-that-nobody-may-see"
    said = [
        told(vault, vault.token(sub=secret)),
        told(vault, vault.token(sub=secret, aud="x")),
        told(vault, vault.token(sub=secret)[:-4] + "AAAA"),
        told(vault, hmac_token(b"x", body(vault, sub=secret))),
    ]
    written = "".join(vault.log_text(tier) for tier in TierName)
    leaves = b"".join(stored.leaf for stored in log.stored())
    for text in (*(one.text for one in said), written, leaves.decode("utf-8", "replace")):
        assert secret not in text
        assert "eyJ" not in text


# -- keys that change ------------------------------------------------------------------------------


def test_a_key_counts_from_when_it_is_published_until_it_is_taken_back(
    vault: RunningVault,
) -> None:
    fresh = Key.make("ES256", "k2")
    text = token(fresh, body(vault))
    assert told(vault, text).reason == "TOKEN_KEY_UNKNOWN"
    vault.publish(vault.issuer, fresh)
    try:
        _until(lambda: listing(vault, bearer(text))())
        vault.publish(vault.issuer)
        _until_refused(lambda: told(vault, text).reason == "TOKEN_KEY_UNKNOWN")
        listing(vault, bearer(vault.token()))()
    finally:
        vault.publish(vault.issuer)


def _until(call: Callable[[], object], seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            call()
        except grpc.RpcError:
            assert time.monotonic() < ends
            time.sleep(0.05)
        else:
            return


def _until_refused(is_so: Callable[[], bool], seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while True:
        try:
            if is_so():
                return
        except AssertionError:
            pass
        assert time.monotonic() < ends
        time.sleep(0.05)


# -- whoever is taken out --------------------------------------------------------------------------


class Watching:
    """A stream that waits for a change of the server's health, which does not come."""

    def __init__(self, vault: RunningVault, text: str = "", who: str = "crm") -> None:
        stub: Any = health_pb2_grpc.HealthStub(vault.channel(who, TierName.MASKED))
        metadata = bearer(text) if text else ()
        self._stream = stub.Watch(health_pb2.HealthCheckRequest(), metadata=metadata, timeout=30)
        next(self._stream)
        self.ended = threading.Event()
        self.said: Refused | None = None
        self.at = 0.0
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        self.said = refusal(lambda: self._stream)
        self.at = time.monotonic()
        self.ended.set()

    def stop(self) -> None:
        self._stream.cancel()
        self.ended.wait(5)


@pytest.fixture
def restored(vault: RunningVault) -> Iterator[None]:
    yield
    vault.principals()
    time.sleep(_SOON)


def test_a_stream_ends_within_a_second_of_its_person_being_taken_out(
    vault: RunningVault, restored: None
) -> None:
    carried, alone = Watching(vault, vault.token()), Watching(vault)
    taken_out = time.monotonic()
    vault.principals(without="teller")
    assert carried.ended.wait(5)
    assert carried.at - taken_out < _SOON
    assert carried.said is not None
    assert (carried.said.code, carried.said.reason) == ("UNAUTHENTICATED", "UNKNOWN_ACCOUNT")
    # The program's own stream goes on.
    assert not alone.ended.is_set()
    alone.stop()


def test_a_stream_ends_within_a_second_of_its_program_being_taken_out(
    vault: RunningVault, restored: None, log: LogBook
) -> None:
    size = log.size()
    carried, alone = Watching(vault, vault.token()), Watching(vault)
    taken_out = time.monotonic()
    vault.principals(without="crm")
    for stream in (carried, alone):
        assert stream.ended.wait(5)
        assert stream.at - taken_out < _SOON
        assert stream.said is not None
        assert stream.said.reason == "UNKNOWN_PRINCIPAL"
    ends = [event for event in log.since(size) if event.phase.value == "closed"]
    # The log says who it was.
    assert {(event.actor, event.on_behalf_of) for event in ends} == {("crm", "teller"), ("crm", "")}


def test_a_revoked_certificate_ends_its_streams_within_a_second(
    vault: RunningVault, restored: None
) -> None:
    watching, untouched = Watching(vault), Watching(vault, who="compliance")
    revoked = time.monotonic()
    vault.principals(
        before=f'revoked_certificates = ["sha256:{vault.certificate_digest("crm")}"]\n'
    )
    assert watching.ended.wait(5)
    assert watching.at - revoked < _SOON
    assert watching.said is not None
    assert watching.said.reason == "CERTIFICATE_REFUSED"
    assert refusal(listing(vault, ())).reason == "CERTIFICATE_REFUSED"
    assert not untouched.ended.is_set()
    untouched.stop()


def test_a_stream_ends_when_its_token_does(vault: RunningVault) -> None:
    # What is left of the minute by which clocks may differ.
    text = vault.token(iat=now() - 100, nbf=now() - 100, exp=now() - 57)
    begun = time.monotonic()
    watching = Watching(vault, text)
    assert watching.ended.wait(6)
    assert watching.said is not None
    assert (watching.said.code, watching.said.reason) == ("UNAUTHENTICATED", "TOKEN_EXPIRED")
    assert 1 < watching.at - begun < 4.5
    assert told(vault, text).reason == "TOKEN_EXPIRED"
