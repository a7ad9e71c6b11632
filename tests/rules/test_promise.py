"""Promises: due, paused, warned, explained. Source: TR-8 with the standard reading "24 h = one working day"."""

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wenguo.errors import Invalid
from wenguo.policy import holidays
from wenguo.policy.calendar import ALWAYS, Calendar, parse_hours
from wenguo.policy.promise import Allowance, due, explain, left_minutes, moment_at, used_percent

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS, KNOWN = holidays.merged()
OFFICE = Calendar({day: parse_hours("09:00-12:00,13:00-18:00") for day in range(5)}, DAYS, known_years=KNOWN)
LATE_SHOP = Calendar({day: parse_hours("10:00-24:00") for day in range(6)}, DAYS, known_years=KNOWN)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def shown(moment: datetime | None) -> str | None:
    return moment and moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def allowed(**spec) -> Allowance:
    return Allowance.from_spec(spec)


ONE_DAY = allowed(working_days=1)
BY_CLOSING = allowed(working_days=1, rounding="end_of_day")

moments = st.datetimes(datetime(2024, 1, 2), datetime(2026, 12, 1), timezones=st.just(SHANGHAI))
calendars = st.sampled_from([OFFICE, LATE_SHOP, ALWAYS])
fixed = st.one_of(
    st.builds(Allowance, st.just("minutes"), st.integers(1, 20_000)),
    st.builds(Allowance, st.just("working_days"), st.integers(1, 30)),
    st.builds(Allowance, st.just("minutes_24x7"), st.integers(1, 50_000)),
)
rounded = st.one_of(
    st.builds(Allowance, st.just("working_days"), st.integers(1, 30), st.just("end_of_day")),
    st.builds(Allowance, st.just("natural_days"), st.integers(1, 90)),
)
allowances = st.one_of(fixed, rounded)


@st.composite
def stories(draw, kinds=allowances):
    """(start, allowance, calendar, pauses): pauses in any order, overlapping, some before the start."""
    start = draw(moments)
    offsets = st.integers(-1000, 60_000).map(lambda n: start + timedelta(minutes=n, seconds=n % 60))
    pauses = [tuple(sorted(pair)) for pair in draw(st.lists(st.tuples(offsets, offsets), max_size=4))]
    return start, draw(kinds), draw(calendars), pauses


# -- the clock table by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "falls_due"),
    [
        ({"hours": 2}, "2026-10-08 10:00"),  # level 1 response
        ({"working_days": 1}, "2026-10-08 17:00"),  # level 1 solution, level 3 response
        ({"hours": 4}, "2026-10-08 12:00"),  # level 2 response
        ({"working_days": 2}, "2026-10-09 17:00"),  # level 2 solution, level 4 response
        ({"working_days": 3}, "2026-10-10 17:00"),  # level 3 solution: 10 October is a make-up Saturday
        ({"working_days": 7}, "2026-10-15 17:00"),  # level 4 solution
        ({"working_days": 1, "rounding": "end_of_day"}, "2026-10-08 18:00"),
        ({"working_days": 3, "rounding": "end_of_day"}, "2026-10-10 18:00"),
        ({"minutes_24x7": 30}, "2026-09-30 17:30"),  # a public post
        ({"hours_24x7": 2}, "2026-09-30 19:00"),
        ({"natural_days": 15}, "2026-10-15 23:59"),  # NFRA-15
        ({"natural_days": 5}, "2026-10-08 23:59"),  # 5 October rolls over
    ],
)
def test_received_an_hour_before_national_day_2026_began(spec, falls_due):
    assert shown(due(at("2026-09-30 17:00"), allowed(**spec), OFFICE)) == falls_due


@pytest.mark.parametrize(
    ("received", "spec", "falls_due"),
    [
        ("2025-01-27 16:00", {"working_days": 1}, "2025-02-05 16:00"),  # Spring Festival 2025
        ("2025-01-24 16:00", {"working_days": 1}, "2025-01-26 16:00"),  # to the make-up Sunday before it
        ("2026-02-13 16:00", {"working_days": 2}, "2026-02-24 16:00"),  # make-up Saturday, then the festival
        ("2025-09-26 16:00", {"working_days": 1}, "2025-09-28 16:00"),
        ("2026-01-03 11:00", {"hours": 2}, "2026-01-04 11:00"),  # New Year: received on a day off
        ("2025-12-31 18:30", {"working_days": 1}, "2026-01-04 18:00"),  # received after closing
    ],
)
def test_other_holidays_by_hand(received, spec, falls_due):
    assert shown(due(at(received), allowed(**spec), OFFICE)) == falls_due


def test_a_pause_moves_the_due_time_by_the_working_time_it_took():
    start = at("2026-11-23 10:00")
    assert shown(due(start, ONE_DAY, OFFICE)) == "2026-11-24 10:00"
    lunch_and_an_hour = [(at("2026-11-23 12:00"), at("2026-11-23 14:00"))]
    assert shown(due(start, ONE_DAY, OFFICE, lunch_and_an_hour)) == "2026-11-24 11:00"
    over_night = [(at("2026-11-23 18:00"), at("2026-11-24 09:00"))]
    assert shown(due(start, ONE_DAY, OFFICE, over_night)) == "2026-11-24 10:00"
    twice_the_same = [*lunch_and_an_hour, *lunch_and_an_hour]
    assert shown(due(start, ONE_DAY, OFFICE, twice_the_same)) == "2026-11-24 11:00"
    seven_minutes = [(start, start + timedelta(minutes=7))]
    assert shown(due(start, allowed(hours_24x7=2), OFFICE, seven_minutes)) == "2026-11-23 12:07"


def test_an_open_pause_holds_the_promise_and_one_after_the_due_time_does_not_revive_it():
    start = at("2026-11-23 10:00")
    assert due(start, ONE_DAY, OFFICE, [(at("2026-11-23 11:00"), None)]) is None
    assert shown(due(start, ONE_DAY, OFFICE, [(at("2026-11-24 10:00"), None)])) == "2026-11-24 10:00"
    late = [(at("2026-11-24 11:00"), at("2026-11-25 11:00"))]
    assert shown(due(start, ONE_DAY, OFFICE, late)) == "2026-11-24 10:00"


def test_a_paused_day_is_rounded_to_closing_again_but_once():
    start = at("2026-11-23 10:00")
    two_short = [
        (at("2026-11-23 11:00"), at("2026-11-23 11:10")),
        (at("2026-11-24 11:00"), at("2026-11-24 11:10")),
    ]
    assert shown(due(start, BY_CLOSING, OFFICE, two_short)) == "2026-11-25 18:00"
    whole_day = [(at("2026-11-24 00:00"), at("2026-11-25 00:00"))]
    assert shown(due(start, BY_CLOSING, OFFICE, whole_day)) == "2026-11-25 18:00"
    appraisal = [(at("2026-11-24 00:00"), at("2026-11-27 00:00"))]
    assert shown(due(start, allowed(natural_days=15), OFFICE, appraisal)) == "2026-12-11 23:59"


def test_a_shop_open_till_midnight_ends_its_day_at_midnight():
    assert shown(due(at("2026-11-23 11:00"), BY_CLOSING, LATE_SHOP)) == "2026-11-25 00:00", "24:00 of the 24th"
    pause = [(at("2026-11-23 12:00"), at("2026-11-23 13:00"))]
    assert shown(due(at("2026-11-23 11:00"), BY_CLOSING, LATE_SHOP, pause)) == "2026-11-26 00:00"


def test_warnings_and_escalations_by_hand():
    start, allowance = at("2026-11-23 09:00"), allowed(working_days=1)
    due_at = due(start, allowance, OFFICE)
    marks = {p: shown(moment_at(p, start, due_at, OFFICE, allowance)) for p in (0, 50, 75, 90, 100, 150, 200)}
    assert marks == {
        0: "2026-11-23 09:00",
        50: "2026-11-23 14:00",
        75: "2026-11-23 16:00",
        90: "2026-11-23 17:12",
        100: "2026-11-23 18:00",
        150: "2026-11-24 14:00",
        200: "2026-11-24 18:00",
    }
    pauses = [(at("2026-11-23 10:00"), at("2026-11-23 12:00"))]
    due_at = due(start, allowance, OFFICE, pauses)
    assert shown(moment_at(50, start, due_at, OFFICE, allowance, pauses)) == "2026-11-23 16:00"
    assert used_percent(at("2026-11-23 11:00"), start, due_at, OFFICE, allowance, pauses) == 12.5
    assert left_minutes(at("2026-11-23 11:00"), start, due_at, OFFICE, allowance, pauses) == 420
    assert left_minutes(at("2026-11-24 12:00"), start, due_at, OFFICE, allowance, pauses) == -60


def test_an_extension_is_the_new_hundred_percent_even_on_a_sunday():
    start, agreed = at("2026-11-27 10:00"), at("2026-11-29 20:00")
    assert moment_at(100, start, agreed, OFFICE, ONE_DAY) == agreed
    assert moment_at(150, start, agreed, OFFICE, ONE_DAY) > agreed
    saturday = at("2026-11-28 10:00")
    half, beyond = (moment_at(p, saturday, agreed, OFFICE, ONE_DAY) for p in (50, 150))
    assert half <= agreed < beyond
    assert used_percent(saturday, saturday, agreed, OFFICE, ONE_DAY) == 0


def test_a_paused_clock_can_be_read():
    start, paused = at("2026-11-23 09:00"), [(at("2026-11-23 11:00"), None)]
    now = at("2026-11-25 15:00")
    assert used_percent(now, start, None, OFFICE, ONE_DAY, paused) == 25
    assert left_minutes(now, start, None, OFFICE, ONE_DAY, paused) == 360
    assert shown(moment_at(50, start, None, OFFICE, ONE_DAY, paused)) == "2026-11-23 14:00"
    assert [(shown(i.end), i.words()) for i in explain(start, now, OFFICE, ONE_DAY, paused)] == [
        ("2026-11-23 11:00", "工作时间"),
        ("2026-11-25 15:00", "暂停计时"),
    ]


def test_natural_days_explain_the_first_day_and_the_rolling():
    start, allowance = at("2026-09-16 10:00"), allowed(natural_days=15)
    explained = explain(start, due(start, allowance, OFFICE), OFFICE, allowance)
    assert [(shown(i.start), i.kind, i.words()) for i in explained] == [
        ("2026-09-16 10:00", "uncounted", "起算当日不计入"),
        ("2026-09-17 00:00", "counted", "自然日"),
        ("2026-10-02 00:00", "uncounted", "国庆节放假"),
        ("2026-10-08 00:00", "uncounted", "遇休息日顺延"),
    ]
    assert explained[1].minutes == 15 * 1440


def test_working_days_to_closing_explain_the_first_day():
    start = at("2026-11-23 17:00")
    assert [(i.kind, i.words()) for i in explain(start, at("2026-11-24 18:00"), OFFICE, BY_CLOSING)] == [
        ("uncounted", "起算当日不计入"),
        ("uncounted", "非工作时间"),
        ("counted", "工作时间"),
        ("uncounted", "非工作时间"),
        ("counted", "工作时间"),
    ]


# -- properties --------------------------------------------------------------------------------------------------------


@given(stories(fixed))
@settings(max_examples=80, deadline=None)
def test_counted_stretches_are_the_allowance(story):
    start, allowance, calendar, pauses = story
    due_at = due(start, allowance, calendar, pauses)
    pieces = explain(start, due_at, calendar, allowance, pauses)
    assert sum((p.end - p.start for p in pieces if p.kind == "counted"), timedelta()) == allowance.exact(calendar)


@given(stories())
@settings(max_examples=80, deadline=None)
def test_an_explanation_leaves_no_gap(story):
    start, allowance, calendar, pauses = story
    due_at = due(start, allowance, calendar, pauses)
    pieces = explain(start, due_at, calendar, allowance, pauses)
    assert (pieces[0].start, pieces[-1].end) == (start, due_at)
    assert all(a.end == b.start and a.start < a.end for a, b in zip(pieces, pieces[1:]))  # noqa: B905, RUF007
    assert {p.kind for p in pieces} <= {"counted", "uncounted", "paused"}


@given(stories(), st.integers(0, 400), st.integers(0, 400))
@settings(deadline=None)
def test_percentages_rise_and_meet_the_due_time(story, p, q):
    start, allowance, calendar, pauses = story
    due_at = due(start, allowance, calendar, pauses)

    def moment(percent):
        return moment_at(percent, start, due_at, calendar, allowance, pauses)

    assert moment(0) == start and moment(100) == due_at
    assert moment(min(p, q)) <= moment(max(p, q))
    used = used_percent(moment(p), start, due_at, calendar, allowance, pauses)
    assert used == pytest.approx(p, abs=1e-4)
    assert used_percent(moment(p) - timedelta(seconds=1), start, due_at, calendar, allowance, pauses) <= used


@given(stories(), moments)
@settings(deadline=None)
def test_late_is_late_by_every_measure(story, now):
    start, allowance, calendar, pauses = story
    due_at = due(start, allowance, calendar, pauses)
    used = used_percent(now, start, due_at, calendar, allowance, pauses)
    left = left_minutes(now, start, due_at, calendar, allowance, pauses)
    if now < due_at:
        assert used < 100 and left >= 0
    else:
        assert used >= 100 and left <= 0
    assert (left < 0) == (used > 100)


@given(stories(fixed), st.integers(1, 3000))
@settings(deadline=None)
def test_a_pause_costs_exactly_what_it_took(story, length):
    start, allowance, calendar, _ = story
    plain = due(start, allowance, calendar)
    gauge = allowance.gauge(calendar)
    begun = start + (plain - start) / 3
    ended = begun + timedelta(minutes=length)
    paused = due(start, allowance, calendar, [(begun, ended)])
    assert gauge.elapsed(plain, paused) == gauge.elapsed(begun, ended)
    halves = [(begun + (ended - begun) / 2, ended), (begun, begun + (ended - begun) / 2)]
    assert due(start, allowance, calendar, halves) == paused


@given(stories())
@settings(deadline=None)
def test_pauses_only_postpone_and_their_order_does_not_matter(story):
    start, allowance, calendar, pauses = story
    due_at = due(start, allowance, calendar, pauses)
    assert due_at >= due(start, allowance, calendar)
    for told in (pauses[::-1], pauses * 2):
        assert due(start, allowance, calendar, told) == due_at


@given(stories(), st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1, 100_000))
@settings(deadline=None)
def test_nothing_is_used_while_an_open_pause_lasts(story, share, length):
    start, allowance, calendar, pauses = story
    ahead = due(start, allowance, calendar, pauses)
    since = start + (ahead - start) * share
    paused = [*pauses, (since, None)]
    assume(start < since < ahead)
    assert due(start, allowance, calendar, paused) is None
    moments = (since, since + timedelta(minutes=length))
    used = [used_percent(t, start, None, calendar, allowance, paused) for t in moments]
    assert used[0] == used[1] < 100


@given(stories(rounded), st.integers(0, 1439))
@settings(deadline=None)
def test_rounded_promises_made_on_one_day_end_together(story, minute):
    start, allowance, calendar, _ = story
    other = datetime.combine(start.date(), datetime.min.time(), SHANGHAI) + timedelta(minutes=minute)
    due_at = due(start, allowance, calendar)
    assert due_at == due(other, allowance, calendar)
    if allowance.unit == "natural_days":
        assert calendar.is_working_day(calendar.local_date(due_at))


@given(moments, st.integers(1, 20), st.integers(1, 20))
def test_working_days_at_the_same_time_add_up(start, a, b):
    first = due(start, allowed(working_days=a), OFFICE)
    assert due(first, allowed(working_days=b), OFFICE) == due(start, allowed(working_days=a + b), OFFICE)


# -- the allowance as data ---------------------------------------------------------------------------------------------


@given(allowances)
def test_an_allowance_survives_json(allowance):
    assert Allowance.from_spec(json.loads(json.dumps(allowance.spec()))) == allowance


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"hours": 4}, "4 个工作小时"),
        ({"hours": 0.5}, "30 个工作分钟"),
        ({"minutes": 90}, "1 个工作小时 30 个工作分钟"),
        ({"working_days": 3}, "3 个工作日"),
        ({"working_days": 3, "rounding": "end_of_day"}, "3 个工作日（至当日下班）"),
        ({"natural_days": 15}, "15 日"),
        ({"minutes_24x7": 30}, "30 分钟（全天候）"),
        ({"hours_24x7": 2}, "2 小时（全天候）"),
    ],
)
def test_an_allowance_in_words(spec, words):
    assert Allowance.from_spec(spec).words() == words


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "一种单位"),
        ({"hours": 2, "working_days": 1}, "一种单位"),
        ({"weeks": 2}, "一种单位"),
        ({"hours": 2, "colour": "red"}, "一种单位"),
        ({"hours": "two"}, "应为数字"),
        ({"hours": True}, "应为数字"),
        ({"hours": 0}, "大于零"),
        ({"natural_days": -3}, "大于零"),
        ({"natural_days": 100_000}, "不超过"),
        ({"hours": float("nan")}, "整分钟"),
        ({"hours": float("inf")}, "整分钟"),
        ({"hours": 0.001}, "整分钟"),
        ({"working_days": 1.5}, "整日"),
        ({"working_days": 1, "rounding": "nearest"}, "取整方式"),
    ],
)
def test_a_senseless_allowance_is_refused(spec, says):
    with pytest.raises(Invalid, match=says):
        Allowance.from_spec(spec)


def test_a_date_a_promise_cannot_reach_is_refused():
    with pytest.raises(Invalid, match="超出工作日历"):
        due(datetime(2059, 12, 1, tzinfo=UTC), allowed(natural_days=90), OFFICE)
    assert OFFICE.unknown_years(date(2026, 11, 1), date(2027, 1, 5)) == [2027]
