"""/t/<token>/: the customer's page of one case: where it stands, who is responsible, what was said, what may be done.

Whoever holds the link speaks for the case's customer. Each act is an ordinary post that leads back to the page, which
says what was done. Source: PO-1, RS-7.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo.cases import acceptance, evidence, followup, handover, letters, links, resolution
from wenguo.cases.case import Case
from wenguo.cases.evidence import ALLOWED, Evidence
from wenguo.cases.followup import Survey
from wenguo.cases.lifecycle import why_not
from wenguo.cases.option import Answer, Option
from wenguo.cases.split import family
from wenguo.errors import Invalid, NotFound, NotNow, Overtaken, Refusal
from wenguo.journal import Event
from wenguo.spoken import counted
from wenguo.web.given import Given
from wenguo.web.portal import story
from wenguo.web.portal.common import again, case_of, door, fresh_key, once, private, show
from wenguo.web.portal.files import Brought, files_of
from wenguo.web.portal.home import terms

PAGE = "portal/progress.html"
OFFERED = ("message", "add_evidence", "remind", "withdraw", "consent")
Act = Callable[[Case, datetime], Any]


def _done_words(code: str) -> str:
    return {
        "heard": _("收到您的话了，负责的人会看到"),
        "reminded": _("已替您催办，负责的人会马上知道"),
        "withdrawn": _("已按您的意思撤回"),
        "answered": _("收到您的意见了，负责的人会据此重新考虑，再联系您"),
        "agreed": _("记下了：您同意这个方案。我们接着去办，办好会告诉您；要是点错了，请马上留言"),
        "higher": _("已经转给上级，您不必再重复说明"),
    }.get(code, "")


@door
def progress(request: HttpRequest, token: str) -> HttpResponseBase:
    at = now()
    case = case_of(token, links.TRACK, at=at)
    code = request.GET.get("done", "")
    context = {**_page(case, token, at=at), "done": _done_words(code), "done_code": code}
    return private(show(request, PAGE, context))


def _page(case: Case, token: str, *, at: datetime, brought: Brought | None = None) -> dict[str, Any]:
    """Everything the page shows; a fixed number of queries however much was said."""
    files = list(Evidence.objects.filter(case=case, public=True).order_by("pk"))
    clocks = list(case.clocks.filter(round=case.round, kind__in=("acknowledge", "respond", "solve")).order_by("pk"))
    survey = Survey.objects.filter(case=case, round=case.round).first()
    offers = resolution.shown_to_customer(case)
    waiting = story.waiting_for(case)
    head = letters.head_office()
    asked = survey is not None and survey.answered_at is None and at <= survey.until
    me = case.customer.current
    return {
        "case": case,
        "token": token,
        "once": fresh_key(),
        "journey": story.journey(case, clocks, survey, waiting, sum(o.waits for o in offers), at=at),
        "said": story.said(case, head.title if head else "", files),
        "files": files,
        "offers": offers,
        "may": {act: not why_not(case, act, by=me, at=at) for act in OFFERED},
        "responsible": _responsible(case, head),
        "taken_over_at": _taken_over_at(case),
        "survey_url": _survey_url(case, survey, at) if asked and survey else "",
        "brought": brought or Brought(),
        "together": list(family(case).filter(customer=case.customer_id)),
        "following": case.continued_by.values_list("number", flat=True).first(),
        "most_files": settings.UPLOAD_MAX_FILES,
        "most_mib": settings.UPLOAD_MAX_MIB,
        "accept": ",".join(dict.fromkeys(ext for extensions, _inline in ALLOWED.values() for ext in extensions)),
    }


def _responsible(case: Case, head: Any) -> dict[str, str]:
    """The one name a customer is given, and how to reach it."""
    person, unit = case.owner, case.unit or case.intake_unit
    if person is None and case.first_responsible is not None:  # until the department has signed, who took it in
        person, unit = case.first_responsible, case.intake_unit or case.unit
    phone = (person.phone if person else "") or (unit.phone if unit else "") or (head.phone if head else "")
    return {"name": person.name if person else "", "unit": unit.title if unit else "", "phone": phone}


def _taken_over_at(case: Case) -> datetime | None:
    """Since when the one in charge is, where the customer was told another name before; None: that is still true."""
    if case.owner_id is None or case.owner_id == case.first_responsible_id:
        return None
    events = Event.objects.filter(stream_id=case.stream_id, data__set__has_key="owner_id").order_by("-seq")
    since = None
    for owner, at in events.values_list("data__set__owner_id", "at"):
        if owner != case.owner_id:
            break
        since = at
    return since


def _survey_url(case: Case, survey: Survey, at: datetime) -> str:
    days = max(1, (survey.until - at).days + 1)
    return reverse("portal:survey", args=[links.make(case, links.SURVEY, at=at, days=days)])


# ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _do(request: HttpRequest, token: str, act: Act, said: str) -> HttpResponseBase:
    """Find the case, act once, and back to the page; a mistake shows the page again with what was typed."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("portal:progress", args=[token]))
    at = now()
    case = case_of(token, links.TRACK, at=at)
    try:
        _trying(request, case, act, at)
    except Refusal as refusal:
        fresh = case_of(token, links.TRACK, at=at)
        return private(again(request, refusal, PAGE, _page(fresh, token, at=at)))
    return HttpResponseRedirect(reverse("portal:progress", args=[token]) + f"?done={said}")


def _trying(request: HttpRequest, case: Case, act: Act, at: datetime) -> None:
    """A colleague may have been first by a moment; what the customer says holds all the same, so it is tried again."""
    for left in (2, 1, 0):
        try:
            once(request, case, lambda: act(case, at), at=at)
            return
        except Overtaken:
            if not left:
                raise
            case.refresh_from_db()


@door
def say(request: HttpRequest, token: str) -> HttpResponseBase:
    """A message, files, or both. Files that cannot be taken are named; the rest goes through when sent again."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("portal:progress", args=[token]))
    at = now()
    case = case_of(token, links.TRACK, at=at)
    brought = files_of(request) if why_not(case, "add_evidence", by=case.customer.current, at=at) == "" else Brought()
    text = Given(request.POST).raw("text")

    def act(case: Case, at: datetime) -> None:
        me = case.customer.current
        for stored in brought.stored:
            evidence.attach(case, stored, by=me, at=at, public=True)
        letters.hear(case, text or counted("（补充了 {n} 个文件）", len(brought.stored)), by=me, at=at)

    try:
        if brought.wrong:
            raise Invalid(_("有文件没有收下，原因写在下面；您写的话还在"), fields={"files": brought.wrong[0]})
        if not text and not brought.stored:
            raise Invalid(_("请写下要说的话，或者选择要补充的文件"), fields={"text": _("请写下要说的话")})
        _trying(request, case, act, at)
    except Refusal as refusal:
        page = _page(case_of(token, links.TRACK, at=at), token, at=at, brought=brought)
        return private(again(request, refusal, PAGE, page))
    return HttpResponseRedirect(reverse("portal:progress", args=[token]) + "?done=heard")


@door
def remind(request: HttpRequest, token: str) -> HttpResponseBase:
    words = Given(request.POST).raw("words")
    return _do(request, token, lambda c, at: handover.remind(c, words, by=c.customer.current, at=at), "reminded")


@door
def withdraw(request: HttpRequest, token: str) -> HttpResponseBase:
    given = Given(request.POST)

    def act(case: Case, at: datetime) -> None:
        reason = given.text("reason", _("撤回的原因"), most=2000)
        if not given.ticked("sure"):
            given.refuse("sure", _("请先勾选“我确认撤回”"))
        given.check()
        acceptance.withdraw(case, reason, by=case.customer.current, at=at)

    return _do(request, token, act, "withdrawn")


@door
def answer(request: HttpRequest, token: str, pk: int) -> HttpResponseBase:
    """The customer's word on an offer of theirs: accept, refuse, counter."""
    given = Given(request.POST)

    def act(case: Case, at: datetime) -> None:
        option = Option.objects.filter(case=case, offered_at__isnull=False, pk=pk).first()
        if option is None:
            raise NotFound(_("没有找到这个方案"))
        verdict = given.choice("verdict", _("同意、不同意或另提要求"), Answer.values)
        given.check()
        option.case = case
        words = given.raw(f"words-{pk}")
        try:
            resolution.answer(option, verdict, words, by=case.customer.current, at=at)
        except Invalid as wrong:
            raise Invalid(wrong.message, fields={f"words-{pk}": wrong.message}) from None

    return _do(request, token, act, "agreed" if given.raw("verdict") == Answer.ACCEPT else "answered")


@door
def disagree(request: HttpRequest, token: str) -> HttpResponseBase:
    """这样处理我不同意: what happens inside the company, what may be done outside, and the way there."""
    at = now()
    case = case_of(token, links.TRACK, at=at)
    context = {"case": case, "token": token, "once": fresh_key(), "waiting": case.outcome == "", **terms(at)}
    if request.method != "POST":
        return private(show(request, "portal/disagree.html", context))
    words = Given(request.POST).raw("words")
    gone: list[Case] = []

    def act(case: Case, at: datetime) -> None:
        gone.append(followup.take_higher(case, words, by=case.customer.current, at=at))

    try:
        _trying(request, case, act, at)
    except NotNow as refusal:
        return private(again(request, refusal, "portal/disagree.html", {**context, "shut": refusal.message}))
    except Refusal as refusal:
        return private(again(request, refusal, "portal/disagree.html", context))
    to = token if not gone or gone[-1].pk == case.pk else links.make(gone[-1], links.TRACK, at=at)
    return HttpResponseRedirect(reverse("portal:progress", args=[to]) + "?done=higher")
