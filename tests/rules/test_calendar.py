"""The working calendar under tables and properties. Source: TR-8; State Council notices; 民法典 200-203."""

import json
import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wenguo.errors import Invalid
from wenguo.policy import holidays
from wenguo.policy.calendar import ALWAYS, LAST, Calendar, Day, Interval, parse_hours, words

NOTICES = Path(__file__).resolve().parents[3] / "shared" / "data" / "holiday_cn"  # beside the checkout
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAYS, KNOWN = holidays.merged()
EIGHT_HOURS = parse_hours("09:00-12:00, 13:00-18:00")
OFFICE = Calendar({day: EIGHT_HOURS for day in range(5)}, DAYS, known_years=KNOWN, code="office", title="办公室")
HOTLINE = Calendar({day: parse_hours(["08:30-20:30"]) for day in range(7)}, known_years=None, code="hotline")
SHOP = Calendar(  # Saturdays in the morning, long Fridays, closed on Mondays
    {1: EIGHT_HOURS, 2: EIGHT_HOURS, 3: EIGHT_HOURS, 4: parse_hours("09:00-22:00"), 5: parse_hours("10:00-12:30")},
    DAYS,
    known_years=KNOWN,
)

moments = st.datetimes(datetime(2007, 1, 2), datetime(2030, 12, 30), timezones=st.just(SHANGHAI))
minutes = st.integers(0, 200_000)
calendars = st.sampled_from([OFFICE, HOTLINE, SHOP, ALWAYS])


def at(text: str) -> datetime:
    """Shanghai time as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


def shown(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


# -- by hand -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-11-23 09:00", 60, "2026-11-23 10:00"),
        ("2026-11-23 09:00", 180, "2026-11-23 12:00"),  # exactly up to the break
        ("2026-11-23 09:00", 181, "2026-11-23 13:01"),  # over the break
        ("2026-11-23 12:30", 30, "2026-11-23 13:30"),  # received during the break
        ("2026-11-23 03:00", 30, "2026-11-23 09:30"),  # received at night
        ("2026-11-23 17:00", 120, "2026-11-24 10:00"),  # overnight
        ("2026-11-27 17:30", 60, "2026-11-30 09:30"),  # over the weekend and the end of the month
        ("2025-12-31 17:00", 120, "2026-01-04 10:00"),  # over New Year: 4 January 2026 is a make-up Sunday
        ("2025-01-27 17:00", 120, "2025-02-05 10:00"),  # over Spring Festival 2025
        ("2026-02-14 17:00", 120, "2026-02-24 10:00"),  # from a make-up Saturday over Spring Festival 2026
        ("2026-02-27 17:00", 120, "2026-02-28 10:00"),  # the make-up Saturday after it
        ("2025-09-26 17:00", 120, "2025-09-28 10:00"),  # Friday to a make-up Sunday; the Saturday between is free
        ("2025-09-30 17:00", 120, "2025-10-09 10:00"),  # over National Day and Mid-autumn 2025
        ("2026-09-30 17:00", 120, "2026-10-08 10:00"),  # over National Day 2026
        ("2026-10-09 17:00", 120, "2026-10-10 10:00"),  # the make-up Saturday after it
        ("2020-01-23 17:00", 120, "2020-02-03 10:00"),  # Spring Festival 2020, prolonged to 2 February
    ],
)
def test_working_minutes_by_hand(start, minutes, due):
    assert shown(OFFICE.add(at(start), minutes)) == due
    assert OFFICE.between(at(start), at(due)) == minutes


@pytest.mark.parametrize(
    ("start", "n", "due"),
    [
        ("2026-11-23 10:00", 1, "2026-11-24 18:00"),
        ("2026-11-23 23:30", 1, "2026-11-24 18:00"),  # after closing is still that day
        ("2026-11-28 10:00", 1, "2026-11-30 18:00"),  # Saturday: Monday is the first day
        ("2026-09-30 10:00", 3, "2026-10-10 18:00"),  # 8, 9 and the make-up Saturday
        ("2026-09-18 10:00", 1, "2026-09-20 18:00"),  # a make-up Sunday is the first day
        ("2025-12-30 10:00", 2, "2026-01-04 18:00"),  # over the end of the year
        ("2026-11-23 10:00", 0, "2026-11-23 18:00"),
    ],
)
def test_working_days_to_closing_by_hand(start, n, due):
    assert shown(OFFICE.add_days(at(start), n)) == due


@pytest.mark.parametrize(
    ("start", "n", "last"),
    [
        ("2026-11-02 10:00", 15, "2026-11-17"),
        ("2026-11-06 00:00", 15, "2026-11-23"),  # 21 November is a Saturday
        ("2026-09-16 23:59", 15, "2026-10-08"),  # 1 October rolls over the whole holiday
        ("2026-09-05 08:00", 15, "2026-09-20"),  # a make-up Sunday is a working day: no rolling
        ("2026-01-31 08:00", 28, "2026-02-28"),  # end of February, a make-up Saturday
        ("2024-02-14 08:00", 15, "2024-02-29"),  # leap day
    ],
)
def test_natural_days_end_with_the_last_day_and_roll_over_days_off(start, n, last):
    assert OFFICE.natural_days(at(start), n).astimezone(SHANGHAI) == datetime.combine(
        date.fromisoformat(last), time(23, 59, 59), SHANGHAI
    )


def test_opening_hours():
    assert not OFFICE.is_open(at("2026-11-23 08:59"))
    assert OFFICE.is_open(at("2026-11-23 09:00"))
    assert not OFFICE.is_open(at("2026-11-23 12:00"))
    assert not OFFICE.is_open(at("2026-11-23 18:00"))
    assert OFFICE.is_open(at("2026-10-10 09:00")), "make-up Saturday"
    assert shown(OFFICE.next_opening(at("2026-11-27 18:00"))) == "2026-11-30 09:00"
    assert OFFICE.next_opening(at("2026-11-27 17:59")) == at("2026-11-27 17:59")
    assert HOTLINE.is_open(at("2026-10-01 20:00"))
    assert ALWAYS.is_open(at("2026-10-01 03:00"))


def test_next_working_day_both_ways():
    assert OFFICE.next_working_day(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert OFFICE.next_working_day(date(2026, 9, 30), 3) == date(2026, 10, 10)
    assert OFFICE.next_working_day(date(2026, 10, 8), -1) == date(2026, 9, 30)
    assert OFFICE.next_working_day(date(2026, 10, 3), -1) == date(2026, 9, 30)
    assert OFFICE.next_working_day(date(2026, 10, 3), 0) == date(2026, 10, 8)
    assert OFFICE.next_working_day(date(2026, 10, 8), 0) == date(2026, 10, 8)


def test_make_up_days_have_the_hours_of_an_ordinary_day_unless_given():
    assert SHOP.between(at("2026-10-10 00:00"), at("2026-10-11 00:00")) == 480, "first weekday with hours is Tuesday"
    short = Calendar(SHOP.week, DAYS, makeup=parse_hours("09:00-12:00"))
    assert short.between(at("2026-10-10 00:00"), at("2026-10-11 00:00")) == 180
    assert short.standard_day_minutes == 480


def test_a_day_may_have_hours_of_its_own():
    eve = date(2026, 12, 31)
    calendar = Calendar(OFFICE.week, {**DAYS, eve: Day("年终结算", off=False, hours=parse_hours("09:00-11:00"))})
    assert shown(calendar.end_of_day(eve)) == "2026-12-31 11:00"


def test_a_due_time_is_explained_with_reasons():
    explained = OFFICE.intervals(at("2026-09-30 17:00"), at("2026-10-08 10:00"))
    assert [(shown(i.start), shown(i.end), i.kind, i.words()) for i in explained] == [
        ("2026-09-30 17:00", "2026-09-30 18:00", "counted", "工作时间"),
        ("2026-09-30 18:00", "2026-10-01 00:00", "uncounted", "非工作时间"),
        ("2026-10-01 00:00", "2026-10-08 00:00", "uncounted", "国庆节放假"),
        ("2026-10-08 00:00", "2026-10-08 09:00", "uncounted", "非工作时间"),
        ("2026-10-08 09:00", "2026-10-08 10:00", "counted", "工作时间"),
    ]
    weekend = OFFICE.intervals(at("2026-10-09 18:00"), at("2026-10-12 00:00"))
    assert [i.words() for i in weekend] == [
        *("非工作时间", "国庆节调休上班", "非工作时间", "国庆节调休上班", "非工作时间", "周末"),
    ]
    assert words("closed") == "非工作日" and SHOP.reason(date(2026, 11, 23)) == "closed"
    assert ALWAYS.intervals(at("2026-09-30 17:00"), at("2026-10-08 10:00")) == [
        Interval(at("2026-09-30 17:00"), at("2026-10-08 10:00"), "counted", "working")
    ]
    assert OFFICE.intervals(at("2026-10-09 18:00"), at("2026-10-09 18:00")) == []


# -- properties --------------------------------------------------------------------------------------------------------


@given(calendars, moments, minutes, minutes)
def test_working_time_adds_up(calendar, start, a, b):
    assert calendar.add(calendar.add(start, a), b) == calendar.add(start, a + b)
    assert calendar.between(start, calendar.add(start, a)) == a


@given(calendars, moments, minutes)
def test_subtracting_undoes_adding(calendar, start, n):
    opening = calendar.next_opening(start)
    back = calendar.subtract(calendar.add(start, n + 1), n + 1)
    assert back == opening, "a start outside hours counts from the next opening"
    assert calendar.elapsed(calendar.subtract(start, n), start) == timedelta(minutes=n)
    assert calendar.add(calendar.subtract(opening + timedelta(minutes=1), n), n) <= opening + timedelta(minutes=1)


@given(calendars, moments, moments, minutes)
def test_later_start_later_due(calendar, a, b, n):
    first, second = sorted([a, b])
    assert calendar.add(first, n) <= calendar.add(second, n)
    assert calendar.add(a, n) <= calendar.add(a, n + 1)
    assert calendar.add(a, n) >= a
    assert calendar.subtract(first, n) <= calendar.subtract(second, n)


@given(calendars, moments, moments, moments)
def test_spans_add_up(calendar, a, b, c):
    assert calendar.elapsed(a, b) + calendar.elapsed(b, c) == calendar.elapsed(a, c)
    assert calendar.between(a, b) == -calendar.between(b, a)


@given(moments, moments)
def test_round_the_clock_is_plain_time(a, b):
    assert ALWAYS.elapsed(a, b) == b - a


@given(calendars, moments, minutes)
def test_a_due_time_lies_within_hours(calendar, start, n):
    due = calendar.add(start, n + 1)
    assert calendar.is_open(due - timedelta.resolution)


@given(moments, st.integers(0, 1000))
def test_the_zone_of_the_asker_does_not_matter(start, n):
    elsewhere = start.astimezone(ZoneInfo("America/New_York"))  # has summer time; Shanghai has not
    assert OFFICE.add(start, n) == OFFICE.add(elsewhere, n)
    assert OFFICE.natural_days(start, n) == OFFICE.natural_days(elsewhere, n)
    assert OFFICE.add(start, n).tzinfo == UTC


@given(calendars, moments, st.integers(0, 40 * 1440))
@settings(max_examples=60)
def test_intervals_are_contiguous_and_count_what_counts(calendar, start, n):
    end = start + timedelta(minutes=n)
    pieces = calendar.intervals(start, end)
    counted = sum((p.end - p.start for p in pieces if p.kind == "counted"), timedelta())
    assert counted == calendar.elapsed(start, end)
    assert all(p.start < p.end for p in pieces)
    assert all(a.end == b.start and (a.kind, a.reason) != (b.kind, b.reason) for a, b in zip(pieces, pieces[1:]))  # noqa: B905, RUF007
    if n:
        assert (pieces[0].start, pieces[-1].end) == (start, end)


@given(moments, st.integers(1, 300))
def test_days_counted_one_by_one_agree(start, n):
    day = start.date()
    for _ in range(n):
        day += timedelta(days=1)
        while not OFFICE.is_working_day(day):
            day += timedelta(days=1)
    assert OFFICE.next_working_day(start.date(), n) == day
    assert OFFICE.add_days(start, n) == OFFICE.end_of_day(day)
    assert OFFICE.next_working_day(day, -n) <= max(start.date(), OFFICE.next_working_day(start.date(), 0))


@given(moments, st.integers(0, 6000))
@settings(max_examples=40)
def test_minutes_counted_one_by_one_agree(start, n):
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=n)
    by_hand = sum(OFFICE.is_open(start + timedelta(minutes=i)) for i in range(n))
    assert OFFICE.between(start, end) == by_hand


def test_ten_years_cost_as_much_as_an_hour():
    start, ten_years = at("2016-01-04 09:00"), 10 * 250 * 480
    OFFICE.add(start, ten_years)  # the arrays are built once

    def seconds(n: int) -> float:
        best = float("inf")
        for _ in range(7):
            begun = stopwatch.perf_counter()
            for _ in range(200):
                OFFICE.add(start, n)
            best = min(best, stopwatch.perf_counter() - begun)
        return best

    assert OFFICE.add(start, ten_years).year >= 2025
    assert seconds(ten_years) < 4 * seconds(60), "a walk over 2 500 working days would be a thousand times slower"


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("week", "says"),
    [
        ({}, "至少要有一个工作时段"),
        ({0: ()}, "至少要有一个工作时段"),
        ({7: EIGHT_HOURS}, "星期"),
        ({0: parse_hours("09:00-12:00,11:00-18:00")}, "周一的工作时段"),
        ({0: parse_hours("13:00-18:00,09:00-12:00")}, "周一的工作时段"),
        ({0: parse_hours("22:00-06:00")}, "跨午夜"),
    ],
)
def test_a_senseless_week_is_refused(week, says):
    with pytest.raises(Invalid, match=says):
        Calendar(week)


def test_an_unknown_zone_is_refused():
    with pytest.raises(Invalid, match="时区"):
        Calendar(OFFICE.week, tz="Asia/Nowhere")


@pytest.mark.parametrize("span", ["9-12", "25:00-26:00", "09:00-24:30", "09:60-10:00", "早上", "09:00"])
def test_senseless_hours_are_refused(span):
    with pytest.raises(Invalid, match="09:00-12:00"):
        parse_hours(span)


def test_hours_are_read_in_several_forms():
    assert parse_hours("09:00-12:00,13:00~18:00") == EIGHT_HOURS == parse_hours(["9:00-12:00", " 13:00至18:00"])
    assert parse_hours("00:00-24:00") == ((time(0), time(0)),)


def test_beyond_the_calendar_is_refused_not_guessed():
    late = datetime(LAST.year, 12, 31, 17, tzinfo=SHANGHAI)
    for sum_ in (
        lambda: OFFICE.add(late, 100_000),
        lambda: OFFICE.subtract(at("2000-01-04 10:00"), 100_000),
        lambda: OFFICE.is_open(at("1999-12-31 10:00")),
        lambda: OFFICE.next_working_day(LAST, 1),
        lambda: OFFICE.next_working_day(date(2000, 1, 3), -5),
        lambda: OFFICE.natural_days(late, 1),
        lambda: OFFICE.next_opening(late + timedelta(hours=3)),
    ):
        with pytest.raises(Invalid, match="超出工作日历的范围"):
            sum_()
    with pytest.raises(Invalid, match="负数"):
        OFFICE.add(late, -1)
    with pytest.raises(ValueError, match="aware"):
        OFFICE.is_open(datetime(2026, 1, 1))
    with pytest.raises(Invalid, match="same_time"):
        OFFICE.add_days(late, 1, rounding="nearest")


# -- the notices -------------------------------------------------------------------------------------------------------


def test_the_seed_is_what_the_notices_say():
    if not NOTICES.is_dir():
        pytest.skip(f"{NOTICES} is absent: the seed is NOT checked against the notices")
    seed, compared = holidays.statutory(), 0
    official: set[date] = set()
    for year in range(2007, 2027):
        for entry in json.loads((NOTICES / f"{year}.json").read_text(encoding="utf-8"))["days"]:
            day, off = date.fromisoformat(entry["date"]), entry["isOffDay"]
            if day.year < 2007:
                continue
            official.add(day)
            compared += 1
            assert OFFICE.is_working_day(day) is not off, entry
            if day != date(2020, 2, 3):  # a Monday, named as worked when the holiday was prolonged: not a deviation
                assert seed[day].off is off, entry
                assert seed[day].name in entry["name"] or off or entry["name"] in ("“五一”", "“十一”"), entry
    assert compared >= 573
    assert set(seed) <= official, "the seed names no day that the notices do not"
    for day in (date(2007, 1, 1) + timedelta(days=n) for n in range(20 * 365 + 5)):
        if day not in official:
            assert OFFICE.is_working_day(day) is (day.weekday() < 5), day


def test_every_notice_can_be_imported_over_the_seed():
    if not NOTICES.is_dir():
        pytest.skip(f"{NOTICES} is absent: importing is NOT checked against the notices")
    notices = [holidays.parse_notice((NOTICES / f"{year}.json").read_bytes()) for year in range(2007, 2027)]
    days, known = holidays.merged(notices)
    imported = Calendar(OFFICE.week, days, known_years=known)
    assert known == KNOWN
    for day in (date(2007, 1, 1) + timedelta(days=n) for n in range(20 * 365 + 5)):
        assert imported.is_working_day(day) is OFFICE.is_working_day(day), day
    assert imported.reason(date(2025, 10, 1)) == "holiday:国庆节、中秋节"
    with pytest.raises(Invalid, match="2027 年放假安排尚未公布"):
        holidays.parse_notice((NOTICES / "2027.json").read_text(encoding="utf-8"))


def test_a_year_without_notice_is_told_and_keeps_the_holidays_of_the_law():
    assert OFFICE.unknown_years(at("2026-11-22 10:00"), at("2026-12-20 10:00")) == []
    assert OFFICE.unknown_years(at("2026-12-20 10:00"), at("2026-12-29 10:00")) == [2027]
    assert OFFICE.unknown_years(date(2028, 3, 1), date(2026, 12, 1)) == [2027, 2028]
    assert OFFICE.unknown_years(date(2006, 12, 1), date(2007, 3, 1)) == [2006]
    assert HOTLINE.unknown_years(date(2027, 1, 1), date(2028, 1, 1)) == []
    assert ALWAYS.unknown_years(date(2027, 1, 1), date(2028, 1, 1)) == []
    assert OFFICE.reason(date(2027, 2, 8)) == "holiday:春节"
    assert not OFFICE.is_working_day(date(2028, 10, 3)) and OFFICE.is_working_day(date(2040, 1, 2))
    assert len(holidays.expected(2027)) == 13 and len(holidays.expected(2050)) == 6


NEXT_YEAR = """日期,名称,是否放假
2026-12-31,元旦,休
2027-01-01,元旦,休
2027-02-08,春节,true

2027-02-20,春节,班
2027/05/01,劳动节,1
2027-10-01,国庆节,是
"""


def test_next_years_notice_comes_as_a_table_and_makes_the_year_known():
    for data in (
        NEXT_YEAR,
        NEXT_YEAR.encode("gb18030"),
        NEXT_YEAR.encode("utf-8-sig"),
        NEXT_YEAR.replace("\n", "\r\n"),
    ):
        notice = holidays.parse_notice(data)
        assert notice.year == 2027 and len(notice.days) == 6
    days, known = holidays.merged([notice])
    calendar = Calendar(OFFICE.week, days, known_years=known)
    assert calendar.unknown_years(date(2026, 12, 30), date(2027, 12, 1)) == []
    assert not calendar.is_working_day(date(2026, 12, 31)), "the notice of 2027 takes a day of December 2026"
    assert calendar.is_working_day(date(2027, 2, 20)), "make-up Saturday"
    assert calendar.is_working_day(date(2027, 6, 9)), "what was only expected gives way to the notice"
    again, _ = holidays.merged([notice, holidays.Notice(2026, {date(2026, 10, 1): Day("国庆节", True)})])
    assert again[date(2026, 12, 31)].off, "a later correction of 2026 leaves the days of the notice of 2027"


GOOD = {"name": "元旦", "date": "2027-01-01", "isOffDay": True}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"year": 2027, "papers": [], "days": []}, "2027 年放假安排尚未公布"),
        ({"year": 2027}, "days"),
        ([], "days"),
        ("[]", "days"),
        ("{", "JSON"),
        ("{" * 100_000, "JSON"),
        ("[" * 100_000, "JSON"),
        ({"year": "2027", "days": [GOOD]}, "year"),
        ({"year": 20270, "days": [GOOD]}, "year"),
        ({"year": 2027, "days": [GOOD, {**GOOD, "date": "2027-13-01"}]}, "第 2 项：日期「2027-13-01」无法识别"),
        ({"year": 2027, "days": [GOOD, {**GOOD, "isOffDay": "maybe"}]}, "第 2 项：是否放假应为"),
        ({"year": 2027, "days": [GOOD, {**GOOD, "isOffDay": False}]}, "出现了两次"),
        ({"year": 2027, "days": [{**GOOD, "name": ""}]}, "第 1 项：名称"),
        ({"year": 2027, "days": [{**GOOD, "name": "元\u202e旦"}]}, "第 1 项：名称"),
        ({"year": 2027, "days": [{**GOOD, "date": "2026-11-30"}]}, "不属于 2027 年"),
        ({"year": 2027, "days": ["2027-01-01"]}, "第 1 项：应含"),
        ({"year": 2027, "days": [GOOD]}, "不完整：缺少放假日 5 月 1 日、10 月 1 日"),
        ("", "没有日期"),
        ("date,name,off\n", "没有日期"),
        ("2027-01-01,元旦,休\n2027-05-01,劳动节\n", "第 2 行：应含"),
        ("2027-01-01,元旦,休\n明年,劳动节,休\n", "第 2 行：日期「明年」"),
        (NEXT_YEAR + "2028-10-01,国庆节,休\n", "2028-10-01 不属于 2027 年"),
        (b"\xff\xfe\x00\xd8\x81", "编码"),
        ("元旦," * 400_000, "文件过大"),
    ],
)
def test_a_wrong_notice_is_refused_in_words(data, says):
    with pytest.raises(Invalid, match=says):
        holidays.parse_notice(data)


def test_every_wrong_line_is_named():
    with pytest.raises(Invalid) as refusal:
        holidays.parse_notice("2027-01-01,元旦,?\n2027-01-02,元旦,休\n2027-02-30,春节,休\n")
    assert list(refusal.value.fields) == ["第 1 行", "第 3 行"]
