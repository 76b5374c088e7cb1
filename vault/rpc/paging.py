"""Page tokens: where the next page starts, and for which request.

A token is opaque to callers (AIP-158). It holds the last key of the page before and a digest of the
request's other fields, so that a token taken to another request is refused rather than misread. It
says nothing that the page itself did not say; whoever makes one up learns no more than by asking
for the page.
"""

from __future__ import annotations

import base64
import binascii
import re
from hashlib import sha256

from google.protobuf.message import Message

from vault.rpc.problems import Problems

DEFAULT_PAGE_SIZE = 50
_DIGEST_BYTES = 8
_IDENTIFIER = re.compile(r"[0-9a-z]{26}")
# A version or a position; what the database can compare.
_NUMBER = re.compile(r"[0-9]{1,18}")
# Of a principal.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
# Of a register in order of its days: closed or not, the day, the customer and the request.
_PLACE = re.compile(r"[01]\.[0-9]{1,7}\.[0-9a-z]{26}\.[0-9a-z]{26}")
# What may differ from page to page.
_NOT_BOUND = ("page_size", "page_token", "purpose", "case_reference", "read_mask", "check_out")
# What is searched for can be enumerated, so that a digest of it would tell it. A token is therefore
# good for a search of anything, and means the same place in the order of identifiers.
_SECRET = (
    "identity_number",
    "phone",
    "account_number",
    "full_name",
    "customer_number",
    "counterparty",
    "reference",
    "least_amount",
    "greatest_amount",
)


def _digest(request: Message) -> bytes:
    bound = type(request)()
    bound.CopyFrom(request)
    for field in (*_NOT_BOUND, *_SECRET):
        if field in bound.DESCRIPTOR.fields_by_name:
            bound.ClearField(field)
    data = type(request).DESCRIPTOR.full_name.encode() + b"\x00"
    return sha256(data + bound.SerializeToString(deterministic=True)).digest()[:_DIGEST_BYTES]


def make_token(request: Message, key: str) -> str:
    """The token of the page after ``key``."""
    return base64.urlsafe_b64encode(_digest(request) + key.encode()).decode().rstrip("=")


def read_token(
    request: Message,
    token: str,
    problems: Problems,
    *,
    number: bool = False,
    name: bool = False,
    place: bool = False,
) -> str:
    """The key in a token; "" for the first page or, with a problem, for a token of another
    request, or one whose key is not of the kind that the request pages by.

    Anybody can make up a token: it is taken for no more than a place to start from.
    """
    if not token:
        return ""
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        key = data[_DIGEST_BYTES:].decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        data, key = b"", ""
    shape = _NUMBER if number else _NAME if name else _PLACE if place else _IDENTIFIER
    if data[:_DIGEST_BYTES] != _digest(request) or not shape.fullmatch(key):
        problems.add(
            "page_token",
            "PAGE_TOKEN",
            "is not a token of this request; leave it out to start again",
            "不是该请求的分页令牌；请省略以重新开始",
        )
        return ""
    return key


def page_size(asked: int) -> int:
    """The page size asked for, or the default."""
    return asked or DEFAULT_PAGE_SIZE
