"""One complaint goes the whole way, the customer watching: received, handed over, returned once, investigated,
compensated above the desk's limit by a deputy's signature, answered, called back twice, rated, closed, archived,
reopened.

Nobody here writes to a table: everything goes through the acts that pages and API call.
"""

from __future__ import annotations

import csv
import gzip
import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from django.db import connection
from tests.conftest import stays, stays_as_told

from wenguo import journal
from wenguo.cases import (
    acceptance,
    approval,
    causes,
    execution,
    followup,
    handover,
    inquiry,
    investigation,
    letters,
    payment,
    reply,
    report,
    resolution,
    triage,
)
from wenguo.cases.case import PROJECTED, Case, fold, plain
from wenguo.cases.lifecycle import gates
from wenguo.cases.quote import Item
from wenguo.cases.resolution import Draft
from wenguo.errors import NotNow, NotYours
from wenguo.people import deputies, tokens

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def real_complaint() -> str:
    """A real negative review of an appliance that nobody here wrote."""
    path = DATA / "online_shopping_10_cats" / "train.csv.gz"
    if not path.exists():
        pytest.skip(f"real texts are not here: {path}")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return next(r["text"] for r in rows if r["cat"] == "热水器" and r["label"] == "0" and 60 < len(r["text"]) < 400)


def test_a_complaint_by_api_and_its_whole_way(desk, client):
    # It comes in by the API, twice; it is one.
    raw = tokens.issue(
        desk.agent, "商城", ["read", "write"], desk.now + timedelta(days=3650), by=desk.agent, at=desk.now
    )
    body = {
        "channel": "api",
        "external_id": "mall-9001",
        "text": real_complaint(),
        "name": "王小明",
        "phone": "13800001234",
        "mail": "w@example.com",
        "happened": "上周",
        "place": "家里",
        "product": "热水器",
        "wish": "退款并道歉",
        "wishes": ["refund"],
        "order_number": "D-1",
        "order_fen": 260_000,
    }
    post = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {raw}"}}
    first = client.post("/api/v1/submissions", json.dumps(body), **post)
    again = client.post("/api/v1/submissions", json.dumps(body), **post)
    assert (first.status_code, again.status_code) == (201, 200), first.content
    assert first.json()["number"] == again.json()["number"]
    case = Case.objects.get(number=first.json()["number"])
    desk.now = case.received_at
    # The customer is told it was received; the link shows the way.
    letters.acknowledge(case.pk, at=desk.wait(minutes=1))
    track = first.json()["track_url"].split("/t/")[1]
    page = client.get(f"/t/{track}")
    assert page.status_code == 200 and case.number in page.content.decode()

    # Triage, hand-over, one return, another department.
    case.refresh_from_db()
    acceptance.accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "product.function", by=desk.agent, at=desk.now)
    triage.grade(case, 3, "影响正常使用", by=desk.supervisor, at=desk.now)
    letters.called(case, "reached", "已说明将上门检测", by=desk.agent, at=desk.now, response=True)
    triage.assign(case, desk.units["sh"], "请上门检测", by=desk.agent, at=desk.now)
    sent = case.handovers.get(state="sent")
    reason = next(r.code for r in case.pack.return_reasons)
    handover.give_back(sent, reason, "属质量问题", proposed=desk.units["zl"], by=desk.repairer, at=desk.wait(hours=1))
    case.refresh_from_db()
    assert case.returns == 1 and case.first_responsible == desk.agent
    sent = handover.dispatch(case, desk.units["zl"], "请检测同批次", by=desk.agent, at=desk.now)
    handover.sign(sent, by=desk.quality, at=desk.wait(minutes=20))
    case.refresh_from_db()

    # Investigation: facts with sources, help from another unit, a question, the causes, the finding.
    task = handover.ask_help(case, desk.units["sh"], "提供两次维修记录", by=desk.quality, at=desk.now)
    request = inquiry.ask(case, "订单与付款记录", to=desk.units["ds"], by=desk.quality, at=desk.now)
    sources = {s.code for s in case.pack.sources}
    told = investigation.add_fact(
        case, "what", "客户称点火失败三次", source="customer", state="confirmed", key=True, by=desk.quality, at=desk.now
    )
    ours = investigation.add_fact(
        case,
        "how",
        "维修员两次上门未更换脉冲器",
        source="staff",
        state="confirmed",
        key=True,
        by=desk.quality,
        at=desk.now,
    )
    assert {told.source, ours.source} <= sources
    node = causes.add_cause(case, "脉冲器绝缘老化", bone="material", by=desk.quality, at=desk.now)
    assert node.pk and "<svg" in causes.fish_picture(case)
    with pytest.raises(NotNow) as shut:
        investigation.conclude(case, by=desk.quality, at=desk.now)
    assert any("会办" in m for m in shut.value.missing)
    handover.help(task, "两次记录已附", by=desk.repairer, at=desk.wait(hours=1))
    inquiry.supply(request, "订单 2600 元,已核", by=desk.shopkeeper, at=desk.now)
    cause = next(f"{b.code}.{b.causes[0].code}" for b in case.pack.causes)
    investigation.find(
        case,
        "full",
        "ours",
        "产品脉冲器老化,维修未及时更换",
        basis=[told, ours],
        unit=desk.units["zl"],
        cause=cause,
        by=desk.quality,
        at=desk.now,
    )
    report.draft_report(case, by=desk.quality, at=desk.now)
    investigation.conclude(case, by=desk.quality, at=desk.wait(hours=1))
    assert case.stage == "resolution"

    # A solution of 2 600 yuan: above the desk's and the supervisor's limit; the manager is away, a deputy signs.
    option = resolution.draft_option(
        case,
        Draft(
            "退货退款",
            "原路退款 2600 元并书面致歉",
            ("apology",),
            (Item("refund", amount_fen=260_000),),
            {c: 4 for c in ("satisfaction", "ease", "cost", "benefit", "risk")},
            success="退款到账,客户确认",
        ),
        by=desk.quality,
        at=desk.now,
    )
    resolution.choose(option, "客户只接受退款", by=desk.quality, at=desk.now)
    steps = approval.propose(option, by=desk.quality, at=desk.now)
    last = steps[-1]
    assert last.role == "manager"
    with pytest.raises(NotYours):
        approval.approve(steps[0], by=desk.quality, at=desk.now)
    deputies.appoint(
        desk.quality_manager,
        desk.supervisor,
        desk.now,
        desk.now + timedelta(days=3),
        by=desk.quality_manager,
        at=desk.now,
        reason="出差",
    )
    desk.supervisor.forget()
    for step in steps:
        step.refresh_from_db()
        if step.state == "waiting":
            approval.approve(step, "同意", by=desk.supervisor, at=desk.wait(minutes=10))
    last.refresh_from_db()
    assert last.state == "approved" and last.in_name_of == desk.quality_manager
    option.refresh_from_db()
    case.refresh_from_db()
    resolution.offer(option, by=desk.quality, at=desk.now)
    page = client.get(f"/t/{track}").content.decode()
    assert "2600" in page.replace(",", "")
    resolution.answer(option, "accept", by=case.customer, at=desk.wait(hours=1))
    for wanted in execution.suggested(option):
        plan = execution.Plan(
            wanted.kind, wanted.what, desk.now + timedelta(days=2), owner=desk.quality, amount_fen=wanted.amount_fen
        )
        execution.plan(option, plan, by=desk.quality, at=desk.now)
    case.refresh_from_db()
    resolution.settle(case, by=desk.quality, at=desk.now)

    # Carried out with proof; paid once, by somebody else.
    for measure in case.measures.all():
        if measure.needs_payment:
            pay = {
                "payee": "王小明",
                "amount_fen": measure.amount_fen,
                "method": "original",
                "reference": "WX-77",
                "key": "k1",
            }
            with pytest.raises(NotYours):
                payment.pay(measure, **pay, by=desk.quality, at=desk.now)
            made = payment.pay(measure, **pay, by=desk.repairer, at=desk.now)
            assert payment.pay(measure, **pay, by=desk.repairer, at=desk.now) == made
        execution.complete(measure, "已完成,凭证附后", by=desk.quality, at=desk.now)
    case.refresh_from_db()
    execution.carry_out(case, by=desk.quality, at=desk.wait(hours=2))
    assert case.clocks.get(kind="solve", round=1).is_on_time

    # The answer, two call-backs by somebody else, the rating.
    parts = {
        "apology": "王先生,非常抱歉。",
        "findings": "检测确认脉冲器老化。",
        "actions": "已原路退款 2600 元。",
        "prevention": "同批次已复检。",
        "thanks": "感谢反映,联系人陈刚 400-000-0000。",
    }
    draft = reply.draft_reply(case, parts, by=desk.quality, at=desk.now)
    reply.submit_reply(draft, by=desk.quality, at=desk.now)
    reply.answer(case, by=desk.quality, at=desk.now)
    followup.invite_survey(case.pk, case.round, at=desk.now)
    followup.rate(
        case.surveys.get(), {"solved": 1, "csat": 5, "nps": 9, "ces": 6}, by=case.customer, at=desk.wait(days=1)
    )
    case.refresh_from_db()
    for step in (1, 2):
        call = case.followups.get(step=step)
        followup.call_back(
            call,
            reached=True,
            solved=True,
            content=True,
            words="满意",
            by=desk.relationship,
            at=desk.wait(days=2 if step == 1 else 15),
        )
    assert [g.words for g in gates(case, "close") if not g.open] == []
    followup.close(case, by=desk.agent, at=desk.now)
    followup.archive(case, by=desk.supervisor, at=desk.wait(days=1))
    watched = client.get(f"/t/{track}").content.decode()
    assert "400-000-0000" in watched

    # Reopened: an archived case does not change, a linked new one goes on.
    new = followup.reopen(case, "退款后银行退回了一笔", by=case.customer, at=desk.wait(days=3))
    assert new.continues == case and new.round == 2

    # The journal is whole, and says so; one byte changed, and it says which.
    for row in (case, new):
        row = Case.objects.get(pk=row.pk)
        assert fold(row) == {name: plain(getattr(row, name)) for name in PROJECTED}
        assert stays(row) == stays_as_told(row)
    lived = stays(case)
    assert [stage for _from, stage, *_times in lived][:3] == ["received", "triage", "investigation"] and len(lived) > 6
    with connection.cursor() as cursor:  # and so does the migration for the cases that were there before it
        cursor.execute("DELETE FROM cases_stay")
        cursor.execute(import_module("wenguo.cases.migrations.0019_stay").FILL)
    assert stays(case) == lived
    assert journal.fold(desk.now) is not None
    receipt = journal.receipt(journal.Stream.objects.get(pk=case.stream_id))
    assert journal.check_receipt(receipt).ok
    assert journal.verify_all().ok
    tamper(case)
    verdict = journal.verify(journal.Stream.objects.get(pk=case.stream_id))
    assert not verdict.ok and verdict.first_broken == 3
    assert not journal.verify_all().ok


def tamper(case) -> None:
    """Change one letter of the third event, as somebody with the keys of the database could."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE journal_event SET type = overlay(type placing 'X' from 1 for 1) WHERE stream_id = %s AND seq = 3",
            [case.stream_id],
        )
        cursor.execute("ALTER TABLE journal_event ENABLE TRIGGER USER")
