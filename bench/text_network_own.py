"""A trial, not in the product: the network of `text_network` beside a model taught with a company's own 300 cases.

The networks are taught the shipped texts alone, some minutes each; what they say of a case is added to what the product
says after `wenguo train`. How far they are trusted is found inside the 300.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.text_network import Said, best_share, ends, missing, packed, taught_network, together, told
from bench.text_quality import COMPLAINTS, OWN_GOAL, labelled, of_splits, own_splits
from bench.text_rows import Row, not_measured
from wenguo.text import category
from wenguo.text.teach import Example, Recipe, teach

ROUNDS, SEEDS, AT_ONCE = 4, 2, (32, 1_500)
PARTS = 3
"""In so many parts the 300 are asked about, each of a teacher that has the others, to find the share."""

SAY = "category, taught with 300 own cases, a trial not in the product"


def measure() -> Iterator[Row]:
    """The same splits as `own` has: the linear teacher, the networks, and the two together."""
    if why := missing():
        yield not_measured(SAY, COMPLAINTS, why, OWN_GOAL)
        return
    agreed, written = [row for row in labelled() if row["agree"]], list(category.written())
    base = [Example(one.text, {"category": one.code}) for one in written]
    classes = sorted({one.code for one in written})
    truth = np.array([classes.index(row["reader1"]["code"]) for row in agreed])
    net = _networks([(one.text, classes.index(one.code)) for one in written], [row["text"] for row in agreed])

    def words(taught: list[int], asked: list[int]) -> npt.NDArray[Any]:
        own = [Example(agreed[k]["text"], {"category": agreed[k]["reader1"]["code"]}) for k in taught]
        model = teach(own, Recipe(), base=base)
        order = [model.heads["category"].classes.index(code) for code in classes]
        return np.array([model.scores(model.vector(agreed[k]["text"]), "category")[order] for k in asked])

    right: dict[str, list[list[bool]]] = {"linear": [], "network": [], "both": []}
    for own, asked in own_splits(len(agreed)):
        inside: list[Said] = []
        for part in range(PARTS):
            held, others = own[part::PARTS], [k for place, k in enumerate(own) if place % PARTS != part]
            inside.append((words(others, held), net[held], truth[held]))
        linear, said = best_share(inside), words(own, asked)
        for way, score in (("linear", said), ("network", net[asked]), ("both", together(said, net[asked], linear))):
            right[way].append(list(told(score) == truth[asked]))
    for way, hits in right.items():
        yield of_splits(f"{SAY}, {way}", hits, OWN_GOAL if way == "both" else None)


def _networks(written: list[tuple[str, int]], asked: list[str]) -> npt.NDArray[Any]:
    """(n_asked, n_classes): the scores of all networks together."""
    weights = packed()
    cut, wanted = ([ends(weights, weights.cut(text)) for text in texts] for texts in ([t for t, _k in written], asked))
    truth = np.array([k for _text, k in written])
    said = [taught_network(weights, cut, truth, seed, ROUNDS, AT_ONCE, wanted) for seed in range(SEEDS)]
    return np.asarray(sum(one / one.std() for one in said))
