"""回访: whom to call next, the call itself, what the customer said, and what follows from it. FU-1 … FU-4."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import followup
from wenguo.cases.case import rows
from wenguo.cases.clock import Clock
from wenguo.cases.followup import Attempt, FollowUp
from wenguo.customers.masking import mask_name, mask_phone
from wenguo.policy.told import told
from wenguo.spoken import counted
from wenguo.web.desk.common import act_form, earlier_panel, find_case, me, of_case, stage_panel
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.listing import share_gone
from wenguo.web.desk.stage_common import REASON, chip_of, shown, yes_no
from wenguo.web.doors import desk, may, page
from wenguo.web.given import Given

CALLS = "desk/stage/_fol_calls.html"
AT_ONCE = 40  # call-backs shown without unfolding; a fold of one or two is not worth a tap


@desk
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Call-backs this person may make, the nearest due first."""
    at, person = timezone.now(), me(request)
    calls_due = followup.due_for(person, at) if may(person, "case.followup") else []
    found = Clock.objects.live().filter(kind="followup", about__in=[r.about for r in calls_due])
    clocks = {about: (due, begun) for about, due, begun in found.values_list("about", "due_at", "started_at")}
    clear = bool(person.sees_personal(at))
    calls = []
    for row in calls_due:
        r = row.case.record
        due, begun = clocks.get(row.about, (None, at))
        calls.append({
            "row": row, "title": told(followup.step_of(row).title), "due_at": due,
            "used": share_gone(begun, due, at),
            "name": r.contact_name if clear else mask_name(r.contact_name),
            "phone": r.contact_phone if clear else mask_phone(r.contact_phone),
        })  # fmt: skip
    calls.sort(key=lambda c: (c["due_at"] is None, c["due_at"] or at))
    cut = AT_ONCE if len(calls) > AT_ONCE + 2 else len(calls)
    context = {"calls": calls[:cut], "rest": calls[cut:], "permitted": may(person, "case.followup")}
    return page(request, "desk/stage/followups.html", context, here="followups", follow=["queue"])


def context(request: HttpRequest, folder: Folder) -> dict[str, Any]:
    case = folder.case
    plan = case.pack.followup
    planned = [f for f in rows(case, "followups") if f.round == case.round]
    prefetch_related_objects(planned, Prefetch("attempts", Attempt.objects.select_related("by")))
    survey = case.surveys.filter(round=case.round).first() if folder.has("surveys") else None
    steps = {s.step: s for s in plan.steps}
    ahead = [s for s in plan.steps if s.step not in {r.step for r in planned if r.state != FollowUp.State.CANCELLED}]
    return {
        "calls": [(row, steps.get(row.step), chip_of(folder, row.about)) for row in planned],
        "ahead": ahead,
        "role_title": case.pack.role_title,
        "call_channels": [(c, told(case.pack.channel_title(c))) for c in plan.channels],
        "own": case.owner_id == me(request).pk,
        "survey": survey,
        "survey_answers": _answers(survey, plan.survey) if survey and survey.answered_at else [],
        "duly": plan.duly_attempted,
        "unhappy_steps": plan.unhappy,
        "unhappy": followup.UNHAPPY in case.flags,
    }


def _answers(survey: followup.Survey, questions: Any) -> list[tuple[str, str]]:
    """What the customer answered, question by question, in words."""
    told = []
    for q in questions:
        if q.measure == "solved":
            value = "" if survey.solved is None else q.high_words if survey.solved else q.low_words
        elif q.measure == "text":
            value = survey.words
        else:
            number = getattr(survey, q.measure) if q.measure in {"csat", "nps", "ces"} else survey.scores.get(q.code)
            value = "" if number is None else counted("{n} 分（{low} 到 {high}）", number, low=q.low, high=q.high)
        if value:
            told.append((q.text, value))
    return told


@stage_panel("followup", "closed")
@earlier_panel(_lazy("回访"), "followup", ("followups", "surveys"))
def panel(request: HttpRequest, folder: Folder) -> tuple[str, dict[str, Any]] | None:
    given = context(request, folder)
    if folder.case.stage != "followup" and not (given["calls"] or given["survey"]):
        return None
    return "desk/stage/followup.html", given


@desk(permission="case.followup")
@require_POST
def call(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """One call-back: reached or not, and what came of it."""
    case = find_case(request, number)
    found: FollowUp = of_case(case.followups.all(), str(pk), _("回访"))
    found.case = case
    given = Given(request.POST)
    reached = given.choice("reached", _("是否接通"), ("yes", "no"))
    channel = given.choice("channel", _("方式"), case.pack.followup.channels)
    words = given.text("words", _("客户原话"), most=5000, optional=True)
    given.check()
    done = followup.call_back(
        found, reached=reached == "yes", channel=channel, solved=yes_no(given, "solved"),
        recurred=yes_no(given, "recurred"), content=yes_no(given, "content"), words=words,
        by=me(request), at=timezone.now(),
    )  # fmt: skip
    if reached == "no":
        said = _("已记下一次未接通") if done.state == FollowUp.State.PLANNED else _("已尽力联系，本次回访结束")
    else:
        said = _("回访已登记")
    return shown(request, case, [CALLS], context, said=said, anchor="fol-calls")


@act_form("reassess", REASON, symbol="rotate")
def reassess(request: HttpRequest, folder: Folder, given: Given) -> str:
    reason = given.text("reason", _("客户为什么不满意"), most=5000)
    given.check()
    followup.reassess(folder.case, reason, by=me(request), at=folder.at)
    return _("已退回方案，请优先重新办理")
