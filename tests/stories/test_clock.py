"""Promises are kept, warned about, broken and escalated, paused and extended; every one can be explained."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils.translation import override

from wenguo.cases import clock, handover, letters, triage
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock, Consent, Firing
from wenguo.cases.notice import Notice
from wenguo.cases.sweep import sweep
from wenguo.errors import Invalid, NotNow, NotYours

MATTER = "洗衣机脱水时剧烈震动,维修两次没修好,要求换新。"


def beijing(day: str, hour: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{hour}:00+08:00").astimezone(UTC)


def solve(case) -> Clock:
    return case.clocks.get(kind="solve")


def test_a_level_three_case_before_the_national_holiday(desk):
    """Received Wednesday 2026-09-30 17:00. 1–7 October are holidays; Saturday 10 October is worked, 20 September
    was.
    """
    desk.now = beijing("2026-09-30", "17:00")
    case = desk.receives(MATTER, level=3)
    assert case.clocks.get(kind="respond").due_at == beijing("2026-10-08", "17:00")
    assert solve(case).due_at == beijing("2026-10-10", "17:00")


def test_warnings_breach_and_escalation_each_once_also_after_downtime(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    due = solve(case).due_at
    assert sweep(at=desk.now) == 0
    desk.now = due + timedelta(days=20)  # the workers were down
    while sweep(at=desk.now):
        pass
    percents = sorted(Firing.objects.filter(clock=solve(case)).values_list("percent", flat=True))
    assert percents[:4] == [50, 75, 90, 100] and percents[4:] and percents[4] == 150
    before = desk.timeline(case)
    assert sweep(at=desk.now) == 0
    assert desk.timeline(case) == before
    told = {n.person for n in Notice.objects.filter(case=case, kind="clock.solve")}
    assert {desk.supervisor, desk.manager} <= told


def test_regrading_derives_the_promise_anew_from_its_old_start(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    old = solve(case)
    triage.grade(case, 2, "媒体已联系,影响扩大", by=desk.agent, at=desk.wait(hours=2))
    new = solve(case)
    assert new.pk == old.pk and new.started_at == old.started_at and new.due_at < old.due_at
    with pytest.raises(NotYours):
        triage.grade(case, 4, "客户已平静", by=desk.agent, at=desk.now)


def test_a_pause_is_visible_and_moves_the_promise_by_exactly_itself(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    before = solve(case).due_at
    clock.pause(case, "waiting_customer", "请客户提供购买凭证", by=desk.agent, at=desk.wait(hours=1))
    assert solve(case).due_at is None and case.waiting_since == desk.now
    letters.hear(case, "发票照片在这里", by=case.customer, at=desk.wait(hours=2))
    after = solve(case)
    assert after.state == "running" and case.waiting_since is None
    assert clock.calendar_of("standard").between(before, after.due_at) == 120 - 30  # 11:00–12:00 and 13:30–… counted
    stretches = clock.explain(after, at=desk.now).stretches
    with override("en"):
        assert not re.search("[\u3400-\u9fff]", clock.explain(after, at=desk.now).basis + stretches[0].words())
    assert any(s.kind == "paused" for s in stretches)
    assert stretches[0].start == after.started_at and stretches[-1].end == after.due_at


def test_a_statutory_promise_never_waits_for_the_customer(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    law = clock.start(case, "statutory", by=desk.agent, at=desk.now, regime="telecom")
    clock.pause(case, "waiting_customer", "等客户", by=desk.agent, at=desk.now)
    law.refresh_from_db()
    assert law.state == "running"


def test_an_extension_needs_the_customers_word_before_the_first_date(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    promise = solve(case)
    until = promise.due_at + timedelta(days=3)
    with pytest.raises(Invalid) as refused:
        clock.extend(case, promise, until, "等配件", consent=None, by=desk.agent, at=desk.now)
    assert "consent" in refused.value.fields
    said = Consent("王小明", "phone", desk.now)
    clock.extend(case, promise, until, "等配件", consent=said, by=desk.agent, at=desk.now)
    promise = solve(case)
    assert promise.due_at == until and promise.first_due_at < until
    desk.now = until + timedelta(minutes=1)
    with pytest.raises(NotNow):
        clock.extend(case, promise, until + timedelta(days=9), "再等", consent=said, by=desk.agent, at=desk.now)


def test_a_call_that_says_how_it_will_be_handled_keeps_the_promise_to_respond(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    letters.called(case, "no_answer", "", by=desk.agent, at=desk.now, response=True)
    assert case.clocks.live().filter(kind="respond").exists()
    letters.called(
        case, "reached", "说明将上门检测,三日内给方案", by=desk.agent, at=desk.wait(minutes=5), response=True
    )
    case.refresh_from_db()
    assert case.responded_at == desk.now
    assert case.clocks.get(kind="respond").is_on_time


def test_a_wrong_dispatch_comes_back_and_at_last_an_arbiter_rules(desk):
    case = desk.triages(desk.receives(MATTER, level=3), to=None)
    first = handover.dispatch(case, desk.units["zl"], "请检测", by=desk.agent, at=desk.now)
    assert case.clocks.get(kind="handover", about=first.about).started_at == desk.now
    reason = case.pack.return_reasons[0].code
    with pytest.raises(NotYours):
        handover.give_back(first, reason, "不归我们", by=desk.repairer, at=desk.now, proposed=desk.units["sh"])
    handover.give_back(first, reason, "不归我们", by=desk.quality, at=desk.wait(hours=1), proposed=desk.units["sh"])
    case.refresh_from_db()
    assert case.returns == 1 and case.owner == desk.agent
    second = handover.dispatch(case, desk.units["sh"], "请维修部办理", by=desk.agent, at=desk.now)
    handover.give_back(second, reason, "也不归我们", by=desk.repairer, at=desk.wait(hours=1), proposed=desk.units["zl"])
    second.refresh_from_db()
    case.refresh_from_db()
    assert second.state == "disputed"
    with pytest.raises(NotNow):
        handover.dispatch(case, desk.units["zl"], "再转一次", by=desk.agent, at=desk.now)
    ruled = handover.arbitrate(second, desk.units["sh"], "维修属售后职责", by=desk.supervisor, at=desk.now)
    with pytest.raises(NotNow):
        handover.give_back(ruled, reason, "还是不归我们", by=desk.repairer, at=desk.now, proposed=desk.units["zl"])
    handover.sign(ruled, by=desk.repairer, at=desk.now)
    case.refresh_from_db()
    assert case.owner == desk.repairer and case.first_responsible == desk.agent
    with pytest.raises(NotNow):
        handover.sign(ruled, by=desk.repairer, at=desk.now)


def test_a_lead_waits_for_the_help_it_asked_for(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    task = handover.ask_help(case, desk.units["zl"], "检测同批次三台", by=desk.agent, at=desk.now)
    assert not handover.joint_gate(case).open
    handover.help(task, "三台均合格", by=desk.quality, at=desk.wait(hours=3))
    assert handover.joint_gate(case).open
    assert case.clocks.get(about=task.about).is_on_time


def test_who_may_see_a_case(desk):
    case = desk.triages(desk.receives(MATTER, level=3))

    def sees(person):
        return Case.objects.visible_to(person, desk.now).filter(pk=case.pk).exists()

    assert sees(desk.agent) and sees(desk.other_agent) and sees(desk.supervisor) and sees(desk.executive)
    assert not sees(desk.quality) and not sees(desk.east_agent) and not sees(desk.admin)
    handover.ask_help(case, desk.units["zl"], "检测", by=desk.agent, at=desk.now)
    assert sees(desk.quality)


def test_a_regulators_date_is_kept_beside_our_own(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    with pytest.raises(Invalid) as refused:
        clock.set_deadline(case, by=desk.agent, at=desk.now)
    assert set(refused.value.fields) == {"title", "until"}
    letter = clock.set_deadline(
        case, until=desk.now + timedelta(days=9), title="市场监管局 2026-77 号", by=desk.agent, at=desk.now
    )
    law = clock.set_deadline(case, regime="telecom", by=desk.agent, at=desk.now)
    assert law.started_at == case.received_at and letter.due_at == desk.now + timedelta(days=9)
    with pytest.raises(NotNow):
        clock.set_deadline(case, regime="telecom", by=desk.agent, at=desk.now)
    for fixed in (law, letter):
        with pytest.raises(NotNow):
            clock.extend(
                case, fixed, fixed.due_at + timedelta(days=5), "再等等", consent=None, by=desk.agent, at=desk.now
            )
    bank = clock.set_deadline(case, regime="nfra", by=desk.agent, at=desk.now)
    with pytest.raises(NotYours):
        clock.extend(case, bank, bank.due_at + timedelta(days=5), "案情复杂", consent=None, by=desk.agent, at=desk.now)
