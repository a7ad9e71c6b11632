"""How well texts are read, and how fast: one table, a row as soon as it is measured. `python -m bench text`.

Real texts are not part of the project: WENGUO_DATA names where they lie, else ../shared/data. What cannot be measured
without them stands in the table as not measured.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

from bench import (
    alike_stored,
    text_groups,
    text_network,
    text_quality,
    text_speed,
    text_training,
    text_vectors,
)
from bench.text_rows import Row, head, not_measured, printed

PARTS = (
    "category",
    "own",
    "severity",
    "feelings",
    "letters",
    "polarity",
    "offensive",
    "groups",
    "vectors",
    "speed",
    "training",
)
NETWORKS = {f"network:{trial.name}": trial.name for trial in text_network.TRIALS}
ASKED_FOR = ("stored", "network", *NETWORKS)
"""Measured only when named: the one needs a database and some gigabytes, the others hours, 6 GB of memory and torch,
which the product does without."""


def _parts(most: int | None) -> dict[str, tuple[str, Callable[[], Iterator[Row]]]]:
    """{part: (what it needs below DATA, how it is measured)}."""
    complaints, citizens = "complaints_labelled", "taidi2020_gov_messages"
    quality = text_quality
    return {
        "category": (complaints, quality.measure_category),
        "own": (complaints, quality.measure_own),
        "severity": (complaints, quality.measure_severity),
        "feelings": (complaints, quality.measure_feelings),
        "letters": (citizens, partial(quality.measure_letters, most)),
        "polarity": ("waimai_10k", partial(quality.measure_polarity, most)),
        "network": ("waimai_10k", partial(text_network.measure, most)),
        **{part: (name, partial(text_network.measure, most, name)) for part, name in NETWORKS.items()},
        "offensive": ("cold_offensive", partial(quality.measure_offensive, most)),
        "groups": (citizens, text_groups.measure),
        "vectors": ("zh_pairs", text_vectors.measure),
        "speed": ("", text_speed.measure),
        "training": ("online_shopping_10_cats", partial(text_training.measure, most)),
        "stored": ("", partial(alike_stored.measure, most)),
    }


def measure(wanted: Sequence[str] = (), most: int | None = None) -> list[Row]:
    """Print the table. `most`: so many texts of each data set are taught with at most, which bounds the time."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    began, kept = time.perf_counter(), []
    bound = f"; at most {most:,} texts of a set" if most else ""
    print(head(f"Reading of texts, {_machine()}{bound}"), flush=True)
    for part, (needs, rows) in _parts(most).items():
        if part not in (wanted or PARTS):
            continue
        if needs and not (text_quality.DATA / needs).is_dir():
            rows = partial(_absent, part, needs)
        kept += printed(rows())
    missed = [row.what for row in kept if row.reached is False]
    absent = [row.what for row in kept if row.value is None]
    print(f"\n{len(kept)} figures, {len(missed)} below their goal, {len(absent)} NOT MEASURED; "
          f"{(time.perf_counter() - began) / 60:.1f} minutes", flush=True)  # fmt: skip
    return kept


def _machine() -> str:
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return f"{at} · {os.cpu_count()} cores · Python {platform.python_version()} · load before {os.getloadavg()[0]:.1f}"


def _absent(part: str, needs: str) -> Iterator[Row]:
    yield not_measured(part, needs, f"no real texts at {text_quality.DATA / needs} (WENGUO_DATA)")
