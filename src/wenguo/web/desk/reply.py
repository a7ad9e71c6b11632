"""回复: the composer with five parts, remarks beside them while one writes, releases, sending. RP-1 … RP-6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import reply
from wenguo.cases.case import Case, rows
from wenguo.cases.reply import CHANNELS, PARTS, Reply, ReplyReview
from wenguo.errors import Invalid, NotFound
from wenguo.policy.approval import reply_gates
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.desk.common import RELATED, act_form, earlier_panel, find_case, frame, me, of_case, stage_panel
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.stage_common import shown, words_of
from wenguo.web.doors import by_htmx, desk, go, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

COMPOSER = "desk/stage/_rep_composer.html"


def context(request: HttpRequest, folder: Folder, template: str = "") -> dict[str, Any]:
    """The composer with the draft, or with a template just chosen filled from the case."""
    case, pack = folder.case, folder.pack_today
    replies = rows(case, "replies")
    prefetch_related_objects(replies, Prefetch("reviews", ReplyReview.objects.select_related("by", "in_name_of")))
    draft = next((r for r in replies if r.state != Reply.State.SENT), None)
    parts = reply.scaffold(case, template, at=folder.at) if template else draft.parts if draft else {}
    trial = _trial(case, parts, template or (draft.template if draft else ""), at=folder.at)
    trial.channel = draft.channel if draft else "mail"
    trial.admission = bool(draft and draft.admission)
    trial.subject = draft.subject if draft else ""
    return {
        "draft": draft,
        "writing": trial,
        "parts": PARTS,
        "part_words": parts,
        "chosen_template": template or (draft.template if draft else ""),
        "freshly_filled": bool(template),
        "templates": [(t.id, told(t.title)) for t in reply.templates(case)],
        "remarks": _by_part(trial) if any(parts.values()) else {},
        "advice": [(c, CHANNELS.get(c) or _channel(case, c), why) for c, why in reply.advice(case)],
        "reply_channels": words_of(CHANNELS.items()),
        "needed": reply_gates(pack, case.level, case.channel, trial.admission),
        "sent": [r for r in replies if r.state == Reply.State.SENT],
        "role_title": pack.role_title,
    }


def _channel(case: Case, code: str) -> str:
    return next((told(c.title) for c in case.pack.channels if c.code == code), code)


def _trial(case: Case, parts: Mapping[str, str], template: str, *, at: Any) -> Reply:
    """The words as they stand in the form, not kept: what the remarks are made from."""
    trial = Reply(case=case, round=case.round, parts=dict(parts), template=template)
    known = {t.id for t in reply.templates(case)}
    trial.unchanged = template in known and trial.parts == reply.scaffold(case, template, at=at)
    return trial


def _by_part(trial: Reply) -> dict[str, list[reply.Remark]]:
    found: dict[str, list[reply.Remark]] = {}
    for remark in reply.remarks(trial):
        found.setdefault(remark.part, []).append(remark)
    return found


@stage_panel("reply")
@earlier_panel(_lazy("答复"), "reply", ("replies",))
def panel(request: HttpRequest, folder: Folder) -> tuple[str, dict[str, Any]] | None:
    given = context(request, folder)
    if folder.case.stage != "reply" and not (given["draft"] or given["sent"]):
        return None
    return "desk/stage/reply.html", given


@desk(permission="case.reply")
@require_GET
def compose(request: HttpRequest, number: str) -> HttpResponse:
    """The composer alone, with `?template=` filled in; by htmx it replaces the one on the case page."""
    case = find_case(request, number)
    template = request.GET.get("template", "")
    if template and template not in {t.id for t in reply.templates(case)}:
        raise Invalid(_("请选择答复模板"), fields={"template": _("请选择答复模板")})
    folder = Folder(case, me(request), timezone.now())
    given = {**frame(request, folder), **context(request, folder, template)}
    if by_htmx(request):
        return render(request, COMPOSER, given)
    return page(request, "desk/stage/reply_page.html", given, here="queue")


def _words(given: Given) -> dict[str, str]:
    return {p: given.text(p, str(title), most=8000, optional=True) for p, title in PARTS.items()}


@desk(permission="case.reply")
@require_POST
def remarks(request: HttpRequest, number: str) -> HttpResponse:
    """What is missing or unwise in the words as they stand, part by part, and how the customer will see them."""
    case = find_case(request, number)
    given = Given(request.POST)
    parts, subject = _words(given), given.raw("subject")
    trial = _trial(case, parts, given.raw("template"), at=timezone.now())
    trial.subject = subject
    context = {"case": case, "parts": PARTS, "remarks": _by_part(trial), "writing": trial}
    if by_htmx(request):
        return render(request, "desk/stage/_rep_remarks.html", context)
    return page(request, "desk/stage/remarks_page.html", context, here="queue")


@desk(permission="case.reply")
@require_POST
def keep(request: HttpRequest, number: str) -> HttpResponse:
    """Keep the draft; with `submit` pressed, ask for the releases it needs."""
    case = find_case(request, number)
    given = Given(request.POST)
    parts = _words(given)
    subject = given.text("subject", _("标题"), most=120, optional=True)
    channel = given.choice("channel", _("答复方式"), CHANNELS)
    template = given.choice("template", _("答复模板"), {t.id for t in reply.templates(case)}, optional=True)
    given.check()
    at = timezone.now()
    draft = reply.draft_reply(
        case, parts, subject=subject, template=template, channel=channel, admission=given.ticked("admission"),
        by=me(request), at=at,
    )  # fmt: skip
    if not given.ticked("submit"):
        return _shown(request, case, _("草稿已保存"))
    try:
        needed = reply.submit_reply(draft, by=me(request), at=at)
    except Invalid as refusal:  # the draft stays kept
        refusal.message = _("草稿已保存，但还不能提交。{why}").format(why=refusal.message)
        raise
    return _shown(request, case, _("已提交审核") if needed else _("无须审核，可以发送"))


@desk
@require_POST
def review(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Release a reply, or send it back with a reason."""
    case = find_case(request, number)
    reviews = ReplyReview.objects.filter(reply__case=case).select_related("reply")
    found: ReplyReview = of_case(reviews, str(pk), _("审核"))
    found.reply.case = case
    given = Given(request.POST)
    verdict = given.choice("verdict", _("审核结论"), ("release", "return"))
    reason = given.text("reason", _("审核意见"), most=2000, optional=True)
    given.check()
    reply.review_reply(found, verdict == "release", reason, by=me(request), at=timezone.now())
    said = _("答复已放行") if verdict == "release" else _("答复已退回")
    if request.POST.get("to") == "approvals":
        return go(request, url("desk:approvals"), said)
    return _shown(request, case, said)


@desk
@require_GET
def review_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One reply to release, phone first: the words as the customer will see them, and the buttons."""
    at = timezone.now()
    visible = Case.objects.visible_to(me(request), at)
    reviews = ReplyReview.objects.filter(reply__case__in=visible, pk=pk)
    found = reviews.select_related("reply__author", "by", *(f"reply__case__{r}" for r in RELATED)).first()
    if found is None:
        raise NotFound(_("没有找到这项审核，或者它不在您可以查看的范围内"))
    case = found.reply.case
    folder = Folder(case, me(request), at)
    act = "legal_review" if found.role == "legal" else "review_reply"
    context = {
        "review": found, "reply": found.reply, "case": case, "folder": folder, "remarks": reply.remarks(found.reply),
        "why_not": folder.why_not(act), "role": in_force(at).pack.role_title(found.role), "parts": PARTS,
        "mine": found.released is None
        and any((w.reply_id, w.role) == (found.reply_id, found.role) for w in reply.waiting_for(me(request), at)),
    }  # fmt: skip
    return page(request, "desk/stage/review.html", context, here="approvals")


def _shown(request: HttpRequest, case: Case, said: str) -> HttpResponse:
    return shown(request, case, [COMPOSER], context, said=said, anchor="reply-composer")


@act_form("answer", symbol="send")
def answer(request: HttpRequest, folder: Folder, given: Given) -> str:
    reply.answer(folder.case, by=me(request), at=folder.at)
    return _("已答复客户，回访已安排")
