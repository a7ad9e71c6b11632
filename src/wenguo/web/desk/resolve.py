"""方案: options side by side, the calculator, the ladder, the customer's word, override, the end. RS-1 … RS-11."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_http_methods, require_POST

from wenguo.cases import approval, override, resolution, sheet
from wenguo.cases.case import Case, rows
from wenguo.cases.evidence import attach
from wenguo.cases.investigation import finding_of
from wenguo.cases.option import CHANGEABLE, Answer, Option, goodwill_beside, goodwill_of
from wenguo.cases.quote import CRITERIA, Basis, Item, Kind, Quote, choices, quote
from wenguo.customers.customer import family_ids
from wenguo.errors import Invalid
from wenguo.policy.approval import ladder_for
from wenguo.policy.compensation import FACTS
from wenguo.policy.parts import ApprovalRule
from wenguo.policy.schema import Pack
from wenguo.policy.versions import in_force
from wenguo.spoken import counted
from wenguo.web.desk.common import act_form, earlier_panel, files_of, find_case, me, of_case, stage_panel
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.stage_common import REASON, channel_choices, chip_of, kept, measure_choices, shown, words_of
from wenguo.web.doors import again, by_htmx, desk, go, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

Goodwill = list[tuple[int, int, str, int]]
OPTIONS = "desk/stage/_res_options.html"
MEASURES = "desk/stage/_exe_measures.html"
FORM_PAGE = "desk/stage/option_page.html"


def board_of(folder: Folder) -> sheet.Board:
    """The board of the solution, read once for the panels of 方案 and 执行."""
    found: sheet.Board = kept(folder, "solution", lambda: sheet.board(folder.case, folder.at, folder.person))
    return found


def context(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    """What all sections of the solution show."""
    case = folder.case
    board = board_of(folder)
    pack = folder.pack_today

    def given() -> Goodwill:
        found: Goodwill = kept(folder, "goodwill", lambda: goodwill_of(case, folder.family, at=folder.at))
        return found

    return {
        "solution": board,
        "cards": board.cards,
        "ladders": {
            c.option.pk: _ladder(c.option, pack, given)
            for c in board.cards
            if case.stage == "resolution" and c.option.state in CHANGEABLE
        },
        "approve_chips": {s.step.pk: chip_of(folder, s.step.about) for c in board.cards for s in c.signatures},
        "asked": approval.awaiting_words(
            [s.step for c in board.cards for s in c.signatures if s.step.state == "waiting"]
        ),
        "override_chips": {o.pk: chip_of(folder, o.about) for c in board.cards for o in c.overrides},
        "rule_of": {r.id: r for r in pack.approval.rules},
        "role_title": pack.role_title,
        "changeable": CHANGEABLE,
        "principles": case.pack.compensation.principles,
        "excludes": case.pack.compensation.excludes,
        "override_needs": pack.approval.override.needs,
        "verdicts": words_of(Answer.choices),
        "channels": channel_choices(),
        "waived": {c.option.pk: c.waived for c in board.cards},
        "finding": finding_of(case),
        **measure_choices(folder),
    }


def _ladder(option: Option, pack: Pack, given: Callable[[], Goodwill]) -> list[ApprovalRule]:
    """Who will have to sign this option as it stands, with the customer's other goodwill counted, as `propose` asks."""
    amount = option.amount_fen
    if option.goodwill_fen:
        amount += goodwill_beside(option, given())
    return ladder_for(pack, option.case.level, amount, option.over_table)


@stage_panel("resolution")
@earlier_panel(_lazy("方案"), "resolution", ("options",))
def panel(request: HttpRequest, folder: Folder) -> tuple[str, dict[str, Any]] | None:
    case = folder.case
    if case.stage != "resolution" and not any(o.round == case.round for o in rows(case, "options")):
        return None
    return "desk/stage/resolution.html", context(request, folder)


# ── the calculator and the form of an option ──────────────────────────────────────────────────────────────────────


def form_context(case: Case, option: Option | None = None) -> dict[str, Any]:
    """What the form of an option needs: kinds, rows of the table with the facts each asks for, criteria."""
    lines = {line.kind: line for line in option.quote.lines} if option else {}
    return {
        "option": option,
        "kinds": words_of(Kind.choices),
        "rows": [
            (code, title, [(f, FACTS[f], f.endswith("_fen")) for f in needs]) for code, title, needs in choices(case)
        ],
        "given_lines": lines,
        "bases": words_of(Basis.choices),
        "criteria": CRITERIA,
        "tier": case.pack.tier_title(case.customer.current.tier),
        "order_fen": case.record.order_fen,
        "principles": case.pack.compensation.principles,
        "excludes": case.pack.compensation.excludes,
    }


def items_of(case: Case, given: Given) -> list[Item]:
    """The amounts of the form: a ticked row of the table with its facts, an own amount, basis and note."""
    items = []
    for code, title, needs in choices(case):
        if not given.ticked(f"item.{code}"):
            continue
        facts: dict[str, int] = {}
        for name in needs:
            field = f"item.{code}.{name}"
            label = str(FACTS[name])
            value = given.fen(field, label) if name.endswith("_fen") else given.whole(field, label, most=3660)
            if value is not None:
                facts[name] = value
        amount = given.fen(f"item.{code}.amount", _("「{title}」的金额").format(title=title))
        basis = given.choice(f"item.{code}.basis", _("金额的依据"), Basis.values, optional=True)
        note = given.text(f"item.{code}.note", _("备注"), most=200, optional=True)
        items.append(Item(code, facts, amount, basis, note))
    return items


def _draft(case: Case, given: Given) -> resolution.Draft:
    scores = {c.code: given.whole(f"score.{c.code}", str(c.title), least=1, most=5) for c in CRITERIA}
    draft = resolution.Draft(
        title=given.text("title", _("方案名称"), most=120),
        what=given.text("what", _("方案内容"), most=5000),
        kinds=given.choices("kinds", _("处理方式"), Kind.values),
        items=items_of(case, given),
        scores={k: v for k, v in scores.items() if v is not None},
        success=given.text("success", _("成功标准"), most=2000, optional=True),
        over_reason=given.text("over_reason", _("超出标准的理由"), most=2000, optional=True),
    )
    given.check()
    return draft


@desk(permission="case.propose")
@require_POST
def calculate(request: HttpRequest, number: str) -> HttpResponse:
    """The lines and the sum while somebody types; without script, as a small page. Nothing is kept."""
    case = find_case(request, number)
    given = Given(request.POST)
    items, wrong, sums = items_of(case, given), "", Quote(())
    try:
        given.check()
        sums = quote(case, items)
    except Invalid as refusal:
        wrong = "；".join(refusal.fields.values()) or refusal.message
    ladder: list[ApprovalRule] = []
    at = timezone.now()
    pack = in_force(at).pack
    if not wrong:
        trial = Option(
            case=case, amount_fen=sums.amount_fen, goodwill_fen=sums.goodwill_fen, over_table=sums.over_table
        )
        trial.case = case
        ladder = _ladder(trial, pack, lambda: goodwill_of(case, family_ids(case.customer), at=at))
    context = {"case": case, "sums": sums, "wrong": wrong, "ladder": ladder, "role_title": pack.role_title}
    if by_htmx(request):
        return render(request, "desk/stage/_res_sums.html", context)
    return page(request, "desk/stage/sums_page.html", context, here="queue")


@desk(permission="case.propose")
@require_http_methods(["GET", "POST"])
def new_option(request: HttpRequest, number: str) -> HttpResponse:
    """拟定方案: the form (GET), the option (POST)."""
    case = find_case(request, number)
    if request.method == "GET":
        return page(request, FORM_PAGE, {"case": case, **form_context(case)}, here="queue")
    try:
        resolution.draft_option(case, _draft(case, Given(request.POST)), by=me(request), at=timezone.now())
    except Invalid as refusal:
        return again(request, refusal, FORM_PAGE, {"case": case, **form_context(case)}, here="queue")
    return go(request, url("desk:case", case.number) + "#res-options", _("方案已保存为草拟"))


@desk(permission="case.propose")
@require_http_methods(["GET", "POST"])
def change_option(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """修改方案: the form with what stands there (GET), the change (POST)."""
    case = find_case(request, number)
    option = _option(case, pk)
    context = {"case": case, **form_context(case, option)}
    if request.method == "GET":
        return page(request, FORM_PAGE, context, here="queue")
    try:
        resolution.change_option(option, _draft(case, Given(request.POST)), by=me(request), at=timezone.now())
    except Invalid as refusal:
        return again(request, refusal, FORM_PAGE, context, here="queue")
    return go(request, url("desk:case", case.number) + "#res-options", _("方案已修改，须重新审批"))


def _option(case: Case, pk: int) -> Option:
    option: Option = of_case(case.options.all(), str(pk), _("方案"))
    option.case = case
    return option


def _shown(request: HttpRequest, case: Case, said: str) -> HttpResponse:
    return shown(request, case, [OPTIONS, MEASURES], context, said=said, anchor="res-options")


# ── comparing, asking for approval ────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.propose")
@require_POST
def choose(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    why = given.text("why", _("选定理由"), most=2000, optional=True)
    given.check()
    resolution.choose(_option(case, pk), why, by=me(request), at=timezone.now())
    return _shown(request, case, _("已选定"))


@desk(permission="case.propose")
@require_POST
def withdraw(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    given = Given(request.POST)
    reason = given.text("reason", _("撤下原因"), most=2000)
    given.check()
    resolution.withdraw(_option(case, pk), reason, by=me(request), at=timezone.now())
    return _shown(request, case, _("方案已撤下"))


@desk(permission="case.propose")
@require_POST
def propose(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    steps = approval.propose(_option(case, pk), by=me(request), at=timezone.now())
    return _shown(request, case, counted("已提交审批，共 {n} 步", len(steps)))


@desk(permission="case.override")
@require_POST
def override_option(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """越级审批, with its reason; the justification is owed from now on."""
    case = find_case(request, number)
    given = Given(request.POST)
    reason = given.text("reason", _("紧急情形"), most=5000)
    given.check()
    override.override(_option(case, pk), reason, by=me(request), at=timezone.now())
    return _shown(request, case, _("已越级处置，请在时限内补交书面说明"))


@desk(permission="case.override")
@require_POST
def justify(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """补交越级说明, with evidence of the case or new files."""
    case = find_case(request, number)
    rows = override.Override.objects.filter(option__case=case).select_related("option")
    found = of_case(rows, str(pk), _("越级处置"))
    found.option.case = case
    given = Given(request.POST)
    words = given.text("words", _("书面说明"), most=10_000)
    chosen = given.choices("evidence", _("证明材料"), [str(e.pk) for e in case.evidence.all()])
    given.check()
    at, files = timezone.now(), files_of(request)
    with transaction.atomic():  # a refused justification leaves no file behind
        proofs = list(case.evidence.filter(pk__in=[int(pk) for pk in chosen]))
        proofs += [attach(case, stored, by=me(request), at=at) for stored in files]
        override.justify(found, words, proofs, by=me(request), at=at)
    if request.POST.get("to") == "approvals":
        return go(request, url("desk:approvals"), _("越级说明已补交"))
    return _shown(request, case, _("越级说明已补交"))


# ── with the customer ─────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.propose")
@require_POST
def offer(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    case = find_case(request, number)
    resolution.offer(_option(case, pk), by=me(request), at=timezone.now())
    return _shown(request, case, _("已请客户确认"))


@desk(permission="case.propose")
@require_POST
def record_answer(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """What the customer said on the phone or at the counter about an offer."""
    case = find_case(request, number)
    given = Given(request.POST)
    verdict = given.choice("verdict", _("客户意见"), Answer.values)
    words = given.text("words", _("客户原话"), most=5000, optional=True)
    channel = given.choice("channel", _("渠道"), dict(channel_choices()))
    given.check()
    resolution.answer(_option(case, pk), verdict, words, by=me(request), at=timezone.now(), channel=channel)
    return _shown(request, case, _("客户意见已登记"))


# ── the end: forms of the panel 「下一步」 ──────────────────────────────────────────────────────────────────────────


@act_form("settle", symbol="circle-check")
def settle(request: HttpRequest, folder: Folder, given: Given) -> str:
    resolution.settle(folder.case, by=me(request), at=folder.at)
    return _("方案已确定，开始执行")


@act_form("back_to_resolution", REASON, symbol="corner-up-left")
def back_to_resolution(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.text("reason", _("退回的理由"), most=5000)
    given.check()
    resolution.back_to_resolution(folder.case, reason, by=me(request), at=folder.at)
    return _("已退回方案")
