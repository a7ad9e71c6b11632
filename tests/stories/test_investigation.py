"""What was asked, what was found, why it happened, who is answerable, and the report that says so."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, transaction

from wenguo.cases import causes, inquiry, investigation, letters, report
from wenguo.cases.case import Case, fold, plain
from wenguo.cases.clock import Clock
from wenguo.cases.evidence import Evidence
from wenguo.cases.investigation import Fact, Finding
from wenguo.cases.lifecycle import gates
from wenguo.cases.notice import Notice
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken
from wenguo.journal import Event
from wenguo.journal import verify as verify_stream

LEAK = "你们的洗衣机用了三天就漏水，地板泡坏了，要求换新并赔偿地板。"


@pytest.fixture
def leak(desk: Any) -> Case:
    """A grade-three complaint about a leaking washing machine, in investigation at the agent's own desk."""
    return desk.triages(desk.receives(LEAK, product="洗衣机 W8", mail="wang@example.com"))


def facts(desk: Any, case: Case) -> list[Fact]:
    """Both sides' statements and a confirmed key fact."""
    add = investigation.add_fact
    return [
        add(case, "what", "客户说第三天开始漏水", source="customer", by=desk.agent, at=desk.now),
        add(case, "how", "安装师傅说安装后试机未见漏水", source="staff", by=desk.agent, at=desk.now),
        add(
            case, "why", "排水管接头密封圈破损", source="inspection", state="confirmed", key=True,
            by=desk.agent, at=desk.now,
        ),
    ]  # fmt: skip


def finding(desk: Any, case: Case, basis: list[Fact], **given: Any) -> Finding:
    given = {"unit": desk.units["zl"], "cause": "material.incoming", **given}
    return investigation.find(
        case, "full", "ours", "密封圈来料不合格，属我方责任", basis=basis, by=desk.agent, at=desk.now, **given
    )


def signed_report(desk: Any, case: Case) -> report.Report:
    draft = report.draft_report(case, by=desk.agent, at=desk.now)
    report.edit(
        draft, {"opinion": "更换新机并赔偿地板", "prevention": "密封圈来料加严抽检"}, by=desk.agent, at=desk.now
    )
    report.submit(draft, by=desk.agent, at=desk.now)
    report.review(draft, True, by=desk.supervisor, at=desk.now)
    return draft


def shut(case: Case, act: str = "conclude") -> list[str]:
    return [g.words for g in gates(case, act) if not g.open]


# From the first fact to the end


def test_an_investigation_ends_when_facts_sides_finding_and_report_are_there(desk: Any, leak: Case) -> None:
    with pytest.raises(NotNow) as refused:
        investigation.conclude(leak, by=desk.agent, at=desk.now)
    assert {"作出责任认定", "登记客户陈述", "登记工作人员陈述"} <= set(refused.value.missing)

    basis = facts(desk, leak)
    finding(desk, leak, basis)
    assert shut(leak) == []
    investigation.conclude(leak, by=desk.agent, at=desk.now)

    leak.refresh_from_db()
    assert (leak.stage, leak.liability, leak.cause) == ("resolution", "ours", "material.incoming")
    assert desk.timeline(leak)[-1] == "case.concluded"
    assert Notice.objects.filter(person=desk.quality_manager, kind="case.concluded").exists()
    columns = fold(leak)
    assert all(plain(getattr(leak, name)) == value for name, value in columns.items())
    assert verify_stream(leak.stream_id).ok


def test_two_cannot_conclude_the_same_investigation(desk: Any, leak: Case) -> None:
    finding(desk, leak, facts(desk, leak))
    signed_report(desk, leak)
    other_screen = Case.objects.get(pk=leak.pk)
    investigation.conclude(leak, by=desk.agent, at=desk.now)
    with pytest.raises(Overtaken):
        investigation.conclude(other_screen, by=desk.other_agent, at=desk.now)


def test_a_graver_complaint_also_needs_its_root_cause(desk: Any) -> None:
    case = desk.triages(desk.receives(LEAK), level=2)
    finding(desk, case, facts(desk, case))
    assert shut(case) == ["完成 5-why 分析并标出根本原因", "调查报告经审核通过"]
    signed_report(desk, case)
    assert shut(case) == ["完成 5-why 分析并标出根本原因"]
    node = causes.add_cause(case, "来料抽检没有覆盖密封圈硬度", by=desk.agent, at=desk.now)
    assert shut(case) == ["完成 5-why 分析并标出根本原因"]
    causes.mark_root(node, by=desk.agent, at=desk.now)
    assert shut(case) == []


def test_a_slight_complaint_may_skip_the_investigation_and_a_graver_one_may_not(desk: Any, leak: Case) -> None:
    with pytest.raises(NotNow, match="免于调查"):
        investigation.skip(leak, "事实清楚", by=desk.agent, at=desk.now)
    slight = desk.triages(desk.receives("说明书有一个错别字，建议改正。", phone="13900000001"), level=4)
    with pytest.raises(Invalid):
        investigation.skip(slight, " \n", by=desk.agent, at=desk.now)
    investigation.skip(slight, "事实清楚，无需调查", by=desk.agent, at=desk.now)
    slight.refresh_from_db()
    assert slight.stage == "resolution"
    assert desk.timeline(slight)[-1] == "case.skipped"


def test_a_slight_complaint_under_inquiry_is_not_skipped(desk: Any) -> None:
    slight = desk.triages(desk.receives("说明书有一个错别字，建议改正。"), level=4)
    inquiry.ask(slight, "是哪一版说明书", to=desk.units["cp"], by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="等待协查答复"):
        investigation.skip(slight, "事实清楚", by=desk.agent, at=desk.now)


def test_what_was_found_stays_when_the_case_comes_back(desk: Any, leak: Case) -> None:
    finding(desk, leak, facts(desk, leak))
    signed_report(desk, leak)
    investigation.conclude(leak, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        investigation.back_to_investigation(leak, "", by=desk.agent, at=desk.now)
    investigation.back_to_investigation(leak, "客户提供了新的照片", by=desk.agent, at=desk.now)
    leak.refresh_from_db()
    assert leak.stage == "investigation"
    assert leak.facts.count() == 3
    assert shut(leak) == []


def test_whoever_may_not_investigate_is_refused(desk: Any, leak: Case) -> None:
    with pytest.raises(NotYours):
        investigation.add_fact(leak, "what", "漏水", by=desk.relationship, at=desk.now)
    with pytest.raises(NotYours):
        investigation.conclude(leak, by=desk.inspector, at=desk.now)


# Facts


def test_a_fact_has_an_aspect_a_source_and_a_state(desk: Any, leak: Case) -> None:
    fact = investigation.add_fact(
        leak, "when", "11月13日安装，15日漏水", source="order_record", state="confirmed", key=True,
        by=desk.agent, at=desk.now,
    )  # fmt: skip
    event = Event.objects.filter(stream_id=leak.stream_id).latest("seq")
    assert event.type == "fact.added"
    assert event.data["source"] == "order_record"
    assert "text" not in event.data
    assert event.private == {"text": "11月13日安装，15日漏水"}
    assert fact.state == "confirmed"
    assert Case.objects.matching("15日漏水").filter(pk=leak.pk).exists()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"aspect": "whatever"}, "aspect"),
        ({"text": " \u200b "}, "text"),
        ({"source": "rumour"}, "source"),
        ({"state": "true"}, "state"),
        ({"state": "confirmed"}, "source"),
    ],
)
def test_a_fact_that_cannot_be_used_is_refused(desk: Any, leak: Case, given: dict[str, str], field: str) -> None:
    asked: dict[str, Any] = {"aspect": "what", "text": "漏水", **given}
    with pytest.raises(Invalid) as refused:
        investigation.add_fact(leak, asked.pop("aspect"), asked.pop("text"), by=desk.agent, at=desk.now, **asked)
    assert field in refused.value.fields
    assert not leak.facts.exists()


def test_the_database_knows_no_confirmed_fact_without_source(desk: Any, leak: Case) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Fact.objects.create(case=leak, aspect="what", text="漏水", state="confirmed", at=desk.now, changed_at=desk.now)


def test_a_changed_fact_keeps_what_stood_there_in_its_event(desk: Any, leak: Case) -> None:
    fact = investigation.add_fact(leak, "what", "漏水", by=desk.agent, at=desk.now)
    other_screen = Fact.objects.get(pk=fact.pk)
    investigation.change_fact(fact, text="底部漏水", source="customer", state="doubtful", by=desk.agent, at=desk.now)
    event = Event.objects.filter(stream_id=leak.stream_id).latest("seq")
    assert event.data["before"] == {"source": "", "state": "open"}
    assert event.private == {"before": "漏水", "after": "底部漏水"}
    with pytest.raises(Overtaken):
        investigation.change_fact(other_screen, text="侧面漏水", by=desk.other_agent, at=desk.now)
    seen = len(desk.timeline(leak))
    investigation.change_fact(fact, state="doubtful", by=desk.agent, at=desk.now)
    assert len(desk.timeline(leak)) == seen


def test_evidence_of_another_case_does_not_carry_a_fact(desk: Any, leak: Case) -> None:
    other = desk.receives("遥控器没有电池", phone="13900000002")
    strange = Evidence.objects.create(
        case=other, key="k", name="a.jpg", type="image/jpeg", size=1, sha256="0" * 64, added_by="system",
        added_at=desk.now,
    )  # fmt: skip
    with pytest.raises(Invalid):
        investigation.add_fact(leak, "what", "见照片", evidence=strange, by=desk.agent, at=desk.now)


def test_an_open_key_fact_or_one_without_source_holds_the_end(desk: Any, leak: Case) -> None:
    basis = facts(desk, leak)
    finding(desk, leak, basis)
    signed_report(desk, leak)
    key = investigation.add_fact(leak, "how_much", "地板损失约 3000 元", key=True, by=desk.agent, at=desk.now)
    assert shut(leak) == ["登记事实，并写明每条事实的来源", "核实关键事实（已证实、存疑或矛盾）"]
    investigation.change_fact(key, source="customer_document", state="doubtful", by=desk.agent, at=desk.now)
    assert shut(leak) == []


def test_the_checklist_of_the_category_is_ticked_once(desk: Any, leak: Case) -> None:
    for _twice in range(2):
        investigation.tick(leak, "product", "batch", by=desk.agent, at=desk.now, note="批次 2026-09-A")
    lists = investigation.board(leak).checklists
    assert [(x.done, len(x.lines)) for x in lists if x.lines[0].checklist == "product"] == [(1, 9)]
    assert desk.timeline(leak).count("checklist.ticked") == 1
    investigation.tick(leak, "product", "batch", done=False, by=desk.agent, at=desk.now)
    assert investigation.board(leak).checklists[0].done == 0
    with pytest.raises(Invalid):
        investigation.tick(leak, "service", "history", by=desk.agent, at=desk.now)


# Requests


def test_a_department_is_asked_with_a_clock_and_answers(desk: Any, leak: Case) -> None:
    request = inquiry.ask(leak, "请提供该批次来料检验记录", to=desk.units["zl"], by=desk.agent, at=desk.now)
    clock = Clock.objects.get(case=leak, kind="request", about=f"request:{request.pk}")
    assert clock.state == "running"
    assert Notice.objects.filter(person=desk.quality, kind="request.sent").count() == 1
    assert Case.objects.visible_to(desk.quality, desk.now).filter(pk=leak.pk).exists()
    assert "等待协查答复：质量管理部" in shut(leak)
    with pytest.raises(NotYours):
        inquiry.supply(request, "我来答", by=desk.repairer, at=desk.now)
    with pytest.raises(Invalid):
        inquiry.supply(request, "  ", by=desk.quality, at=desk.now)
    inquiry.supply(request, "该批次抽检未覆盖硬度", by=desk.quality, at=desk.wait(hours=2))
    clock.refresh_from_db()
    assert clock.state == "met"
    assert not any("等待协查" in words for words in shut(leak))
    with pytest.raises(NotNow):
        inquiry.supply(request, "再答一次", by=desk.quality, at=desk.now)
    assert desk.timeline(leak).count("request.answered") == 1


def test_a_colleague_is_asked_by_name_and_nobody_asks_themselves(desk: Any, leak: Case) -> None:
    request = inquiry.ask(leak, "安装当天试机了吗", to=desk.repairer, by=desk.agent, at=desk.now)
    with pytest.raises(NotYours):
        inquiry.supply(request, "试了", by=desk.quality, at=desk.now)
    inquiry.supply(request, "试机十分钟未见漏水", by=desk.repairer, at=desk.now)
    with pytest.raises(Invalid):
        inquiry.ask(leak, "我自己想想", to=desk.agent, by=desk.agent, at=desk.now)


def test_a_request_nobody_will_answer_is_cancelled_with_a_reason(desk: Any, leak: Case) -> None:
    request = inquiry.ask(leak, "请查监控", to=desk.units["hdmd"], by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        inquiry.cancel(request, "", by=desk.agent, at=desk.now)
    inquiry.cancel(request, "门店没有监控", by=desk.agent, at=desk.now)
    assert Clock.objects.get(case=leak, kind="request").state == "cancelled"
    assert not any("等待协查" in words for words in shut(leak))


def test_the_customer_is_asked_everything_at_once_and_the_promise_waits(desk: Any, leak: Case) -> None:
    with pytest.raises(Invalid):
        inquiry.ask_customer(leak, ["", " "], by=desk.agent, at=desk.now)
    request = inquiry.ask_customer(leak, ["订单号是多少", "地板损坏的照片"], by=desk.agent, at=desk.now)
    sent = Event.objects.filter(stream_id=leak.stream_id, type="message.sent").latest("seq")
    assert "1. 订单号是多少\n2. 地板损坏的照片" in sent.private["body"]
    assert "时限相应顺延" in sent.private["body"]
    assert "{" not in sent.private["body"]
    leak.refresh_from_db()
    assert leak.waiting_since == desk.now
    assert Clock.objects.get(case=leak, kind="solve").state == "paused"
    with pytest.raises(NotNow, match="不要反复询问"):
        inquiry.ask_customer(leak, ["还有发票"], by=desk.agent, at=desk.now)
    assert "等待协查答复：客户" in shut(leak)

    letters.hear(leak, "订单号 20261113001，照片见附件", by=leak.customer, at=desk.wait(hours=3))
    assert not any("等待协查" in words for words in shut(leak))
    assert Clock.objects.get(case=leak, kind="solve").state == "running"
    again = inquiry.ask_customer(leak, ["还有发票"], by=desk.agent, at=desk.wait(hours=1))
    request.refresh_from_db()
    assert (request.state, again.state) == ("answered", "open")


def test_what_the_customer_said_on_the_phone_is_written_down_as_the_answer(desk: Any, leak: Case) -> None:
    request = inquiry.ask_customer(leak, ["订单号是多少"], by=desk.agent, at=desk.now)
    inquiry.supply(request, "电话告知订单号 20261113001", by=desk.agent, at=desk.wait(hours=1))
    assert Clock.objects.get(case=leak, kind="solve").state == "running"


def test_without_the_right_to_pause_the_customer_is_asked_and_the_clock_runs(desk: Any, leak: Case) -> None:
    inquiry.ask_customer(leak, ["订单号是多少"], by=desk.agent, at=desk.now, pause=False)
    sent = Event.objects.filter(stream_id=leak.stream_id, type="message.sent").latest("seq")
    assert "时限相应顺延" not in sent.private["body"]
    assert Clock.objects.get(case=leak, kind="solve").state == "running"


# Causes


def test_the_whys_are_a_tree_whose_depth_is_bounded(desk: Any, leak: Case) -> None:
    most = leak.pack.thresholds.root_cause_max_depth
    node = None
    for n in range(most):
        node = causes.add_cause(leak, f"第 {n + 1} 层原因", parent=node, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid, match=str(most)):
        causes.add_cause(leak, "再深一层", parent=node, by=desk.agent, at=desk.now)
    assert [b.depth for b in causes.listed(leak, "why")] == list(range(1, most + 1))


def test_carelessness_is_warned_of_and_never_a_root_cause(desk: Any, leak: Case) -> None:
    node = causes.add_cause(leak, "装配工人疏忽大意", evidence="班组长说明", by=desk.agent, at=desk.now)
    said = [w.words for w in causes.warnings(leak) if w.node and w.node.pk == node.pk]
    assert said == [t for t in leak.pack.checklists.traps if "疏忽" in t]
    with pytest.raises(Invalid, match="疏忽"):
        causes.mark_root(node, by=desk.agent, at=desk.now)
    deeper = causes.add_cause(
        leak, "作业指导书没有规定卡扣方向", parent=node, evidence="指导书第 3 版", by=desk.agent, at=desk.now
    )
    assert not [w for w in causes.warnings(leak) if w.node]
    with pytest.raises(NotNow, match="更深"):
        causes.change_cause(node, text="装配不到位", root=True, by=desk.agent, at=desk.now)
    causes.mark_root(deeper, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid, match="疏忽"):
        causes.change_cause(deeper, text="员工粗心", by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="取消标记"):
        causes.add_cause(leak, "再问", parent=deeper, by=desk.agent, at=desk.now)


def test_the_other_traps_are_named(desk: Any, leak: Case) -> None:
    causes.add_cause(leak, "洗衣机漏水", bone="machine", by=desk.agent, at=desk.now)
    words = " ".join(w.words for w in causes.warnings(leak))
    assert "现象" in words
    assert "证据" in words
    assert "技术" in words


def test_a_verified_cause_names_what_it_rests_on(desk: Any, leak: Case) -> None:
    with pytest.raises(Invalid):
        causes.add_cause(leak, "密封圈硬度不足", verified=True, by=desk.agent, at=desk.now)
    carried = facts(desk, leak)[2]
    node = causes.add_cause(leak, "密封圈硬度不足", verified=True, fact=carried, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        causes.change_cause(node, fact=None, by=desk.agent, at=desk.now)


def test_a_cause_is_removed_from_the_leaves_up(desk: Any, leak: Case) -> None:
    top = causes.add_cause(leak, "密封圈破损", by=desk.agent, at=desk.now)
    leaf = causes.add_cause(leak, "材料变更未通知", parent=top, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow):
        causes.remove_cause(top, by=desk.agent, at=desk.now)
    causes.remove_cause(leaf, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="已被删除"):
        causes.change_cause(leaf, text="晚了", by=desk.agent, at=desk.now)
    causes.remove_cause(top, by=desk.agent, at=desk.now)
    assert not leak.causes.exists()
    assert Event.objects.filter(stream_id=leak.stream_id, type="cause.removed").count() == 2


def test_both_pictures_show_the_causes_and_escape_them(desk: Any, leak: Case) -> None:
    assert causes.why_picture(leak) == causes.fish_picture(leak) == ""
    why = causes.add_cause(leak, "<b>密封圈</b> & 卡扣", evidence="x", verified=True, by=desk.agent, at=desk.now)
    causes.mark_root(why, by=desk.agent, at=desk.now)
    bone = causes.add_cause(leak, "抽检漏项", bone="measurement", weight=3, by=desk.agent, at=desk.now)
    causes.add_cause(leak, "标准未更新", parent=bone, by=desk.agent, at=desk.now)
    tree, fish = ElementTree.fromstring(causes.why_picture(leak)), ElementTree.fromstring(causes.fish_picture(leak))
    assert "<b>密封圈</b> & 卡扣" in {e.text for e in tree.iter()}
    assert any(e.text and "根本原因" in e.text for e in tree.iter() if e.tag.endswith("text"))
    words = {e.text for e in fish.iter() if e.tag.endswith("text")}
    assert {b.title for b in leak.pack.causes} <= words
    assert {"抽检漏项", "↳ 标准未更新", "权重 3"} <= words
    with pytest.raises(Invalid):
        causes.add_cause(leak, "哪里都不是", bone="nowhere", by=desk.agent, at=desk.now)


def test_the_case_is_counted_under_a_cause_of_the_pack(desk: Any, leak: Case) -> None:
    with pytest.raises(Invalid):
        causes.code_cause(leak, "man.moon", by=desk.agent, at=desk.now)
    causes.code_cause(leak, "measurement.inspection", by=desk.agent, at=desk.now)
    causes.code_cause(leak, "measurement.inspection", by=desk.agent, at=desk.now)
    leak.refresh_from_db()
    assert leak.cause == "measurement.inspection"
    assert desk.timeline(leak).count("case.coded") == 1


# The finding


def test_a_finding_rests_on_sourced_facts_of_this_case(desk: Any, leak: Case) -> None:
    with pytest.raises(Invalid) as refused:
        finding(desk, leak, [])
    assert "basis" in refused.value.fields
    loose = investigation.add_fact(leak, "why", "听说密封圈有问题", by=desk.agent, at=desk.now)
    with pytest.raises(Invalid) as refused:
        finding(desk, leak, [loose])
    assert "basis" in refused.value.fields
    with pytest.raises(Invalid) as refused:
        finding(desk, leak, facts(desk, leak), cause="")
    assert "cause" in refused.value.fields
    assert not leak.findings.exists()


def test_not_at_fault_owes_the_customer_a_patient_explanation(desk: Any, leak: Case) -> None:
    basis = facts(desk, leak)

    def not_ours(facts_: list[Fact], **given: Any) -> Finding:
        return investigation.find(
            leak, "none", "none", "进水阀由客户自行改装", basis=facts_, by=desk.agent, at=desk.now, **given
        )

    with pytest.raises(Invalid) as refused:
        not_ours(basis)
    assert "for_customer" in refused.value.fields
    with pytest.raises(Invalid) as refused:
        not_ours(basis[:2], for_customer="您好，检测发现……")
    assert "basis" in refused.value.fields
    found = not_ours(basis, for_customer="您好，检测发现进水阀曾被改装", cause="environment.customer_use")
    assert found.get_substantiated_display() == "不属实"
    leak.refresh_from_db()
    assert (leak.liability, leak.cause) == ("none", "environment.customer_use")


def test_what_cannot_be_verified_needs_reasons_but_no_facts(desk: Any, leak: Case) -> None:
    found = investigation.find(
        leak, "unknown", "both", "产品已被丢弃，双方各执一词", basis=[], cause="measurement.record",
        by=desk.agent, at=desk.now,
    )  # fmt: skip
    assert investigation.finding_of(leak) == found


def test_a_newer_finding_holds_and_asks_for_a_new_report(desk: Any) -> None:
    case = desk.triages(desk.receives(LEAK), level=2)
    basis = facts(desk, case)
    finding(desk, case, basis)
    causes.mark_root(
        causes.add_cause(case, "来料抽检没有覆盖密封圈硬度", by=desk.agent, at=desk.now), by=desk.agent, at=desk.now
    )
    first = signed_report(desk, case)
    newer = finding(desk, case, basis, cause="measurement.inspection")
    assert shut(case) == ["调查报告经审核通过"]
    second = signed_report(desk, case)
    assert (first.number, second.number, second.finding) == (1, 2, newer)
    assert shut(case) == []


# The report


def test_the_report_is_written_from_the_record_and_invents_nothing(desk: Any, leak: Case) -> None:
    finding(desk, leak, facts(desk, leak))
    root = causes.add_cause(leak, "来料抽检没有覆盖硬度", evidence="检验规程", by=desk.agent, at=desk.now)
    causes.mark_root(root, by=desk.agent, at=desk.now)
    draft = report.draft_report(leak, by=desk.agent, at=desk.now)
    text = draft.content
    assert list(text) == list(report.SECTIONS)
    assert leak.number in text["matter"]
    assert "洗衣机 W8" in text["matter"]
    assert LEAK in text["course"]
    assert text["facts"].count("\n") == 2
    assert "【何因】排水管接头密封圈破损（产品检测；已证实；关键事实）" in text["facts"]
    assert text["disputes"] == "没有存疑或矛盾的事实"
    assert "来料抽检没有覆盖硬度（根本原因；依据：检验规程）" in text["causes"]
    assert "属实" in text["conclusion"]
    assert "质量管理部" in text["liability"]
    assert "第 1、2、3 项" in text["basis"]
    assert text["opinion"] == text["prevention"] == ""
    shown = report.sections(leak)
    assert [s.title for s in shown][:3] == ["案由", "诉求", "投诉经过"]
    assert [s.name for s in shown if s.owed and not s.text] == ["opinion", "prevention"]


def test_drafting_again_renews_the_record_and_keeps_what_a_person_wrote(desk: Any, leak: Case) -> None:
    facts(desk, leak)
    draft = report.draft_report(leak, by=desk.agent, at=desk.now)
    report.edit(draft, {"opinion": "更换新机", "conclusion": "待定"}, by=desk.agent, at=desk.now)
    investigation.add_fact(leak, "where", "阳台", source="site_visit", by=desk.agent, at=desk.now)
    again = report.draft_report(leak, by=desk.agent, at=desk.now)
    assert again.pk == draft.pk
    assert "阳台" in again.content["facts"]
    assert (again.content["opinion"], again.content["conclusion"]) == ("更换新机", "待定")
    with pytest.raises(Overtaken):
        report.edit(draft, {"opinion": "退款"}, by=desk.agent, at=desk.now)
    with pytest.raises(Invalid):
        report.edit(again, {"secret": "x"}, by=desk.agent, at=desk.now)


def test_a_report_with_an_unsourced_key_fact_is_not_signed(desk: Any, leak: Case) -> None:
    finding(desk, leak, facts(desk, leak))
    draft = report.draft_report(leak, by=desk.agent, at=desk.now)
    report.edit(draft, {"opinion": "更换", "prevention": "抽检"}, by=desk.agent, at=desk.now)
    report.submit(draft, by=desk.agent, at=desk.now)
    loose = investigation.add_fact(leak, "how_much", "地板损失", key=True, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow, match="地板损失"):
        report.review(draft, True, by=desk.supervisor, at=desk.now)
    report.review(draft, False, "补上地板损失的来源", by=desk.supervisor, at=desk.now)
    with pytest.raises(NotNow, match="地板损失"):
        report.submit(draft, by=desk.agent, at=desk.now)
    investigation.change_fact(loose, source="customer_document", by=desk.agent, at=desk.now)
    report.submit(draft, by=desk.agent, at=desk.now)
    report.review(draft, True, by=desk.supervisor, at=desk.now)
    assert draft.state == "approved"


def test_nobody_signs_a_report_they_wrote_in(desk: Any, leak: Case) -> None:
    finding(desk, leak, facts(desk, leak))
    draft = report.draft_report(leak, by=desk.agent, at=desk.now)
    report.edit(draft, {"opinion": "更换"}, by=desk.supervisor, at=desk.now)
    report.edit(draft, {"prevention": "抽检"}, by=desk.agent, at=desk.now)
    report.submit(draft, by=desk.agent, at=desk.now)
    with pytest.raises(NotYours):
        report.review(draft, True, by=desk.supervisor, at=desk.now)
    with pytest.raises(NotYours):
        report.review(draft, True, by=desk.other_agent, at=desk.now)
    with pytest.raises(Invalid):
        report.review(draft, False, "", by=desk.manager, at=desk.now)
    report.review(draft, True, by=desk.manager, at=desk.now)
    with pytest.raises(NotNow):
        report.review(draft, True, by=desk.manager, at=desk.now)
    with pytest.raises(NotNow):
        report.edit(draft, {"opinion": "退款"}, by=desk.agent, at=desk.now)
    with pytest.raises(IntegrityError), transaction.atomic():
        report.Report.objects.filter(pk=draft.pk).update(reviewer=desk.agent)


def test_a_report_is_submitted_whole(desk: Any, leak: Case) -> None:
    draft = report.draft_report(leak, by=desk.agent, at=desk.now)
    with pytest.raises(NotNow) as refused:
        report.submit(draft, by=desk.agent, at=desk.now)
    assert "责任认定" in refused.value.missing
    assert "「处理意见」的内容" in refused.value.missing
    finding(desk, leak, facts(desk, leak))
    with pytest.raises(NotNow, match="重新生成"):
        report.submit(draft, by=desk.agent, at=desk.now)


# When the customer's personal information is erased


def test_every_word_of_an_investigation_can_be_forgotten(desk: Any, leak: Case) -> None:
    from wenguo.cases.forgetting import _empty

    found = finding(desk, leak, facts(desk, leak))
    investigation.find(
        leak, "none", "none", "王小明自行改装", basis=found.basis.all(), for_customer="王先生您好",
        by=desk.agent, at=desk.now,
    )  # fmt: skip
    investigation.tick(leak, "product", "batch", by=desk.agent, at=desk.now, note="王小明的机器")
    inquiry.ask(leak, "王小明的订单", to=desk.units["zl"], by=desk.agent, at=desk.now)
    causes.add_cause(leak, "王小明改装", by=desk.agent, at=desk.now)
    report.draft_report(leak, by=desk.agent, at=desk.now)
    for rows in (leak.facts, leak.findings, leak.ticks, leak.info_requests, leak.causes, leak.reports):
        _empty(rows.all())
    kept = [*leak.facts.values(), *leak.findings.values(), *leak.ticks.values(), *leak.info_requests.values()]
    kept += [*leak.causes.values(), *leak.reports.values()]
    assert "王" not in str(kept)
    assert investigation.board(leak).finding is not None
    assert [s.text for s in report.sections(leak)] == [""] * len(report.SECTIONS)


# The page


def test_the_board_shows_what_is_there_and_what_is_missing(
    desk: Any, leak: Case, django_assert_max_num_queries: Any
) -> None:
    found = finding(desk, leak, facts(desk, leak))
    inquiry.ask(leak, "请提供来料检验记录", to=desk.units["zl"], by=desk.agent, at=desk.now)
    causes.add_cause(leak, "来料抽检没有覆盖硬度", by=desk.agent, at=desk.now)
    page = investigation.board(leak)
    assert [a.code for a in page.missing] == ["which", "who", "when", "where", "how_much"]
    assert [f.text for a in page.aspects for f in a.facts if a.code == "why"] == ["排水管接头密封圈破损"]
    assert [r.whom for r in page.requests] == ["质量管理部"]
    assert page.finding == found
    assert page.why_picture.startswith("<svg")
    assert {g.words for g in page.gates if not g.open} == {"等待协查答复：质量管理部"}
    assert not page.may_skip
    for n in range(20):
        investigation.add_fact(leak, "what", f"事实 {n}", source="customer", by=desk.agent, at=desk.now)
        causes.add_cause(leak, f"原因 {n}", by=desk.agent, at=desk.now)
    case = Case.objects.select_related("policy", "record").get(pk=leak.pk)
    with django_assert_max_num_queries(24):
        investigation.board(case)
