"""All customers of an institution at once: the export, page after page as the caller takes them.

Every page is read when it is asked for, so that no more than one is in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from recordsvault.records.v1 import records_pb2 as pb
from vault.access import Action
from vault.records import CustomerName
from vault.rpc.masks import check_mask, revealed
from vault.rpc.methods import ServerStream
from vault.rpc.names import target_of_parent
from vault.rpc.opened import Openings
from vault.rpc.problems import Problems
from vault.rpc.servicers.reads import relative, shown
from vault.rpc.servicers.resources import CUSTOMER
from vault.rpc.servicers.targets import with_purpose
from vault.services.bulk import BulkExport
from vault.services.call import Call

# So few that the largest customers fit into a message.
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Export:
    """What is exported: customers beyond the identifier ``after``."""

    institution: str
    after: str
    mask: FieldMask


def export_customers(bulk: BulkExport, openings: Openings) -> ServerStream:
    """The method."""

    async def begin(call: Call, export: Export) -> None:
        # Of what would open nothing to him, nothing is used up.
        openings.cut(call, CUSTOMER.field, export.mask)
        await bulk.begin(call, export.institution)

    async def handle(call: Call, export: Export) -> AsyncIterator[pb.ExportCustomersResponse]:
        base = replace(call.trace, rows=())
        call.trace = base
        after, exported, further = export.after, 0, True
        fields: dict[str, None] = {}
        while further:
            # At each page anew: he may have lost a role by now.
            cut = openings.cut(call, CUSTOMER.field, export.mask)
            page = await bulk.batch(call, export.institution, after, _PAGE, views=cut.withheld)
            after, further = page.further, bool(page.further)
            if not page.opened:
                continue
            customers = [
                shown(CUSTOMER, export.institution, one, cut, export.mask) for one in page.opened
            ]
            in_page = revealed(customers)
            names = tuple(map(relative, page.opened))
            done = replace(base, fields=in_page, resources=names, count=len(names))
            await bulk.hand_out(call, done)
            exported += len(names)
            fields.update(dict.fromkeys(in_page))
            # However it ends, its last event says what had been answered by then.
            call.trace = replace(base, fields=tuple(fields), count=exported)
            answer: dict[str, Any] = {"customers": customers, "exported": exported}
            if cut.withheld:
                answer["masked_customers"] = [
                    CUSTOMER.masked(export.institution, one) for one in page.opened
                ]
            yield pb.ExportCustomersResponse(**answer)

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
        begin,
    )
