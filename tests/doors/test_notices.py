"""Notices: read one by one without opening, and the place in the list kept."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils.translation import override

from wenguo.cases import handover, triage
from wenguo.cases.notice import Notice
from wenguo.cases.sweep import sweep


def test_one_is_put_away_without_being_opened(now: Any) -> None:
    case = now.receives("空调漏电")
    first, second = (
        Notice.objects.create(person=now.agent, case=case, kind="x", text=f"第 {n} 条", at=now.now) for n in (1, 2)
    )
    client = Client()
    client.force_login(now.agent)
    answer = client.post("/desk/notices/read/", {"notice": first.pk, "which": "all"})
    assert answer["Location"] == "/desk/notices/?which=all"
    body = client.get("/desk/notices/").content.decode()
    assert "第 2 条" in body and "第 1 条" not in body
    everything = client.get("/desk/notices/?which=all").content.decode()
    assert everything.count("标为已读：") == 1
    second.refresh_from_db()
    assert second.read_at is None


def heard(person: Any, language: str) -> str:
    client = Client()
    client.force_login(person)
    client.cookies["django_language"] = language
    with override(language):  # a request leaves its language behind
        return client.get("/desk/notices/").content.decode()


def test_each_reader_hears_of_it_in_their_own_language(now: Any) -> None:
    """Who acts reads English, who hears of it Chinese, and the other way round."""
    case = now.triages(now.receives("空调漏电"), to=None)
    with override("en"):
        handed = handover.dispatch(case, now.units["zl"], "请检测", by=now.agent, at=now.now)
        while sweep(at=case.clocks.get(kind="handover").due_at):
            pass
    unit = now.units["zl"].title
    assert "有投诉件转来，请签收或退单" in heard(now.quality, "zh-hans")
    assert "签收" not in heard(now.quality, "en")
    who = Notice.objects.filter(case=case, kind="clock.handover").earliest("pk").person
    assert f"{unit}签收已超时（100%）" in heard(who, "zh-hans")
    in_english = heard(who, "en")
    assert f"Take-up by {unit}" in in_english and "已超时" not in in_english and "签收" not in in_english
    with override("en"):
        handover.give_back(
            handed, case.pack.return_reasons[0].code, "不归我们", by=now.quality, at=now.now, proposed=now.units["sh"]
        )
    assert f"{unit}退单，请处理" in heard(now.agent, "zh-hans")
    assert "退单" not in heard(now.agent, "en")


def test_the_words_of_the_product_within_a_notice_are_said_anew(now: Any) -> None:
    """An act of the product, and levels of the policy; a notice of before names were kept stays as it was written."""
    case = now.triages(now.receives("空调漏电"))
    with override("en"):
        triage.grade(case, 2, "有触电风险", by=now.supervisor, at=now.now)
        triage.move_back(case, "back_to_triage", "分类有误", by=now.supervisor, at=now.now)
    Notice.objects.create(person=now.agent, case=case, kind="x", text="旧的一条", at=now.now)
    in_chinese, in_english = heard(now.agent, "zh-hans"), heard(now.agent, "en")
    assert "等级由三级改为二级" in in_chinese and "退回" in in_chinese
    assert "等级由" not in in_english and "退回" not in in_english
    assert "旧的一条" in in_chinese and "旧的一条" in in_english
