"""Similar past cases of a new one while it is being understood: in other words, before anybody has classified it."""

from __future__ import annotations

import pytest

from wenguo.cases import alike, reading, triage
from wenguo.cases.acceptance import accept

BROKEN_WORD = "说好周三送冰箱，我请假在家等，下午四点半来电话说排不上了，之后再没有消息。"
NOISY = "空调外机夜里嗡嗡响，开睡眠模式也吵得人睡不着。"
COOKER = "电饭煲坏了换新，来回快递钱要客户自己出，不合理。"
OTHERS = (
    "会员积分过期没有提醒就清零了。",
    "热水器标称六十升，实际只有五十升。",
    "净水器外壳发黄，问是不是材料问题。",
    "付款时满减券突然失效，客服说活动结束了。",
)


@pytest.fixture
def past(desk):
    """What was complained of before, classified, and counted at night."""
    cases = {}
    for n, (text, category) in enumerate(
        [(BROKEN_WORD, "service.promise"), (NOISY, "product.performance"), (COOKER, "aftersales.return_exchange")]
        + [(text, "price.promotion") for text in OTHERS]
    ):
        case = desk.receives(text, phone=f"1380000{n:04}", name=f"老客户{n}")
        accept(case, by=desk.agent, at=desk.now)
        triage.classify(case, category, by=desk.agent, at=desk.now)
        cases[text] = case
    alike.count_words(at=desk.wait(hours=12))
    return cases


def arrives(desk, text):
    case = desk.receives(text, phone="13900007777", name="新客户")
    reading.read(case.pk, at=desk.now)
    return type(case).objects.select_related("record", "customer").get(pk=case.pk)


def found(desk, case):
    return {s.case: s for s in alike.similar(case, by=desk.agent, at=desk.now)}


def test_what_the_program_thinks_it_is_counts_until_somebody_has_classified_it(desk, past):
    case = arrives(desk, "冰箱约好周六送,改到周日又改到周三,请了两天假白等。")
    assert case.category == "" and case.reading.category == "service.promise"
    similar = found(desk, case)
    assert list(similar) == [past[BROKEN_WORD]]
    assert "像是同一小类" in similar[past[BROKEN_WORD]].why

    reading.Reading.objects.filter(case=case).update(category="")  # it cannot tell
    unread = type(case).objects.select_related("record", "customer").get(pk=case.pk)
    assert past[BROKEN_WORD] not in found(desk, unread)

    accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "service.promise", by=desk.agent, at=desk.now)
    told = found(desk, case)[past[BROKEN_WORD]]
    assert "同一小类" in told.why and told.score > similar[past[BROKEN_WORD]].score


def test_turns_of_phrase_that_nobody_has_used_do_not_hide_what_is_known(desk, past):
    case = arrives(desk, "煲饭的锅才俩礼拜就罢工啦!换新倒爽快,可来回快递钱竟叫俺自己出,凭啥呀?")
    assert past[COOKER] in found(desk, case)
