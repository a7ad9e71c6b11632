"""How long it takes to find what a text is like among very many that are stored: `text_groups.py --stored 1000000`.

The traces are made up: marks drawn as rare pieces are (each of a text's 40 from a million, some far more often than
others), 280 pieces a text; loaded in bulk into the two tables of a database of its own transaction, and rolled back.
Measured is the query of cases/alike.py with the comparing of what it finds, for new texts of the same kind.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import numpy as np

MARKS, PIECES, KINDS = 40, 280, 1_000_000


def measure(stored: int, asked: int = 300) -> None:
    import django

    django.setup()
    from django.db import connection, transaction

    from wenguo.cases import alike as chapter
    from wenguo.policy.versions import pack as _pack  # noqa: F401  the policy's tables are known
    from wenguo.text import alike

    chance = np.random.default_rng(7)
    now = datetime(2026, 11, 28, tzinfo=UTC)

    def drawn(n: int) -> np.ndarray:
        """Marks as words are: a few thousand common ones, a long tail."""
        return (chance.zipf(1.15, size=n) % KINDS).astype(np.int64) - KINDS // 2

    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit = off")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("CREATE TEMP TABLE cases_trace (case_id bigint, received_at timestamptz, matter bigint,"
                           " told bytea, marks int[]) ON COMMIT DROP")  # fmt: skip
            cursor.execute("CREATE TEMP TABLE cases_mark (mark int, case_id bigint) ON COMMIT DROP")
            start = time.perf_counter()
            with cursor.copy("COPY cases_mark FROM STDIN") as copy:
                for first in range(0, stored, 5_000):
                    n = min(5_000, stored - first)
                    block = drawn(n * MARKS).reshape(n, MARKS)
                    copy.write("".join(f"{m}\t{first + k}\n" for k in range(n) for m in set(block[k].tolist())))
            told = alike.Told(np.sort(chance.integers(0, 1 << 32, PIECES, dtype=np.uint32)),
                              np.sort(chance.integers(0, 1 << 32, 15, dtype=np.uint32)))  # fmt: skip
            cursor.execute(
                "INSERT INTO cases_trace SELECT n, %s::timestamptz - n * interval '7 seconds', n, %s, '{}'"
                " FROM generate_series(0, %s) n",
                [now, told.to_bytes(), stored - 1],
            )
            cursor.execute("CREATE UNIQUE INDEX ON cases_mark (mark, case_id)")
            cursor.execute("CREATE UNIQUE INDEX ON cases_trace (case_id)")
            cursor.execute("ANALYZE cases_mark")
            cursor.execute("ANALYZE cases_trace")
            sizes = "pg_total_relation_size('cases_mark'), pg_total_relation_size('cases_trace')"
            cursor.execute(f"SELECT count(*), {sizes} FROM cases_mark")
            marks, size, traces = cursor.fetchone()
            print(f"  {stored:,} traces ({traces / 1e6:.0f} MB), {marks:,} marks ({size / 1e6:.0f} MB), loaded in"
                  f" {time.perf_counter() - start:.0f} s")  # fmt: skip
            taken = []
            common = alike.everyday()
            mine = alike.Weighed(told, common)
            for _n in range(asked):
                wanted = drawn(alike.ASKED + alike.BANDS).tolist()
                start = time.perf_counter()
                cursor.execute(
                    chapter._NEAR,
                    [wanted, -1, chapter.NEWEST, chapter.CANDIDATES * 3, [], now - timedelta(days=90), now,
                     chapter.CANDIDATES],
                )  # fmt: skip
                for _pk, _matter, other, _named in cursor.fetchall():
                    mine.same_matter(alike.Weighed(alike.Told.from_bytes(bytes(other)), common))
                taken.append((time.perf_counter() - start) * 1000)
        taken.sort()
        p95 = taken[int(len(taken) * 0.95)]
        print(f"  finding and comparing: median {statistics.median(taken):.1f} ms, p95 {p95:.1f} ms"
              f"  goal 20 {'reached' if p95 <= 20 else 'NOT REACHED'}", flush=True)  # fmt: skip
        transaction.set_rollback(True)
