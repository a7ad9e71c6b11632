"""How long a company's own model takes to be taught, and how much memory: rows of the table of `python -m bench text`.

Stand-in for decided cases: the shop reviews of online_shopping_10_cats, real texts of real people, with ten classes of
their own and those of the shipped model beside them. Figures of accuracy mean nothing here; only time and memory do.
"""

from __future__ import annotations

import csv
import gzip
import os
import resource
import time
from collections.abc import Iterator
from itertools import cycle, islice

from bench.text_quality import DATA
from bench.text_rows import Row

CASES = 100_000


def measure(most: int | None = None) -> Iterator[Row]:
    """Time on the wall, since that is what a night has; the CPU time beside it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
    import django

    django.setup()
    from wenguo.cases.learning import Decided, teach
    from wenguo.text import linear, personal

    name = "online_shopping_10_cats"
    with gzip.open(DATA / name / "train.csv.gz", "rt", newline="") as lines:
        rows = [(row["text"], f"shop.{row['cat']}") for row in csv.DictReader(lines) if row["text"].strip()]
    wanted = min(CASES, most or CASES)
    cases = [
        Decided(personal.mask(text) + ("" if n < len(rows) else str(n)), code, n % 3 == 0, False)
        for n, (text, code) in enumerate(islice(cycle(rows[::3] + rows[1::3] + rows[2::3]), wanted))
    ]
    started, cpu = time.monotonic(), time.process_time()
    content = linear.dump(teach(cases, {"version": "bench"}))
    wall, spent = (time.monotonic() - started) / 60, (time.process_time() - cpu) / 60
    split = f"as `wenguo train`, {spent:.1f} min of CPU, model {len(content) / 2**20:.1f} MiB"
    yield Row(f"teaching with {wanted:,} cases", wall, name, split, 10, True, "min", n=wanted)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    yield Row("memory of the process, at most", peak, name, "all that was measured before included", unit="MiB")
