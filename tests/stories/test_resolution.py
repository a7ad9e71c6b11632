"""Options are calculated, compared, approved, offered and agreed upon; nobody promises what nobody has signed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from wenguo.cases import approval, execution, handover, investigation, payment, resolution, sheet
from wenguo.cases.case import fold, plain, record
from wenguo.cases.lifecycle import gates
from wenguo.cases.notice import Notice
from wenguo.cases.option import Option
from wenguo.cases.quote import Item, Line, choices, quote
from wenguo.cases.resolution import Draft
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event, verify
from wenguo.people.actor import SYSTEM

GOOD = dict(satisfaction=5, ease=4, cost=3, benefit=4, risk=5)
POOR = dict(satisfaction=2, ease=5, cost=5, benefit=1, risk=2)


def last(case, type):
    return Event.objects.filter(stream_id=case.stream_id, type=type).order_by("seq").last()


def shut(case, act):
    return [g.words for g in gates(case, act) if not g.open]


def test_an_offer_is_written_as_the_house_writes_whoever_sends_it(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case, 38_000, scores=GOOD, success="客户确认到账")
    resolution.choose(option, by=desk.agent, at=desk.now)
    (step,) = approval.propose(option, by=desk.agent, at=desk.now)
    approval.approve(step, "同意", by=desk.supervisor, at=desk.wait(hours=1))
    remedy.anew(option)
    with translation.override("en"):
        resolution.offer(option, by=desk.agent, at=desk.now)
    letter = last(case, "option.proposed").private
    assert letter["subject"] == f"请您确认处理方案（编号 {case.number}）"
    assert "我们拟订了处理方案，请您确认。" in letter["body"]


def test_a_solution_from_the_first_draft_to_carried_out(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case, 38_000, scores=GOOD, success="客户确认到账,两周内无再次投诉")
    resolution.choose(option, by=desk.agent, at=desk.now)
    (step,) = approval.propose(option, by=desk.agent, at=desk.now)
    assert step.rule == "AP-2" and case.clocks.running().filter(kind="approve", about=step.about).exists()
    approval.approve(step, "标准之内,同意", by=desk.supervisor, at=desk.wait(hours=1), device="iPhone")
    assert not case.clocks.live().filter(kind="approve").exists()
    remedy.anew(option)
    resolution.offer(option, by=desk.agent, at=desk.now)
    resolution.answer(option, "accept", "可以", by=case.customer, at=desk.wait(hours=1))
    remedy.anew(option)
    measure = remedy.plans(option, 38_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    assert case.stage == "execution"
    remedy.pays(measure)
    execution.complete(measure, "银行回单 HK000001", by=desk.agent, at=desk.wait(hours=1))
    execution.carry_out(case, by=desk.agent, at=desk.now)

    case.refresh_from_db()
    assert (case.stage, case.executed_at) == ("reply", desk.now)
    assert case.clocks.get(kind="solve").is_on_time
    told = [t for t in desk.timeline(case) if not t.startswith("clock.")]
    assert told[told.index("option.drafted") :] == [
        "option.drafted", "option.chosen", "approval.asked", "approval.granted", "option.proposed", "option.answered",
        "measure.added", "case.settled", "payment.made", "measure.done", "case.executed",
    ]  # fmt: skip
    assert last(case, "case.settled").because == "AP-2"
    assert {k: v for k, v in fold(case).items() if plain(getattr(case, k)) != v} == {}
    assert verify(case.stream).ok


# Calculating


def test_the_calculator_shows_its_formula(desk, remedy):
    case = remedy.case()
    sums = quote(case, [Item("economic", {"price_fen": 199_900, "costs_fen": 2_000}), Item("points")])
    economic, points = sums.lines
    assert economic.amount_fen == 201_900 and "100%" in economic.formula and "合理费用" in economic.formula
    assert points.units == 9_995 and points.in_kind and points.amount_fen == 9_995 and "9995 积分" in points.words
    assert (sums.amount_fen, sums.goodwill_fen, sums.over_table) == (211_895, 9_995, False)


def test_the_formula_reads_in_the_language_of_who_reads_it(desk, remedy):
    case = remedy.case()
    case.customer.tier = "gold"
    case.customer.save()
    asked = [Item("economic", {"price_fen": 199_900}), Item("points"), Item("refund", amount_fen=10_000)]
    drafted = Draft("补偿", "按标准补偿。", items=asked)
    with translation.override("en"):  # who drafts it reads English
        option = resolution.draft_option(case, drafted, by=desk.agent, at=desk.now)
        option.refresh_from_db()
        economic, points, refund = option.quote.lines
        assert economic.explained == (
            "Price of the product 1,999.00 yuan; Actual loss 1,999.00 yuan × 100% = 1,999.00 yuan; "
            "Gold member, 10% more: 1,999.00 yuan × 10% = 199.90 yuan"
        )
        assert "15992 points" in points.explained
        assert refund.explained == "Refund 100.00 yuan" and refund.name == "Refund"
    assert economic.explained == economic.formula and economic.explained.startswith("产品价款 1,999.00 元；实际损失")
    assert refund.explained == "退款 100.00 元" and refund.name == "退款"
    old = {key: value for key, value in option.lines[0].items() if key != "steps"}  # kept before steps were
    with translation.override("en"):
        assert Line.from_json(old).explained == economic.formula


def test_the_tier_of_the_customer_is_counted(desk, remedy):
    case = remedy.case()
    case.customer.tier = "diamond"
    case.customer.save()
    assert quote(case, [Item("economic", {"price_fen": 10_000})]).amount_fen == 12_000


def test_what_may_be_asked_for_is_offered_with_the_facts_it_needs(desk, remedy):
    offered = {code: needs for code, _title, needs in choices(remedy.case(category="service.slow"))}
    assert offered["economic"] == ("order_fen", "delay_days") and offered["points"] == ("order_fen",)
    assert "refund" in offered and "other" in offered


@pytest.mark.parametrize(
    "items",
    [
        [Item("gold_bars", amount_fen=5)],
        [Item("economic")],  # the price is not known
        [Item("economic", {"price_fen": -1})],
        [Item("economic", {"price_fen": 100}, amount_fen=-5)],
        [Item("refund")],
        [Item("gift"), Item("gift")],
        [Item("economic", {"price_fen": 100}, basis="whim")],
    ],
)
def test_items_that_cannot_be_calculated_are_refused_in_words(desk, remedy, items):
    case = remedy.case()
    with pytest.raises(Invalid) as refused:
        resolution.draft_option(case, Draft("补偿", "补偿客户", items=items), by=desk.agent, at=desk.now)
    assert refused.value.fields
    assert not case.options.exists()


@pytest.mark.parametrize(
    ("items", "over"),
    [
        ([Item("economic", {"price_fen": 10_000}, amount_fen=10_000)], False),
        ([Item("economic", {"price_fen": 10_000}, amount_fen=10_001)], True),
        ([Item("refund", amount_fen=199_900)], False),
        ([Item("refund", amount_fen=199_901)], True),  # more than was paid
        ([Item("other", amount_fen=1)], True),
    ],
)
def test_above_the_table_needs_a_reason(desk, remedy, items, over):
    case = remedy.case()
    draft = Draft("补偿", "补偿客户", items=items)
    if over:
        with pytest.raises(Invalid) as refused:
            resolution.draft_option(case, draft, by=desk.agent, at=desk.now)
        assert set(refused.value.fields) == {"over_reason"}
        draft = Draft("补偿", "补偿客户", items=items, over_reason="客户二次上门,耽误工作一天")
    option = resolution.draft_option(case, draft, by=desk.agent, at=desk.now)
    assert option.over_table is over


def test_an_option_says_what_it_is(desk, remedy):
    case = remedy.case()
    with pytest.raises(Invalid) as refused:
        resolution.draft_option(case, Draft(" ", "\u202e", kinds=["magic"]), by=desk.agent, at=desk.now)
    assert set(refused.value.fields) == {"title", "what", "kinds"}
    option = remedy.drafts(case, title="<b>退</b>\u202e款", scores=GOOD)
    assert option.title == "<b>退</b>款" and option.kinds == ["compensation"]
    with pytest.raises(NotYours):
        remedy.drafts(case, by=desk.relationship)


# Comparing


def test_options_are_compared_and_the_choice_is_reasoned(desk, remedy):
    case = remedy.case()
    poor, good = remedy.drafts(case, None, title="只道歉", scores=POOR), remedy.drafts(case, 9_900, scores=GOOD)
    rows = resolution.matrix(case).rows
    assert [(r.option, r.score, r.is_best) for r in rows] == [(good, 425, True), (poor, 285, False)]
    with pytest.raises(Invalid):
        resolution.choose(poor, by=desk.agent, at=desk.now)
    resolution.choose(poor, "客户只要道歉", by=desk.agent, at=desk.now)
    resolution.choose(good, by=desk.agent, at=desk.now)
    assert resolution.chosen(case) == good and case.options.filter(chosen=True).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Option.objects.filter(pk=poor.pk).update(chosen=True)


# With the customer


def test_nothing_is_promised_before_it_is_signed(desk, remedy):
    option = remedy.drafts(remedy.case())
    with pytest.raises(NotNow):
        resolution.offer(option, by=desk.agent, at=desk.now)
    approval.propose(option, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        resolution.offer(option, by=desk.agent, at=desk.now)
    assert resolution.shown_to_customer(option.case) == []
    approval.approve(option.approvals.get(), by=desk.supervisor, at=desk.now)
    resolution.offer(option, by=desk.agent, at=desk.now)
    (shown,) = resolution.shown_to_customer(option.case)
    assert shown.waits and "经济补偿 200.00 元" in shown.what
    letter = last(option.case, "option.proposed")
    assert "经济补偿 200.00 元" in letter.private["body"] and letter.deliveries.get().to == "wang@example.com"


def test_what_became_graver_is_signed_again_before_it_is_offered(desk, remedy):
    case = remedy.case()
    option = remedy.signed(remedy.drafts(case))
    record(case, "case.graded", by=SYSTEM, at=desk.now, set={"level": 1})
    with pytest.raises(NotNow):
        resolution.offer(option, by=desk.agent, at=desk.now)
    remedy.signed(option, desk.manager, desk.executive)
    resolution.offer(option, by=desk.agent, at=desk.now)


def test_the_customer_agrees_and_the_other_offers_fall_away(desk, remedy):
    case = remedy.case()
    one, two = remedy.signed(remedy.drafts(case)), remedy.signed(remedy.drafts(case, None, title="上门道歉"))
    for option in (one, two):
        resolution.offer(option, by=desk.agent, at=desk.now)
    resolution.answer(two, "accept", by=case.customer, at=desk.now)
    remedy.anew(one), remedy.anew(two)
    assert (one.state, two.state, two.chosen) == ("withdrawn", "accepted", True)
    assert resolution.is_one_pass(case) is True
    with pytest.raises(NotNow):
        resolution.answer(two, "refuse", "又不想了", by=case.customer, at=desk.now)


def test_refusals_have_words_and_after_two_rounds_a_supervisor_joins(desk, remedy):
    case = remedy.case()
    first = remedy.signed(remedy.drafts(case))
    resolution.offer(first, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        resolution.answer(first, "refuse", "  ", by=case.customer, at=desk.now)
    resolution.answer(first, "refuse", "太少了", by=case.customer, at=desk.now)
    assert "negotiation" not in case.flags and resolution.is_one_pass(case) is None
    second = remedy.agreed(remedy.signed(remedy.drafts(case, 30_000)), "counter", "我要三倍")
    assert (second.state, second.answer, second.offered_no) == ("refused", "counter", 2)
    assert "negotiation" in case.flags
    assert Notice.objects.filter(person=desk.supervisor, case=case, text__contains="协商", names__n=2).count() == 1
    third = remedy.agreed(remedy.signed(remedy.drafts(case, 40_000)))
    assert third.offered_no == 3 and resolution.is_one_pass(case) is False


def test_staff_record_an_answer_with_its_channel_and_strangers_cannot(desk, remedy):
    case, stranger = remedy.case(), remedy.case(phone="13900002222", mail="", name="李四").customer
    option = remedy.signed(remedy.drafts(case))
    resolution.offer(option, by=desk.agent, at=desk.now)
    with pytest.raises(NotYours):
        resolution.answer(option, "accept", by=stranger, at=desk.now)
    with pytest.raises(Invalid):
        resolution.answer(option, "accept", by=desk.agent, at=desk.now, channel="telepathy")
    with pytest.raises(Invalid):
        resolution.answer(option, "maybe", by=desk.agent, at=desk.now, channel="phone")
    resolution.answer(option, "accept", "电话里说可以", by=desk.agent, at=desk.now, channel="phone")
    remedy.anew(option)
    assert (option.answered_by, option.answer_channel) == (desk.agent.journal_ref, "phone")


def test_what_the_customer_has_seen_is_not_changed_but_withdrawn(desk, remedy):
    case = remedy.case()
    option = remedy.signed(remedy.drafts(case))
    resolution.offer(option, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        resolution.change_option(option, Draft("少一点", "少给一点", kinds=["gift"]), by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        resolution.withdraw(option, "", by=desk.agent, at=desk.now)
    resolution.withdraw(option, "金额算错", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        resolution.withdraw(option, "再撤一次", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        resolution.answer(option, "accept", by=case.customer, at=desk.now)
    assert resolution.shown_to_customer(case) == []


# Settled


@pytest.mark.parametrize(
    ("kinds", "fen", "liability", "waived"),
    [
        (["apology"], None, "ours", True),
        (["apology", "explanation", "policy_change"], None, "ours", True),
        (["repair"], None, "ours", False),  # the customer must be at home
        (["apology"], 100, "none", False),  # money is never settled over somebody's head
        (["explanation", "service_recovery"], None, "none", True),
        (["explanation", "service_recovery"], None, "ours", False),
    ],
)
def test_when_no_consent_is_needed(desk, remedy, kinds, fen, liability, waived):
    case = remedy.case()
    record(case, "finding.recorded", by=SYSTEM, at=desk.now, set={"liability": liability})
    assert bool(resolution.consent_waived(remedy.drafts(case, fen, kinds=kinds))) is waived


def test_settling_waits_for_everything_it_needs(desk, remedy):
    case = remedy.case()
    assert len(shut(case, "settle")) == 4
    option = remedy.drafts(case)
    resolution.choose(option, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow) as refused:
        resolution.settle(case, by=desk.agent, at=desk.now)
    assert refused.value.missing == ["方案审批通过", "客户同意方案", "至少安排一项措施"]
    remedy.agreed(remedy.signed(option))
    remedy.plans(option, 20_000)
    task = handover.ask_help(case, desk.units["cw"], "准备付款", by=desk.agent, at=desk.now)
    assert shut(case, "settle") == ["等待会办：财务部"]
    handover.help(task, "已备好", by=desk.cashier, at=desk.now)
    spare = remedy.drafts(case, 100)
    approval.propose(spare, by=desk.agent, at=desk.now)
    resolution.settle(case, by=desk.agent, at=desk.now)
    remedy.anew(spare)
    assert (case.stage, spare.state) == ("execution", "withdrawn")
    assert not case.clocks.live().filter(kind="approve").exists()
    assert approval.waiting_for(desk.supervisor, desk.now) == []


def test_an_apology_needs_a_signature_but_no_consent(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case, None)
    resolution.choose(option, by=desk.agent, at=desk.now)
    remedy.plans(option, kind="apology")
    assert shut(case, "settle") == ["方案审批通过"]
    remedy.signed(option)
    resolution.settle(case, by=desk.agent, at=desk.now)
    assert case.stage == "execution"


def test_a_graver_level_asks_for_graver_signatures(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case)))
    remedy.plans(option, 20_000)
    assert shut(case, "settle") == []
    record(case, "case.graded", by=SYSTEM, at=desk.now, set={"level": 2})
    assert shut(case, "settle") == ["等级已调高，方案须重新审批"]
    (step,) = approval.propose(option, by=desk.agent, at=desk.now)
    assert step.rule == "AP-3" and shut(case, "settle") != []
    approval.approve(step, by=desk.manager, at=desk.now)
    remedy.anew(option)
    assert option.state == "accepted" and shut(case, "settle") == []  # the customer's word stands
    with pytest.raises(NotNow):
        approval.propose(option, by=desk.agent, at=desk.now)


def test_going_back_with_nothing_done_keeps_the_agreement(desk, remedy):
    case, option, _measure = remedy.settled()
    with pytest.raises(Invalid):
        resolution.back_to_resolution(case, " ", by=desk.agent, at=desk.now)
    resolution.back_to_resolution(case, "地址有误,重新商定", by=desk.agent, at=desk.now)
    remedy.anew(option)
    assert (case.stage, option.state) == ("resolution", "accepted") and shut(case, "settle") == []
    resolution.settle(case, by=desk.agent, at=desk.now)
    assert case.stage == "execution"


def test_going_back_after_something_was_done_needs_a_new_option_and_the_promise_runs_on(desk, remedy):
    case, option, measure = remedy.settled()
    promised = case.clocks.get(kind="solve").due_at
    remedy.pays(measure)
    execution.complete(measure, "回单", by=desk.agent, at=desk.now)
    execution.carry_out(case, by=desk.agent, at=desk.wait(hours=2))
    resolution.back_to_resolution(case, "客户要求另修外壳", by=desk.agent, at=desk.wait(hours=1))
    remedy.anew(option)
    assert (case.stage, case.executed_at, option.state) == ("resolution", None, "carried")
    assert case.clocks.running().get(kind="solve").due_at == promised
    assert "选定方案" in shut(case, "settle")
    with pytest.raises(NotNow):
        resolution.withdraw(option, "撤下", by=desk.agent, at=desk.now)


def test_paid_in_part_and_sent_back_what_was_paid_stays_and_the_rest_is_put_aside(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case, 20_000)))
    paid, open_ = remedy.plans(option, 15_000), remedy.plans(option, 5_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    remedy.pays(paid)
    resolution.back_to_resolution(case, "另行商定", by=desk.agent, at=desk.now)
    remedy.anew(option), remedy.anew(open_)
    assert (option.state, open_.state) == ("carried", "cancelled")
    again = remedy.agreed(remedy.signed(remedy.drafts(case, 5_000)))
    more = remedy.plans(again, 5_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        remedy.pays(open_)  # of the old option nothing more is paid
    remedy.pays(more)
    assert (payment.paid_fen(option), payment.paid_fen(again)) == (15_000, 5_000)


def test_what_is_paid_stands_when_the_matter_is_looked_into_again(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case, 20_000)))
    paid, _open = remedy.plans(option, 15_000), remedy.plans(option, 5_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    remedy.pays(paid)
    investigation.back_to_investigation(case, "另有原因", by=desk.manager, at=desk.now)
    record(case, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution", "level": 2})
    approval.propose(option, by=desk.agent, at=desk.now)  # graver now, and so to be signed again
    with pytest.raises(NotNow, match="已经付款"):
        resolution.change_option(option, Draft("改", "改小", kinds=["apology"]), by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="已经付款"):
        resolution.withdraw(option, "撤下", by=desk.agent, at=desk.now)
    again = remedy.agreed(remedy.signed(remedy.drafts(case, 1_000), desk.manager))
    more = remedy.plans(again, 1_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    assert remedy.anew(option).state == "carried" and payment.paid_fen(option) == 15_000
    remedy.pays(more)
    execution.complete(more, "回单", by=desk.agent, at=desk.now)
    assert shut(case, "carry_out") == ["等待措施：按方案办理"]  # what was paid first still lacks its proof
    execution.complete(paid, "回单", by=desk.agent, at=desk.now)
    assert shut(case, "carry_out") == []


# On paper


def test_the_sheet_bears_plan_measures_and_three_opinions(desk, remedy):
    case = remedy.case(level=1)
    assert sheet.plan_sheet(case).option is None
    option = remedy.drafts(case, 38_000, success="客户确认到账")
    resolution.choose(option, "最稳妥", by=desk.agent, at=desk.now)
    remedy.agreed(remedy.signed(option, desk.manager, desk.executive), words="同意,谢谢")
    remedy.plans(option, 38_000, unit=desk.units["cw"])
    resolution.settle(case, by=desk.agent, at=desk.now)
    plan = sheet.plan_sheet(case)
    assert plan.success == "客户确认到账" and [m.unit.title for m in plan.measures] == ["财务部"]
    assert [(o.who, o.words) for o in plan.department] == [("张敏", "最稳妥")]
    assert [(o.who, o.role, o.verdict) for o in plan.management] == [
        ("马莉", "部门经理", "同意"), ("王衡", "高级管理层", "同意"),
    ]  # fmt: skip
    assert [(o.who, o.verdict, o.words) for o in plan.customer] == [("王小明", "同意", "同意,谢谢")]


def test_the_board_shows_the_stage(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case, scores=GOOD)
    approval.propose(option, by=desk.agent, at=desk.now)
    (seen,) = sheet.board(case, desk.now, desk.supervisor).cards
    assert [s.may_decide for s in seen.signatures] == [True] and seen.needs_consent
    assert [(s.kind, s.amount_fen) for s in seen.suggested] == [("compensation", 20_000)]
    (own,) = sheet.board(case, desk.now, desk.agent).cards
    assert [s.may_decide for s in own.signatures] == [False]
    assert sheet.board(case, desk.now).carry_out == []


def test_options_of_an_earlier_round_are_history(desk, remedy):
    case = remedy.case()
    old = remedy.drafts(case)
    record(case, "case.reopened", by=SYSTEM, at=desk.now, set={"round": 2})
    old.case.refresh_from_db()
    for act in (
        lambda: approval.propose(old, by=desk.agent, at=desk.now),
        lambda: resolution.choose(old, by=desk.agent, at=desk.now),
        lambda: resolution.change_option(old, Draft("新", "新的", kinds=["gift"]), by=desk.agent, at=desk.now),
    ):
        with pytest.raises(NotNow, match="第 1 轮"):
            act()
    assert sheet.board(case, desk.now + timedelta(1)).cards == []
