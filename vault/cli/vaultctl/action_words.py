"""What each action is called in a sentence, in English and Chinese: of records here, of who may see
them and of what keeps the vault running in files of their own."""

from __future__ import annotations

from typing import Final

from vault.cli.vaultctl.action_words_access import ACCESS_ACTIONS
from vault.cli.vaultctl.action_words_running import RUNNING_ACTIONS

# Action: what was done, what was wanted, and both in Chinese.
ACTIONS: Final[dict[str, tuple[str, str, str]]] = {
    "records.customers.create": ("stored a new customer", "store a new customer", "新增客户"),
    "records.customers.batch_create": (
        "stored new customers",
        "store new customers",
        "批量新增客户",
    ),
    "records.customers.get": (
        "opened a customer's full record",
        "open a customer's full record",
        "打开客户完整记录",
    ),
    "records.customers.list": (
        "listed customers' full records",
        "list customers' full records",
        "列出客户完整记录",
    ),
    "records.customers.update": (
        "changed a customer's record",
        "change a customer's record",
        "修改客户记录",
    ),
    "records.customers.versions": (
        "opened a customer's earlier versions",
        "open a customer's earlier versions",
        "查看客户历史版本",
    ),
    "records.customers.diff": (
        "saw in which fields two versions of a customer differ",
        "see in which fields two versions of a customer differ",
        "比较客户两个版本的差异字段",
    ),
    "records.customers.export": (
        "exported all customers' full records",
        "export all customers' full records",
        "批量导出客户完整记录",
    ),
    "records.files.export": (
        "exported customers' whole files, sealed",
        "export customers' whole files, sealed",
        "批量导出客户完整档案（密封）",
    ),
    "records.files.transfer": (
        "handed customers' files to another vault, sealed",
        "hand customers' files to another vault, sealed",
        "向其他保险库移交客户档案（密封）",
    ),
    "records.files.produce": (
        "produced a customer's whole file, sealed",
        "produce a customer's whole file, sealed",
        "出具客户完整档案（密封）",
    ),
    "records.documents.create": (
        "stored an identity document",
        "store an identity document",
        "新增证件",
    ),
    "records.documents.batch_create": (
        "stored identity documents",
        "store identity documents",
        "批量新增证件",
    ),
    "records.documents.get": (
        "opened a full identity document",
        "open a full identity document",
        "打开完整证件记录",
    ),
    "records.documents.list": (
        "listed full identity documents",
        "list full identity documents",
        "列出完整证件记录",
    ),
    "records.documents.update": (
        "changed an identity document",
        "change an identity document",
        "修改证件记录",
    ),
    "records.documents.versions": (
        "opened an identity document's earlier versions",
        "open an identity document's earlier versions",
        "查看证件历史版本",
    ),
    "records.contents.upload": (
        "stored a scan or file",
        "store a scan or file",
        "上传影像或文件",
    ),
    "records.contents.progress": (
        "asked how far an upload has come",
        "ask how far an upload has come",
        "查询上传进度",
    ),
    "records.contents.download": (
        "opened a full scan or file",
        "open a full scan or file",
        "打开完整影像或文件",
    ),
    "records.contents.list": (
        "listed scans and files",
        "list scans and files",
        "列出影像与文件",
    ),
    "records.transactions.create": ("stored a transaction", "store a transaction", "新增交易"),
    "records.transactions.batch_create": (
        "stored transactions",
        "store transactions",
        "批量新增交易",
    ),
    "records.transactions.get": (
        "opened a full transaction",
        "open a full transaction",
        "打开完整交易记录",
    ),
    "records.transactions.list": (
        "listed full transactions",
        "list full transactions",
        "列出完整交易记录",
    ),
    "records.transactions.search": (
        "searched full transactions",
        "search full transactions",
        "检索完整交易记录",
    ),
    "records.transactions.reconstruct": (
        "reconstructed a transaction",
        "reconstruct a transaction",
        "重现交易",
    ),
    "records.accounts.check": ("added up an account", "add up an account", "核对账户流水"),
    "records.import": ("imported records", "import records", "导入记录"),
    "masked.customers.get": (
        "looked at a customer, masked",
        "look at a customer, masked",
        "查看客户脱敏视图",
    ),
    "masked.customers.list": (
        "listed customers, masked",
        "list customers, masked",
        "列出客户脱敏视图",
    ),
    "masked.customers.search": (
        "searched for customers, masked",
        "search for customers, masked",
        "检索客户（脱敏）",
    ),
    "masked.documents.get": (
        "looked at an identity document, masked",
        "look at an identity document, masked",
        "查看证件脱敏视图",
    ),
    "masked.documents.list": (
        "listed identity documents, masked",
        "list identity documents, masked",
        "列出证件脱敏视图",
    ),
    "masked.contents.view": (
        "looked at scans and files, masked",
        "look at scans and files, masked",
        "查看影像与文件脱敏图像",
    ),
    "masked.transactions.get": (
        "looked at a transaction, masked",
        "look at a transaction, masked",
        "查看交易脱敏视图",
    ),
    "masked.transactions.list": (
        "listed transactions, masked",
        "list transactions, masked",
        "列出交易脱敏视图",
    ),
    "life.files.completeness": (
        "saw which files are complete",
        "see which files are complete",
        "查看档案完整性",
    ),
    "life.files.due": ("saw what falls due", "see what falls due", "查看到期事项"),
    "life.files.custodians": (
        "saw who keeps the files",
        "see who keeps the files",
        "查看档案保管人",
    ),
    "life.files.hand_over": (
        "handed files over to another custodian",
        "hand files over to another custodian",
        "移交档案保管职责",
    ),
    "life.merges.propose": (
        "proposed that two files are one",
        "propose that two files are one",
        "提议合并档案",
    ),
    "life.merges.propose_apart": (
        "proposed that two files are not one",
        "propose that two files are not one",
        "提议撤销档案合并",
    ),
    "life.merges.approve": (
        "agreed to which files are one",
        "agree to which files are one",
        "审批档案合并",
    ),
    "life.merges.list": (
        "saw which files are one",
        "see which files are one",
        "查看档案合并情况",
    ),
    "life.transfers.receive": (
        "took a customer's file of another vault in",
        "take a customer's file of another vault in",
        "接收其他保险库移交的客户档案",
    ),
    "life.transfers.acknowledge": (
        "entered that another vault has received a file",
        "enter that another vault has received a file",
        "登记其他保险库的接收回执",
    ),
    "life.transfers.get": (
        "saw where a file came from and went",
        "see where a file came from and went",
        "查看档案移交情况",
    ),
    "life.subject_requests.file": (
        "entered what a person asks about his own data",
        "enter what a person asks about his own data",
        "登记个人信息请求",
    ),
    "life.subject_requests.get": (
        "opened a person's request about his own data",
        "open a person's request about his own data",
        "查看个人信息请求",
    ),
    "life.subject_requests.list": (
        "listed persons' requests about their own data",
        "list persons' requests about their own data",
        "列出个人信息请求",
    ),
    "life.subject_requests.extend": (
        "took longer to answer a person's request",
        "take longer to answer a person's request",
        "延长个人信息请求的答复期限",
    ),
    "life.subject_requests.close": (
        "closed a person's request about his own data",
        "close a person's request about his own data",
        "办结个人信息请求",
    ),
    "life.subject_requests.use": (
        "told a person who has used his data",
        "tell a person who has used his data",
        "向本人提供信息使用情况",
    ),
    "life.changes.watch": (
        "followed which records change",
        "follow which records change",
        "跟踪记录变更",
    ),
    "life.reminders.due": (
        "reminded that something of a file falls due",
        "remind that something of a file falls due",
        "提醒档案事项到期",
    ),
    **ACCESS_ACTIONS,
    **RUNNING_ACTIONS,
}
