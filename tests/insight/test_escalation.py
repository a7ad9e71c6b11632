"""The escalation risk against what happened: who counts, at which moment, and who decides on a fitted model."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from wenguo.cases import acceptance, followup, risk, weights
from wenguo.cases.risk import Risk
from wenguo.cases.weights import RiskCheck, RiskModel
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.insight import escalation
from wenguo.insight.escalation import observe
from wenguo.journal import Stream
from wenguo.people.actor import SYSTEM
from wenguo.policy.escalation import shipped

MATTER = "洗衣机脱水时剧烈震动,维修两次没修好,要求换新。"
RULES = shipped()
AGE = timedelta(hours=RULES.calibration.observe_after_hours)
FOLLOW = timedelta(days=RULES.calibration.follow_days)


def seen(desk, at):
    found, left = observe(RULES, 3, 90, at)
    return {s.case: s for s in found}, left


def a_case(desk, n: int, **more):
    return desk.receives(f"{MATTER} 第{n}件", name=f"客户{n}", phone=f"1390000{n:04d}", **more)


def test_each_case_is_judged_once_it_is_old_enough_by_what_was_known_then(desk):
    start = desk.now
    calm, angry = desk.triages(a_case(desk, 1)), desk.triages(a_case(desk, 2))
    desk.now = start + AGE + timedelta(hours=5)
    followup.take_higher(angry, "再不解决我就打12315,我要找你们领导", by=angry.customer, at=desk.now)
    assert seen(desk, start + AGE + FOLLOW - timedelta(seconds=1))[0] == {}
    found, _left = seen(desk, start + AGE + FOLLOW)
    assert found[calm.pk].how == "" and found[angry.pk].how == "higher"
    # Nothing of the later words is in the score that is checked.
    assert {"escalated_before", "threat_regulator", "urged"}.isdisjoint(found[angry.pk].amounts)


def test_what_was_outside_over_or_higher_already_is_left_out(desk):
    start = desk.now
    a_case(desk, 1, channel="regulator")
    over = a_case(desk, 2)
    acceptance.withdraw(over, "已解决", by=desk.agent, at=desk.now)
    before = desk.triages(a_case(desk, 3))
    followup.take_higher(before, "我要找你们领导", by=before.customer, at=start + AGE - timedelta(hours=1))
    found, left = seen(desk, start + AGE + FOLLOW)
    assert found == {} and dict(left) == {"outside": 1, "over": 1, "before": 1}


def test_a_later_complaint_to_the_regulator_is_an_outcome_of_the_earlier_case(desk):
    start = desk.now
    first = desk.triages(a_case(desk, 1))
    desk.now = start + AGE + timedelta(days=3)
    desk.receives(
        "投诉贵司拖延处理,请协调退款", name="客户1", phone="13900000001", channel="regulator", external_id="1"
    )
    found, _left = seen(desk, start + AGE + FOLLOW)
    assert found[first.pk].how == "outside"


def test_the_night_keeps_a_check_and_a_page_tells_it(desk):
    start = desk.now
    for n in range(3):
        desk.triages(a_case(desk, n))
    kept = escalation.check(at=start + AGE + FOLLOW)
    assert kept.report["n"] == 3 and kept.report["k"] == 0
    assert not RiskModel.objects.exists()  # far from enough outcomes
    client = Client()
    client.force_login(desk.supervisor)
    html = client.get("/desk/insight/risk/").content.decode()
    assert "结果还少" in html and "还没有拟合过" in html
    assert client.post("/desk/insight/risk/check/").status_code == 302
    assert RiskCheck.objects.count() == 1  # a job does it


@pytest.fixture
def model(desk):
    good = {
        "n": 200, "k": 60, "mean": 0.3, "brier": 0.15, "brier_of_rate": 0.21, "auc": 0.8, "auc_interval": [0.7, 0.9],
        "bins": [{"low": 0.1, "high": 0.5, "n": 200, "k": 60, "predicted": 0.3, "interval": [0.24, 0.37]}],
    }  # fmt: skip
    given = {"start": 1.0, "weights": {"urged": 2.0}, "n": 200, "k": 60, "report": {"model": good, "policy": good}}
    return weights.propose(**given, by=SYSTEM, at=desk.now)


def test_a_model_does_nothing_until_a_person_puts_it_in_force_and_can_be_taken_back(desk, model):
    case = desk.triages(a_case(desk, 1))
    while risk.sweep(at=desk.now):
        pass
    low = Risk.objects.get(case=case).score
    with pytest.raises(NotYours):
        weights.put_in_force(model, "更准", by=desk.supervisor, at=desk.now)
    with pytest.raises(Invalid):
        weights.put_in_force(model, " ", by=desk.executive, at=desk.now)
    weights.put_in_force(model, "交叉检验更准", by=desk.executive, at=desk.now)
    with pytest.raises(NotNow):
        weights.put_in_force(model, "再来", by=desk.executive, at=desk.now)
    while risk.sweep_all(at=desk.now):
        pass
    kept = Risk.objects.get(case=case)
    assert kept.score > 0.7 > low and kept.weighed_by.endswith(f"model:{model.pk}")
    newer = weights.propose(start=0.0, weights={}, n=1, k=1, report=model.report, by=SYSTEM, at=desk.now)
    assert RiskModel.objects.get(pk=model.pk).state == "in_force" and newer.state == "proposed"
    weights.take_back(RiskModel.objects.get(pk=model.pk), "数据变化", by=desk.executive, at=desk.now)
    while risk.sweep_all(at=desk.now):
        pass
    assert Risk.objects.get(case=case).score == pytest.approx(low)
    stream = Stream.objects.get(kind="risk_model", ref=str(model.pk))
    types = list(stream.events.order_by("seq").values_list("type", flat=True))
    assert types == ["risk_model.proposed", "risk_model.put_in_force", "risk_model.taken_back"]


def test_the_page_puts_it_in_force_with_a_reason(desk, model):
    client = Client()
    client.force_login(desk.executive)
    assert "启用" in client.get("/desk/insight/risk/").content.decode()
    address = f"/desk/insight/risk/models/{model.pk}/"
    assert client.post(address, {"do": "put", "why": ""}).status_code == 422
    assert client.post(address, {"do": "put", "why": "检验过"}).status_code == 302
    assert RiskModel.objects.get(pk=model.pk).state == "in_force"
    client.force_login(desk.supervisor)
    assert client.post(address, {"do": "take_back", "why": "x"}).status_code == 403


def test_enough_outcomes_make_a_proposal_that_is_told_beside_the_policy(desk, monkeypatch):
    from wenguo.insight.escalation import Seen

    made = [
        Seen(n, n, {"urged": n % 3, "silence": n % 2}, "higher" if n % 3 == 2 and n % 5 else "") for n in range(300)
    ]
    monkeypatch.setattr(escalation, "observe", lambda *_given: (made, {}))
    kept = escalation.check(at=desk.now)
    model = RiskModel.objects.get()
    assert model.k == kept.report["k"] >= RULES.calibration.enough_outcomes
    assert model.weights["urged"] > RULES.sign("urged").weight and model.weights["silence"] < 1
    assert model.report["model"]["brier"] < model.report["policy"]["brier"]
