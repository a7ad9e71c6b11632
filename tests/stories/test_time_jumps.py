"""A clock on the wall that is wrong: set back, set far ahead, or different on two machines. Nothing fires twice,
nothing is lost.

The sweep has one idea of time, its `at`; here it jumps as the clock of a machine would.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from wenguo.cases import clock, letters
from wenguo.cases.clock import Firing
from wenguo.cases.notice import Notice
from wenguo.cases.sweep import sweep
from wenguo.journal import Event, verify

MATTER = "洗衣机脱水时剧烈震动,维修两次没修好,要求换新。"


def sweep_all(at) -> int:
    """As the worker does: until nothing is due."""
    total = 0
    while taken := sweep(at=at):
        total += taken
    return total


def told(case) -> list[tuple[int, int]]:
    """Every (clock, percent) the journal tells of, in order."""
    found = Event.objects.filter(stream_id=case.stream_id, type__in=("clock.warned", "clock.breached")).order_by("seq")
    return [(event.data["clock"], event.data["percent"]) for event in found]


def test_set_back_it_stays_silent_and_tells_nothing_again(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    due = case.clocks.get(kind="solve").due_at
    assert sweep_all(due + timedelta(minutes=1))
    before, firings, notices = told(case), Firing.objects.count(), Notice.objects.count()
    assert before
    for back in (timedelta(seconds=1), timedelta(hours=1), timedelta(days=400)):
        assert sweep_all(due - back) == 0
    assert sweep_all(due + timedelta(minutes=1)) == 0
    assert (told(case), Firing.objects.count(), Notice.objects.count()) == (before, firings, notices)


def test_two_machines_that_disagree_about_the_time_fire_each_mark_once(desk):
    case = desk.triages(desk.receives(MATTER, level=3))
    due = case.clocks.get(kind="solve").due_at
    start = desk.now
    for step in range(0, 240):
        at = start + (due - start) * step / 200
        sweep_all(at + timedelta(hours=3) if step % 2 else at - timedelta(hours=3))
    sweep_all(due + timedelta(days=400))
    marks = Counter(told(case))
    assert marks and max(marks.values()) == 1
    fired = Firing.objects.filter(clock__case=case)
    assert fired.count() == fired.values("clock", "percent").distinct().count()
    solve = case.clocks.get(kind="solve")
    assert {50, 75, 90, 100} <= set(fired.filter(clock=solve).values_list("percent", flat=True))


def test_far_ahead_and_back_again_loses_no_promise(desk):
    """A machine wakes up ten years ahead, fires what it believes is due, and is set right: cases that come after that
    are warned about and breached as ever, and each old promise keeps its own due date.
    """
    old = desk.triages(desk.receives(MATTER, level=3))
    due = old.clocks.get(kind="solve").due_at
    assert sweep_all(desk.now + timedelta(days=3650))
    assert old.clocks.get(kind="solve").due_at == due
    new = desk.triages(desk.receives("空调外机噪音很大,邻居已经投诉。", level=3, phone="13900002222"))
    assert sweep_all(desk.now) == 0
    promise = new.clocks.get(kind="solve")
    sweep_all(promise.due_at + timedelta(minutes=1))
    assert (promise.pk, 100) in told(new)
    assert max(Counter(told(old)).values()) == 1
    for case in (old, new):
        assert verify(case.stream).ok


def test_a_pause_begun_before_the_clock_was_set_back_still_ends_well(desk):
    """The hour of summer time, or a repaired clock: resuming "before" the pause adds nothing and fails nothing."""
    case = desk.triages(desk.receives(MATTER, level=3))
    due = case.clocks.get(kind="solve").due_at
    clock.pause(case, "waiting_customer", "请客户提供购买凭证", by=desk.agent, at=desk.wait(hours=1))
    letters.hear(case, "发票照片在这里", by=case.customer, at=desk.now - timedelta(minutes=30))
    after = case.clocks.get(kind="solve")
    assert after.state == "running" and after.due_at == due
    assert sweep_all(after.due_at + timedelta(minutes=1))
    assert verify(case.stream).ok
