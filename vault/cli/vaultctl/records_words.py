"""What the figures of files are called, in English and Chinese."""

from __future__ import annotations

from typing import Final

from vault.cli.vaultctl.language import say
from vault.cli.vaultctl.records_figures import Part

_WORDS: Final[dict[str, tuple[str, str]]] = {
    # Parts
    Part.COMPLETENESS: ("completeness", "完整性"),
    Part.DUE: ("falling due", "到期事项"),
    Part.CUSTODIANS: ("custodians", "档案保管人"),
    Part.DISPOSAL: ("disposal", "处置"),
    Part.HOLDS: ("holds", "冻结保留"),
    Part.ACCESSES: ("accesses", "访问"),
    Part.HEALTH: ("health of vault and log", "系统与日志健康"),
    # Risk classes
    "UNSPECIFIED": ("not rated", "未评级"),
    "LOW": ("low risk", "低风险"),
    "MEDIUM": ("medium risk", "中风险"),
    "HIGH": ("high risk", "高风险"),
    # What falls due
    "DOCUMENT_EXPIRY": ("documents that expire", "证件到期"),
    "REVIEW": ("reviews", "资料复核"),
    "DORMANT": ("dormant relationships", "休眠关系"),
    "SUBJECT_REQUEST": ("requests about one's own data", "个人信息请求"),
    "CUSTODIAN_LEFT": ("files to be handed over", "待移交档案"),
    # Custodians
    "here": ("kept by somebody here", "保管人在任"),
    "left": ("custodian has left", "保管人已离任"),
    "none": ("nobody keeps them", "无保管人"),
    # Disposal
    "plans": ("plans carried out", "已执行计划"),
    "scopes": ("scopes given up", "已处置范围"),
    "rows": ("rows taken away", "已删除行"),
    "PLANNED": ("waits for a second person", "待第二人审批"),
    "APPROVED": ("approved", "已批准"),
    "EXECUTING": ("being carried out", "执行中"),
    "RESERVED": ("something stands against it", "存在保留事由"),
    "CONFLICT": ("two laws conflict", "法规冲突"),
    "TRANSACTIONS_REMAIN": ("transactions remain", "尚有交易"),
    "REQUEST_OPEN": ("an access request is open", "查阅请求尚未答复"),
    "UNREADABLE": ("the file cannot be read", "档案无法读取"),
    # Holds
    "customer": ("on a customer", "客户"),
    "account": ("on an account", "账户"),
    "period": ("on bookings of a period", "期间交易"),
    "transactions": ("on transactions", "单笔交易"),
    # Accesses
    "allowed": ("allowed", "允许"),
    "denied": ("not allowed", "未允许"),
    "full_reads": ("full records read", "读取完整记录"),
    "masked_reads": ("masked views read", "读取脱敏视图"),
    "writes_and_reports": ("records written, reports", "写入与报告"),
    "lending": ("check-outs", "借阅"),
    "other": ("other", "其他"),
    # Health
    "OK": ("works", "正常"),
    "WARNING": ("needs attention", "需关注"),
    "CRITICAL": ("does not work", "故障"),
}


def word(name: str) -> str:
    """The words for a name; the name itself where it has none."""
    found = _WORDS.get(name)
    return say(*found) if found else name
