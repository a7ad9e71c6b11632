"""A complaint comes in: it is kept, gets one number, its promises run, a repeat is recognised."""

from __future__ import annotations

import pytest
from django.utils import translation

from wenguo.cases import acceptance, followup, intake, letters
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.cases.intake import Complaint, Submission
from wenguo.cases.lifecycle import offers
from wenguo.cases.sweep import sweep
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event

KETTLE = "上周买的电热水壶,昨天烧水时壶底漏水,桌上一滩,插座都湿了。客服电话打了三次没人接,要求退货并给个说法。"


def test_a_call_becomes_a_case_with_promises(desk):
    case = desk.receives(KETTLE, wishes=("refund",), happened="昨天晚上")
    assert case.number.startswith("TS-2611-")
    assert case.stage == "received" and case.first_responsible == desk.agent
    assert {c.kind for c in case.clocks.all()} >= {"acknowledge", "respond", "solve"}
    assert case.next_due_at == min(c.due_at for c in case.clocks.all())
    assert desk.timeline(case)[0] == "case.received"


def test_the_acknowledgement_is_said_once_and_is_no_response(desk):
    case = desk.receives(KETTLE)
    letters.acknowledge(case.pk, at=desk.wait(minutes=5))
    letters.acknowledge(case.pk, at=desk.now)
    assert desk.timeline(case).count("case.acknowledged") == 1
    case.refresh_from_db()
    assert case.responded_at is None
    assert not case.clocks.live().filter(kind="acknowledge").exists()
    assert case.clocks.live().filter(kind="respond").exists()


def test_the_same_matter_again_joins_the_open_case_and_can_be_parted(desk):
    case = desk.receives(KETTLE)
    again = intake.receive(
        Complaint(channel="web", text=KETTLE + "已经两天了!", name="王小明", phone="13800001234"), at=desk.wait(days=1)
    )
    assert again.joined and again.case == case
    case.refresh_from_db()
    assert case.repeats == 1 and "repeat" in case.flags
    other = intake.unjoin(again.submission, by=desk.agent, at=desk.now)
    assert other.number != case.number
    case.refresh_from_db()
    assert case.repeats == 0
    with pytest.raises(NotNow):
        intake.unjoin(again.submission, by=desk.agent, at=desk.now)


def test_another_matter_of_the_same_person_is_another_case(desk):
    first = desk.receives(KETTLE)
    second = desk.receives("你们门店收银员态度恶劣,当众让我难堪。")
    assert first != second and first.customer == second.customer


def test_a_redelivery_is_the_same_submission(desk):
    claims = {"channel": "api", "text": KETTLE, "external_id": "crm-77"}
    first = intake.receive(Complaint(**claims), at=desk.now)
    again = intake.receive(Complaint(**claims), at=desk.now)
    assert again.repeated and again.case == first.case
    assert Submission.objects.count() == 1


def test_nothing_in_it_is_refused_with_the_field_named(desk):
    with pytest.raises(Invalid) as refused:
        intake.receive(Complaint(channel="web", text=" \x00\n "), at=desk.now)
    assert "text" in refused.value.fields
    assert not Submission.objects.exists()


def test_ten_megabytes_are_kept_whole(desk):
    text = "投诉内容很长。" * 500_000
    case = desk.receives(text)
    assert case.record.description.startswith("投诉内容很长") and len(case.record.description) < 21_000
    evidence = case.evidence.get()
    assert evidence.size == len(text.encode())


def test_what_we_cannot_understand_waits_in_the_tray(desk, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("understanding failed")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "open_case", broken)
        received = intake.receive(Complaint(channel="web", text=KETTLE, phone="13800001234"), at=desk.now)
    assert received.case is None and received.submission in intake.tray()
    sorted_out = intake.sort_out(received.submission, {"name": "王小明"}, by=desk.agent, at=desk.now)
    assert sorted_out.case.record.description == KETTLE
    assert not intake.tray().exists()


def test_why_it_waits_in_the_tray_is_told_in_the_language_of_who_reads_it(desk, monkeypatch):
    def refuses(*_args, **_more):
        raise NotNow(translation.gettext("该客户已注销"))

    with monkeypatch.context() as patch, translation.override("en"):  # came over the English page
        patch.setattr(intake, "open_case", refuses)
        refused = intake.receive(Complaint(channel="web", text=KETTLE), at=desk.now).submission
    failed = intake.receive(Complaint(channel="web", text=KETTLE, customer_id=10**9), at=desk.now).submission
    old = Submission(channel="web", state="unsorted", why="不知道是谁{}")  # kept before there were names
    with translation.override("zh-hans"):
        assert refused.reason == "该客户已注销" and old.reason == "不知道是谁{}"
        assert failed.reason == "程序出错（DoesNotExist），请人工登记"
    with translation.override("en"):
        assert refused.reason == "This customer has been deregistered" and old.reason == "不知道是谁{}"
        assert failed.reason == "The program failed (DoesNotExist); please register it by hand"


def test_refusing_needs_a_reason_the_customer_is_told_and_can_be_reviewed(desk):
    case = desk.receives("你们隔壁那家店卖的手机坏了", mail="w@example.com")
    with pytest.raises(Invalid):
        acceptance.refuse(case, "because", "", by=desk.agent, at=desk.now)
    reason = case.pack.refusal_reasons[0]
    acceptance.refuse(case, reason.code, "不是我公司产品", by=desk.agent, at=desk.now)
    assert case.outcome == "refused" and not case.clocks.live().exists()
    letters.tell_refusal(case.pk, at=desk.now)
    letters.tell_refusal(case.pk, at=desk.now)
    assert desk.timeline(case).count("message.sent") == 1
    letter = Event.objects.get(stream_id=case.stream_id, type="message.sent").private["body"]
    assert "，这次不能作为投诉受理" in letter and "。，" not in letter
    with pytest.raises(NotYours):
        acceptance.reconsider(case, "客户补充了发票", by=desk.agent, at=desk.now)
    case.refresh_from_db()
    assert {o.name for o in offers(case, by=desk.senior, at=desk.now)} >= {"reconsider"}
    with pytest.raises(NotNow, match="以「不予受理」结束的投诉不能「重开」"):
        followup.reopen(case, "再看看", by=desk.senior, at=desk.now)
    acceptance.reconsider(case, "客户补充了发票", by=desk.senior, at=desk.now)
    assert case.stage == "received" and case.outcome == ""


def test_the_customer_may_withdraw(desk):
    case = desk.receives(KETTLE)
    acceptance.withdraw(case, "已自行解决", by=case.customer, at=desk.now)
    assert case.outcome == "withdrawn" and case.closed_at == desk.now
    with pytest.raises(NotNow):
        acceptance.withdraw(case, "再撤一次", by=case.customer, at=desk.now)


def test_the_row_is_what_its_journal_tells(desk):
    case = desk.triages(desk.receives(KETTLE), to="zl")
    sweep(at=desk.wait(days=30))
    row = Case.objects.get(pk=case.pk)
    assert fold(row) == {name: plain(getattr(row, name)) for name in PROJECTED}


def test_a_wish_with_a_character_no_database_holds_is_kept_without_it(desk):
    case = desk.receives("空调漏水，要求退款", wishes=("refund", "换\x00货"))
    assert case.record.wishes == ["refund", "换货"]
    acceptance.accept(case, by=desk.agent, at=desk.now)
    acceptance.change_record(case, {"wishes": ["E\x00维修", " "]}, by=desk.agent, at=desk.now)
    assert case.record.wishes == ["E维修"]
