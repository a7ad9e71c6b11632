"""What counts is told in English as one says it, for one and for several; Chinese has one form for both."""

from __future__ import annotations

from typing import Any

import pytest
from django.template import engines
from django.test import Client
from django.utils.translation import override

from wenguo.cases import handover
from wenguo.cases.notice import Notice, tell
from wenguo.policy.told import said, told, unit_told
from wenguo.spoken import counted
from wenguo.web.filters import span


def page(person: Any, address: str, language: str = "en") -> str:
    client = Client()
    client.force_login(person)
    client.cookies["django_language"] = language
    with override(language):  # a request leaves its language behind
        return client.get(address).content.decode()


def test_a_customer_has_one_case_and_then_two(now: Any) -> None:
    case = now.receives("空调漏电", phone="13800001111", name="王小明")
    card = f"/desk/customers/{case.customer_id}/"
    assert ">1 case " in page(now.agent, card) and "1 件" in page(now.agent, card, "zh-hans")
    now.receives("电饭锅煮不熟饭，要求退货", phone="13800001111", name="王小明")
    assert ">2 cases " in page(now.agent, card) and "2 件" in page(now.agent, card, "zh-hans")


def test_a_case_is_reminded_of_once_and_then_twice(now: Any) -> None:
    case = now.triages(now.receives("空调漏电"))
    for words in ("1 repeat or reminder<", "2 repeats or reminders<"):
        handover.remind(case, "客户在等", by=now.agent, at=now.now)
        assert words in page(now.supervisor, f"/desk/cases/{case.number}/")


def test_a_notice_is_counted_when_it_is_read(now: Any) -> None:
    case = now.receives("空调漏电")
    text = "{name}的账号已停用，手上 {n} 件在办，请改派"
    for n in (1, 2):
        tell(case, [now.agent], "owner.left", text, at=now.now, name="王小明", n=n)
    kept = Notice.objects.filter(kind="owner.left").order_by("pk")
    with override("en"):
        one, two = (said(notice.text, notice.names) for notice in kept)
    assert one.endswith("with 1 open complaint; please assign it anew")
    assert two.endswith("with 2 open complaints; please assign them anew")
    with override("zh-hans"):
        assert said(kept[0].text, kept[0].names) == "王小明的账号已停用，手上 1 件在办，请改派"


@pytest.mark.parametrize(
    ("n", "words"),
    [
        (0, ("0 cases", "0 working days", "0 gifts")),
        (1, ("1 case", "1 working day", "1 gift")),
        (16, ("16 cases", "16 working days", "16 gifts")),
    ],
)
def test_words_of_the_code_of_a_page_and_of_the_policy(n: int, words: tuple[str, ...]) -> None:
    with override("en"):
        shown = engines.all()[0].from_string('{{ counted("{n} 件", n) }}').render({"n": n})
        assert (shown, told(f"{n} 个工作日"), f"{n} {unit_told('份礼品', n)}") == words
    with override("zh-hans"):
        shown = engines.all()[0].from_string('{{ counted("{n} 件", n) }}').render({"n": n})
        assert (shown, f"{n} {unit_told('份礼品', n)}") == (f"{n} 件", f"{n} 份礼品")


def test_a_number_is_written_as_numbers_are_unless_it_is_given() -> None:
    with override("en"):
        assert counted("{n} 件", 1204) == "1,204 cases" and counted("{n} 件", 1204, n="1,000+") == "1,000+ cases"
        assert span(25 * 3600) == "1 day 1 hour" and span(50 * 3600) == "2 days 2 hours"
