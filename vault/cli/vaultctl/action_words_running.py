"""What actions are called that keep the vault running: keys, retention, watching, health."""

from __future__ import annotations

from typing import Final

RUNNING_ACTIONS: Final[dict[str, tuple[str, str, str]]] = {
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
