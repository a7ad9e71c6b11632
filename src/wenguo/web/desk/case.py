"""The case page: what is next, is anything wrong? And the one door for all acts that have a form of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from markupsafe import Markup

from wenguo.cases import clock as clocks
from wenguo.cases import notice, presence
from wenguo.cases.case import Case, record
from wenguo.cases.clock import Clock
from wenguo.cases.lifecycle import ACTS
from wenguo.customers import privacy
from wenguo.errors import Invalid, NotFound, Refusal
from wenguo.people.actor import permit
from wenguo.web.desk.common import (
    Done,
    again,
    case_again,
    case_panels,
    earlier_panels,
    find_case,
    form_of,
    frame,
    me,
    middle,
    of_case,
    past,
    rendered,
)
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.timeline import FILTERS, timeline
from wenguo.web.doors import by_htmx, desk, go, page, panels
from wenguo.web.given import Given
from wenguo.web.jinja import url

TABS = ("say", "note", "call")


@desk
@require_GET
def show(request: HttpRequest, number: str) -> HttpResponse:
    return case_page(request, find_case(request, number))


def case_page(request: HttpRequest, case: Case, *, status: int = 200, **more: Any) -> HttpResponse:
    """The whole page. `more` may hold `act` (the form opened in 下一步), `revealed`, `refusal` and `typed`."""
    folder = Folder(case, me(request), timezone.now()).keep()
    show_ = request.GET.get("show", "")
    story = timeline(folder, show_ if show_ in FILTERS else "", before=_before(request))
    tab = request.GET.get("tab", "")
    context = {
        **frame(request, folder),
        **middle(request, folder),
        "story": story,
        "earlier_only": _before(request) is not None,
        "show": show_,
        "filters": FILTERS,
        "tab": tab if tab in TABS else "",
        **more,
    }
    return page(request, "desk/case/page.html", context, here="queue", follow=[f"case:{case.number}"], status=status)


@desk
@require_GET
def story(request: HttpRequest, number: str) -> HttpResponse:
    """The timeline alone, for its filters and for live changes; without htmx the page."""
    case = find_case(request, number)
    if not by_htmx(request):
        return case_page(request, case)
    folder = Folder(case, me(request), timezone.now()).keep()
    show_ = request.GET.get("show", "")
    before = _before(request)
    told = timeline(folder, show_ if show_ in FILTERS else "", before=before)
    context = {**frame(request, folder), "story": told, "show": show_, "filters": FILTERS, "anew": True}
    if before is not None:
        return render(request, "desk/case/_timeline_lines.html", context)
    to = url("desk:case", case.number)
    return panels(request, "desk/case/_timeline.html", "desk/case/_letter.html", context=context, to=to)


def _before(request: HttpRequest) -> int | None:
    """Where in the story to go on, for what is earlier."""
    written = request.GET.get("before", "")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 10 else None


@desk
@require_GET
def part(request: HttpRequest, number: str, stage: str) -> HttpResponse:
    """What an earlier stage left behind: unfolded on the case page by htmx, else a page of its own."""
    case = find_case(request, number)
    folder = Folder(case, me(request), timezone.now()).keep()
    if stage not in {s for s, _title in past(folder)}:
        raise NotFound(_("这一步没有留下内容"))
    title, _has, panel = earlier_panels[stage]
    html = rendered(request, folder, panel)
    if by_htmx(request):
        return HttpResponse(html or Markup('<p class="quiet">{}</p>').format(_("这一轮没有内容")))
    return page(request, "desk/case/part.html", {**frame(request, folder), "title": title, "html": html}, here="queue")


@desk
@require_http_methods(["GET", "POST"])
def act(request: HttpRequest, number: str, name: str) -> HttpResponse:
    """The form of one act (GET), or the act itself (POST)."""
    form = form_of(name)
    case = find_case(request, number)
    folder = Folder(case, me(request), timezone.now())
    if request.method == "GET":
        return _form(request, folder, form)
    before = case.stage, case.owner_id
    given = Given(request.POST)
    try:
        answer = form.do(request, folder, given)
    except Invalid as refusal:
        if by_htmx(request):
            raise
        return _form(request, Folder(again(case), me(request), timezone.now()), form, refusal)
    done = answer if isinstance(answer, Done) else Done(answer)
    if done.to:
        return go(request, done.to, done.said)
    alone = urlsplit(request.headers.get("HX-Current-URL", "")).path == request.path  # its page has no panels to renew
    moved = (case.stage, case.owner_id) != before  # the panels in the middle are others, and another tab comes first
    if moved or not by_htmx(request) or name in _WHOLE_PAGE or alone:
        return case_again(request, case, done.said)
    opened = (
        ["desk/case/_act_done.html"] if form.template and not request.POST.get("one_tap") else []
    )  # a button opened no form
    return case_panels(
        request,
        case,
        *opened,
        "desk/case/_record.html",
        context={"filters": FILTERS},
        said=done.said,
    )


_WHOLE_PAGE = frozenset({"convert", "unjoin", "merge", "change_record", "split"})


def _form(request: HttpRequest, folder: Folder, form: Any, refusal: Refusal | None = None) -> HttpResponse:
    why = folder.why_not(form.name) or (form.why(folder) if form.why else "")
    given = form.context(request, folder) if form.context and not why else {}
    act = ACTS[form.name]
    context = {
        **frame(request, folder),
        **given,
        "form_template": form.template,
        "form_name": form.name,
        "form_title": form.words,
        "form_why": why,
        "form_symbol": form.symbol,
        "form_danger": form.danger,
        "act": act,
    }
    if refusal is not None:
        context |= {"refusal": refusal, "typed": request.POST}
    if by_htmx(request):
        return render(request, "desk/case/_act.html", context)
    status = refusal.status if refusal else 200
    return page(request, "desk/case/act.html", context, here="queue", status=status)


# ── who else is looking ───────────────────────────────────────────────────────────────────────────────────────────


@desk
@require_POST
def watching(request: HttpRequest, number: str) -> HttpResponse:
    """The heartbeat of an open page; answers with who else has the case open. `opened`: the first one, so what the bell
    says of this case has been seen; `gone`: the page is being shut.
    """
    case, person = find_case(request, number), me(request)
    if "gone" in request.POST:
        presence.leave(case, by=person)
        return HttpResponse(status=204)
    if "opened" in request.POST:
        notice.read(person, at=timezone.now(), case=case)
    others = presence.watch(case, by=person, at=timezone.now(), writing="writing" in request.POST)
    return render(request, "desk/case/_watching.html", {"others": others})


# ── clocks that explain themselves ────────────────────────────────────────────────────────────────────────────────


@desk
@require_GET
def clock(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Why a promise is due when it is: its rule, and the stretches that count, do not count, or were paused."""
    case = find_case(request, number)
    found: Clock = of_case(case.clocks.all(), str(pk), _("时限"))
    found.case = case
    folder = Folder(case, me(request), timezone.now())
    chip = next((c for c in folder.clocks if c.clock.pk == found.pk), None) or folder._chip(found)
    context = {**frame(request, folder), "told": clocks.explain(found, at=folder.at), "chip": chip}
    if by_htmx(request):
        return render(request, "desk/case/_clock.html", context)
    return page(request, "desk/case/clock.html", context, here="queue")


# ── personal data, one field at a time, with a reason ─────────────────────────────────────────────────────────────

CONTACT = ("contact_name", "contact_phone", "contact_mail")


@desk
@require_POST
def reveal(request: HttpRequest, number: str) -> HttpResponse:
    """Show one masked field in full; who looked and why is written down."""
    case = find_case(request, number)
    given = Given(request.POST)
    field = given.text("field", _("要查看的信息"), most=40)
    reason = given.text("reason", _("查看理由"), most=500)
    given.check()
    at = timezone.now()
    if field.startswith("record:"):
        value = _reveal_contact(case, field.removeprefix("record:"), reason, by=me(request), at=at)
    else:
        value = privacy.reveal(case.customer.current, field, by=me(request), at=at, reason=reason)
    shown = {field: value}
    if not by_htmx(request):
        return case_page(request, case, revealed=shown)
    folder = Folder(case, me(request), at)
    if field == "record:contact_phone" and given.raw("where") == "call":  # beside the questions of a call-back
        template, place = "desk/stage/_fol_who.html", "#fol-who"
    elif field.startswith("record:"):
        template, place = "desk/case/_record.html", "#case-record"
    else:
        template, place = "desk/case/_customer.html", "#case-customer"
    answer = render(request, template, {**frame(request, folder), "revealed": shown})
    answer["HX-Retarget"] = place
    answer["HX-Reswap"] = "outerHTML"
    return answer


@transaction.atomic
def _reveal_contact(case: Case, field: str, reason: str, *, by: Any, at: datetime) -> str:
    """A contact field of the record form; the look is written into the journal of the case."""
    permit(by, "customer.reveal", at)
    if field not in CONTACT:
        raise NotFound(_("没有这项信息"))
    record(case, "case.seen", by=by, at=at, data={"field": field}, private={"reason": reason})
    value: str = getattr(case.record, field)
    return value
