"""A danger that may be spoken of: shown to a person first, answered with one key, and no level changes before."""

from __future__ import annotations

import pytest

from wenguo.cases import acceptance, danger, reading, triage
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.errors import NotNow, NotYours
from wenguo.journal import Event

PERHAPS = "楼上外墙的瓷砖松了，有一块悬在那里，下面天天有人走，说了几次没有人来看。"
PRAISE = "客服小李很耐心，优惠券也补给我了，谢谢。"
URGENT = "插座冒烟，还把我电了一下。"


def read(desk, text, **more):
    case = desk.receives(text, **more)
    reading.read(case.pk, at=desk.wait(minutes=1))
    return Case.objects.select_related("record", "reading").get(pk=case.pk)


def test_what_may_be_a_danger_is_asked_about_and_raises_nothing(desk):
    case = read(desk, PERHAPS)
    before = case.level
    assert before > danger.URGENT
    asked = danger.sign(case)
    assert asked is not None and asked["points"] >= 1
    spans = danger.places(case, PERHAPS)
    assert spans and all(0 <= start < end <= len(PERHAPS) for start, end in spans)
    assert list(danger.waiting(Case.objects.all())) == [case]
    assert "danger" not in case.flags


@pytest.mark.parametrize("text", [URGENT, "🙂", PRAISE])
def test_what_is_urgent_already_or_says_nothing_is_not_asked_about(desk, text):
    case = read(desk, text)
    assert danger.sign(case) is None and not danger.waiting(Case.objects.all()).exists()


def test_yes_gives_at_least_the_second_level(desk):
    case = read(desk, PERHAPS)
    danger.answer(case, True, by=desk.agent, at=desk.now)
    case.refresh_from_db()
    assert case.level == 2 and "danger" in case.flags and danger.sign(case) is None
    event = Event.objects.get(stream_id=case.stream_id, type="case.danger_answered")
    assert event.data["there"] is True and event.by == desk.agent.journal_ref
    assert "FL-2" in [floor.rule for floor in triage.assess(case).floors]
    assert fold(case) == {name: plain(getattr(case, name)) for name in PROJECTED}


def test_no_has_it_gone_for_good(desk):
    case = read(desk, PERHAPS)
    level = case.level
    danger.answer(case, False, by=desk.agent, at=desk.now)
    case.refresh_from_db()
    assert case.level == level and "danger" not in case.flags
    reading.read(case.pk, at=desk.wait(minutes=1))
    case = Case.objects.select_related("record", "reading").get(pk=case.pk)
    assert danger.sign(case) is None and not danger.waiting(Case.objects.all()).exists()
    with pytest.raises(NotNow):
        danger.answer(case, True, by=desk.agent, at=desk.now)


def test_only_who_may_triage_answers(desk):
    case = read(desk, PERHAPS)
    with pytest.raises(NotYours):
        danger.answer(case, True, by=desk.east_repairer, at=desk.now)


def test_the_strongest_sign_first_and_none_after_triage(desk):
    weak = read(desk, PERHAPS)
    strong = read(desk, "孩子喝了这瓶饮料说味道怪，不敢再喝。", phone="13900000777", name="客户乙")
    Case.objects.update(level=3)
    for case, points in ((weak, 1), (strong, 3)):
        reading.Reading.objects.filter(case=case).update(seen={"danger": {"points": points, "percent": 5}})
    assert list(danger.waiting(Case.objects.all())) == [strong, weak]
    Case.objects.filter(pk=strong.pk).update(stage="investigation")
    assert list(danger.waiting(Case.objects.all())) == [weak]


def test_accepting_keeps_the_sign(desk):
    case = read(desk, PERHAPS)
    acceptance.accept(case, by=desk.agent, at=desk.now)
    case = Case.objects.select_related("record", "reading").get(pk=case.pk)
    assert danger.sign(case) is not None


def test_a_faint_suspicion_is_asked_about_in_one_line_and_a_word_heard_is_shown(desk, client):
    client.force_login(desk.supervisor)
    for text, slight in (("咨询一下，你们的净水器滤芯多久换一次？官网上没有写，麻烦告诉我。", True), (PERHAPS, False)):
        case = read(desk, text)
        assert danger.sign(case) is not None
        body = client.get(f"/desk/cases/{case.number}/").content.decode()
        asked = body[body.index('id="case-danger"') :][:2500]
        assert ("请看一眼" not in asked) == slight and ("<mark>" not in asked) == slight and "没有危险" in asked
