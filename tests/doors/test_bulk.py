"""Acts on many cases at once: each its own transaction, each result in words, pressed twice done once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.doors.visitor import at_desk

from wenguo.cases import acceptance, handover
from wenguo.cases.case import Case
from wenguo.web.desk import bulk
from wenguo.web.desk.bulk import Done

HTMX = {"HX-Request": "true"}


@pytest.fixture
def cases(now: Any) -> list[Case]:
    words = ["空调漏电", "退款两周未到账", "送货师傅态度差"]
    return [now.receives(w, phone=f"1380000{n}000", name=f"客户{n}") for n, w in enumerate(words)]


def press(person: Any, act: str, rows: list[Case], **given: Any) -> Any:
    data = {"act": act, "case": [c.pk for c in rows], "key": "k1", **given}
    return at_desk(person).post("/desk/queue/acts/", data, headers=HTMX)


def test_what_one_refuses_does_not_touch_the_others(now: Any, cases: list[Case]) -> None:
    handover.take(cases[1], by=now.other_agent, at=now.now)
    answer = press(now.agent, "take", cases)
    body = answer.content.decode()
    assert answer.status_code == 200 and answer["HX-Trigger-After-Settle"] == "wenguo:relist"
    assert "2 件已完成" in body and "1 件没有做" in body and "已由刘洋负责" in body
    owners = [Case.objects.get(pk=c.pk).owner for c in cases]
    assert owners == [now.agent, now.other_agent, now.agent]
    assert now.timeline(cases[0])[-1] == "case.took"


def test_pressed_twice_is_done_once(now: Any, cases: list[Case]) -> None:
    first = press(now.supervisor, "remind", cases, remind_words="客户又来电了").content.decode()
    second = press(now.supervisor, "remind", cases, remind_words="客户又来电了").content.decode()
    assert "3 件已完成" in first and "3 件已完成" in second
    for case in cases:
        assert now.timeline(case).count("case.reminded") == 1
    press(now.supervisor, "remind", cases, remind_words="第三天了", key="k2")
    assert now.timeline(cases[0]).count("case.reminded") == 2  # another form, another reminder


@pytest.mark.parametrize(
    ("act", "given", "event"),
    [
        ("accept", {}, "case.accepted"),
        ("take", {}, "case.took"),
        ("remind", {"remind_words": "请抓紧"}, "case.reminded"),
    ],
)
def test_each_act_is_the_real_one(now: Any, cases: list[Case], act: str, given: Any, event: str) -> None:
    body = press(now.agent, act, cases[:2], **given).content.decode()
    assert "2 件已完成" in body
    assert event in now.timeline(cases[0]) and event not in now.timeline(cases[2])


def test_owner_unit_and_supervision(now: Any, cases: list[Case]) -> None:
    for case in cases:
        acceptance.accept(case, by=now.agent, at=now.now)
    body = press(now.supervisor, "appoint", cases, owner=now.other_agent.pk).content.decode()
    assert "已指定刘洋负责" in body and Case.objects.filter(owner=now.other_agent).count() == 3
    body = press(now.supervisor, "supervise", cases[:1], supervise_words="今天给我结果").content.decode()
    assert "已下达督办" in body and cases[0].supervisions.count() == 1
    body = press(
        now.supervisor, "dispatch", cases[:2], unit=now.units["sh"].pk, dispatch_words="请上门"
    ).content.decode()
    assert "2 件已完成" in body and Case.objects.filter(unit=now.units["sh"]).count() == 2


def test_the_lifecycle_is_told_in_words(now: Any, cases: list[Case]) -> None:
    acceptance.accept(cases[0], by=now.agent, at=now.now)
    body = press(
        now.supervisor, "dispatch", cases[:2], unit=now.units["sh"].pk, dispatch_words="请上门"
    ).content.decode()
    assert "1 件已完成" in body and "待受理" in body  # the other has not been accepted yet
    assert Case.objects.get(pk=cases[1].pk).unit != now.units["sh"]


def test_a_form_that_lacks_something_does_nothing(now: Any, cases: list[Case], monkeypatch: Any) -> None:
    for act, given in (
        ("appoint", {}),
        ("dispatch", {"unit": "0"}),
        ("remind", {}),
        ("supervise", {}),
        ("nonsense", {}),
    ):
        assert press(now.supervisor, act, cases, **given).status_code == 422, act
    assert press(now.supervisor, "take", []).status_code == 422
    monkeypatch.setattr(bulk, "MOST", 2)
    refused = press(now.supervisor, "take", cases)
    assert refused.status_code == 422 and "一次最多 2 件" in refused.content.decode()
    assert not Done.objects.exists()


def test_nobody_acts_on_what_they_may_not_see_or_do(now: Any, cases: list[Case]) -> None:
    body = press(now.east_supervisor, "take", cases).content.decode()
    assert "0 件已完成" in body and "3 件没有做" in body and cases[0].number not in body
    body = press(now.agent, "supervise", cases, supervise_words="快点").content.decode()
    assert "您没有「督办」的权限" in body
    assert not Case.objects.exclude(owner=None).exists()
    offered = at_desk(now.agent).get("/desk/queue/").content.decode()
    assert 'value="supervise"' not in offered and 'value="take"' in offered


def test_one_row_by_its_key_and_without_script_a_page(now: Any, cases: list[Case]) -> None:
    client = at_desk(now.agent)
    answer = client.post("/desk/queue/acts/", {"one": cases[0].pk, "key": "k", "case": [cases[1].pk]}, headers=HTMX)
    assert "1 件已完成" in answer.content.decode()
    assert Case.objects.get(owner=now.agent).pk == cases[0].pk
    page = client.post("/desk/queue/acts/", {"act": "take", "case": [c.pk for c in cases], "key": "k2"})
    assert "<html" in page.content.decode() and "3 件已完成" in page.content.decode()
