"""The demonstration company's texts hold what they promise: every class told, nothing unfilled, nobody real."""

from __future__ import annotations

import dataclasses
import random
import re
import statistics
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from wenguo.demo.corpus import Woven, customers, load, planted, weave, year
from wenguo.demo.corpus.filling import Malformed, check_text, fen, fill, fits, yuan
from wenguo.demo.corpus.reading import FUNCTIONS, ROLES, SUBCLASSES
from wenguo.demo.corpus.shapes import Product
from wenguo.demo.corpus.year import SHANGHAI, day_weight

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
INVENTED_PHONE = re.compile(r"1[3-9]\d0000\d{4}")


@pytest.fixture(scope="module")
def a_year() -> list[Woven]:
    return year(600, NOW)


@pytest.fixture(scope="module")
def a_long_year() -> list[Woven]:
    return year(2000, NOW)


def day_of(woven: Woven) -> date:
    return woven.received_at.astimezone(SHANGHAI).date()


def weaves(count: int, seed: int = 7) -> list[Woven]:
    """`count` weaves over all scenarios in turn, planted ones too, for ever new customers."""
    rng = random.Random(seed)
    corpus = load()
    crowd = customers(corpus, rng, 220, today=NOW.date())
    return [
        weave(corpus.scenarios[place % len(corpus.scenarios)], rng, rng.choice(crowd), NOW - timedelta(hours=place))
        for place in range(count)
    ]


def strings(value: Any) -> list[str]:
    """Every string anywhere inside."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Product):
        return [value.title]  # its batch and serial number are formats
    if dataclasses.is_dataclass(value):
        return [text for field in dataclasses.fields(value) for text in strings(getattr(value, field.name))]
    return [text for one in value for text in strings(one)] if isinstance(value, tuple | list) else []


# --- scenarios -------------------------------------------------------------------------------------------------------


def test_every_subclass_is_told_by_at_least_three_scenarios() -> None:
    told = Counter(one.category for one in load().scenarios)
    assert len(SUBCLASSES) == 25 and set(told) == set(SUBCLASSES)
    assert {name: count for name, count in told.items() if count < 3} == {}
    assert len({one.id for one in load().scenarios}) == len(load().scenarios) >= 75


def test_every_scenario_is_complete() -> None:
    for one in load().scenarios:
        assert one.title and one.wish and one.wants and one.channels, one.id
        assert len(one.stories) >= 3, one.id
        assert len({story.text for story in one.stories}) == len(one.stories), one.id
        assert one.id == "regulator-refund" or len({story.voice for story in one.stories}) >= 3, one.id
        assert 1 <= one.level <= 4 and all(one.reply.parts[:4]), one.id
        if not one.ends_early:
            assert one.facts and one.statements and one.causes and one.finding and one.measures, one.id
            assert any(cause.because for cause in one.causes), f"{one.id}: nobody asked why"
            assert one.options, one.id


def test_the_options_of_most_scenarios_leave_something_to_choose() -> None:
    whole = [one for one in load().scenarios if not one.ends_early]
    assert sum(len(one.options) >= 2 for one in whole) / len(whole) > 0.8


def test_anybody_can_tell_any_scenario() -> None:
    rng = random.Random(3)
    crowd = customers(load(), rng, 150, today=NOW.date())
    kinds = [next(one for one in crowd if one.kind == "company"), next(one for one in crowd if one.elder),
             next(one for one in crowd if one.kind == "person" and not one.elder)]  # fmt: skip
    for scenario in load().scenarios:
        for customer in kinds:
            assert weave(scenario, rng, customer, NOW).text


def test_all_levels_endings_liabilities_and_reactions_occur() -> None:
    scenarios = load().scenarios
    assert {one.level for one in scenarios} == {1, 2, 3, 4}
    turns = {turn.kind for one in scenarios for turn in one.turns}
    assert turns >= {"refused", "withdrawn", "consultation", "praise", "suggestion", "reassessed", "reopened",
                     "returned_twice", "joint", "extended", "override"}  # fmt: skip
    assert "returned_once" in load().common.chances
    assert {one.finding.liability for one in scenarios if one.finding} == {"ours", "none", "both"}
    assert {reaction.answer for one in scenarios for reaction in one.reactions} == {"accept", "refuse", "propose"}


# --- weaving ---------------------------------------------------------------------------------------------------------


def test_no_slot_is_left_open_in_five_hundred_weaves() -> None:
    for woven in weaves(500):
        for text in strings(woven):
            assert not re.search(r"[{}<>]", text), f"{woven.scenario}: {text}"
        assert "None" not in woven.text and all(woven.reply.parts)


def test_three_hundred_weaves_hardly_repeat_themselves() -> None:
    texts = [woven.text for woven in weaves(300)]
    assert len(set(texts)) >= 250


def test_texts_differ_in_length_and_voice() -> None:
    told = weaves(400)
    lengths = [len(woven.text) for woven in told]
    assert min(lengths) < 35 and max(lengths) > 250 and statistics.stdev(lengths) > 40
    assert {woven.voice for woven in told} >= {"phone_note", "plain", "rant", "wechat", "elder", "mail", "formal"}


def test_nobody_is_called_what_they_are_not() -> None:
    for woven in weaves(500):
        hers = woven.customer.honorific in {"女士", "阿姨"}
        his = woven.customer.honorific in {"先生", "大爷"}
        given = woven.customer.contact[1:]
        assert not (his and any(char in load().crowd["hers"] for char in given)), woven.customer.contact
        for text in strings(woven):
            said = set(re.findall(rf"{woven.customer.contact[0]}(女士|阿姨|先生|大爷|老师)", text))
            assert not said & ({"先生", "大爷"} if hers else {"女士", "阿姨"} if his else {"女士", "先生"}), text
            assert not (hers and re.search("老婆|妻子|媳妇", text)) and not (his and re.search("老公|丈夫", text)), text


@pytest.mark.parametrize(
    ("text", "category", "kinds", "fitting"),
    [
        ("正在安排检测", "price.refund", {"refund"}, False),
        ("正在安排检测", "product.function", set(), True),
        ("客户来电称答应的款项只到账一部分，要求重开。", "service.attitude", {"apology"}, False),
        ("涉及人身安全，按从严原则调高一级处理。", "aftersales.repair_quality", {"exchange"}, False),
        ("客户在线催办，要求告知具体进度。", "security.privacy", {"apology"}, True),
    ],
)
def test_a_borrowed_sentence_speaks_of_what_is_there(text: str, category: str, kinds: set[str], fitting: bool) -> None:
    assert fits(text, category=category, kinds=kinds, heated=False) is fitting


def test_the_same_seed_tells_the_same_story() -> None:
    assert weaves(60, seed=5) == weaves(60, seed=5)
    assert weaves(60, seed=5) != weaves(60, seed=6)


def test_the_parts_of_a_weave_fit_together() -> None:
    for woven in weaves(500):
        scenario = load().scenario(woven.scenario)
        assert woven.product.model == woven.order.model and woven.product.kind in scenario.products
        assert woven.order.bought_on <= woven.received_at.astimezone(SHANGHAI).date()
        assert woven.happened_on <= woven.received_at.astimezone(SHANGHAI).date()
        assert woven.channel in scenario.channels
        assert isinstance(woven.amount_fen, int) and woven.amount_fen >= 0
        assert (woven.amount_fen > 0) == (scenario.amount != "0")
        assert all(isinstance(one.amount_fen, int) and one.amount_fen >= 0 for one in woven.measures)
        assert all(one.owner_function in FUNCTIONS for one in woven.measures)
        assert load().company.unit(woven.outlet).kind == "outlet"
        assert 1 <= woven.survey.csat <= 5 and 0 <= woven.survey.nps <= 10 and 1 <= woven.survey.ces <= 7
        if woven.customer.kind == "company" and woven.channel == "mail":
            assert woven.customer.email


def test_nobody_writes_by_a_channel_they_do_not_have() -> None:
    for woven in weaves(500):
        owned = {"mail": woven.customer.email, "wechat": woven.customer.wechat}.get(woven.channel, "anyway")
        voices = {story.voice for story in load().scenario(woven.scenario).stories}
        assert owned or voices <= {"mail", "wechat", "formal"}, woven.scenario


def test_amounts_named_in_a_text_are_the_amounts_asked_for() -> None:
    named = [woven for woven in weaves(500) if woven.amount_fen and "{amount}" in load().scenario(woven.scenario).wants]
    assert len(named) > 50
    assert all(yuan(woven.amount_fen) in woven.wants for woven in named)


# --- people ----------------------------------------------------------------------------------------------------------


def test_the_company_has_three_branches_and_all_roles() -> None:
    company = load().company
    branches = [unit for unit in company.units if unit.kind == "branch"]
    assert len(branches) == 3
    for branch in branches:
        below = [unit for unit in company.units if unit.parent == branch.code]
        assert Counter(unit.kind for unit in below) == {"department": 2, "outlet": 2}
        assert {unit.function for unit in below} == {"customer_service", "aftersales", "retail"}
    assert {unit.function for unit in company.units} == set(FUNCTIONS)
    assert {post.role for one in company.staff for post in one.posts} == set(ROLES)
    assert 38 <= len(company.staff) <= 55
    assert len({one.username for one in company.staff}) == len(company.staff)
    assert {one.role for one in company.demo_accounts} == set(ROLES)
    assert sum(len(one.posts) > 1 for one in company.staff) >= 3
    assert any(one.from_day <= 0 <= one.to_day for one in company.deputies)


def test_a_demo_account_holds_the_role_it_shows() -> None:
    company = load().company
    for account in company.demo_accounts:
        staff = next(one for one in company.staff if one.username == account.username)
        assert account.role in {post.role for post in staff.posts}, account.username


def test_nobody_can_be_called_or_written_to() -> None:
    company = load().company
    crowd = customers(load(), random.Random(1), 400, today=NOW.date())
    phones = [one.phone for one in company.staff] + [one.phone for one in crowd] + [planted(NOW).claimant_phone]
    assert len(set(phones)) == len(phones)
    assert all(INVENTED_PHONE.fullmatch(phone) for phone in phones)
    assert all(one.email.endswith("@example.com") for one in company.staff)
    assert all(not one.email or one.email.endswith("@example.com") for one in crowd)
    for woven in weaves(300):
        for text in strings(woven):
            assert all(INVENTED_PHONE.fullmatch(number) for number in re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text))


def test_customers_are_many_and_different() -> None:
    crowd = customers(load(), random.Random(1), 180, today=NOW.date())
    assert len({one.name for one in crowd}) == len({one.code for one in crowd}) == 180
    assert {one.kind for one in crowd} == {"person", "company"}
    assert {one.tier for one in crowd} == {"normal", "gold", "diamond"}
    assert {one.region for one in crowd} == {"华东", "华南", "西南"}
    assert any(one.elder for one in crowd) and any(one.vip for one in crowd)
    assert all(one.orders for one in crowd)
    numbers = [order.number for one in crowd for order in one.orders]
    assert len(set(numbers)) == len(numbers)


# --- a year ----------------------------------------------------------------------------------------------------------


def test_a_year_has_the_wanted_number_of_cases_in_order(a_year: list[Woven]) -> None:
    moments = [woven.received_at for woven in a_year]
    assert len(a_year) == 600 and moments == sorted(moments)
    assert NOW - timedelta(days=366) <= moments[0] and moments[-1] <= NOW
    assert all(moment.tzinfo is UTC for moment in moments)
    assert [len(year(n, NOW)) for n in (0, 1, 40, 149, 150)] == [0, 1, 40, 149, 150]


def test_the_year_is_the_same_each_time(a_year: list[Woven]) -> None:
    assert year(600, NOW)[:50] == a_year[:50]


def test_seasons_show(a_year: list[Woven]) -> None:
    assert day_weight(date(2026, 11, 16)) > 1.5 * day_weight(date(2026, 10, 19))
    assert day_weight(date(2026, 2, 18)) < 0.4 * day_weight(date(2026, 3, 18))
    assert day_weight(date(2026, 9, 14)) > day_weight(date(2026, 9, 13))
    cooling = [woven.received_at.month for woven in a_year if woven.scenario == "aircon-not-cold"]
    assert set(cooling) <= {4, 5, 6, 7, 8, 9}


def test_nobody_says_quite_what_another_said(a_long_year: list[Woven]) -> None:
    assert len({woven.text for woven in a_long_year}) == len(a_long_year) == 2000


def test_the_bad_batch_can_be_found(a_year: list[Woven], a_long_year: list[Woven]) -> None:
    story = planted(NOW)
    for told, least in ((a_year, 14), (a_long_year, 40)):
        kettles = [woven for woven in told if woven.order.batch == story.bad_batch]
        hit = [one for one in kettles if one.planted == "bad_batch"]
        assert len(hit) >= least
        assert story.bad_from <= min(map(day_of, hit)) and max(map(day_of, hit)) <= story.bad_until
        assert all(day_of(one) <= story.bad_until for one in kettles), "after the recall it is quiet"
        assert len({one.customer.city for one in hit}) >= 4 and {one.level for one in hit} == {1, 2}
        others = Counter(woven.order.batch for woven in told if woven.product.model == story.bad_model)
        del others[story.bad_batch]
        assert max(others.values(), default=0) <= 8
        assert any(story.bad_batch in woven.text for woven in kettles)


def test_the_migration_weekend_is_three_days_full_of_account_cases(a_year: list[Woven]) -> None:
    story = planted(NOW)
    assert story.migration.weekday() == 5
    hit = [woven for woven in a_year if woven.planted == "migration"]
    assert len(hit) >= 10
    assert all(0 <= (day_of(w) - story.migration).days <= 2 for w in hit)
    assert {woven.category for woven in hit} <= {"security.account", "aftersales.warranty"}


def test_one_phone_claims_again_and_again(a_year: list[Woven]) -> None:
    claims = [woven for woven in a_year if woven.customer.phone == planted(NOW).claimant_phone]
    assert len(claims) == 7 and {woven.scenario for woven in claims} == {"professional-claim"}
    assert {woven.customer.group for woven in claims} == {"professional"}
    assert all(woven.amount_fen > 0 for woven in claims) and len({woven.channel for woven in claims}) >= 2


def test_neighbours_write_alike_about_one_outlet_within_three_days(a_year: list[Woven]) -> None:
    group, story = [woven for woven in a_year if woven.planted == "group"], planted(NOW)
    assert len({woven.customer.phone for woven in group}) == 6
    assert all(story.group_estate in woven.customer.address for woven in group)
    assert max(w.received_at for w in group) - min(w.received_at for w in group) <= timedelta(hours=72)
    assert len({woven.order.batch for woven in group}) == 1 and {w.order.place for w in group} == {story.outlet}
    assert sum("统一更换全部团购机器" in woven.text for woven in group) == 4


def test_the_authority_writes_about_somebody_we_kept_waiting(a_year: list[Woven]) -> None:
    letters = [woven for woven in a_year if woven.planted == "regulator"]
    assert letters and all(woven.channel == "regulator" and "投诉" in woven.text for woven in letters)
    (earlier,) = [woven for woven in a_year if woven.planted == "late"]
    (letter,) = [woven for woven in letters if woven.customer.phone == earlier.customer.phone]
    assert letter.order.number == earlier.order.number and earlier.survey.csat == 1
    assert timedelta(days=14) < letter.received_at - earlier.received_at < timedelta(days=30)


def test_one_measure_worked_and_one_did_not(a_long_year: list[Woven]) -> None:
    story = planted(NOW)

    def change(chosen: Callable[[Woven], bool], since: date) -> float:
        days = [day_of(w) for w in a_long_year if chosen(w)]
        before = sum(day < since for day in days) / (since - (NOW.date() - timedelta(days=365))).days
        return sum(day >= since for day in days) / (NOW.date() - since).days / before

    category, since = story.measure_worked
    assert change(lambda w: w.scenario == story.ended, since) < 0.25
    assert change(lambda w: w.category == category, since) < 0.7
    category, since = story.measure_failed
    assert change(lambda w: w.category == category, since) > 0.8


# --- filling ---------------------------------------------------------------------------------------------------------


def test_templates_that_cannot_be_filled_are_refused() -> None:
    for text in ("你好{nobody}", "少一个{product", "多一个>", "选<一个"):
        with pytest.raises(Malformed):
            check_text(text)
    with pytest.raises(Malformed):
        check_text("赔{amount}元", may_name_amount=False)


def test_choices_slots_and_amounts() -> None:
    rng = random.Random(1)
    assert {fill("<早|晚>上{product}", {"product": "空调"}, rng) for _ in range(40)} == {"早上空调", "晚上空调"}
    assert fen("price*0.1", rng, price_fen=15_900) == 1_590
    assert fen("wish*0.5", rng, price_fen=0, wish_fen=30_000) == 15_000
    assert 3_000 <= fen("3000..8000", rng, price_fen=0) <= 8_000 and fen("3000..8000", rng, price_fen=0) % 100 == 0
    assert [yuan(15_900), yuan(15_950), yuan(5)] == ["159", "159.5", "0.05"]
