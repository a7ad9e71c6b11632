"""Forms of who has the case: 由我负责、指定、转办、签收、退单、裁定、会办、催办、督办."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import handover, triage
from wenguo.web.desk.common import act_form, chosen_person, chosen_unit, of_case, units_to_choose
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.triage import colleagues
from wenguo.web.given import Given

FLOW, URGE = _lazy("负责与流转"), _lazy("催办与督办")


# ── in charge ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _taken(folder: Folder) -> str:
    owner = folder.case.owner
    if owner is None:
        return ""
    return (
        _("已由您负责")
        if owner.pk == folder.person.pk
        else _("已由{name}负责；如需更换请由主管指定").format(name=owner.name)
    )


@act_form("take", why=_taken, group=FLOW, symbol="user-check")
def take(request: HttpRequest, folder: Folder, given: Given) -> str:
    handover.take(folder.case, by=folder.person, at=folder.at)
    return _("已由您负责")


def _people(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"colleagues": colleagues(folder, folder.case.unit or folder.case.intake_unit)}


@act_form("appoint", "desk/case/acts/appoint.html", context=_people, group=FLOW, symbol="user-plus")
def appoint(request: HttpRequest, folder: Folder, given: Given) -> str:
    owner = chosen_person(given, "owner", _("负责人"))
    given.check()
    handover.appoint(folder.case, owner, by=folder.person, at=folder.at)
    return _("已指定{name}负责").format(name=owner.name)


# ── to another department and back ────────────────────────────────────────────────────────────────────────────────


def _destinations(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    rule, unit, helpers = triage.proposed_route(folder.case)
    return {"rule": rule, "proposed": unit, "helpers": helpers, "units": units_to_choose([folder.case.unit_id])}


def _undecided(folder: Folder) -> str:
    return _("退单待裁定，须先裁定") if folder.disputed else ""


@act_form("dispatch", "desk/case/acts/dispatch.html", context=_destinations, why=_undecided, group=FLOW, symbol="send")
def dispatch(request: HttpRequest, folder: Folder, given: Given) -> str:
    unit = chosen_unit(given, "unit", _("转往的部门"))
    words = given.text("words", _("转办说明"), most=5000)
    given.check()
    handover.dispatch(folder.case, unit, words, by=folder.person, at=folder.at)
    return _("已转给「{unit}」，等待签收").format(unit=unit.title)


def _nothing_to_sign(folder: Folder) -> str:
    sent = folder.to_sign
    if sent is None:
        return _("没有待签收的转办")
    return "" if folder.is_of_unit(sent.to_unit) else _("待「{unit}」签收").format(unit=sent.to_unit.title)


def _sent(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"sent": folder.to_sign}


@act_form("sign", "desk/case/acts/sign.html", context=_sent, why=_nothing_to_sign, group=FLOW, symbol="checkbox")
def sign(request: HttpRequest, folder: Folder, given: Given) -> str:
    found = of_case(folder.case.handovers.select_related("to_unit"), given.raw("handover"), _("转办"))
    found.case = folder.case
    handover.sign(found, by=folder.person, at=folder.at)
    return _("已签收，由您负责")


def _nothing_to_return(folder: Folder) -> str:
    found = folder.returnable
    if found is None:
        return _("没有可以退的转办")
    if found.final:
        return _("已经裁定，不能再退单")
    return "" if folder.is_of_unit(found.to_unit) else _("只有「{unit}」可以退单").format(unit=found.to_unit.title)


def _return_reasons(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    pack, found = folder.case.pack, folder.returnable
    left = pack.thresholds.returns_before_arbitration - folder.case.returns - 1
    return {
        "reasons": pack.return_reasons,
        "units": units_to_choose([found.to_unit_id] if found else []),
        "found": found,
        "left": left,
    }


@act_form(
    "return",
    "desk/case/acts/return.html",
    context=_return_reasons,
    why=_nothing_to_return,
    group=FLOW,
    symbol="corner-up-left",
    danger=True,
)
def give_back(request: HttpRequest, folder: Folder, given: Given) -> str:
    found = of_case(
        folder.case.handovers.select_related("to_unit", "from_unit", "sent_by"), given.raw("handover"), _("转办")
    )
    found.case = folder.case
    reason = given.choice("reason", _("退单原因"), {r.code for r in folder.case.pack.return_reasons})
    words = given.text("words", _("退单理由"), most=5000)
    proposed = chosen_unit(given, "proposed", _("建议的部门"), optional=True)
    given.check()
    handover.give_back(found, reason, words, proposed=proposed, by=folder.person, at=folder.at)
    return _("已退单")


def _nothing_disputed(folder: Folder) -> str:
    return "" if folder.disputed else _("没有待裁定的退单")


def _dispute(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    found = folder.disputed
    reasons = {r.code: r.title for r in folder.case.pack.return_reasons}
    return {"found": found, "reason": reasons.get(found.return_reason, "") if found else "", "units": units_to_choose()}


@act_form(
    "arbitrate", "desk/case/acts/arbitrate.html", context=_dispute, why=_nothing_disputed, group=FLOW, symbol="gavel"
)
def arbitrate(request: HttpRequest, folder: Folder, given: Given) -> str:
    found = of_case(folder.case.handovers.select_related("to_unit"), given.raw("handover"), _("转办"))
    found.case = folder.case
    unit = chosen_unit(given, "unit", _("责任部门"))
    words = given.text("words", _("裁定理由"), most=5000)
    given.check()
    handover.arbitrate(found, unit, words, by=folder.person, at=folder.at)
    return _("已裁定由「{unit}」办理").format(unit=unit.title)


# ── others help ───────────────────────────────────────────────────────────────────────────────────────────────────


@act_form("ask_help", "desk/case/acts/ask_help.html", context=_destinations, group=FLOW, symbol="users-plus")
def ask_help(request: HttpRequest, folder: Folder, given: Given) -> str:
    unit = chosen_unit(given, "unit", _("会办部门"))
    what = given.text("what", _("需要对方做什么"), most=5000)
    given.check()
    handover.ask_help(folder.case, unit, what, by=folder.person, at=folder.at)
    return _("已请「{unit}」会办").format(unit=unit.title)


def _my_tasks(folder: Folder) -> list[Any]:
    return [t for t in folder.open_tasks if folder.is_of_unit(t.unit)]


def _nothing_to_help(folder: Folder) -> str:
    if _my_tasks(folder):
        return ""
    return _("会办不在您的部门") if folder.open_tasks else _("没有进行中的会办")


def _helping(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"tasks": _my_tasks(folder)}


@act_form("help", "desk/case/acts/help.html", context=_helping, why=_nothing_to_help, group=FLOW, symbol="subtask")
def help(request: HttpRequest, folder: Folder, given: Given) -> str:
    task = of_case(folder.case.joint_tasks.select_related("unit"), given.raw("task"), _("会办"))
    task.case = folder.case
    answer = given.text("answer", _("办理情况"), most=20_000)
    given.check()
    handover.help(task, answer, by=folder.person, at=folder.at)
    return _("会办已完成")


def _no_tasks(folder: Folder) -> str:
    return "" if folder.open_tasks else _("没有进行中的会办")


def _tasks(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    return {"tasks": folder.open_tasks}


@act_form(
    "cancel_help", "desk/case/acts/cancel_help.html", context=_tasks, why=_no_tasks, group=FLOW, symbol="users-minus"
)
def cancel_help(request: HttpRequest, folder: Folder, given: Given) -> str:
    task = of_case(folder.case.joint_tasks.select_related("unit"), given.raw("task"), _("会办"))
    task.case = folder.case
    reason = given.text("reason", _("取消原因"), most=2000)
    given.check()
    handover.cancel_help(task, reason, by=folder.person, at=folder.at)
    return _("会办已取消")


# ── pressing on ───────────────────────────────────────────────────────────────────────────────────────────────────


@act_form("remind", "desk/case/acts/remind.html", group=URGE, symbol="bell-ringing")
def remind(request: HttpRequest, folder: Folder, given: Given) -> str:
    words = given.text("words", _("催办说明"), most=5000)
    given.check()
    handover.remind(folder.case, words, by=folder.person, at=folder.at)
    return _("已催办（第 {n} 次）").format(n=folder.case.repeats)


@act_form("supervise", "desk/case/acts/supervise.html", group=URGE, symbol="eye")
def supervise(request: HttpRequest, folder: Folder, given: Given) -> str:
    words = given.text("words", _("督办要求"), most=5000)
    given.check()
    handover.supervise(folder.case, words, by=folder.person, at=folder.at)
    return _("已下达督办")


def _no_order(folder: Folder) -> str:
    return "" if folder.open_supervisions else _("没有待回报的督办")


@act_form(
    "report_supervision", "desk/case/acts/report_supervision.html", why=_no_order, group=URGE, symbol="message-report"
)
def report_supervision(request: HttpRequest, folder: Folder, given: Given) -> str:
    order = of_case(folder.case.supervisions.all(), given.raw("order"), _("督办"))
    order.case = folder.case
    report = given.text("report", _("落实情况"), most=5000)
    given.check()
    handover.report_supervision(order, report, by=folder.person, at=folder.at)
    return _("已回报")
