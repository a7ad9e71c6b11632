"""Everything a role may permit, by name, with the words the desk uses. Source: SY-1, FIELD 8.1.

A permission says *what* may be done; the scope of the role says *about whose work* (`scope.reach`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Permission:
    """`lent`: whoever stands in for an absent colleague has it too, for that time."""

    code: str
    title: Any
    group: Any
    lent: bool = True


def _group(group: Any, lent: bool, *pairs: tuple[str, Any]) -> list[Permission]:
    return [Permission(code, title, group, lent) for code, title in pairs]


_ALL = [
    *_group(
        _("受理与分派"),
        True,
        ("case.see", _("查看投诉件")),
        ("case.see_sensitive", _("查看敏感投诉件")),
        ("case.register", _("登记投诉")),
        ("case.accept", _("受理")),
        ("case.refuse", _("不予受理")),
        ("case.triage", _("分类与拆单")),
        ("case.regrade", _("定级与调级")),
        ("case.assign", _("分派负责人")),
        ("case.take", _("领取投诉件")),
        ("case.dispatch", _("转办与会办")),
        ("case.sign", _("签收")),
        ("case.return", _("退单")),
        ("case.arbitrate", _("退单裁定")),
        ("case.merge", _("并单")),
        ("case.withdraw", _("登记撤回")),
    ),
    *_group(
        _("办理"),
        True,
        ("case.note", _("备注与证据")),
        ("case.message", _("与客户沟通")),
        ("case.assist", _("协办与协查答复")),
        ("case.remind", _("催办")),
        ("case.supervise", _("督办")),
        ("case.pause", _("暂停与恢复计时")),
        ("case.extend", _("延期")),
        ("case.investigate", _("调查")),
        ("case.find", _("责任认定")),
        ("case.report_review", _("审核调查报告")),
        ("case.propose", _("拟定方案")),
        ("case.approve", _("审批方案")),
        ("case.override", _("越级审批")),
        ("case.execute", _("执行措施")),
        ("case.pay", _("登记付款")),
    ),
    *_group(
        _("答复与结案"),
        True,
        ("case.reply", _("起草与发送答复")),
        ("case.reply_review", _("审核答复")),
        ("case.legal_review", _("法务审核")),
        ("case.followup", _("回访")),
        ("case.close", _("结案")),
        ("case.archive", _("归档")),
        ("case.reopen", _("重开")),
        ("case.print", _("打印单据")),
    ),
    *_group(
        _("客户"),
        True,
        ("customer.see", _("查看客户")),
        ("customer.edit", _("修改客户资料")),
        ("customer.reveal", _("查看完整个人信息")),
        ("customer.merge", _("合并与拆分客户")),
    ),
    *_group(
        _("客户数据"),
        False,
        ("customer.import", _("导入客户")),
        ("customer.export", _("导出客户个人信息副本")),
        ("customer.erase", _("删除客户个人信息")),
    ),
    *_group(
        _("政策"),
        False,
        ("policy.see", _("查看政策")),
        ("policy.draft", _("起草政策")),
        ("policy.publish", _("发布政策")),
        ("calendar.import", _("导入节假日安排")),
    ),
    *_group(
        _("知识与改进"),
        True,
        ("knowledge.see", _("查看知识库")),
        ("knowledge.edit", _("编写知识")),
        ("knowledge.publish", _("发布知识")),
        ("quality.inspect", _("质检")),
        ("improvement.see", _("查看改进事项")),
        ("improvement.manage", _("管理改进事项")),
    ),
    *_group(
        _("分析与导出"),
        False,
        ("insight.see", _("查看分析")),
        ("export.cases", _("导出投诉件")),
        ("export.approve", _("审批大批量导出")),
    ),
    *_group(
        _("系统"),
        False,
        ("people.see", _("查看组织与人员")),
        ("people.manage", _("管理组织、人员与角色")),
        ("token.manage", _("管理接口令牌")),
        ("jobs.repair", _("处理失败任务")),
        ("journal.see", _("查看审计日志")),
        ("system.health", _("查看系统状态")),
        ("model.manage", _("管理分类模型")),
    ),
]
PERMISSIONS: dict[str, Permission] = {permission.code: permission for permission in _ALL}

# What a token with the scope "read" may do: look, and nothing else.
READING = frozenset(
    code for code in PERMISSIONS if code.split(".")[1] in {"see", "see_sensitive"} or code == "system.health"
)
# What makes a role one that handles complaints; a role that manages people has none of these.
CASE_WORK = frozenset(code for code in PERMISSIONS if code.startswith("case."))


def grouped() -> list[tuple[Any, list[Permission]]]:
    """The permissions under their headings, in the order of this page, for the screen that edits a role."""
    groups: dict[str, tuple[Any, list[Permission]]] = {}
    for permission in PERMISSIONS.values():
        groups.setdefault(str(permission.group), (permission.group, []))[1].append(permission)
    return list(groups.values())


def unknown(codes: list[str]) -> list[str]:
    """Those of `codes` that no permission has."""
    return [code for code in codes if code not in PERMISSIONS]
