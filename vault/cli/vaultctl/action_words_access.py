"""What actions about who may see what are called: the log, the lending register, policies and
persons, compartments and their holds."""

from __future__ import annotations

from typing import Final

ACCESS_ACTIONS: Final[dict[str, tuple[str, str, str]]] = {
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
}
