"""Reading cases: the list, one case, its journal, its promises, what may be done. Source: SY-5."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from wenguo import journal
from wenguo.api.acting import Number, caller, find, visible
from wenguo.api.acts_letters import event_out
from wenguo.api.shapes import (
    CaseDetail,
    CasePage,
    Channel,
    ClockOut,
    EventOut,
    ExplainedOut,
    Id,
    Level,
    Moment,
    OfferOut,
    ReceiptOut,
    Stage,
    StretchOut,
)
from wenguo.cases import clock, lifecycle
from wenguo.cases.case import Case
from wenguo.errors import NotFound
from wenguo.patience import patiently
from wenguo.text.normal import one_line

router = Router(tags=["cases"])
MOST_EVENTS = 1000  # in one answer; `after` brings the next


@router.get("", response={200: CasePage}, summary="投诉件列表")
def index(
    request: HttpRequest,
    stage: Annotated[list[Stage], Query(max_length=9)] = [],  # noqa: B006
    level: Annotated[list[Level], Query(max_length=4)] = [],  # noqa: B006
    category: Annotated[str, Query(max_length=48)] = "",
    channel: Annotated[Channel | None, Query()] = None,
    flag: Annotated[str, Query(max_length=24)] = "",
    owner: Annotated[Id | None, Query()] = None,
    unit: Annotated[Id | None, Query()] = None,
    state: Annotated[Literal["", "open", "late", "closed"], Query()] = "",
    received_from: Annotated[Moment | None, Query()] = None,
    received_until: Annotated[Moment | None, Query()] = None,
    q: Annotated[str, Query(max_length=200, description="全文检索")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[Id | None, Query()] = None,
) -> dict[str, Any]:
    """新收在前。用返回的 next 作为 cursor 取下一页。"""
    at = timezone.now()
    cases = visible(request, at)
    plain = {"category__startswith": category, "channel": channel, "owner_id": owner, "unit_id": unit}
    cases = cases.filter(**{k: one_line(v, 60) if isinstance(v, str) else v for k, v in plain.items() if v})
    if stage:
        cases = cases.filter(stage__in=stage)
    if level:
        cases = cases.filter(level__in=level)
    if flag:
        cases = cases.filter(flags__contains=[one_line(flag, 24)])
    if state:
        cases = {"open": cases.open(), "late": cases.late(at), "closed": cases.filter(closed_at__isnull=False)}[state]
    if received_from:
        cases = cases.filter(received_at__gte=received_from)
    if received_until:
        cases = cases.filter(received_at__lt=received_until)
    if one_line(q, 200):
        cases = cases.matching(one_line(q, 200))
    if cursor:
        cases = cases.filter(pk__lt=cursor)
    found = cases.select_related("customer", "owner", "first_responsible", "unit").order_by("-pk")
    rows = patiently(lambda: list(found[: limit + 1])) if q else list(found[: limit + 1])
    more = len(rows) > limit
    return {"items": rows[:limit], "next": str(rows[limit - 1].pk) if more else None}


@router.get("/{number}", response={200: CaseDetail}, summary="一件投诉")
def detail(request: HttpRequest, number: Number) -> Case:
    return find(request, number)


@router.get("/{number}/events", response={200: list[EventOut]}, summary="经过（日志）")
def events(
    request: HttpRequest, number: Number, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0
) -> list[EventOut]:
    """按发生顺序；after 为已读到的 seq。"""
    case = find(request, number)
    rows = journal.Event.objects.filter(stream_id=case.stream_id, seq__gt=after).order_by("seq")[:MOST_EVENTS]
    return [event_out(e, caller(request), case) for e in rows]


@router.get("/{number}/clocks", response={200: list[ClockOut]}, summary="时限")
def clocks(request: HttpRequest, number: Number) -> list[ClockOut]:
    case = find(request, number)
    return [
        ClockOut(
            id=c.pk, kind=c.kind, title=c.title, rule=c.rule, state=c.state, started_at=c.started_at,
            first_due_at=c.first_due_at, due_at=c.due_at, ended_at=c.ended_at, on_time=c.is_on_time,
        )
        for c in case.clocks.order_by("pk")
    ]  # fmt: skip


@router.get("/{number}/clocks/{clock_id}", response={200: ExplainedOut}, summary="时限怎样算出")
def explain(request: HttpRequest, number: Number, clock_id: Id) -> ExplainedOut:
    case = find(request, number)
    found = case.clocks.filter(pk=clock_id).first()
    if found is None:
        raise NotFound("没有这个时限")
    told = clock.explain(found, at=timezone.now())
    stretches = [
        StretchOut(start=s.start, end=s.end, kind=s.kind, reason=s.words(), minutes=s.minutes) for s in told.stretches
    ]
    return ExplainedOut(basis=told.basis, stretches=stretches)


@router.get("/{number}/acts", response={200: list[OfferOut]}, summary="下一步可以做什么")
def acts(request: HttpRequest, number: Number) -> list[OfferOut]:
    case = find(request, number)
    return [
        OfferOut(
            act=o.name, title=str(o.act.title), to=o.act.to.value if o.act.to else None, enabled=o.enabled,
            why_not=o.why_not, missing=[g.words for g in o.gates if not g.open],
        )
        for o in lifecycle.offers(case, by=caller(request), at=timezone.now())
    ]  # fmt: skip


@router.get("/{number}/receipt", response={200: ReceiptOut}, summary="回执（可自行核验）")
def receipt(request: HttpRequest, number: Number) -> dict[str, Any]:
    case = find(request, number)
    return journal.receipt(journal.Stream.objects.get(pk=case.stream_id))
