"""The usual traps of an analysis of causes, as sums over words."""

from __future__ import annotations

import pytest

from wenguo.cases.causes import blames_a_person, restates


@pytest.mark.parametrize(
    "text",
    [
        "员工粗心",
        "人的疏忽",
        "坐席责任心不强",
        "员工个人原因",
        "安装工没注意",
        "因为当班人员一时大意",
        "疏忽大意",
        "客服态度不好",
        "经办人忘记登记",
        "个人 原因",
        "人为失误",
    ],
)
def test_a_cause_that_stops_at_a_person_is_recognised(text: str) -> None:
    assert blames_a_person(text)


@pytest.mark.parametrize(
    "text",
    [
        "作业指导书没有写明卡扣方向",
        "员工出错时系统没有提示",  # names what did not stop it
        "人员失误没有复核环节拦住",
        "新员工没有经过培训，容易出错",
        "高峰期人手不足",
        "供应商更改材料没有通知我方",
        "客户误读了说明书",
        "检验标准漏检",
        "",
    ],
)
def test_a_cause_that_goes_on_to_what_can_be_changed_is_not(text: str) -> None:
    assert not blames_a_person(text)


@pytest.mark.parametrize(
    ("text", "problem", "is_it"),
    [
        ("洗衣机漏水", "洗衣机漏水，要求换新", True),
        ("洗衣機漏水!", "洗衣机漏水，要求换新", True),
        ("排水管接头密封圈老化", "洗衣机漏水，要求换新", False),
        ("洗衣机漏水是因为排水管接头密封圈老化", "洗衣机漏水，要求换新", False),
        ("水", "洗衣机漏水", False),
        ("", "洗衣机漏水", False),
        ("漏水", "", False),
    ],
)
def test_a_cause_that_only_says_the_problem_again_is_recognised(text: str, problem: str, is_it: bool) -> None:
    assert restates(text, problem) is is_it
