"""A week of complaints at the service desk, small enough to count by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from wenguo.cases import acceptance, followup, handover, reply, triage
from wenguo.insight.span import Period, Span, span_of

WEEK = Period("custom", date(2026, 11, 16), date(2026, 11, 22))


@pytest.fixture
def at_once(desk: Any) -> Callable[..., Any]:
    """A small matter settled on the phone, and rated if scores are given."""

    def settle(*, csat: int | None = None, nps: int | None = None, **claims: Any) -> Any:
        case = desk.receives("说明书少了一页,请补发。", **claims)
        desk.wait(minutes=30)
        acceptance.accept(case, by=desk.agent, at=desk.now)
        triage.classify(case, "product.packaging", by=desk.agent, at=desk.now)
        triage.grade(case, 4, "小事", by=desk.supervisor, at=desk.now)
        desk.wait(minutes=30)
        reply.settle_at_once(case, "已当场补发。", by=desk.agent, at=desk.now)
        if csat is not None:
            survey = followup.invite_survey(case.pk, case.round, at=desk.now)
            assert survey is not None
            followup.rate(survey, {"csat": csat, "nps": nps, "solved": int(csat > 3)}, by=case.customer, at=desk.now)
        case.refresh_from_db()
        return case

    return settle


@pytest.fixture
def week(desk: Any, at_once: Any) -> dict[str, Any]:
    """Monday: two settled at once and rated, a broken fan under investigation. Tuesday: one waits to be accepted and
    is asked after, one is refused, one is withdrawn, the east has one of its own. It is Thursday now.
    """
    phones = (f"1390000{n:04}" for n in range(1, 50))
    cases = {
        "happy": at_once(csat=5, nps=9, phone=next(phones), mail="a@example.com"),
        "bitter": at_once(csat=2, nps=3, phone=next(phones), mail="b@example.com"),
        "fan": desk.triages(desk.receives("净化器用了三天就不出风。", phone=next(phones)), level=2),
    }
    desk.wait(days=1)
    cases["new"] = desk.receives("退款两周未到账。", channel="web", phone=next(phones))
    cases["refused"] = desk.receives("要求赔偿一百万。", phone=next(phones))
    acceptance.refuse(cases["refused"], "not_ours", "不是我们的产品", by=desk.senior, at=desk.now)
    cases["gone"] = desk.receives("安装迟到。", phone=next(phones))
    acceptance.withdraw(cases["gone"], "客户说不用了", by=desk.agent, at=desk.now)
    cases["east"] = desk.receives("门店不肯退货。", by=desk.east_agent, channel="counter", phone=next(phones))
    handover.remind(cases["new"], "怎么还没人联系我?", by=cases["new"].customer, at=desk.now)
    desk.wait(days=2)
    for case in cases.values():
        case.refresh_from_db()
    return cases


@pytest.fixture
def span(desk: Any, week: Any) -> Span:
    """What the executive sees of that week, on Thursday."""
    return span_of(desk.executive, WEEK, desk.now)


@pytest.fixture
def later(desk: Any) -> timedelta:
    return timedelta(days=1)
