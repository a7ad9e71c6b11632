"""The category the program proposes: shown with its reasons, taken over with one tap, kept for comparison."""

from __future__ import annotations

from typing import Any

from django.test import Client

from wenguo.cases import acceptance, triage
from wenguo.cases.case import Case
from wenguo.cases.reading import Reading, read
from wenguo.policy.versions import current_pack
from wenguo.web.desk.suggestion import marked, suggest
from wenguo.web.jinja import url

SAID = "热水器用了三天就漏电，手一碰花洒就被麻到，太危险了，电话13812345678，要求退款"


def test_what_it_is_probably_about_is_shown_and_one_tap_accepts(desk: Any) -> None:
    case = desk.receives(SAID)
    acceptance.accept(case, by=desk.agent, at=desk.now)
    browser = Client()
    browser.force_login(desk.agent)
    page = browser.get(f"/desk/cases/{case.number}/").content.decode()
    assert 'id="case-suggestion"' in page and "<mark>" in page and 'value="product.safety"' in page
    case = Case.objects.get(pk=case.pk)
    browser.post(url("desk:act", case.number, "classify"), {"version": case.version, "category": "product.safety"})
    assert Case.objects.get(pk=case.pk).category == "product.safety"
    assert 'id="case-suggestion"' not in browser.get(f"/desk/cases/{case.number}/").content.decode()


def test_a_reading_is_kept_without_words_and_compared_with_the_decision(desk: Any) -> None:
    case = desk.receives(SAID)
    reading = read(case.pk, at=desk.now)
    assert reading is not None and reading.category == "product.safety" and reading.agrees is None
    assert {wish[0] for wish in reading.seen["wishes"]} == {"refund"}
    assert ["phone", SAID.index("138"), SAID.index("138") + 11] in reading.seen["facts"]
    assert "13812345678" not in str(reading.seen) and "漏电" not in str(reading.seen)
    read(case.pk, at=desk.now)
    acceptance.accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "product.function", by=desk.agent, at=desk.now)
    assert Reading.objects.get(case=case).agrees is False
    assert read(0, at=desk.now) is None


def test_what_cannot_be_told_is_not_proposed(desk: Any) -> None:
    pack = current_pack()
    for odd in ("", "？？？", "hello there", "😡", "1234567"):
        assert suggest(pack, odd) == []
    best = suggest(pack, SAID)[0]
    assert best.sub.code == "product.safety" and "漏电" in best.words
    assert suggest(pack, "没有漏电，就是物流太慢，等了八天")[0].sub.code == "service.slow"
    assert suggest(pack, "客服态度恶劣骂人，还说我矫情")[0].probability


def test_reasons_are_marked_where_they_stand() -> None:
    text = "一" * 500 + "漏电" + "二" * 500
    shown = marked(text, [(500, 502)])
    assert ("漏电", True) in shown and sum(len(words) for words, _ in shown) < 400
    assert "".join(words for words, _ in marked(SAID, [(7, 9)])) == SAID
