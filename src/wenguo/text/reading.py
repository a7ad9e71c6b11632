"""A complaint understood the moment it arrives: what about, how strongly felt, what is asked for and threatened, and
the facts in it. All of it proposals with their places in the text; a person decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from wenguo.text import category, facts, feelings
from wenguo.text.category import Judgement
from wenguo.text.facts import Fact
from wenguo.text.feelings import Mood, Sign
from wenguo.text.lexicon import Lexicon
from wenguo.text.linear import Linear, Said
from wenguo.text.own import Own


@dataclass(frozen=True)
class Reading:
    """Of one text. `emotion`: 0–3, from model and words together; `mood` has the places that show it. `facts`: only
    when the day of receipt was given. `at_once`: a person must read this now (somebody may be harmed)."""

    judgement: Judgement
    emotion: int
    mood: Mood
    wishes: tuple[Sign, ...]
    threats: tuple[Sign, ...]
    signs: tuple[Sign, ...]
    facts: tuple[Fact, ...]

    @property
    def at_once(self) -> bool:
        return any(threat.kind in feelings.AT_ONCE for threat in self.threats)

    @property
    def gravity(self) -> dict[str, Any]:
        """What of it bears on the level of a case, by the names of the policy's facts."""
        said: dict[str, Any] = {"emotion": self.emotion, "danger_percent": round(self.judgement.danger * 100)}
        best = self.judgement.best
        if best is not None and best.probability >= CLEAR and best.code != category.OTHER:
            said["category"] = best.code
        return said


CLEAR = 0.5
"""From this probability on a category that nobody has decided counts for the preliminary level."""


def understand(
    s: str, received: date | None = None, known: Lexicon | None = None, model: Linear | None = None, *,
    reasons: bool = True, own: Own | None = None, said: Said | None = None,
) -> Reading:  # fmt: skip
    """Read `s`. Never fails, whatever it is: empty, a megabyte, emoji, another language; then it says little.

    `own`: the enterprise's own words, beside the shipped ones. `said`: what a network made of it (`network.of`).
    """
    model = model or category.built()
    vector = model.vector(s)
    heard = feelings.hear(s, own.felt if own is not None else None)
    return Reading(
        category.of_vector(s, vector, model, reasons=reasons, own=own, said=said),
        _emotion(model.probabilities(vector, "emotion"), heard.mood.strength, known=vector.known),
        heard.mood, heard.wishes, heard.threats, heard.signs,
        tuple(facts.find(s, received, known)) if received else (),
    )  # fmt: skip


def _emotion(probabilities: np.ndarray, heard: int, *, known: float) -> int:
    """The words pull the model towards what they say; a text without such words may still be felt."""
    if known < category.KNOWN:
        return heard
    pull = 1.0 if heard else 0.3
    scores = [float(np.log(p + 1e-6)) - pull * abs(k - heard) for k, p in enumerate(probabilities)]
    return int(np.argmax(scores))
