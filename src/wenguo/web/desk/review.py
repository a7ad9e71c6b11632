"""分类复核: cases whose category waits for a person, one after the other, by the keyboard. Source: TR-2.

1, 2, 3 take a suggestion, Enter the first one (it has the focus), 0 leads to the whole list, s passes on. Where a
danger may be spoken of, d says that it is, x that it is not; such cases come first.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import danger, triage
from wenguo.cases.case import Case
from wenguo.cases.learning import BY_PROGRAM
from wenguo.cases.lifecycle import Stage
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.desk.common import find_case, me
from wenguo.web.desk.suggestion import danger_sign, proposal
from wenguo.web.doors import desk, go, page
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import capped_count

MOST = 30
KINDS = ("danger", "open", "applied")
ORDERS: dict[str, tuple[Any, ...]] = {
    "clock": (F("next_due_at").asc(nulls_last=True), "received_at"),
    "unsure": (F("reading__probability").asc(nulls_first=True), "received_at"),
}


def waiting(person: Any, at: Any, kind: str) -> Any:
    """`open`: nobody and nothing has classified it; `applied`: the program has, and nobody has looked; `danger`: nobody
    has said whether a danger is spoken of. In the order of `ORDERS`, or the strongest sign first."""
    seen = Case.objects.visible_to(person, at)
    if kind == "danger":
        return danger.waiting(seen)
    return triage.unclassified(seen) if kind == "open" else triage.applied(seen)


@desk(permission="case.triage")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    at, person = timezone.now(), me(request)
    n = {which: capped_count(waiting(person, at, which)) for which in KINDS}
    kind = request.GET.get("kind") or ("danger" if n["danger"] else "open")
    kind = kind if kind in KINDS else "open"
    order = "unsure" if request.GET.get("order") == "unsure" else "clock"
    found = waiting(person, at, kind).select_related("record", "reading")
    rows = list((found if kind == "danger" else found.order_by(*ORDERS[order], "pk"))[: MOST + 1])
    wanted = request.GET.get("case", "")
    place = next((n for n, row in enumerate(rows) if row.number == wanted), 0)
    now = rows[place] if rows else None
    others = [*rows[place + 1 : MOST], *rows[:place]]
    pack = in_force(at).pack
    context = {
        "kind": kind, "order": order, "now": now, "more": len(rows) > MOST, "classes": pack.taxonomy,
        "n": n, "proposal": proposal(now) if now else None, "danger": danger_sign(now) if now else None,
        "classifies": now is not None and now.stage == Stage.TRIAGE and (not now.category or BY_PROGRAM in now.flags),
        "others": [(row, _guess(row)) for row in others], "after": others[0].number if others else "",
    }  # fmt: skip
    return page(request, "desk/review.html", context, here="review")


def _guess(case: Case) -> str:
    """What the program thinks of a case further down: its category, or what it read at the door."""
    if case.category:
        return str(told(case.category_words))
    read = getattr(case, "reading", None)
    if read is None or not read.category or all(sub.code != read.category for sub in case.pack.subs):
        return _("说不准")
    title = told(case.pack.sub(read.category).title)
    return _("像是{title}，{share:.0%}").format(title=title, share=read.probability)


@desk(permission="case.triage")
@require_POST
def decide(request: HttpRequest, number: str) -> HttpResponse:
    """One decision, and on to the next case."""
    case, given = find_case(request, number), Given(request.POST)
    category = given.text("category", _("分类"), most=80)
    also = [code for code in given.data.getlist("also") if code]
    given.check()
    triage.classify(case, category, also, by=request.user, at=timezone.now())
    said = _("{number} 归为「{title}」").format(number=number, title=told(case.category_words))
    return go(request, _next(given, number if given.raw("kind") == "danger" else ""), said)


@desk(permission="case.triage")
@require_POST
def judge_danger(request: HttpRequest, number: str) -> HttpResponse:
    """Whether a danger is spoken of. In the list of dangers the next case comes, elsewhere the same one again."""
    case, given = find_case(request, number), Given(request.POST)
    there = given.choice("there", _("有没有危险"), {"yes", "no"}) == "yes"
    given.check()
    danger.answer(case, there, by=request.user, at=timezone.now())
    said = _("{number} 已记下：有危险") if there else _("{number} 已记下：没有危险")
    return go(request, _next(given, "" if given.raw("kind") == "danger" else number), said.format(number=number))


def _next(given: Given, stays: str = "") -> str:
    kind = given.raw("kind") if given.raw("kind") in KINDS else "open"
    order = "unsure" if given.raw("order") == "unsure" else "clock"
    to = stays or given.raw("after")[:40]
    return f"{url('desk:review')}?kind={kind}&order={order}" + (f"&case={to}" if to else "")
