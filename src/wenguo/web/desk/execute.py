"""执行: measures with owner, date and proof, payments, and the plan on one sheet. RS-6, RS-10."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import execution, payment, sheet
from wenguo.cases.case import Case, rows
from wenguo.cases.clock import Consent
from wenguo.cases.evidence import attach
from wenguo.cases.execution import Measure, Plan
from wenguo.cases.letters import head_office
from wenguo.cases.option import SIGNED
from wenguo.cases.quote import Kind
from wenguo.policy.versions import in_force
from wenguo.text.amounts import in_words
from wenguo.web.desk.common import (
    act_form,
    chosen_person,
    chosen_unit,
    earlier_panel,
    files_of,
    find_case,
    me,
    of_case,
    stage_panel,
)
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.resolve import board_of
from wenguo.web.desk.stage_common import channel_choices, measure_choices, shown
from wenguo.web.doors import desk, page
from wenguo.web.given import Given

MEASURES = "desk/stage/_exe_measures.html"


def context(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    board = board_of(folder)
    return {
        "solution": board,
        "cards": [c for c in board.cards if c.option.chosen],
        "signed_states": SIGNED,
        **measure_choices(folder),
    }


@stage_panel("execution")
@earlier_panel(_lazy("执行"), "execution", ("measures",))
def panel(request: HttpRequest, folder: Folder) -> tuple[str, dict[str, Any]] | None:
    case = folder.case
    of_round = {o.pk for o in rows(case, "options") if o.round == case.round}
    if case.stage != "execution" and not any(m.option_id in of_round for m in rows(case, "measures")):
        return None
    return "desk/stage/execution.html", context(request, folder)


def _shown(request: HttpRequest, case: Case, said: str, *also: str) -> HttpResponse:
    if case.stage == "resolution":
        from wenguo.web.desk import resolve

        return shown(request, case, [MEASURES, *also], resolve.context, said=said, anchor="exe-measures")
    return shown(request, case, [MEASURES, *also], context, said=said, anchor="exe-measures")


def _plan(given: Given) -> Plan:
    kind = given.choice("kind", _("措施种类"), Kind.values)
    what = given.text("what", _("措施内容"), most=2000)
    due = given.moment("due_at", _("完成期限"))
    if due is None:
        given.refuse("due_at", _("请填写完成期限"))
    owner = chosen_person(given, "owner", _("负责人"), optional=True)
    unit = chosen_unit(given, "unit", _("负责部门"), optional=True)
    amount = given.fen("amount", _("金额")) or 0
    given.check()
    assert due is not None
    return Plan(kind, what, due, owner, unit, amount)


def _consent(given: Given) -> Consent | None:
    """Who agreed to a change, when and over which channel; None where nothing was filled in."""
    if not given.raw("consent_by"):
        return None
    who = given.text("consent_by", _("同意人"), most=80)
    channel = given.choice("consent_channel", _("同意的渠道"), dict(channel_choices()))
    when = given.moment("consent_at", _("同意的时间"))
    if when is None:
        given.refuse("consent_at", _("请填写客户同意的时间"))
    given.check()
    assert when is not None
    return Consent(who, channel, when)


def _measure(case: Case, pk: int) -> Measure:
    measure: Measure = of_case(case.measures.select_related("option", "payment"), str(pk), _("措施"))
    measure.case = measure.option.case = case
    return measure


@desk
@require_POST
def plan(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """安排措施 of the option `pk`."""
    case = find_case(request, number)
    option = of_case(case.options.all(), str(pk), _("方案"))
    option.case = case
    execution.plan(option, _plan(Given(request.POST)), by=me(request), at=timezone.now())
    return _shown(request, case, _("措施已安排"))


@desk
@require_POST
def change(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    planned, consent = _plan(given), _consent(given)
    execution.change_measure(_measure(case, pk), planned, consent=consent, by=me(request), at=timezone.now())
    return _shown(request, case, _("措施已调整"))


@desk
@require_POST
def cancel(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    reason = given.text("reason", _("取消原因"), most=2000)
    given.check()
    execution.cancel_measure(_measure(case, pk), reason, consent=_consent(given), by=me(request), at=timezone.now())
    return _shown(request, case, _("措施已取消"))


@desk(permission="case.execute")
@require_POST
def complete(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """措施完成: proof in words, and a file of the case or a new one."""
    case = find_case(request, number)
    measure = _measure(case, pk)
    given = Given(request.POST)
    proof = given.text("proof", _("完成情况与证明"), most=5000)
    given.check()
    at, files = timezone.now(), files_of(request)
    with transaction.atomic():  # a refused completion leaves no file behind
        new = [attach(case, stored, by=me(request), at=at) for stored in files]
        chosen = given.raw("evidence")
        evidence = new[0] if new else of_case(case.evidence.all(), chosen, _("证据")) if chosen else None
        execution.complete(measure, proof, evidence=evidence, by=me(request), at=at)
    return _shown(request, case, _("措施已完成"), *(["desk/case/_evidence.html"] if new else []))


@desk(permission="case.pay")
@require_POST
def pay(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """登记付款. The key of the form makes a second press the same payment."""
    case = find_case(request, number)
    given = Given(request.POST)
    payee = given.text("payee", _("收款人"), most=80)
    amount = given.fen("amount", _("付款金额"))
    if amount is None:
        given.refuse("amount", _("请填写付款金额"))
    method = given.choice("method", _("付款方式"), payment.Method.values)
    reference = given.text("reference", _("凭证号"), most=80)
    agent_note = given.text("agent_note", _("代收授权"), most=200, optional=True)
    key = given.text("key", _("付款请求"), most=80)
    given.check()
    assert amount is not None
    payment.pay(
        _measure(case, pk), payee=payee, amount_fen=amount, method=method, reference=reference, key=key,
        agent_note=agent_note, by=me(request), at=timezone.now(),
    )  # fmt: skip
    return _shown(request, case, _("付款已登记"))


@act_form("carry_out", symbol="circle-check")
def carry_out(request: HttpRequest, folder: Folder, given: Given) -> str:
    execution.carry_out(folder.case, by=me(request), at=folder.at)
    return _("已执行完毕，请答复客户")


@desk(permission="case.print")
@require_GET
def print_plan(request: HttpRequest, number: str) -> HttpResponse:
    """客户投诉处理单 on paper."""
    case = find_case(request, number)
    head = head_office()
    folder = Folder(case, me(request), timezone.now())
    given = {
        "case": case, "folder": folder, "sheet": sheet.plan_sheet(case), "company": head.title if head else "",
        "rule_of": {r.id: r for r in in_force(folder.at).pack.approval.rules}, "in_words": in_words,
    }  # fmt: skip
    return page(request, "print/plan.html", given)
