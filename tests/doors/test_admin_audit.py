"""The journal and the jobs on the desk: found, checked, tampering named; failures tried again or given up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from wenguo import journal
from wenguo.channels.outbox import Delivery
from wenguo.errors import NotFound
from wenguo.insight import soundness
from wenguo.journal import Event, Stream
from wenguo.web.desk import audit

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def door(client: Client) -> Any:
    def enter(person: Any) -> Client:
        client.force_login(person)
        return client

    return enter


def to(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


@pytest.fixture
def case(desk: Any) -> Any:
    return desk.triages(desk.receives(f"净化器不出风{SCRIPT}", mail="wang@example.com"))


def tamper(pk: int) -> None:
    """Change one event as somebody with the keys of the database would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE journal_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE journal_event SET because = 'forged' WHERE id = %s", [pk])
        cursor.execute("ALTER TABLE journal_event ENABLE TRIGGER USER")


# ── the journal ──


@pytest.mark.parametrize("by", ["number", "name", "username"])
def test_a_record_is_found_by_number_or_by_who_did_it(desk, door, case, by):
    q = {"number": case.number, "name": "张敏", "username": "agent"}[by]
    page = door(desk.inspector).get(to("audit"), {"q": q}).content.decode()
    assert case.number in page and to("audit_stream", case.stream_id) in page


def test_events_are_shown_without_anybodys_words(desk, door, case):
    page = door(desk.inspector).get(to("audit_stream", case.stream_id)).content.decode()
    assert "已收到投诉" in page and "张敏" in page and "有文字" in page
    assert "净化器不出风" not in page and SCRIPT not in page and "王小明" not in page and "13800001234" not in page
    last = Event.objects.filter(stream=case.stream_id).order_by("-seq").first()
    assert bytes(last.hash).hex() in page


def test_why_it_happened_is_told_by_the_names_of_the_policy(desk, door, case):
    page = door(desk.inspector).get(to("audit_stream", case.stream_id)).content.decode()
    assert f"第 {case.policy.number} 版政策 <small" in page and f"policy:{case.policy_id}</small>" in page
    assert "受理回执 <small" in page and "<td>ACK" not in page


def test_one_record_is_checked_and_a_forged_line_is_named(desk, door, case):
    client = door(desk.inspector)
    assert "校验通过" in client.post(to("audit_stream", case.stream_id)).content.decode()
    tamper(Event.objects.get(stream=case.stream_id, seq=3).pk)
    page = client.post(to("audit_stream", case.stream_id)).content.decode()
    assert "校验不通过" in page and "第 3 条" in page


def test_everything_is_checked_in_the_background_and_the_result_stays(desk, door, case):
    client = door(desk.admin)
    assert "还没有校验过" in client.get(to("audit")).content.decode()
    assert client.post(to("audit_check")).status_code == 302
    assert "正在后台校验" in client.get(to("audit")).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'insight.check_journal'")
        assert cursor.fetchone()[0] == 1
    soundness.check_journal()
    page = client.get(to("audit")).content.decode()
    assert "全部完好" in page and "正在后台校验" not in page
    tamper(Event.objects.get(stream=case.stream_id, seq=2).pk)
    soundness.check_journal()
    page = client.get(to("audit")).content.decode()
    assert "1 处与登记不符" in page and f"case:{case.number}" in page
    assert door(desk.agent).post(to("audit_check")).status_code == 403


def test_a_receipt_can_be_taken_away_once_it_is_sealed(desk, door, case):
    client = door(desk.inspector)
    assert client.get(to("audit_receipt", case.stream_id)).status_code == 409
    assert "尚未存证" in client.get(to("audit_stream", case.stream_id)).content.decode()
    journal.fold(desk.now)
    receipt = client.get(to("audit_receipt", case.stream_id))
    assert journal.check_receipt(json.loads(receipt.content)).ok
    assert bytes(journal.Root.objects.get().root).hex() in client.get(to("audit")).content.decode()


def test_a_manager_audits_the_cases_of_their_reach_only(desk, door, case):
    east = desk.receives("门店不肯退货。", by=desk.east_agent, channel="counter", phone="13911119999")
    page = door(desk.quality_manager).get(to("audit"), {"kind": "case"}).content.decode()
    assert east.number not in page
    assert door(desk.quality_manager).get(to("audit_stream", east.stream_id)).status_code == 404
    assert door(desk.inspector).get(to("audit_stream", east.stream_id)).status_code == 200
    assert door(desk.agent).get(to("audit")).status_code == 403


def test_odd_searches_are_harmless(desk, door):
    client = door(desk.admin)
    for q in (SCRIPT, "case:", "staff:x", "%", "'; --", "\x00", "王" * 500):
        page = client.get(to("audit"), {"q": q})
        assert page.status_code == 200 and SCRIPT not in page.content.decode()
    assert client.get(to("audit"), {"after": "zzz"}).status_code == 422


def test_the_journal_pages_cost_few_queries(desk, door, case, django_assert_max_num_queries):
    client = door(desk.inspector)
    for address in (to("audit"), to("audit_stream", case.stream_id)):
        client.get(address)
        with django_assert_max_num_queries(22):
            client.get(address)
    assert Stream.objects.count() > 10


# ── jobs ──


@pytest.fixture
def broken(desk: Any, case: Any) -> int:
    """A failed job; its arguments hold a number and, by somebody's mistake, a name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts)"
            " VALUES ('default', 'channels.deliver', %s, 'failed', 14) RETURNING id",
            [json.dumps({"delivery_id": 77, "name": "王小明"})],
        )
        return int(cursor.fetchone()[0])


def status(job: int) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status FROM procrastinate_jobs WHERE id = %s", [job])
        return str(cursor.fetchone()[0])


def test_a_failed_job_is_shown_without_personal_data_and_tried_again(desk, door, broken):
    client = door(desk.admin)
    page = client.get(to("jobs")).content.decode()
    assert "发送邮件" in page and "delivery_id=77" in page and "王小明" not in page
    assert client.post(to("job_act", broken, "retry")).status_code == 302 and status(broken) == "todo"
    assert client.post(to("job_act", broken, "retry")).status_code == 409
    assert Event.objects.filter(type="job.retried", data__job=broken, by=desk.admin.journal_ref).exists()


def test_a_failed_job_is_given_up(desk, door, broken):
    assert door(desk.manager).post(to("job_act", broken, "give-up")).status_code == 403 and status(broken) == "failed"
    assert door(desk.admin).post(to("job_act", broken, "give-up")).status_code == 302 and status(broken) == "cancelled"
    assert door(desk.admin).post(to("job_act", broken, "explode")).status_code == 404


def test_all_failed_jobs_are_tried_again_at_once(desk, door, broken):
    assert door(desk.admin).post(to("jobs_retry_all")).status_code == 302 and status(broken) == "todo"


def test_letters_that_did_not_leave_are_listed_and_sent_again(desk, door, case, settings):
    event = Event.objects.filter(stream=case.stream_id).first()
    letter = Delivery.objects.create(
        event=event, channel="mail", to="wang@example.com", state="refused", error="SMTP 550", created_at=desk.now
    )
    client = door(desk.admin)
    page = client.get(to("jobs")).content.decode()
    assert "w***@example.com" in page and "wang@example.com" not in page and "SMTP 550" in page
    settings.EMAIL_HOST = ""
    assert client.post(to("letter_resend", letter.pk)).status_code == 409
    settings.EMAIL_HOST = "mail.example.com"
    assert client.post(to("letter_resend", letter.pk)).status_code == 302
    letter.refresh_from_db()
    assert letter.state == "waiting"
    Delivery.objects.filter(pk=letter.pk).update(state="sent")
    assert client.post(to("letter_resend", letter.pk)).status_code == 409
    assert client.post(to("letter_resend", 999_999)).status_code == 404


def test_the_state_of_the_system_is_told(desk, door, broken):
    page = door(desk.admin).get(to("health")).content.decode()
    assert "PostgreSQL" in page and "没有后台进程在运行" in page and "1 个" in page and "数据库拒绝改写日志" in page
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    assert "1 个在运行" in door(desk.admin).get(to("health")).content.decode()


def test_who_sees_some_cases_sees_their_records_and_all_that_are_of_no_case(desk, monkeypatch):
    theirs = desk.triages(desk.receives("净化器漏电。", phone="13900000001"), to="zl")
    others = desk.receives("门店不肯退货。", by=desk.east_agent, channel="counter", phone="13900000002")
    monkeypatch.setattr(audit, "PAGE", 4)
    seen, after = [], ""
    while True:
        part = audit.newest(desk.quality_manager, Q(seq__gt=0), after)
        seen += [stream.pk for stream in part.rows]
        if not (after := part.after):
            break
    written = Stream.objects.filter(seq__gt=0)
    assert seen == list(written.exclude(pk=others.stream_id).order_by("-pk").values_list("pk", flat=True))
    assert theirs.stream_id in seen and len(seen) > 8
    assert audit.find(desk.quality_manager, theirs.stream_id)
    with pytest.raises(NotFound):
        audit.find(desk.quality_manager, others.stream_id)
    everything = audit.newest(desk.inspector, Q(kind="case"), "").rows
    assert {theirs.stream_id, others.stream_id} <= {stream.pk for stream in everything}
