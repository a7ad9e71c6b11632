"""What pages remember: a row of the queue, a sentence. Nothing reaches whom it is not for, nothing outlives an act."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext

from wenguo.cases import acceptance, letters
from wenguo.journal.erasure import erase
from wenguo.people.roles import Role
from wenguo.web.desk import rows


def queue(person: Any, **asked: str) -> str:
    client = Client()
    client.force_login(person)
    return client.get("/desk/queue/", asked).content.decode()


def test_a_name_seen_in_full_by_one_stays_masked_for_the_other(now: Any) -> None:
    now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明")
    assert "王**" in queue(now.agent) and "王小明" not in queue(now.agent)
    Role.objects.filter(posts__person=now.supervisor).update(sensitive=True)
    now.supervisor.forget()
    assert "王小明" in queue(now.supervisor)
    assert "王**" in queue(now.agent) and "王小明" not in queue(now.agent)


def test_a_row_is_written_once_until_something_it_shows_changes(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明")
    at = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: at)
    before = queue(now.agent)
    assert "未分派" in row_of(before, case)
    written: list[str] = []
    monkeypatch.setattr(rows, "get_template", lambda name: written.append(name))  # nothing may be written anew
    assert row_of(queue(now.agent), case) == row_of(before, case) and not written
    monkeypatch.undo()
    acceptance.accept(case, by=now.agent, at=at)
    after = row_of(queue(now.agent), case)
    assert "未分派" not in after and now.agent.name in after


def test_a_row_is_remembered_for_its_language_and_its_columns(now: Any) -> None:
    case = now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明")
    assert "待受理" in row_of(queue(now.agent), case)
    type(now.agent).objects.filter(pk=now.agent.pk).update(language="en")
    client = Client()
    client.force_login(now.agent)
    client.cookies["django_language"] = "en"
    assert "待受理" not in row_of(client.get("/desk/queue/").content.decode(), case)
    client.cookies["django_language"] = "zh-hans"
    asked = {"query": "view=open", "columns": ["channel", "received"], "order": ""}
    client.post("/desk/queue/layout/", asked)
    row = row_of(client.get("/desk/queue/").content.decode(), case)
    assert "待受理" not in row and "电话" in row and "今天" in row


def test_the_time_that_is_left_is_that_of_the_moment(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    case = now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明")
    due = type(case).objects.get(pk=case.pk).next_due_at
    for moment, said, look in (
        (due - timedelta(hours=3, minutes=20), "还剩 3 小时 20 分", "clock-"),
        (due - timedelta(hours=3, minutes=19), "还剩 3 小时 19 分", "clock-"),
        (due, "已超", "clock-due"),
        (due + timedelta(days=2), "已超 2 天", "clock-due"),
    ):
        monkeypatch.setattr("django.utils.timezone.now", lambda moment=moment: moment)
        row = row_of(queue(now.agent), case)
        assert said in row and look in row


def row_of(body: str, case: Any) -> str:
    at = body.index(f'data-key="{case.pk}" data-version=')
    return body[at : body.index("</tr>", at)]


def test_sentences_are_those_of_the_language_of_the_moment() -> None:
    lazy = gettext_lazy("未分派")
    said = []
    for language in ("zh-hans", "en", "zh-hans", "en"):
        with translation.override(language):
            said.append(
                (gettext("未分派"), str(lazy), ngettext("{n} 天", "{n} 天", 1), ngettext("{n} 天", "{n} 天", 2))
            )
    assert said[0] == said[2] == ("未分派", "未分派", "{n} 天", "{n} 天")
    assert said[1] == said[3] and "未分派" not in said[1] and said[1][2] != said[1][3]
    with translation.override("en"):
        with translation.override(None):
            assert gettext("未分派") == "未分派" and translation.get_language() is None
        assert translation.get_language() == "en" and gettext("未分派") == said[1][0]
        assert pgettext("policy", "一级") != "一级" and pgettext("no such context", "一级") == "一级"
        assert isinstance(gettext(mark_safe("未分派")), SafeString) and type(gettext("未分派")) is str


def test_a_line_of_the_story_changes_with_its_names_its_language_and_an_erasure(now: Any) -> None:
    case = now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明")
    letters.note(case, "已联系师傅上门", by=now.agent, at=now.now)
    event = case.stream.events.get(type="case.noted")
    client = Client()
    client.force_login(now.agent)

    def line() -> str:
        body = client.get(f"/desk/cases/{case.number}/").content.decode()
        at = body.index(f'id="e{event.seq}"')
        return body[at : body.index("</li>", at)]

    before = line()
    assert "已联系师傅上门" in before and now.agent.name in before and line() == before
    type(now.agent).objects.filter(pk=now.agent.pk).update(name="李新名")
    assert "李新名" in line() and now.agent.name not in line()
    client.cookies["django_language"] = "en"
    assert before.split("<b>")[1].split("</b>")[0] not in line() and "已联系师傅上门" in line()
    client.cookies["django_language"] = "zh-hans"
    erase(case.stream, "system", now.now, "客户要求删除", only=lambda found: found.pk == event.pk)
    assert "已联系师傅上门" not in line() and "内容已按客户要求删除" in line()
