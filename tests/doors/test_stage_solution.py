"""Solution, signatures, execution through their doors: the story from draft to carried out, and every refusal."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from wenguo.cases import approval, execution, override, resolution
from wenguo.cases.approval import Approval
from wenguo.cases.case import Case, record
from wenguo.cases.clock import Clock
from wenguo.cases.option import Option
from wenguo.cases.quote import Item
from wenguo.people.actor import SYSTEM
from wenguo.web.desk.approvals import two_sentences

SCRIPT = "<script>alert(1)</script>"
HTMX = {"HTTP_HX_REQUEST": "true"}
DRAFT = {
    "title": "补偿并道歉", "what": "向客户道歉并按标准补偿。", "kinds": ["apology"], "item.economic": "1",
    "item.economic.price_fen": "380",
}  # fmt: skip
PLAN = {"kind": "compensation", "amount": "380", "due_at": "2030-01-01T10:00"}


@pytest.fixture
def case(desk: Any) -> Case:
    return investigated(desk)


def investigated(desk: Any, level: int = 3) -> Case:
    """A case whose investigation is over."""
    text = "净化器用了三天就不出风。要求退款并补偿。否则投诉到底。"
    found = desk.receives(text, order_fen=199_900, mail="w@example.com")
    found = desk.triages(found, category="product.function", level=level)
    record(found, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution", "liability": "ours"})
    return found


def at(case: Case, rest: str = "") -> str:
    return f"/desk/cases/{case.number}/{rest}"


def page(client: Any, case: Case) -> str:
    answer = client.get(at(case))
    assert answer.status_code == 200
    return answer.content.decode()


def drafted(desk: Any, case: Case, fen: int = 38_000, **more: Any) -> Option:
    items = [Item("economic", {"price_fen": fen})] if fen else []
    given = {"kinds": ["apology"], "items": items, **more}
    draft = resolution.Draft("补偿并道歉", "按标准补偿。", **given)
    return resolution.draft_option(case, draft, by=desk.agent, at=desk.now)


def settled(desk: Any, case: Case, fen: int = 38_000) -> execution.Measure:
    """The case in execution with one measure of `fen`."""
    option = drafted(desk, case, fen)
    resolution.choose(option, "最合适", by=desk.agent, at=desk.now)
    for step in approval.propose(option, by=desk.agent, at=desk.now):
        approval.approve(step, by=desk.supervisor, at=desk.now)
    resolution.offer(option, by=desk.agent, at=desk.now)
    resolution.answer(option, "accept", by=case.customer, at=desk.now)
    due = desk.now + timedelta(days=30)
    planned = execution.Plan("compensation" if fen else "apology", "按方案办理", due, desk.agent, None, fen)
    measure = execution.plan(option, planned, by=desk.agent, at=desk.now)
    resolution.settle(case, by=desk.agent, at=desk.now)
    return measure


# The whole way


def test_from_the_first_draft_to_carried_out(desk, case, client):
    client.force_login(desk.agent)
    assert "拟定第一个方案" in page(client, case)
    assert client.get(at(case, "options/new/")).status_code == 200
    told = {**DRAFT, "title": f"补偿 {SCRIPT}", "what": f"补偿 {SCRIPT}", "success": SCRIPT}
    assert client.post(at(case, "options/new/"), told).status_code == 302
    option = case.options.get()
    assert option.amount_fen == 38_000
    shown = page(client, case)
    assert SCRIPT not in shown and "提交后须由这些人审批" in shown and "客服主管" in shown

    assert client.post(at(case, f"options/{option.pk}/choice/"), {"why": SCRIPT}).status_code == 302
    assert client.post(at(case, f"options/{option.pk}/offer/")).status_code == 409  # nobody promises what is not signed
    assert client.post(at(case, f"options/{option.pk}/approval/")).status_code == 302
    assert client.post(at(case, f"options/{option.pk}/approval/")).status_code == 409
    step = Approval.objects.get()

    client.force_login(desk.supervisor)
    listed = client.get("/desk/approvals/").content.decode()
    assert "380.00" in listed and "张敏 提出" in listed
    signing = client.get(f"/desk/approvals/{step.pk}/").content.decode()
    assert "人民币叁佰捌拾元整" in signing and "380.00 元" in signing and SCRIPT not in signing
    assert "净化器用了三天就不出风。要求退款并补偿。" in signing and "否则投诉到底" not in signing
    decision = {"verdict": "approve", "words": "同意"}
    assert client.post(f"/desk/approvals/{step.pk}/decision/", decision).status_code == 302
    assert client.post(f"/desk/approvals/{step.pk}/decision/", decision).status_code == 302  # tapped twice
    step.refresh_from_db()
    assert step.state == "approved" and step.words == "同意" and step.decided_by == desk.supervisor
    assert "没有等您审批的事" in client.get("/desk/approvals/").content.decode()

    client.force_login(desk.agent)
    assert client.post(at(case, f"options/{option.pk}/offer/")).status_code == 302
    letter = re.search(r'<li class="([^"]*)" id="e\d+">(?:(?!</li>).)*请您确认处理方案', page(client, case), re.S)
    assert letter and letter[1] == "from-us", "what the customer is sent looks like it in the story"
    answer = {"verdict": "refuse", "channel": "phone", "words": ""}
    assert client.post(at(case, f"options/{option.pk}/answer/"), answer).status_code == 422  # a refusal has words
    answer["verdict"] = "accept"
    assert client.post(at(case, f"options/{option.pk}/answer/"), answer).status_code == 302
    refused = client.post(at(case, "acts/settle/"))
    assert refused.status_code == 409 and "措施" in refused.content.decode()
    solve = Clock.objects.filter(case=case, kind="solve")
    for due, filled in ((datetime(2031, 3, 4, 2, tzinfo=UTC), True), (datetime(2021, 3, 4, 2, tzinfo=UTC), False)):
        assert solve.update(due_at=due) == 1
        # Until then it is done, unless said otherwise; a promise that is broken is no proposal.
        assert (f'value="{due.year}-03-04T10:00"' in page(client, case)) is filled
    measure = {**PLAN, "what": f"转账 {SCRIPT}", "owner": desk.agent.pk}
    assert client.post(at(case, f"options/{option.pk}/measures/"), measure | {"amount": "381"}).status_code == 422
    assert client.post(at(case, f"options/{option.pk}/measures/"), measure).status_code == 302
    assert client.post(at(case, "acts/settle/")).status_code == 302
    case.refresh_from_db()
    assert case.stage == "execution" and SCRIPT not in page(client, case)

    planned = case.measures.get()
    payment = {"payee": "王小明", "amount": "380", "method": "bank", "reference": "HK1", "key": "k1"}
    assert client.post(at(case, f"measures/{planned.pk}/payment/"), payment).status_code == 403  # proposed it
    client.force_login(desk.senior)
    assert client.post(at(case, f"measures/{planned.pk}/payment/"), payment | {"payee": "别人"}).status_code == 422
    for _press in range(2):
        assert client.post(at(case, f"measures/{planned.pk}/payment/"), payment).status_code == 302
    assert option.payments.count() == 1
    payment |= {"key": "k2", "reference": "HK2"}
    assert client.post(at(case, f"measures/{planned.pk}/payment/"), payment).status_code == 409
    client.force_login(desk.agent)
    assert client.post(at(case, "acts/carry_out/")).status_code == 409
    proof = SimpleUploadedFile("回单.txt", "银行回单 HK1".encode())
    told = {"proof": f"已到账 {SCRIPT}", "files": proof}
    assert client.post(at(case, f"measures/{planned.pk}/done/"), told).status_code == 302
    planned.refresh_from_db()
    assert planned.state == "done" and planned.evidence.name == "回单.txt"
    printed = client.get(at(case, "plan/")).content.decode()
    assert "客户投诉处理单" in printed and "签名" in printed and "客服主管" in printed and SCRIPT not in printed
    assert client.post(at(case, "acts/carry_out/")).status_code == 302
    case.refresh_from_db()
    assert case.stage == "reply"


# Drafting


def test_the_calculator_explains_each_line_and_keeps_nothing(desk, case, client):
    client.force_login(desk.agent)
    answer = client.post(at(case, "options/sums/"), DRAFT, **HTMX).content.decode()
    assert "380.00 元" in answer and "客服主管" in answer and "<html" not in answer
    over = client.post(at(case, "options/sums/"), {**DRAFT, "item.economic.amount": "999"}, **HTMX).content.decode()
    assert "超出补偿标准" in over and "部门经理" in over
    wrong = client.post(at(case, "options/sums/"), {**DRAFT, "item.economic.price_fen": "abc"}, **HTMX).content.decode()
    assert "金额" in wrong and "trap" in wrong
    assert "没有保存" in client.post(at(case, "options/sums/"), DRAFT).content.decode()  # without script
    assert not case.options.exists()


def test_above_the_table_a_reason_is_owed_and_the_form_keeps_what_was_typed(desk, case, client):
    client.force_login(desk.agent)
    told = {**DRAFT, "item.economic.amount": "999", "what": "我写了很久的内容"}
    answer = client.post(at(case, "options/new/"), told)
    assert answer.status_code == 422 and "我写了很久的内容" in answer.content.decode()
    assert client.post(at(case, "options/new/"), told | {"over_reason": "二次上门"}).status_code == 302
    assert case.options.get().over_table


def test_scores_are_all_five_or_none_and_the_matrix_shows_them(desk, case, client):
    client.force_login(desk.agent)
    scores = {f"score.{c}": "4" for c in ("satisfaction", "ease", "cost", "benefit")}
    assert client.post(at(case, "options/new/"), {**DRAFT, **scores}).status_code == 422
    assert client.post(at(case, "options/new/"), {**DRAFT, **scores, "score.risk": "4"}).status_code == 302
    client.post(at(case, "options/new/"), {**DRAFT, "title": "只道歉", "item.economic": ""})
    shown = page(client, case)
    assert "4.00" in shown and "加权得分" in shown
    assert shown.count('data-label="只道歉"') == 6  # on a phone each question is a card: five and their sum
    worse = case.options.get(title="只道歉")
    assert client.post(at(case, f"options/{worse.pk}/choice/")).status_code == 422  # a better one needs a reason
    assert client.post(at(case, f"options/{worse.pk}/choice/"), {"why": "客户只要道歉"}).status_code == 302


def test_an_option_is_changed_and_withdrawn(desk, case, client):
    client.force_login(desk.agent)
    option = drafted(desk, case)
    assert "补偿并道歉" in client.get(at(case, f"options/{option.pk}/")).content.decode()
    assert client.post(at(case, f"options/{option.pk}/"), {**DRAFT, "title": ""}).status_code == 422
    assert client.post(at(case, f"options/{option.pk}/"), {**DRAFT, "title": "换一个名字"}).status_code == 302
    option.refresh_from_db()
    assert option.title == "换一个名字"
    assert client.post(at(case, f"options/{option.pk}/withdrawal/"), {"reason": " "}).status_code == 422
    assert client.post(at(case, f"options/{option.pk}/withdrawal/"), {"reason": "客户撤了"}).status_code == 302
    assert client.post(at(case, f"options/{option.pk}/withdrawal/"), {"reason": "再撤"}).status_code == 409


# Signing


def test_who_may_not_sign_is_told_why(desk, case, client):
    option = drafted(desk, case)
    (step,) = approval.propose(option, by=desk.agent, at=desk.now)
    client.force_login(desk.agent)
    assert "没有等您审批的事" in client.get("/desk/approvals/").content.decode()
    assert "由他人审批" in client.get(f"/desk/approvals/{step.pk}/").content.decode()
    assert client.post(f"/desk/approvals/{step.pk}/decision/", {"verdict": "approve"}).status_code == 403
    client.force_login(desk.liaison)  # sees the case, may not approve at all
    assert client.post(f"/desk/approvals/{step.pk}/decision/", {"verdict": "approve"}).status_code == 403
    client.force_login(desk.east_supervisor)
    assert client.get(f"/desk/approvals/{step.pk}/").status_code == 404
    assert client.post(f"/desk/approvals/{step.pk}/decision/", {"verdict": "approve"}).status_code == 404
    step.refresh_from_db()
    assert step.state == "waiting"


def test_sending_back_needs_a_reason(desk, case, client):
    (step,) = approval.propose(drafted(desk, case), by=desk.agent, at=desk.now)
    client.force_login(desk.supervisor)
    assert client.post(f"/desk/approvals/{step.pk}/decision/", {"verdict": "return"}).status_code == 422
    told = {"verdict": "return", "words": f"太多 {SCRIPT}"}
    assert client.post(f"/desk/approvals/{step.pk}/decision/", told).status_code == 302
    assert case.options.get().state == "returned"
    assert "已有结论" in client.get(f"/desk/approvals/{step.pk}/").content.decode()
    shown = page(client, case)
    assert "太多" in shown and SCRIPT not in shown


def test_an_override_is_justified_later_and_listed_until_then(desk, case, client):
    option = drafted(desk, case)
    approval.propose(option, by=desk.agent, at=desk.now)
    client.force_login(desk.agent)
    assert client.post(at(case, f"options/{option.pk}/override/"), {"reason": "漏电"}).status_code == 403
    client.force_login(desk.manager)
    assert client.post(at(case, f"options/{option.pk}/override/"), {"reason": ""}).status_code == 422
    assert client.post(at(case, f"options/{option.pk}/override/"), {"reason": f"漏电 {SCRIPT}"}).status_code == 302
    made = override.Override.objects.get()
    listed = client.get("/desk/approvals/").content.decode()
    assert "待补交的越级说明" in listed and SCRIPT not in listed
    assert client.get(f"/desk/approvals/overrides/{made.pk}/").status_code == 200
    assert client.post(at(case, f"overrides/{made.pk}/"), {"words": "当时来不及"}).status_code == 422  # no evidence
    told = {"words": "当时来不及", "files": SimpleUploadedFile("说明.txt", "现场记录".encode()), "to": "approvals"}
    answer = client.post(at(case, f"overrides/{made.pk}/"), told)
    assert answer.status_code == 302 and answer["Location"] == "/desk/approvals/"
    assert "待补交的越级说明" not in client.get("/desk/approvals/").content.decode()
    assert client.get(f"/desk/approvals/overrides/{made.pk}/").status_code == 404


def test_the_list_costs_the_same_for_one_and_for_many(desk, client, django_assert_max_num_queries):
    for n in range(4):
        claims = {"order_fen": 100_000, "phone": f"1390000100{n}", "name": f"客户{n}"}
        found = desk.triages(desk.receives(f"第 {n} 台净化器不出风，要求退款。", **claims))
        record(found, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution", "liability": "ours"})
        approval.propose(drafted(desk, found), by=desk.agent, at=desk.now)
    client.force_login(desk.supervisor)
    client.get("/desk/approvals/")
    with django_assert_max_num_queries(40):
        listed = client.get("/desk/approvals/").content.decode()
    assert listed.count("sign-row") == 4


# Carrying out


def test_a_change_of_what_was_agreed_needs_the_customers_consent(desk, case, client):
    measure = settled(desk, case)
    client.force_login(desk.agent)
    told = {**PLAN, "what": "改为赠送滤芯", "owner": desk.agent.pk}
    assert client.post(at(case, f"measures/{measure.pk}/"), told).status_code == 422
    consent = {"consent_by": "王小明", "consent_channel": "phone", "consent_at": "2026-11-16T10:00"}
    assert client.post(at(case, f"measures/{measure.pk}/"), told | consent).status_code == 302
    measure.refresh_from_db()
    assert measure.what == "改为赠送滤芯"
    assert client.post(at(case, f"measures/{measure.pk}/cancel/"), {"reason": "不要了"}).status_code == 422
    assert client.post(at(case, f"measures/{measure.pk}/cancel/"), {"reason": "不要了", **consent}).status_code == 302


def test_a_refused_completion_leaves_no_file_behind(desk, case, client):
    measure = settled(desk, case)
    client.force_login(desk.agent)
    told = {"proof": "已做", "files": SimpleUploadedFile("回单.txt", b"not paid")}
    assert client.post(at(case, f"measures/{measure.pk}/done/"), told).status_code == 409  # not paid yet
    assert not case.evidence.exists()


def test_an_old_page_cannot_settle_and_back_is_a_move_with_a_reason(desk, case, client):
    settled(desk, case)
    client.force_login(desk.agent)
    assert client.post(at(case, "acts/carry_out/"), {"version": case.version - 1}).status_code == 409
    assert client.post(at(case, "acts/back_to_resolution/"), {"reason": ""}).status_code == 422
    assert client.post(at(case, "acts/back_to_resolution/"), {"reason": "客户改主意"}).status_code == 302
    case.refresh_from_db()
    assert case.stage == "resolution"


def test_the_plan_sheet_is_printed_empty_before_anything_is_chosen(desk, case, client):
    client.force_login(desk.agent)
    printed = client.get(at(case, "plan/")).content.decode()
    assert "尚未选定方案" in printed and "138****1234" in printed and "13800001234" not in printed
    client.force_login(desk.east_agent)
    assert client.get(at(case, "plan/")).status_code == 404


def test_rows_of_another_case_are_not_found(desk, case, client):
    mine = drafted(desk, case)
    other = investigated_other(desk)
    client.force_login(desk.agent)
    assert client.post(at(other, f"options/{mine.pk}/choice/")).status_code == 404
    assert client.get(at(other, f"options/{mine.pk}/")).status_code == 404
    assert client.post(at(other, f"options/{mine.pk}/measures/"), {"kind": "apology"}).status_code == 404


def investigated_other(desk: Any) -> Case:
    found = desk.triages(desk.receives("空调漏水，要求上门。", phone="13900000009", name="李雷"))
    record(found, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution", "liability": "ours"})
    return found


def test_nobody_else_drafts(desk, case, client):
    assert client.get(at(case, "options/new/")).status_code == 302
    client.force_login(desk.relationship)  # on the case's line, but has no part in solutions
    assert client.get(at(case, "options/new/")).status_code == 403
    assert client.post(at(case, "options/new/"), DRAFT).status_code == 403
    assert "lock" in page(client, case) or "没有「拟定方案」的权限" in page(client, case)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("漏水了。要换新！还要赔。", "漏水了。要换新！"),
        ("没有标点", "没有标点"),
        ("", ""),
        ("第一行\n第二行。第三句。", "第一行 第二行。第三句。"),
    ],
)
def test_a_story_in_two_sentences(text, told):
    assert two_sentences(text) == told
