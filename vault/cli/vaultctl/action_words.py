"""What each action is called in a sentence, in English and Chinese."""

from __future__ import annotations

from typing import Final

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
    "audit.events.stream": ("followed the log", "follow the log", "实时查看日志"),
    "audit.events.query": ("read the log", "read the log", "查询日志"),
    "audit.access.report": ("drew up an access report", "draw up an access report", "生成访问报告"),
    "audit.proofs.get": (
        "asked for the proof of an entry",
        "ask for the proof of an entry",
        "获取日志条目证明",
    ),
    "audit.checkpoints.get": (
        "read the log's checkpoint",
        "read the log's checkpoint",
        "读取日志检查点",
    ),
    "audit.tiles.export": ("exported the log", "export the log", "导出日志"),
    "audit.archive.write": (
        "moved old log entries to the archive",
        "move old log entries to the archive",
        "归档日志旧条目",
    ),
    "lending.check_outs.request": ("asked for a check-out", "ask for a check-out", "申请借阅"),
    "lending.check_outs.renew": (
        "asked to renew a check-out",
        "renew a check-out",
        "申请续借",
    ),
    "lending.check_outs.return": ("returned a check-out", "return a check-out", "归还借阅"),
    "lending.check_outs.get": ("looked at a check-out", "look at a check-out", "查看借阅"),
    "lending.check_outs.list": ("listed check-outs", "list check-outs", "列出借阅"),
    "lending.check_outs.watch": ("watched check-outs", "watch check-outs", "跟踪借阅"),
    "lending.check_outs.approve": ("approved a check-out", "approve a check-out", "批准借阅"),
    "lending.check_outs.deny": ("denied a check-out", "deny a check-out", "拒绝借阅"),
    "lending.check_outs.revoke": ("revoked a check-out", "revoke a check-out", "收回借阅"),
    "lending.break_glass.open": (
        "opened a file in an emergency",
        "open a file in an emergency",
        "紧急调阅",
    ),
    "lending.break_glass.review": (
        "reviewed a file opened in an emergency",
        "review a file opened in an emergency",
        "复核紧急调阅",
    ),
    "access.policies.get": ("read the policies", "read the policies", "查看策略"),
    "access.policies.test": ("tried policies", "try policies", "试算策略"),
    "access.policies.propose": ("proposed policies", "propose policies", "提议变更策略"),
    "access.principals.list": ("listed the principals", "list the principals", "列出主体"),
    "access.principals.propose": (
        "proposed a change of principals",
        "propose a change of principals",
        "提议变更主体",
    ),
    "access.proposals.get": ("looked at a proposal", "look at a proposal", "查看提案"),
    "access.proposals.list": ("listed proposals", "list proposals", "列出提案"),
    "access.proposals.withdraw": ("withdrew a proposal", "withdraw a proposal", "撤回提案"),
    "access.proposals.approve": ("approved a proposal", "approve a proposal", "批准提案"),
    "access.proposals.reject": ("rejected a proposal", "reject a proposal", "驳回提案"),
    "access.decisions.explain": (
        "had a decision explained",
        "have a decision explained",
        "查询权限判定说明",
    ),
    "access.decisions.who_can": (
        "asked who may open a customer",
        "ask who may open a customer",
        "查询谁可查阅客户",
    ),
    "compartments.cases.create": (
        "opened a compartment",
        "open a compartment",
        "建立保密案卷",
    ),
    "compartments.cases.get": (
        "looked at a compartment",
        "look at a compartment",
        "查看保密案卷",
    ),
    "compartments.cases.list": (
        "listed the compartments that he is a member of",
        "list the compartments that he is a member of",
        "列出所属保密案卷",
    ),
    "compartments.cases.close": (
        "closed a compartment",
        "close a compartment",
        "关闭保密案卷",
    ),
    "compartments.members.add": (
        "proposed a member of a compartment",
        "propose a member of a compartment",
        "提议保密案卷成员",
    ),
    "compartments.members.remove": (
        "proposed to remove a member of a compartment",
        "propose to remove a member of a compartment",
        "提议移除保密案卷成员",
    ),
    "compartments.members.get": (
        "looked at a member of a compartment",
        "look at a member of a compartment",
        "查看保密案卷成员",
    ),
    "compartments.members.agree": (
        "agreed to a change of a compartment's members",
        "agree to a change of a compartment's members",
        "同意保密案卷成员变更",
    ),
    "compartments.items.add": (
        "noted something in a compartment",
        "note something in a compartment",
        "在保密案卷中添加记录",
    ),
    "compartments.items.list": (
        "read what is noted in compartments",
        "read what is noted in compartments",
        "查阅保密案卷记录",
    ),
    "keys.versions.list": (
        "listed the versions of keys",
        "list the versions of keys",
        "列出密钥版本",
    ),
    "keys.steps.list": (
        "looked at what is being done with keys",
        "look at what is being done with keys",
        "查看密钥操作进度",
    ),
    "keys.steps.get": (
        "looked at what was proposed for a key",
        "look at what was proposed for a key",
        "查看密钥操作提案",
    ),
    "keys.steps.propose": (
        "proposed something to be done with a key",
        "propose something to be done with a key",
        "提议密钥操作",
    ),
    "keys.steps.withdraw": (
        "took back what was proposed for a key",
        "take back what was proposed for a key",
        "撤回密钥操作提案",
    ),
    "keys.work.begin": (
        "began what two persons agreed to do with a key",
        "begin what two persons agreed to do with a key",
        "开始执行已批准的密钥操作",
    ),
    "keys.work.end": (
        "ended what two persons agreed to do with a key",
        "end what two persons agreed to do with a key",
        "结束已批准的密钥操作",
    ),
    "keys.work.reseal": (
        "sealed records anew with the institution's suite",
        "seal records anew with the institution's suite",
        "以本机构的密码套件重新密封记录",
    ),
    "keys.shares.unsealed": (
        "unsealed the key-encryption keys with their custodians' shares",
        "unseal the key-encryption keys with their custodians' shares",
        "用保管人的份额解封密钥加密密钥",
    ),
    "keys.backup.made": ("backed up the key store", "back up the key store", "备份密钥库"),
    "keys.backup.restored": ("restored the key store", "restore the key store", "恢复密钥库"),
    "compartments.holds.place": (
        "placed a hold",
        "place a hold",
        "设置冻结",
    ),
    "compartments.holds.list": (
        "read holds",
        "read holds",
        "查看冻结",
    ),
    "compartments.holds.propose_release": (
        "proposed to release a hold",
        "propose to release a hold",
        "提出解除冻结",
    ),
    "compartments.holds.agree_release": (
        "agreed to the release of a hold",
        "agree to the release of a hold",
        "同意解除冻结",
    ),
    "retention.rule_sets.list": (
        "read the rules of retention",
        "read the rules of retention",
        "查看保存期限规则",
    ),
    "retention.rule_sets.preview": (
        "saw what a rule set would do",
        "see what a rule set would do",
        "预览规则集的影响",
    ),
    "retention.rule_sets.propose": (
        "proposed a rule set",
        "propose a rule set",
        "提出规则集",
    ),
    "retention.rulings.propose": (
        "proposed which rule prevails",
        "propose which rule prevails",
        "提出规则冲突的裁定",
    ),
    "retention.rule_sets.approve": (
        "agreed to rules of retention",
        "agree to rules of retention",
        "批准保存期限规则",
    ),
    "retention.disposals.plan": (
        "planned a disposal",
        "plan a disposal",
        "制定销毁计划",
    ),
    "retention.disposals.get": (
        "read a plan of disposal",
        "read a plan of disposal",
        "查看销毁计划",
    ),
    "retention.disposals.list": (
        "listed disposals",
        "list disposals",
        "列出销毁计划",
    ),
    "retention.disposals.items": (
        "read what a plan of disposal has",
        "read what a plan of disposal has",
        "查看销毁计划明细",
    ),
    "retention.disposals.approve": (
        "agreed to a disposal",
        "agree to a disposal",
        "批准销毁",
    ),
    "retention.disposals.execute": (
        "had a disposal carried out",
        "have a disposal carried out",
        "执行销毁",
    ),
    "retention.disposals.certificate": (
        "read a certificate of disposal",
        "read a certificate of disposal",
        "查看销毁证明",
    ),
    "retention.work.give_up": (
        "gave records up for good",
        "give records up for good",
        "放弃档案的密钥",
    ),
    "retention.work.pass_over": (
        "passed records over in a disposal",
        "pass records over in a disposal",
        "在销毁中略过档案",
    ),
    "retention.work.take": (
        "took rows away in a disposal",
        "take rows away in a disposal",
        "在销毁中移除记录行",
    ),
    "retention.work.certify": (
        "certified a disposal",
        "certify a disposal",
        "出具销毁证明",
    ),
    "retention.work.end": (
        "finished a disposal",
        "finish a disposal",
        "完成销毁",
    ),
    "watch.decoys.set": (
        "said who is a decoy",
        "say who is a decoy",
        "设置诱饵客户",
    ),
    "watch.decoys.list": ("listed the decoys", "list the decoys", "列出诱饵客户"),
    "watch.alert": ("raised an alert", "raise an alert", "触发警报"),
    "watch.warning": ("raised a warning", "raise a warning", "触发警告"),
    "admin.health.check": (
        "checked the vault's health",
        "check the vault's health",
        "检查运行状况",
    ),
    "admin.recovery.get": (
        "looked whether the log awaits recovery",
        "look whether the log awaits recovery",
        "查看日志恢复状态",
    ),
    "admin.recovery.acknowledge": (
        "acknowledged a recovery of the log",
        "acknowledge a recovery of the log",
        "确认日志恢复",
    ),
    "internal.index.lookup": (
        "asked the index for a masked search",
        "ask the index for a masked search",
        "为脱敏检索查询索引",
    ),
    "grpc.health": (
        "asked whether the server serves",
        "ask whether the server serves",
        "探测服务状态",
    ),
    "grpc.reflection": ("read the vault's contract", "read the vault's contract", "读取接口定义"),
    "rpc.unknown": (
        "called a method that does not exist",
        "call a method that does not exist",
        "调用不存在的方法",
    ),
}
