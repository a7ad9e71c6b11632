"""Signs of escalation are sums over a story told up to a moment, and nothing that came later is in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.cases.risk import Other, past_of
from wenguo.cases.signs import Happened, Past, escalated_at, measure, score, told, weights_of
from wenguo.policy.checks import check
from wenguo.policy.escalation import ADDED, logistic, shipped
from wenguo.policy.loading import standard

START = datetime(2026, 11, 2, 1, tzinfo=UTC)
RULES = shipped()
SILENCE = 3
NOBODY = Past()


def story(*events: tuple[float, str, dict[str, Any]]) -> list[Happened]:
    """Events as (hours after the start, type, what else): `words`, `because`, the rest is data."""
    made = [Happened(1, "case.received", START, "", {"set": {"owner_id": None, "flags": []}}, "空调不制冷")]
    for n, (hours, type, more) in enumerate(events, 2):
        data = {k: v for k, v in more.items() if k not in {"words", "because"}}
        at = START + timedelta(hours=hours)
        made.append(Happened(n, type, at, more.get("because", ""), data, more.get("words", "")))
    return made


def found(events: list[Happened], hours: float, past: Past = NOBODY) -> dict[str, int]:
    return {s.code: s.amount for s in measure(told(events, START + timedelta(hours=hours)), past, RULES, SILENCE)}


def moment(hours: float) -> str:
    return (START + timedelta(hours=hours)).isoformat()


OWNED = (0.0, "case.took", {"set": {"owner_id": 7}})


def test_a_new_case_in_good_hands_shows_nothing():
    assert found(story(OWNED), 1) == {}


@pytest.mark.parametrize(
    ("events", "hours", "sign", "amount"),
    [
        ([(1, "case.joined", {"because": "repeat"}), (2, "case.joined", {"because": "merge"})], 3, "told_again", 1),
        ([(1, "case.reminded", {}), (2, "case.reminded", {})], 3, "urged", 2),
        ([(1, "message.received", {}), (2, "message.received", {})], 3, "unanswered", 2),
        ([(1, "message.received", {}), (2, "message.sent", {}), (3, "message.received", {})], 4, "unanswered", 0),
        ([(1, "message.received", {}), (2, "message.called", {"outcome": "no_answer"})], 4, "unanswered", 1),
        ([(1, "case.joined", {"channel": "counter"}), (9, "case.joined", {"channel": "counter"})], 10, "visits", 1),
        ([(1, "message.received", {"words": "我为这事跑了三趟门店。"})], 2, "visits", 2),
        ([(1, "message.received", {"words": "维修师傅来过好几次都没修好。"})], 2, "visits", 2),
        ([(1, "message.received", {"words": "我去过一次。"})], 2, "visits", 0),
        ([(1, "message.received", {"words": "客服不耐烦，还挂我电话。"})], 2, "disrespect", 1),
        ([(1, "message.received", {"words": "客服没有不耐烦，谢谢。"})], 2, "disrespect", 0),
        ([(1, "case.reminded", {"higher": True})], 2, "escalated_before", 1),
        ([(1, "case.joined", {"because": "repeat", "channel": "association"})], 2, "escalated_before", 1),
        ([(1, "handover.sent", {}), (2, "handover.returned", {}), (3, "handover.sent", {})], 4, "hops", 1),
        ([(1, "handover.sent", {}), (2, "handover.returned", {})], 4, "returned", 1),
        ([(1, "option.answered", {"answer": "refuse"}), (2, "option.answered", {"answer": "accept"})], 4,
         "rejected", 1),
        ([(1, "case.reconsidered", {})], 2, "contradictory", 1),
        ([(1, "case.flagged", {"set": {"flags": ["unhappy"]}})], 2, "unhappy", 1),
        (
            [(1, "case.flagged", {"set": {"flags": ["unhappy"]}}), (2, "case.flagged", {"set": {"flags": []}})],
            3, "unhappy", 0,
        ),
        ([(1, "message.received", {"words": "再不退款我就打12315投诉"})], 2, "threat_regulator", 1),
        ([(1, "message.received", {"words": "我要找电视台曝光你们"})], 2, "threat_media", 1),
        ([(1, "message.received", {"words": "我会去法院起诉你们"})], 2, "threat_lawsuit", 1),
        ([(1, "message.received", {"words": "气死我了!!!你们就是骗子,垃圾公司,太无耻了"})], 2, "rising", 1),
    ],
)  # fmt: skip
def test_each_sign_is_counted_from_its_events(events, hours, sign, amount):
    assert found(story(OWNED, *events), hours).get(sign, 0) == amount


def test_an_offer_that_falls_or_is_taken_back_contradicts_what_was_said():
    offers = [
        (1, "option.proposed", {"option": 1, "amount_fen": 30_000}),
        (2, "option.proposed", {"option": 2, "amount_fen": 20_000}),
        (3, "option.withdrawn", {"option": 1}),
        (4, "option.withdrawn", {"option": 9}),  # never offered
    ]
    assert found(story(OWNED, *offers), 5)["contradictory"] == 2
    answered = [offers[0], (2, "option.withdrawn", {"option": 1, "because": "answered"})]
    assert "contradictory" not in found(story(OWNED, *answered), 5)


def test_a_promise_is_late_while_it_runs_and_broken_when_it_was_kept_too_late():
    clock = [(0, "clock.started", {"clock": 5, "kind": "solve", "due_at": moment(10)})]
    assert "overdue" not in found(story(OWNED, *clock), 9)
    assert found(story(OWNED, *clock), 11)["overdue"] == 1
    met = [*clock, (12, "clock.met", {"clock": 5, "kind": "solve", "due_at": moment(10)})]
    assert {k: found(story(OWNED, *met), 13).get(k, 0) for k in ("overdue", "broken")} == {"overdue": 0, "broken": 1}
    paused = [*clock, (5, "clock.paused", {"clocks": [5]})]
    assert "overdue" not in found(story(OWNED, *paused), 20)
    resumed = [*paused, (20, "clock.resumed", {"clocks": {"5": moment(25)}})]
    assert "overdue" not in found(story(OWNED, *resumed), 24) and found(story(OWNED, *resumed), 26)["overdue"] == 1
    extended = [*clock, (8, "clock.extended", {"clock": 5, "new_due_at": moment(30)})]
    assert "overdue" not in found(story(OWNED, *extended), 20)
    between_us = [(0, "clock.started", {"clock": 6, "kind": "handover", "due_at": moment(1)})]
    assert "overdue" not in found(story(OWNED, *between_us), 20)


def test_time_alone_makes_silence_and_nobody_in_charge_grow():
    nobody = story()
    assert "unowned" not in found(nobody, RULES.unowned_hours - 1)
    assert found(nobody, RULES.unowned_hours)["unowned"] == 1
    assert found(nobody, RULES.unowned_hours + 24)["unowned"] == 2
    owned = story(OWNED)
    assert "silence" not in found(owned, 24 * SILENCE - 1)
    assert found(owned, 24 * SILENCE)["silence"] == 1
    told_them = story(OWNED, (60, "message.sent", {}))
    assert "silence" not in found(told_them, 24 * SILENCE + 1)
    waiting = story(OWNED, (1, "clock.paused", {"clocks": [], "set": {"waiting_since": moment(1)}}))
    assert "silence" not in found(waiting, 24 * 20)
    answered = story(OWNED, (10, "reply.sent", {}), (10, "case.answered", {}))
    assert "silence" not in found(answered, 24 * 20)
    came_back = story(OWNED, (10, "case.answered", {}), (24 * 10, "message.received", {}))
    assert found(came_back, 24 * (10 + SILENCE))["silence"] == 1


def test_what_is_known_of_the_customer_is_what_was_known_then():
    cases = [
        Other(START - timedelta(days=9), "phone", START + timedelta(hours=5)),  # taken higher later
        Other(START - timedelta(days=8), "regulator", None),
        Other(START + timedelta(hours=1), "regulator", None),  # came afterwards
    ]
    assert past_of(cases, START, START + timedelta(hours=2), False) == Past(2, 1, False)
    assert past_of(cases, START, START + timedelta(hours=6), False) == Past(2, 2, False)


def test_what_really_happened_is_defined_by_events():
    events = story(
        (1, "case.reminded", {}), (2, "case.reminded", {"higher": True}),
        (3, "case.joined", {"because": "repeat", "channel": "weibo"}), (4, "case.joined", {"channel": "phone"}),
        (5, "case.reopened", {}),
    )  # fmt: skip
    assert [how for _at, how in escalated_at(events)] == ["higher", "outside", "reopened"]


KINDS = st.sampled_from(
    [
        ("message.received", {"words": "再不处理就去12315"}), ("message.sent", {}), ("case.reminded", {"higher": True}),
        ("handover.sent", {"set": {"owner_id": None}}), ("case.took", {"set": {"owner_id": 3}}), ("case.reopened", {}),
        ("option.proposed", {"option": 1, "amount_fen": 100}), ("option.withdrawn", {"option": 1}),
        ("clock.started", {"clock": 1, "kind": "solve", "due_at": moment(30)}), ("clock.met", {"clock": 1}),
    ]
)  # fmt: skip


@given(st.lists(st.tuples(st.floats(0, 100), KINDS), max_size=25), st.floats(0, 120))
def test_nothing_that_happens_later_leaks_into_an_earlier_moment(events, hours):
    whole = story(*sorted(((h, *kind) for h, kind in events), key=lambda e: e[0]))
    until = [e for e in whole if e.at <= START + timedelta(hours=hours)]
    assert found(whole, hours) == found(until, hours)


@given(st.lists(st.tuples(st.floats(0, 100), KINDS), max_size=25), st.floats(0, 400))
def test_the_score_is_the_sum_anybody_can_redo(events, hours):
    signs = measure(
        told(story(*sorted(((h, *kind) for h, kind in events), key=lambda e: e[0])), START + timedelta(hours=hours)),
        Past(), RULES, SILENCE,
    )  # fmt: skip
    by_hand = RULES.start + sum(RULES.sign(s.code).weight * min(s.amount, RULES.sign(s.code).most) for s in signs)
    assert score(signs, RULES, weights_of(RULES, "policy")) == pytest.approx(logistic(by_hand))
    assert all(s.places for s in signs)


def test_a_level_is_kept_until_the_score_falls_below_its_lower_line():
    high, medium = RULES.level("high"), RULES.level("medium")
    between = (high.leave_below + high.from_score) / 2
    assert RULES.level_of(between).code == "medium"
    assert RULES.level_of(between, "high").code == "high"
    assert RULES.level_of(high.leave_below - 0.01, "high").code == "medium"
    assert RULES.level_of(medium.leave_below - 0.01, "high").code == "low"
    assert RULES.level_of(0.99, "low").code == "high"


def test_a_pack_published_before_a_sign_was_added_does_without_it():
    events = story(OWNED, (1, "message.received", {"words": "我跑了三趟，客服不耐烦。"}))
    older = RULES.model_copy(update={"signs": tuple(s for s in RULES.signs if s.code not in ADDED)})
    assert found(events, 2)["visits"] == 2 and found(events, 2)["disrespect"] == 1
    signs = measure(told(events, START + timedelta(hours=2)), NOBODY, older, SILENCE)
    assert not ADDED & {s.code for s in signs}
    assert 0 < score(signs, older, weights_of(older, "policy")) < 1
    assert check(standard().model_copy(update={"escalation": older})) == []


def test_the_standard_pack_speaks_of_it_and_an_older_one_takes_what_is_shipped():
    pack = standard()
    old = {k: v for k, v in pack.model_dump(mode="json").items() if k != "escalation"}
    assert type(pack).model_validate(old).escalation == pack.escalation == RULES
