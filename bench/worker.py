"""What happens unasked: the sweep of the clocks, the fold of the heads, `wenguo verify`."""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta

from bench.figures import Figure, table
from bench.house import bench_database, machine

DUE = 10_000


def measure(due: int = DUE) -> list[Figure]:
    from django.db import connection

    from wenguo.cases.clock import Clock, Firing
    from wenguo.cases.sweep import sweep
    from wenguo.journal import fold, verify_all

    figures = []
    running = Clock.objects.filter(next_fire_at__isnull=False).count()
    first = (
        Clock.objects.filter(next_fire_at__isnull=False).order_by("next_fire_at").values_list("next_fire_at", flat=True)
    )
    calm = first[0] - timedelta(seconds=1)
    idle = statistics.median(_seconds(lambda: sweep(at=calm)) for _ in range(20))
    figures.append(Figure("sweep when nothing is due", idle * 1000, "ms", 10, settings=f"{running:,} clocks running"))
    if running > due:
        at, before = first[due - 1], Firing.objects.count()
        began, taken = time.perf_counter(), 0
        while batch := sweep(at=at):
            taken += batch
        seconds = time.perf_counter() - began
        told = f"{taken:,} taken, {Firing.objects.count() - before:,} marks fired, each with journal and notices"
        figures.append(Figure(f"sweep of {due:,} due clocks", seconds * due / taken, "s", 30, settings=told))

    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(sum(seq), 0)::bigint, count(*) FROM journal_stream WHERE unfolded")
        events, heads = cursor.fetchone()
    if heads:
        began = time.perf_counter()
        while fold(datetime.now(UTC)):
            pass
        seconds = time.perf_counter() - began
        told = f"{events:,} events under {heads:,} heads, {heads / seconds:,.0f} heads/s"
        figures.append(Figure("fold", events / seconds, "events/s", 20_000, most=False, settings=told))
    began = time.perf_counter()
    summary = verify_all()
    seconds = time.perf_counter() - began
    told = f"{summary.events:,} events, {summary.streams:,} streams, {'all well' if summary.ok else 'BROKEN'}"
    figures.append(Figure("verify", summary.events / seconds, "events/s", 20_000, most=False, settings=told))
    return figures


def _seconds(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    with bench_database():
        heading = machine()
        print(table(measure(), heading))


if __name__ == "__main__":
    main()
