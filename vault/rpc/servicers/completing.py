"""What the vault reckons of a customer's file when it is opened: whether it is complete."""

from __future__ import annotations

from typing import Any

from vault.rpc.servicers.reads import Complete, Read
from vault.rpc.translate import completeness
from vault.services.call import Call
from vault.services.life import Assessor
from vault.services.opening import Opened

_FIELD = "completeness"


def completing(assessor: Assessor) -> Complete:
    """Fills in `Customer.completeness`, where the read mask names it or a part of it: it takes the
    customer's documents, and the files of a legal entity's owners."""

    async def complete(call: Call, read: Read, opened: Opened, record: Any) -> None:
        if not any(path.split(".")[0] == _FIELD for path in read.mask.paths):
            return
        file = await assessor.files.one(call, read.name.institution, opened)
        found = await assessor.assess(call, file, assessor.files.today())
        record.completeness.CopyFrom(completeness.to_proto(file, found, assessor.due(file)))

    return complete
