"""How fast texts are read, on one core, and how much memory that takes: rows of the table of `python -m bench text`.

Texts: the training texts of the project (about 40 characters), and one of 2 000 characters. Times are CPU times, so
that a busy machine says the same. Memory is that of a process of its own.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date

from bench.text_rows import Row

DAY = date(2026, 11, 28)
TEXTS = "training texts of the project"
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
    started = time.process_time()
    for text in texts:
        understand(text, DAY, reasons=False)
    rate = len(texts) / (time.process_time() - started)
    yield Row("reading in batch, everything", rate, TEXTS, "one core, CPU", 1500, unit="texts/s", n=len(texts))

    taken = []
    for text in texts[:1000]:
        at = time.process_time()
        understand(text, DAY)
        taken.append((time.process_time() - at) * 1000)
    p95 = sorted(taken)[int(len(taken) * 0.95)]
    yield Row("reading one text with its reasons, p95", p95, TEXTS, "one core, CPU", 8, True, "ms", n=len(taken))
    at = time.process_time()
    understand("".join(texts)[:2000], DAY)
    yield Row("reading 2 000 characters", (time.process_time() - at) * 1000, TEXTS, "one core, CPU", unit="ms", n=1)
