"""Do sentence vectors find what says the same in other words? Rows of `python -m bench text`; needs the extra.

Real pairs of questions of customers of Ant (zh_pairs, ATEC, labelled as the same): of each the first is asked, the
second looked for among the second sides of all. By the words alone, and by words and meaning added as similar cases
add them. Nothing was chosen with these texts in view.
"""

from __future__ import annotations

import csv
import gzip
import os
import random
import time
from collections.abc import Iterator

import numpy as np

from bench.text_quality import DATA
from bench.text_rows import Row, not_measured, share

PAIRS = 300


def measure() -> Iterator[Row]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "wenguo.config.settings")
    import django

    django.setup()
    from wenguo.cases.alike import fused
    from wenguo.text import alike, vectors

    with gzip.open(DATA / "zh_pairs/train.csv.gz", "rt", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["source"].startswith("ATEC") and row["label"] == "1"]
    chosen = random.Random(4).sample(rows, PAIRS)
    asked, kept = ([row[side] for row in chosen] for side in ("s1", "s2"))
    common = alike.everyday()
    ours = [alike.Weighed(alike.told(s, s), common) for s in asked]
    theirs = alike._Laid([alike.told(s, s).whole for s in kept])
    words = np.array([one._cosines(one.whole, one.norm, theirs) for one in ours])
    yield from _found("by words alone", words)
    if not vectors.installed():
        yield not_measured(
            "similar texts: by words and meaning", "zh_pairs, ATEC", "the extra wenguo[vectors] is not installed"
        )
        return
    started = time.process_time()
    mine, other = vectors.of(asked), vectors.of(kept)
    spent = (time.process_time() - started) * 1000 / (2 * PAIRS)
    meant = np.array([vectors.nearness(one, other) for one in mine])
    yield from _found("by words and meaning", np.vectorize(fused)(words, meant))
    size = sum(map(len, asked + kept)) / (2 * PAIRS)
    yield Row("sentence vector of a text", spent, "zh_pairs, ATEC", f"one core, CPU, {size:.0f} characters", unit="ms")


def _found(say: str, scores: np.ndarray) -> Iterator[Row]:
    own = np.diag(scores)[:, None]
    rank = (scores > own).sum(axis=1) + ((scores == own).sum(axis=1) - 1) / 2
    for first in (1, 5):
        hit = [bool(place < first) for place in rank]
        yield share(f"similar texts, {say}: partner in first {first}", hit, "zh_pairs, ATEC", f"{PAIRS} pairs, drawn")
