"""What is refused about files that were merged."""

from __future__ import annotations

from vault.services import sealer
from vault.services.errors import VaultError


class Merged(VaultError):
    """The customer's file was merged into another, which is to be used instead."""

    code = "FAILED_PRECONDITION"
    reason = "CUSTOMER_MERGED"

    def __init__(self, institution: str, customer: str, survivor: str) -> None:
        old = sealer.resource_name(institution, customer)
        new = sealer.resource_name(institution, survivor)
        super().__init__(
            f"{old} was merged into {new}: use that name. What the old file holds is still read: "
            "earlier versions by their number, its documents and its transactions.",
            f"{old} 已合并至 {new}，请使用后者。"
            "原档案内容仍可读取：历史版本（按版本号）、证件与交易。",
            resource=old,
            merged_into=new,
        )
        self.survivor = survivor


class MergeRefused(VaultError):
    """Two files cannot be merged, or one not be taken apart, as things stand."""

    code = "FAILED_PRECONDITION"
    reason = "MERGE_REFUSED"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(f"That cannot be done: {en}.", f"无法执行：{zh}。")
