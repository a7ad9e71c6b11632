"""Analysis on the desk: who may look, that every link on the page leads to as many cases as its figure says."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from wenguo.cases import acceptance, followup, reply, triage

SPAN = {"period": "custom", "from": "2026-11-16", "to": "2026-11-22"}


@pytest.fixture
def door(client: Client) -> Any:
    def enter(person: Any) -> Client:
        client.force_login(person)
        return client

    return enter


@pytest.fixture
def busy(desk: Any) -> list[Any]:
    cases = []
    for n in range(3):
        case = desk.receives("说明书少了一页。", phone=f"1390000000{n}", mail=f"c{n}@example.com")
        acceptance.accept(case, by=desk.agent, at=desk.now)
        triage.classify(case, "product.packaging", by=desk.agent, at=desk.now)
        triage.grade(case, 4, "小事", by=desk.supervisor, at=desk.now)
        reply.settle_at_once(case, "已补发。", by=desk.agent, at=desk.wait(minutes=20))
        survey = followup.invite_survey(case.pk, case.round, at=desk.now)
        assert survey is not None
        followup.rate(survey, {"solved": 1, "csat": 3 + n, "nps": 3 * n + 3}, by=case.customer, at=desk.now)
        cases.append(case)
    cases.append(desk.triages(desk.receives("不出风。", phone="13900000009"), level=2))
    cases.append(desk.receives("<script>alert(1)</script>退款没到", phone="13900000008", name="<script>x</script>"))
    desk.wait(days=2)
    return cases


def to(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


def test_every_figure_that_is_a_link_counts_what_it_opens(desk, door, busy):
    client = door(desk.executive)
    page = client.get(to("insight"), SPAN).content.decode()
    link = r'<a (?:class="[^"]*" )?href="([^"]*insight/cases/[^"]*)"[^>]*>(?:<b>)?([\d,]+)(?![\d,%.])'
    links = re.findall(link, page)
    assert len(links) > 20
    for address, figure in links:
        shown = client.get(html.unescape(address))
        assert shown.status_code == 200, address
        found = re.search(r"data-total>([\d,]+) 件", shown.content.decode())
        assert found and found[1] == figure, (address, figure)
        assert shown.content.decode().count("<tr data-row>") == int(figure.replace(",", ""))


def test_every_mark_of_a_chart_counts_what_it_opens(desk, door, busy):
    import json

    client = door(desk.executive)
    page = client.get(to("insight"), SPAN).content.decode()
    checked = 0
    for block in re.findall(r'<script type="application/json" id="an-[^"]+-data">(.*?)</script>', page, re.S):
        data = json.loads(block)
        for series in data["series"]:
            for value, address in zip(series["values"], series["hrefs"], strict=True):
                if address and not data.get("percent"):
                    found = re.search(r"data-total>([\d,]+) 件", client.get(address).content.decode())
                    assert found and int(found[1]) == value, address
                    checked += 1
    assert checked > 8


def test_it_is_for_those_who_may_see_it_and_about_what_they_may_see(desk, door, busy):
    assert door(desk.agent).get(to("insight"), SPAN).status_code == 403
    assert door(desk.agent).get(to("insight_cases"), {**SPAN, "m": "received"}).status_code == 403
    east = door(desk.east_supervisor).get(to("insight"), SPAN)
    assert east.status_code == 200 and "您能看到的部门里还没有投诉" in east.content.decode()
    cases = door(desk.east_supervisor).get(to("insight_cases"), {**SPAN, "m": "received"}).content.decode()
    assert all(case.number not in cases for case in busy)


def test_what_a_customer_wrote_stays_text_and_names_are_masked(desk, door, busy):
    page = door(desk.executive).get(to("insight_cases"), {**SPAN, "m": "received"}).content.decode()
    assert "<script>alert(1)" not in page and "&lt;script&gt;" in page and "<script>x" not in page
    assert "王小明" not in page and "王**" in page


def test_wrong_questions_get_words_not_failures(desk, door, busy):
    client = door(desk.executive)
    backwards = client.get(to("insight"), {**SPAN, "from": "2026-12-01"})
    assert backwards.status_code == 422 and "请选择起止日期" in backwards.content.decode()
    assert client.get(to("insight"), {**SPAN, "unit": "999999"}).status_code == 404
    assert client.get(to("insight"), {"period": "century"}).status_code == 200
    assert client.get(to("insight_cases"), {**SPAN, "m": "nonsense"}).status_code == 422
    assert client.get(to("insight_cases"), {**SPAN, "m": "received", "after": "zzz"}).status_code == 422


def test_a_house_without_any_complaint_is_told_where_the_first_comes_from(desk, door):
    page = door(desk.executive).get(to("insight")).content.decode()
    assert "还没有投诉" in page and 'href="/new/"' in page and "换一个时段" not in page
    page = door(desk.supervisor).get(to("insight")).content.decode()
    assert "您能看到的部门里还没有投诉" in page and "登记第一件投诉" in page
    assert f'href="{reverse("desk:register")}"' in page
    desk.receives("空调漏电")
    assert "还没有投诉" not in door(desk.executive).get(to("insight"), SPAN).content.decode()


def test_a_unit_narrows_everything(desk, door, busy):
    page = door(desk.executive).get(to("insight"), {**SPAN, "unit": desk.units["hd"].pk}).content.decode()
    assert "这段时间没有投诉" in page and "华东分公司及以下" in page
    kf = door(desk.executive).get(to("insight"), {**SPAN, "unit": desk.units["kf"].pk}).content.decode()
    assert "接收 5 件" in kf


def test_the_page_costs_the_same_for_few_and_for_many(desk, door, busy, django_assert_max_num_queries):
    client = door(desk.executive)
    client.get(to("insight"), SPAN)
    with django_assert_max_num_queries(46):
        client.get(to("insight"), SPAN)
    for n in range(8):
        desk.receives("又来一件。", phone=f"1380000010{n}")
    with django_assert_max_num_queries(46):
        client.get(to("insight"), SPAN)


def test_a_pareto_of_many_categories_keeps_the_whole():
    from wenguo.insight.volume import Part
    from wenguo.web.desk.insight import MOST_BARS, pareto

    parts = [Part(f"c{n}", f"分类{n}", ("received",), 30 - n) for n in range(MOST_BARS + 3)]
    drawn = pareto([*parts, Part("", "未分类", ("received",), 40)])
    assert [p.words for p in drawn[-2:]] == ["未分类", "其他"] and not drawn[-1].marks
    assert sum(p.n for p in drawn) == sum(p.n for p in parts) + 40
    assert [p.words for p in pareto(parts[:2])] == ["分类0", "分类1"]
