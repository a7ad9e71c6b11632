"""What turns the scores of a model into probabilities that mean what they say, all of it found on texts the model was
not taught with. Needs scipy: where a model is made, never in the web process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize, minimize_scalar

from wenguo.text.linear import Beside, Said

Numbers = npt.NDArray[Any]

STEADY = 15.0
"""So many examples' worth of doubt there is about the mix of one's own classes."""

ENOUGH_FOR_SURETY = 200
"""Fewer examples than that say nothing about a slope and an offset."""

ENOUGH_TO_TRUST = 100
"""Fewer examples than that say nothing about how far another reader is trusted."""

WORTH = 0.01
"""Another reader is listened to where it saves at least so much surprise (log loss) of a text."""


def sharpness(scores: Numbers, labels: Numbers) -> float:
    """The factor on scores under which the probabilities of held-out texts mean what they say."""

    def surprised(log_factor: float) -> float:
        return surprise(scores * np.exp(log_factor), labels)

    return float(np.exp(minimize_scalar(surprised, bounds=(-4, 4), method="bounded").x))


def surprise(scores: Numbers, labels: Numbers) -> float:
    """The mean log loss of scores, (n_texts, n_classes), that are log odds already."""
    z = scores - scores.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(labels)), labels]))


def surety(scores: Numbers, labels: Numbers) -> tuple[float, float]:
    """Slope and offset, on the log odds of the best class, under which it is right as often as it says. `scores`: with
    their sharpness in them. Of too few texts: as it says."""
    if len(labels) < ENOUGH_FOR_SURETY:
        return 1.0, 0.0
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    sure = np.clip((p / p.sum(axis=1, keepdims=True)).max(axis=1), 1e-6, 1 - 1e-6)
    odds, sign = np.log(sure / (1 - sure)), np.where(scores.argmax(axis=1) == labels, 1.0, -1.0)

    def surprised(w: Numbers) -> float:
        return float(np.mean(np.logaddexp(0, -sign * (w[0] * odds + w[1]))) + 1e-3 * (w[0] - 1) ** 2)

    slope, offset = minimize(surprised, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(min(max(slope, 0.2), 3.0)), float(offset)


def other_mix(scores: Numbers, labels: Numbers) -> Numbers:
    """How much more often (log) each class is than the model expects of these texts."""
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    expected = (p / p.sum(axis=1, keepdims=True)).sum(axis=0) + 1e-6
    doubt = STEADY * expected / expected.sum()
    found: Numbers = np.log((np.bincount(labels, minlength=scores.shape[1]) + doubt) / (expected + doubt))
    return found


def trust(
    scores: Numbers, said: Sequence[Said], labels: Numbers, classes: Sequence[str], known: tuple[str, ...]
) -> Beside | None:
    """How far another reader, who knows the classes `known`, is listened to beside these scores; None: it helps too
    little, or the texts are too few to tell."""
    if len(labels) < ENOUGH_TO_TRUST:
        return None
    whole = Beside(said[0].by, known, 1.0, 1.0)
    heard = whole.scores(np.array([one.scores for one in said]), classes)

    def surprised(w: Numbers) -> float:
        return surprise(np.exp(w[0]) * scores + w[1] * heard, labels)

    alone = np.log(sharpness(scores, labels))
    found = minimize(surprised, np.array([alone, 0.1]), method="Nelder-Mead")
    factor, share = float(np.exp(found.x[0])), float(found.x[1])
    if share <= 0 or surprised(np.array([alone, 0.0])) - found.fun < WORTH:
        return None
    return Beside(whole.by, known, share / factor, factor, *surety(factor * scores + share * heard, labels))
