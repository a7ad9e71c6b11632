"""调查: facts by 6W2H, checklists, 协查, causes, finding, report, and the end of the investigation. IV-1 … IV-9."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST
from markupsafe import Markup

from wenguo.cases import causes, drawing, inquiry, investigation, report
from wenguo.cases.case import Case, Liability
from wenguo.cases.causes import CauseNode
from wenguo.cases.evidence import Evidence
from wenguo.cases.investigation import CUSTOMER_SIDE, OUR_SIDE, Fact, Finding
from wenguo.cases.letters import head_office
from wenguo.errors import NotFound
from wenguo.policy.told import told
from wenguo.web.desk.common import (
    act_form,
    chosen_person,
    chosen_unit,
    earlier_panel,
    find_case,
    me,
    of_case,
    stage_panel,
)
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.stage_common import REASON, as_read, cause_choices, chip_of, people_and_units, shown, words_of
from wenguo.web.doors import desk, page
from wenguo.web.given import Given

HERE = "desk/stage/"
FACTS, CHECKS, REQUESTS, CAUSES, FINDING, REPORT = (
    f"{HERE}_inv_{name}.html" for name in ("facts", "checks", "requests", "causes", "finding", "report")
)


def context(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """What all sections of the investigation show."""
    case = folder.case
    board = investigation.board(case)
    facts = [f for a in board.aspects for f in a.facts]
    people, units = people_and_units(folder) if folder.can("ask") or folder.can("find") else ([], [])
    return {
        "board": board,
        "facts": facts,
        "said_by": [
            (_("客户陈述"), [f for f in facts if f.source in CUSTOMER_SIDE]),
            (_("工作人员陈述"), [f for f in facts if f.source in OUR_SIDE]),
        ],
        "sources": [(s.code, told(s.title)) for s in case.pack.sources],
        "source_words": {s.code: told(s.title) for s in case.pack.sources},
        "aspects": [(a.code, aspect_of(a)[0]) for a in board.aspects],
        "aspect_of": aspect_of,
        "states": words_of(Fact.State.choices),
        "files": [(str(e.pk), e.name) for e in folder.evidence],
        "request_chips": {r.pk: chip_of(folder, r.about) for r in board.requests},
        "heard": inquiry.is_heard,
        "asked_customer": next(
            (r for r in board.requests if r.to_customer and r.state == "open" and not inquiry.is_heard(r)), None
        ),
        "units": units,
        "people": [(pk, words) for pk, words in people if pk != str(me(request).pk)],
        "bones": [(b.code, told(b.title)) for b in case.pack.causes],
        "causes": cause_choices(case),
        "cause_words": told(case.pack.cause_title(case.cause)) if case.cause else "",
        "cause_title": case.pack.cause_title,
        "why_picture": Markup(board.why_picture),  # drawing.py escapes every word
        "fish_picture": Markup(board.fish_picture),
        "why_narrow": Markup(causes.why_picture(case, drawing.NARROW)),
        "fish_narrow": Markup(causes.fish_picture(case, drawing.NARROW)),
        "warned": {w.node.pk: w.words for w in board.warnings if w.node},
        "substantiated": words_of(Finding.Substantiated.choices),
        "liabilities": words_of(Liability.choices),
        "report": board.reports[0] if board.reports else None,
        "sections": report.sections(case, board.reports[0]) if board.reports else [],
    }


@stage_panel("investigation")
@earlier_panel(_lazy("调查"), "investigation", ("facts", "findings", "info_requests", "causes"))
def panel(request: HttpRequest, folder: Folder) -> tuple[str, dict[str, Any]] | None:
    """The whole investigation; in later stages only if there was one."""
    case = folder.case
    if case.stage != "investigation" and not folder.has("facts", "findings", "info_requests", "causes"):
        return None
    return f"{HERE}investigation.html", context(request, folder)


# Facts and checklists


def aspect_of(aspect: Any) -> tuple[str, str]:
    """何事：发生了什么 in the reader's language as (何事, 发生了什么); the second is empty where nothing follows."""
    head, _colon, rest = told(aspect.title).replace(": ", "：", 1).partition("：")
    return head, rest


@desk(permission="case.investigate")
@require_POST
def add_fact(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    aspect = given.text("aspect", _("方面"), most=40)
    text = given.text("text", _("事实"), most=5000)
    given.check()
    investigation.add_fact(
        case, aspect, text, source=given.raw("source"), evidence=_evidence(case, given),
        state=given.raw("state") or "open", key=given.ticked("key"), by=me(request), at=timezone.now(),
    )  # fmt: skip
    return shown(request, case, [FACTS, FINDING], context, said=_("事实已登记"), anchor="inv-facts")


@desk(permission="case.investigate")
@require_POST
def change_fact(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    fact: Fact = of_case(case.facts.all(), str(pk), _("事实"))
    fact.case = case
    given = Given(request.POST)
    changes = {
        "aspect": given.raw("aspect") or fact.aspect, "text": given.text("text", _("事实"), most=5000),
        "source": given.raw("source"), "evidence": _evidence(case, given), "state": given.raw("state") or fact.state,
        "key": given.ticked("key"),
    }  # fmt: skip
    given.check()
    fact.version = as_read(given, "fact_version", fact.version)
    investigation.change_fact(fact, by=me(request), at=timezone.now(), **changes)
    return shown(request, case, [FACTS, FINDING], context, said=_("事实已修改"), anchor="inv-facts")


def _evidence(case: Case, given: Given) -> Evidence | None:
    chosen = given.raw("evidence")
    found: Evidence | None = of_case(case.evidence.all(), chosen, _("证据")) if chosen else None
    return found


@desk(permission="case.investigate")
@require_POST
def tick(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    investigation.tick(
        case, given.raw("checklist"), given.raw("item"), done=given.ticked("done"),
        note=given.text("note", _("说明"), most=300, optional=True), by=me(request), at=timezone.now(),
    )  # fmt: skip
    return shown(request, case, [CHECKS], context, said="", anchor="inv-checks")


# 协查


@desk(permission="case.investigate")
@require_POST
def ask(request: HttpRequest, number: str) -> HttpResponse:
    """To a unit, or to a colleague when one is chosen."""
    case = find_case(request, number)
    given = Given(request.POST)
    question = given.text("question", _("要查明的问题"), most=5000)
    person = chosen_person(given, "person", _("同事"), optional=True)
    to = person or chosen_unit(given, "unit", _("部门或同事"))
    given.check()
    inquiry.ask(case, question, to=to, by=me(request), at=timezone.now())
    return shown(request, case, [REQUESTS], context, said=_("协查已发出"), anchor="inv-requests")


@desk(permission="case.investigate")
@require_POST
def ask_customer(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    questions = given.text("questions", _("想请客户补充什么"), most=6000)
    given.check()
    inquiry.ask_customer(
        case, questions.split("\n"), pause=given.ticked("pause"), by=me(request), at=timezone.now()
    )  # fmt: skip
    return shown(request, case, [REQUESTS], context, said=_("已请客户补充"), anchor="inv-requests")


@desk(permission="case.assist")
@require_POST
def supply(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    asked = of_case(case.info_requests.select_related("unit", "person"), str(pk), _("协查"))
    asked.case = case
    given = Given(request.POST)
    answer = given.text("answer", _("答复"), most=20_000)
    given.check()
    inquiry.supply(asked, answer, by=me(request), at=timezone.now())
    return shown(request, case, [REQUESTS], context, said=_("已答复协查"), anchor="inv-requests")


@desk(permission="case.investigate")
@require_POST
def cancel_request(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    asked = of_case(case.info_requests.select_related("unit", "person"), str(pk), _("协查"))
    asked.case = case
    given = Given(request.POST)
    reason = given.text("reason", _("取消原因"), most=2000)
    given.check()
    inquiry.cancel(asked, reason, by=me(request), at=timezone.now())
    return shown(request, case, [REQUESTS], context, said=_("协查已取消"), anchor="inv-requests")


# Causes


@desk(permission="case.investigate")
@require_POST
def add_cause(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    told = _cause(case, given)
    parent = of_case(case.causes.all(), given.raw("parent"), _("原因")) if given.raw("parent") else None
    given.check()
    causes.add_cause(case, parent=parent, bone=given.raw("bone"), by=me(request), at=timezone.now(), **told)
    return shown(request, case, [CAUSES], context, said=_("原因已登记"), anchor="inv-causes")


@desk(permission="case.investigate")
@require_POST
def change_cause(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    node = _node(case, pk)
    given = Given(request.POST)
    told = _cause(case, given)
    given.check()
    causes.change_cause(node, root=given.ticked("root"), by=me(request), at=timezone.now(), **told)
    return shown(request, case, [CAUSES], context, said=_("原因已修改"), anchor="inv-causes")


@desk(permission="case.investigate")
@require_POST
def remove_cause(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    causes.remove_cause(_node(case, pk), by=me(request), at=timezone.now())
    return shown(request, case, [CAUSES], context, said=_("原因已删除"), anchor="inv-causes")


def _node(case: Case, pk: int) -> CauseNode:
    node: CauseNode = of_case(case.causes.all(), str(pk), _("原因"))
    node.case = case
    return node


def _cause(case: Case, given: Given) -> dict[str, Any]:
    return {
        "text": given.text("text", _("原因"), most=1000),
        "evidence": given.text("evidence", _("依据"), most=1000, optional=True),
        "fact": of_case(case.facts.all(), given.raw("fact"), _("事实")) if given.raw("fact") else None,
        "verified": given.ticked("verified"),
        "weight": given.whole("weight", _("权重"), most=causes.HEAVIEST) or 0,
    }


@desk(permission="case.investigate")
@require_POST
def code_cause(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    code = given.text("cause", _("原因编码"), most=80)
    words = given.text("words", _("说明"), most=1000, optional=True)
    given.check()
    causes.code_cause(case, code, words=words, by=me(request), at=timezone.now())
    return shown(request, case, [CAUSES, FINDING], context, said=_("原因编码已登记"), anchor="inv-causes")


@desk(permission="case.print")
@require_GET
def print_causes(request: HttpRequest, number: str) -> HttpResponse:
    """5-why and fishbone on paper."""
    case = find_case(request, number)
    given = context(request, Folder(case, me(request), timezone.now()))
    return page(request, "print/causes.html", {"case": case, "company": _company(), **given})


# The finding


@desk(permission="case.find")
@require_POST
def find(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    substantiated = given.choice("substantiated", _("投诉是否属实"), Finding.Substantiated.values)
    liability = given.choice("liability", _("责任"), Liability.values)
    explanation = given.text("explanation", _("认定理由"), most=10_000)
    for_customer = given.text("for_customer", _("给客户的说明"), most=10_000, optional=True)
    unit = chosen_unit(given, "unit", _("责任部门"), optional=True)
    facts = list(case.facts.all())
    basis = given.choices("basis", _("依据的事实"), [str(f.pk) for f in facts])
    given.check()
    investigation.find(
        case, substantiated, liability, explanation, basis=[f for f in facts if str(f.pk) in basis], unit=unit,
        cause=given.raw("cause"), for_customer=for_customer, by=me(request), at=timezone.now(),
    )  # fmt: skip
    return shown(request, case, [FINDING, CAUSES, REPORT], context, said=_("责任认定已登记"), anchor="inv-finding")


# The report


@desk(permission="case.investigate")
@require_POST
def draft_report(request: HttpRequest, number: str) -> HttpResponse:
    case = find_case(request, number)
    report.draft_report(case, by=me(request), at=timezone.now())
    return shown(request, case, [REPORT], context, said=_("报告已按现有记录生成"), anchor="inv-report")


@desk(permission="case.investigate")
@require_POST
def edit_report(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    found = _report(case, pk)
    given = Given(request.POST)
    texts = {
        name: given.text(name, str(title), most=report.LIMIT, optional=True)
        for name, title in report.SECTIONS.items()
        if name in request.POST
    }
    given.check()
    found.version = as_read(given, "report_version", found.version)
    report.edit(found, texts, by=me(request), at=timezone.now())
    return shown(request, case, [REPORT], context, said=_("报告已保存"), anchor="inv-report")


@desk(permission="case.investigate")
@require_POST
def submit_report(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    report.submit(_report(case, pk), by=me(request), at=timezone.now())
    return shown(request, case, [REPORT], context, said=_("报告已提交审核"), anchor="inv-report")


@desk(permission="case.report_review")
@require_POST
def review_report(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    verdict = given.choice("verdict", _("审核结论"), ("approve", "return"))
    words = given.text("words", _("审核意见"), most=5000, optional=True)
    given.check()
    report.review(_report(case, pk), verdict == "approve", words, by=me(request), at=timezone.now())
    said = _("报告审核通过") if verdict == "approve" else _("报告已退回修改")
    return shown(request, case, [REPORT], context, said=said, anchor="inv-report")


def _report(case: Case, pk: int) -> report.Report:
    found: report.Report = of_case(case.reports.all(), str(pk), _("报告"))
    found.case = case
    return found


@desk(permission="case.print")
@require_GET
def print_report(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """投诉调查报告 on paper, this version."""
    case = find_case(request, number)
    found = case.reports.select_related("author", "reviewer").filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有找到这项{what}").format(what=_("报告")))
    folder = Folder(case, me(request), timezone.now())
    given = {
        "case": case, "folder": folder, "report": found, "sections": report.sections(case, found),
        "company": _company(),
    }  # fmt: skip
    return page(request, "print/report.html", given)


def _company() -> str:
    head = head_office()
    return head.title if head else ""


# The end: forms of the panel 「下一步」


@act_form("conclude", symbol="circle-check")
def conclude(request: HttpRequest, folder: Folder, given: Given) -> str:
    investigation.conclude(folder.case, by=me(request), at=folder.at)
    return _("调查完成，请拟定方案")


@act_form("skip", REASON, symbol="player-skip-forward")
def skip(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.text("reason", _("不需要调查的理由"), most=5000)
    given.check()
    investigation.skip(folder.case, reason, by=me(request), at=folder.at)
    return _("已免于调查，请拟定方案")


@act_form("back_to_investigation", REASON, symbol="corner-up-left")
def back_to_investigation(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.text("reason", _("退回的理由"), most=5000)
    given.check()
    investigation.back_to_investigation(folder.case, reason, by=me(request), at=folder.at)
    return _("已退回调查")
