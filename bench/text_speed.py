"""How fast texts are read, on one core, and how much memory that takes. Prints figure and goal.

    .venv/bin/python bench/text_speed.py

Texts: the training texts of the project, repeated (about 40 characters), and one of 2 000 characters.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from datetime import date
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    before = resident_mib()
    from wenguo.text import category
    from wenguo.text.reading import understand

    category.built()
    understand("热水器漏电，要求退款299元", date(2026, 11, 28))
    grown = resident_mib() - before
    print(f"  memory by reading texts      {grown:.0f} MiB  goal 150 {'reached' if grown <= 150 else 'NOT REACHED'}")
    print(f"  model file                   {category.model_file().stat().st_size / 2**20:.2f} MiB  goal 60")

    texts = [one.text for one in category.written()][:3000]
    started = time.process_time()
    for text in texts:
        understand(text, date(2026, 11, 28), reasons=False)
    rate = len(texts) / (time.process_time() - started)
    print(
        f"  batch, everything, one core  {rate:.0f} texts/s  goal 1500 {'reached' if rate >= 1500 else 'NOT REACHED'}"
    )

    taken = []
    for text in texts[:1000]:
        at = time.process_time()
        understand(text, date(2026, 11, 28))
        taken.append((time.process_time() - at) * 1000)
    p95 = sorted(taken)[int(len(taken) * 0.95)]
    print(f"  one text with reasons, p95 (CPU) {p95:.2f} ms  goal 8 {'reached' if p95 <= 8 else 'NOT REACHED'}")
    long = "".join(texts)[:2000]
    at = time.process_time()
    understand(long, date(2026, 11, 28))
    print(f"  2 000 characters             {(time.process_time() - at) * 1000:.1f} ms")


if __name__ == "__main__":
    main()
