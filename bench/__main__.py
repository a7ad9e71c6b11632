"""All figures in one table: `python -m bench --cases 100000`, or only some: `python -m bench reads search`."""

from __future__ import annotations

import argparse

from bench import load, memory, reads, search, worker, writes
from bench.figures import Figure, table
from bench.house import bench_database, machine

PARTS = ("load", "reads", "search", "writes", "worker", "memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[], help="which; all if none is named")
    parser.add_argument("--cases", type=int, default=100_000, help="so many there are to be before measuring")
    given = parser.parse_args()
    wanted = given.parts or PARTS
    figures: list[Figure] = []
    with bench_database() as url:
        done = load.load(url, given.cases)
        if done["cases"]:
            told = f"{done['events']:,} events with valid chains, in {done['seconds']:.0f} s"
            figures.append(Figure("load", done["cases"] / done["seconds"], "cases/s", settings=told))
        heading = machine()
        for part, measure in (
            ("reads", reads.measure), ("search", search.measure), ("writes", lambda: writes.measure(url)),
            ("worker", worker.measure),
        ):  # fmt: skip
            if part in wanted:
                figures += measure()
    if "memory" in wanted:
        figures += memory.measure()
    print(table(figures, heading))


if __name__ == "__main__":
    main()
