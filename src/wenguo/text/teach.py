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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from wenguo.text.calibration import other_mix, sharpness, surety, trust
from wenguo.text.features import CONCEPT, CUE, dictionary_version, pieces
from wenguo.text.linear import STRONGEST, Beside, Head, Linear, Said

Numbers = npt.NDArray[Any]
Progress = Callable[[int, int], None]
"""(done, of): called now and then."""


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
    found by holding examples back (`calibrate`), else it is 1; `sure`: slope and offset of each head, likewise;
    `whole`: praise is read too, for other questions than what a complaint is about; `margin`: support vectors instead
    of logistic regression, better with many examples; `telling`: how much more a piece counts that tells the classes
    of the first head apart (0: all alike); `apart`: heads that are taught with support vectors and without
    naive Bayes whatever the others are, and how freely their weights may grow.
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
    telling: float = 0.0
    apart: Mapping[str, float] = field(default_factory=dict)
    sharpness: Mapping[str, float] = field(default_factory=dict)
    sure: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Other:
    """Another reader of the same texts, whose word on one head may count beside the words: the classes it knows, and
    what it says of each text."""

    head: str
    classes: tuple[str, ...]
    of: Callable[[Sequence[str]], Sequence[Said]]


def teach(
    examples: Sequence[Example], recipe: Recipe = Recipe(), note: Mapping[str, Any] | None = None, *,
    base: Sequence[Example] = (), other: Other | None = None, progress: Progress | None = None,
) -> Linear:  # fmt: skip
    """A model of the examples, standing on those of `base`, which count less. ValueError: a head of one class only.

    A base (`category.examples()`) is worth most to who has few examples; its classes are known to the model too, so
    leave out those that are not in use. Probabilities are calibrated on `examples` alone, and there it is found how far
    the `other` is trusted. From `LARGE` examples on it is taught with support vectors, which are as good there and many
    times as fast.
    """
    if len(examples) > LARGE and not recipe.margin:
        recipe = replace(recipe, margin=True, bend=0.5, counted=0.05, cue=0.0, telling=0.5)
    everything = [*_weighed(examples, recipe.own if base else 1.0), *base]
    calibrates = recipe.calibrate or bool(base and examples)
    going = _Going(everything, len(examples) if calibrates else 0, progress)
    seen = _told(_see(everything, recipe, going), everything, np.arange(len(everything)), recipe)
    heads, weights, bias = _heads(seen, everything, np.arange(len(everything)), recipe, _asked(everything), going)
    beside: dict[str, Beside] = {}
    if calibrates:
        heads, bias, beside = _calibrated(heads, bias, seen, everything, len(examples), recipe, other, going)
    places, rarity, weights = _with_cues(seen, weights, heads, recipe)
    taught = {"dictionary": dictionary_version(), "whole": recipe.whole, **(note or {})}
    return Linear(
        heads, places, weights.astype(np.float32), rarity.astype(np.float32), bias.astype(np.float32),
        {**taught, "examples": len(examples), "base": len(base)}, beside,
    )  # fmt: skip


class _Going:
    """How far teaching is, in texts gone through: twice to read them, once for every head fitted with them."""

    def __init__(self, everything: Sequence[Example], held_back: int, show: Progress | None) -> None:
        texts, heads = len(everything), len(_asked(everything))
        again = _rounds(held_back) * len(_asked(everything[:held_back]))
        self.done, self.of, self.show = 0, texts * (2 + heads + again), show

    def on(self, texts: int) -> None:
        self.done += texts
        if self.show is not None:
            self.show(self.done, self.of)


FOLDS = 5
MANY = 4_000
"""With more examples than that, one part held back is enough to calibrate with, and five times as fast."""

LARGE = 10_000

FEWEST = 20
"""Fewer examples than that say nothing about calibration."""

NEVER = -20.0
"""The score of a class that stands only in the part held back."""

SEED = 2026

MIX = 0.5
"""How far a model that stands on a base goes towards the mix of classes among one's own examples: 0 the base's, 1 all
the way."""

MOST_HEARD = 1_000
"""So many of the texts held back are read by another reader, who takes his time."""


def _rounds(own: int) -> int:
    """How often a part of so many examples is held back."""
    return 1 if own > MANY else min(FOLDS, own)


def _calibrated(
    heads: Mapping[str, Head], bias: Numbers, seen: _Seen, everything: Sequence[Example], own: int, recipe: Recipe,
    other: Other | None, going: _Going,
) -> tuple[dict[str, Head], Numbers, dict[str, Beside]]:  # fmt: skip
    """Heads and bias fitted on the first `own` examples, each held back once from models taught like this one: the
    sharpness, the mix of classes where there is a base with a mix of its own, and how far the other is trusted."""
    order = np.random.default_rng(SEED).permutation(own)
    parts = [order[: own // 10]] if own > MANY else np.array_split(order, _rounds(own))
    asked = _asked(everything[:own])  # the other heads of the base need not be taught again
    scores: dict[str, list[Numbers]] = {name: [] for name in asked}
    rows: dict[str, list[int]] = {name: [] for name in asked}
    for part in parts:
        others = np.setdiff1d(np.arange(len(everything)), part)
        seen = _told(seen, everything, others, recipe)
        rest, weights, rest_bias = _heads(seen, everything, others, recipe, asked, going)
        said = seen.matrix[part] @ weights + seen.cues[part] @ _cue_weights(seen, rest, recipe) + rest_bias
        for name in rest:
            columns = [rest[name].first + k for k in range(len(rest[name].classes))]
            known = [heads[name].classes.index(one) for one in rest[name].classes]
            for row, which in enumerate(part):
                if name in everything[which].labels:
                    one = np.full(len(heads[name].classes), NEVER)
                    one[known] = said[row, columns]
                    scores[name].append(one)
                    rows[name].append(which)
    made, bias = dict(heads), bias.copy()
    beside: dict[str, Beside] = {}
    for name, of in rows.items():
        if name in recipe.sharpness or len(of) < FEWEST:
            continue
        z = np.array(scores[name])
        truth = np.array([heads[name].classes.index(everything[which].labels[name]) for which in of])
        factor = sharpness(z, truth)
        if own < len(everything):
            shift = MIX * other_mix(z * factor, truth) / factor
            bias[heads[name].first : heads[name].first + len(shift)] += shift
            z = z + shift
            factor = sharpness(z, truth)
        slope, offset = surety(z * factor, truth)
        made[name] = replace(heads[name], sharpness=factor, slope=slope, offset=offset)
        if other is not None and other.head == name:
            heard = other.of([everything[which].text for which in of[:MOST_HEARD]])
            trusted = trust(z[:MOST_HEARD], heard, truth[:MOST_HEARD], heads[name].classes, other.classes)
            beside |= {name: trusted} if trusted is not None else {}
    return made, bias, beside


def _asked(examples: Sequence[Example]) -> list[str]:
    return list(dict.fromkeys(head for e in examples for head in e.labels))


def _weighed(examples: Sequence[Example], factor: float) -> list[Example]:
    return [replace(e, weight=e.weight * factor) for e in examples]


def _heads(
    seen: _Seen, examples: Sequence[Example], of: npt.NDArray[Any], recipe: Recipe, names: Sequence[str],
    going: _Going,
) -> tuple[dict[str, Head], Numbers, Numbers]:  # fmt: skip
    """The heads of these names taught with the examples `of`: (heads, weights, bias), a column a class."""
    heads: dict[str, Head] = {}
    weights: list[Numbers] = []
    biases: list[Numbers] = []
    columns = 0
    for name in names:
        rows = [row for row in of.tolist() if name in examples[row].labels]
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
        matrix = seen.matrix[rows]
        way = replace(recipe, margin=True, bend=recipe.apart[name], counted=0.0) if name in recipe.apart else recipe
        made, bias = _fit(matrix, labels, share, len(classes), way)
        if recipe.main:
            more, bias_more = _of_main(matrix, classes, labels, share, recipe)
            made, bias = made + more, bias + bias_more
        heads[name] = Head(classes, columns, recipe.sharpness.get(name, 1.0), *recipe.sure.get(name, (1.0, 0.0)))
        columns += len(classes)
        weights.append(made)
        biases.append(bias)
        going.on(len(examples))
    return heads, np.hstack(weights), np.concatenate(biases)


class _Bags:
    """The pieces of each text, cut again at each reading: those of 100 000 texts would not fit into memory."""

    def __init__(self, texts: Sequence[str], whole: bool, going: _Going) -> None:
        self.texts, self.whole, self.going = texts, whole, going

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[Counter[str]]:
        for n, text in enumerate(self.texts):
            if n and n % SHOWN == 0:
                self.going.on(SHOWN)
            yield Counter(pieces(text, whole=self.whole))
        self.going.on(len(self.texts) - (len(self.texts) - 1) // SHOWN * SHOWN)


SHOWN = 500
"""After so many texts read progress is told."""


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


@dataclass(frozen=True)
class _Seen:
    """All examples as a model sees them, made once: known pieces, how much each counts, a row of length one for every
    text, and beside it the strength of its cue words by sub-class. `told`: the part of a piece's count that came from
    classes, not from rarity."""

    places: Mapping[str, int]
    rarity: Numbers
    matrix: sparse.csr_matrix
    cued: Sequence[str]
    cues: sparse.csr_matrix
    told: Numbers


def _see(examples: Sequence[Example], recipe: Recipe, going: _Going) -> _Seen:
    bags = _Bags([e.text for e in examples], recipe.whole, going)
    places, rarity = _vocabulary(bags, recipe)
    cued = sorted({code for e in examples for code in e.labels.values() if "." in code})
    where = {CUE + code: k for k, code in enumerate(cued)}
    columns, counts, ends = array("i"), array("i"), [0]
    of_cue, strengths, cue_ends = array("i"), array("i"), [0]
    for bag in bags:
        for piece, n in bag.items():
            if (row := places.get(piece)) is not None:
                columns.append(row)
                counts.append(n)
            elif piece[0] == CUE and (k := where.get(piece)) is not None:
                of_cue.append(k)
                strengths.append(min(n, STRONGEST))
        ends.append(len(columns))
        cue_ends.append(len(of_cue))
    rows = np.frombuffer(columns, np.intc) if columns else np.zeros(0, np.intc)
    values = (1 + np.log(np.array(counts, float))) * rarity[rows]
    matrix = sparse.csr_matrix((values, rows, ends), shape=(len(bags), len(places)))
    cues = sparse.csr_matrix(
        (np.array(strengths, float), np.array(of_cue, np.intc), cue_ends), shape=(len(bags), len(cued))
    )
    return _Seen(places, rarity, _even_rows(matrix), cued, cues, np.ones(len(places)))


def _told(seen: _Seen, examples: Sequence[Example], of: npt.NDArray[Any], recipe: Recipe) -> _Seen:
    """The same with each piece counting the more, the further the classes of the texts it stands in (of those `of`)
    are from those of all: the root of twice the Kullback-Leibler divergence, to the power `recipe.telling`. Of the
    first head; what `seen` was told before is taken back."""
    if not recipe.telling:
        return seen
    head = _asked(examples)[0]
    rows = [row for row in of.tolist() if head in examples[row].labels]
    classes, labels = np.unique([examples[row].labels[head] for row in rows], return_inverse=True)
    share = np.array([examples[row].weight for row in rows], float)
    share /= np.median(share)  # one's own texts, where there are many, count one each
    mix = np.bincount(labels, share, len(classes)) / share.sum()
    belongs = sparse.csr_matrix((share, (rows, labels)), shape=(len(examples), len(classes)))
    within = np.asarray((_with_data(seen.matrix, np.ones(seen.matrix.nnz)).T @ belongs).todense()) + DOUBT * mix
    within /= within.sum(axis=1, keepdims=True)
    apart = np.sqrt(2 * np.maximum((within * np.log(within / mix)).sum(axis=1), 0))
    factor = (apart + LEAST_TELLING) ** recipe.telling
    change = factor / seen.told
    told = _even_rows(_with_data(seen.matrix, seen.matrix.data * change[seen.matrix.indices]))
    return replace(seen, rarity=seen.rarity * change, matrix=told, told=factor)


DOUBT, LEAST_TELLING = 2.0, 0.02
"""So many texts of the mix of all stand beside those a piece was seen in; and what even a piece counts that tells
nothing. Neither was tuned; with 1 or 5 texts it did about as well."""


def _with_data(matrix: sparse.csr_matrix, data: Numbers) -> sparse.csr_matrix:
    """Other values in the same places, which are not copied: those of 100 000 texts take much room."""
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def _even_rows(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    """Every row of length one; changed in place."""
    lengths = np.sqrt(np.asarray(_with_data(matrix, matrix.data**2).sum(axis=1)).ravel())
    matrix.data /= np.repeat(np.maximum(lengths, 1e-9), np.diff(matrix.indptr))
    return matrix


def _of_main(
    matrix: sparse.csr_matrix, classes: Sequence[str], labels: npt.NDArray[Any], share: npt.NDArray[Any], recipe: Recipe
) -> tuple[Numbers, Numbers]:
    """What speaks for the main classes, as weights of their sub-classes: few examples say more about what is coarse."""
    mains = [code.partition(".")[0] for code in classes]
    known = sorted(set(mains))
    if not 1 < len(known) < len(classes):
        return np.zeros((matrix.shape[1], len(classes))), np.zeros(len(classes))
    of = np.array([known.index(main) for main in mains])
    made, bias = _fit(matrix, of[labels], share, len(known), replace(recipe, counted=0.0))
    return recipe.main * made[:, of], recipe.main * bias[of]


def _cue_weights(seen: _Seen, heads: Mapping[str, Head], recipe: Recipe) -> Numbers:
    """What cue words add to the classes of their names, (n_cued, n_columns)."""
    columns = {code: head.first + k for head in heads.values() for k, code in enumerate(head.classes)}
    made = np.zeros((len(seen.cued), sum(len(head.classes) for head in heads.values())))
    for k, code in enumerate(seen.cued):
        if code in columns:
            made[k, columns[code]] = recipe.cue
    return made


def _with_cues(
    seen: _Seen, weights: Numbers, heads: Mapping[str, Head], recipe: Recipe
) -> tuple[dict[str, int], Numbers, Numbers]:
    """The cue words of every class that has some, as further rows."""
    if not recipe.cue or not seen.cued:
        return dict(seen.places), seen.rarity, weights
    found = {**seen.places, **{CUE + code: len(seen.places) + k for k, code in enumerate(seen.cued)}}
    rarity = np.append(seen.rarity, np.ones(len(seen.cued)))
    return found, rarity, np.vstack([weights, _cue_weights(seen, heads, recipe)])


def _fit(
    matrix: sparse.csr_matrix, labels: npt.NDArray[Any], share: npt.NDArray[Any], n: int, recipe: Recipe
) -> tuple[Numbers, Numbers]:
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
