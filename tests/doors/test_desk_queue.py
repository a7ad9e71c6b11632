"""The queue at work: search in Chinese and pinyin, order and columns, the look beside the list, news, export."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import python_calamine
from django.test import Client
from django.utils import timezone
from tests.doors.visitor import at_desk

from wenguo.cases import export, handover
from wenguo.cases.case import Case
from wenguo.journal import Event
from wenguo.web.desk.listing import sought
from wenguo.web.spreadsheet import csv_file, xlsx_file

HTMX = {"HX-Request": "true"}


def three(now: Any) -> tuple[Case, Case, Case]:
    return (
        now.receives("空调漏电，吓坏了老人", phone="13800001111", name="王小明"),
        now.receives("退款两周未到账", phone="13800002222", name="欧阳娜"),
        now.receives("送货师傅态度差", phone="13800003333", name="单田芳"),
    )


def shown(body: str, *cases: Case) -> list[bool]:
    return [f"/desk/cases/{case.number}/" in body for case in cases]


@pytest.mark.parametrize(
    ("q", "which"),
    [
        ("漏电", 0), ("退款", 1), ("师傅", 2), ("王小明", 0), ("小明", 0), ("wangxiaoming", 0), ("wxm", 0), ("oyn", 1),
        ("shantianfang", 2), ("2222", 1), ("没有这样的话", None),
    ],
)  # fmt: skip
def test_search_in_characters_and_pinyin(now: Any, q: str, which: int | None) -> None:
    cases = three(now)
    body = at_desk(now.agent).get("/desk/queue/", {"q": q}).content.decode()
    assert shown(body, *cases) == [n == which for n in range(3)]


def test_what_was_said_is_looked_up_once_not_for_each_row(now: Any) -> None:
    found = str(sought(Case.objects.values("pk"), "漏电", now.now).query)
    assert '"cases_case"."search" @@' in found and found.count("SELECT") == 1  # the row itself, by its index


def test_a_case_is_found_by_its_owner_too(now: Any) -> None:
    cases = three(now)
    handover.take(cases[1], by=now.senior, at=now.now)
    client = at_desk(now.supervisor)
    for q in ("周宁", "zhouning", "zn"):
        assert shown(client.get("/desk/queue/", {"q": q}).content.decode(), *cases) == [False, True, False], q


def test_the_head_sorts_and_a_slice_goes_on_in_that_order(now: Any) -> None:
    cases = three(now)
    for case, hours in zip(cases, (30, 10, 20), strict=True):
        Case.objects.filter(pk=case.pk).update(next_due_at=timezone.now() + timedelta(hours=hours))
    Case.objects.filter(pk=cases[2].pk).update(level=1)
    client = at_desk(now.agent)

    def order(address: str) -> list[int]:
        body = client.get(address).content.decode()
        return sorted(range(3), key=lambda n: body.index(f"/desk/cases/{cases[n].number}/"))

    assert order("/desk/queue/") == [1, 2, 0]
    assert order("/desk/queue/?order=level")[0] == 2
    assert order("/desk/queue/?order=new") == [2, 1, 0] and order("/desk/queue/?order=old") == [0, 1, 2]
    assert client.get("/desk/queue/?order=nonsense").status_code == 200


# ── the look beside the list ──────────────────────────────────────────────────────────────────────────────────────


def test_a_look_shows_what_matters_for_a_fixed_number_of_questions(
    now: Any, django_assert_max_num_queries: Any
) -> None:
    case = now.triages(now.receives("空调漏电，吓坏了老人", name="王小明", wish="退机"))
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/peek/"
    client.get(address, headers=HTMX)
    from wenguo.cases import letters

    for n in range(12):
        letters.note(case, f"第 {n} 条备注", by=now.agent, at=now.now)
    with django_assert_max_num_queries(18):
        body = client.get(address, headers=HTMX).content.decode()
    assert "<html" not in body and case.number in body and "退机" in body and "空调漏电" in body
    assert "第 11 条备注" in body and "第 8 条备注" not in body
    assert "王小明" not in body and "王**" in body
    assert client.get(address)["Location"] == f"/desk/cases/{case.number}/"  # without script: the case
    assert at_desk(now.east_agent).get(address, headers=HTMX).status_code == 404


# ── news ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_news_count_what_of_this_list_has_changed(now: Any) -> None:
    first, second, third = three(now)
    client = at_desk(now.agent)
    seen = ",".join(f"{c.pk}.{c.version}" for c in Case.objects.all())

    def news(view: str = "open") -> int:
        n: int = client.get("/desk/queue/news/", {"view": view, "shown": seen}).json()["n"]
        return n

    assert news() == 0
    handover.take(first, by=now.agent, at=now.now)
    assert news() == 1
    fourth = now.receives("洗衣机进水", phone="13800004444")
    assert news() == 2
    seen = f"{second.pk}.{second.version},{third.pk}.{third.version},{fourth.pk}.{fourth.version}"
    assert news("unassigned") == 0
    handover.take(second, by=now.agent, at=now.now)
    assert news("unassigned") == 1  # it has left the list
    assert client.get("/desk/queue/news/", {"shown": "x" * 9000}).status_code == 200
    assert Client().get("/desk/queue/news/").status_code == 302


def test_the_list_alone_comes_anew(now: Any) -> None:
    cases = three(now)
    body = at_desk(now.agent).get("/desk/queue/?view=unassigned", headers=HTMX).content.decode()
    assert body.lstrip().startswith('<div id="queue-list"') and "<html" not in body
    assert all(shown(body, *cases))


# ── export ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_exported_is_the_list_masked_and_written_down(now: Any) -> None:
    case, other, _third = three(now)
    Case.objects.filter(pk=case.pk).update(subject="=HYPERLINK(1)")
    client = at_desk(now.supervisor)
    given = {"query": "view=open&q=漏电", "form": "csv", "reason": "周会"}
    answer = client.post("/desk/queue/export/", given)
    assert answer.status_code == 200 and "attachment" in answer["Content-Disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    head, *rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert head[:3] == ["编号", "事由", "等级"] and len(rows) == 1
    assert rows[0][0] == case.number and rows[0][1] == "'=HYPERLINK(1)"
    assert "王小明" not in answer.content.decode() and "王**" in rows[0]
    event = Event.objects.filter(type="staff.exported_cases").get()
    assert event.data["cases"] == [case.pk] and event.by == f"staff:{now.supervisor.pk}"
    assert event.private is not None and event.private["reason"] == "周会" and "漏电" in event.private["narrowed"][-1]
    assert other.number not in answer.content.decode()


def test_a_workbook_opens_in_another_program(now: Any) -> None:
    three(now)
    answer = at_desk(now.supervisor).post(
        "/desk/queue/export/", {"query": "view=open", "form": "xlsx", "reason": "对账"}
    )
    book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["投诉清单", "说明"]
    rows = book.get_sheet_by_index(0).to_python()
    assert rows[0][:2] == ["编号", "事由"] and len(rows) == 4
    about = dict((r[0], r[1]) for r in book.get_sheet_by_index(1).to_python())
    assert about["导出理由"] == "对账" and about["导出人"] == "李强"


def test_an_export_is_refused_in_words(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    three(now)
    given = {"query": "view=open", "form": "csv", "reason": "周会"}
    assert at_desk(now.agent).post("/desk/queue/export/", given).status_code == 403
    supervisor = at_desk(now.supervisor)
    assert supervisor.post("/desk/queue/export/", {**given, "reason": " "}).status_code == 422
    assert supervisor.post("/desk/queue/export/", {**given, "form": "exe"}).status_code == 422
    assert supervisor.post("/desk/queue/export/", {**given, "query": "q=没有这样的话"}).status_code == 409
    assert supervisor.get("/desk/queue/export/").status_code == 405
    monkeypatch.setattr(export, "MOST_ALONE", 2)
    refused = supervisor.post("/desk/queue/export/", given)
    assert refused.status_code == 403 and "一次最多导出 2 件" in refused.content.decode()
    assert at_desk(now.manager).post("/desk/queue/export/", given).status_code == 200  # may approve large ones
    monkeypatch.setattr(export, "MOST_FOR_ALL", 2)
    assert at_desk(now.manager).post("/desk/queue/export/", given).status_code == 409
    assert Event.objects.filter(type="staff.exported_cases").count() == 1


def test_what_cannot_be_seen_is_not_exported(now: Any) -> None:
    case = three(now)[0]
    now.receives("华东门店的事", phone="13800008888", by=now.east_agent)
    answer = at_desk(now.east_supervisor).post(
        "/desk/queue/export/", {"query": "view=all", "form": "csv", "reason": "核对"}
    )
    assert answer.status_code == 200 and case.number not in answer.content.decode("utf-8-sig")


def test_words_of_a_spreadsheet_are_never_a_formula_nor_break_it() -> None:
    evil = ["=1+1", "+1", "-1", "@x", "\t=1", "  =2", 'a,"b"\nc', "\x00\ud800<&>", "x" * 40_000, 7]
    rows = list(csv.reader(io.StringIO(csv_file(["列"], [[e] for e in evil]).decode("utf-8-sig"))))
    assert [r[0][0] for r in rows[1:7]] == ["'"] * 6 and rows[7] == ['a,"b"\nc'] and rows[-1] == ["7"]
    book = python_calamine.CalamineWorkbook.from_filelike(
        io.BytesIO(xlsx_file("单", ["列"], [[e] for e in evil], "说明", [("a", "b")]))
    )
    cells = [r[0] for r in book.get_sheet_by_index(0).to_python()[1:]]
    assert cells[0] == "=1+1" and cells[7] == "<&>" and len(str(cells[8])) == 32_767 and cells[9] == 7


def test_filters_and_search_cost_a_fixed_number_of_questions(now: Any, django_assert_max_num_queries: Any) -> None:
    three(now)
    client = at_desk(now.supervisor)
    client.get("/desk/queue/")
    narrowed = f"?unit={now.units['zb'].pk}&owner={now.agent.pk}&level=3&stage=received&within=7"
    with django_assert_max_num_queries(12):
        client.get(f"/desk/queue/{narrowed}")
    with django_assert_max_num_queries(20):  # a search looks for customers by four ways, and says how long it may take
        client.get(f"/desk/queue/{narrowed}&q=wangxiaoming")
    with django_assert_max_num_queries(9):
        client.get(f"/desk/queue/news/{narrowed}&shown=1.1")


def test_one_tap_puts_a_filter_on_and_another_takes_it_off(now: Any) -> None:
    first, second, third = three(now)
    Case.objects.filter(pk=first.pk).update(level=1)
    handover.take(second, by=now.agent, at=now.now)
    client = at_desk(now.agent)
    quick = client.get("/desk/queue/?view=open").content.decode().split("queue-quick")[1].split("</nav>")[0]
    taps = [a.split('"')[0].replace("&amp;", "&") for a in quick.split('href="')[1:]]
    unassigned = next(t for t in taps if "owner=none" in t)
    body = client.get(unassigned).content.decode()
    assert shown(body, first, second, third) == [True, False, True]
    assert "未分派" not in body.split("queue-quick")[1].split("</nav>")[0]  # it is on: not offered again
    grave = next(t for t in taps if "level=1" in t)
    assert shown(client.get(grave).content.decode(), first, second, third) == [True, False, False]
