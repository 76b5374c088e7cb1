"""What is refused about requests of persons about their own data."""

from __future__ import annotations

from vault.services.errors import VaultError


class RequestStage(VaultError):
    """The request is not where this could be done."""

    code = "FAILED_PRECONDITION"
    reason = "SUBJECT_REQUEST_STAGE"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(f"That cannot be done: {en}.", f"无法执行：{zh}。")


class NotThatCorrection(VaultError):
    """The version does not meet the request."""

    code = "FAILED_PRECONDITION"
    reason = "SUBJECT_CORRECTION_REFUSED"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(
            f"That version does not meet the request: {en}. Make a new version of the customer "
            "with `correction` that names the document in `sources`, or refuse with a reason.",
            f"该版本不能满足该请求：{zh}。"
            "请以 `correction` 写入新的客户版本并在 `sources` 中注明文件；或说明理由予以拒绝。",
        )


class ErasureNotSo(VaultError):
    """The rules of retention say something else."""

    code = "FAILED_PRECONDITION"
    reason = "SUBJECT_ERASURE_REFUSED"

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(f"{en}.", f"{zh}。")
