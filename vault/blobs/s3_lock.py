"""S3 Object Lock: whether a bucket has it, puts that lock, and until when an object is locked.

Requests of our own, since obstore has none for them, and does not sign headers beside its own, as
Amazon S3 demands of `x-amz-*`.
"""

from __future__ import annotations

import http.client
import ssl
import time
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from vault.blobs.errors import BlobsRefused, BlobsUnavailable
from vault.blobs.s3_place import S3Lock, S3Place
from vault.blobs.s3_waits import waits
from vault.blobs.sigv4 import encoded_query, signed_headers

_MAX_ANSWER: Final = 64 * 1024


class NoObjectLock(BlobsRefused):
    """The bucket has no object lock, or not one that can be set."""


def require_object_lock(place: S3Place) -> None:
    """Ask whether the bucket locks objects. Raises NoObjectLock; BlobsUnavailable where it cannot
    be asked."""
    status, body = _ask(place, "GET", "", {"object-lock": ""})
    if status == 200 and _text(body, "ObjectLockEnabled") == "Enabled":
        return
    if status == 200 or _text(body, "Code") in ("ObjectLockConfigurationNotFoundError",):
        raise NoObjectLock(
            "the bucket has no object lock: it is given at the bucket's creation; "
            "take another bucket, or remove blobs.lock_days"
        )
    raise _refused(status, body)


def put_locked(
    place: S3Place,
    how: S3Lock,
    name: str,
    content: bytes,
    metadata: Mapping[str, str],
    now: datetime,
) -> bool:
    """Put an object, named with the prefix, that is kept from `now` on: at once or not at all.
    False where there is one of that name. Raises BlobsUnavailable."""
    until = now.astimezone(UTC) + timedelta(days=how.days)
    headers = {
        "if-none-match": "*",
        "x-amz-object-lock-mode": how.mode.value.upper(),
        "x-amz-object-lock-retain-until-date": f"{until:%Y-%m-%dT%H:%M:%SZ}",
        "x-amz-checksum-sha256": b64encode(sha256(content).digest()).decode(),
        **{f"x-amz-meta-{key}": value for key, value in metadata.items()},
    }
    status, answer = _ask_once(place, "PUT", name, {}, content, headers)
    if status == 412:
        return False
    if status != 200:
        raise _refused(status, answer)
    return True


def locked_until(place: S3Place, name: str) -> datetime | None:
    """Until when an object, named with the prefix, is kept; None where it is not. Raises
    BlobsUnavailable."""
    status, body = _ask(place, "GET", name, {"retention": ""})
    if status == 200:
        until = _text(body, "RetainUntilDate")
        try:
            return datetime.fromisoformat(until) if until else None
        except ValueError:
            raise BlobsUnavailable("the object store tells no time of its lock") from None
    if status in (400, 404):
        return None
    raise _refused(status, body)


def _ask(place: S3Place, method: str, name: str, query: Mapping[str, str]) -> tuple[int, bytes]:
    """A request that may be made again: made again a few times."""
    for wait in waits(place):
        try:
            status, answer = _ask_once(place, method, name, query, b"", {})
            if status < 500 or wait is None:
                return status, answer
        except BlobsUnavailable:
            if wait is None:
                raise
        time.sleep(wait)
    raise AssertionError("the last attempt ends it")


def _ask_once(
    place: S3Place,
    method: str,
    name: str,
    query: Mapping[str, str],
    body: bytes,
    headers: Mapping[str, str],
) -> tuple[int, bytes]:
    parts = urlsplit(place.url())
    path = f"{parts.path}/{place.bucket}/{name}".rstrip("/")
    sent = signed_headers(
        place.key, place.region, method, parts.netloc, path, query, headers, body, datetime.now(UTC)
    )
    connection = _connection(place)
    try:
        target = quote(path, safe="/-_.~") + (f"?{encoded_query(query)}" if query else "")
        connection.request(method, target, body if method == "PUT" else None, sent)
        response = connection.getresponse()
        return response.status, response.read(_MAX_ANSWER)
    except TimeoutError as error:
        raise BlobsUnavailable("the object store does not answer in time") from error
    except (OSError, http.client.HTTPException) as error:
        why = type(error).__name__
        raise BlobsUnavailable(f"the object store cannot be reached ({why})") from error
    finally:
        connection.close()


def _connection(place: S3Place) -> http.client.HTTPConnection:
    parts = urlsplit(place.url())
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=place.timeout)
    tls = ssl.create_default_context()
    if place.ca:
        tls.load_verify_locations(cadata=place.ca.decode("ascii"))
    return http.client.HTTPSConnection(host, parts.port, timeout=place.timeout, context=tls)


def _text(body: bytes, name: str) -> str:
    """The text of the first element of that name; empty where there is none."""
    try:
        # What expands entities is refused: expat has limits of its own against it, and answers are
        # short.
        elements = ElementTree.fromstring(body).iter()  # noqa: S314
        return next(
            ((one.text or "").strip() for one in elements if one.tag.rpartition("}")[2] == name), ""
        )
    except ElementTree.ParseError:
        return ""


def _refused(status: int, body: bytes) -> BlobsUnavailable:
    code = _text(body, "Code")
    answer = code if code.isalnum() else str(status)
    if status in (401, 403):
        return BlobsRefused(f"the object store refuses our key ({answer})")
    return BlobsUnavailable(f"the object store cannot serve now ({answer})")
