"""待审批, phone first: what waits for my signature, a page to sign it, the justifications still owed. RS-8, RS-9."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import approval, override, reply, sheet
from wenguo.cases.approval import Approval
from wenguo.cases.budget import budget_for
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock
from wenguo.cases.lifecycle import ACTS
from wenguo.cases.reply import ReplyReview
from wenguo.cases.report import Report
from wenguo.customers.masking import mask_name
from wenguo.errors import NotFound
from wenguo.insight.awards import Awards, past_awards
from wenguo.policy.versions import in_force
from wenguo.text.amounts import in_words
from wenguo.web.desk.common import RELATED, me
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.listing import share_gone
from wenguo.web.doors import desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

MOST = 200
DOTS = 60  # more amounts than this are told by their range alone
_SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]?")


def two_sentences(text: str, most: int = 160) -> str:
    """The first two sentences of a story on one line."""
    told = "".join(_SENTENCE.findall(" ".join(text.split()))[:2]).strip()
    return told if len(told) <= most else told[: most - 1] + "…"


@desk
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """Everything that waits for this person: approvals, replies, reports, and justifications owed on cases they see."""
    at, person = timezone.now(), me(request)
    pack = in_force(at).pack
    steps = approval.waiting_for(person, at)
    replies = reply.waiting_for(person, at)
    owed: list[override.Override] = []
    if may(person, "case.override"):
        visible = Case.objects.visible_to(person, at)
        owed = list(override.owed_overrides().filter(option__case__in=visible)[:MOST])
    clocks = _clocks(steps, replies, owed, at)
    context = {
        "steps": sorted(steps, key=lambda step: _soonest(step, clocks)),
        "clocks": clocks,
        "asked": approval.awaiting_words(steps),
        "replies": replies,
        "reports": _reports(person, at),
        "owed": owed,
        "role_title": pack.role_title,
        "why_review": {gate.id: gate.because for gate in pack.approval.reply_gates},
    }
    return page(request, "desk/stage/approvals.html", context, here="approvals", follow=["queue"])


Clocks = dict[str, tuple[datetime, float]]


def _clocks(
    steps: Sequence[Approval], replies: Sequence[ReplyReview], owed: Sequence[override.Override], at: datetime
) -> Clocks:
    """When each of these is due and how much of its time is gone, by what it is about. A reply has the nearest promise
    of its case. One query."""
    of_reply = {r.reply.case_id: f"review:{r.pk}" for r in replies}
    own = Q(kind__in=("approve", "override"), about__in=[s.about for s in steps] + [o.about for o in owed])
    running = Clock.objects.running().filter(own | Q(case__in=list(of_reply))).order_by("-due_at")
    found: Clocks = {}
    for case, about, since, due in running.values_list("case", "about", "started_at", "due_at"):
        assert due is not None  # a running clock has one
        told = due, share_gone(since, due, at)
        found[about] = told
        if case in of_reply:  # the nearest comes last
            found[of_reply[case]] = told
    return found


def _soonest(step: Approval, clocks: Clocks) -> tuple[bool, float, int]:
    due = clocks[step.about][0].timestamp() if step.about in clocks else 0.0
    return not due, due, step.pk


def _reports(person: Any, at: Any) -> list[Report]:
    """Reports this person may sign: submitted on cases they see, none they wrote in."""
    if not may(person, "case.report_review"):
        return []
    visible = Case.objects.visible_to(person, at).filter(stage__in=ACTS["review_report"].stages)
    rows = Report.objects.filter(state=Report.State.SUBMITTED, case__in=visible).exclude(writers__contains=[person.pk])
    return list(rows.exclude(author=person).select_related("case", "author").order_by("submitted_at")[:MOST])


def _step(request: HttpRequest, pk: int) -> Approval:
    at = timezone.now()
    steps = Approval.objects.filter(option__case__in=Case.objects.visible_to(me(request), at), pk=pk)
    related = ("option__submitted_by", "option__drafted_by", "decided_by", *(f"option__case__{r}" for r in RELATED))
    found: Approval | None = steps.select_related("proposed_by", "unit", *related).first()
    if found is None:
        raise NotFound(_("没有找到这项审批，或者它不在您可以查看的范围内"))
    return found


@desk
@require_GET
def step(request: HttpRequest, pk: int) -> HttpResponse:
    """One step: amount large and in words, the matter, the finding, table against proposal, evidence, buttons."""
    found = _step(request, pk)
    at, option, case = timezone.now(), found.option, found.option.case
    folder = Folder(case, me(request), at)
    signatures = sheet.signatures(option, at, me(request))
    mine = next((s for s in signatures if s.step.pk == found.pk), None)
    customer = case.record.contact_name or case.customer.name
    pack = in_force(at).pack
    rule = next((r for r in pack.approval.rules if r.id == found.rule), None)
    awards = past_awards(case, at)
    context = {
        "step": found, "option": option, "case": case, "folder": folder, "signatures": signatures,
        "may_decide": bool(mine and mine.may_decide),
        "why_not": folder.why_not("approve"),
        "in_words": in_words(option.amount_fen),
        "customer": customer if folder.sees_personal else mask_name(customer),
        "story": two_sentences(case.record.description or case.subject),
        "finding": case.findings.filter(round=case.round).select_related("unit").first(),
        "lines": option.quote.lines, "evidence": folder.evidence, "rule": rule,
        "role": pack.role_title(found.role),
        "extra_fen": option.ladder_fen - option.amount_fen,
        "awards": awards, "bar": bar(awards, option.amount_fen), "place": awards.place(option.amount_fen),
        "talk": approval.talk(found), "budget": budget_for(option, at) if option.amount_fen else None,
        "blocks": pack.approval.over_budget == "block",
        "mine": me(request).pk in {option.drafted_by_id, option.submitted_by_id, case.owner_id},
    }  # fmt: skip
    return page(request, "desk/stage/approval.html", context, here="approvals")


@desk(permission="case.approve")
@require_POST
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """同意, 退回 or 询问. Tapped twice by the same person it is decided once."""
    found = _step(request, pk)
    given = Given(request.POST)
    verdict = given.choice("verdict", _("审批结论"), ("approve", "return", "ask"))
    words = given.text("words", _("审批意见"), most=2000, optional=True)
    given.check()
    device = request.headers.get("User-Agent", "")[:120]
    if verdict == "approve":
        approval.approve(found, words, by=me(request), at=timezone.now(), device=device)
        return go(request, url("desk:approvals"), _("已同意「{title}」").format(title=found.option.title))
    if verdict == "ask":
        approval.question(found, words, by=me(request), at=timezone.now())
        return go(request, url("desk:approval", pk), _("已询问提出人，答复后会通知您；这一步仍等您签"))
    approval.return_(found, words, by=me(request), at=timezone.now(), device=device)
    return go(request, url("desk:approvals"), _("已退回「{title}」").format(title=found.option.title))


@desk
@require_POST
def explain(request: HttpRequest, pk: int) -> HttpResponse:
    """答复询问: what those who proposed it say to whoever asked."""
    found = _step(request, pk)
    given = Given(request.POST)
    words = given.text("words", _("答复"), most=5000)
    given.check()
    approval.explain(found, words, by=me(request), at=timezone.now())
    return go(request, url("desk:approval", pk), _("已答复，审批人会收到通知"))


def bar(awards: Awards, fen: int) -> dict[str, Any]:
    """The range as a picture 1000 wide: where the amounts lie, the usual range, the middle, and this one."""
    most = max([fen, *awards.fen, 1])
    x = [20 + f * 960 // most for f in awards.fen]
    low, high = (20 + f * 960 // most for f in awards.span) if awards.span else (0, 0)
    middle = 20 + awards.median * 960 // most if awards.median is not None else None
    dots = sorted(set(x)) if len(x) <= DOTS else []
    return {"dots": dots, "low": low, "high": high, "middle": middle, "here": 20 + fen * 960 // most, "most": most}


@desk
@require_GET
def owed(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one owed justification."""
    at = timezone.now()
    rows = override.owed_overrides().filter(option__case__in=Case.objects.visible_to(me(request), at))
    found = rows.filter(pk=pk).first()
    if found is None:
        raise NotFound(_("没有这项待补交的越级说明"))
    folder = Folder(found.option.case, me(request), at)
    context = {
        "v": found, "case": found.option.case, "folder": folder, "to": "approvals",
        "files": [(str(e.pk), e.name) for e in folder.evidence],
        "override_needs": in_force(at).pack.approval.override.needs,
    }  # fmt: skip
    if request.headers.get("HX-Request") == "true":
        return render(request, "desk/stage/_justify.html", context)
    return page(request, "desk/stage/owed.html", context, here="approvals")
