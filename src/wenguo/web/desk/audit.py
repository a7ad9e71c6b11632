"""The journal for the auditor: what happened, in what order, by whom; and whether it is still what it was.

Source: SY-2, PO-2. Words somebody wrote and personal data are not shown here, only that they are there and whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo import journal
from wenguo.cases.case import Case
from wenguo.cases.number import possible
from wenguo.errors import NotFound
from wenguo.insight import soundness
from wenguo.journal import Event, Root, Stream
from wenguo.people.scope import reach
from wenguo.people.staff import Person
from wenguo.policy.reading import rules_told
from wenguo.policy.versions import current_pack
from wenguo.web.desk.admin import admin_page
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import by_htmx, desk, go
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import Slice, capped_count, keyset, sliced

PAGE = 50

OWN = {  # because of what the program does itself; all else is a rule of the policy
    "option.withdrawn:settled": _lazy("已选定另一方案"), "option.withdrawn:answered": _lazy("客户选择了另一方案"),
    "case.joined:repeat": _lazy("同一事项再次反映"), "case.joined:merge": _lazy("并单"),
    "message.sent:split": _lazy("拆成几件"), "case.executed:at_once": _lazy("即时办结"),
    "case.flagged:payment_split": _lazy("疑似拆分付款"),
}  # fmt: skip

KINDS = {
    "case": _lazy("投诉件"), "customer": _lazy("客户"), "staff": _lazy("人员"), "unit": _lazy("机构"),
    "role": _lazy("角色"), "policy": _lazy("政策"), "system": _lazy("系统"),
    "model": _lazy("模型"), "risk_model": _lazy("升级风险模型"), "demo": _lazy("演示公司"),
}  # fmt: skip


@desk(permission="journal.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """Streams, by number or by whom, the newest first; the roots; the last check of everything."""
    given = Given(request.GET)
    q, kind, after = given.raw("q")[:100], given.raw("kind"), given.raw("after")
    chosen = Q(seq__gt=0) & (Q(kind=kind) if kind in KINDS else Q()) & (_sought(q) if q else Q())
    part = newest(request.user, chosen, after)
    context = {
        "slice": part, "rows": part.rows, "q": q, "kind": kind, "kinds": KINDS, "names": _names(part.rows),
        "asked": {k: v for k, v in (("q", q), ("kind", kind)) if v},
    }  # fmt: skip
    if by_htmx(request) and after:
        return render(request, "desk/admin/_audit_rows.html", {**context, "at": timezone.now()})
    context |= {
        "check": soundness.last_check(), "roots": list(Root.objects.order_by("-pk")[:10]),
        "unfolded": capped_count(Stream.objects.filter(unfolded=True)),
    }  # fmt: skip
    return admin_page(request, "desk/admin/audit.html", "audit", context)


def visible(person: Any) -> list[Any]:
    """All streams but those of cases this person may not see, in two parts: each can be read from its end by index."""
    at = timezone.now()
    if not person.may("case.see", at) or reach(person, at).everything:
        # Who may read the journal but no cases (the administrator) sees that things happened, by number.
        return [Stream.objects.all()]
    seen = Case.objects.visible_to(person, at)
    return [Stream.objects.exclude(kind="case"), Stream.objects.filter(kind="case", pk__in=seen.values("stream"))]


def newest(person: Any, chosen: Q, after: str) -> Slice:
    """Those of the chosen streams that this person may see, the newest first."""
    found = [s for part in visible(person) for s in keyset(part.filter(chosen), "-pk", after=after, size=PAGE + 1).rows]
    return sliced(sorted(found, key=lambda stream: -stream.pk)[: PAGE + 1], "-pk", size=PAGE)


def _sought(q: str) -> Q:
    """A number or part of one, `staff:17`, the name or user name of a member of staff (what they did, too)."""
    found = Q(kind__in=[*KINDS], ref__in=[q, q.upper(), *possible(q, timezone.now())])
    if match := re.fullmatch(r"([a-z]+):(\S+)", q):
        found |= Q(kind=match[1], ref=match[2])
    people = Person.objects.filter(Q(name=q) | Q(username__iexact=q)).values_list("pk", flat=True)[:20]
    for pk in people:
        found |= Q(kind="staff", ref=str(pk)) | Q(pk__in=Event.objects.filter(by=f"staff:{pk}").values("stream"))
    return found


def _names(streams: Iterable[Stream]) -> dict[int, str]:
    """Names of staff and of the demonstration among the streams: {stream id: name}. One query."""
    streams = list(streams)
    staff = {int(s.ref): s.pk for s in streams if s.kind == "staff" and s.ref.isdecimal()}
    names = {staff[pk]: name for pk, name in Person.objects.filter(pk__in=staff).values_list("pk", "name")}
    return names | {s.pk: str(KINDS["demo"]) for s in streams if s.kind == "demo"}


def find(person: Any, pk: int) -> Stream:
    found = next((stream for part in visible(person) for stream in part.filter(pk=pk)), None)
    if found is None:
        raise NotFound(_("没有这份记录，或者它不在您可以查看的范围内"))
    return found


@desk(permission="journal.see")
@require_http_methods(["GET", "POST"])
def stream(request: StaffRequest, pk: int) -> HttpResponse:
    """All events of a stream; a POST checks it, and the verdict stands on the answer."""
    found = find(request.user, pk)
    after = request.GET.get("after", "")
    part = keyset(Event.objects.filter(stream=found), "seq", after=after, size=100)
    context: dict[str, Any] = {
        "stream": found, "slice": part, "events": told(part.rows, _rules(found)), "kinds": KINDS,
        "names": _names([found]),
    }  # fmt: skip
    if by_htmx(request) and after:
        return render(request, "desk/admin/_events.html", {**context, "at": timezone.now()})
    if request.method == "POST":
        context["verdict"] = journal.verify(found)
    context["sealed"] = found.leaf_set.select_related("root").order_by("-seq").first()
    return admin_page(request, "desk/admin/stream.html", "audit", context)


def _rules(stream: Stream) -> dict[str, str]:
    """The rules of the policy that the events of a case name by their codes: {code: its words}."""
    case = Case.objects.filter(stream=stream).select_related("policy").defer("policy__content").first()
    if case is None:
        return {}
    version = _("第 {n} 版政策").format(n=case.policy.number)
    return {**rules_told(current_pack()), **rules_told(case.pack), f"policy:{case.policy_id}": version}


def _basis(event: Event, rules: Mapping[str, str]) -> str:
    """Why, in words; empty when the code is all there is."""
    kind, _sep, name = event.because.partition(":")
    if kind in {"model", "group"} and name:
        return {"model": _("分类模型 {name}"), "group": _("群诉 {name}")}[kind].format(name=name)
    if own := OWN.get(f"{event.type}:{event.because}"):
        return str(own)
    return _("、").join(words for code in event.because.split(";") if (words := rules.get(code)))


def told(events: Iterable[Event], rules: Mapping[str, str]) -> list[dict[str, Any]]:
    """Events as rows: who by name, what by title, facts as JSON, hash in hex. One query for the names."""
    events = list(events)
    ids = {int(e.by[6:]) for e in events if e.by.startswith("staff:") and e.by[6:].isdecimal()}
    names = dict(Person.objects.filter(pk__in=ids).values_list("pk", "name"))
    rows = []
    for event in events:
        kind, _sep, ref = event.by.partition(":")
        who = names.get(int(ref), event.by) if kind == "staff" and ref.isdecimal() else _actor(kind, ref)
        rows.append({
            "seq": event.seq, "at": event.at, "type": event.type, "who": who,
            "because": event.because, "basis": _basis(event, rules),
            "title": str(journal.types()[event.type].title) if event.type in journal.types() else event.type,
            "data": json.dumps(event.data, ensure_ascii=False, sort_keys=True) if event.data else "",
            "hash": bytes(event.hash).hex(), "has_words": event.private is not None, "erased": event.is_erased,
        })  # fmt: skip
    return rows


def _actor(kind: str, ref: str) -> str:
    if kind == "system":
        return _("系统")
    return _("客户 {id}").format(id=ref) if kind == "customer" else f"{kind}:{ref}"


@desk(permission="journal.see")
@require_GET
def receipt(request: StaffRequest, pk: int) -> HttpResponse:
    """The receipt of a stream, as a file anyone can check."""
    found = find(request.user, pk)
    text = json.dumps(journal.receipt(found), ensure_ascii=False, indent=2)
    answer = HttpResponse(text, content_type="application/json")
    name = re.sub(r"[^A-Za-z0-9-]", "-", found.ref)
    answer["Content-Disposition"] = f'attachment; filename="receipt-{name}.json"'
    return answer


@desk(permission="journal.see")
@require_POST
def check(request: StaffRequest) -> HttpResponse:
    """Have the background check everything."""
    soundness.ask(by=request.user, at=timezone.now())
    return go(request, url("desk:audit"), _("已开始校验，完成后结果会显示在本页"))
