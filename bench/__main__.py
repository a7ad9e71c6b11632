"""All figures in one table, a row as soon as it is measured: `python -m bench`.

Only some of them: `python -m bench reads search`. The goals of the pages hold for `--cases 100000`, which
take minutes to load. How good the reading of texts is, is asked for by name: `python -m bench text` prints every figure
with its data, split, interval and goal; it needs real texts (WENGUO_DATA), some twenty minutes and no database.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from bench import load, memory, reads, search, worker, writes
from bench.figures import Figure, head, line
from bench.house import bench_database, machine

PARTS = ("load", "reads", "search", "writes", "worker", "memory")
CASES = 20_000


def _tidied() -> None:
    """What earlier measuring left behind is cleared away, as PostgreSQL does by itself in a quiet minute."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, "text", []], default=[], help="which; all if none is named"
    )
    parser.add_argument("--cases", type=int, default=CASES, help="so many there are to be before measuring")
    given = parser.parse_args()
    if "text" in given.parts:
        _text()
        given.parts.remove("text")
        if not given.parts:
            return
    wanted, began = given.parts or PARTS, time.perf_counter()

    def measured(part: str, measure: Callable[[], list[Figure]]) -> None:
        if part in wanted:
            print(f"… {part}", file=sys.stderr, flush=True)
            for figure in measure():
                print(line(figure), flush=True)

    with bench_database() as url:
        print(f"… {given.cases:,} cases", file=sys.stderr, flush=True)
        done = load.load(url, given.cases)
        _tidied()
        print(head(machine()), flush=True)
        if done["cases"]:
            told = f"{done['events']:,} events with valid chains, in {done['seconds']:.0f} s"
            print(line(Figure("load", done["cases"] / done["seconds"], "cases/s", settings=told)), flush=True)
        measured("reads", lambda: reads.measure(number=250))
        measured("search", lambda: search.measure(number=100))
        measured("writes", lambda: writes.measure(url, number=800))
        measured("worker", worker.measure)
    measured("memory", lambda: memory.measure(number=10_000))
    print(f"\n{(time.perf_counter() - began) / 60:.1f} minutes", flush=True)


def _text() -> None:
    """How good, and how fast; they print as they go."""
    from bench import text_groups, text_quality, text_speed

    text_quality.main()
    text_groups.measure()
    print("speed of reading, one core")
    text_speed.main()


if __name__ == "__main__":
    main()
