"""A linear model over pieces of text: small, fast, and able to say which words decided.

A file is one .npz without pickled objects: the pieces, one column of weights a class, and a JSON note of what it was
taught with. Reading needs numpy alone; teaching (`teach.py`) needs more and is never imported by the web process.
"""

from __future__ import annotations

import io
import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from wenguo.text.features import pieces, placed

FORMAT = 1
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reason:
    """s[start:end] spoke for the class with this share of all that did (0–1)."""

    start: int
    end: int
    share: float


@dataclass(frozen=True)
class Linear:
    """`weights[i]` is what piece i, already times its rarity, adds to each class; `rarity` makes the length of a text
    one. `sharpness` turns scores into probabilities that mean what they say (measured, see `note`).
    """

    classes: tuple[str, ...]
    places: Mapping[str, int]
    weights: Floats
    rarity: Floats
    bias: Floats
    sharpness: float
    note: Mapping[str, Any]

    def scores(self, s: str) -> tuple[Floats, float]:
        """The score of each class, and how much of the text the model knows (0–1)."""
        rows, values, known = self._vector(s)
        if not rows:
            return self.bias, 0.0
        return values @ self.weights[rows] + self.bias, known

    def probabilities(self, s: str) -> tuple[Floats, float]:
        """Calibrated probabilities, and how much of the text is known. The less is known, the flatter they are."""
        scores, known = self.scores(s)
        trust = min(1.0, known / ENOUGH)
        exponents = scores * np.float32(self.sharpness * trust)
        exponents = np.exp(exponents - exponents.max())
        return exponents / exponents.sum(), known

    def reasons(self, s: str, which: int, most: int = 5) -> list[Reason]:
        """The places in `s` that spoke most for class number `which` against the others, in order of weight."""
        spoken: dict[int, float] = {}
        for piece, start, end in placed(s):
            row = self.places.get(piece)
            if row is None:
                continue
            column = self.weights[row]
            gain = float(column[which] - column.mean()) * float(self.rarity[row]) / (end - start)
            for at in range(start, end):
                spoken[at] = spoken.get(at, 0.0) + gain
        return _spans(spoken, most)

    def _vector(self, s: str) -> tuple[list[int], Floats, float]:
        counted = Counter(pieces(s))
        places = self.places
        rows: list[int] = []
        counts: list[float] = []
        seen = unseen = 0
        for piece, n in counted.items():
            row = places.get(piece)
            if row is not None:
                rows.append(row)
                counts.append(1.0 + log(n) if n > 1 else 1.0)
            if len(piece) == 2:
                if row is None:
                    unseen += 1
                else:
                    seen += 1
        if not rows:
            return rows, np.zeros(0, np.float32), 0.0
        values = np.array(counts, np.float32) * self.rarity[rows]
        values /= np.sqrt(values @ values)
        return rows, values, seen / (seen + unseen + FEW)


ENOUGH = 0.35
"""From this share of known pairs of characters on a text is like those the model was taught with."""

FEW = 3
"""Pairs of characters by which a very short text counts as less known."""


def _spans(spoken: Mapping[int, float], most: int) -> list[Reason]:
    positive = {at: gain for at, gain in spoken.items() if gain > 0}
    total = sum(positive.values())
    if not total:
        return []
    bar = max(positive.values()) * 0.35
    found: list[tuple[int, int, float]] = []
    for at in sorted(positive):
        if positive[at] < bar:
            continue
        if found and found[-1][1] == at:
            start, _end, weight = found.pop()
            found.append((start, at + 1, weight + positive[at]))
        else:
            found.append((at, at + 1, positive[at]))
    longer = [one for one in found if one[1] - one[0] > 1] or found
    strongest = sorted(longer, key=lambda one: -one[2])[:most]
    return [Reason(start, end, weight / total) for start, end, weight in strongest]


def dump(model: Linear) -> bytes:
    """The bytes of a model file."""
    scale = np.abs(model.weights).max(axis=0) / 127 + 1e-12
    note = {**model.note, "format": FORMAT, "classes": model.classes, "sharpness": model.sharpness}
    out = io.BytesIO()
    np.savez_compressed(
        out, weights=np.rint(model.weights / scale).astype(np.int8), scale=scale.astype(np.float32),
        rarity=model.rarity.astype(np.float16), bias=model.bias.astype(np.float32),
        pieces=_bytes("\n".join(model.places)), note=_bytes(json.dumps(note, ensure_ascii=False, sort_keys=True)),
    )  # fmt: skip
    return out.getvalue()


def parse(content: bytes) -> Linear:
    """The model in a file. ValueError: not one of ours, or of another format."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as parts:
            note = json.loads(parts["note"].tobytes())
            if note["format"] != FORMAT:
                raise ValueError(f"模型文件版本为 {note['format']},本程序读 {FORMAT}")
            names = parts["pieces"].tobytes().decode().split("\n")
            weights = parts["weights"].astype(np.float32) * parts["scale"]
            model = Linear(
                tuple(note["classes"]), {name: row for row, name in enumerate(names)}, weights,
                parts["rarity"].astype(np.float32), parts["bias"], float(note["sharpness"]), note,
            )  # fmt: skip
    except (KeyError, OSError, EOFError, UnicodeError, TypeError, BadZipFile) as failure:
        raise ValueError("不是模型文件") from failure
    if weights.shape != (len(names), len(model.classes)) or model.rarity.shape != (len(names),):
        raise ValueError("模型文件不完整")
    return model


def write(path: Path, content: bytes) -> None:
    """Put a file in place at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    os.chmod(name, 0o644)
    os.replace(name, path)


def _bytes(s: str) -> npt.NDArray[np.uint8]:
    return np.frombuffer(s.encode(), np.uint8)


def ranked(classes: Sequence[str], probabilities: Floats) -> list[tuple[str, float]]:
    """(class, probability), the most probable first."""
    return [(classes[i], float(probabilities[i])) for i in np.argsort(-probabilities, kind="stable")]
