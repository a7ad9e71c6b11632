"""What resembles a case: similar past cases among its hints, and groups of people about one matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import npgettext
from django.views.decorators.http import require_GET, require_POST
from markupsafe import Markup

from wenguo.cases import alike as likes
from wenguo.cases import group as groups
from wenguo.cases import grouping
from wenguo.cases.case import Case
from wenguo.cases.group import Group, Member
from wenguo.errors import Invalid, NotFound
from wenguo.policy.versions import in_force
from wenguo.spoken import counted
from wenguo.text import alike, personal
from wenguo.web.desk.common import me
from wenguo.web.desk.risk import seen_case
from wenguo.web.desk.suggestion import marked
from wenguo.web.doors import again, by_htmx, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

LISTED = 50
SHOWN = 100  # members of a group on its page; of a larger one the newest


@dataclass(frozen=True)
class Line:
    """A member as the page shows it. `text`, `subject`: (words, is it shared?), masked; `share`: where on the line of
    time it stands, 0 to 1."""

    member: Member
    case: Case
    text: list[tuple[str, bool]]
    share: float
    subject: list[tuple[str, bool]]


# ── among the hints of a case ─────────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.see")
@require_GET
def hint(request: HttpRequest, number: str) -> HttpResponse:
    """For htmx the part among the hints of the case page; without script a page of its own."""
    case = seen_case(request, number, "customer", "record", "policy")
    at = timezone.now()
    found = likes.similar(case, by=me(request), at=at)
    given = sorted(s.given_fen for s in found if s.given_fen is not None)
    context: dict[str, Any] = {
        "case": case,
        "at": at,
        "similar": found,
        "given": (given[0], given[-1], len(given)) if given else None,
        "member": groups.of_case(case),
        "merges": case.is_open and may(me(request), "case.merge"),
    }
    if by_htmx(request):
        return render(request, "desk/case/_alike.html", context)
    html = Markup(render_to_string("desk/case/_alike.html", context | {"alone": True}, request=request))
    return page(request, "desk/case/part.html", {**context, "title": _("相似案件"), "html": html}, here="queue")


# ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.see")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """The groups with a case this person may see: what waits for a decision, else those of one state."""
    at, person = timezone.now(), me(request)
    state = request.GET.get("state", "")
    rows = Group.objects.visible_to(person, at).select_related("lead", "decided_by")
    rows = rows.filter(state=state) if state in Group.State.values else rows.waiting()
    found = list(rows.order_by("-newest_at", "-pk")[:LISTED])
    newest = _subjects(found, person, at)
    states = [choice for choice in Group.State.choices if choice[0] != Group.State.MERGED]
    context = {"groups": found, "subjects": newest, "state": state, "states": states}
    return page(request, "desk/groups.html", context, here="queue")


def _subjects(found: Sequence[Group], person: Any, at: datetime) -> dict[int, str]:
    """{group: the subject of its newest case this person may see}, masked. One query."""
    members = Member.objects.filter(group__in=found, case__in=Case.objects.visible_to(person, at))
    rows = members.exclude(state=Member.State.OUT).order_by("case_id").values_list("group_id", "case__subject")
    return {pk: personal.mask(subject) for pk, subject in rows}


def _find(request: HttpRequest, pk: int) -> Group:
    found = Group.objects.visible_to(me(request), timezone.now()).select_related("lead", "decided_by").filter(pk=pk)
    group: Group | None = found.first()
    if group is None:
        raise NotFound(_("没有找到这组投诉，或者它不在您可以查看的范围内"))
    return group


@desk(permission="case.see")
@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    """A group that goes on in another leads there."""
    gone = Group.objects.filter(pk=pk, state=Group.State.MERGED).values_list("merged_into", flat=True).first()
    if gone is not None:
        return redirect(url("desk:group", gone))
    return page(request, "desk/group.html", _context(request, _find(request, pk)), here="queue")


def _context(request: HttpRequest, group: Group) -> dict[str, Any]:
    at, person = timezone.now(), me(request)
    members = list(
        group.members.filter(case__in=Case.objects.visible_to(person, at))
        .exclude(state=Member.State.OUT if group.state != Group.State.DISMISSED else "")
        .select_related("case__record", "case__owner", "case__unit", "case__customer")
        .order_by("-case__received_at", "-case_id")[:SHOWN]
    )
    members.reverse()
    cases = [m.case for m in members]
    limits = in_force(at).pack.thresholds
    evidence = groups.evidence(cases, likes.commonness(), limits.join_likeness)
    hidden = group.members.exclude(state=Member.State.OUT).count() - len(
        [m for m in members if m.state != Member.State.OUT]
    )
    open_to_me = [m for m in members if m.state == Member.State.SUGGESTED and m.case.stage != "archived"]
    decides = may(person, "case.supervise")
    return {
        "group": group,
        "lines": [_line(m, evidence) for m in members],
        "evidence": evidence,
        "hidden": max(hidden, 0),
        "decides": decides and bool(open_to_me) and group.state != Group.State.DISMISSED,
        "leads": decides,
        "lead_id": group.lead_id or _lead(cases),
        "subject": personal.mask(cases[-1].subject) if cases else "",
        "limits": limits,
        "others": _others(group, person, at) if decides and group.state != Group.State.DISMISSED else [],
    }


def _others(group: Group, person: Any, at: datetime) -> list[tuple[int, str]]:
    """The groups into which this one may go, the newest first, each with what it is. Two queries."""
    rows = Group.objects.visible_to(person, at).exclude(pk=group.pk).exclude(state=Group.State.DISMISSED)
    if group.state == Group.State.CONFIRMED:
        rows = rows.filter(state=Group.State.CONFIRMED)
    found = list(rows.select_related("lead").order_by("-newest_at", "-pk")[:LISTED])
    subjects = _subjects(found, person, at)
    return [(one.pk, _called(one, subjects.get(one.pk, ""))) for one in found]


def _called(group: Group, subject: str) -> str:
    people = npgettext("complainants", "{n} 人", "{n} 人", group.people).format(n=group.people)
    led = [_("由 {number} 牵头").format(number=group.lead.number)] if group.lead else []
    return " · ".join([subject, people, str(group.get_state_display()), *led])


def _lead(cases: Sequence[Case]) -> int | None:
    """Which case offers itself to lead: an open one before a closed one, the gravest, the oldest."""
    may_lead = [case for case in cases if case.stage != "archived"]
    best = min(may_lead, key=lambda c: (not c.is_open, c.level, c.received_at), default=None)
    return best.pk if best else None


def _line(member: Member, evidence: groups.Evidence) -> Line:
    case = member.case
    text = personal.mask(case.record.description[:400])
    first, last = evidence.first, evidence.last
    span = (last - first) / timedelta(seconds=1) if first and last else 0
    share = (case.received_at - first) / timedelta(seconds=1) / span if first and span else 0.0
    subject = personal.mask(case.subject)
    return Line(
        member, case, marked(text, alike.spans(text, evidence.phrases), around=90), share,
        marked(subject, alike.spans(subject, evidence.phrases), around=90),
    )  # fmt: skip


def _decide(request: HttpRequest, group: Group, act: Callable[[Given], Any], to: str, said: str) -> HttpResponse:
    """Do `act` with what the form gives; a refusal stands on the page of the group, with what was typed."""
    try:
        act(Given(request.POST))
    except Invalid as refusal:
        return again(request, refusal, "desk/group.html", _context(request, group), here="queue")
    return go(request, to, said)


@desk(permission="case.supervise")
@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    group = _find(request, pk)
    chosen = [int(v) for v in request.POST.getlist("cases") if v.isdecimal() and len(v) < 18]

    def act(given: Given) -> None:
        lead = given.whole("lead", _("牵头的投诉"))
        given.check()
        grouping.confirm(group, chosen, lead or 0, by=me(request), at=timezone.now())

    return _decide(request, group, act, url("desk:group", pk), counted("已确认为群诉，{n} 件列入", len(chosen)))


@desk(permission="case.supervise")
@require_POST
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    group = _find(request, pk)

    def act(given: Given) -> None:
        reason = given.text("reason", _("理由"), most=2000)
        given.check()
        grouping.dismiss(group, reason, by=me(request), at=timezone.now())

    return _decide(request, group, act, url("desk:groups"), _("已记下：不是群诉"))


@desk(permission="case.supervise")
@require_POST
def take_out(request: HttpRequest, pk: int, number: str) -> HttpResponse:
    group = _find(request, pk)
    seen = Case.objects.visible_to(me(request), timezone.now())
    member = group.members.filter(case__in=seen, case__number=number).first()
    if member is None:
        raise NotFound(_("没有找到这组投诉，或者它不在您可以查看的范围内"))

    def act(given: Given) -> None:
        reason = given.text("out_reason", _("理由"), most=2000)
        given.check()
        grouping.take_out(member, reason, by=me(request), at=timezone.now())

    return _decide(request, group, act, url("desk:group", pk), _("已移出群诉"))


@desk(permission="case.supervise")
@require_POST
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """A case by its number."""
    group, at = _find(request, pk), timezone.now()

    def act(given: Given) -> None:
        number = given.text("number", _("投诉编号"), most=40)
        given.check()
        case = Case.objects.visible_to(me(request), at).filter(number=number.upper()).first()
        if case is None:
            words = _("没有找到编号为 {number} 的投诉").format(number=number)
            raise Invalid(words, fields={"number": words})
        grouping.add(group, case, by=me(request), at=at)

    return _decide(request, group, act, url("desk:group", pk), _("已列入群诉"))


@desk(permission="case.supervise")
@require_POST
def merge(request: HttpRequest, pk: int) -> HttpResponse:
    group = _find(request, pk)
    chosen = request.POST.get("into", "")
    into = _find(request, int(chosen)) if chosen.isdecimal() and len(chosen) < 18 else None

    def act(given: Given) -> None:
        if into is None:
            raise Invalid(_("请选择另一组"), fields={"into": _("请选择另一组")})
        grouping.merge(group, into, by=me(request), at=timezone.now())

    return _decide(request, group, act, url("desk:group", into.pk if into else pk), _("两组已合成一组"))


def waiting_lines(person: Any, at: datetime, most: int = 5) -> list[tuple[str, str, str, int]]:
    """For 今日: (look, words, address, people) of the groups that wait for a decision, the newest first. One query."""
    seen = Member.objects.filter(group=OuterRef("pk"), case__in=Case.objects.visible_to(person, at))
    newest = Subquery(seen.order_by("-case_id").values("case__subject")[:1])
    rows = Group.objects.visible_to(person, at).waiting().annotate(subject=newest).order_by("-newest_at")
    words = {
        Group.State.SUGGESTED: _("疑似群诉：{subject}"),
        Group.State.CONFIRMED: _("群诉有新来的待确认：{subject}"),
    }
    return [
        ("due", words[Group.State(row.state)].format(subject=personal.mask(row.subject)),
         url("desk:group", row.pk), row.people)
        for row in rows[:most]
    ]  # fmt: skip
