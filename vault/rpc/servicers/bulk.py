"""All customers of an institution at once: the export, page after page as the caller takes them.

Every page is read when it is asked for, so that no more than one is in memory, and the check-out is
looked at before each: an export ends with what it was lent by.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.records.v1 import records_pb2 as pb
from vault.access import Action, ActionClass
from vault.audit import Phase
from vault.records import CustomerName
from vault.rpc.masks import check_mask, revealed
from vault.rpc.methods import ServerStream
from vault.rpc.names import target_of_parent
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import Lending, shown
from vault.rpc.servicers.resources import CUSTOMER
from vault.rpc.servicers.targets import with_purpose
from vault.services.call import Call, Trace
from vault.services.reading import Reading

# So few that the largest customers fit into a message.
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: customers beyond the identifier ``after``."""

    institution: str
    after: str
    mask: FieldMask


def export_customers(reading: Reading, lending: Lending) -> ServerStream:
    """The method."""

    async def handle(call: Call, export: Export) -> AsyncIterator[pb.ExportCustomersResponse]:
        cut = lending.openings.cut(call, CUSTOMER.field, export.mask)
        opened = call.trace
        await _begin(call, lending, opened)
        after, exported = export.after, 0
        fields: dict[str, None] = {}
        while True:
            page = await reading.customer_page(
                call,
                export.institution,
                after,
                _PAGE,
                needed=ActionClass.BULK_READ,
                views=cut.withheld,
            )
            if not page:
                break
            await lending.borrowing.still_stands(call)
            customers = [shown(CUSTOMER, export.institution, one, cut, export.mask) for one in page]
            fields.update(dict.fromkeys(revealed(customers)))
            after, exported = page[-1].customer, exported + len(page)
            # It may end after any message: its last event says what had been answered by then.
            call.trace = replace(opened, fields=tuple(fields), count=exported)
            answer: dict[str, Any] = {"customers": customers, "exported": exported}
            if cut.withheld:
                answer["masked_customers"] = [
                    CUSTOMER.masked(export.institution, one) for one in page
                ]
            yield pb.ExportCustomersResponse(**answer)
        call.trace = replace(opened, fields=tuple(fields), count=exported)

    def prepare(request: Any, problems: Problems) -> Export | None:
        check_mask(request.read_mask, CUSTOMER.message, "read_mask", problems)
        institution = target_of_parent(request.parent).institution
        after = CustomerName.parse(request.after) if request.after and not problems else None
        if after is not None and after.institution != institution:
            problems.add(
                "after",
                "OTHER_PARENT",
                "must belong to the institution of the parent",
                "必须属于所述机构",
            )
        if problems:
            return None
        return Export(institution, after.customer if after else "", request.read_mask)

    return ServerStream(
        Action.CUSTOMERS_EXPORT,
        pb.ExportCustomersRequest,
        with_purpose(target_of_parent, "parent"),
        prepare,
        handle,
    )


async def _begin(call: Call, lending: Lending, opened: Trace) -> None:
    """Use up a check-out that is for one export: of two at once, one goes on."""
    if call.lent is None or not call.lent.one_time:
        return
    call.committed, call.phase = False, Phase.MESSAGE
    await lending.borrowing.finish(call, opened)
    call.trace = opened
