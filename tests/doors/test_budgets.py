"""What a page may cost in queries, with more rows than it shows at first: a budget is a test without noise.

A page whose number of queries grows with its rows breaks its budget here, long before anybody waits.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.sql.compiler import SQLCompiler
from django.test import Client
from django.utils import timezone

from wenguo.cases import acceptance, letters
from wenguo.cases.case import Case, Record
from wenguo.cases.notice import tell

ROWS = 60
# address, who looks, at most so many queries
BUDGETS = [
    ("/desk/", "agent", 22),
    ("/desk/", "supervisor", 30),
    ("/desk/queue/", "agent", 12),
    ("/desk/queue/?view=all", "supervisor", 12),
    ("/desk/queue/?view=late", "supervisor", 12),
    ("/desk/queue/?q=漏电", "supervisor", 18),  # four of them bound how long the list is walked
    ("/desk/review/", "agent", 12),
    ("/desk/mine/", "agent", 12),
    ("/desk/tray/", "agent", 8),
    ("/desk/approvals/", "supervisor", 14),
    ("/desk/followups/", "supervisor", 10),
    ("/desk/notices/", "agent", 8),
    ("/desk/customers/", "agent", 9),
    ("/desk/customers/?q=王", "agent", 10),
    ("/desk/policy/", "supervisor", 9),
    ("/desk/admin/people/", "admin", 9),
    ("/desk/admin/audit/", "admin", 10),
    ("/desk/admin/jobs/", "admin", 10),
    ("/desk/admin/models/", "admin", 12),
    ("/desk/cases/{number}/", "agent", 25),
    ("/desk/cases/{number}/risk/", "agent", 10),
    ("/desk/insight/risk/", "supervisor", 14),
    ("/desk/queue/?view=risk", "supervisor", 12),
]


@pytest.fixture
def busy(desk: Any) -> Any:
    """A desk with sixty open cases of sixty customers, half of them with an owner, late ones and notices among them."""
    now = desk
    now.now = timezone.now() - timedelta(minutes=10)
    for n in range(3):
        case = now.receives("空调漏电,要求退款", name=f"王小{n}", phone=f"1380000{n:04d}")
        acceptance.accept(case, by=now.agent, at=now.now)
        letters.hear(case, "请问进展如何", by=case.customer, at=now.now)
    first = case
    streams, copies = [], []
    for n in range(ROWS):
        stream = type(first.stream)(kind="case", ref=f"TS-2611-9{n:03d}-0", seq=0)
        streams.append(stream)
        copy = Case.objects.get(pk=first.pk)
        copy.pk, copy.number, copy.owner = None, stream.ref, now.agent if n % 2 else None
        copy.next_due_at = timezone.now() + timedelta(minutes=n - 20)
        copies.append(copy)
    for stream, copy in zip(type(first.stream).objects.bulk_create(streams), copies, strict=True):
        copy.stream = stream
    made = Case.objects.bulk_create(copies)
    Record.objects.bulk_create(Record(case=copy, description="空调漏电,要求退款") for copy in made)
    for copy in copies:
        tell(copy, [now.agent], "case.noted", "有新情况", at=now.now)
    now.case = first
    return now


@pytest.mark.parametrize(("address", "who", "most"), BUDGETS, ids=[f"{a} {w}" for a, w, _m in BUDGETS])
def test_a_page_keeps_to_its_budget(
    busy: Any, address: str, who: str, most: int, django_assert_max_num_queries: Any
) -> None:
    browser = Client()
    browser.force_login(getattr(busy, who))
    address = address.format(number=busy.case.number)
    assert browser.get(address).status_code == 200
    with django_assert_max_num_queries(most):
        browser.get(address)


# What a page may cost in calls of functions, Python's and C's: of all that can be counted this comes nearest to the
# time of the CPU, and is the same on every machine. And how many queries may still have their SQL made anew.
CALLS = [
    ("/desk/queue/", "agent", 20_000, 0),
    ("/desk/cases/{number}/", "agent", 29_000, 2),
]


@pytest.mark.parametrize(("address", "who", "most", "made"), CALLS, ids=[c[0] for c in CALLS])
def test_a_page_looked_at_all_day_keeps_to_its_work(
    busy: Any, address: str, who: str, most: int, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client()
    browser.force_login(getattr(busy, who))
    address = address.format(number=busy.case.number)
    for _warm in range(2):
        browser.get(address)
    compiled: list[str] = []
    as_sql = SQLCompiler.as_sql

    def counted(compiler: Any, *args: Any, **kwargs: Any) -> Any:
        compiled.append(str(compiler.query.model.__name__))
        return as_sql(compiler, *args, **kwargs)

    monkeypatch.setattr(SQLCompiler, "as_sql", counted)
    calls = 0

    def called(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        answer = browser.get(address)
    finally:
        sys.setprofile(before)
    assert answer.status_code == 200 and b"</html>" in answer.content
    assert len(compiled) <= made, compiled
    assert calls <= most, calls
