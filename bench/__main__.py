"""All figures in one table, a row as soon as it is measured: `python -m bench`.

Only some of them: `python -m bench reads search`. The goals of the pages hold for `--cases 100000`, which
take minutes to load. How good the reading of texts is, is asked for by name: `python -m bench text` prints every figure
with its data, split, interval and goal; it needs real texts (WENGUO_DATA), some twenty minutes and no database. Less:
`--of severity groups` (parts of it), `--most 4000` (texts of each set that are taught with).
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
    parser.add_argument("--of", nargs="*", default=[], help="which parts of text; all if none is named")
    parser.add_argument("--most", type=int, help="so many texts of each set of text at most")
    given = parser.parse_args()
    if "text" in given.parts:
        _text(given.of, given.most)
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
        measured("writes", lambda: writes.measure(url, number=4000))
        measured("worker", worker.measure)
    measured("memory", lambda: memory.measure(number=10_000))
    print(f"\n{(time.perf_counter() - began) / 60:.1f} minutes", flush=True)


def _text(of: list[str], most: int | None) -> None:
    """No database and none of what needs one."""
    from bench import text

    if unknown := set(of) - {*text.PARTS, *text.ASKED_FOR}:
        raise SystemExit(
            f"no such part of text: {', '.join(sorted(unknown))}; there are {', '.join([*text.PARTS, *text.ASKED_FOR])}"
        )
    text.measure(of, most)


if __name__ == "__main__":
    main()
