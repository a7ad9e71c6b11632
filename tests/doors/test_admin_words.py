"""The lists of words: read, searched, tried on last month's complaints, changed in a draft another person publishes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from wenguo.cases import reading, triage
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.insight import word_trial
from wenguo.policy import versions
from wenguo.policy.versions import PolicyVersion

WORDS = reverse("desk:policy_words")


@pytest.fixture(autouse=True)
def fresh() -> Any:
    versions.forget()
    yield
    versions.forget()


@pytest.fixture
def month(desk: Any) -> Any:
    """Last month's complaints: the house word 撂挑子 three times, once denied, and one of another branch."""
    desk.now = timezone.now() - timedelta(days=5)
    said = (
        "洗碗机又撂挑子了，我的手机13800001234，请回电。", "昨天热水器撂挑子了，家里没热水。",
        "没有撂挑子，只是声音大。", "发票一直没开，催了三次。",
    )  # fmt: skip
    desk.cases = [desk.receives(text, phone=f"1390000{n:04}", name=f"客户{n}") for n, text in enumerate(said)]
    desk.east = desk.receives("净化器撂挑子了。", by=desk.east_agent, phone="13911112222")
    desk.now = timezone.now()
    return desk


def at(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def body(answer: Any) -> str:
    words: str = answer.content.decode()
    return words


def saves(client: Client, name: str, **given: Any) -> Any:
    return client.post(reverse("desk:policy_words_save"), {"list": name, **given})


def test_every_list_is_read_and_a_word_is_found_in_all_of_them(desk: Any) -> None:
    page = body(at(desk.agent).get(WORDS))
    assert "威胁 · 找媒体" in page and "分类线索词" in page and "data-main-submit" not in page
    page = body(at(desk.agent).get(WORDS, {"q": "曝光"}))
    assert "曝光你们" in page and "list=threat.media" in page
    assert "没有词表认这个词" in body(at(desk.agent).get(WORDS, {"q": "撂挑子"}))
    assert body(at(desk.agent).get(WORDS, {"list": "nonsense", "q": "<b>", "word": "'"}))


def test_what_a_word_would_have_heard_last_month_within_sight_and_masked(month: Any) -> None:
    page = body(at(month.agent).get(WORDS, {"list": "cue.product.function", "word": "撂挑子"}))
    assert '<b class="num">2</b>' in page and "被否定 1 处" in page
    assert page.count("<mark>撂挑子</mark>") == 3 and "13800001234" not in page
    assert month.east.number not in page
    head = body(at(month.executive).get(WORDS, {"list": "cue.product.function", "word": "撂挑子"}))
    assert '<b class="num">3</b>' in head and month.east.number in head
    admin = body(at(month.admin).get(WORDS, {"list": "cue.product.function", "word": "撂挑子"}))
    assert '<b class="num">3</b>' in admin and "<mark>" not in admin and "需要「查看投诉件」权限" in admin


def test_what_was_not_read_or_not_weighed_anew_is_said(month: Any, monkeypatch: Any) -> None:
    asked = (at(month.agent), {"list": "cue.product.function", "word": "撂挑子"})
    assert "只读了" not in body(asked[0].get(WORDS, asked[1]))
    monkeypatch.setattr(word_trial, "READ", 2)
    page = body(asked[0].get(WORDS, asked[1]))
    assert "只读了可能说到的 3 件里最近的 2 件" in page and "读了 2 件" in page
    monkeypatch.undo()
    monkeypatch.setattr(word_trial, "AT_ONCE", 1)
    monkeypatch.setattr(word_trial, "SECONDS", 0.0)  # the clock says enough at once: the newest one, all the same
    page = body(asked[0].get(WORDS, asked[1]))
    assert "只读了可能说到的 3 件里最近的 1 件" in page
    monkeypatch.setattr(word_trial, "AT_ONCE", 200)
    page = body(asked[0].get(WORDS, asked[1]))
    assert "只读了" not in page and "说到并且算数的 2 件里，等级和分类只重算了最近的 1 件" in page


def test_it_says_how_many_levels_would_change(month: Any) -> None:
    name = next(f"signal.{s.code}" for s in versions.in_force(month.now).pack.severity.signals if s.points == 3)
    page = body(at(month.agent).get(WORDS, {"list": name, "word": "撂挑子"}))
    assert "建议的等级会变" in page
    page = body(at(month.agent).get(WORDS, {"list": "wish.refund", "word": "撂挑子"}))
    assert "建议的等级都不变" in page


def test_words_go_into_a_draft_of_ones_own_and_count_once_another_published_it(month: Any) -> None:
    client = at(month.manager)
    answer = saves(client, "cue.product.function", add="撂挑子、罢工了\n趴窝", note="师傅们都这么说")
    assert answer.status_code == 302, body(answer)
    first = PolicyVersion.objects.get(state="draft")
    assert first.drafted_by == month.manager and first.note == "师傅们都这么说"
    saves(client, "threat.media", add="找老张播报", drop=["电视台"])
    draft = PolicyVersion.objects.get(state="draft")  # the former was replaced, with all that was in it
    assert draft.number > first.number
    assert {p.list: (p.add, p.withdraw) for p in draft.pack.words} == {
        "cue.product.function": (("撂挑子", "罢工了", "趴窝"), ()),
        "threat.media": (("找老张播报",), ("电视台",)),
    }
    page = body(client.get(WORDS, {"draft": "1"}))
    assert "草稿的改动最近 30 天会怎样" in page and "撂挑子" in page
    compared = body(client.get(reverse("desk:policy_compare"), {"b": draft.number}))
    assert "找老张播报" in compared and "罢工了" in compared
    with pytest.raises(NotYours):
        versions.publish(draft, effective_from=month.now, by=month.manager, at=month.now)
    old = month.receives("再不解决我就找老张播报。", phone="13922223333")
    later = timezone.now() + timedelta(seconds=1)
    versions.publish(draft, effective_from=later, by=month.executive, at=later)
    month.now = later + timedelta(minutes=1)
    new = month.receives("再不解决我就找老张播报，冰箱撂挑子了。", phone="13933334444")
    heard = {case: reading.read(case.pk, at=month.now) for case in (old, new)}
    assert heard[old].seen["threats"] == [] and heard[new].seen["threats"][0][0] == "media"
    assert heard[new].seen["policy"] == draft.pk != heard[old].seen["policy"]
    assert triage.assess(new).level <= triage.assess(old).level


def test_taken_back_to_what_is_published_the_draft_goes(month: Any) -> None:
    client = at(month.manager)
    saves(client, "threat.media", drop=["电视台"])
    page = body(client.get(WORDS, {"list": "threat.media"}))
    assert "已停用，勾选恢复" in page
    saves(client, "threat.media", back=["电视台"])
    assert not PolicyVersion.objects.filter(state="draft").exists()


def test_a_signal_word_is_changed_in_the_signal_itself(month: Any) -> None:
    signal = versions.in_force(month.now).pack.severity.signals[0]
    client = at(month.manager)
    assert saves(client, f"signal.{signal.code}", add="冒青烟儿", drop=[signal.terms[0]]).status_code == 302
    new = PolicyVersion.objects.get(state="draft").pack.severity.signals[0]
    assert "冒青烟儿" in new.terms and signal.terms[0] not in new.terms
    none_left = saves(client, f"signal.{signal.code}", drop=list(new.terms))
    assert none_left.status_code == 422 and "至少要留一个词" in body(none_left)


def test_what_cannot_be_is_refused_in_words_and_nothing_is_drafted(month: Any) -> None:
    client = at(month.manager)
    for given, words in (
        ({"add": "长" * 31}, "太长"), ({"add": "。。"}, "不像一个词"), ({"add": "a"}, "不像一个词"), ({}, "没有改动"),
    ):  # fmt: skip
        answer = saves(client, "threat.media", **given)
        assert answer.status_code == 422 and words in body(answer), given
    assert saves(client, "nonsense", add="词").status_code == 404
    assert saves(at(month.agent), "threat.media", add="词").status_code == 403
    assert not PolicyVersion.objects.filter(state="draft").exists()


def test_two_drafts_of_two_people_do_not_mix_and_an_old_page_is_told(month: Any) -> None:
    published = PolicyVersion.objects.get(state="published")
    saves(at(month.manager), "threat.media", add="找老张播报")
    mine = PolicyVersion.objects.get(state="draft")
    with pytest.raises(NotYours):
        versions.revise({"words": []}, on=mine, by=month.quality_manager, at=month.now)
    stale = saves(at(month.manager), "threat.media", add="别的词", on=published.number)
    assert stale.status_code == 422 and "草稿其间有了变化" in body(stale)
    saves(at(month.manager), "threat.media", add="别的词", on=mine.number)
    with pytest.raises(NotNow):
        versions.revise({"words": []}, on=mine, by=month.manager, at=month.now)
    wrong = [{"list": "threat.media", "add": [], "withdraw": ["这里没有的词"]}]
    with pytest.raises(Invalid, match="不在随产品的词表里"):
        versions.revise({"words": wrong}, on=published, by=month.quality_manager, at=month.now)
