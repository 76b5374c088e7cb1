"""What is refused of files that come from another vault, or have gone to one."""

from __future__ import annotations

from vault.services.errors import VaultError


class TransferInvalid(VaultError):
    """The bundle is not proved, or not one of a file. Nothing of it was stored."""

    code = "INVALID_ARGUMENT"
    reason = "TRANSFER_NOT_PROVED"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The bundle is refused: {why}. Nothing of it was stored. Ask the vault that it comes "
            "from to transfer the file anew.",
            "资料包未通过验证，未存储任何内容。请要求来源保险库重新移交该档案。",
        )


class LogNotTrusted(VaultError):
    """The log that proves it is none of those that this vault was told to trust."""

    code = "FAILED_PRECONDITION"
    reason = "LOG_NOT_TRUSTED"

    def __init__(self) -> None:
        super().__init__(
            "It is signed by the log of a vault that this one was not told to trust. Operations "
            "have that log's public key from its institution, compare it by another way, and name "
            "it in the file of `transfers.trusted_logs` of the configuration.",
            "签名日志所属的保险库未列入信任范围。请运维人员向该机构取得日志公钥，"
            "经其他途径核对后列入配置 `transfers.trusted_logs` 所指文件。",
        )


class ReceivedAlready(VaultError):
    """The file has come already by another bundle. ``existing`` is its name here; empty where the
    caller's roles do not reach it."""

    code = "ALREADY_EXISTS"
    reason = "FILE_ALREADY_RECEIVED"

    def __init__(self, existing: str) -> None:
        where = f" as {existing}" if existing else ""
        super().__init__(
            f"This file has come already{where}, by another bundle, and is not stored twice. What "
            "was added to it there since, its back end sends as further records.",
            f"该档案已由另一资料包移入{'，即 ' + existing if existing else ''}，不会重复存储。"
            "其后在来源机构新增的内容，请由后台系统作为新记录提交。",
            **({"existing": existing} if existing else {}),
        )


class RecordsUnknown(VaultError):
    """The bundle has fields that this release does not know, and would lose."""

    code = "FAILED_PRECONDITION"
    reason = "TRANSFER_OF_LATER_RELEASE"

    def __init__(self) -> None:
        super().__init__(
            "The bundle was made by a later release of the vault: it has what this one would lose. "
            "Nothing of it was stored. Upgrade this vault first.",
            "资料包由更新版本的保险库制作，含有本版本无法保留的内容，未存储任何内容。"
            "请先升级本保险库。",
        )


class RecipientNotAgreed(VaultError):
    """The two who agreed to the check-out have not agreed to this recipient."""

    code = "FAILED_PRECONDITION"
    reason = "RECIPIENT_NOT_AGREED"
    closed = True

    def __init__(self, fingerprint: str) -> None:
        super().__init__(
            f"The check-out's reason does not name the key {fingerprint}, so nobody has agreed to "
            "hand files to who has it. Ask for a check-out whose reason has that fingerprint.",
            f"借阅理由未写明密钥 {fingerprint}，即无人同意向其持有者移交档案。"
            "请在申请借阅时于理由中写明该指纹。",
        )


class NeverLeft(VaultError):
    """What is acknowledged is no bundle that has left this vault."""

    code = "FAILED_PRECONDITION"
    reason = "NEVER_TRANSFERRED"

    def __init__(self) -> None:
        super().__init__(
            "The acknowledgement is of no bundle that has left here of that file. Look at "
            "`vaultctl transfer show CUSTOMER`.",
            "该回执所指资料包并非由此移交。请查看 `vaultctl transfer show CUSTOMER`。",
        )


class BundleOutOfOrder(VaultError):
    """The stream's parts do not come to the bundle that was announced."""

    code = "INVALID_ARGUMENT"
    reason = "TRANSFER_OUT_OF_ORDER"

    def __init__(self) -> None:
        super().__init__(
            "The stream is a start, and then the parts of the opened bundle in order, as many "
            "bytes as were announced. Send it anew.",
            "数据流应先发送 start，再按顺序发送已解封资料包的各部分，总字节数须与声明一致。"
            "请重新发送。",
        )
