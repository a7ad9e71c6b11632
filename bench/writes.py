"""Taking in and answering through the API, how many a second; in the same run the bare stack with as many rows."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bench import client
from bench.figures import Figure, table
from bench.house import Where, bench_database, connect, machine, meter, serving, token_of, told, used

_HEADERS = {"Content_Type": "application/json"}
ANSWER = {
    "apology": "给您带来不便,我们深表歉意。", "findings": "经核实,退款因系统延迟未及时到账。",
    "actions": "今天已为您办理退款。",
    "prevention": "我们已改进退款流程,避免再次发生。", "thanks": "感谢您的反馈,有问题请联系客服。",
}  # fmt: skip
WARM = 400  # requests before measuring: every thread has its connection, and that its plans


def submissions(token: str, number: int, seed: int) -> Iterator[bytes]:
    """Complaints of new customers, each another text."""
    from bench.load import Words

    words, base = Words(seed, pool=400), seed % 10_000_000 * 100
    for n in range(number):
        said = words.next(n)
        body = {
            "channel": "api", "text": said["text"], "name": said["name"], "phone": f"18{(base + n) % 10**9:09d}",
            "external_id": f"bench-{seed}-{n}", "order_number": said["order"],
        }  # fmt: skip
        yield client.post("/api/v1/submissions", json.dumps(body).encode(), Authorization=f"Bearer {token}", **_HEADERS)


def taking_in(token: str, number: int, at_once: int = 16) -> client.Run:
    with serving() as where:
        client.drive(where, submissions(token, WARM, fresh()), at_once=at_once)
        return metered(where, list(submissions(token, number, fresh())), at_once)


def metered(where: Where, requests: list[bytes], at_once: int) -> client.Run:
    with meter(where) as spent:
        run = client.drive(where, iter(requests), at_once=at_once)
    run.price, run.cpu = told(spent, len(requests)), used(spent, len(requests))
    return run


def fresh() -> int:
    return int(time.time() * 1000) % 10**9


# ── answering ────────────────────────────────────────────────────────────────────────────────────────────────────────


def prepared(number: int) -> list[str]:
    """Cases with a released answer, ready to be sent: taken to that point by the real acts, or from an earlier run."""
    from django.db import connection, transaction

    from wenguo.cases import acceptance, reply, triage
    from wenguo.cases.case import record
    from wenguo.cases.intake import Complaint, receive
    from wenguo.people.actor import SYSTEM
    from wenguo.people.staff import Person

    agent, lead = (Person.objects.get(username=name) for name in ("xiaoman", "xuemei"))
    numbers, base = [], fresh() % 10_000_000
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    for n in range(number):
        at = datetime.now(UTC) - timedelta(hours=1)
        with transaction.atomic():
            text = f"退款一直没有到账,请尽快处理,订单号 R{base}{n}。"
            case = receive(
                Complaint("phone", text, name="王小明", phone=f"17{(base * 100 + n) % 10**9:09d}"), by=agent, at=at
            ).case
            assert case is not None
            acceptance.accept(case, by=agent, at=at)
            triage.classify(case, "price.refund", by=agent, at=at)
            triage.grade(case, 4, "轻微", by=lead, at=at)
            record(
                case, "case.executed", by=SYSTEM, at=at, set={"stage": "reply", "executed_at": at, "owner_id": agent.pk}
            )
            draft = reply.draft_reply(case, ANSWER, by=agent, at=at)
            reply.submit_reply(draft, by=agent, at=at)
        numbers.append(case.number)
    return numbers


def answers(token: str, numbers: list[str]) -> Iterator[bytes]:
    for number in numbers:
        yield client.post(f"/api/v1/cases/{number}/answer", b"{}", Authorization=f"Bearer {token}", **_HEADERS)


def answering(token: str, number: int, at_once: int = 8) -> client.Run:
    warm = WARM // 2
    numbers = prepared(number + warm)
    with serving() as where:
        client.drive(where, answers(token, numbers[:warm]), at_once=at_once)
        return metered(where, list(answers(token, numbers[warm:])), at_once)


# ── beside it ────────────────────────────────────────────────────────────────────────────────────────────────────────


def bare_django(number: int, written: Written, at_once: int = 16) -> client.Run:
    """A Django view that inserts and changes as many rows, one statement each, and does nothing else."""
    os.environ |= {"BENCH_ROWS": str(written.new), "BENCH_CHANGES": str(written.changed)}
    body = json.dumps({"text": "退款一直没有到账,请尽快处理。" * 8}).encode()
    with serving("bench.bare:application") as where:
        requests = [client.post("/", body, **_HEADERS)] * number
        client.drive(where, iter((requests * WARM)[:WARM]), at_once=at_once)
        return metered(where, requests, at_once)


def bare_postgresql(url: str, number: int, written: Written, at_once: int = 16) -> float:
    """Transactions a second that insert and change as many rows, a statement each, from threads, with no framework."""
    from concurrent.futures import ThreadPoolExecutor

    _make_bare_table(url)
    body = "退款一直没有到账,请尽快处理。" * 8

    def work(times: int) -> None:
        with connect(url) as server:
            for _n in range(times):
                for row in range(written.new):
                    sql = "INSERT INTO bench_bare (kind, body, at) VALUES (%s, %s, now()) RETURNING id"
                    pk = server.execute(sql, [row, body]).fetchone()[0]
                for row in range(written.changed):
                    server.execute("UPDATE bench_bare SET kind = kind + 1, at = now() WHERE id = %s", [pk - row])
                server.commit()

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as crew:
        list(crew.map(work, [number // at_once] * at_once))
    return number / (time.perf_counter() - began)


def _make_bare_table(url: str) -> None:
    with connect(url, autocommit=True) as server:
        server.execute("DROP TABLE IF EXISTS bench_bare")
        server.execute("CREATE TABLE bench_bare (id bigserial PRIMARY KEY, kind int, body text, at timestamptz)")
        server.execute("GRANT ALL ON bench_bare, bench_bare_id_seq TO PUBLIC")  # the server and we may be two roles


class Written(NamedTuple):
    """Rows of one transaction, counted in the tables."""

    new: int
    changed: int

    def __str__(self) -> str:
        return f"{self.new} rows" + (f" and {self.changed} changed" if self.changed else "")


def written_by(act: Callable[[], object]) -> Written:
    """What an act writes; it is undone."""
    from django.db import connection, transaction

    def counted() -> tuple[int, int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(n_tup_ins), sum(n_tup_upd) FROM pg_stat_xact_user_tables")
            return cursor.fetchone()

    with transaction.atomic():
        before = counted()
        act()
        after = counted()
        transaction.set_rollback(True)
    return Written(int(after[0] - before[0]), int(after[1] - before[1]))


def of_an_intake() -> Written:
    from wenguo.cases.intake import Complaint, receive
    from wenguo.people.staff import Person

    agent = Person.objects.get(username="xiaoman")
    complaint = Complaint("api", "退款没有到账,请处理", name="王小明", phone=f"16{fresh():09d}")
    return written_by(lambda: receive(complaint, by=agent, at=datetime.now(UTC)))


def of_an_answer() -> Written:
    from wenguo.cases import reply
    from wenguo.cases.case import Case
    from wenguo.people.staff import Person

    agent = Person.objects.get(username="xiaoman")
    case = Case.objects.get(number=prepared(1)[0])
    return written_by(lambda: reply.answer(case, by=agent, at=datetime.now(UTC)))


def measure(url: str, number: int = 4000) -> list[Figure]:
    token, fewer = token_of("xiaoman"), min(number // 2, 1500)
    rows, answered = of_an_intake(), of_an_answer()
    _make_bare_table(url)
    intake, bare = taking_in(token, number), bare_django(number, rows)
    raw = bare_postgresql(url, number, rows)
    reply, bare_reply = answering(token, fewer), bare_django(fewer, answered, at_once=8)
    raw_reply = bare_postgresql(url, fewer, answered, at_once=8)
    runs = ((intake, 201), (bare, 201), (reply, 200), (bare_reply, 201))
    wrong = [run.statuses for run, code in runs if set(run.statuses) != {code}]
    assert not wrong, wrong
    return [
        Figure("POST /submissions", intake.rate, "/s", 300, False, f"16 at once, {rows}; {intake.price}"),
        Figure("POST /submissions, p99", intake.ms(0.99), "ms", 150, settings=f"p50 {intake.median:.0f} ms"),
        *_beside(intake, bare, raw, "16 at once"),
        Figure("answer to the customer", reply.rate, "/s", 250, False, f"8 at once, {answered}; {reply.price}"),
        Figure("answer to the customer, p99", reply.ms(0.99), "ms", settings=f"p50 {reply.median:.0f} ms"),
        *_beside(reply, bare_reply, raw_reply, "8 at once"),
    ]


def _beside(ours: client.Run, bare: client.Run, raw: float, at_once: str) -> list[Figure]:
    """Ours held against the bare stack, in the same run."""
    share = f"same run; CPU of web and database {ours.cpu / bare.cpu:.1f} ×"
    return [
        Figure("— bare Django, as many rows", bare.rate, "/s", settings=f"p99 {bare.ms(0.99):.0f} ms; {bare.price}"),
        Figure("— bare PostgreSQL, as many rows", raw, "/s", settings=f"{at_once}, one statement a row"),
        Figure("— share of bare Django", ours.rate / bare.rate * 100, "%", settings=share),
        Figure("— share of bare PostgreSQL", ours.rate / raw * 100, "%", settings="same run"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=4000)
    given = parser.parse_args()
    with bench_database() as url:
        heading = machine()
        print(table(measure(url, given.number), heading))


if __name__ == "__main__":
    main()
