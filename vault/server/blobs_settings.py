"""The table `[blobs]` of the configuration: where objects are kept.

[blobs]                                # in a folder of this machine
folder = "blobs"

[blobs]                                # or in an S3-compatible store
kind = "s3"
bucket = "records-vault"
endpoint = "https://s3.demo.bank"      # else Amazon's in `region`
region = "eu-central-1"
prefix = "vault/"
credentials = "s3.credentials"         # else the environment's AWS_ACCESS_KEY_ID and so on
ca = "pki/s3-ca.pem"                   # beside the system's authorities
lock_days = 0                          # object lock (WORM): for so long nobody deletes an object
lock_mode = "compliance"
timeout_seconds = 30
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from vault.audit.witness.asking import is_allowed
from vault.blobs import Blobs, FolderBlobs, LockMode, S3Blobs, S3Key, S3Lock, S3Place
from vault.server.tls import TlsFilesUnusable, read_private, read_public

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"([a-z0-9][a-z0-9.-]{0,199}/)*")
_MAX_PREFIX = 200


class BlobsKind(StrEnum):
    """What keeps the objects."""

    FOLDER = "folder"
    S3 = "s3"


class BlobsUnusable(Exception):
    """The table cannot be used; says how to mend it."""


class BlobsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where objects are kept that do not belong in a database: contents of documents, and the log's
    archive."""

    kind: BlobsKind = BlobsKind.FOLDER
    folder: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}\Z")] = "us-east-1"
    prefix: str = ""
    # A file as the AWS tools have it, profile `default`.
    credentials: str = ""
    ca: str = ""
    lock_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0
    lock_mode: LockMode = LockMode.COMPLIANCE
    timeout_seconds: Annotated[float, msgspec.Meta(ge=1, le=300)] = 30.0


_OF_S3 = ("bucket", "endpoint", "prefix", "credentials", "ca", "lock_days")


def problem(table: BlobsTable | None) -> str:
    """What is wrong with the table and how to mend it; empty if nothing."""
    if table is None:
        return ""
    if table.kind is BlobsKind.FOLDER:
        if not table.folder:
            return 'blobs.folder is missing; name a folder, or write kind = "s3"'
        surplus = [name for name in _OF_S3 if getattr(table, name)]
        if surplus:
            return f'blobs.{surplus[0]} is for kind = "s3" only; remove it'
        return ""
    if table.folder:
        return 'blobs.folder is for kind = "folder" only; remove it'
    if not _BUCKET.fullmatch(table.bucket):
        return "blobs.bucket is no bucket's name: 3 to 63 of a-z, 0-9, dot and hyphen"
    if table.endpoint and not is_allowed(table.endpoint):
        return "blobs.endpoint: write https://..., or http://localhost:... on this machine"
    if len(table.prefix) > _MAX_PREFIX or not _PREFIX.fullmatch(table.prefix):
        return "blobs.prefix is of a-z, 0-9, dot and hyphen, with / at its end"
    if table.ca and table.endpoint.startswith("http:"):
        return "blobs.ca is for an https endpoint only; remove it"
    return ""


def open_blobs(table: BlobsTable, path: Callable[[str], Path]) -> Blobs:
    """The object store; nothing is asked of it yet. Raises BlobsUnusable."""
    if table.kind is BlobsKind.FOLDER:
        return FolderBlobs(path(table.folder))
    return S3Blobs(
        S3Place(
            bucket=table.bucket,
            key=_key(path(table.credentials)) if table.credentials else _key_of(os.environ),
            endpoint=table.endpoint,
            region=table.region,
            prefix=table.prefix,
            ca=_authorities(path(table.ca)) if table.ca else b"",
            lock=S3Lock(table.lock_days, table.lock_mode) if table.lock_days else None,
            timeout=table.timeout_seconds,
        )
    )


def where(table: BlobsTable, path: Callable[[str], Path]) -> str:
    """Where the objects are, for people."""
    if table.kind is BlobsKind.FOLDER:
        return str(path(table.folder))
    lock = f", locked for {table.lock_days} days" if table.lock_days else ""
    return f"s3://{table.bucket}/{table.prefix}{lock}"


def _key(file: Path) -> S3Key:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(read_private(file).decode())
        profile: Mapping[str, str] = parser["default"]
    except TlsFilesUnusable as error:
        raise BlobsUnusable(str(error)) from None
    except (configparser.Error, UnicodeDecodeError, KeyError):
        # What was read may hold the secret.
        raise BlobsUnusable(f"{file} is no file of credentials with a profile [default]") from None
    found = S3Key(
        profile.get("aws_access_key_id", ""),
        profile.get("aws_secret_access_key", ""),
        profile.get("aws_session_token", ""),
    )
    if not found.access_key_id or not found.secret_access_key:
        raise BlobsUnusable(
            f"{file} needs aws_access_key_id and aws_secret_access_key in its profile [default]"
        )
    return found


def _key_of(environment: Mapping[str, str]) -> S3Key:
    found = S3Key(
        environment.get("AWS_ACCESS_KEY_ID", ""),
        environment.get("AWS_SECRET_ACCESS_KEY", ""),
        environment.get("AWS_SESSION_TOKEN", ""),
    )
    if not found.access_key_id or not found.secret_access_key:
        raise BlobsUnusable(
            "no access key of the object store: name a file in blobs.credentials, "
            "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return found


def _authorities(file: Path) -> bytes:
    try:
        read = read_public(file)
    except TlsFilesUnusable as error:
        raise BlobsUnusable(str(error)) from None
    if b"-----BEGIN CERTIFICATE-----" not in read or not read.isascii():
        raise BlobsUnusable(f"{file} is not a file of certificates in PEM")
    return read
