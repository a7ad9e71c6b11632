"""What a unit may give in a month: whoever signs sees what is left; a strict policy lets nobody sign beyond it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from wenguo import journal
from wenguo.cases import approval, resolution
from wenguo.cases.budget import budget_for, period_of
from wenguo.errors import Invalid, NotNow
from wenguo.people import units
from wenguo.people.actor import SYSTEM
from wenguo.policy.versions import in_force

MONTH = 50_000


def budgets(unit: Any, fen: int | None, desk: Any, every: str = "month") -> None:
    units.change(unit, by=SYSTEM, at=desk.now, budget_fen=fen, budget_every=every)


def another(text: str, n: int) -> dict[str, str]:
    """What somebody else says about something else."""
    return {"text": text, "phone": f"1390000{n:04}", "name": f"客{n}", "mail": "", "order_number": ""}


@pytest.mark.parametrize(
    ("every", "at", "start", "end"),
    [
        ("month", datetime(2026, 11, 30, 15, 59, tzinfo=UTC), (2026, 11, 1), (2026, 12, 1)),
        ("month", datetime(2026, 11, 30, 16, 0, tzinfo=UTC), (2026, 12, 1), (2027, 1, 1)),  # midnight in Beijing
        ("year", datetime(2026, 12, 31, 15, 59, tzinfo=UTC), (2026, 1, 1), (2027, 1, 1)),
    ],
)
def test_a_period_is_of_the_wall_clock(every, at, start, end):
    assert [(d.year, d.month, d.day) for d in period_of(every, at)] == [start, end]


def test_what_is_signed_is_gone_and_what_is_withdrawn_comes_back(desk, remedy):
    case = remedy.case()
    unit = case.unit or case.intake_unit
    first = remedy.drafts(case, 20_000)
    assert budget_for(first, desk.now) is None  # nobody has set one
    budgets(unit, MONTH, desk)
    found = budget_for(first, desk.now)
    assert found and (found.unit, found.left_fen, found.over_by(20_000)) == (unit, MONTH, 0)
    remedy.signed(first)
    assert budget_for(first, desk.now).gone_fen == 0  # one's own is not counted twice
    second = remedy.drafts(remedy.case(**another("滤芯漏发，补寄还没到。", 4)), 40_000)
    found = budget_for(second, desk.now)
    assert (found.gone_fen, found.left_fen, found.over_by(40_000)) == (20_000, 30_000, 10_000)
    remedy.signed(second)  # a warning, no more
    resolution.withdraw(remedy.anew(first), "客户改主意", by=desk.agent, at=desk.now)
    third = remedy.drafts(remedy.case(**another("遥控器按键失灵。", 5)), 1_000)
    assert budget_for(third, desk.now).gone_fen == 40_000
    assert budget_for(third, desk.wait(days=40)).gone_fen == 0  # another month


def test_a_unit_without_one_draws_on_the_unit_above(desk, remedy):
    option = remedy.drafts(remedy.case(), 20_000)
    unit = option.case.unit or option.case.intake_unit
    top = units.Unit.objects.get(pk=unit.ancestry[0])
    budgets(top, 900_000, desk, "year")
    found = budget_for(option, desk.now)
    assert found and (found.unit, found.every, found.total_fen) == (top, "year", 900_000)
    if unit.pk != top.pk:
        budgets(unit, 0, desk)
        assert budget_for(option, desk.now).over_by(1) == 1  # nothing to give is a budget too


def test_a_strict_policy_signs_nothing_beyond_it(desk, remedy, monkeypatch):
    option = remedy.drafts(remedy.case(), 20_000)
    unit = option.case.unit or option.case.intake_unit
    budgets(unit, 19_999, desk)
    (step,) = approval.propose(option, by=desk.agent, at=desk.now)
    pack = in_force(desk.now).pack
    strict = pack.model_copy(update={"approval": pack.approval.model_copy(update={"over_budget": "block"})})
    monkeypatch.setattr("wenguo.policy.versions.pack", lambda pk: strict)
    with pytest.raises(NotNow, match="预算不够"):
        approval.approve(step, "同意", by=desk.supervisor, at=desk.now)
    step.refresh_from_db()
    assert step.state == "waiting"
    budgets(unit, 20_000, desk)
    approval.approve(step, "同意", by=desk.supervisor, at=desk.now)
    assert remedy.anew(option).is_signed


def test_a_change_is_in_the_journal_of_the_unit(desk):
    unit = desk.agent.posts.first().unit
    budgets(unit, MONTH, desk)
    event = journal.Event.objects.filter(type="unit.changed").latest("seq")
    assert event.data == {"budget_fen": MONTH} and event.stream.ref == str(unit.pk)
    with pytest.raises(Invalid):
        budgets(unit, 1, desk, "week")
