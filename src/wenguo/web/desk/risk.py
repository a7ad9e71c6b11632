"""Escalation risk as people see it: the hint beside a case, with its reasons and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from markupsafe import Markup

from wenguo.cases import attention, risk
from wenguo.cases.case import Case
from wenguo.errors import NotFound
from wenguo.policy.told import told, unit_told
from wenguo.policy.versions import in_force
from wenguo.web.desk.common import me
from wenguo.web.desk.timeline import PAGE
from wenguo.web.doors import by_htmx, desk, page
from wenguo.web.jinja import url

LOOKS = {"low": "good", "medium": "warn", "high": "due"}
NEAR = PAGE - 10  # events so new that they stand on the page that is open


@dataclass(frozen=True)
class Shown:
    """A reason in words: `amount` with its unit, `part` signed, `places` where it can be read: [(moment, address)]."""

    title: str
    amount: str
    part: str
    because: str
    places: list[tuple[datetime, str]]


def seen_case(request: HttpRequest, number: str, *related: str) -> Case:
    """The case among those this person may see; of it only what a hint needs. NotFound: no such case."""
    rows = Case.objects.visible_to(me(request), timezone.now()).defer("search").select_related("stream", *related)
    case: Case | None = rows.filter(number=number).first()
    if case is None:
        raise NotFound(_("没有找到投诉件「{number}」，或者它不在您可以查看的范围内").format(number=number))
    return case


@desk
@require_GET
def hint(request: HttpRequest, number: str) -> HttpResponse:
    """For htmx the part among the hints of the case page; without script a page of its own."""
    case = seen_case(request, number, "customer", "record")
    at = timezone.now()
    context: dict[str, Any] = {"case": case, "at": at}
    if case.is_open:
        weighed = risk.look(case, at=at)
        context |= {
            "risk": weighed,
            "look": LOOKS[weighed.level.code],
            "reasons": [shown(case, reason) for reason in weighed.reasons],
        }
        if me(request).may("case.see_sensitive", at):
            found = attention.cautions(case, in_force(at).pack.attention, at=at)
            context["cautions"] = [(c, [(moment, address_of(case, seq)) for seq, moment in c.places]) for c in found]
    if by_htmx(request):
        return render(request, "desk/case/_risk.html", context)
    html = Markup(render_to_string("desk/case/_risk.html", context, request=request))
    return page(request, "desk/case/part.html", {**context, "title": _("升级风险"), "html": html}, here="queue")


def shown(case: Case, reason: risk.Reason) -> Shown:
    rule = reason.rule
    amount = f"{reason.amount} {unit_told(rule.unit, reason.amount)}" if rule.most > 1 else ""
    if rule.code in {"silence", "unowned"}:  # what is counted begins when the grace is over
        amount = _("超出 {amount}").format(amount=amount)
    return Shown(
        title=told(rule.title),
        amount=amount,
        part=f"{reason.part:+.2f}",
        because=told(rule.because),
        places=[(at, address_of(case, seq)) for seq, at in reason.places if seq],
    )


def address_of(case: Case, seq: int) -> str:
    """Where an event of the case is read: on the open page, or on the page of the story it stands on."""
    there = url("desk:case", case.number)
    return f"{there}#e{seq}" if seq > case.stream.seq - NEAR else f"{there}?before={seq + 1}#case-timeline"
