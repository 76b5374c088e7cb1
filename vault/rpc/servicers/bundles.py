"""The bundles service: records that leave the vault whole, sealed to one recipient."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from recordsvault.bundles.v1 import bundles_pb2 as pb
from vault.access import Action
from vault.bundles import Recipient, RecipientRefused
from vault.bundles.page import Language
from vault.records import TransactionName
from vault.rpc.methods import Method, ServerStream, table
from vault.rpc.names import target_of
from vault.rpc.opened import KINDS, WITH_CONTENT
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import Lending
from vault.rpc.servicers.targets import with_purpose
from vault.services.call import Call
from vault.services.reconstructing import Reconstructing, Reconstruction

_LANGUAGES: Final = {pb.LANGUAGE_ZH_CN: Language.ZH_CN}


@dataclass(frozen=True, slots=True)
class BundleUseCases:
    """What the methods are built on."""

    reconstructing: Reconstructing
    lending: Lending


def methods(u: BundleUseCases) -> dict[str, Method]:
    """The methods by full path."""
    service = pb.DESCRIPTOR.services_by_name["Bundles"]
    return table(service, {"ReconstructTransaction": _reconstruct(u)})


@dataclass(slots=True)
class _Asked:
    """A transaction that was asked for, and what is given out of it once that is known."""

    name: TransactionName
    recipient: Recipient
    language: Language
    made: Reconstruction | None = field(default=None, repr=False)


def recipient_of(message: Any, path: str, problems: Problems) -> Recipient | None:
    """The key that a bundle is to be sealed to; None, with a problem, for what is none."""
    try:
        return Recipient(message.x25519, message.ml_kem_768)
    except RecipientRefused:
        problems.add(
            path,
            "RECIPIENT",
            "must be an X25519 public key of 32 bytes, and for a hybrid one an ML-KEM-768 public "
            "key of 1184 bytes beside it",
            "须为 32 字节的 X25519 公钥；混合密钥须另附 1184 字节的 ML-KEM-768 公钥",
        )
        return None


def _reconstruct(u: BundleUseCases) -> ServerStream:
    def prepare(request: Any, problems: Problems) -> _Asked | None:
        recipient = recipient_of(request.recipient, "recipient", problems)
        if problems or recipient is None:
            return None
        language = _LANGUAGES.get(request.language, Language.EN)
        return _Asked(TransactionName.parse(request.name), recipient, language)

    async def begin(call: Call, asked: _Asked) -> None:
        openings = u.lending.openings
        for kind in KINDS:
            openings.require_fields(call, kind)
        for kind in WITH_CONTENT:
            openings.require_content(call, kind)
        await u.lending.notice(call, asked.name.customer)
        asked.made = await u.reconstructing.begin(call, asked.name, asked.recipient, asked.language)

    async def handle(call: Call, asked: _Asked) -> AsyncIterator[pb.ReconstructTransactionResponse]:
        made = asked.made
        if made is None:
            raise AssertionError("a bundle is begun before it is written")
        async for data in u.reconstructing.write(call, made):
            yield pb.ReconstructTransactionResponse(data=data)

    return ServerStream(
        Action.TRANSACTIONS_RECONSTRUCT,
        pb.ReconstructTransactionRequest,
        with_purpose(target_of, "name"),
        prepare,
        handle,
        begin,
    )
