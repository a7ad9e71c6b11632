"""The page of the models: what appears when there is none, what it says of one, who may put it in force and back."""

from __future__ import annotations

import pytest
from tests.doors.visitor import at_desk
from tests.stories.test_learning import decided_long_ago, fresh_model  # noqa: F401

from wenguo.cases import learning, model, reading
from wenguo.cases.model import ModelVersion
from wenguo.people.actor import SYSTEM

PAGE = "/desk/admin/models/"


def test_an_empty_company_is_told_what_will_appear(desk):
    page = at_desk(desk.admin).get(PAGE).content.decode()
    assert "还没有自训的模型" in page and "随附模型" in page and "人工定类的投诉件还差 200 件" in page
    assert "还没有更正" in page and "近四周还没有可比的建议" in page


def test_a_candidate_is_compared_promoted_and_taken_back(desk, django_assert_max_num_queries):
    decided_long_ago(desk, 210)
    corrected = desk.receives("灯带配对口令失效。", phone="13911112222")
    reading.read(corrected.pk, at=desk.now)
    desk.triages(corrected, category="security.account")
    made = learning.train(by=SYSTEM, at=desk.now)
    client = at_desk(desk.admin)
    client.get(PAGE)
    with django_assert_max_num_queries(14):
        page = client.get(PAGE).content.decode()
    assert f"同样 {made.held_out} 件没学过的投诉" in page and "自训第 1 版" in page and "候选" in page
    assert "样本少" in page and "95% 区间" in page and 'data-chart="heat"' in page

    assert at_desk(desk.supervisor).post(f"{PAGE}1/promote/").status_code == 403
    assert client.post(f"{PAGE}7/promote/").status_code == 404
    assert client.post(f"{PAGE}1/promote/", {"note": "试用"}).status_code == 302
    assert model.in_force().number == 1
    assert client.post(f"{PAGE}1/promote/").status_code == 409  # pressed twice
    assert client.post(f"{PAGE}0/back/").status_code == 422  # without a reason
    assert client.post(f"{PAGE}0/back/", {"reason": "误判多"}).status_code == 302
    assert model.in_force().number == 0
    assert ModelVersion.objects.get().state == "retired"
    assert "退回到自训第 1 版" in client.get(PAGE).content.decode()


@pytest.mark.parametrize("now", ["accepted", "corrected"])
def test_what_became_of_suggestions_is_counted_by_week(desk, now):
    from wenguo.insight.suggestions import corrections, weeks

    case = desk.receives("快递箱子压扁了,里面的杯子全碎了,包装就薄薄一层。", phone="13911113333")
    read = reading.read(case.pk, at=desk.now)
    assert read is not None and read.category
    decided = read.category if now == "accepted" else "service.slow"
    desk.triages(case, category=decided)
    week = weeks(desk.now)[-1]
    assert (week.read, week.accepted.n, week.accepted.k) == (1, 1, int(now == "accepted"))
    assert week.known is not None and 0 < week.known <= 1
    assert [(c.suggested, c.decided, c.n) for c in corrections()] == (
        [] if now == "accepted" else [(read.category, "service.slow", 1)]
    )
