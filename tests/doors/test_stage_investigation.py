"""The investigation through its doors: what is written is kept and shown, what is wrong is said, others stay out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from wenguo.cases import causes, investigation, report
from wenguo.cases.case import Case

LEAK = "你们的洗衣机用了三天就漏水，地板泡坏了，要求换新并赔偿地板。"
SCRIPT = "<script>alert(1)</script>"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def leak(desk: Any) -> Case:
    """A level-3 complaint in investigation at the agent's own desk."""
    return desk.triages(desk.receives(LEAK, product="洗衣机 W8", mail="wang@example.com"))


def at(case: Case, rest: str = "") -> str:
    return f"/desk/cases/{case.number}/{rest}"


def page(client: Any, case: Case) -> str:
    answer = client.get(at(case))
    assert answer.status_code == 200
    return answer.content.decode()


def fact(desk: Any, case: Case, **more: Any) -> investigation.Fact:
    given = {"source": "inspection", "state": "confirmed", "key": True, **more}
    return investigation.add_fact(case, "why", "排水管接头密封圈破损", by=desk.agent, at=desk.now, **given)


def test_a_fact_is_written_down_changed_and_shown_with_its_source(desk, leak, client):
    client.force_login(desk.agent)
    assert "何时" in page(client, leak)
    told = {"aspect": "why", "text": f"密封圈破损 {SCRIPT}", "source": "inspection", "state": "confirmed", "key": "1"}
    assert client.post(at(leak, "facts/"), told).status_code == 302
    found = leak.facts.get()
    assert found.key and found.state == "confirmed"
    shown = page(client, leak)
    assert SCRIPT not in shown and "&lt;script&gt;" in shown

    told |= {"text": "密封圈老化", "state": "doubtful", "fact_version": found.version, "key": ""}
    assert client.post(at(leak, f"facts/{found.pk}/"), told).status_code == 302
    found.refresh_from_db()
    assert (found.text, found.state, found.key) == ("密封圈老化", "doubtful", False)
    told["text"] = "来晚了"
    assert client.post(at(leak, f"facts/{found.pk}/"), told).status_code == 409  # made from an older version
    found.refresh_from_db()
    assert found.text == "密封圈老化"


def test_a_refused_fact_says_what_is_wrong_beside_the_field(desk, leak, client):
    client.force_login(desk.agent)
    answer = client.post(at(leak, "facts/"), {"aspect": "why", "text": "漏水", "state": "confirmed"}, **HTMX)
    assert answer.status_code == 422 and "source" in answer["HX-Trigger"]
    assert client.post(at(leak, "facts/"), {"aspect": "moon", "text": "漏水"}).status_code == 422
    assert client.post(at(leak, "facts/"), {"aspect": "why", "text": " "}).status_code == 422
    assert not leak.facts.exists()


def test_with_htmx_the_section_is_swapped_and_what_depends_on_it_rides_along(desk, leak, client):
    client.force_login(desk.agent)
    answer = client.post(at(leak, "facts/"), {"aspect": "why", "text": "密封圈破损"}, **HTMX)
    body = answer.content.decode()
    assert answer["HX-Retarget"] == "#inv-facts" and "密封圈破损" in body
    assert 'hx-swap-oob="true" id="inv-finding"' in body and 'id="case-next"' in body


def test_a_checklist_line_is_ticked_once_and_taken_back(desk, leak, client):
    client.force_login(desk.agent)
    line = investigation.board(leak).checklists[0].lines[0]
    told = {"checklist": line.checklist, "item": line.code, "done": "1"}
    client.post(at(leak, "ticks/"), told)
    client.post(at(leak, "ticks/"), told)
    assert leak.ticks.count() == 1
    client.post(at(leak, "ticks/"), told | {"done": ""})
    assert leak.ticks.count() == 0
    assert client.post(at(leak, "ticks/"), told | {"item": "nothing"}).status_code == 422


def test_a_department_is_asked_answers_and_the_request_is_over(desk, leak, client):
    client.force_login(desk.agent)
    asked = {"unit": desk.units["zl"].pk, "question": f"密封圈批次合格吗 {SCRIPT}"}
    assert client.post(at(leak, "requests/"), asked).status_code == 302
    request = leak.info_requests.get()
    assert request.unit == desk.units["zl"] and SCRIPT not in page(client, leak)
    assert client.post(at(leak, "requests/"), {"question": "给谁?"}).status_code == 422

    client.force_login(desk.repairer)  # not the department that was asked, and not on the case
    assert client.post(at(leak, f"requests/{request.pk}/answer/"), {"answer": "合格"}).status_code == 404
    client.force_login(desk.quality)
    assert client.post(at(leak, f"requests/{request.pk}/answer/"), {"answer": "该批次抽检不合格"}).status_code == 302
    request.refresh_from_db()
    assert request.state == "answered"
    assert client.post(at(leak, f"requests/{request.pk}/answer/"), {"answer": "再答一次"}).status_code == 409


def test_a_request_is_cancelled_with_a_reason_and_a_colleague_can_be_asked(desk, leak, client):
    client.force_login(desk.agent)
    client.post(at(leak, "requests/"), {"person": desk.other_agent.pk, "question": "谁接的第一个电话?"})
    request = leak.info_requests.get()
    assert request.person == desk.other_agent
    assert client.post(at(leak, f"requests/{request.pk}/cancel/"), {"reason": ""}).status_code == 422
    assert client.post(at(leak, f"requests/{request.pk}/cancel/"), {"reason": "已查到录音"}).status_code == 302
    request.refresh_from_db()
    assert request.state == "cancelled"


def test_the_customer_is_asked_once_for_everything(desk, leak, client):
    client.force_login(desk.agent)
    told = {"questions": "请拍下漏水的位置\n地板的购买凭证", "pause": "1"}
    assert client.post(at(leak, "requests/customer/"), told).status_code == 302
    assert client.post(at(leak, "requests/customer/"), told).status_code == 409
    assert leak.info_requests.filter(to_customer=True).count() == 1


def test_whys_and_bones_are_drawn_warned_about_changed_and_removed(desk, leak, client):
    client.force_login(desk.agent)
    client.post(at(leak, "causes/"), {"text": f"安装师傅疏忽大意 {SCRIPT}", "weight": "2"})
    node = leak.causes.get()
    shown = page(client, leak)
    assert "<svg" in shown and "疏忽" in shown and "trap" in shown and SCRIPT not in shown
    root = {"text": node.text, "root": "1", "weight": "2"}
    assert client.post(at(leak, f"causes/{node.pk}/"), root).status_code == 422  # carelessness is no root cause
    client.post(at(leak, "causes/"), {"text": "安装流程没有试机一步", "parent": node.pk, "evidence": "安装规程第 3 版"})
    deeper = leak.causes.get(parent=node)
    told = {"text": "安装规程没有规定试机", "evidence": "安装规程第 3 版", "verified": "1", "root": "1"}
    assert client.post(at(leak, f"causes/{deeper.pk}/"), told).status_code == 302
    assert causes.has_root_cause(leak)
    assert client.post(at(leak, f"causes/{node.pk}/remove/")).status_code == 409  # something hangs on it
    assert client.post(at(leak, f"causes/{deeper.pk}/remove/")).status_code == 302
    client.post(at(leak, "causes/"), {"text": "密封圈来料偏硬", "bone": "material"})
    assert leak.causes.filter(kind="bone").count() == 1
    printed = client.get(at(leak, "causes/print/")).content.decode()
    assert "<svg" in printed and "密封圈来料偏硬" in printed


def test_the_cause_is_coded_from_the_table_only(desk, leak, client):
    client.force_login(desk.agent)
    assert client.post(at(leak, "causes/code/"), {"cause": "moon.dust"}).status_code == 422
    assert client.post(at(leak, "causes/code/"), {"cause": "material.incoming"}).status_code == 302
    leak.refresh_from_db()
    assert leak.cause == "material.incoming"


FINDING = {"substantiated": "full", "liability": "ours", "cause": "material.incoming", "explanation": "来料不合格"}


def test_a_finding_rests_on_facts_and_an_old_page_is_overtaken(desk, leak, client):
    client.force_login(desk.agent)
    basis = fact(desk, leak)
    answer = client.post(at(leak, "findings/"), {**FINDING, "cause": ""}, **HTMX)
    assert answer.status_code == 422 and "basis" in answer["HX-Trigger"] and "cause" in answer["HX-Trigger"]
    leak.refresh_from_db()
    told = {**FINDING, "basis": basis.pk, "explanation": f"来料不合格 {SCRIPT}", "version": leak.version}
    assert client.post(at(leak, "findings/"), told).status_code == 302
    leak.refresh_from_db()
    assert leak.liability == "ours" and SCRIPT not in page(client, leak)
    assert client.post(at(leak, "findings/"), told).status_code == 409  # the second press comes from the page before
    assert leak.findings.count() == 1


def test_who_is_not_at_fault_owes_the_customer_words(desk, leak, client):
    client.force_login(desk.agent)
    told = {"substantiated": "none", "liability": "none", "explanation": "人为损坏", "basis": fact(desk, leak).pk}
    answer = client.post(at(leak, "findings/"), told, **HTMX)
    assert answer.status_code == 422 and "for_customer" in answer["HX-Trigger"]


def test_the_report_is_made_edited_submitted_signed_by_another_and_printed(desk, leak, client):
    client.force_login(desk.agent)
    client.post(at(leak, "findings/"), {**FINDING, "basis": fact(desk, leak).pk})
    assert client.post(at(leak, "reports/")).status_code == 302
    made = leak.reports.get()
    assert client.post(at(leak, f"reports/{made.pk}/submit/")).status_code == 409  # opinion and prevention are owed
    told = {"opinion": f"更换新机 {SCRIPT}", "prevention": "加严抽检", "report_version": made.version}
    assert client.post(at(leak, f"reports/{made.pk}/"), told).status_code == 302
    assert client.post(at(leak, f"reports/{made.pk}/"), told | {"opinion": "旧页"}).status_code == 409
    assert client.post(at(leak, f"reports/{made.pk}/submit/")).status_code == 302
    assert client.post(at(leak, f"reports/{made.pk}/review/"), {"verdict": "approve"}).status_code == 403
    client.force_login(desk.supervisor)
    assert "审核通过" in page(client, leak)
    assert client.post(at(leak, f"reports/{made.pk}/review/"), {"verdict": "return"}).status_code == 422  # no reason
    assert client.post(at(leak, f"reports/{made.pk}/review/"), {"verdict": "approve"}).status_code == 302
    made.refresh_from_db()
    assert made.state == report.Report.State.APPROVED and made.reviewer == desk.supervisor
    printed = client.get(at(leak, f"reports/{made.pk}/print/")).content.decode()
    assert leak.number in printed and "加严抽检" in printed and desk.supervisor.name in printed
    assert SCRIPT not in printed
    assert client.get(at(leak, "reports/999999/print/")).status_code == 404


def test_the_investigation_ends_through_its_gates(desk, leak, client):
    client.force_login(desk.agent)
    refused = client.post(at(leak, "acts/conclude/"))
    assert refused.status_code == 409 and "责任认定" in refused.content.decode()
    assert client.post(at(leak, "acts/skip/"), {"reason": "事实清楚"}).status_code == 409  # too grave to skip
    slight = desk.triages(desk.receives("说明书有错别字，建议改正。", phone="13900000001"), level=4)
    assert client.post(at(slight, "acts/skip/"), {"reason": "事实清楚"}).status_code == 302
    slight.refresh_from_db()
    assert slight.stage == "resolution"
    client.post(at(slight, "acts/back_to_investigation/"), {"reason": "还要核实"})
    slight.refresh_from_db()
    assert slight.stage == "investigation"


ACTS = ["facts/", "requests/", "requests/customer/", "causes/", "causes/code/", "findings/", "reports/", "ticks/"]


@pytest.mark.parametrize("rest", ACTS)
def test_nobody_else_gets_in(desk, leak, client, rest):
    told = {
        "aspect": "why", "text": "x", "question": "x", "questions": "x", "unit": desk.units["zl"].pk,
        "cause": "material.incoming", "checklist": "product", "item": "x", "basis": "", **FINDING,
    }  # fmt: skip
    assert client.post(at(leak, rest), told).status_code == 302  # to the sign-in page
    client.force_login(desk.east_agent)
    assert client.post(at(leak, rest), told).status_code == 404
    client.force_login(desk.liaison)
    assert client.post(at(leak, rest), told).status_code in {403, 404}
    client.force_login(desk.agent)
    assert client.get(at(leak, rest)).status_code == 405
    assert not leak.facts.exists() and not leak.causes.exists() and not leak.findings.exists()


def test_the_panel_costs_a_fixed_number_of_queries(desk, leak, client, django_assert_max_num_queries):
    from django.test.client import RequestFactory

    from wenguo.web.desk.folder import Folder
    from wenguo.web.desk.investigate import panel

    for n in range(6):
        fact(desk, leak)
        causes.add_cause(leak, f"第 {n} 个原因没有写进流程", by=desk.agent, at=desk.now)
    request = RequestFactory().get("/")
    request.user = desk.agent
    with django_assert_max_num_queries(30):
        shown = panel(request, Folder(leak, desk.agent, desk.now))
    assert shown and len(shown[1]["facts"]) == 6


def test_the_lists_of_the_standard_policy_speak_the_readers_language(desk):
    desk.now = timezone.now() - timedelta(minutes=10)
    case = desk.triages(desk.receives("空调漏电，差点起火"), category="product.safety", level=2)
    client = Client()
    client.force_login(desk.agent)
    client.cookies["django_language"] = "en"
    with override("en"):  # a request leaves its language behind
        page = client.get(f"/desk/cases/{case.number}/").content.decode()
    assert "What</span>" in page and "what happened" in page and "Note model, batch" in page
    for chinese in ("何事", "用客户的原话", "记录型号、批次", "四级"):
        assert chinese not in page, chinese
