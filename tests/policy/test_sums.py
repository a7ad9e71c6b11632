"""Approver, compensation, severity, responsible unit: tables from the trade, and properties that must always hold."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.errors import Invalid
from wenguo.policy import approval, compensation, loading, money, routing, severity
from wenguo.text import amounts

PACK = loading.standard()
levels = st.integers(1, 4)
fen = st.integers(0, 10**10)
subs = st.sampled_from([s.code for s in PACK.subs])
tiers = st.sampled_from(["regular", "gold", "diamond"])


# ── approval ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("level", "amount_fen", "over_table", "steps"),
    [
        (4, 0, False, ["AP-1"]),
        (4, 50_000, False, ["AP-1"]),
        (4, 50_001, False, ["AP-2"]),
        (3, 100, False, ["AP-2"]),
        (3, 200_000, False, ["AP-2"]),
        (3, 200_001, False, ["AP-3"]),
        (2, 0, False, ["AP-3"]),
        (4, 1_000_000, False, ["AP-3"]),
        (4, 1_000_001, False, ["AP-3", "AP-4"]),
        (1, 0, False, ["AP-3", "AP-4"]),
        (4, 100, True, ["AP-2"]),
        (2, 100, True, ["AP-3", "AP-4"]),
        (1, 10**9, True, ["AP-3", "AP-4"]),
    ],
)
def test_the_stricter_of_level_and_amount_decides(level: int, amount_fen: int, over_table: bool, steps: list) -> None:
    assert [r.id for r in approval.ladder_for(PACK, level, amount_fen, over_table)] == steps


@given(levels, fen, st.booleans())
def test_nobody_approves_more_than_the_ladder_allows(level: int, amount_fen: int, over_table: bool) -> None:
    decides = approval.ladder_for(PACK, level, amount_fen, over_table)[-1]
    assert decides.level <= level
    assert decides.up_to_fen is None or amount_fen <= decides.up_to_fen
    most = approval.most_fen(PACK, decides.role, level)
    assert most is None or amount_fen <= most


@given(levels, levels, fen, fen, st.booleans())
def test_graver_or_dearer_never_needs_less(a: int, b: int, less: int, more: int, over_table: bool) -> None:
    rank = PACK.approval.ranks.index
    graver, milder = sorted((a, b))
    low, high = sorted((less, more))
    easy = approval.deciding_rule(PACK, milder, low, over_table)
    hard = approval.deciding_rule(PACK, graver, high, over_table)
    assert rank(hard.role) >= rank(easy.role)
    assert rank(approval.deciding_rule(PACK, milder, low, True).role) >= rank(easy.role)


def test_who_may_sign_and_who_is_next() -> None:
    supervisor = PACK.approval.rule("AP-2")
    assert approval.may_sign(PACK, supervisor) == ("supervisor", "manager", "executive")
    assert approval.next_above(PACK, supervisor) is PACK.approval.rule("AP-3")
    assert approval.next_above(PACK, PACK.approval.rule("AP-4")) is None
    assert approval.most_fen(PACK, "agent", 4) == 50_000 and approval.most_fen(PACK, "agent", 3) == 0
    assert approval.most_fen(PACK, "executive", 1) is None and approval.most_fen(PACK, "handler", 4) == 0


def test_reply_gates() -> None:
    def gates(level: int, channel: str, admission: bool) -> list[str]:
        return [g.role for g in approval.reply_gates(PACK, level, channel, admission)]

    assert gates(4, "phone", False) == []
    assert gates(2, "phone", False) == ["supervisor"]
    assert gates(1, "regulator", True) == ["supervisor", "legal", "legal"]
    assert gates(4, "mail", True) == ["legal"]


# ── compensation ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "tier", "category", "facts", "total_fen"),
    [
        ("economic", "regular", "price.hidden_fee", {"loss_fen": 10_000}, 10_000),
        ("economic", "gold", "price.hidden_fee", {"loss_fen": 10_000}, 11_000),
        ("economic", "diamond", "price.hidden_fee", {"loss_fen": 10_000}, 12_000),
        ("economic", "regular", "product.function", {"price_fen": 128_000}, 128_000),
        ("economic", "gold", "product.function", {"price_fen": 128_000, "costs_fen": 2_350}, 143_385),
        ("economic", "gold", "price.refund", {"loss_fen": 5}, 6),  # 5.5 fen, half up
        ("economic", "regular", "service.slow", {"order_fen": 100_000, "delay_days": 3}, 3_000),
        ("economic", "diamond", "service.slow", {"order_fen": 99_999, "delay_days": 40}, 36_000),  # capped at 30 %
        ("distress", "regular", "service.attitude", {"order_fen": 100_000}, 30_000),
        ("distress", "gold", "service.attitude", {"order_fen": 100_000}, 35_000),
        ("distress", "diamond", "service.attitude", {"order_fen": 100_000}, 40_000),
        ("distress", "gold", "service.attitude", {"order_fen": 33_333}, 11_667),
        ("service", "regular", "service.attitude", {}, 5_000),
        ("service", "diamond", "service.attitude", {}, 15_000),
        ("gift", "gold", "product.packaging", {}, 8_000),
        ("points", "regular", "price.promotion", {"order_fen": 10_000}, 500),
        ("points", "diamond", "price.promotion", {"order_fen": 12_345}, 1_235),
    ],
)
def test_the_table(kind: str, tier: str, category: str, facts: dict, total_fen: int) -> None:
    made = compensation.compute(PACK, kind, tier, category, facts)
    assert made.total_fen == total_fen
    assert sum(line.amount_fen for line in made.lines) == total_fen
    assert made.formula and made.because


def test_in_kind_shows_pieces_and_their_worth() -> None:
    vouchers = compensation.compute(PACK, "service", "gold", "service.slow", {})
    assert (vouchers.in_kind, vouchers.units, vouchers.total_fen) == (True, 2, 10_000)
    points = compensation.compute(PACK, "points", "gold", "service.slow", {"order_fen": 20_000})
    assert (points.units, points.unit) == (1_600, "积分")


@given(tiers, subs, fen, fen, st.integers(0, 400), st.integers(0, 400), st.sampled_from(PACK.compensation.kinds))
def test_more_loss_never_gives_less(tier: str, category: str, a: int, b: int, c: int, d: int, kind) -> None:
    low, high = sorted((a, b))
    few, many = sorted((c, d))
    money_facts = ("loss_fen", "price_fen", "order_fen")
    little = compensation.compute(
        PACK, kind.code, tier, category, dict.fromkeys(money_facts, low) | {"delay_days": few}
    )
    much = compensation.compute(
        PACK, kind.code, tier, category, dict.fromkeys(money_facts, high) | {"delay_days": many}
    )
    assert 0 <= little.total_fen <= much.total_fen


@given(subs, fen, st.integers(0, 400), st.sampled_from(PACK.compensation.kinds))
def test_a_higher_tier_never_gets_less(category: str, amount: int, days: int, kind) -> None:
    facts = {"loss_fen": amount, "price_fen": amount, "order_fen": amount, "delay_days": days}
    sums = [compensation.compute(PACK, kind.code, t, category, facts).total_fen for t in ("regular", "gold", "diamond")]
    assert sums == sorted(sums)


@given(tiers, fen)
def test_the_sum_is_exact_to_half_a_fen(tier: str, loss: int) -> None:
    made = compensation.compute(PACK, "economic", tier, "price.refund", {"loss_fen": loss})
    exact = Fraction(loss) * {"regular": 100, "gold": 110, "diamond": 120}[tier] / 100
    assert abs(made.total_fen - exact) <= Fraction(1, 2)
    assert sum(line.amount_fen for line in made.lines) == made.total_fen


@pytest.mark.parametrize(
    ("tier", "category", "facts", "field"),
    [
        ("gold", "price.refund", {}, "loss_fen"),
        ("gold", "price.refund", {"loss_fen": -1}, "loss_fen"),
        ("gold", "price.refund", {"loss_fen": 12.5}, "loss_fen"),
        ("gold", "price.refund", {"loss_fen": True}, "loss_fen"),
        ("gold", "price.refund", {"loss_fen": 10**14}, "loss_fen"),
        ("gold", "product.safety", {"loss_fen": 5}, "price_fen"),
        ("gold", "service.slow", {"order_fen": 5}, "delay_days"),
        ("platinum", "price.refund", {"loss_fen": 5}, "tier"),
        ("gold", "weather", {"loss_fen": 5}, "category"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_field(tier: str, category: str, facts: dict, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        compensation.compute(PACK, "economic", tier, category, facts)
    assert field in caught.value.fields


def test_needed_facts_are_named() -> None:
    assert compensation.needed(PACK, "economic", "aftersales.parts") == ("order_fen", "delay_days")
    assert compensation.needed(PACK, "economic", "product.function") == ("price_fen",)
    assert compensation.needed(PACK, "gift", "product.function") == ()


@pytest.mark.parametrize(
    ("amount", "plain", "words"),
    [
        (0, "0.00 元", "人民币零元整"),
        (5, "0.05 元", "人民币伍分"),
        (38_050, "380.50 元", "人民币叁佰捌拾元伍角整"),
        (105, "1.05 元", "人民币壹元零伍分"),
        (1_020_300, "10,203.00 元", "人民币壹万零贰佰零叁元整"),
        (100_000_005, "1,000,000.05 元", "人民币壹佰万元零伍分"),
        (10_000_000_000, "100,000,000.00 元", "人民币壹亿元整"),
        (10_010_000_100, "100,100,001.00 元", "人民币壹亿零壹拾万零壹元整"),
    ],
)
def test_money_in_figures_and_words(amount: int, plain: str, words: str) -> None:
    assert (money.yuan(amount), amounts.in_words(amount)) == (plain, words)


# ── severity ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Heard:
    term: str
    label: str
    standing: str = "said"
    weight: float = 1.0


SIGNALS = st.sampled_from([s.code for s in PACK.severity.signals]).map(lambda code: Heard("词", code))
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "people_affected": st.integers(0, 100),
        "tier": tiers,
        "vip": st.booleans(),
        "repeat_count": st.integers(0, 9),
        "channel": st.sampled_from([c.code for c in PACK.channels]),
        "injury": st.sampled_from(["none", "slight", "serious", "death"]),
        "category": subs,
        "loss_fen": fen,
    },
)


@pytest.mark.parametrize(
    ("hits", "facts", "level", "floors"),
    [
        ([], {}, 4, []),
        ([], {"tier": "gold"}, 4, []),
        ([Heard("漏电", "electric")], {}, 2, ["FL-2"]),
        ([Heard("漏电", "electric", standing="denied")], {}, 4, []),
        ([Heard("起火", "fire")], {}, 1, ["FL-1"]),
        ([], {"injury": "serious"}, 1, ["FL-1"]),
        ([], {"people_affected": 20}, 1, ["FL-1", "FL-2"]),
        ([], {"people_affected": 5}, 2, ["FL-2"]),
        ([], {"channel": "regulator"}, 2, ["FL-2"]),
        ([], {"repeat_count": 2}, 3, ["FL-3"]),
        ([], {"category": "product.safety"}, 2, ["FL-2"]),
        ([Heard("找媒体", "media_threat"), Heard("起诉", "lawsuit")], {"tier": "diamond"}, 2, ["FL-3"]),
    ],
)
def test_grades(hits: list[Heard], facts: dict, level: int, floors: list[str]) -> None:
    made = severity.score(PACK, hits, facts)
    assert (made.level, [f.rule for f in made.floors]) == (level, floors)


def test_every_point_has_its_reason_and_only_the_strongest_counts() -> None:
    hits = [Heard("漏电", "electric"), Heard("住院", "injury"), Heard("很危险", "danger")]
    made = severity.score(PACK, hits, {})
    safety = made.dimensions["safety"]
    assert safety.points == 3 and [r.rule for r in safety.reasons] == ["injury", "electric", "danger"]
    assert safety.reasons[0].evidence == ("住院",)
    assert made.total == 3 * safety.weight
    assert "住院" not in str(made.data), "the customer's words are personal and stay out of the hashed part"


def test_a_floor_tells_the_words_heard_and_the_facts_with_their_values() -> None:
    hits = [Heard("漏电", "electric"), Heard("受伤", "injury", standing="supposed")]
    safety, feeling = severity.score(PACK, hits, {"people_affected": 6, "emotion": 2}).floors
    assert (safety.evidence, safety.facts) == (("漏电",), (("people_affected", 6),))
    assert (feeling.evidence, feeling.facts) == ((), (("emotion", 2),))


@given(st.lists(SIGNALS, max_size=6), st.lists(SIGNALS, max_size=4), FACTS)
def test_hearing_more_never_makes_it_milder(first: list, more: list, facts: dict) -> None:
    before, after = severity.score(PACK, first, facts), severity.score(PACK, first + more, facts)
    assert after.total >= before.total and after.level <= before.level
    assert 0 <= after.total <= PACK.severity.max_total


@given(st.lists(SIGNALS, max_size=6), FACTS)
def test_the_order_of_the_words_does_not_matter(hits: list, facts: dict) -> None:
    assert severity.score(PACK, hits, facts).data == severity.score(PACK, hits[::-1], facts).data


# ── responsibility ────────────────────────────────────────────────────────────────────────────────────────


@given(subs, st.sampled_from(["", "华东", "西南"]), st.sampled_from(["", "空调", "手机"]))
def test_every_category_has_somebody_responsible(category: str, region: str, product: str) -> None:
    found = routing.route(PACK, category, region, product)
    assert found.lead in {f.code for f in PACK.functions} and found.because
    assert routing.handled_by(PACK, category, 1) == "executive"


def test_the_most_specific_row_wins() -> None:
    row = {"category": "product.function", "handling": "full", "because": "另有约定"}
    rows = [
        {**row, "id": "X-1", "region": "华东", "lead": "retail"},
        {**row, "id": "X-2", "product": "空调", "lead": "product"},
    ]
    raw = PACK.model_dump(mode="json")
    raw["responsibility"] += rows
    pack = type(PACK).model_validate(raw)
    assert routing.route(pack, "product.function").rule == "RM-02"
    assert routing.route(pack, "product.function", "华东").rule == "X-1"
    assert routing.route(pack, "product.function", "华东", "空调").rule == "X-2"
    assert routing.route(pack, "product.safety", "华东", "空调").rule == "RM-04"


def test_a_rule_may_lift_the_handling_level_but_never_lower_it() -> None:
    assert routing.handled_by(PACK, "product.safety", 4) == "manager"
    assert routing.handled_by(PACK, "product.safety", 1) == "executive"
    assert routing.handled_by(PACK, "price.refund", 4) == "agent"
