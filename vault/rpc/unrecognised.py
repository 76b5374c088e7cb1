"""What a caller is told whom the vault does not take at his word: code, both languages."""

from __future__ import annotations

from typing import Final

import grpc

from vault.rpc.errors import Fault, Refusal

UNRECOGNISED: Final = {
    "CERTIFICATE_WITHOUT_URI": (
        "The client certificate names no principal of this vault. "
        "An operator adds its URI to the principals file.",
        "客户端证书未对应本保险库的任何主体。请由运维人员将其 URI 加入主体文件。",
    ),
    "UNKNOWN_PRINCIPAL": (
        "The client certificate names no principal of this vault, or none any more. "
        "An operator adds its URI to the principals file.",
        "客户端证书未对应本保险库的任何主体，或该主体已被移除。请由运维人员将其 URI 加入主体文件。",
    ),
    "CERTIFICATE_REFUSED": (
        "This certificate was revoked, or is not one that its principal is held to. "
        "Use the principal's present one.",
        "该证书已被吊销，或不属于该主体限定使用的证书。请使用该主体现行的证书。",
    ),
    "TOKEN_INVALID": (
        "The token is none that can be taken: send one, as `authorization: Bearer`, signed by an "
        "issuer of this vault.",
        "令牌无法采信：请以 `authorization: Bearer` 附上一个由本保险库认可的签发者签名的令牌。",
    ),
    "TOKEN_KEY_UNKNOWN": (
        "The token is signed with a key that its issuer has not published, or only just. "
        "Try again in ten seconds, or fetch a new token.",
        "令牌所用密钥尚未由签发者公布，或刚刚公布。请十秒后重试，或重新获取令牌。",
    ),
    "TOKEN_ISSUER": (
        "The token was issued by somebody whose tokens this vault does not take.",
        "本保险库不接受该签发者的令牌。",
    ),
    "TOKEN_AUDIENCE": (
        "The token was issued for another service than this vault.",
        "该令牌并非为本保险库签发。",
    ),
    "TOKEN_EXPIRED": (
        "The token has expired. Fetch a new one.",
        "令牌已过期。请重新获取。",
    ),
    "TOKEN_NOT_YET_VALID": (
        "The token is not valid yet. Are the clocks right?",
        "令牌尚未生效。请检查时钟。",
    ),
    "TOKEN_LIFETIME": (
        "The token is made out for longer than this vault takes tokens for. "
        "Have shorter ones issued.",
        "令牌的有效期超过本保险库允许的时长。请签发有效期更短的令牌。",
    ),
    "TOKEN_UNBOUND": (
        "The token is not bound to the client certificate that it came beside (RFC 8705).",
        "令牌未与所用客户端证书绑定（RFC 8705）。",
    ),
    "TOKEN_ISSUER_AWAY": (
        "The keys of the token's issuer cannot be read at present. Try again later.",
        "暂时无法读取令牌签发者的密钥。请稍后重试。",
    ),
    "TOKEN_NOT_NEEDED": (
        "The certificate is a person's, who acts himself: leave the token of somebody else out.",
        "该证书属于自然人，应由其本人操作：请勿附上他人的令牌。",
    ),
    "TOKEN_OTHER_INSTITUTION": (
        "The token is of a person of another institution than the certificate's.",
        "令牌所属人员与证书不属于同一机构。",
    ),
    "UNKNOWN_ACCOUNT": (
        "The token's account is nobody's in this vault, or nobody's any more. "
        "An operator adds it to the principals.",
        "令牌的账户未对应本保险库的任何人员，或该人员已被移除。请由运维人员将其加入主体。",
    ),
}
"""English and Chinese by reason."""

_TEMPORARY: Final = "TOKEN_ISSUER_AWAY"


def unrecognised(reason: str) -> Refusal:
    """The refusal of a caller who is not known, for a reason of `Recognised.refused`."""
    en, zh = UNRECOGNISED[reason]
    away = reason == _TEMPORARY
    code = grpc.StatusCode.UNAVAILABLE if away else grpc.StatusCode.UNAUTHENTICATED
    return Refusal(Fault(code, reason, en, zh, {}, retry=away))
