"""Escalation risk on the screens: the hint of a case, the queue, 今日 and the team lead to exactly the same cases."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from wenguo.cases import acceptance, handover, letters, risk
from wenguo.cases.case import Case
from wenguo.web.desk.take_out import cells

CALM = "洗衣机门封条有点松,请安排检查。"
THREAT = "气死我了!!!你们就是骗子,再不处理我就打12315投诉,还要找记者曝光!!!"


@pytest.fixture
def mixed(desk):
    """Two calm cases and two about to be taken outside, one of them nobody's."""
    desk.now = timezone.now()
    made = []
    for n, text in enumerate([CALM, CALM, THREAT, THREAT]):
        case = desk.receives(f"{text} 单号{n}", name=f"客户{n}", phone=f"1380000111{n}")
        if n % 2 == 0:
            handover.take(case, by=desk.agent, at=desk.now)
        if text is THREAT:
            letters.hear(case, THREAT, by=case.customer, at=desk.now)
            handover.remind(case, THREAT, by=case.customer, at=desk.now)
        made.append(case)
    while risk.sweep(at=desk.now):
        pass
    desk.grave = made[2:]
    return desk


def opened(person, address: str, **headers: str) -> str:
    client = Client(headers=headers)
    client.force_login(person)
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def numbers(html: str) -> set[str]:
    return set(re.findall(r'<a class="no" href="/desk/cases/([^/]+)/"', html))


def test_the_hint_says_how_high_why_where_and_what_to_do(mixed):
    case = mixed.grave[0]
    html = opened(mixed.agent, f"/desk/cases/{case.number}/risk/", HX_Request="true")
    kept = Case.objects.get(pk=case.pk).risk
    assert f"{kept.score:.2f}" in html and "表示要找监管或消协" in html
    assert case.pack.escalation.level("high").measures[0] in html
    seq = next(r["places"][0][0] for r in kept.reasons if r["code"] == "urged")
    assert f"/desk/cases/{case.number}/#e{seq}" in html
    assert f'id="e{seq}"' in opened(mixed.agent, f"/desk/cases/{case.number}/")
    assert "</html>" not in html
    assert "</html>" in opened(mixed.agent, f"/desk/cases/{case.number}/risk/")


def test_the_case_page_asks_for_it_after_it_has_loaded(mixed):
    html = opened(mixed.agent, f"/desk/cases/{mixed.grave[0].number}/")
    assert f'hx-get="/desk/cases/{mixed.grave[0].number}/risk/"' in html


def test_queue_view_filter_today_and_team_hold_exactly_the_same(mixed):
    grave = {c.number for c in mixed.grave}
    assert numbers(opened(mixed.supervisor, "/desk/queue/?view=risk")) == grave
    assert numbers(opened(mixed.supervisor, "/desk/queue/?view=open&risk=high")) == grave
    assert not grave & numbers(opened(mixed.supervisor, "/desk/queue/?view=open&risk=low"))
    today = opened(mixed.supervisor, "/desk/")
    line = re.search(r'href="([^"]*risk=high)">.*?>升级风险高</span><b class="num">(\d+)', today, re.S)
    assert line and int(line[2]) == len(grave)
    assert numbers(opened(mixed.supervisor, line[1].replace("&amp;", "&"))) == grave
    own = opened(mixed.agent, "/desk/")
    line = re.search(r'href="([^"]*risk=high)">.*?<b class="num">(\d+)', own, re.S)
    assert line and int(line[2]) == 1
    assert numbers(opened(mixed.agent, line[1].replace("&amp;", "&"))) == {mixed.grave[0].number}
    team = re.search(r"<tfoot>.*?</tfoot>", today, re.S)
    assert team and re.search(r"risk=high\">2</a>", team[0])


def test_the_column_shows_word_and_number_also_in_the_file(mixed):
    client = Client()
    client.force_login(mixed.supervisor)
    client.post("/desk/queue/layout/", {"query": "view=open", "columns": ["level", "risk"]})
    html = client.get("/desk/queue/?view=risk").content.decode()
    score = Case.objects.get(pk=mixed.grave[0].pk).risk.score
    assert f"{score:.2f}" in html
    row = {
        "number": "TS", "subject": "事", "level": 3, "customer": "王", "tier": "", "stage_words": "", "owner__name": "",
        "unit__title": "", "category_words": "", "product": "", "region": "", "channel_words": "", "repeats": 0,
        "received_at": None, "next_due_at": None, "next_clock": "", "risk__level": "high", "risk__score": 0.713,
    }  # fmt: skip
    assert cells(row, ["risk"], mixed.grave[0].pack)[-1] == "高 0.71"


def test_the_story_tells_when_it_rose(mixed):
    html = opened(mixed.agent, f"/desk/cases/{mixed.grave[0].number}/?show=changes")
    assert "升级风险升高" in html and "低 → 高" in html


def test_a_closed_case_is_not_weighed(mixed):

    case = mixed.grave[0]
    acceptance.withdraw(Case.objects.get(pk=case.pk), "已解决", by=mixed.agent, at=mixed.now)
    assert "不再评估" in opened(mixed.agent, f"/desk/cases/{case.number}/risk/", HX_Request="true")
    assert numbers(opened(mixed.supervisor, "/desk/queue/?view=risk")) == {mixed.grave[1].number}
