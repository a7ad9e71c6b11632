"""Whatever people do to a case, in whatever order, its row is what its journal tells, and every chain verifies."""

from __future__ import annotations

import random

import pytest
from tests.conftest import stays, stays_as_told

from wenguo import journal
from wenguo.cases import acceptance, clock, followup, handover, letters, reply, triage
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.cases.sweep import sweep
from wenguo.errors import Refusal


def acts(desk, case, dice):
    """Everything a busy company might do next; most of it is refused, which must leave no trace."""
    who = [p for p in desk.by_name.values()]
    by, unit = dice.choice(who), dice.choice(list(desk.units.values()))
    now = desk.now
    last = case.handovers.order_by("-pk").first()
    task = case.joint_tasks.order_by("-pk").first()
    call = case.followups.filter(state="planned").first()
    reasons = case.pack
    return [
        lambda: acceptance.accept(case, by=by, at=now),
        lambda: triage.classify(case, dice.choice(reasons.subs).code, by=by, at=now),
        lambda: triage.grade(case, dice.randint(1, 4), "看过了", by=by, at=now),
        lambda: triage.assign(case, unit, "请办理", by=by, at=now),
        lambda: handover.take(case, by=by, at=now),
        lambda: handover.appoint(case, dice.choice(who), by=by, at=now),
        lambda: handover.dispatch(case, unit, "请办理", by=by, at=now),
        lambda: last and handover.sign(last, by=dice.choice(handover.desk_of(last.to_unit, now) or who), at=now),
        lambda: (
            last and handover.give_back(last, reasons.return_reasons[0].code, "不归我们", proposed=unit, by=by, at=now)
        ),
        lambda: last and handover.arbitrate(last, unit, "就这样", by=by, at=now),
        lambda: handover.ask_help(case, unit, "帮忙", by=by, at=now),
        lambda: task and handover.help(task, "好了", by=by, at=now),
        lambda: handover.remind(case, "快一点", by=case.customer, at=now),
        lambda: handover.supervise(case, "限期回报", by=by, at=now),
        lambda: clock.pause(case, "waiting_customer", "等材料", by=by, at=now),
        lambda: clock.resume(case, by=by, at=now),
        lambda: letters.say(case, "", "正在办理", by=by, at=now, response=True),
        lambda: letters.hear(case, "还有一件事", by=case.customer, at=now),
        lambda: acceptance.change_record(
            case, {"place": "家里", "batch": "B1", "subject": "改过的事由"}, by=by, at=now
        ),
        lambda: acceptance.convert(case, "consultation", "其实是咨询", by=by, at=now),
        lambda: reply.settle_at_once(case, "已解决", by=by, at=now),
        lambda: (
            call and followup.call_back(call, reached=True, solved=True, content=dice.random() < 0.5, by=by, at=now)
        ),
        lambda: followup.reassess(case, "不满意", by=by, at=now),
        lambda: followup.reopen(case, "又坏了", by=case.customer, at=now),
        lambda: acceptance.withdraw(case, "算了", by=case.customer, at=now) if dice.random() < 0.1 else None,
        lambda: sweep(at=now),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_row_is_what_the_journal_tells(desk, seed):
    dice = random.Random(seed)
    case = desk.receives("热水器点火失败,维修两次无效。", happened="上周")
    done = 0
    for _step in range(70):
        desk.wait(hours=dice.choice([0.1, 1, 5, 30]))
        case = Case.objects.get(pk=case.pk)
        before = journal.Stream.objects.get(pk=case.stream_id).seq
        try:
            dice.choice(acts(desk, case, dice))()
            done += 1
        except Refusal:
            assert journal.Stream.objects.get(pk=case.stream_id).seq == before, "a refusal must leave no trace"
        row = Case.objects.get(pk=case.pk)
        assert fold(row) == {name: plain(getattr(row, name)) for name in PROJECTED}
        assert stays(row) == stays_as_told(row)
    assert done > 15
    assert journal.verify(case.stream).ok
