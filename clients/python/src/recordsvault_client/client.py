"""The blocking client of both tiers."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike

import grpc

from recordsvault.admin.v1 import admin_pb2, admin_pb2_grpc
from recordsvault.records.v1 import records_pb2_grpc
from recordsvault_client.access_admin import AccessAdminClient
from recordsvault_client.audit import AuditClient
from recordsvault_client.compartments import CompartmentsClient
from recordsvault_client.contents import ContentsClient
from recordsvault_client.customers import CustomersClient
from recordsvault_client.decoys import DecoysClient
from recordsvault_client.documents import DocumentsClient
from recordsvault_client.evidence import EvidenceClient
from recordsvault_client.exports import ExportsClient
from recordsvault_client.files import FilesClient
from recordsvault_client.importing import ImportBatch, ImportOutcome, Window, run_import
from recordsvault_client.keys import KeysClient
from recordsvault_client.retention import HoldsClient, RetentionClient
from recordsvault_client.subjects import SubjectsClient
from recordsvault_client.transactions import TransactionsClient
from recordsvault_client.transfers import TransfersClient
from recordsvault_masked.access import LendingRegister
from recordsvault_masked.calls import DEFAULT_TIMEOUT, Caller
from recordsvault_masked.channel import open_channel
from recordsvault_masked.client import MaskedRecordsClient
from recordsvault_masked.closing import Closing
from recordsvault_masked.person import Token, carrying, check_token
from recordsvault_masked.profile import Profile, Tier
from recordsvault_masked.receipts import KeptReceipts, ReceiptFile
from recordsvault_masked.recovery import OnInterrupt, Recovery
from recordsvault_masked.retry import RetryPolicy


class VaultServices(ABC):
    """What can be asked of both tiers, over channels that somebody else opens and closes.

    `masked` is served by the masked tier, all else by the full one.
    """

    def __init__(self, profile: Profile, call: Caller) -> None:
        """`call` makes the calls."""
        self.profile = profile
        self._call = call

    @abstractmethod
    def channel(self, tier: Tier) -> grpc.Channel:
        """The channel to a tier, for stubs of the caller's own. Raises ProfileError."""

    @property
    def customers(self) -> CustomersClient:
        """Customers in full. Raises ProfileError if the profile names no full tier."""
        return CustomersClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def documents(self) -> DocumentsClient:
        """Identity documents in full. Raises ProfileError as `customers`."""
        return DocumentsClient(self.channel(Tier.FULL), self._call)

    @property
    def contents(self) -> ContentsClient:
        """Scans and files of documents and transactions. Raises ProfileError as `customers`."""
        return ContentsClient(self.channel(Tier.FULL), self._call)

    @property
    def transactions(self) -> TransactionsClient:
        """Transactions in full. Raises ProfileError as `customers`."""
        return TransactionsClient(self.channel(Tier.FULL), self._call)

    @property
    def evidence(self) -> EvidenceClient:
        """Evidence of transactions. Raises ProfileError as `customers`."""
        return EvidenceClient(self.channel(Tier.FULL), self._call)

    @property
    def exports(self) -> ExportsClient:
        """Customers' files that leave the vault. Raises ProfileError as `customers`."""
        return ExportsClient(self.channel(Tier.FULL), self.profile.parent)

    @property
    def transfers(self) -> TransfersClient:
        """Customers' files to and from other vaults. Raises ProfileError as `customers`."""
        return TransfersClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def audit(self) -> AuditClient:
        """The log. Raises ProfileError as `customers`."""
        return AuditClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def access(self) -> LendingRegister:
        """The lending register. Raises ProfileError as `customers`."""
        return LendingRegister(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def compartments(self) -> CompartmentsClient:
        """Compartments. Raises ProfileError as `customers`."""
        return CompartmentsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def access_admin(self) -> AccessAdminClient:
        """Policies and principals. Raises ProfileError as `customers`."""
        return AccessAdminClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def decoys(self) -> DecoysClient:
        """Customers who are none. Raises ProfileError as `customers`."""
        return DecoysClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def files(self) -> FilesClient:
        """Files for life. Raises ProfileError as `customers`."""
        return FilesClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def subjects(self) -> SubjectsClient:
        """Requests of persons about their own data. Raises ProfileError as `customers`."""
        return SubjectsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def retention(self) -> RetentionClient:
        """Rules of retention and disposals. Raises ProfileError as `customers`."""
        return RetentionClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def holds(self) -> HoldsClient:
        """Holds, for members of a compartment. Raises ProfileError as `customers`."""
        return HoldsClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def keys(self) -> KeysClient:
        """Versions of keys, and steps with them. Raises ProfileError as `customers`."""
        return KeysClient(self.channel(Tier.FULL), self.profile.parent, self._call)

    @property
    def masked(self) -> MaskedRecordsClient:
        """Masked views. Raises ProfileError if the profile names no masked tier."""
        return MaskedRecordsClient(self.channel(Tier.MASKED), self.profile.parent, self._call)

    def check_health(
        self,
        *,
        tier: Tier = Tier.FULL,
        parts: Sequence[str] = (),
        timeout: float | None = None,
    ) -> admin_pb2.CheckHealthResponse:
        """The state of every part that a tier stands on, or of `parts`. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(tier))
        request = admin_pb2.CheckHealthRequest(parts=parts)
        return self._call(stub.CheckHealth, request, timeout)

    def get_recovery(self, *, timeout: float | None = None) -> admin_pb2.Recovery:
        """Whether the full tier's log was set back. Answered also by a vault that answers nothing
        else for that reason. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(Tier.FULL))
        request = admin_pb2.GetRecoveryRequest()
        answer = self._call(stub.GetRecovery, request, timeout)
        return answer.recovery

    def acknowledge_recovery(
        self, incident: str, *, timeout: float | None = None
    ) -> admin_pb2.Recovery:
        """Acknowledge what `get_recovery` has shown. An operator and a security officer must, two
        persons. Raises VaultError."""
        stub = admin_pb2_grpc.AdminStub(self.channel(Tier.FULL))
        request = admin_pb2.AcknowledgeRecoveryRequest(incident=incident)
        answer = self._call(stub.AcknowledgeRecovery, request, timeout)
        return answer.recovery

    def import_records(
        self,
        batches: Iterable[ImportBatch],
        *,
        in_flight: int = 8,
        parent: str = "",
        answer_timeout: float = 60.0,
        patience: float | None = 120.0,
        on_interrupt: OnInterrupt | None = None,
    ) -> Iterator[ImportOutcome]:
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


class VaultClient(VaultServices, Closing):
    """A client of the full tier and, where the profile names it, of the masked one.

        with VaultClient(Profile.load("compliance.toml")) as vault:
            customer = vault.customers.get(name, purpose="ONBOARDING_CDD")

    It opens a channel when a tier is first called, and may be shared by threads.
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
        super().__init__(profile, Caller(timeout, retry))
        self._receipts = KeptReceipts(receipts)
        self._channels: dict[Tier, grpc.Channel] = {}
        self._lock = threading.Lock()

    def channel(self, tier: Tier) -> grpc.Channel:
        """The channel to a tier, for stubs of the caller's own. Raises ProfileError."""
        with self._lock:
            if tier not in self._channels:
                self._channels[tier] = open_channel(self.profile, tier, self._receipts.file)
            return self._channels[tier]

    def acting_for(self, token: Token) -> VaultServices:
        """The same, for the person of a bearer token, over this client's channels.

        Raises TokenError.
        """
        return _ActingFor(self, token, self._call)

    def close(self) -> None:
        """Close the channels; calls under way are cancelled."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()
        self._receipts.close()


class _ActingFor(VaultServices):
    """Another's channels, with a person's token in every call."""

    def __init__(self, client: VaultClient, token: Token, call: Caller) -> None:
        super().__init__(client.profile, call)
        check_token(token)
        self._client = client
        self._token = token

    def channel(self, tier: Tier) -> grpc.Channel:
        return carrying(self._client.channel(tier), self._token)
