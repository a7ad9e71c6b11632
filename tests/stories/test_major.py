"""重大投诉: marked by rule with its reason, lifted only by a person with one, and dealt with in its own way. TR-10."""

from __future__ import annotations

import pytest

from wenguo.cases import acceptance, group, grouping, letters, major
from wenguo.cases.case import PROJECTED, fold, plain
from wenguo.cases.notice import Notice
from wenguo.customers.customer import Customer
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event

CALM = "净化器用了三天就不出风了,请安排人来修。"
FURIOUS = "你们就是骗子,王八蛋!不得好死!我气疯了!!!再不处理跟你们没完!!"


def marked(desk, text=CALM, **claims):
    case = desk.receives(text, **claims)
    rules = major.look(case.pk, at=desk.wait(minutes=1))
    case.refresh_from_db()
    assert ("major" in case.flags) == bool(rules)
    assert fold(case) == {name: plain(getattr(case, name)) for name in PROJECTED}
    return case, rules


@pytest.mark.parametrize(
    ("text", "claims", "rule"),
    [
        (CALM, {"order_fen": 5_000_000}, "MJ-VALUE"),
        (CALM + "我是记者,这事我会一直跟。", {}, "MJ-INFLUENCE"),
        (FURIOUS, {}, "MJ-HEATED"),
        (CALM, {"claim_fen": 5_000_000}, "MJ-CLAIM"),
        (CALM, {"claim_fen": 1_000_000, "order_fen": 99_900}, "MJ-BEYOND"),
    ],
)
def test_each_rule_marks_what_it_means(desk, text, claims, rule):
    case, rules = marked(desk, text, **claims)
    assert rule in rules
    event = Event.objects.get(stream_id=case.stream_id, type="case.major")
    assert event.by == "system" and rule in event.because and event.data["rules"] == rules


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        (CALM, {}),
        (CALM + "我又不是记者,只想把东西修好。", {}),
        (CALM, {"claim_fen": 300_000, "order_fen": 99_900}),  # threefold, as the law has it
        (CALM, {"claim_fen": 4_999_999, "order_fen": 4_999_999}),
        ("🙂", {}),
    ],
)
def test_what_is_ordinary_stays_ordinary(desk, text, claims):
    assert marked(desk, text, **claims)[1] == []


def test_a_vip_is_major_and_the_manager_hears_of_it_once(desk):
    first = desk.receives("第一件小事,包装盒有点皱。")
    Customer.objects.filter(pk=first.customer_id).update(vip=True)
    case, rules = marked(desk, CALM)
    assert rules == ["MJ-VIP"]
    assert major.look(case.pk, at=desk.wait(minutes=1)) == []
    assert Notice.objects.filter(person=desk.manager, case=case, kind="case.major").count() == 1
    assert case.is_visible_to(desk.manager, desk.now)


def test_anger_that_grows_in_the_talk_marks_it_too(desk):
    case, rules = marked(desk)
    assert rules == []
    letters.hear(case, FURIOUS, by=case.customer, at=desk.wait(days=1))
    assert major.look(case.pk, at=desk.now) == ["MJ-HEATED"]


def test_a_confirmed_group_is_major(desk):
    cases = [desk.receives(CALM, name=f"客户{n}", phone=f"1380000111{n}") for n in range(3)]
    suggested = group.Group.objects.create(
        matter=1, state=group.Group.State.SUGGESTED, people=3, made_at=desk.now, newest_at=desk.now
    )
    for case in cases:
        group.Member.objects.create(
            group=suggested, case=case, state=group.Member.State.SUGGESTED, likeness=1.0, at=desk.now
        )
    grouping.confirm(suggested, [c.pk for c in cases], cases[0].pk, by=desk.supervisor, at=desk.now)
    assert major.look(cases[1].pk, at=desk.now) == ["MJ-GROUP"]


def test_only_a_supervisor_lifts_it_with_a_reason_and_it_stays_lifted(desk):
    case, _rules = marked(desk, order_fen=5_000_000)
    with pytest.raises(NotYours):
        major.lift(case, "不算", by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        major.lift(case, "  ", by=desk.supervisor, at=desk.now)
    major.lift(case, "企业年度采购,日常小故障", by=desk.supervisor, at=desk.wait(hours=1))
    assert "major" not in case.flags
    event = Event.objects.get(stream_id=case.stream_id, type="case.major_lifted")
    assert event.by == desk.supervisor.journal_ref and event.private["reason"].startswith("企业")
    assert major.look(case.pk, at=desk.now) == []  # for the same rule it does not come back
    with pytest.raises(NotNow):
        major.lift(case, "再来一次", by=desk.supervisor, at=desk.now)
    letters.hear(case, FURIOUS, by=case.customer, at=desk.wait(days=1))
    assert major.look(case.pk, at=desk.now) == ["MJ-HEATED"]  # for another it does


def test_a_person_may_mark_what_no_rule_sees_and_it_is_not_settled_at_once(desk):
    from wenguo.cases.reply import settle_at_once

    case = desk.receives(CALM, nature="consultation")
    acceptance.accept(case, by=desk.agent, at=desk.now)
    major.mark(case, "客户是本市消协的特约监督员", by=desk.agent, at=desk.now)
    assert major.why(case) == ([], "客户是本市消协的特约监督员")
    with pytest.raises(NotNow, match="重大"):
        major.mark(case, "再标一次", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="重大"):
        settle_at_once(case, "已经说明", by=desk.agent, at=desk.now)
