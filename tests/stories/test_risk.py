"""The escalation risk of an open case follows its story; whoever must act hears of it once."""

from __future__ import annotations

from datetime import timedelta

from wenguo.cases import acceptance, followup, handover, letters, risk
from wenguo.cases.case import Case
from wenguo.cases.notice import Notice
from wenguo.cases.risk import Risk
from wenguo.journal import Event, fold

MATTER = "洗衣机脱水时剧烈震动,维修两次没修好,要求换新。"
THREAT = "气死我了!!!你们就是骗子,再不处理我就打12315投诉,还要找记者曝光!!!"


def swept(at) -> int:
    written = 0
    while n := risk.sweep(at=at):
        written += n
    return written


def of(case) -> Risk:
    return Risk.objects.get(case=case)


def test_a_calm_case_is_low_and_weighed_once(desk):
    case = desk.triages(desk.receives(MATTER))
    assert swept(desk.now) == 1
    assert of(case).level == "low" and 0 < of(case).score < 0.2
    assert swept(desk.now) == 0
    assert not Event.objects.filter(stream_id=case.stream_id, type__startswith="risk.").exists()
    letters.note(case, "已联系仓库", by=desk.agent, at=desk.wait(minutes=5))
    assert swept(desk.now) == 1


def test_it_rises_with_the_story_is_told_once_and_does_not_flap(desk):
    case = desk.triages(desk.receives(MATTER))
    swept(desk.now)
    letters.hear(case, THREAT, by=case.customer, at=desk.wait(hours=1))
    handover.remind(case, "到底有没有人管", by=case.customer, at=desk.wait(hours=1))
    swept(desk.now)
    kept = of(case)
    assert kept.level == "high" and kept.since == desk.now
    codes = [r["code"] for r in kept.reasons]
    assert {"threat_regulator", "threat_media", "urged", "unanswered"} <= set(codes)
    spoken = Event.objects.get(stream_id=case.stream_id, type="message.received")
    places = {r["code"]: r["places"] for r in kept.reasons}
    assert places["threat_regulator"][0][0] == spoken.seq
    raised = Event.objects.get(stream_id=case.stream_id, type="risk.raised")
    assert raised.data["from"] == "low" and raised.data["to"] == "high"
    assert raised.data["score"] == round(100 * kept.score)
    told = set(Notice.objects.filter(case=case, kind="risk.raised").values_list("person__username", flat=True))
    assert {"agent", "supervisor"} <= told
    # Some of it is answered: below the line, not below the lower one.
    letters.say(case, "关于您的投诉", "我们今天下午派师傅上门更换。", by=desk.agent, at=desk.wait(minutes=10))
    swept(desk.now)
    assert Event.objects.filter(stream_id=case.stream_id, type="risk.raised").count() == 1
    assert Notice.objects.filter(case=case, kind="risk.raised").count() == len(told)


def test_time_alone_raises_it_at_the_moment_that_was_foreseen(desk):
    case = desk.receives(MATTER, by=None, channel="web")
    swept(desk.now)
    kept = of(case)
    assert kept.next_look_at is not None and kept.next_look_at > desk.now
    assert swept(kept.next_look_at - timedelta(seconds=1)) == 0
    before = kept.score
    for _n in range(8):
        at = of(case).next_look_at
        if at is None:
            break
        assert swept(at) == 1
    assert of(case).score > before
    assert {"unowned"} <= {r["code"] for r in of(case).reasons}


def test_what_happened_long_ago_is_no_news_when_it_is_weighed_for_the_first_time(desk):
    case = desk.triages(desk.receives(MATTER + THREAT))
    handover.remind(case, THREAT, by=case.customer, at=desk.wait(hours=1))
    handover.remind(case, THREAT, by=case.customer, at=desk.wait(hours=1))
    swept(desk.wait(days=3))
    assert of(case).level == "high"
    assert not Notice.objects.filter(case=case, kind="risk.raised").exists()


def test_a_closed_case_is_left_alone(desk):

    case = desk.receives(MATTER, by=None, channel="web")
    swept(desk.now)
    acceptance.withdraw(case, "客户说已解决", by=desk.agent, at=desk.wait(minutes=1))
    written = swept(desk.wait(days=30))
    assert written <= 1 and of(case).next_look_at is None
    assert swept(desk.wait(days=1)) == 0
    assert not Case.objects.open().filter(risk__isnull=False).exists()


def test_earlier_complaints_and_escalations_of_the_same_customer_count(desk):
    first = desk.triages(desk.receives(MATTER))
    followup.take_higher(first, "我要找你们领导", by=first.customer, at=desk.wait(hours=1))
    second = desk.receives("空调外机噪声太大,邻居意见很大,要求上门检查", order_number="DD-2")
    assert second.pk != first.pk
    swept(desk.now)
    codes = {r["code"] for r in of(second).reasons}
    assert {"earlier", "escalated_before"} <= codes
    assert "escalated_before" in {r["code"] for r in of(first).reasons}


def test_the_sweep_looks_among_the_newest_events_and_the_hourly_one_at_all(desk):
    case = desk.triages(desk.receives(MATTER))
    fold(at=desk.now)
    assert swept(desk.wait(hours=1)) == 0  # told of before the last root that is old enough: not looked at again
    assert risk.sweep_all(at=desk.now) == 1
    Risk.objects.update(weighed_by="policy:0")
    assert risk.sweep_all(at=desk.now) == 1 and risk.sweep_all(at=desk.now) == 0
    assert of(case).weighed_by.startswith("policy:")


def test_what_is_shown_is_what_is_kept(desk):
    case = desk.triages(desk.receives(MATTER + THREAT))
    swept(desk.now)
    shown = risk.look(case, at=desk.now)
    assert abs(shown.score - of(case).score) < 1e-9
    assert [r.rule.code for r in shown.reasons] == [r["code"] for r in of(case).reasons]
