"""The person for whom a program calls: a token beside the program's own certificate.

A front end has one certificate and serves many people. Whoever is at the screen is named by a
bearer token of the bank's identity provider, bound to that certificate (RFC 8705); the vault asks
its policies about both, and the log names both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar, cast

import grpc
from grpc import aio

from recordsvault_masked.errors import ClientError

Token = str | Callable[[], str]
"""A token, or what gives the one to use: asked before each attempt, so that it can be renewed."""

C = TypeVar("C", grpc.Channel, aio.Channel)
# RFC 6750, section 2.1.
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LONGEST = 16_384


class TokenError(ClientError):
    """What was given as a token is none; the sentence does not hold it."""

    def __init__(self) -> None:
        """There is one way to fail."""
        super().__init__(
            {
                "en": "That is no bearer token: a token is one line of letters, digits and "
                "-._~+/, such as an identity provider issues.",
                "zh": "不是有效令牌：令牌为一行字母、数字与 -._~+/，由身份提供方签发。",
            }
        )


def carrying(channel: C, token: Token) -> C:
    """`channel`, with the token in every call that is made over it. Raises TokenError.

    It is closed by closing `channel`. A token that is asked for is checked when a call is made.
    """
    check_token(token)
    return cast(C, _Carrying(channel, token))


def check_token(token: Token) -> None:
    """Raise TokenError for what cannot be a token; one that is asked for is not asked for here."""
    if isinstance(token, str):
        _header(token)


def _header(token: Token) -> tuple[str, str]:
    text = token if isinstance(token, str) else token()
    if len(text) > _LONGEST or not _B64TOKEN.fullmatch(text):
        # gRPC's own refusal would quote it.
        raise TokenError
    return ("authorization", f"Bearer {text}")


class _Carrying:
    """What of a channel the generated stubs use; the same for both kinds."""

    def __init__(self, channel: grpc.Channel | aio.Channel, token: Token) -> None:
        self._channel = channel
        self._token = token

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._with_token(self._channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._with_token(self._channel.unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._with_token(self._channel.stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        return self._with_token(self._channel.stream_stream(*arguments, **options))

    def _with_token(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, metadata: Any = (), **options: Any) -> Any:
            sent = (*(metadata or ()), _header(self._token))
            return method(*arguments, metadata=sent, **options)

        return call
