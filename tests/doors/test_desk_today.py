"""今日: in the order of the clock, one's own week, what wants heeding, news that only count what is shown; the bell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from tests.doors.visitor import at_desk

from wenguo.cases import group, handover
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock, State
from wenguo.cases.followup import Survey
from wenguo.cases.notice import Notice, tell
from wenguo.insight.my_week import my_week
from wenguo.people.units import Unit
from wenguo.web.desk import today
from wenguo.web.desk.today import groups_for, heeded

HTMX = {"HX-Request": "true"}


def test_groups_stand_in_the_order_of_the_clock(now: Any) -> None:
    late = now.triages(now.receives("空调漏电"))
    fresh = now.receives("退款两周未到账", phone="13800002222")
    Case.objects.filter(pk=late.pk).update(next_due_at=timezone.now() - timedelta(hours=1), next_clock="solve")
    Case.objects.filter(pk=fresh.pk).update(next_due_at=timezone.now() + timedelta(hours=9))
    assert [g.key for g in groups_for(now.agent, timezone.now())] == ["investigate", "take"]
    Case.objects.filter(pk=fresh.pk).update(next_due_at=timezone.now() - timedelta(hours=9))
    assert [g.key for g in groups_for(now.agent, timezone.now())] == ["take", "investigate"]


def test_today_costs_the_same_however_much_waits(now: Any, django_assert_max_num_queries: Any) -> None:
    client = at_desk(now.supervisor)
    for n in range(3):
        now.receives(f"第 {n} 件：{'洗衣机冰箱空调'[n * 2 : n * 2 + 2]}坏了", phone=f"1380000900{n}")
    client.get("/desk/")
    with django_assert_max_num_queries(38):
        assert client.get("/desk/").status_code == 200


def test_a_group_says_that_there_is_more_than_it_shows_and_where(now: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(today, "MOST", 2)
    monkeypatch.setattr(today, "ASKED", 3)
    for n in range(3):
        case = now.triages(now.receives(f"{'洗衣机冰箱空调'[n * 2 : n * 2 + 2]}坏了", phone=f"1380000222{n}"))
        handover.dispatch(case, now.units["sh"], "请查", by=now.agent, at=now.now)
    signs = next(g for g in today.groups_for(now.repairer, now.now) if g.key == "sign")
    assert len(signs.lines) == 2 and signs.more.endswith("/desk/queue/")
    body = at_desk(now.repairer).get("/desk/").content.decode()
    assert "2+" in body and "查看全部" in body
    monkeypatch.setattr(today, "MOST", 3)
    monkeypatch.setattr(today, "ASKED", 4)
    signs = next(g for g in today.groups_for(now.repairer, now.now) if g.key == "sign")
    assert len(signs.lines) == 3 and signs.more == "", "three of three are all"


def test_my_week_counts_what_i_did_and_nothing_else(now: Any) -> None:
    at = timezone.now()
    empty = my_week(now.agent, at)
    assert (empty.done, empty.kept.n, empty.content.n, len(empty.days)) == (0, 0, 0, 7)
    case = now.receives("空调漏电")
    handover.take(case, by=now.agent, at=now.now)
    yesterday = at - timedelta(days=1)
    Case.objects.filter(pk=case.pk).update(answered_at=yesterday)
    dispatched = now.triages(now.receives("退款", phone="13800002222"), to="sh")
    Survey.objects.create(case=case, round=1, sent_at=yesterday, until=at, answered_at=at, csat=5)
    Clock.objects.filter(case=case).delete()
    for n, ended in enumerate((yesterday - timedelta(hours=2), yesterday + timedelta(hours=2))):
        Clock.objects.create(
            case=case, kind="respond", about=f"test:{n}", title="响应", state=State.MET, ended_at=ended,
            due_at=yesterday, started_at=yesterday - timedelta(days=1), allowance={"minutes": 60}, calendar="standard",
            pausable=True, first_due_at=yesterday,
        )  # fmt: skip
    week = my_week(now.agent, at)
    assert week.done == 1 and dict(week.days)[timezone.localtime(yesterday).date()] == 1
    assert week.days[-1][0] == timezone.localtime(at).date()
    assert (week.kept.k, week.kept.n) == (1, 2) and (week.content.k, week.content.n) == (1, 1)
    signed = my_week(dispatched.owner, at)
    assert signed.done == 1  # the repairer signed for what was sent
    body = at_desk(now.agent).get("/desk/").content.decode()
    assert "我的一周" in body and "办完 1 件事" in body and "50%" in body


def test_what_wants_heeding_leads_to_just_these_cases(now: Any) -> None:
    assert heeded(now.supervisor, timezone.now(), leads=True) == []
    for n in range(5):
        case = now.receives(
            f"电池鼓包，第 {n} 位客户：{'甲乙丙丁戊'[n] * 6}", phone=f"1381111000{n}", batch="B2309", name=f"客户{n}"
        )
        Case.objects.filter(pk=case.pk).update(batch="B2309", level=3)
        group.meet(case.pk, at=now.now)
    Case.objects.filter(pk=case.pk).update(repeats=3, level=1, flags=["unhappy"])
    lines = heeded(now.supervisor, timezone.now(), leads=True)
    words = {w: (href, n) for _look, w, href, n in lines}
    assert any("疑似群诉" in w and n == 5 for w, (_href, n) in words.items())
    client = at_desk(now.supervisor)
    for w, (href, n) in words.items():
        row = '<li class="group-member' if "疑似群诉" in w else "<tr data-row"
        assert client.get(href).content.decode().count(row) == n, w
    assert heeded(now.east_supervisor, timezone.now(), leads=True) == []
    assert "疑似群诉" in client.get("/desk/").content.decode()


def test_news_of_today_count_what_came_or_changed(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    body = client.get("/desk/", headers=HTMX).content.decode()
    assert body.lstrip().startswith('<div class="stack" id="today-do"') and "<html" not in body
    shown = f"take-{case.pk}.{case.version}"
    assert client.get("/desk/news/", {"shown": shown}).json() == {"n": 0}
    other = now.receives("退款两周未到账", phone="13800002222")
    assert client.get("/desk/news/", {"shown": shown}).json() == {"n": 1}
    handover.take(other, by=now.other_agent, at=now.now)  # not mine any more
    assert client.get("/desk/news/", {"shown": shown}).json() == {"n": 0}
    handover.remind(case, "快一点", by=now.supervisor, at=now.now)
    assert client.get("/desk/news/", {"shown": shown}).json() == {"n": 1}
    assert at_desk(now.admin).get("/desk/news/").status_code == 403


def test_the_bell_counts_and_says_what_came(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    assert client.get("/desk/notices/count/").json() == {"n": 0, "words": "0", "latest": ""}
    tell(case, [now.agent], "case.reminded", "催办（第 1 次）", at=timezone.now())
    told = client.get("/desk/notices/count/").json()
    assert told["n"] == 1 and told["latest"] == f"{case.number} 催办（第 1 次）"
    Notice.objects.update(at=timezone.now() - timedelta(minutes=5))
    assert client.get("/desk/notices/count/").json() == {"n": 1, "words": "1", "latest": ""}
    assert at_desk(now.supervisor).get("/desk/notices/count/").json()["n"] == 0


def test_a_new_company_is_led_through_its_first_steps(now: Any) -> None:
    """Whoever manages people is told what is still to be set up; they handle no complaints, so no page of cases."""
    page = at_desk(now.admin).get("/desk/").content.decode()
    assert "开始使用" in page and "请第二位管理员" in page and 'href="/desk/admin/people/new/"' in page
    assert "看看队列" not in page and "data-search" not in page, "both would end at a refusal"
    assert "开始使用" not in at_desk(now.supervisor).get("/desk/").content.decode()
    Unit.objects.update(phone="")
    now.receives("空调漏电")
    assert "开始使用" in at_desk(now.admin).get("/desk/").content.decode(), "nobody could call the service"
    Unit.objects.update(phone="400-000-0000")
    assert "开始使用" not in at_desk(now.admin).get("/desk/").content.decode()
