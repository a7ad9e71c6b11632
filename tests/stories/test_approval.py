"""Four eyes: who may sign what, in whose name, in which order; and what an emergency allows."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from wenguo.cases import approval, evidence, followup, override, resolution
from wenguo.cases.approval import Approval
from wenguo.cases.case import Case, record
from wenguo.cases.lifecycle import gates
from wenguo.cases.notice import Notice
from wenguo.cases.quote import Item
from wenguo.cases.resolution import Draft
from wenguo.cases.sweep import sweep
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event
from wenguo.people import deputies
from wenguo.people.actor import SYSTEM
from wenguo.policy.versions import in_force

YUAN = 100


def asked(desk, option, by=None):
    return approval.propose(option, by=by or option.drafted_by, at=desk.now)


def stand_in(desk, absent, deputy):
    deputies.appoint(absent, deputy, desk.now, desk.now + timedelta(days=5), by=absent, at=desk.now, reason="出差")
    for person in (absent, deputy):
        person.forget()


@pytest.mark.parametrize(
    ("level", "yuan", "rules"),
    [
        (4, 500, ["AP-1"]),
        (4, 501, ["AP-2"]),
        (3, 1, ["AP-2"]),
        (3, 2_001, ["AP-3"]),
        (2, 1, ["AP-3"]),
        (3, 10_001, ["AP-3", "AP-4"]),
        (1, 1, ["AP-3", "AP-4"]),
    ],
)
def test_the_stricter_of_level_and_amount_decides(desk, remedy, level, yuan, rules):
    option = remedy.drafts(remedy.case(level=level), yuan * YUAN)
    steps = asked(desk, option)
    assert [s.rule for s in steps] == rules
    option.refresh_from_db()
    assert (option.state, option.ladder_fen, option.level) == ("submitted", yuan * YUAN, level)


def test_above_the_table_takes_one_step_more(desk, remedy):
    case = remedy.case(level=4)
    items = [Item("economic", {"price_fen": 100}, amount_fen=200)]
    draft = Draft("补偿", "补偿客户", items=items, over_reason="往返两次")
    (step,) = asked(desk, resolution.draft_option(case, draft, by=desk.agent, at=desk.now))
    assert step.rule == "AP-2"


def test_nobody_signs_their_own(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case, by=desk.supervisor)
    (step,) = asked(desk, option)
    with pytest.raises(NotYours, match="自己"):
        approval.approve(step, by=desk.supervisor, at=desk.now)
    assert approval.waiting_for(desk.supervisor, desk.now) == []
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=step.pk).update(state="approved", decided_by=desk.supervisor)
    approval.approve(step, by=desk.manager, at=desk.now)  # a higher rank may
    assert Approval.objects.get(pk=step.pk).state == "approved"


def test_who_wrote_it_does_not_sign_it_when_another_submits(desk, remedy):
    option = remedy.drafts(remedy.case(), by=desk.supervisor)
    (step,) = asked(desk, option, by=desk.agent)
    with pytest.raises(NotYours):
        approval.approve(step, by=desk.supervisor, at=desk.now)


def test_within_the_limit_of_the_front_line_a_colleague_signs(desk, remedy):
    option = remedy.drafts(remedy.case(level=4), 300 * YUAN)
    (step,) = asked(desk, option)
    with pytest.raises(NotYours):
        approval.approve(step, by=desk.agent, at=desk.now)
    assert desk.other_agent in approval.signers(step, at=desk.now)
    approval.approve(step, by=desk.other_agent, at=desk.now)
    assert Approval.objects.get(pk=step.pk).state == "approved"


def test_only_the_role_or_a_higher_rank_of_this_line_signs(desk, remedy):
    (step,) = asked(desk, remedy.drafts(remedy.case()))
    for person in (desk.other_agent, desk.senior, desk.repair_manager, desk.east_supervisor):
        with pytest.raises(NotYours):
            approval.approve(step, by=person, at=desk.now)
    approval.approve(step, by=desk.executive, at=desk.now)


def test_a_branch_turns_to_its_own_and_to_the_same_line_above(desk, remedy):
    case = remedy.case(region="华东")
    record(case, "case.assigned", by=SYSTEM, at=desk.now, set={"unit_id": desk.units["hdkf"].pk})
    case = Case.objects.get(pk=case.pk)
    (step,) = asked(desk, remedy.drafts(case, 100, by=desk.east_agent))
    assert approval.in_whose_name(step, desk.east_supervisor, at=desk.now) == desk.east_supervisor
    assert approval.in_whose_name(step, desk.manager, at=desk.now) == desk.manager  # customer service, one level up
    assert approval.in_whose_name(step, desk.repair_manager, at=desk.now) is None


def test_several_steps_are_signed_in_order_by_different_people(desk, remedy):
    case = remedy.case(level=1)
    option = remedy.drafts(case)
    first, second = asked(desk, option)
    with pytest.raises(NotNow, match="轮到"):
        approval.approve(second, by=desk.executive, at=desk.now)
    assert [approval.waiting_for(p, desk.now) for p in (desk.manager, desk.agent)] == [[first], []]
    approval.approve(first, by=desk.executive, at=desk.now)
    with pytest.raises(NotYours, match="另一步"):
        approval.approve(second, by=desk.executive, at=desk.now)
    assert case.clocks.live().get(kind="approve").about == second.about
    with pytest.raises(NotYours):
        approval.approve(second, by=desk.manager, at=desk.now)  # not an executive


def test_the_second_press_does_nothing_and_others_come_too_late(desk, remedy):
    option = remedy.drafts(remedy.case())
    (step,) = asked(desk, option)
    approval.approve(step, by=desk.supervisor, at=desk.now, device="iPhone 企业微信")
    before = desk.timeline(option.case)
    approval.approve(Approval.objects.get(pk=step.pk), by=desk.supervisor, at=desk.now)
    assert desk.timeline(option.case) == before
    with pytest.raises(NotNow, match="李强"):
        approval.approve(Approval.objects.get(pk=step.pk), by=desk.manager, at=desk.now)
    with pytest.raises(NotNow):
        approval.return_(Approval.objects.get(pk=step.pk), "不同意", by=desk.supervisor, at=desk.now)
    assert Approval.objects.get(pk=step.pk).device == "iPhone 企业微信"


def test_a_deputy_signs_in_the_name_of_the_absent(desk, remedy):
    stand_in(desk, desk.supervisor, desk.senior)
    option = remedy.drafts(remedy.case())
    (step,) = asked(desk, option)
    assert desk.senior in approval.signers(step, at=desk.now)
    assert approval.waiting_for(desk.senior, desk.now) == [step]
    approval.approve(step, "代批", by=desk.senior, at=desk.now)
    step = Approval.objects.get(pk=step.pk)
    assert (step.decided_by, step.in_name_of) == (desk.senior, desk.supervisor)
    event = Event.objects.get(stream_id=option.case.stream_id, type="approval.granted")
    assert event.by == desk.senior.journal_ref and event.data["in_name_of"] == desk.supervisor.pk


def test_a_deputy_does_not_sign_what_the_absent_proposed(desk, remedy):
    stand_in(desk, desk.supervisor, desk.senior)
    (step,) = asked(desk, remedy.drafts(remedy.case(), by=desk.supervisor))
    with pytest.raises(NotYours, match="代理"):
        approval.approve(step, by=desk.senior, at=desk.now)
    assert approval.waiting_for(desk.senior, desk.now) == []


def test_when_the_deputyship_is_over_so_is_the_signature(desk, remedy):
    stand_in(desk, desk.supervisor, desk.senior)
    (step,) = asked(desk, remedy.drafts(remedy.case()))
    with pytest.raises(NotYours):
        approval.approve(step, by=desk.senior, at=desk.wait(days=6))


def test_returned_with_a_reason_changed_and_asked_again(desk, remedy):
    case = remedy.case(level=1)
    option = remedy.drafts(case)
    first, second = asked(desk, option)
    with pytest.raises(Invalid):
        approval.return_(first, "  ", by=desk.manager, at=desk.now)
    approval.return_(first, "缺检测报告", by=desk.manager, at=desk.now)
    remedy.anew(option)
    assert option.state == "returned" and Approval.objects.get(pk=second.pk).state == "skipped"
    assert not case.clocks.live().filter(kind="approve").exists()
    with pytest.raises(NotNow):
        resolution.offer(option, by=desk.agent, at=desk.now)
    option = resolution.change_option(option, Draft("补", "补检测报告", kinds=["repair"]), by=desk.agent, at=desk.now)
    remedy.signed(option, desk.manager, desk.executive)
    assert option.state == "approved" and option.attempt == 2 and option.approvals.count() == 4


def test_a_change_makes_signatures_void(desk, remedy):
    case = remedy.case()
    option = remedy.signed(remedy.drafts(case))
    option = resolution.change_option(
        option, Draft("多给", "多给一些", items=[Item("economic", {"price_fen": 90_000})]), by=desk.agent, at=desk.now
    )
    with pytest.raises(NotNow):
        resolution.offer(option, by=desk.agent, at=desk.now)
    assert "方案审批通过" in [g.words for g in gates(case, "settle") if not g.open]
    (step,) = asked(desk, option)
    resolution.change_option(option, Draft("再改", "再改", kinds=["gift"]), by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        approval.approve(step, by=desk.supervisor, at=desk.now)
    assert not case.clocks.live().filter(kind="approve").exists()


def test_asked_twice_is_asked_once(desk, remedy):
    option = remedy.drafts(remedy.case())
    asked(desk, option)
    with pytest.raises(NotNow):
        asked(desk, option)
    assert option.approvals.count() == 1


def test_goodwill_to_the_same_customer_adds_up(desk, remedy):
    points = [Item("distress", {"order_fen": 60_000})]  # 180 yuan
    for text in ("净化器漏水,地板泡坏了。", "客服电话三天打不通,一直占线。", "赠品滤芯一直没有寄到。"):
        case = remedy.case(level=4, text=text)
        option = resolution.draft_option(case, Draft("安慰", "补偿不便", items=points), by=desk.agent, at=desk.now)
        steps = asked(desk, option)
    assert [s.rule for s in steps] == ["AP-2"]  # 540 yuan in all
    option.refresh_from_db()
    assert (option.amount_fen, option.ladder_fen) == (18_000, 54_000)
    desk.wait(days=91)
    case = remedy.case(level=4, text="遥控器按键失灵,需要更换。")
    option = resolution.draft_option(case, Draft("安慰", "补偿不便", items=points), by=desk.agent, at=desk.now)
    assert [s.rule for s in asked(desk, option)] == ["AP-1"]


def test_a_step_that_takes_too_long_is_told_above(desk, remedy):
    case = remedy.case()
    (step,) = asked(desk, remedy.drafts(case))
    due = case.clocks.get(kind="approve", about=step.about).due_at
    while sweep(at=due + timedelta(minutes=1)):
        pass
    assert Notice.objects.filter(case=case, person=desk.manager, kind="clock.approve").exists()
    assert "clock.breached" in desk.timeline(case)
    approval.approve(step, by=desk.manager, at=due + timedelta(hours=1))  # and may be decided there


def test_the_clock_of_a_step_is_the_shorter_of_both(desk, remedy):
    case = remedy.case()
    asked(desk, remedy.drafts(case, 3_000 * YUAN))  # AP-3: 4 working hours; the clock table: one working day
    terms = case.clocks.get(kind="approve")
    assert terms.allowance == {"hours": 4.0} and terms.due_at - terms.started_at < timedelta(hours=7)


def test_the_inbox_costs_a_fixed_number_of_queries(desk, remedy):
    def queries():
        desk.supervisor.forget()
        in_force(desk.now)  # looked at anew every few seconds, on a slow machine in between
        with CaptureQueriesContext(connection) as caught:
            rows = approval.waiting_for(desk.supervisor, desk.now)
        return len(rows), len(caught)

    texts = ["净化器漏水,地板泡坏了。", "客服电话三天打不通。", "赠品滤芯一直没有寄到。", "遥控器按键失灵。"]
    asked(desk, remedy.drafts(remedy.case(text=texts[0])))
    one = queries()
    for n, text in enumerate(texts[1:], 1):
        asked(desk, remedy.drafts(remedy.case(text=text, phone=f"1390000000{n}", mail="")))
    assert one[0] == 1 and queries() == (4, one[1])


# In an emergency


def stored(case, desk):
    kept = evidence.store("现场.txt", iter(["现场照片说明".encode()]))
    return evidence.attach(case, kept, by=desk.manager, at=desk.now)


def test_an_override_lets_it_through_and_the_justification_is_owed(desk, remedy):
    case = remedy.case(level=1)
    option = remedy.drafts(case)
    asked(desk, option)
    with pytest.raises(Invalid):
        override.override(option, " ", by=desk.manager, at=desk.now)
    with pytest.raises(NotYours):
        override.override(option, "客户受伤", by=desk.agent, at=desk.now)
    made = override.override(option, "客户受伤送医,须立即垫付", by=desk.manager, at=desk.now)
    remedy.anew(option)
    assert option.state == "approved" and {s.state for s in option.approvals.all()} == {"overridden"}
    assert "override_owed" in case.flags and list(override.owed_overrides()) == [made]
    assert case.clocks.running().filter(kind="override", about=made.about).exists()
    assert not case.clocks.live().filter(kind="approve").exists()
    assert Notice.objects.filter(person=desk.executive, kind="approval.overridden").exists()
    assert "越级审批的书面说明已补交" in [g.words for g in followup.archive_gates(case) if not g.open]
    resolution.offer(option, by=desk.agent, at=desk.now)  # the work goes on meanwhile

    with pytest.raises(Invalid) as lacking:
        override.justify(made, "", [], by=desk.manager, at=desk.now)
    assert set(lacking.value.fields) == {"words", "evidence"}
    proof = stored(case, desk)
    with pytest.raises(NotYours):
        override.justify(made, "说明", [proof], by=desk.quality_manager, at=desk.now)
    override.justify(made, "当时已电话请示王衡未接通", [proof], by=desk.manager, at=desk.wait(hours=5))
    assert "override_owed" not in case.flags and not override.owed_overrides().exists()
    assert case.clocks.get(kind="override").is_on_time
    with pytest.raises(NotNow):
        override.justify(made, "再说一次", [proof], by=desk.manager, at=desk.now)


def test_nobody_passes_over_others_for_their_own_option_nor_what_waits_for_nobody(desk, remedy):
    option = remedy.drafts(remedy.case(level=1), by=desk.manager)
    with pytest.raises(NotNow):
        override.override(option, "紧急", by=desk.manager, at=desk.now)
    asked(desk, option)
    with pytest.raises(NotYours, match="自己"):
        override.override(option, "紧急", by=desk.manager, at=desk.now)


# At once


@pytest.mark.django_db(transaction=True)
def test_two_press_at_once_and_one_wins(desk, remedy):
    option = remedy.drafts(remedy.case())
    (step,) = asked(desk, option)
    start, outcome = threading.Barrier(2), []

    def press(person):
        mine = Approval.objects.select_related("option__case").get(pk=step.pk)
        start.wait()
        try:
            approval.approve(mine, by=person, at=desk.now)
            outcome.append("signed")
        except NotNow:
            outcome.append("too late")
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(p,)) for p in (desk.supervisor, desk.manager)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["signed", "too late"]
    assert desk.timeline(option.case).count("approval.granted") == 1
    option.refresh_from_db()
    assert option.state == "approved"
