"""AWS Signature Version 4 of one request: who asks, and that nothing of it was changed on its way.

As in "Authenticating Requests: Using the Authorization Header" of the Amazon S3 API reference, with
the payload in a single chunk. obstore signs what it sends; this is for what it has no call for.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

from vault.blobs.s3_place import S3Key

_ALGORITHM = "AWS4-HMAC-SHA256"


def signed_headers(
    key: S3Key,
    region: str,
    method: str,
    host: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> dict[str, str]:
    """The headers to send: those given, and Host, x-amz-date, x-amz-content-sha256, Authorization.

    `path` is not encoded yet; `at` is in UTC.
    """
    moment = f"{at:%Y%m%dT%H%M%SZ}"
    digest = sha256(body).hexdigest()
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    sent |= {"host": host, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if key.session_token:
        sent["x-amz-security-token"] = key.session_token
    names = sorted(sent)
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/-_.~"),
            encoded_query(query),
            *(f"{name}:{sent[name]}" for name in names),
            "",
            ";".join(names),
            digest,
        )
    )
    scope = f"{at:%Y%m%d}/{region}/s3/aws4_request"
    text = "\n".join((_ALGORITHM, moment, scope, sha256(canonical.encode()).hexdigest()))
    derived = f"AWS4{key.secret_access_key}".encode()
    for part in scope.split("/"):
        derived = _mac(derived, part)
    sent["authorization"] = (
        f"{_ALGORITHM} Credential={key.access_key_id}/{scope},SignedHeaders={';'.join(names)},"
        f"Signature={_mac(derived, text).hex()}"
    )
    return sent


def encoded_query(query: Mapping[str, str]) -> str:
    """The query as it is signed and sent."""
    pairs = sorted((quote(name, safe="-_.~"), quote(query[name], safe="-_.~")) for name in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
