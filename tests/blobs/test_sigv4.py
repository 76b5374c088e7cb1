"""Signature Version 4 as Amazon's S3 API reference has it by examples, in "Authenticating Requests:
Using the Authorization Header"."""

from datetime import UTC, datetime

import pytest

from vault.blobs import S3Key
from vault.blobs.sigv4 import encoded_query, signed_headers

KEY = S3Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
HOST = "examplebucket.s3.amazonaws.com"
AT = datetime(2013, 5, 24, tzinfo=UTC)

EXAMPLES = {
    "GET object": (
        ("GET", "/test.txt", {}, {"Range": "bytes=0-9"}, b""),
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT object": (
        (
            "PUT",
            "/test$file.text",
            {},
            {
                "Date": "Fri, 24 May 2013 00:00:00 GMT",
                "x-amz-storage-class": "REDUCED_REDUNDANCY",
            },
            b"Welcome to Amazon S3.",
        ),
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET bucket lifecycle": (
        ("GET", "/", {"lifecycle": ""}, {}, b""),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "GET bucket": (
        ("GET", "/", {"prefix": "J", "max-keys": "2"}, {}, b""),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_published_request_has_its_published_signature(name: str) -> None:
    (method, path, query, headers, body), signature = EXAMPLES[name]
    sent = signed_headers(KEY, "us-east-1", method, HOST, path, query, headers, body, AT)
    assert sent["authorization"].endswith(f",Signature={signature}")
    assert "/20130524/us-east-1/s3/aws4_request," in sent["authorization"]


def test_a_session_token_is_sent_and_signed() -> None:
    key = S3Key("AKIAIOSFODNN7EXAMPLE", "secret", "a token")
    sent = signed_headers(key, "us-east-1", "GET", HOST, "/", {}, {}, b"", AT)
    assert sent["x-amz-security-token"] == "a token"
    assert ";x-amz-security-token," in sent["authorization"]


def test_a_query_is_sent_as_it_is_signed() -> None:
    assert encoded_query({"b": "x y/z", "a": "", "c~": "1+1"}) == "a=&b=x%20y%2Fz&c~=1%2B1"


def test_no_secret_is_in_a_repr() -> None:
    assert "wJalr" not in repr(KEY)
    assert "a token" not in repr(S3Key("AKIA", "secret", "a token"))
