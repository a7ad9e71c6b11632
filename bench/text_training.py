"""How long a company's own model takes to be taught, and how much memory. Prints CPU time, wall time and the peak.

    .venv/bin/python bench/text_training.py [cases]        # 20 000 unless said otherwise; goal: 100 000 within 10 min

Stand-in for decided cases: the shop reviews of online_shopping_10_cats, real texts of real people, with ten classes of
their own and those of the shipped model beside them. Figures of accuracy mean nothing here; only time and memory do.
"""

from __future__ import annotations

import csv
import gzip
import os
import resource
import sys
import time
from itertools import cycle, islice
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))
DATA = Path(os.environ.get("WENGUO_DATA", ROOT.parent / "shared" / "data"))


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    source = DATA / "online_shopping_10_cats" / "train.csv.gz"
    if not source.exists():
        print(f"NOT MEASURED: no texts at {source} (WENGUO_DATA)")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
    import django

    django.setup()
    from wenguo.cases.learning import Decided, teach
    from wenguo.text import linear, personal

    with gzip.open(source, "rt", newline="") as lines:
        rows = [(row["text"], f"shop.{row['cat']}") for row in csv.DictReader(lines) if row["text"].strip()]
    started, cpu = time.monotonic(), time.process_time()
    cases = [
        Decided(personal.mask(text) + ("" if n < len(rows) else str(n)), code, n % 3 == 0, False)
        for n, (text, code) in enumerate(islice(cycle(rows[::3] + rows[1::3] + rows[2::3]), wanted))
    ]
    size = sum(len(one.text) for one in cases) / len(cases)
    print(f"  {len(cases)} texts of {size:.0f} characters masked: CPU {time.process_time() - cpu:.0f} s", flush=True)
    content = linear.dump(teach(cases, {"version": "bench"}))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(
        f"  taught: CPU {time.process_time() - cpu:.0f} s, wall {time.monotonic() - started:.0f} s,"
        f" peak {peak:.0f} MiB, model {len(content) / 2**20:.1f} MiB"
    )


if __name__ == "__main__":
    main()
