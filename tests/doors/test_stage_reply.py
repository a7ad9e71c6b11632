"""Reply and call-back through their doors: remarks while one writes, releases, sending, calling, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from wenguo.cases import followup, reply
from wenguo.cases.case import Case, record
from wenguo.cases.followup import FollowUp
from wenguo.cases.reply import Reply, ReplyReview
from wenguo.people.actor import SYSTEM

SCRIPT = "<script>alert(1)</script>"
HTMX = {"HTTP_HX_REQUEST": "true"}
PARTS = {
    "apology": "王先生，噪音影响了您休息，我们很抱歉。",
    "findings": "经检测，风机轴承润滑不足，噪音超出标准 6 分贝。",
    "actions": "赵亮已上门更换风机并复测合格。",
    "prevention": "该批次风机已全部抽检。",
    "thanks": "感谢您的反映，有问题请联系张敏，400-000-0000。",
}
DRAFT = {**PARTS, "channel": "mail", "subject": "关于您的投诉"}


@pytest.fixture
def at_reply(desk: Any) -> Case:
    return executed(desk)


def executed(desk: Any, level: int = 3, **claims: Any) -> Case:
    """A case whose solution has been carried out."""
    given = {"happened": "上周", "place": "家里", "product": "净化器", "wish": "检修", "mail": "w@example.com"} | claims
    case = desk.triages(desk.receives("空气净化器噪音大，店员说正常，我不认可。", **given), level=level)
    done = {"stage": "reply", "executed_at": desk.now, "cause": "machine.equipment"}
    record(case, "case.executed", by=SYSTEM, at=desk.now, set=done)
    return case


def answered(desk: Any, case: Case) -> FollowUp:
    """Answered; the first call-back is planned."""
    draft = reply.draft_reply(case, PARTS, by=desk.agent, at=desk.now)
    assert reply.submit_reply(draft, by=desk.agent, at=desk.now) == []
    reply.answer(case, by=desk.agent, at=desk.now)
    return case.followups.get()


def at(case: Case, rest: str = "") -> str:
    return f"/desk/cases/{case.number}/{rest}"


def page(client: Any, case: Case) -> str:
    answer = client.get(at(case))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_draft_is_kept_submitted_and_sent(desk, at_reply, client):
    client.force_login(desk.agent)
    assert client.post(at(at_reply, "acts/answer/")).status_code == 409  # nothing to send yet
    told = {**DRAFT, "findings": f"噪音超标 {SCRIPT}"}
    assert client.post(at(at_reply, "reply/draft/"), told).status_code == 302
    kept = at_reply.replies.get()
    shown = page(client, at_reply)
    assert kept.state == Reply.State.DRAFT and SCRIPT not in shown and "data-draft" in shown
    assert client.post(at(at_reply, "reply/draft/"), {**told, "submit": "1"}).status_code == 302
    kept.refresh_from_db()
    assert kept.state == Reply.State.RELEASED  # level 3 needs nobody else
    assert client.post(at(at_reply, "acts/answer/")).status_code == 302
    at_reply.refresh_from_db()
    assert at_reply.stage == "followup" and at_reply.replies.get().sent_at
    assert client.post(at(at_reply, "acts/answer/")).status_code == 409  # pressed twice, sent once


def test_an_unfinished_draft_is_kept_but_not_submitted(desk, at_reply, client):
    client.force_login(desk.agent)
    told = {**DRAFT, "prevention": "", "submit": "1"}
    answer = client.post(at(at_reply, "reply/draft/"), told, **HTMX)
    assert answer.status_code == 422 and "prevention" in answer["HX-Trigger"]
    assert at_reply.replies.get().parts["findings"] == PARTS["findings"]
    assert client.post(at(at_reply, "reply/draft/"), {**DRAFT, "channel": "pigeon"}).status_code == 422
    assert client.post(at(at_reply, "reply/draft/"), {**DRAFT, "template": "none"}).status_code == 422


def test_remarks_come_beside_the_parts_while_one_writes(desk, at_reply, client):
    client.force_login(desk.agent)
    told = {**DRAFT, "prevention": "", "thanks": "请联系【负责人姓名】", "apology": SCRIPT}
    answer = client.post(at(at_reply, "reply/remarks/"), told, **HTMX).content.decode()
    assert 'id="remark-prevention"' in answer and "缺少" in answer and "【负责人姓名】" in answer
    assert 'id="reply-preview"' in answer and SCRIPT not in answer and answer.count("hx-swap-oob") == 7
    assert "没有保存" in client.post(at(at_reply, "reply/remarks/"), told).content.decode()
    assert not at_reply.replies.exists()


def test_a_template_fills_in_what_the_case_knows(desk, at_reply, client):
    client.force_login(desk.agent)
    template = reply.templates(at_reply)[0].id
    filled = client.get(at(at_reply, "reply/"), {"template": template}, **HTMX).content.decode()
    assert filled.lstrip().startswith('<section id="reply-composer"') and "王小明" in filled and "尚未保存" in filled
    assert "<html" in client.get(at(at_reply, "reply/"), {"template": template}).content.decode()
    assert client.get(at(at_reply, "reply/"), {"template": "nothing"}).status_code == 422
    assert not at_reply.replies.exists()


def test_a_graver_reply_is_released_by_another(desk, client):
    case = executed(desk, level=2)
    client.force_login(desk.agent)
    client.post(at(case, "reply/draft/"), {**DRAFT, "submit": "1"})
    review = ReplyReview.objects.get()
    assert client.post(at(case, f"reply/reviews/{review.pk}/"), {"verdict": "release"}).status_code == 403
    client.force_login(desk.supervisor)
    assert DRAFT["subject"] in client.get("/desk/approvals/").content.decode()
    shown = client.get(f"/desk/approvals/replies/{review.pk}/").content.decode()
    assert PARTS["findings"] in shown and "放行" in shown
    assert client.post(at(case, f"reply/reviews/{review.pk}/"), {"verdict": "return"}).status_code == 422
    told = {"verdict": "release", "to": "approvals"}
    assert client.post(at(case, f"reply/reviews/{review.pk}/"), told)["Location"] == "/desk/approvals/"
    assert client.post(at(case, f"reply/reviews/{review.pk}/"), told).status_code == 409  # decided already
    client.force_login(desk.east_supervisor)
    assert client.get(f"/desk/approvals/replies/{review.pk}/").status_code == 404


def test_a_written_admission_needs_legal(desk, at_reply, client):
    client.force_login(desk.agent)
    client.post(at(at_reply, "reply/draft/"), {**DRAFT, "admission": "1", "submit": "1"})
    review = ReplyReview.objects.get()
    assert review.role == "legal"
    client.force_login(desk.supervisor)
    assert client.post(at(at_reply, f"reply/reviews/{review.pk}/"), {"verdict": "release"}).status_code == 403
    client.force_login(desk.legal)
    assert client.post(at(at_reply, f"reply/reviews/{review.pk}/"), {"verdict": "release"}).status_code == 302


def test_nobody_else_writes(desk, at_reply, client):
    for person, status in ((None, 302), (desk.relationship, 403), (desk.east_agent, 404)):
        client.logout()
        if person:
            client.force_login(person)
        assert client.post(at(at_reply, "reply/draft/"), DRAFT).status_code == status
        assert client.post(at(at_reply, "reply/remarks/"), DRAFT).status_code == status
    assert not at_reply.replies.exists()


# Calling back


def test_the_caller_finds_the_call_and_records_it(desk, at_reply, client):
    planned = answered(desk, at_reply)
    client.force_login(desk.relationship)
    listed = client.get("/desk/followups/").content.decode()
    assert at_reply.number in listed and "13800001234" not in listed
    assert "方案答应的各项是否都做到了" in page(client, at_reply)
    assert '<a class="btn btn-primary" href="#fol-calls">' in page(client, at_reply)
    told = {"reached": "yes", "channel": "phone", "words": f"满意 {SCRIPT}"}
    answer = client.post(at(at_reply, f"followups/{planned.pk}/"), told, **HTMX)
    assert answer.status_code == 422 and "content" in answer["HX-Trigger"]
    told |= {"solved": "yes", "recurred": "no", "content": "yes"}
    assert client.post(at(at_reply, f"followups/{planned.pk}/"), told).status_code == 302
    planned.refresh_from_db()
    assert planned.state == "done" and planned.content and planned.recurred is False
    assert client.post(at(at_reply, f"followups/{planned.pk}/"), told).status_code == 409
    assert SCRIPT not in page(client, at_reply) and at_reply.followups.count() == 2


def test_call_backs_far_ahead_are_folded(desk, at_reply, client, monkeypatch):
    answered(desk, at_reply)
    client.force_login(desk.relationship)
    assert "时限都在这之后" not in client.get("/desk/followups/").content.decode()
    due = followup.due_for(desk.relationship, desk.now)
    monkeypatch.setattr(followup, "due_for", lambda *of: due * 43)
    listed = client.get("/desk/followups/").content.decode()
    assert "还有 3 件，时限都在这之后" in listed and "43 个电话等着打" in listed


def test_the_number_to_dial_is_shown_beside_the_questions_and_the_look_is_written_down(desk, at_reply, client):
    answered(desk, at_reply)
    client.force_login(desk.relationship)
    assert 'id="fol-who"' in page(client, at_reply) and "13800001234" not in page(client, at_reply)
    asked = {"field": "record:contact_phone", "where": "call", "reason": "回访"}
    answer = client.post(at(at_reply, "reveal/"), asked, **HTMX)
    assert answer["HX-Retarget"] == "#fol-who" and 'href="tel:13800001234"' in answer.content.decode()
    assert desk.timeline(at_reply)[-1] == "case.seen"
    refused = client.post(at(at_reply, "reveal/"), {**asked, "reason": " "}, **HTMX)
    assert refused.status_code == 422


def test_not_reached_is_counted_until_it_counts_as_tried(desk, at_reply, client):
    planned = answered(desk, at_reply)
    client.force_login(desk.relationship)
    for n in range(3):
        told = {"reached": "no", "channel": "phone"}
        assert client.post(at(at_reply, f"followups/{planned.pk}/"), told).status_code == 302
        assert planned.attempts.count() == n + 1
    planned.refresh_from_db()
    assert planned.state == "tried" and "第 3 次未接通" in page(client, at_reply)


def test_who_handled_the_case_does_not_call(desk, at_reply, client):
    at_reply.owner = desk.agent
    at_reply.save(update_fields=["owner"])
    planned = answered(desk, at_reply)
    client.force_login(desk.agent)
    assert at_reply.number not in client.get("/desk/followups/").content.decode()
    assert "经办人以外的人" in page(client, at_reply)
    told = {"reached": "no", "channel": "phone"}
    assert client.post(at(at_reply, f"followups/{planned.pk}/"), told).status_code == 403
    client.force_login(desk.legal)
    assert "您的岗位不做回访" in client.get("/desk/followups/").content.decode()
    assert client.post(at(at_reply, f"followups/{planned.pk}/"), told).status_code == 403


def test_an_unhappy_customer_keeps_the_case_open(desk, at_reply, client):
    planned = answered(desk, at_reply)
    client.force_login(desk.relationship)
    told = {"reached": "yes", "channel": "phone", "solved": "no", "content": "no", "words": "还是响"}
    client.post(at(at_reply, f"followups/{planned.pk}/"), told)
    shown = page(client, at_reply)
    assert "主管重新评估以前不能结案" in shown
    assert client.post(at(at_reply, "acts/close/")).status_code == 409
    assert client.post(at(at_reply, "acts/reassess/"), {"reason": "还是响"}).status_code == 403
    client.force_login(desk.supervisor)
    assert client.post(at(at_reply, "acts/reassess/"), {"reason": ""}).status_code == 422
    assert client.post(at(at_reply, "acts/reassess/"), {"reason": "还是响"}).status_code == 302
    at_reply.refresh_from_db()
    assert at_reply.stage == "resolution"


def test_the_survey_is_shown_answer_by_answer(desk, at_reply, client):
    answered(desk, at_reply)
    survey = followup.invite_survey(at_reply.pk, 1, at=desk.now)
    client.force_login(desk.relationship)
    assert "客户还没有评价" in page(client, at_reply) or "客户没有评价" in page(client, at_reply)
    followup.rate(survey, {"solved": 1, "csat": 5, "words": SCRIPT}, by=at_reply.customer, at=desk.now)
    shown = page(client, at_reply)
    assert "解决了" in shown and "5 分" in shown and SCRIPT not in shown


def test_the_list_costs_the_same_for_one_and_for_many(desk, client, django_assert_max_num_queries):
    for n in range(4):
        answered(desk, executed(desk, phone=f"1390000200{n}", name=f"客户{n}", mail=f"w{n}@example.com"))
    client.force_login(desk.relationship)
    client.get("/desk/followups/")
    with django_assert_max_num_queries(30):
        listed = client.get("/desk/followups/").content.decode()
    assert listed.count("data-row") >= 4
