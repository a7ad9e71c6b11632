"""The figures of a small week, counted by hand; and every figure opens into exactly the cases it counted."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from wenguo.cases import followup, letters
from wenguo.cases.case import Case
from wenguo.errors import Invalid
from wenguo.insight import marks, worked
from wenguo.insight.overview import headline, overview
from wenguo.insight.results import results
from wenguo.insight.satisfaction import satisfaction
from wenguo.insight.sla import attainment
from wenguo.insight.span import Period, period, span_of
from wenguo.insight.statistics import Share
from wenguo.insight.times import response
from wenguo.insight.volume import Part, Volume, volume
from wenguo.insight.waiting import waiting
from wenguo.policy.calendar import ALWAYS
from wenguo.policy.versions import calendar


def count(span, *chosen):
    return marks.of(span, *chosen).count()


# ── volume ──


def test_what_came_in_is_counted_by_day_level_category_and_channel(span, week):
    came = volume(span)
    assert came.total == 7 and came.before == 0 and came.step == "day"
    assert [(p.key, p.n) for p in came.over_time] == [
        ("2026-11-16", 3), ("2026-11-17", 4), ("2026-11-18", 0), ("2026-11-19", 0),
    ]  # fmt: skip
    assert {p.key: p.n for p in came.by_channel} == {"phone": 5, "web": 1, "counter": 1}
    assert {p.key: p.n for p in came.by_category}["product.packaging"] == 2
    assert {p.key: p.n for p in came.left_out} == {"refused": 1, "withdrawn": 1, "merged": 0, "other": 0}


def test_every_part_opens_into_as_many_cases_as_it_says(span):
    came = volume(span)
    parts = [*came.over_time, *came.by_level, *came.by_category, *came.by_channel, *came.left_out]
    assert sum(p.n for p in came.by_level) == sum(p.n for p in came.by_category) == came.total
    for part in parts:
        assert count(span, *part.marks) == part.n, part


def test_long_periods_are_told_by_week_and_by_month(desk, week):
    for days, step, first in ((100, "week", "2026-08-"), (300, "month", "2026-01-01")):
        chosen = Period("custom", date(2026, 11, 22) - timedelta(days=days), date(2026, 11, 22))
        span = span_of(desk.executive, chosen, desk.now)
        came = volume(span)
        assert came.step == step and came.over_time[0].key.startswith(first)
        assert sum(p.n for p in came.over_time) == 7
        assert all(count(span, *p.marks) == p.n for p in came.over_time)


# ── promises ──


def test_a_promise_still_running_past_its_due_time_is_missed(desk, span, week):
    kept = {k.kind: k for k in attainment(span)}
    # On Thursday: both settled and the fan were acknowledged in time or not at all; what nobody touched is missed.
    acknowledged = kept["acknowledge"]
    assert acknowledged.due == acknowledged.cases
    assert acknowledged.missed == acknowledged.missed_cases > 0
    late = {c.number for c in marks.of(span, "missed:acknowledge")}
    assert week["new"].number in late and week["happy"].number not in late


def test_promises_open_into_their_cases(span):
    found = attainment(span)
    assert found
    for k in found:
        assert count(span, f"due:{k.kind}") == k.cases
        assert count(span, f"missed:{k.kind}") == k.missed_cases


def test_a_promise_not_due_yet_is_nobodys_merit(desk, week):
    span = span_of(desk.executive, Period("custom", date(2026, 11, 19), date(2026, 11, 30)), desk.now)
    assert all(k.due == k.missed for k in attainment(span) if k.kind == "solve")


# ── waiting ──


def test_the_first_answer_took_an_hour_gross_and_net(span):
    times = response(span)
    assert times.n == count(span, *times.marks) >= 2
    assert times.gross_median == times.net_median == 3600  # Monday 9:30 to 10:30, all working time


def test_net_time_leaves_out_nights_and_overlapping_pauses_once(desk):
    case, monday = desk.receives("灯不亮。"), desk.now  # 9:30; the hours are 9:00–12:00, 13:30–18:00
    letters.say(case, "", "已经联系师傅", by=desk.agent, at=desk.wait(days=1), response=True)
    case.clocks.filter(kind="respond").update(calendar="standard")
    respond, day = case.clocks.get(kind="respond"), 7.5 * 3600

    def net(*pauses):
        respond.pauses.all().delete()
        for since, until in pauses:
            respond.pauses.create(since=since, until=until, reason="waiting_customer")
        return response(span_of(desk.executive, Period("custom", monday.date(), desk.now.date()), desk.wait(hours=1)))

    assert net().net_median == day and net().gross_median == 24 * 3600
    hour = timedelta(hours=1)
    assert net((monday, monday + hour), (monday + hour / 2, monday + 2 * hour)).net_median == day - 2 * 3600
    assert net((monday + 20 * hour, None)).net_median == day - 1800
    assert net((monday - timedelta(days=3), None)).net_median == 0


def test_working_time_is_the_same_worked_out_by_the_database(desk):
    dice = random.Random(7)
    for hours in (calendar("standard"), calendar("hotline"), ALWAYS):
        moments = [desk.now + timedelta(seconds=dice.randrange(-200 * 86_400, 200 * 86_400)) for _ in range(200)]
        moments += [opened for opened, _closed in hours.hours_on(desk.now.date())]
        first = min(moments)
        sql, values = worked.table([(1, hours.code, hours)], first, max(moments))
        asked = f"SELECT m, {worked.up_to('m')} - {worked.up_to('first')} FROM unnest(%s::timestamptz[]) AS m, hours"
        with connection.cursor() as cursor:
            cursor.execute(f"WITH {sql} {asked}, (SELECT %s::timestamptz AS first) AS f", [*values, moments, first])
            found = cursor.fetchall()
        assert len(found) == len(moments) > 200
        assert all(took == hours.elapsed(first, moment) for moment, took in found)


def test_where_cases_wait(desk, span, week):
    found = {w.stage: w for w in waiting(span)}
    assert sum(w.share for w in found.values()) == pytest.approx(1)
    # Received on Tuesday 9:30 or later and never accepted: the web case and the one of the east, two days each.
    new = week["new"]
    assert found["received"].now == 2
    assert found["received"].p90 == pytest.approx((desk.now - new.received_at).total_seconds(), rel=0.35)
    for w in found.values():
        assert count(span, f"waited:{w.stage}") == w.cases
        assert count(span, f"stage:{w.stage}") == w.now


# ── results and satisfaction ──


def test_what_came_of_it(span, week):
    found = results(span)
    assert (found.received, found.answered, found.open) == (7, 2, 5)
    assert found.at_once == Share(2, 2)
    assert found.closed == 2 and found.once == Share(0, 0)  # refused and withdrawn are closed, not resolved
    assert found.unassigned == 2 and found.reopened == 0
    assert count(span, "answered", "at_once") == found.at_once.k
    assert count(span, "closed") == found.closed and count(span, "open") == found.open
    assert count(span, "late") == found.late > 0 and count(span, "unassigned") == found.unassigned
    assert count(span, "received", "repeat") == found.repeat.k
    assert found.backlog_days == pytest.approx(5 * (span.until - span.start).total_seconds() / 86_400 / 2)


def test_satisfaction_counts_the_last_answer_of_each_case(desk, span, week):
    found = satisfaction(span)
    assert found.csat == Share(1, 2) and found.scores == {1: 0, 2: 1, 3: 0, 4: 0, 5: 1}
    assert (found.nps.promoters, found.nps.detractors, found.nps.n) == (1, 1, 2) and found.nps.value == 0
    assert count(span, "csat") == 2 and count(span, "content") == 1 and count(span, "csat:2") == 1
    assert count(span, "promoter") == count(span, "detractor") == 1 and count(span, "nps") == 2
    assert found.answered == Share(2, 2)


def test_who_was_asked_and_did_not_answer_lowers_the_rate(desk, week, at_once):
    silent = at_once(phone="13911112222")
    assert followup.invite_survey(silent.pk, silent.round, at=desk.now)
    desk.wait(hours=1)
    found = satisfaction(span_of(desk.executive, Period("custom", date(2026, 11, 16), date(2026, 11, 22)), desk.now))
    assert found.answered == Share(2, 3) and found.csat.n == 2


# ── who may count what ──


def test_everybody_counts_only_what_they_may_see(desk, week):
    chosen = Period("custom", date(2026, 11, 16), date(2026, 11, 22))
    east = span_of(desk.east_supervisor, chosen, desk.now)
    assert volume(east).total == 1 and {c.pk for c in marks.of(east, "received")} == {week["east"].pk}
    head = span_of(desk.executive, chosen, desk.now, desk.units["hd"])
    assert volume(head).total == 1
    nobody = span_of(desk.admin, chosen, desk.now)
    assert volume(nobody).total == 0 and waiting(nobody) == [] and overview(nobody).headline


def test_a_figure_never_counts_what_came_after_the_moment_asked(desk, week):
    span = span_of(desk.executive, Period("custom", date(2026, 11, 16), date(2026, 11, 22)), week["new"].received_at)
    assert volume(span).total == 3  # Tuesday's are not there yet


def test_marks_that_nobody_knows_are_refused(span):
    strange = ("nonsense", "level:x", "days:2026-13-01", "waited:nowhere", "csat:five", "level:1" + "0" * 200, "a\0b")
    for mark in strange:
        with pytest.raises(Invalid):
            marks.of(span, mark)


def test_every_mark_has_words(desk):
    values = {
        "days": "2026-11-16..2026-11-17", "level": "2", "waited": "triage", "nature": "other", "channel": "web",
        "stage": "triage", "outcome": "merged", "due": "solve", "missed": "solve",
    }  # fmt: skip
    for name in marks.MARKS:
        mark = f"{name}:{values.get(name, '')}"
        assert marks.words(mark) not in ("", mark), mark


# ── periods ──


@pytest.mark.parametrize(
    ("kind", "first", "last"),
    [
        ("week", date(2026, 2, 23), date(2026, 3, 1)), ("month", date(2026, 3, 1), date(2026, 3, 31)),
        ("last_month", date(2026, 2, 1), date(2026, 2, 28)), ("year", date(2026, 1, 1), date(2026, 12, 31)),
    ],
)  # fmt: skip
def test_periods_follow_the_wall_clock(kind, first, last):
    at = datetime(2026, 2, 28, 16, 30, tzinfo=UTC)  # 00:30 on Sunday, 1 March, in Beijing
    found = period(kind, at)
    assert (found.first, found.last) == (first, last)
    assert found.start == datetime.combine(first, datetime.min.time(), found.start.tzinfo)


def test_a_period_that_cannot_be_is_refused():
    at = datetime(2026, 11, 20, tzinfo=UTC)
    for first, last in ((None, None), (date(2026, 2, 1), date(2026, 1, 1)), (date(1990, 1, 1), date(2026, 1, 1))):
        with pytest.raises(Invalid):
            period("custom", at, first, last)


# ── the sentence ──


def _came(total, before, category="product.function", n=0):
    part = Part(category, "功能缺陷", (), n)
    return Volume(total, before, "day", (), (), (part,), (), ())


def test_the_headline_tells_how_sure_it_is():
    more = headline("month", _came(240, 160, n=90), Share(186, 200), [])
    assert "多 50%（95% 区间 23%–83%）" in more, more and "「功能缺陷」" in more and "90 件" in more
    assert "93%（95% 区间 89%–96%）" in more
    assert "是上一同长时段（20 件）的 9.0 倍（95% 区间 5.7–14.3）" in headline("month", _came(180, 20), Share(0, 0), [])
    less = headline("month", _came(160, 240), Share(0, 0), [])
    assert "少 33%（95% 区间 19%–45%）" in less
    assert "没有明显变化" in headline("month", _came(100, 95), Share(0, 0), [])
    few = headline("month", _came(4, 2), Share(0, 0), [])
    assert "区间" not in few and "2 件" in few
    assert "没有接收投诉" in headline("month", _came(0, 5), Share(0, 0), [])


# ── cost ──


def test_the_overview_costs_a_fixed_number_of_queries(span, django_assert_max_num_queries):
    overview(span)  # what is kept in memory is kept now
    with django_assert_max_num_queries(32):
        seen = overview(span)
    assert seen.volume.total == 7 and Case.objects.count() >= 7
