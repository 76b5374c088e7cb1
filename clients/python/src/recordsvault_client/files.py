"""Files for life: reports, hand-over, changes and merges: the blocking client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.type.date_pb2 import Date

from recordsvault.life.v1 import life_pb2 as pb
from recordsvault.life.v1 import life_pb2_grpc as stubs
from recordsvault.life.v1 import merges_pb2 as mp
from recordsvault.life.v1 import merges_pb2_grpc
from recordsvault.records.v1.completeness_pb2 import DueKind
from recordsvault.type.v1.party_pb2 import RiskClass
from recordsvault_masked.calls import Caller
from recordsvault_masked.purposes import purpose_of
from recordsvault_masked.status import from_rpc_error

M = TypeVar("M", bound=Message)


def google_date(day: date | None) -> Date | None:
    """As the contract has it."""
    return None if day is None else Date(year=day.year, month=day.month, day=day.day)


class FilesClient:
    """Which files are complete, what falls due, who keeps them, and what changes.

    Asked by custodians and compliance; changes by back ends, too. No answer has a value of a file.
    The methods that answer streams hand out their messages as they come, have no deadline, and
    raise VaultError on the way; a report that breaks off is asked for again.
    """

    def __init__(self, channel: grpc.Channel, parent: str, call: Caller) -> None:
        """`parent` is the institution, for methods that name none."""
        self._stub = stubs.LifeStub(channel)
        self._merges = merges_pb2_grpc.MergesStub(channel)
        self._parent = parent
        self._call = call

    def completeness(
        self,
        *,
        branch: str = "",
        risk_classes: Sequence[RiskClass.ValueType] = (),
        segments: Sequence[str] = (),
        name_files: bool = False,
        day: date | None = None,
        parent: str = "",
    ) -> Iterator[pb.ReportCompletenessResponse]:
        """How complete the files are on a day (today): counts at the end, and if wanted the files
        in which something is amiss."""
        request = pb.ReportCompletenessRequest(
            parent=parent or self._parent,
            branch=branch,
            risk_classes=risk_classes,
            segments=segments,
            name_files=name_files,
            day=google_date(day),
        )
        return _each(self._stub.ReportCompleteness(request))

    def due(
        self,
        *,
        until: date | None = None,
        kinds: Sequence[DueKind.ValueType] = (),
        branch: str = "",
        custodian: str = "",
        risk_classes: Sequence[RiskClass.ValueType] = (),
        segments: Sequence[str] = (),
        parent: str = "",
    ) -> Iterator[pb.FileDue]:
        """What falls due by a day (in ninety days), in order of the customers' names."""
        request = pb.ListDueRequest(
            parent=parent or self._parent,
            until=google_date(until),
            kinds=kinds,
            branch=branch,
            custodian=custodian,
            risk_classes=risk_classes,
            segments=segments,
        )
        for part in _each(self._stub.ListDue(request)):
            yield from part.items

    def custodians(
        self, *, name_files: bool = False, parent: str = ""
    ) -> Iterator[pb.ReportCustodiansResponse]:
        """Who keeps how many files: at the end; and if wanted the files whose custodian has left
        or that have none."""
        request = pb.ReportCustodiansRequest(parent=parent or self._parent, name_files=name_files)
        return _each(self._stub.ReportCustodians(request))

    def hand_over(
        self, giver: str, taker: str, *, reason: str, branch: str = "", parent: str = ""
    ) -> Iterator[pb.HandOverResponse]:
        """Hand the files of one custodian over to another, for a person only. One that broke off
        is called again: it goes on with what is left."""
        request = pb.HandOverRequest(
            parent=parent or self._parent,
            to=taker,
            branch=branch,
            reason=reason,
            **{"from": giver},
        )
        return _each(self._stub.HandOver(request))

    def changes(
        self,
        *,
        from_position: int = 0,
        from_end: bool = False,
        follow: bool = True,
        parent: str = "",
    ) -> Iterator[pb.WatchChangesResponse]:
        """Which records are stored and changed, from a position on. A connection that was lost is
        taken up again with the last `next_position`: nothing is missed, and nothing comes twice."""
        request = pb.WatchChangesRequest(
            parent=parent or self._parent,
            from_position=from_position,
            from_end=from_end,
            follow=follow,
        )
        return _each(self._stub.WatchChanges(request))

    def diff(
        self,
        name: str,
        *,
        purpose: str | int,
        from_version: int = 0,
        to_version: int = 0,
        case_reference: str = "",
        check_out: str = "",
        timeout: float | None = None,
    ) -> pb.DiffCustomerVersionsResponse:
        """The fields in which two versions of a customer differ; without numbers, what the current
        version has changed."""
        request = pb.DiffCustomerVersionsRequest(
            name=name,
            from_version=from_version,
            to_version=to_version,
            purpose=purpose_of(purpose),
            case_reference=case_reference,
            check_out=check_out,
        )
        return self._call(self._stub.DiffCustomerVersions, request, timeout)

    # -- files that are of one customer ----------------------------------------------------------

    def propose_merge(
        self, name: str, into: str, *, reason: str, timeout: float | None = None
    ) -> mp.MergeProposal:
        """Propose that a customer's file point to another's. Another person has to agree."""
        request = mp.ProposeMergeRequest(name=name, into=into, reason=reason)
        return self._call.once(self._merges.ProposeMerge, request, timeout).proposal

    def propose_unmerge(
        self, name: str, *, reason: str, timeout: float | None = None
    ) -> mp.MergeProposal:
        """Propose that a file stand for itself again. Another person has to agree."""
        request = mp.ProposeUnmergeRequest(name=name, reason=reason)
        return self._call.once(self._merges.ProposeUnmerge, request, timeout).proposal

    def approve_merge(
        self, name: str, *, etag: str, comment: str = "", timeout: float | None = None
    ) -> mp.MergeProposal:
        """Agree, as another person, to exactly what has this etag."""
        request = mp.ApproveMergeRequest(name=name, etag=etag, comment=comment)
        return self._call.once(self._merges.ApproveMerge, request, timeout).proposal

    def merges(
        self,
        *,
        page_size: int = 0,
        page_token: str = "",
        parent: str = "",
        timeout: float | None = None,
    ) -> mp.ListMergesResponse:
        """Files that point to another, a page; with the first one what waits for agreement."""
        request = mp.ListMergesRequest(
            parent=parent or self._parent, page_size=page_size, page_token=page_token
        )
        return self._call(self._merges.ListMerges, request, timeout)


def _each(stream: Iterable[M]) -> Iterator[M]:
    try:
        yield from stream
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
