"""Signing with a thumb: what similar cases got, told honestly, and a question before the signature."""

from __future__ import annotations

from typing import Any

import pytest
from tests.doors.visitor import at_desk

from wenguo.cases import approval, resolution
from wenguo.cases.approval import Approval
from wenguo.cases.case import Case, record
from wenguo.cases.notice import Notice
from wenguo.cases.option import Option
from wenguo.cases.quote import Item
from wenguo.insight.awards import Awards, past_awards
from wenguo.people.actor import SYSTEM

FUNCTION = "product.function"


def given_before(desk: Any, fen: int, category: str = FUNCTION, level: int = 3) -> None:
    """A closed case in which so much was given."""
    case = desk.receives("净化器不出风", phone=f"139{Case.objects.count():08}")
    columns = {"stage": "closed", "outcome": "resolved", "category": category, "level": level, "closed_at": desk.now}
    record(case, "case.closed", by=SYSTEM, at=desk.now, set=columns)
    Option.objects.create(
        case=case, round=1, title="补偿", kinds=["compensation"], what="补偿", amount_fen=fen, state="carried",
        drafted_by=desk.agent, drafted_at=desk.now,
    )  # fmt: skip


def proposed(desk: Any, fen: int = 38_000) -> Approval:
    """A step that waits for the supervisor."""
    case = desk.triages(desk.receives("净化器用了三天就不出风。要求退款并补偿。", order_fen=199_900))
    record(case, "case.concluded", by=SYSTEM, at=desk.now, set={"stage": "resolution", "liability": "ours"})
    draft = resolution.Draft("补偿并道歉", "按标准补偿。", items=[Item("economic", {"price_fen": fen})])
    option = resolution.draft_option(case, draft, by=desk.agent, at=desk.now)
    return approval.propose(option, by=desk.agent, at=desk.now)[0]


@pytest.mark.parametrize(
    ("fen", "span", "median", "low", "high"),
    [
        ([], None, None, "unknown", "unknown"),
        ([100, 200, 300, 400], None, None, "unknown", "unknown"),
        ([100, 200, 300, 400, 500], (100, 500), 300, "below", "above"),
        ([100] * 3 + [300] * 3, (100, 300), 200, "below", "above"),
        (
            sorted([1, *[1_000] * 18, 9_999]),
            (1_000, 1_000),
            1_000,
            "below",
            "above",
        ),  # one freak at each end is left out
    ],
)
def test_the_usual_range_is_told_only_where_there_are_enough(fen, span, median, low, high):
    awards = Awards(fen, "")
    assert (awards.span, awards.median) == (span, median)
    assert awards.place(0) == low and awards.place(100_000) == high


def test_it_widens_only_where_the_same_kind_is_too_rare(desk):
    case = proposed(desk).option.case
    assert (past_awards(case, desk.now).n, past_awards(case, desk.now).like) == (0, "同类同级")
    for fen in (10_000, 20_000, 30_000):
        given_before(desk, fen)
    assert (past_awards(case, desk.now).n, past_awards(case, desk.now).like) == (3, "同类同级")
    for fen in (5_000, 6_000):
        given_before(desk, fen, level=4)
    assert list(past_awards(case, desk.now).fen) == [5_000, 6_000, 10_000, 20_000, 30_000]
    assert past_awards(case, desk.now).like == "同类、各等级"
    for fen in (40_000, 50_000):
        given_before(desk, fen)
    assert list(past_awards(case, desk.now).fen) == [10_000, 20_000, 30_000, 40_000, 50_000]
    given_before(desk, 1, category="service.attitude")
    assert past_awards(case, desk.now).n == 5


def test_the_approver_sees_the_range_and_where_this_one_lies(desk, django_assert_max_num_queries):
    step = proposed(desk)
    client = at_desk(desk.supervisor)
    page = f"/desk/approvals/{step.pk}/"
    assert "还没有可以相比的办结案件" in client.get(page).content.decode()
    given_before(desk, 10_000)
    assert "只有 1 件，不足以说明通常的范围" in client.get(page).content.decode()
    for fen in (12_000, 14_000, 16_000, 18_000):
        given_before(desk, fen)
    with django_assert_max_num_queries(25):
        body = client.get(page).content.decode()
    assert "通常 100.00 元 到 180.00 元，中位 140.00 元" in body and "高于通常范围" in body
    assert 'class="range-here"' in body and 'role="img"' in body


def test_a_question_goes_to_the_proposer_and_back_before_anything_is_decided(desk):
    step = proposed(desk)
    signer, author = at_desk(desk.supervisor), at_desk(desk.agent)
    page, decide = f"/desk/approvals/{step.pk}/", f"/desk/approvals/{step.pk}/decision/"
    assert signer.post(decide, {"verdict": "ask", "words": ""}).status_code == 422
    asked = {"verdict": "ask", "words": "为什么不是换新？<script>alert(1)</script>"}
    for _tap in range(2):
        assert signer.post(decide, asked)["Location"] == page
    step.refresh_from_db()
    case = Case.objects.get(pk=step.option.case_id)
    assert step.state == "waiting" and desk.timeline(case).count("approval.question") == 1
    assert Notice.objects.filter(person=desk.agent, kind="approval.question").count() == 1
    shown = author.get(page).content.decode()
    assert "为什么不是换新" in shown and "<script>alert" not in shown and "答复审批人" in shown
    assert "答复审批人" not in signer.get(page).content.decode()
    on_case = author.get(f"/desk/cases/{case.number}/").content.decode()
    assert f'href="{page}#sign-talk"' in on_case and "审批人有询问，去答复" in on_case
    assert "已提问，待答复" in signer.get("/desk/approvals/").content.decode()

    answer = f"/desk/approvals/{step.pk}/explanation/"
    assert author.post(answer, {"words": ""}).status_code == 422
    for _tap in range(2):
        assert author.post(answer, {"words": "客户只要补偿"}).status_code == 302
    assert desk.timeline(case).count("approval.explained") == 1
    assert Notice.objects.filter(person=desk.supervisor, kind="approval.explained").count() == 1
    assert "客户只要补偿" in signer.get(page).content.decode()
    assert "去答复" not in author.get(f"/desk/cases/{case.number}/").content.decode()
    assert "提问已答复" in signer.get("/desk/approvals/").content.decode()

    assert at_desk(desk.east_agent).post(answer, {"words": "路过"}).status_code == 404
    assert author.post(decide, asked).status_code == 403  # nobody questions their own
    assert signer.post(decide, {"verdict": "approve"}).status_code == 302
    assert signer.post(decide, asked).status_code == 409


def test_an_answer_needs_a_question(desk):
    step = proposed(desk)
    assert at_desk(desk.agent).post(f"/desk/approvals/{step.pk}/explanation/", {"words": "无人问"}).status_code == 409


def test_the_approver_sees_what_is_left_of_the_budget(desk):
    step = proposed(desk)
    page = f"/desk/approvals/{step.pk}/"
    signer, admin = at_desk(desk.supervisor), at_desk(desk.admin)
    assert "sign-budget" not in signer.get(page).content.decode()
    unit = step.option.case.unit or step.option.case.intake_unit
    form = {
        "code": unit.code, "title": unit.title, "kind": unit.kind, "function": unit.function, "region": unit.region,
        "calendar": unit.calendar, "phone": unit.phone, "parent": unit.parent_id or "", "budget_every": "month",
    }  # fmt: skip
    wrong = admin.post(f"/desk/admin/units/{unit.pk}/", {**form, "budget_fen": "-1"})
    assert wrong.status_code == 422 and "应为不小于 0 的金额" in wrong.content.decode()
    admin.post(f"/desk/admin/units/{unit.pk}/", {**form, "budget_fen": "1,000.00"})
    told = signer.get(page).content.decode()
    assert "剩 1,000.00 元 / 1,000.00 元" in told and "本件用 380.00 元，批准后剩 620.00 元" in told
    admin.post(f"/desk/admin/units/{unit.pk}/", {**form, "budget_fen": "300"})
    assert "批准本件将超出预算 80.00 元" in signer.get(page).content.decode()
