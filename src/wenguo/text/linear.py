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
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from wenguo.text.features import CUE, pieces, placed

FORMAT = 1
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reason:
    """s[start:end] spoke for the class with this share of all that did (0–1)."""

    start: int
    end: int
    share: float


@dataclass(frozen=True, slots=True)
class Head:
    """One question a model answers: its classes, the first of its columns, and what turns scores into probabilities
    that mean what they say: a factor on the scores, then a slope and an offset of how sure the best class is (on the
    scale of log odds; a slope below 1: neither as sure nor as unsure as it seems). All three are measured."""

    classes: tuple[str, ...]
    first: int
    sharpness: float
    slope: float = 1.0
    offset: float = 0.0


class Said(NamedTuple):
    """What another reader says of a text: `by` whom, and a score for each class that one knows, their mean 0."""

    by: str
    scores: Floats


@dataclass(frozen=True, slots=True)
class Beside:
    """How far a head trusts another reader: what `by` says counts `weight` times beside the scores of the words;
    `classes`: those it knows, in its order. The others as in `Head`, measured on the sum."""

    by: str
    classes: tuple[str, ...]
    weight: float
    sharpness: float
    slope: float = 1.0
    offset: float = 0.0

    def scores(self, said: Floats, classes: Sequence[str]) -> Floats:
        """(n_texts, n_said) or (n_said,) to a score for each of `classes`; 0, its mean, for one it does not know."""
        where = {one: k for k, one in enumerate(self.classes)}
        made: Floats = np.zeros((*said.shape[:-1], len(classes)), np.float32)
        for k, one in enumerate(classes):
            if one in where:
                made[..., k] = self.weight * said[..., where[one]]
        return made


@dataclass(frozen=True, slots=True)
class Vector:
    """A text as a model sees it: rows of known pieces, their values, and how much of the text is known (0–1)."""

    rows: list[int]
    values: Floats
    known: float


@dataclass(frozen=True)
class Linear:
    """`weights[i]` is what piece i adds to each class of each head; `rarity` says how much a piece counts; `beside`: of
    the heads that listen to another reader, where one has read the text."""

    heads: Mapping[str, Head]
    places: Mapping[str, int]
    weights: Floats
    rarity: Floats
    bias: Floats
    note: Mapping[str, Any]
    beside: Mapping[str, Beside] = field(default_factory=dict)

    @cached_property
    def cues(self) -> frozenset[int]:
        """The rows of cue words."""
        return frozenset(row for piece, row in self.places.items() if piece[:1] == CUE)

    @property
    def whole(self) -> bool:
        """Was it taught with praise as well (what is not about complaints)?"""
        return bool(self.note.get("whole"))

    def vector(self, s: str) -> Vector:
        """The text as rows and values of length one; cue words stand beside it with their strength."""
        found = pieces(s, whole=self.whole)
        times: Counter[Any] = Counter(map(self.places.get, found))
        del times[None]
        cued = {row: float(min(times.pop(row), STRONGEST)) for row in [*times] if row in self.cues}
        if not times:
            return Vector([], np.zeros(0, np.float32), 0.0)
        rows = [*times]
        counts = [1.0 + log(n) if n > 1 else 1.0 for n in times.values()]
        pairs = {piece for piece in found if len(piece) == 2 and piece[0] != CUE}
        seen = sum(map(self.places.__contains__, pairs))
        values = np.array(counts, np.float32) * self.rarity[rows]
        values /= np.sqrt(values @ values)
        if cued:
            rows += cued
            values = np.append(values, np.array(list(cued.values()), np.float32))
        return Vector(rows, values, seen / (len(pairs) + FEW))

    def scores(self, vector: Vector, head: str) -> Floats:
        """The score of each class of a head."""
        h = self.heads[head]
        columns = slice(h.first, h.first + len(h.classes))
        if not vector.rows:
            return self.bias[columns]
        made: Floats = vector.values @ self.weights[vector.rows, columns] + self.bias[columns]
        return made

    def hears(self, head: str, said: Said | None) -> Beside | None:
        """How far what is said counts; None: nobody read it, or somebody this model was not measured with."""
        found = self.beside.get(head)
        return found if found is not None and said is not None and said.by == found.by else None

    def probabilities(self, vector: Vector, head: str, more: Floats | None = None, said: Said | None = None) -> Floats:
        """Calibrated probabilities. The less of a text is known, the flatter they are. `more`: added to the scores;
        `said`: by another reader of the same text."""
        h = self.heads[head]
        trust = min(1.0, vector.known / ENOUGH)
        scores = self.scores(vector, head)
        if said is not None and (beside := self.hears(head, said)) is not None:
            scores = scores + beside.scores(said.scores, h.classes)
            h = replace(h, sharpness=beside.sharpness, slope=beside.slope, offset=beside.offset)
            trust = min(1.0, vector.known / ENOUGH_FOR_TWO)
        exponents = (scores if more is None else scores + more) * np.float32(h.sharpness * trust)
        exponents = np.exp(exponents - exponents.max())
        made: Floats = exponents / exponents.sum()
        return made if h.slope == 1.0 and h.offset == 0.0 else _corrected(made, h, trust)

    def reasons(self, s: str, head: str, label: str, most: int = 5) -> list[Reason]:
        """The places in `s` that spoke most for a class against the others of its head, in order of weight."""
        h = self.heads[head]
        which = h.classes.index(label)
        found = [
            (row, start, end)
            for piece, start, end in placed(s, whole=self.whole)
            if (row := self.places.get(piece)) is not None
        ]
        if not found:
            return []
        rows = [row for row, _start, _end in found]
        columns = self.weights[rows, h.first : h.first + len(h.classes)]
        gains = ((columns[:, which] - columns.mean(axis=1)) * self.rarity[rows]).tolist()
        spoken: dict[int, float] = {}
        for (_row, start, end), gain in zip(found, gains, strict=True):
            share = gain / max(end - start, 1)
            for at in range(start, end):
                spoken[at] = spoken.get(at, 0.0) + share
        return _whole_numbers(s, _spans(spoken, most))


def _corrected(p: Floats, h: Head, trust: float) -> Floats:
    """The best class as sure as experience says, the others in the same proportions; the best one stays the best."""
    best = int(p.argmax())
    sure = min(max(float(p[best]), 1e-6), 1 - 1e-6)
    odds = log(sure / (1 - sure))
    surer = 1 / (1 + exp(-(odds + trust * ((h.slope - 1) * odds + h.offset))))
    made = p * np.float32((1 - surer) / (1 - sure))
    made[best] = max(surer, 1.001 * float(made.max(initial=0.0, where=np.arange(len(p)) != best)))
    corrected: Floats = made / made.sum()
    return corrected


ENOUGH = 0.35
"""From this share of known pairs of characters on a text is like those the model was taught with."""

ENOUGH_FOR_TWO = 0.25
"""The same where another reader knows it too: between what is best on the tuning half (none) and what keeps texts that
are no complaints at all from being named with confidence."""

STRONGEST = 6
"""Cue words for one sub-class have no more strength together than this."""

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


def _whole_numbers(s: str, reasons: list[Reason]) -> list[Reason]:
    """Reasons that cut no number: 花了1 of 花了1299元 -> 花了1299. None overlaps a stronger one."""
    whole: list[Reason] = []
    for one in reasons:
        start, end = one.start, one.end
        while 0 < start < len(s) and s[start - 1 : start + 1].isdecimal():
            start -= 1
        while 0 < end < len(s) and s[end - 1 : end + 1].isdecimal():
            end += 1
        if all(end <= other.start or other.end <= start for other in whole):
            whole.append(Reason(start, end, one.share))
    return whole


def dump(model: Linear) -> bytes:
    """The bytes of a model file."""
    scale = np.abs(model.weights).max(axis=0) / 127 + 1e-12
    heads = {name: [h.classes, h.sharpness, h.slope, h.offset] for name, h in model.heads.items()}
    beside = {name: astuple(one) for name, one in model.beside.items()}
    note = {**model.note, "format": FORMAT, "heads": heads, **({"beside": beside} if beside else {})}
    out = io.BytesIO()
    np.savez_compressed(
        out, weights=np.rint(model.weights / scale).astype(np.int8), scale=scale.astype(np.float32),
        rarity=model.rarity.astype(np.float16), bias=model.bias.astype(np.float32),
        pieces=_bytes("\n".join(model.places)), note=_bytes(json.dumps(note, ensure_ascii=False)),
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
            heads: dict[str, Head] = {}
            columns = 0
            for name, (classes, *measured) in note.pop("heads").items():
                heads[name] = Head(tuple(classes), columns, *map(float, measured))
                columns += len(classes)
            beside = {
                name: Beside(str(by), tuple(classes), *map(float, measured))
                for name, (by, classes, *measured) in note.pop("beside", {}).items()
            }
            model = Linear(
                heads, {name: row for row, name in enumerate(names)},
                parts["weights"].astype(np.float32) * parts["scale"],
                parts["rarity"].astype(np.float32), parts["bias"], note, beside,
            )  # fmt: skip
    except (KeyError, OSError, EOFError, UnicodeError, TypeError, BadZipFile) as failure:
        raise ValueError("不是模型文件") from failure
    if model.weights.shape != (len(names), columns) or model.rarity.shape != (len(names),):
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
