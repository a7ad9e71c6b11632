"""How long it takes to find what a text is like among very many that are stored.

    python -m bench text --of stored --most 1000000

The traces are made up: marks drawn as rare pieces are (each of a text's 40 from a million, a few far more often than
others), 280 pieces a text, and the name of one of 5 000 places, of which some are named far more often; loaded in bulk
into two tables like those of cases/alike.py in a schema of their own, which is dropped afterwards. Measured are its two
queries with the comparing of what they find, for new texts of the same kind; and what the server says its part took.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from django.db import ProgrammingError

from bench.house import bench_database
from bench.text_rows import Row

MARKS, PIECES, KINDS, STORED, ASKED, WARM = 40, 280, 1_000_000, 1_000_000, 300, 50
PLACES = 5_000


def measure(most: int | None = None) -> Iterator[Row]:
    """In the bench's own database."""
    with bench_database():
        yield from _measured(min(STORED, most or STORED))


def _measured(stored: int) -> Iterator[Row]:
    from django.db import connection

    from wenguo.cases import alike as chapter
    from wenguo.text import alike

    chance = np.random.default_rng(7)
    now = datetime(2026, 11, 28, tzinfo=UTC)

    def drawn(n: int) -> np.ndarray:
        """Marks as words are: a few thousand common ones, a long tail."""
        return (chance.zipf(1.15, size=n) % KINDS).astype(np.int64) - KINDS // 2

    def place(n: int) -> np.ndarray:
        """The mark of the place each of n texts names."""
        return KINDS + (chance.zipf(1.3, size=n) % PLACES).astype(np.int64)

    def pieces(n: int) -> np.ndarray:
        return np.sort(chance.integers(0, 1 << 32, n, dtype=np.uint32))

    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS bench_alike CASCADE")
        cursor.execute("CREATE SCHEMA bench_alike")
        try:
            cursor.execute("SET search_path TO bench_alike, public")
            cursor.execute("CREATE UNLOGGED TABLE cases_trace (case_id bigint, received_at timestamptz, matter bigint,"
                           " told bytea, marks int[])")  # fmt: skip
            cursor.execute("CREATE UNLOGGED TABLE cases_mark (mark int, case_id bigint)")
            cursor.execute("CREATE UNLOGGED TABLE named (case_id bigint, mark int)")
            places = place(stored)
            with cursor.copy("COPY named FROM STDIN") as copy:
                copy.write("".join(f"{n}\t{mark}\n" for n, mark in enumerate(places.tolist())))
            with cursor.copy("COPY cases_mark FROM STDIN") as copy:
                for first in range(0, stored, 5_000):
                    n = min(5_000, stored - first)
                    block = np.column_stack([drawn(n * MARKS).reshape(n, MARKS), places[first : first + n]])
                    copy.write("".join(f"{m}\t{first + k}\n" for k in range(n) for m in set(block[k].tolist())))
            told = alike.Told(pieces(PIECES), pieces(15))
            cursor.execute(  # the newest has the highest number, as a case has
                "INSERT INTO cases_trace SELECT case_id, %s::timestamptz - (%s - case_id) * interval '7 seconds',"
                " case_id, %s, ARRAY[mark] FROM named",
                [now, stored - 1, told.to_bytes()],
            )
            cursor.execute("CREATE UNIQUE INDEX ON cases_mark (mark, case_id)")
            cursor.execute("CREATE UNIQUE INDEX ON cases_trace (case_id)")
            for table in ("cases_mark", "cases_trace"):
                cursor.execute(f"VACUUM ANALYZE {table}")
            written = _written(cursor)
            cursor.execute("SELECT count(*) FROM cases_mark")
            data = f"made up: {stored:,} traces, {cursor.fetchone()[0]:,} marks"
            common = alike.everyday()
            mine = alike.Weighed(told, common)
            beside, soon = common.saying(told.whole), now - chapter.SOON
            taken, server = [], []
            for n in range(-WARM, ASKED):
                start = time.perf_counter()
                marks, there = drawn(alike.ASKED + alike.BANDS).tolist(), place(1).tolist()
                near = [marks, -1, chapter.NEWEST, chapter.CANDIDATES * 3, [], now - timedelta(days=90), now]
                cursor.execute(chapter._NEAR, [*near, chapter.CANDIDATES])
                found = cursor.fetchall()
                mine.same_matters([alike.Told.from_bytes(bytes(other)) for _pk, _matter, other, _named in found])
                same = [there, -1, chapter.NEWEST, there, soon, now]
                cursor.execute(chapter._THERE, same)
                others = {pk: alike.Told.from_bytes(bytes(other)) for pk, _matter, other in cursor.fetchall()}
                alike.of_one_thing(alike.same_thing(beside, others, common), 3)
                if n < 0:
                    continue
                taken.append((time.perf_counter() - start) * 1000)
                if n % 3 == 0:
                    near[0] = drawn(alike.ASKED + alike.BANDS).tolist()
                    same[0] = same[3] = place(1).tolist()
                    server.append(
                        _explained(cursor, chapter._NEAR, [*near, chapter.CANDIDATES])
                        + _explained(cursor, chapter._THERE, same)
                    )
            found, apart = _p95(taken), _p95(server)
            split = f"one connection, after {WARM} others{written}; median {statistics.median(taken):.1f} ms"
            yield Row(
                "what a new text is like, and who names the same place, p95",
                found,
                data,
                split,
                20,
                True,
                "ms",
                n=ASKED,
            )
            split = f"as the server explains it; median {statistics.median(server):.1f} ms"
            yield Row("of which the server, p95", apart, data, split, unit="ms", n=len(server))
        finally:
            cursor.execute("DROP SCHEMA bench_alike CASCADE")
            cursor.execute("RESET search_path")


def _written(cursor: Any) -> str:
    """What loading left to be written is written before, not while, we measure; else what to add to the figure."""
    try:
        cursor.execute("CHECKPOINT")
    except ProgrammingError:
        return ", the server still writing (this role may not make it finish first)"
    return ""


def _explained(cursor: Any, query: str, given: list[Any]) -> float:
    """Milliseconds of the server."""
    cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query, given)
    return float(cursor.fetchone()[0][0]["Execution Time"])


def _p95(taken: list[float]) -> float:
    return sorted(taken)[int(len(taken) * 0.95)]
