"""How fast texts are read, on one core, and how much memory that takes: rows of the table of `python -m bench text`.

Texts: the training texts of the project (about 40 characters), and one of 2 000 characters. Goals are for CPU time,
which a busy machine shifts less; the time by the clock on the wall stands beside it. Memory is that of a process of its
own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date

from bench.text_rows import Row

DAY = date(2026, 11, 28)
TEXTS = "training texts of the project"
CPU = "one core, CPU"
_GROWN = """
import resource
from pathlib import Path
resident = lambda: int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20
before = resident()
from datetime import date
from wenguo.text import category
from wenguo.text.reading import understand
category.built()
understand("热水器漏电，要求退款299元", date(2026, 11, 28))
print(resident() - before)
"""


def measure() -> Iterator[Row]:
    from wenguo.text import category
    from wenguo.text.reading import understand

    grown = subprocess.run([sys.executable, "-c", _GROWN], capture_output=True, text=True, check=True).stdout
    yield Row("memory that reading takes", float(grown), "one text", "a process of its own", 150, True, "MiB")
    size = category.model_file().stat().st_size / 2**20
    yield Row("model files", size, category.model_file().name, "", 60, True, "MiB")

    texts = [one.text for one in category.written()][:3000]
    understand(texts[0], DAY)
    started = _now()
    for text in texts:
        understand(text, DAY, reasons=False)
    cpu, wall = (len(texts) / spent for spent in _since(started))
    batch = "reading in batch, everything"
    yield Row(batch, cpu, TEXTS, CPU, 1500, unit="texts/s", n=len(texts))
    yield Row(batch, wall, TEXTS, _wall(), unit="texts/s", n=len(texts))

    taken = []
    for text in texts[:1000]:
        started = _now()
        understand(text, DAY)
        taken.append(_since(started))
    cpu, wall = (sorted(times)[int(len(taken) * 0.95)] * 1000 for times in zip(*taken, strict=True))
    one = "reading one text with its reasons, p95"
    yield Row(one, cpu, TEXTS, CPU, 8, True, "ms", n=len(taken))
    yield Row(one, wall, TEXTS, _wall(), unit="ms", n=len(taken))
    started = _now()
    understand("".join(texts)[:2000], DAY)
    yield Row("reading 2 000 characters", _since(started)[0] * 1000, TEXTS, CPU, unit="ms", n=1)


def _wall() -> str:
    return f"by the clock on the wall; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def _since(then: tuple[float, float]) -> tuple[float, float]:
    """Seconds of CPU, and by the clock on the wall."""
    return time.process_time() - then[0], time.perf_counter() - then[1]
