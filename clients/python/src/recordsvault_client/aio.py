"""The asyncio client of both tiers."""

# ruff: noqa: ASYNC109 - `timeout` becomes the deadline of the RPC, which the vault sees as well

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from os import PathLike

from grpc import aio

from recordsvault.admin.v1 import admin_pb2, admin_pb2_grpc
from recordsvault.records.v1 import records_pb2_grpc
from recordsvault_client.access_admin_aio import AsyncAccessAdminClient
from recordsvault_client.audit_aio import AsyncAuditClient
from recordsvault_client.compartments_aio import AsyncCompartmentsClient
from recordsvault_client.contents_aio import AsyncContentsClient
from recordsvault_client.customers_aio import AsyncCustomersClient
from recordsvault_client.decoys_aio import AsyncDecoysClient
from recordsvault_client.documents_aio import AsyncDocumentsClient
from recordsvault_client.evidence_aio import AsyncEvidenceClient
from recordsvault_client.exports_aio import AsyncExportsClient
from recordsvault_client.files_aio import AsyncFilesClient
from recordsvault_client.importing import ImportOutcome, Window
from recordsvault_client.importing_aio import Batches, run_import
from recordsvault_client.keys_aio import AsyncKeysClient
from recordsvault_client.retention_aio import AsyncHoldsClient, AsyncRetentionClient
from recordsvault_client.subjects_aio import AsyncSubjectsClient
from recordsvault_client.transactions_aio import AsyncTransactionsClient
from recordsvault_client.transfers_aio import AsyncTransfersClient
from recordsvault_masked.access_aio import AsyncLendingRegister
from recordsvault_masked.aio import AsyncMaskedRecordsClient
from recordsvault_masked.calls import DEFAULT_TIMEOUT, AsyncCaller
from recordsvault_masked.channel import open_async_channel
from recordsvault_masked.closing import AsyncClosing
from recordsvault_masked.person import Token, carrying, check_token
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.retry import RetryPolicy


class AsyncVaultServices(ABC):
    """What can be asked of both tiers, over channels that somebody else opens and closes.

    `masked` is served by the masked tier, all else by the full one.
    """

    def __init__(self, profile: Profile, call: AsyncCaller) -> None:
        """`call` makes the calls."""
        self.profile = profile
        self._call = call

    @abstractmethod
    def channel(self, tier: Tier) -> aio.Channel:
        """The channel to a tier, for stubs of the caller's own. Raises ProfileError."""

    @property
    def customers(self) -> AsyncCustomersClient:
        """Customers in full. Raises ProfileError if the profile names no full tier."""
        return AsyncCustomersClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def documents(self) -> AsyncDocumentsClient:
        """Identity documents in full. Raises ProfileError as `customers`."""
        return AsyncDocumentsClient(self.channel(Tier.FULL), self._call)

    @property
    def contents(self) -> AsyncContentsClient:
        """Scans and files of documents and transactions. Raises ProfileError as `customers`."""
        return AsyncContentsClient(self.channel(Tier.FULL), self._call)

    @property
    def transactions(self) -> AsyncTransactionsClient:
        """Transactions in full. Raises ProfileError as `customers`."""
        return AsyncTransactionsClient(self.channel(Tier.FULL), self._call)

    @property
    def evidence(self) -> AsyncEvidenceClient:
        """Evidence of transactions. Raises ProfileError as `customers`."""
        return AsyncEvidenceClient(self.channel(Tier.FULL), self._call)

    @property
    def exports(self) -> AsyncExportsClient:
        """Customers' files that leave the vault. Raises ProfileError as `customers`."""
        return AsyncExportsClient(self.channel(Tier.FULL), self.profile.parent)

    @property
    def transfers(self) -> AsyncTransfersClient:
        """Customers' files to and from other vaults. Raises ProfileError as `customers`."""
        return AsyncTransfersClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def audit(self) -> AsyncAuditClient:
        """The log. Raises ProfileError as `customers`."""
        return AsyncAuditClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def access(self) -> AsyncLendingRegister:
        """The lending register. Raises ProfileError as `customers`."""
        return AsyncLendingRegister(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def compartments(self) -> AsyncCompartmentsClient:
        """Compartments. Raises ProfileError as `customers`."""
        return AsyncCompartmentsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def access_admin(self) -> AsyncAccessAdminClient:
        """Policies and principals. Raises ProfileError as `customers`."""
        return AsyncAccessAdminClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def decoys(self) -> AsyncDecoysClient:
        """Customers who are none. Raises ProfileError as `customers`."""
        return AsyncDecoysClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def files(self) -> AsyncFilesClient:
        """Files for life. Raises ProfileError as `customers`."""
        return AsyncFilesClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def subjects(self) -> AsyncSubjectsClient:
        """Requests of persons about their own data. Raises ProfileError as `customers`."""
        return AsyncSubjectsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def retention(self) -> AsyncRetentionClient:
        """Rules of retention and disposals. Raises ProfileError as `customers`."""
        return AsyncRetentionClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def holds(self) -> AsyncHoldsClient:
        """Holds, for members of a compartment. Raises ProfileError as `customers`."""
        return AsyncHoldsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def keys(self) -> AsyncKeysClient:
        """Versions of keys, and steps with them. Raises ProfileError as `customers`."""
        return AsyncKeysClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def masked(self) -> AsyncMaskedRecordsClient:
        """Masked views. Raises ProfileError if the profile names no masked tier."""
        return AsyncMaskedRecordsClient(self.channel(Tier.MASKED), self.profile.parent, self._call)

    async def check_health(
        self,
        *,
        tier: Tier = Tier.FULL,
        parts: Sequence[str] = (),
        timeout: float | None = None,
    ) -> admin_pb2.CheckHealthResponse:
        """The state of every part that a tier stands on, or of `parts`. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(tier))
        request = admin_pb2.CheckHealthRequest(parts=parts)
        return await self._call(stub.CheckHealth, request, timeout)

    async def get_recovery(self, *, timeout: float | None = None) -> admin_pb2.Recovery:
        """Whether the full tier's log was set back. Answered also by a vault that answers nothing
        else for that reason. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(Tier.FULL))
        request = admin_pb2.GetRecoveryRequest()
        answer = await self._call(stub.GetRecovery, request, timeout)
        return answer.recovery

    async def acknowledge_recovery(
        self, incident: str, *, timeout: float | None = None
    ) -> admin_pb2.Recovery:
        """Acknowledge what `get_recovery` has shown. An operator and a security officer must, two
        persons. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(Tier.FULL))
        request = admin_pb2.AcknowledgeRecoveryRequest(incident=incident)
        answer = await self._call(stub.AcknowledgeRecovery, request, timeout)
        return answer.recovery

    def import_records(
        self,
        batches: Batches,
        *,
        in_flight: int = 8,
        parent: str = "",
        answer_timeout: float = 60.0,
        patience: float | None = 120.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> AsyncIterator[ImportOutcome]:
        """Store many records; yields what became of each batch as the vault answers it.

        At most `in_flight` batches are on their way; `batches` is read only as fast as they are
        answered. A stream that is lost, or silent for `answer_timeout` seconds, is taken up
        again, for `patience` seconds without any answer (None: for ever); `on_interrupt` is told.
        Raises VaultError; what `batches` raises comes through after the answers to the rest.
        """
        stub = records_pb2_grpc.RecordsStub(self.channel(Tier.FULL))
        return run_import(
            stub.ImportRecords,
            Window(parent or self.profile.parent, in_flight),
            batches,
            Recovery(patience, on_interrupt=on_interrupt, policy=self._call.retry),
            answer_timeout,
        )


class AsyncVaultClient(AsyncVaultServices, AsyncClosing):
    """A client of the full tier and, where the profile names it, of the masked one.

        async with AsyncVaultClient(Profile.load("compliance.toml")) as vault:
            customer = await vault.customers.get(name, purpose="ONBOARDING_CDD")

    It opens a channel when a tier is first called, inside the running event loop.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retry: RetryPolicy | None = None,
        receipts: str | PathLike[str] | ReceiptFile | None = None,
    ) -> None:
        """`timeout` in seconds and `retry` are for the calls that name none of their own.

        `receipts` is a file that the vault's receipts are appended to; see `ReceiptFile`. One that
        is given open stays open.
        """
        super().__init__(profile, AsyncCaller(timeout, retry))
        self._receipts = KeptReceipts(receipts)
        self._channels: dict[Tier, aio.Channel] = {}

    def channel(self, tier: Tier) -> aio.Channel:
        """The channel to a tier, for stubs of the caller's own. Raises ProfileError."""
        if tier not in self._channels:
            self._channels[tier] = open_async_channel(self.profile, tier, self._receipts.keeper)
        return self._channels[tier]

    def acting_for(self, token: Token) -> AsyncVaultServices:
        """The same, for the person of a bearer token, over this client's channels.

        Raises TokenError.
        """
        return _ActingFor(self, token, self._call)

    async def close(self) -> None:
        """Close the channels; calls under way are cancelled."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
        await self._receipts.aclose()


class _ActingFor(AsyncVaultServices):
    """Another's channels, with a person's token in every call."""

    def __init__(self, client: AsyncVaultClient, token: Token, call: AsyncCaller) -> None:
        super().__init__(client.profile, call)
        check_token(token)
        self._client = client
        self._token = token

    def channel(self, tier: Tier) -> aio.Channel:
        return carrying(self._client.channel(tier), self._token)
