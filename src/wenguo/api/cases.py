"""Reading cases: the list, one case, its journal, its promises, what may be done. Source: SY-5."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router
from ninja.responses import codes_4xx

from wenguo import journal
from wenguo.api.shapes import (
    CaseDetail, CasePage, ClockOut, EventOut, ExplainedOut, Id, OfferOut, Problem, StretchOut,
)  # fmt: skip
from wenguo.cases import clock, lifecycle
from wenguo.cases.case import Case
from wenguo.cases.number import parse
from wenguo.errors import NotFound, Overtaken
from wenguo.people.actor import permit
from wenguo.text.normal import one_line

router = Router(tags=["cases"])
Number = Annotated[str, Query(max_length=60)]


def find(request: HttpRequest, number: str, version: int | None = None) -> Case:
    """The case among those the caller may see. NotFound: none; Overtaken: it moved on since `version`."""
    at = timezone.now()
    permit(request.user, "case.see", at)
    visible = Case.objects.visible_to(request.user, at)
    related = visible.select_related("record", "customer", "owner", "first_responsible", "unit", "intake_unit")
    case = related.filter(number=parse(number)).first()
    if case is None:
        raise NotFound("没有找到,或您无权查看")
    if version is not None and version != case.version:
        raise Overtaken(f"「{case.number}」已被他人更新(当前版本 {case.version}),请重新读取后再试")
    return case


@router.get("", response={200: CasePage, codes_4xx: Problem}, summary="投诉件列表")
def index(
    request: HttpRequest,
    stage: Annotated[list[str], Query(max_length=9)] = [],  # noqa: B006
    level: Annotated[list[int], Query(max_length=4)] = [],  # noqa: B006
    category: Annotated[str, Query(max_length=48)] = "",
    channel: Annotated[str, Query(max_length=16)] = "",
    flag: Annotated[str, Query(max_length=24)] = "",
    owner: Annotated[Id | None, Query()] = None,
    unit: Annotated[Id | None, Query()] = None,
    state: Annotated[Literal["", "open", "late", "closed"], Query()] = "",
    received_from: Annotated[datetime | None, Query()] = None,
    received_until: Annotated[datetime | None, Query()] = None,
    q: Annotated[str, Query(max_length=200, description="全文检索")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[Id | None, Query()] = None,
) -> dict[str, Any]:
    """新收在前。用返回的 next 作为 cursor 取下一页。"""
    at = timezone.now()
    permit(request.user, "case.see", at)
    cases = Case.objects.visible_to(request.user, at)
    plain = {"category__startswith": category, "channel": channel, "owner_id": owner, "unit_id": unit}
    cases = cases.filter(**{k: one_line(v, 60) if isinstance(v, str) else v for k, v in plain.items() if v})
    if stage:
        cases = cases.filter(stage__in=[one_line(s, 20) for s in stage])
    if level:
        cases = cases.filter(level__in=[n for n in level if 1 <= n <= 4])
    if flag:
        cases = cases.filter(flags__contains=[one_line(flag, 24)])
    if state:
        cases = {"open": cases.open(), "late": cases.late(at), "closed": cases.filter(closed_at__isnull=False)}[state]
    if received_from:
        cases = cases.filter(received_at__gte=_aware(received_from))
    if received_until:
        cases = cases.filter(received_at__lt=_aware(received_until))
    if one_line(q, 200):
        cases = cases.matching(one_line(q, 200))
    if cursor:
        cases = cases.filter(pk__lt=cursor)
    rows = list(cases.select_related("customer", "owner", "first_responsible", "unit").order_by("-pk")[: limit + 1])
    more = len(rows) > limit
    return {"items": rows[:limit], "next": str(rows[limit - 1].pk) if more else None}


def _aware(moment: datetime) -> datetime:
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


@router.get("/{number}", response={200: CaseDetail, codes_4xx: Problem}, summary="一件投诉")
def detail(request: HttpRequest, number: str) -> Case:
    return find(request, number)


@router.get("/{number}/events", response={200: list[EventOut], codes_4xx: Problem}, summary="经过(日志)")
def events(
    request: HttpRequest, number: str, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> list[EventOut]:
    """按发生顺序;after 为已读到的 seq。"""
    case = find(request, number)
    rows = journal.Event.objects.filter(stream_id=case.stream_id, seq__gt=after).order_by("seq")[:1000]
    return [
        EventOut(
            seq=e.seq, type=e.type, title=str(journal.title_of(e.type)), at=e.at, by=e.by, because=e.because,
            public=journal.is_public(e.type), data=e.data, words=e.private, hash=bytes(e.hash).hex(),
        )
        for e in rows
    ]  # fmt: skip


@router.get("/{number}/clocks", response={200: list[ClockOut], codes_4xx: Problem}, summary="时限")
def clocks(request: HttpRequest, number: str) -> list[ClockOut]:
    case = find(request, number)
    return [
        ClockOut(
            id=c.pk, kind=c.kind, title=c.title, rule=c.rule, state=c.state, started_at=c.started_at,
            first_due_at=c.first_due_at, due_at=c.due_at, ended_at=c.ended_at, on_time=c.is_on_time,
        )
        for c in case.clocks.order_by("pk")
    ]  # fmt: skip


@router.get("/{number}/clocks/{clock_id}", response={200: ExplainedOut, codes_4xx: Problem}, summary="时限怎样算出")
def explain(request: HttpRequest, number: str, clock_id: Id) -> ExplainedOut:
    case = find(request, number)
    found = case.clocks.filter(pk=clock_id).first()
    if found is None:
        raise NotFound("没有这个时限")
    told = clock.explain(found, at=timezone.now())
    stretches = [
        StretchOut(start=s.start, end=s.end, kind=s.kind, reason=s.words(), minutes=s.minutes) for s in told.stretches
    ]
    return ExplainedOut(basis=told.basis, stretches=stretches)


@router.get("/{number}/acts", response={200: list[OfferOut], codes_4xx: Problem}, summary="下一步可以做什么")
def acts(request: HttpRequest, number: str) -> list[OfferOut]:
    case = find(request, number)
    return [
        OfferOut(
            act=o.name, title=str(o.act.title), to=o.act.to.value if o.act.to else None, enabled=o.enabled,
            why_not=o.why_not, missing=[g.words for g in o.gates if not g.open],
        )
        for o in lifecycle.offers(case, by=request.user, at=timezone.now())
    ]  # fmt: skip


@router.get("/{number}/receipt", response={200: dict[str, Any], codes_4xx: Problem}, summary="回执(可自行核验)")
def receipt(request: HttpRequest, number: str) -> dict[str, Any]:
    case = find(request, number)
    return journal.receipt(journal.Stream.objects.get(pk=case.stream_id))
