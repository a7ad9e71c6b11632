"""Teach a linear model from examples: the shipped one, or a company's own from its corrected cases. Needs
scikit-learn: for the command line, the worker and the bench only; the web process never imports it.

    own = [Example(text, {"category": code}), …]                           # what people decided
    model = teach(own[:-200], base=category.examples())                    # or base=() to start from nothing
    figures = evaluation.evaluate(model, texts, codes)                     # of the 200 it was not taught with
    linear.write(path, linear.dump(model))                                 # no pickle; give `note={"version": …}`
    model = linear.parse(path.read_bytes())                                # and read it back in `model.note`
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from wenguo.text.features import CONCEPT, CUE, dictionary_version, pieces
from wenguo.text.linear import Head, Linear


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its class under each head that is known for it, and how much it counts."""

    text: str
    labels: Mapping[str, str]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to teach. `least`: texts a piece must occur in; `bend`: how freely weights may grow; `counted`: how much of
    naive Bayes is mixed in, which helps when there are few examples; `concepts`: how many times a concept counts what
    a piece counts; `cue`: what a point of a cue word adds to the score of its class, untaught; `main`: how much of
    what speaks for the main class (before the dot) speaks for its sub-classes; `even`: every class counts the same;
    `own`: how many texts of the base one example counts for; `sharpness`: of each head; of a head without one it is
    found by holding examples back (`calibrate`), else it is 1; `whole`: praise is read too, for other questions than
    what a complaint is about; `margin`: support vectors instead of logistic regression, better with many examples.
    """

    least: int = 2
    most_pieces: int = 120_000
    bend: float = 1.0
    counted: float = 0.3
    concepts: float = 2.5
    cue: float = 0.15
    main: float = 0.5
    even: bool = False
    own: float = 6.0
    calibrate: bool = False
    whole: bool = False
    margin: bool = False
    sharpness: Mapping[str, float] = field(default_factory=dict)


def teach(
    examples: Sequence[Example], recipe: Recipe = Recipe(), note: Mapping[str, Any] | None = None, *,
    base: Sequence[Example] = (),
) -> Linear:  # fmt: skip
    """A model of the examples, standing on those of `base`, which count less. ValueError: a head of one class only.

    A base (`category.examples()`) is worth most to who has few examples; its classes are known to the model too, so
    leave out those that are not in use. Probabilities are calibrated on `examples` alone. From `LARGE` examples on it
    is taught with support vectors, which are as good there and many times as fast.
    """
    if len(examples) > LARGE and not recipe.margin:
        recipe = replace(recipe, margin=True, bend=0.5, counted=0.05, cue=0.0)
    weighed = [*_weighed(examples, recipe.own if base else 1.0), *base]
    made = _teach(weighed, recipe, note)
    if recipe.calibrate or (base and examples):
        made = _calibrated(made, examples, recipe, base)
    return replace(made, note={**made.note, "examples": len(examples), "base": len(base)})


FOLDS = 5
MANY = 4_000
"""With more examples than that, one part held back is enough to calibrate with, and five times as fast."""

LARGE = 10_000

FEWEST = 20
"""Fewer examples than that say nothing about calibration."""

NEVER = -20.0
"""The score of a class that stands only in the part held back."""

SEED = 2026


def _calibrated(model: Linear, examples: Sequence[Example], recipe: Recipe, base: Sequence[Example]) -> Linear:
    """The model with a sharpness for each head, found on examples held back from models taught like it."""
    order = np.random.default_rng(SEED).permutation(len(examples))
    parts = [order[: len(order) // 10]] if len(order) > MANY else np.array_split(order, FOLDS)
    asked = {name for e in examples for name in e.labels}  # the other heads of the base need not be taught again
    base = [replace(e, labels={name: label for name, label in e.labels.items() if name in asked}) for e in base]
    scores: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in model.heads}
    labels: dict[str, list[int]] = {name: [] for name in model.heads}
    for part in parts:
        held = set(part.tolist())
        kept = [e for row, e in enumerate(examples) if row not in held]
        rest = _teach([*_weighed(kept, recipe.own if base else 1.0), *base], recipe, None)
        for row in part:
            vector = rest.vector(examples[row].text)
            for name, label in examples[row].labels.items():
                if name not in rest.heads:
                    continue
                classes = model.heads[name].classes
                known = dict(zip(rest.heads[name].classes, rest.scores(vector, name), strict=True))
                scores[name].append(np.array([known.get(one, NEVER) for one in classes]))
                labels[name].append(classes.index(label))
    heads = {
        name: replace(head, sharpness=sharpness(np.array(scores[name]), np.array(labels[name])))
        if name not in recipe.sharpness and len(labels[name]) >= FEWEST
        else head
        for name, head in model.heads.items()
    }
    return replace(model, heads=heads)


def _weighed(examples: Sequence[Example], factor: float) -> list[Example]:
    return [replace(e, weight=e.weight * factor) for e in examples]


def _teach(examples: Sequence[Example], recipe: Recipe, note: Mapping[str, Any] | None) -> Linear:
    bags = _Bags([e.text for e in examples], recipe.whole)
    places, rarity = _vocabulary(bags, recipe)
    matrix = _matrix(bags, places, rarity)
    heads: dict[str, Head] = {}
    weights: list[npt.NDArray[Any]] = []
    biases: list[npt.NDArray[Any]] = []
    columns = 0
    for name in dict.fromkeys(head for e in examples for head in e.labels):
        rows = [row for row, e in enumerate(examples) if name in e.labels]
        said = [examples[row].labels[name] for row in rows]
        classes = tuple(sorted(set(said)))
        if len(classes) < 2:
            raise ValueError("至少需要两个类别的样本")
        which = {label: k for k, label in enumerate(classes)}
        labels = np.array([which[label] for label in said])
        share = np.array([examples[row].weight for row in rows], float)
        if recipe.even:
            totals = np.bincount(labels, share, len(classes))
            share *= (totals.sum() / len(classes) / totals)[labels]
        made, bias = _fit(matrix[rows], labels, share, len(classes), recipe)
        if recipe.main:
            more, bias_more = _of_main(matrix[rows], classes, labels, share, recipe)
            made, bias = made + more, bias + bias_more
        heads[name] = Head(classes, columns, recipe.sharpness.get(name, 1.0))
        columns += len(classes)
        weights.append(made)
        biases.append(bias)
    places, rarity, stacked = _with_cues(places, rarity, np.hstack(weights), heads, recipe)
    taught = {"dictionary": dictionary_version(), "whole": recipe.whole, **(note or {})}
    return Linear(
        heads, places, stacked.astype(np.float32), rarity.astype(np.float32),
        np.concatenate(biases).astype(np.float32), taught,
    )  # fmt: skip


def sharpness(scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> float:
    """The factor on scores under which the probabilities of held-out texts mean what they say."""

    def surprise(log_factor: float) -> float:
        z = scores * np.exp(log_factor)
        z = z - z.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]))

    return float(np.exp(minimize_scalar(surprise, bounds=(-4, 4), method="bounded").x))


class _Bags:
    """The pieces of each text, cut again at each reading: those of 100 000 texts would not fit into memory."""

    def __init__(self, texts: Sequence[str], whole: bool) -> None:
        self.texts, self.whole = texts, whole

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Counter[str]]:
        return (Counter(pieces(text, whole=self.whole)) for text in self.texts)


MOST_COUNTED = 3_000_000
"""So many different pieces are counted at once; beyond, those met only once so far are forgotten."""


def _vocabulary(bags: _Bags, recipe: Recipe) -> tuple[dict[str, int], npt.NDArray[Any]]:
    texts: Counter[str] = Counter()
    for bag in bags:
        texts.update(bag.keys())
        if len(texts) > MOST_COUNTED:
            texts = Counter({piece: n for piece, n in texts.items() if n > 1})
    kept = [(piece, n) for piece, n in texts.items() if n >= recipe.least and piece[0] != CUE]
    kept.sort(key=lambda one: (-one[1], one[0]))
    kept = kept[: recipe.most_pieces]
    rarity = np.log((1 + len(bags)) / (1 + np.array([n for _, n in kept], float))) + 1
    rarity[[piece.startswith(CONCEPT) for piece, _ in kept]] *= recipe.concepts
    return {piece: row for row, (piece, _) in enumerate(kept)}, rarity


def _matrix(bags: _Bags, places: Mapping[str, int], rarity: npt.NDArray[Any]) -> sparse.csr_matrix:
    columns, counts = array("i"), array("i")
    ends = [0]
    for bag in bags:
        for piece, n in bag.items():
            if (row := places.get(piece)) is not None:
                columns.append(row)
                counts.append(n)
        ends.append(len(columns))
    rows = np.frombuffer(columns, np.intc) if columns else np.zeros(0, np.intc)
    values = (1 + np.log(np.array(counts, float))) * rarity[rows]
    matrix = sparse.csr_matrix((values, rows, ends), shape=(len(bags), len(places)))
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    return sparse.diags(1 / np.maximum(lengths, 1e-9)) @ matrix


def _of_main(
    matrix: sparse.csr_matrix, classes: Sequence[str], labels: npt.NDArray[Any], share: npt.NDArray[Any], recipe: Recipe
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """What speaks for the main classes, as weights of their sub-classes: few examples say more about what is coarse."""
    mains = [code.partition(".")[0] for code in classes]
    known = sorted(set(mains))
    if not 1 < len(known) < len(classes):
        return np.zeros((matrix.shape[1], len(classes))), np.zeros(len(classes))
    of = np.array([known.index(main) for main in mains])
    made, bias = _fit(matrix, of[labels], share, len(known), replace(recipe, counted=0.0))
    return recipe.main * made[:, of], recipe.main * bias[of]


def _with_cues(
    places: Mapping[str, int], rarity: npt.NDArray[Any], weights: npt.NDArray[Any], heads: Mapping[str, Head],
    recipe: Recipe,
) -> tuple[dict[str, int], npt.NDArray[Any], npt.NDArray[Any]]:  # fmt: skip
    """The cue words of every class that has some, as further rows."""
    columns = {
        CUE + code: head.first + k for head in heads.values() for k, code in enumerate(head.classes) if "." in code
    }
    if not recipe.cue or not columns:
        return dict(places), rarity, weights
    rows = np.zeros((len(columns), weights.shape[1]))
    rows[np.arange(len(columns)), list(columns.values())] = recipe.cue
    found = {**places, **{cue: len(places) + k for k, cue in enumerate(columns)}}
    return found, np.append(rarity, np.ones(len(columns))), np.vstack([weights, rows])


def _fit(
    matrix: sparse.csr_matrix, labels: npt.NDArray[Any], share: npt.NDArray[Any], n: int, recipe: Recipe
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if recipe.margin:
        learner = LinearSVC(C=recipe.bend, tol=1e-3, random_state=SEED)
    else:
        learner = LogisticRegression(C=recipe.bend, max_iter=300, tol=1e-3)
    learner.fit(matrix, labels, sample_weight=share)
    weights, bias = learner.coef_.T, learner.intercept_
    if n == 2:
        weights, bias = np.hstack([-weights / 2, weights / 2]), np.array([-bias[0] / 2, bias[0] / 2])
    if recipe.counted:
        weights = weights + recipe.counted * _naive(matrix, labels, share, n)
    return weights, bias


def _naive(matrix: sparse.csr_matrix, labels: npt.NDArray[Any], share: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """How much more often a piece stands in texts of a class than in the others (log), by its weight in the text."""
    belongs = sparse.csr_matrix((share, (np.arange(len(labels)), labels)), shape=(len(labels), n))
    within = np.asarray((matrix.T @ belongs).todense()) + 0.1
    other = within.sum(axis=1, keepdims=True) - within
    return np.log(within / within.sum(axis=0)) - np.log(other / other.sum(axis=0))
