"""Pages a person looks at all day, the queue and a case with ten messages: queries, and time over real HTTP."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any

from bench import client
from bench.figures import Figure, table
from bench.house import Where, bench_database, machine, meter, serving, session_of, told, used

MESSAGES = 10


def a_case_with_messages() -> str:
    """The number of a case in which customer and desk wrote to each other ten times; made when there is none yet."""
    from django.db import transaction
    from django.db.models import Count, Q

    from wenguo.cases import letters
    from wenguo.cases.case import Case
    from wenguo.people.staff import Person

    agent = Person.objects.get(username="xiaoman")
    newest = Case.objects.visible_to(agent, datetime.now(UTC)).filter(stage="investigation").order_by("-pk")[:100]
    messages = Count("stream__events", filter=Q(stream__events__type__in=["message.received", "message.sent"]))
    told = {c.pk: c for c in Case.objects.filter(pk__in=[c.pk for c in newest]).annotate(messages=messages)}
    if found := next((c for c in told.values() if c.messages == MESSAGES), None):
        return str(found.number)
    case = min(told.values(), key=lambda c: c.messages)
    missing = MESSAGES - case.messages
    at = datetime.now(UTC) - timedelta(minutes=missing)
    with transaction.atomic():
        for n in range(missing):
            moment = at + timedelta(minutes=n)
            if n % 2:
                letters.say(case, "", "正在核实,稍后回复您。", by=agent, at=moment)
            else:
                letters.hear(case, f"请问进展如何?这是第 {n // 2 + 1} 次询问。", by=case.customer, at=moment)
    return str(case.number)


def queries(path: str, username: str) -> int:
    """How many queries this page costs, once everything that is kept in memory is there."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from wenguo.people.staff import Person

    browser = Client()
    browser.force_login(Person.objects.get(username=username))
    browser.get(path)
    with CaptureQueriesContext(connection) as asked:
        answer = browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return len(asked)


def looked_at(where: Where, paths: list[str], cookie: str, number: int, at_once: int) -> client.Run:
    requests = [client.get(path, Cookie=cookie) for path in paths]
    client.drive(where, islice(cycle(requests), number // 5 or 1), at_once=at_once)
    with meter(where) as spent:
        run = client.drive(where, islice(cycle(requests), number), at_once=at_once)
    run.price, run.cpu = told(spent, number), used(spent, number)
    assert set(run.statuses) == {200}, run.statuses
    return run


def measure(number: int = 1000, at_once: int = 8) -> list[Figure]:
    figures: list[Figure] = []
    number_of_case = a_case_with_messages()
    pages: list[tuple[str, str, str, int | None, int | None]] = [
        ("queue, everything", "/desk/queue/", "zhouhang", 12, 80),
        ("queue, one desk", "/desk/queue/", "xiaoman", 12, 80),
        ("queue, closed ones", "/desk/queue/?view=done", "xiaoman", 12, 80),
        (f"case with {MESSAGES} messages", f"/desk/case/{number_of_case}/", "xiaoman", 25, 120),
    ]
    medians: dict[str, float] = {}
    cpu: dict[str, float] = {}
    with serving() as where:
        for what, path, username, most, ms in pages:
            run = looked_at(where, [_address(path)], session_of(username), number, at_once)
            medians[what], cpu[what] = run.median, run.cpu
            said = f"{at_once} at once, p50 {run.median:.0f} ms, {run.size / 1024:.0f} KiB; {run.price}"
            figures += [
                Figure(f"{what}: queries", queries(_address(path), username), "", most),
                Figure(f"{what}: p95", run.ms(0.95), "ms", ms, settings=said),
            ]
    with serving("bench.bare_page:application") as where:
        beside = {
            "a list of fifty cases": ("queue, one desk", "/"),
            "a case": (f"case with {MESSAGES} messages", f"/{number_of_case}/"),
        }
        for what, (ours, path) in beside.items():
            bare = looked_at(where, [path], session_of("xiaoman"), number, at_once)
            said = f"p50 {bare.median:.0f} ms, {bare.size / 1024:.0f} KiB; {bare.price}"
            times = f"CPU {cpu[ours] / bare.cpu:.1f} ×"
            figures += [
                Figure(f"bare Django, {what}: p95", bare.ms(0.95), "ms", settings=said),
                Figure(f"{ours}: p50 in times of bare Django", medians[ours] / bare.median, "×", settings=times),
            ]
    return figures


def _address(path: str) -> str:
    from django.urls import reverse

    if path.startswith("/desk/queue/"):
        return reverse("desk:queue") + path.removeprefix("/desk/queue/")
    if path.startswith("/desk/case/"):
        return reverse("desk:case", args=[path.removeprefix("/desk/case/").strip("/")])
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1000)
    given: Any = parser.parse_args()
    with bench_database():
        heading = machine()
        print(table(measure(given.number), heading))


if __name__ == "__main__":
    main()
