"""Measures are done with proof, money leaves once and never more than was signed, in three pairs of hands."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wenguo.cases import approval, execution, handover, override, payment, resolution
from wenguo.cases.approval import Approval
from wenguo.cases.case import Case, record
from wenguo.cases.clock import Consent
from wenguo.cases.execution import Measure, Plan
from wenguo.cases.lifecycle import gates
from wenguo.cases.notice import Notice
from wenguo.cases.option import Option
from wenguo.cases.payment import Payment
from wenguo.cases.quote import Item
from wenguo.cases.resolution import Draft
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken, Refusal
from wenguo.people.actor import SYSTEM
from wenguo.web.desk.today import groups_for

MONDAY = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)


def shut(case):
    return [g.words for g in gates(case, "carry_out") if not g.open]


def said_yes(desk, by="王小明"):
    return Consent(by, "phone", desk.now)


# Measures


def test_measures_are_planned_within_what_the_option_is_worth(desk, remedy):
    option = remedy.drafts(remedy.case(), 20_000)
    remedy.plans(option, 15_000)
    with pytest.raises(Invalid) as refused:
        remedy.plans(option, 5_001)
    assert set(refused.value.fields) == {"amount_fen"}
    with pytest.raises(Invalid) as refused:
        remedy.plans(option, 0, "magic", what=" ", owner=None, due_at=desk.now - timedelta(days=1))
    assert set(refused.value.fields) == {"kind", "what", "owner", "due_at"}
    remedy.plans(option, 5_000)
    assert [(s.kind, s.amount_fen) for s in execution.suggested(option)] == [("compensation", 20_000)]


def test_a_measure_is_done_once_with_proof_and_after_its_payment(desk, remedy):
    case, option, measure = remedy.settled()
    with pytest.raises(Invalid):
        execution.complete(measure, " ", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="付款"):
        execution.complete(measure, "已付", by=desk.agent, at=desk.now)
    assert len(shut(case)) == 2
    remedy.pays(measure)
    assert len(shut(case)) == 1
    execution.complete(measure, "回单号 1", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        execution.complete(measure, "回单号 2", by=desk.agent, at=desk.now)
    assert shut(case) == [] and Measure.objects.get(pk=measure.pk).proof == "回单号 1"
    task = handover.ask_help(case, desk.units["cw"], "核对", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow) as waiting:
        execution.carry_out(case, by=desk.agent, at=desk.now)
    assert waiting.value.missing == ["等待会办：财务部"]
    handover.help(task, "无误", by=desk.cashier, at=desk.now)
    execution.carry_out(case, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        execution.carry_out(case, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        remedy.plans(remedy.anew(option))  # it is over


def test_a_settled_measure_changes_only_with_the_customers_word(desk, remedy):
    _case, _option, measure = remedy.settled()
    later = Plan("compensation", "按方案办理", measure.due_at + timedelta(days=3), desk.other_agent, None, 20_000)
    with pytest.raises(Invalid) as refused:
        execution.change_measure(measure, later, by=desk.agent, at=desk.now)
    assert set(refused.value.fields) == {"consent"}
    with pytest.raises(Invalid):  # a word from tomorrow
        consent = Consent("王小明", "phone", desk.now + timedelta(days=1))
        execution.change_measure(measure, later, consent=consent, by=desk.agent, at=desk.now)
    sooner = Plan("compensation", "按方案办理", measure.due_at - timedelta(hours=5), desk.other_agent, None, 20_000)
    execution.change_measure(measure, sooner, by=desk.agent, at=desk.now)  # another owner, sooner: our own affair
    execution.change_measure(measure, later, consent=said_yes(desk), by=desk.agent, at=desk.now)
    assert Measure.objects.get(pk=measure.pk).due_at == later.due_at
    with pytest.raises(Invalid):
        execution.cancel_measure(measure, "客户不要了", by=desk.agent, at=desk.now)
    execution.cancel_measure(measure, "客户不要了", consent=said_yes(desk), by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        remedy.pays(measure)


def test_what_is_paid_is_not_changed(desk, remedy):
    _case, _option, measure = remedy.settled()
    remedy.pays(measure)
    planned = Plan("compensation", "少付一些", measure.due_at, desk.agent, None, 100)
    with pytest.raises(NotNow):
        execution.change_measure(measure, planned, consent=said_yes(desk), by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        execution.cancel_measure(measure, "不付了", consent=said_yes(desk), by=desk.agent, at=desk.now)


def test_gifts_and_points_need_proof_but_no_payment(desk, remedy):
    case = remedy.case()
    draft = Draft("礼品", "寄一份礼品", items=[Item("gift")])
    option = resolution.draft_option(case, draft, by=desk.agent, at=desk.now)
    remedy.agreed(remedy.signed(option))
    measure = remedy.plans(option, option.amount_fen, "gift")
    resolution.settle(case, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="不涉及"):
        remedy.pays(measure)
    execution.complete(measure, "顺丰单号 SF1", by=desk.agent, at=desk.now)
    assert shut(case) == []


def test_my_measures_are_those_on_cases_being_carried_out(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case)))
    measure = remedy.plans(option, 20_000, owner=None, unit=desk.units["cw"])
    assert not execution.my_measures(desk.cashier, unit_ids=[desk.units["cw"].pk]).exists()
    resolution.settle(case, by=desk.agent, at=desk.now)
    assert list(execution.my_measures(desk.cashier, unit_ids=[desk.units["cw"].pk])) == [measure]
    assert not execution.my_measures(desk.agent).exists()


# Payments


def test_who_proposed_or_signed_does_not_pay(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case, by=desk.senior)))
    measure = remedy.plans(option, 20_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    for person, why in ((desk.senior, "提出"), (desk.supervisor, "批准"), (desk.agent, "权限")):
        with pytest.raises(NotYours, match=why):
            remedy.pays(measure, by=person)
    paid = remedy.pays(measure, by=desk.cashier)
    assert (paid.proposed_by, paid.approved_by, paid.paid_by) == (desk.senior, desk.supervisor, desk.cashier)


def test_after_an_override_who_passed_over_counts_as_signer(desk, remedy):
    case = remedy.case()
    option = remedy.drafts(case)
    approval.propose(option, by=desk.agent, at=desk.now)
    override.override(option, "客户断药,须立即垫付", by=desk.manager, at=desk.now)
    remedy.agreed(remedy.anew(option))
    measure = remedy.plans(option, 20_000)
    resolution.settle(case, by=desk.agent, at=desk.now)
    with pytest.raises(NotYours):
        remedy.pays(measure, by=desk.manager)
    assert remedy.pays(measure, by=desk.senior).approved_by == desk.manager


def test_what_waits_for_money_stands_once_on_todays_list(desk, remedy):
    _case, option, measure = remedy.settled()
    apology = remedy.plans(option, kind="apology", owner=desk.senior)
    Measure.objects.filter(pk=measure.pk).update(owner=desk.senior)  # who may pay it, and has to see to it

    def asked(person):
        return {g.key: len(g.lines) for g in groups_for(person, desk.now) if g.key in {"pay", "measure"}}

    assert asked(desk.senior) == {"pay": 1, "measure": 1}
    Measure.objects.filter(pk__in=[measure.pk, apology.pk]).update(owner=desk.agent)
    assert asked(desk.agent) == {"measure": 2}, "who drafted it does not pay it, and still has to see to it"


def test_the_same_payment_is_made_once(desk, remedy):
    case, option, measure = remedy.settled()
    first = remedy.pays(measure, key="k1", reference="HK1")
    before = desk.timeline(case)
    assert remedy.pays(measure, key="k1", reference="HK1") == first
    assert desk.timeline(case) == before
    with pytest.raises(NotNow, match="重复"):
        remedy.pays(measure, key="k2")
    execution.complete(measure, "回单", by=desk.agent, at=desk.now)
    execution.carry_out(case, by=desk.agent, at=desk.now)
    assert remedy.pays(measure, key="k1") == first  # also much later
    assert payment.paid_fen(option) == 20_000


def test_a_key_or_a_reference_serves_one_payment(desk, remedy):
    _case, _option, one = remedy.settled()
    _case, _option, two = remedy.settled(text="另一件事:滤芯漏发。", phone="13900003333", mail="", name="李四")
    remedy.pays(one, key="k1", reference="HK1")
    with pytest.raises(Invalid) as refused:
        remedy.pays(two, payee="李四", key="k1")
    assert set(refused.value.fields) == {"key"}
    with pytest.raises(Invalid) as refused:
        remedy.pays(two, payee="李四", reference="HK1")
    assert set(refused.value.fields) == {"reference"}
    remedy.pays(two, payee="李四")


def test_money_goes_to_the_customer_or_to_somebody_authorised(desk, remedy):
    _case, _option, measure = remedy.settled()
    for payee in ("", "李建国"):
        with pytest.raises(Invalid) as refused:
            remedy.pays(measure, payee=payee)
        assert "payee" in refused.value.fields
    with pytest.raises(Invalid):
        remedy.pays(measure, method="cash")
    with pytest.raises(Invalid):
        remedy.pays(measure, reference="  ")
    assert remedy.pays(measure, payee=" 王 小明 ").agent_note == ""


def test_an_agent_needs_a_note_of_authority(desk, remedy):
    _case, _option, measure = remedy.settled()
    assert remedy.pays(measure, payee="王大力", agent_note="委托书 2026-11").payee == "王大力"


@pytest.mark.parametrize("wrong", [19_999, 20_001, 0, -20_000])
def test_exactly_what_was_planned_is_paid(desk, remedy, wrong):
    _case, _option, measure = remedy.settled()
    with pytest.raises(Invalid):
        remedy.pays(measure, amount_fen=wrong)
    assert remedy.pays(measure).amount_fen == 20_000


def test_nothing_is_paid_before_the_solution_is_settled(desk, remedy):
    case = remedy.case()
    option = remedy.agreed(remedy.signed(remedy.drafts(case)))
    measure = remedy.plans(option, 20_000)
    with pytest.raises(NotNow):
        remedy.pays(measure)
    resolution.settle(case, by=desk.agent, at=desk.now)
    stale = Measure.objects.select_related("case", "option").get(pk=measure.pk)
    resolution.back_to_resolution(case, "重新商定", by=desk.agent, at=desk.now)
    with pytest.raises(Overtaken):
        remedy.pays(stale)


@pytest.mark.parametrize("state", [{"chosen": False}, {"state": "submitted"}, {"state": "carried"}])
def test_nothing_is_paid_on_an_option_that_is_not_ours_and_signed(desk, remedy, state):
    _case, option, measure = remedy.settled()
    Option.objects.filter(pk=option.pk).update(**state)
    with pytest.raises(NotNow, match="未经批准"):
        remedy.pays(measure)


def test_three_small_payments_in_a_day_raise_an_alarm_and_the_fourth_is_stopped(desk, remedy):
    texts = ["净化器漏水,地板泡坏了。", "客服电话三天打不通。", "赠品滤芯一直没有寄到。", "遥控器按键失灵。"]
    cases = [remedy.settled(9_900, text=t) for t in texts]
    assert len({case.customer_id for case, _o, _m in cases}) == 1
    for n, (case, _option, measure) in enumerate(cases[:3], 1):
        remedy.pays(measure)
        assert ("split_payments" in case.flags) is (n == 3)
        desk.wait(hours=1)
    assert Notice.objects.filter(kind="split_payments", person__in=[desk.supervisor, desk.manager]).count() == 2
    with pytest.raises(NotNow, match="拆分"):
        remedy.pays(cases[3][2])
    desk.wait(hours=22)  # the first of the three is more than a day old
    remedy.pays(cases[3][2])


def test_the_database_itself_refuses(desk, remedy):
    _case, option, measure = remedy.settled()
    good = dict(
        measure=measure, option=option, payee="王小明", amount_fen=20_000, method="bank", reference="R", key="K",
        proposed_by=desk.agent, approved_by=desk.supervisor, paid_by=desk.cashier, at=desk.now,
    )  # fmt: skip
    for wrong in (
        {"paid_by": desk.agent}, {"paid_by": desk.supervisor}, {"approved_by": desk.agent}, {"amount_fen": 0},
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            Payment.objects.create(**{**good, **wrong})
    Payment.objects.create(**good)
    with pytest.raises(IntegrityError), transaction.atomic():
        Payment.objects.create(**{**good, "reference": "R2", "key": "K2"})
    with pytest.raises(IntegrityError), transaction.atomic():
        Measure.objects.filter(pk=measure.pk).update(state="done")  # without proof


@pytest.mark.django_db(transaction=True)
def test_two_cashiers_pay_at_once_and_the_money_leaves_once(desk, remedy):
    _case, option, measure = remedy.settled()
    start, outcome = threading.Barrier(4), []

    def press(n, person):
        mine = Measure.objects.select_related("case", "option").get(pk=measure.pk)
        start.wait()
        try:
            payment.pay(
                mine, payee="王小明", amount_fen=20_000, method="bank", reference=f"HK{n}", key=f"k{n}", by=person,
                at=desk.now,
            )  # fmt: skip
            outcome.append("paid")
        except NotNow:
            outcome.append("refused")
        finally:
            connection.close()

    people = [desk.senior, desk.cashier, desk.senior, desk.manager]
    threads = [threading.Thread(target=press, args=pair) for pair in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcome) == ["paid", "refused", "refused", "refused"]
    assert payment.paid_fen(option) == 20_000


# No random walk pays twice, or more than was signed, or what nobody else signed


ON_OPTION = {"change", "withdraw", "choose", "propose", "override", "offer", "answer", "plan"}
ON_MEASURE, ON_STEP = {"cancel", "pay", "complete"}, {"approve", "return"}


class Walk:
    """Somebody presses a button, again and again; refusals are answers."""

    def __init__(self, desk, remedy, case, dice):
        self.desk, self.remedy, self.case, self.dice = desk, remedy, case, dice
        names = ("agent", "other_agent", "senior", "supervisor", "manager", "executive", "cashier")
        self.people = [desk.by_name[name] for name in names]

    def any(self, rows):
        found = list(rows)
        return self.dice.choice(found) if found else None

    def option(self):
        option = self.any(self.case.options.all())
        if option:
            option.case = self.case
        return option

    def measure(self):
        measure = self.any(self.case.measures.select_related("option"))
        if measure:
            measure.case = measure.option.case = self.case
        return measure

    def step(self):
        step = self.any(Approval.objects.filter(option__case=self.case).select_related("option"))
        if step:
            step.option.case = self.case
        return step

    def press(self, act):
        by, at = self.dice.choice(self.people), self.desk.wait(hours=self.dice.choice([0, 1, 9]))
        fen = self.dice.choice([100, 5_000, 60_000, 250_000])
        option = self.option() if act in ON_OPTION else None
        measure = self.measure() if act in ON_MEASURE else None
        step = self.step() if act in ON_STEP else None
        match act:
            case "draft":
                draft = Draft("补偿", "补偿", items=[Item("economic", {"price_fen": fen})])
                resolution.draft_option(self.case, draft, by=by, at=at)
            case "change" if option:
                draft = Draft("改", "改", items=[Item("refund", amount_fen=fen)], over_reason="多给")
                resolution.change_option(option, draft, by=by, at=at)
            case "withdraw" if option:
                resolution.withdraw(option, "撤", by=by, at=at)
            case "choose" if option:
                resolution.choose(option, "就它", by=by, at=at)
            case "propose" if option:
                approval.propose(option, by=by, at=at)
            case "approve" if step:
                approval.approve(step, by=by, at=at)
            case "return" if step:
                approval.return_(step, "不行", by=by, at=at)
            case "override" if option:
                override.override(option, "急", by=by, at=at)
            case "offer" if option:
                resolution.offer(option, by=by, at=at)
            case "answer" if option:
                verdict = self.dice.choice(["accept", "accept", "accept", "refuse"])
                resolution.answer(option, verdict, "好", by=self.case.customer, at=at)
            case "plan" if option:
                part = self.dice.choice([option.amount_fen, option.amount_fen // 2, fen])
                execution.plan(option, Plan("compensation", "付", at + timedelta(days=1), by, None, part), by=by, at=at)
            case "cancel" if measure:
                execution.cancel_measure(measure, "不做", consent=Consent("王", "phone", at), by=by, at=at)
            case "pay" if measure:
                key = self.dice.choice([f"k{measure.pk}", f"x{self.dice.random()}"])
                payment.pay(
                    measure, payee="王小明", amount_fen=measure.amount_fen, method="bank", by=by, at=at,
                    reference=f"R{self.dice.random()}", key=key,
                )  # fmt: skip
            case "complete" if measure:
                execution.complete(measure, "证明", by=by, at=at)
            case "settle":
                resolution.settle(self.case, by=by, at=at)
            case "carry_out":
                execution.carry_out(self.case, by=by, at=at)
            case "back":
                resolution.back_to_resolution(self.case, "退", by=by, at=at)
            case "look_again" if self.case.stage in {"execution", "reply"}:  # by way of 退回调查
                record(self.case, "case.concluded", by=SYSTEM, at=at, set={"stage": "resolution"})
            case "regrade":
                record(self.case, "case.graded", by=SYSTEM, at=at, set={"level": self.dice.choice([1, 2, 3, 4])})

    def tries(self, act, times):
        """Press until it works, `times` at most; whatever happened, the money is right."""
        for _try in range(times):
            try:
                with transaction.atomic():
                    self.press(act)
            except Refusal:
                self.case = Case.objects.get(pk=self.case.pk)
                continue
            self.check()
            return

    def check(self):
        for option in Option.objects.filter(case=self.case):
            paid = list(Payment.objects.filter(option=option))
            assert sum(p.amount_fen for p in paid) <= option.amount_fen
            assert len({p.measure_id for p in paid}) == len(paid)
            if paid:
                signed = option.approvals.filter(attempt=option.attempt, state__in=["approved", "overridden"])
                hands = {s.decided_by_id for s in signed}
                assert hands and not hands & {option.drafted_by_id, option.submitted_by_id}
                assert not {p.paid_by_id for p in paid} & {option.drafted_by_id, option.submitted_by_id}
                assert all(p.approved_by_id in hands and p.paid_by_id != p.approved_by_id for p in paid)


# A walk of blind steps seldom comes far, so these lead the way and chance leads astray.
PATH = (
    "draft", "choose", "propose", "approve", "approve", "approve", "approve", "offer", "answer", "plan", "settle",
    "pay", "pay", "complete", "carry_out",
)  # fmt: skip
ACTS = (*PATH, "change", "withdraw", "return", "override", "cancel", "back", "look_again", "regrade")
walks = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, len(PATH))), max_size=12)


def test_no_random_walk_pays_twice_or_more_than_was_signed(desk, remedy):
    pk, walked, paid = remedy.case().pk, 0, 0

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(walks, st.integers(0, 2**32))
    def walk(astray, seed):
        nonlocal walked, paid
        with transaction.atomic():
            desk.now = MONDAY
            steps = list(PATH)
            for act, place in astray:
                steps.insert(place, act)
            walker = Walk(desk, remedy, Case.objects.get(pk=pk), random.Random(seed))
            for act in steps:
                walker.tries(act, 4 if act in PATH else 1)
            walked += 1
            paid += Payment.objects.exists()
            transaction.set_rollback(True)

    walk()
    assert paid >= walked // 10, "the property is true for want of payments"
