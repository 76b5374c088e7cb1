"""obstore's client of a bucket: what it may take how long, and what it is not to take from the
environment."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from obstore.store import S3Store

from vault.blobs.s3_place import S3Place
from vault.blobs.s3_waits import FIRST_WAIT, LONGEST_WAIT

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Credential

_CONNECT_SECONDS: Final = 5.0


def open_client(place: S3Place, attempts: int) -> S3Store:
    """A client whose requests are made so often; nothing is asked yet."""
    client: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=min(_CONNECT_SECONDS, place.timeout)),
        "timeout": timedelta(seconds=place.timeout),
    }
    if place.ca:
        client["root_certificate"] = place.ca
    key: S3Credential = {
        "access_key_id": place.key.access_key_id,
        "secret_access_key": place.key.secret_access_key,
        "token": place.key.session_token or None,
        "expires_at": None,
    }
    return S3Store(
        place.bucket,
        prefix=place.prefix.rstrip("/") or None,
        endpoint=place.url(),
        region=place.region,
        checksum_algorithm="SHA256",
        # obstore would take these from the environment, and our key's session token.
        aws_endpoint_url_s3=place.url(),
        conditional_put="etag",
        s3_express=False,
        skip_signature=False,
        virtual_hosted_style_request=False,
        credential_provider=lambda: key,
        # Not every compatible store has the request for many at once.
        disable_bulk_delete=True,
        client_options=client,
        retry_config={
            "max_retries": attempts - 1,
            "retry_timeout": timedelta(seconds=place.patience),
            "backoff": {
                "init_backoff": timedelta(seconds=FIRST_WAIT),
                "max_backoff": timedelta(seconds=LONGEST_WAIT),
                "base": 2,
            },
        },
    )
