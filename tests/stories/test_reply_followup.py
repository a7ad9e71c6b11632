"""The answer goes through its gates; call-backs and the survey decide whether the case may rest; it may be opened
again.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from wenguo.cases import acceptance, followup, letters, reply, triage
from wenguo.cases.case import record
from wenguo.cases.followup import FollowUp, Survey
from wenguo.cases.lifecycle import gates, offers
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event
from wenguo.people import deputies
from wenguo.people.actor import SYSTEM

MATTER = "空气净化器噪音大,店员说正常,我不认可。"
PARTS = {
    "apology": "王先生,噪音影响了您休息,我们很抱歉。",
    "findings": "经检测,风机轴承润滑不足,噪音超出标准 6 分贝。",
    "actions": "赵亮已于 11 月 18 日上门更换风机并复测合格。",
    "prevention": "该批次风机已全部抽检,装配工序增加润滑检查。",
    "thanks": "感谢您的反映,有任何问题请联系张敏,400-000-0000。",
}


@pytest.fixture
def at_reply(desk):
    """A level-3 case whose solution has been carried out."""
    case = desk.triages(
        desk.receives(MATTER, happened="上周", place="家里", product="净化器", wish="检修", mail="w@example.com")
    )
    return carried_out(desk, case)


def carried_out(desk, case):
    record(
        case,
        "case.executed",
        by=SYSTEM,
        at=desk.now,
        set={"stage": "reply", "executed_at": desk.now, "cause": "machine.equipment"},
    )
    return case


def answered(desk, case, **more):
    draft = reply.draft_reply(case, PARTS, by=desk.agent, at=desk.now, **more)
    for review in reply.submit_reply(draft, by=desk.agent, at=desk.now):
        by = desk.legal if review.role == "legal" else desk.supervisor
        reply.review_reply(review, True, by=by, at=desk.now)
    reply.answer(case, by=desk.agent, at=desk.now)
    case.refresh_from_db()
    return case


def test_an_answer_needs_all_five_parts_and_no_blanks(desk, at_reply):
    draft = reply.draft_reply(
        at_reply, {**PARTS, "prevention": "", "thanks": "请联系【负责人姓名】"}, by=desk.agent, at=desk.now
    )
    with pytest.raises(Invalid) as refused:
        reply.submit_reply(draft, by=desk.agent, at=desk.now)
    assert set(refused.value.fields) == {"prevention", "thanks"}
    with pytest.raises(NotNow) as shut:
        reply.answer(at_reply, by=desk.agent, at=desk.now)
    assert shut.value.missing


def test_a_template_is_filled_from_the_case_and_sent_unchanged_is_flagged(desk, at_reply):
    template = reply.templates(at_reply)[0]
    parts = reply.scaffold(at_reply, template.id, at=desk.now)
    assert "王小明" in "".join(parts.values())
    draft = reply.draft_reply(at_reply, parts, template=template.id, by=desk.agent, at=desk.now)
    assert draft.unchanged and any(not r.stops and not r.part for r in reply.remarks(draft))


def test_who_reads_the_desk_in_english_writes_to_customers_as_the_house_does(desk, at_reply):
    with translation.override("en"):
        draft = reply.draft_reply(at_reply, PARTS, by=desk.agent, at=desk.now)
        known = letters.values(at_reply, at=desk.now)
        event = letters.say(at_reply, "", "您反映的情况已查清。", by=desk.agent, at=desk.now)
    assert draft.subject == f"关于您的投诉（编号 {at_reply.number}）的答复"
    assert event.private["subject"] == f"关于您的投诉（编号 {at_reply.number}）"
    assert known["solve_due"].endswith(" 前") and known["appeal"].startswith("可在进度页面选择")
    assert known == letters.values(at_reply, at=desk.now) | {"track_url": known["track_url"]}


def test_a_level_three_answer_goes_out_at_once(desk, at_reply):
    draft = reply.draft_reply(at_reply, PARTS, by=desk.agent, at=desk.now)
    assert reply.submit_reply(draft, by=desk.agent, at=desk.now) == []
    reply.answer(at_reply, by=desk.agent, at=desk.now)
    assert at_reply.stage == "followup" and at_reply.answered_at == desk.now
    with pytest.raises(NotNow):
        reply.answer(at_reply, by=desk.agent, at=desk.now)


def test_level_two_and_admissions_wait_for_supervisor_and_legal_never_the_author(desk):
    case = desk.receives("孩子被烫伤,产品漏电起火", happened="上周", place="家里", product="水壶", wish="道歉")
    case = carried_out(desk, desk.triages(case, level=2))
    draft = reply.draft_reply(case, PARTS, admission=True, by=desk.agent, at=desk.now)
    roles = {review.role: review for review in reply.submit_reply(draft, by=desk.agent, at=desk.now)}
    assert set(roles) == {"supervisor", "legal"}
    with pytest.raises(NotYours):
        reply.review_reply(roles["supervisor"], True, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        reply.review_reply(roles["supervisor"], False, by=desk.supervisor, at=desk.now)
    reply.review_reply(roles["supervisor"], False, "结论要附检测报告编号", by=desk.supervisor, at=desk.now)
    draft = reply.draft_reply(case, PARTS, admission=True, by=desk.agent, at=desk.now)
    roles = {review.role: review for review in reply.submit_reply(draft, by=desk.agent, at=desk.now)}
    deputies.appoint(
        desk.legal, desk.manager, desk.now, desk.now + timedelta(days=3), by=desk.legal, at=desk.now, reason="出差"
    )
    desk.manager.forget()
    reply.review_reply(roles["legal"], True, by=desk.manager, at=desk.wait(minutes=1))
    reply.review_reply(roles["supervisor"], True, by=desk.supervisor, at=desk.now)
    roles["legal"].refresh_from_db()
    assert roles["legal"].in_name_of == desk.legal
    reply.answer(case, by=desk.agent, at=desk.now)
    assert case.stage == "followup"


def test_legal_releases_once_what_two_rules_ask_of_legal(desk):
    case = desk.receives("监管局转来：净化器漏水", channel="regulator", by=desk.liaison, happened="上周", place="家里")
    case = carried_out(desk, desk.triages(case))
    draft = reply.draft_reply(case, PARTS, admission=True, by=desk.agent, at=desk.now)
    reviews = reply.submit_reply(draft, by=desk.agent, at=desk.now)
    assert [review.role for review in reviews].count("legal") == 2
    waiting = [review for review in reply.waiting_for(desk.legal, desk.now) if review.reply == draft]
    assert [review.role for review in waiting] == ["legal"], "it is one thing to sign"
    reply.review_reply(waiting[0], True, by=desk.legal, at=desk.now)
    draft.refresh_from_db()
    assert draft.state == "released"
    told = Event.objects.filter(stream_id=case.stream_id, type="reply.reviewed").order_by("seq")
    assert [event.because for event in told] == [review.rule for review in reviews], "each rule has its entry"
    with pytest.raises(NotNow):
        reply.review_reply(reviews[1], True, by=desk.legal, at=desk.now)


def test_two_call_backs_then_closing_and_archiving(desk, at_reply):
    case = answered(desk, at_reply)
    first = case.followups.get()
    assert case.clocks.get(about=first.about).started_at == case.executed_at
    with pytest.raises(NotYours):
        followup.call_back(first, reached=True, solved=True, content=True, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        followup.call_back(first, reached=True, by=desk.relationship, at=desk.now)
    followup.call_back(first, reached=False, by=desk.relationship, at=desk.wait(days=1))
    followup.call_back(
        first, reached=True, solved=True, content=True, words="挺好", by=desk.relationship, at=desk.wait(days=1)
    )
    assert not all(g.open for g in gates(case, "close"))
    second = case.followups.get(step=2)
    followup.call_back(second, reached=True, solved=True, content=True, by=desk.relationship, at=desk.wait(days=15))
    shut = [g.words for g in gates(case, "close") if not g.open]
    assert shut == []
    followup.close(case, by=desk.agent, at=desk.now)
    assert case.outcome == "resolved" and not case.clocks.live().exists()
    assert [o.name for o in offers(case, by=desk.supervisor, at=desk.now)] == ["archive", "reopen"]
    followup.archive(case, by=desk.supervisor, at=desk.now)
    with pytest.raises(NotNow):
        followup.close(case, by=desk.agent, at=desk.now)


def test_three_tries_count_as_duly_attempted(desk, at_reply):
    case = answered(desk, at_reply)
    first = case.followups.get()
    for _try in range(followup.step_of(first).attempts):
        followup.call_back(first, reached=False, by=desk.relationship, at=desk.wait(hours=5))
    first.refresh_from_db()
    assert first.state == FollowUp.State.TRIED and case.followups.filter(step=2).exists()


def test_an_unhappy_customer_keeps_the_case_open_until_a_supervisor_looks_again(desk, at_reply):
    case = answered(desk, at_reply)
    followup.invite_survey(case.pk, 1, at=desk.now)
    assert followup.invite_survey(case.pk, 1, at=desk.now) is None
    survey = case.surveys.get()
    with pytest.raises(Invalid) as refused:
        followup.rate(survey, {"csat": "9"}, by=case.customer, at=desk.now)
    assert {"csat", "solved"} <= set(refused.value.fields)
    followup.rate(
        survey,
        {"solved": 0, "csat": 2, "nps": 1, "ces": 3, "words": "噪音又来了"},
        by=case.customer,
        at=desk.wait(days=1),
    )
    with pytest.raises(NotNow):
        followup.rate(survey, {"solved": 1, "csat": 5}, by=case.customer, at=desk.now)
    case.refresh_from_db()
    assert "unhappy" in case.flags
    assert any("不满意" in g.words and not g.open for g in gates(case, "close"))
    with pytest.raises(NotYours):
        followup.reassess(case, "噪音复发", by=desk.relationship, at=desk.now)
    followup.reassess(case, "噪音复发", by=desk.supervisor, at=desk.now)
    assert case.stage == "resolution" and "unhappy" not in case.flags
    assert not case.followups.filter(state="planned").exists()


def test_reopening_is_a_new_round_and_after_archiving_a_linked_case(desk, at_reply):
    case = answered(desk, at_reply)
    for step in (1, 2):
        call = case.followups.get(step=step)
        followup.call_back(
            call, reached=True, solved=True, content=True, by=desk.relationship, at=desk.wait(days=step * 2)
        )
    followup.close(case, by=desk.agent, at=desk.now)
    followup.reopen(case, "又响了", by=case.customer, at=desk.wait(days=5))
    assert (case.stage, case.round, case.outcome) == ("investigation", 2, "")
    assert case.clocks.live().filter(kind="solve", round=2).exists()
    carried_out(desk, case)
    answered(desk, case)
    for step in (1, 2):
        call = case.followups.get(round=2, step=step)
        followup.call_back(
            call, reached=True, solved=True, content=True, by=desk.relationship, at=desk.wait(days=step * 2)
        )
    followup.close(case, by=desk.agent, at=desk.now)
    followup.archive(case, by=desk.supervisor, at=desk.now)
    version = case.version
    new = followup.reopen(case, "半年后又响了", by=case.customer, at=desk.wait(days=2))
    assert new.continues == case and new.round == 3 and new.number != case.number
    case.refresh_from_db()
    assert case.version == version and case.stage == "archived"
    with pytest.raises(NotNow):
        followup.reopen(case, "再开一次", by=case.customer, at=desk.now)


def test_solved_at_once_within_the_desks_mandate(desk):
    case = desk.receives("发票抬头写错了,请重开")

    acceptance.accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "service.skill", by=desk.agent, at=desk.now)
    case.level = 4
    record(case, "case.graded", by=desk.agent, at=desk.now, set={"level": 4})
    reply.settle_at_once(case, "已重开发票并发到客户邮箱,客户确认收到。", by=desk.agent, at=desk.wait(minutes=8))
    assert case.stage == "followup" and case.executed_at == desk.now
    assert case.clocks.get(kind="solve").is_on_time
    assert Survey.objects.filter(case=case).count() == 0


def test_after_a_reassessment_everybody_is_called_anew(desk, at_reply):
    case = answered(desk, at_reply)
    first = case.followups.get()
    followup.call_back(first, reached=True, solved=False, content=False, by=desk.relationship, at=desk.wait(days=1))
    case.refresh_from_db()
    followup.reassess(case, "没有解决", by=desk.supervisor, at=desk.now)
    carried_out(desk, case)
    case = answered(desk, case)
    for step in (1, 2):
        assert not gates(case, "close")[2].open
        call = case.followups.get(step=step, state="planned")
        followup.call_back(call, reached=True, solved=True, content=True, by=desk.relationship, at=desk.wait(days=2))
    assert [g.words for g in gates(case, "close") if not g.open] == []
