"""Groups of customers and signs to look at: found with reasons, shown to those who may, and without any effect."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from wenguo.cases import acceptance, attention, followup, letters
from wenguo.cases.attention import Known, groups_of
from wenguo.cases.case import Case
from wenguo.policy.attention import shipped

RULES = shipped()
MATTER = "洗衣机脱水时剧烈震动,维修两次没修好,要求换新。"


def known(desk, n: int = 1, **more) -> list[Known]:
    given = {"nature": "complaint", "channel": "phone", "category": "product.function", "claim_fen": None,
             "order_fen": None, "escalated": False, **more}  # fmt: skip
    return [Known(pk=k, received_at=desk.now - timedelta(days=k), **given) for k in range(n)]


def codes(cases: list[Known]) -> set[str]:
    return {g.rule.code for g in groups_of(cases, RULES)}


def test_each_group_follows_from_what_was_complained_of(desk):
    assert codes([]) == set()
    assert codes(known(desk)) == {"first_time"}
    assert codes([*known(desk, 2), *known(desk, nature="praise")]) == {"well_meaning"}
    assert codes(known(desk, RULES.frequent_from)) == {"frequent"}
    assert codes(known(desk, 2, escalated=True)) == {"escalated"}
    assert codes([*known(desk, 2, channel="regulator"), *known(desk, nature="praise")]) == {"escalated"}
    beyond = {"claim_fen": RULES.claim_over_order * 1000, "order_fen": 1000}
    assert "high_claims" in codes(known(desk, RULES.high_claims_from, **beyond))
    assert "high_claims" not in codes(known(desk, RULES.high_claims_from - 1, **beyond))
    assert "high_claims" not in codes(known(desk, 3, claim_fen=10**9))  # without an order there is nothing to compare
    assert all(g.why for g in groups_of(known(desk), RULES))


def test_the_customers_page_tells_the_group_the_reason_and_what_stays_the_same(desk):
    desk.now = timezone.now() - timedelta(hours=2)
    case = desk.triages(desk.receives(MATTER))
    followup.take_higher(case, "我要找你们领导", by=case.customer, at=desk.wait(hours=1))
    known_ = attention.known_of([case.customer_id], RULES, desk.now)
    assert codes(known_) == {"first_time", "escalated"}
    client = Client()
    client.force_login(desk.agent)
    html = client.get(f"/desk/customers/{case.customer_id}/").content.decode()
    assert all(RULES.group(code).title in html for code in ("first_time", "escalated"))
    assert all(line in html for line in RULES.fair)


@pytest.fixture
def demanding(desk):
    case = desk.triages(desk.receives(MATTER, order_fen=100_000, claim_fen=500_000))
    acceptance.change_record(case, {"claim_fen": 800_000}, by=desk.agent, at=desk.wait(hours=1))
    letters.hear(case, "赔偿我5000元,否则我就打12315投诉,还要找记者曝光!", by=case.customer, at=desk.wait(hours=1))
    return case


def test_signs_are_found_with_their_evidence_and_change_nothing(desk, demanding):
    before = Case.objects.values().get(pk=demanding.pk)
    found = {c.rule.code: c for c in attention.cautions(demanding, RULES, at=desk.now)}
    assert {"demand_beyond", "demand_raised", "threat_for_gain"} <= set(found)
    assert all(c.places for code, c in found.items() if code != "many_similar")
    assert Case.objects.values().get(pk=demanding.pk) == before


def test_a_calm_case_shows_none_and_a_threat_without_a_sum_is_no_gain(desk):
    case = desk.triages(desk.receives("空调不制冷,请安排维修。"))
    letters.hear(case, "再不修我就打12315投诉!", by=case.customer, at=desk.wait(hours=1))
    assert attention.cautions(case, RULES, at=desk.now) == []


def test_many_of_one_class_are_counted_over_the_customers_cases(desk):
    for n in range(RULES.similar_from):
        case = desk.triages(desk.receives(f"{'冰箱电视空调'[n * 2 : n * 2 + 2]}坏了{n},第{n}次,要求维修处理"))
        acceptance.change_record(case, {"order_number": f"D{n}"}, by=desk.agent, at=desk.now)
        acceptance.withdraw(case, "已修好", by=desk.agent, at=desk.wait(days=1))
    codes_ = {c.rule.code for c in attention.cautions(case, RULES, at=desk.now)}
    assert "many_similar" in codes_


def test_only_those_who_may_see_sensitive_matters_see_the_signs(desk, demanding):
    from wenguo.policy import versions

    shown = {}
    for person in (desk.agent, desk.supervisor):
        client = Client(headers={"HX-Request": "true"})
        client.force_login(person)
        shown[person] = client.get(f"/desk/cases/{demanding.number}/risk/").content.decode()
    assert versions.current_pack().attention == RULES
    assert "需要核实的迹象" in shown[desk.supervisor] and "不是认定" in shown[desk.supervisor]
    assert "需要核实的迹象" not in shown[desk.agent]
