"""How strongly people feel, what they ask for, what they threaten, and signs a person should know of.

Words and the marks around them, with their places. 0 calm, 1 disappointed, 2 angry, 3 furious or abusive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml

from wenguo.text.amounts import find_amounts
from wenguo.text.lexicon import Hit, Lexicon, Term

Wish = Literal[
    "refund", "exchange", "repair", "apology", "explanation", "compensation", "punishment", "improvement", "delivery"
]
READ = 20_000
"""Characters of a text that are read for feelings and signs."""

CALM, DISAPPOINTED, ANGRY, FURIOUS = range(4)


@dataclass(frozen=True, slots=True)
class Sign:
    """s[start:end] says so. `kind`: a wish, or media, regulator, lawsuit, self_harm, violence, review; abuse;
    vulnerable; fraud. `fen`: the sum asked for with a wish, where one is named."""

    kind: str
    start: int
    end: int
    fen: int | None = None


@dataclass(frozen=True, slots=True)
class Mood:
    """The strength 0–3 and the places that show it."""

    strength: int
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Heard:
    mood: Mood
    wishes: tuple[Sign, ...]
    threats: tuple[Sign, ...]
    signs: tuple[Sign, ...]


THREATS = ("media", "regulator", "lawsuit", "self_harm", "violence", "review")
AT_ONCE = frozenset({"self_harm", "violence"})
"""A person must read this now."""


def hear(s: str, words: Lexicon | None = None) -> Heard:
    """All of it, in one pass over the words: the shipped ones, or `words` (`Own.felt`)."""
    s = s[:READ]
    hits = (words or _lexicon()).scan(s)
    wishes = tuple(_wishes(s, hits))
    threats = tuple(_signs(hits, "threat."))
    return Heard(_mood(s, hits, threats), wishes, threats, tuple(_signs(hits, "sign.")))


_TRIPS = re.compile(
    r"(?:跑|去|来|上门)(?:了|过)?[^,，。;；!！?？\d]{0,6}?(两|二|三|四|五|六|七|八|九|十|好几|几|多|无数|[1-9][0-9]?)(?:次|趟|回)"
)
_MANY = 3


def trips(s: str) -> int:
    """How often somebody went there or came, as the text says: 跑了三趟 3, 来了好几次 3, nothing said 0."""
    said = [_times(m[1]) for m in _TRIPS.finditer(s[:READ])]
    return max(said, default=0)


def _times(word: str) -> int:
    if word.isdecimal():
        return int(word)
    return "〇一二三四五六七八九十".index(word) if word in "二三四五六七八九十" else 2 if word == "两" else _MANY


def trend(strengths: Sequence[int]) -> int:
    """Over a conversation, oldest first: 1 growing, 0 steady, -1 calming down; from the last against those before."""
    if len(strengths) < 2:
        return 0
    before = sum(strengths[:-1]) / (len(strengths) - 1)
    return (strengths[-1] > before + 0.5) - (strengths[-1] < before - 0.5)


_SHOUT = re.compile(r"[!!]{2,}|[??]{2,}|(?:[!!][??])|(.)\1{4,}")
_MARK = re.compile(r"[!!]")


def _mood(s: str, hits: Sequence[Hit], threats: Sequence[Sign]) -> Mood:
    """Points of words, shouting and threats; abuse alone makes furious only when there is more than one word of it."""
    felt = [hit for hit in hits if hit.label.startswith("mood.") and hit.standing == "said" and hit.weight > 0]
    places = {(hit.start, hit.end): _degree(hit.label) for hit in felt}
    points = {degree: sum(1 for found in places.values() if found == degree) for degree in (1, 2, 3)}
    shouts = list(_SHOUT.finditer(s))
    loud = len(shouts) + (len(_MARK.findall(s)) >= 3)
    heat = 2.2 * points[3] + 1.0 * points[2] + 0.45 * points[1] + 0.5 * min(loud, 2) + 0.5 * min(len(threats), 2)
    if points[3] >= 2 or (points[3] and heat >= 3.5):
        strength = FURIOUS
    elif heat >= 1.4:
        strength = ANGRY
    else:
        strength = DISAPPOINTED if heat > 0.4 else CALM
    shown = [*sorted(places, key=lambda place: (-places[place], place)), *(shout.span() for shout in shouts)]
    return Mood(strength, tuple(shown[:8]))


def _degree(label: str) -> int:
    return int(label.rpartition(".")[2])


def _wishes(s: str, hits: Sequence[Hit]) -> list[Sign]:
    found: dict[str, Sign] = {}
    for hit in hits:
        kind = hit.label.removeprefix("wish.")
        if kind == hit.label or hit.weight <= 0 or hit.negated or kind in found:
            continue
        fen = None
        if kind in {"refund", "compensation"}:
            near = [a.fen for a in find_amounts(s[hit.start : hit.end + 14])]
            fen = near[0] if near else None
        found[kind] = Sign(kind, hit.start, hit.end, fen)
    return list(found.values())


def _signs(hits: Sequence[Hit], prefix: str) -> list[Sign]:
    seen: dict[str, Sign] = {}
    for hit in hits:
        if hit.label.startswith(prefix) and not hit.negated and hit.weight > 0:
            kind = hit.label.removeprefix(prefix)
            seen.setdefault(kind, Sign(kind, hit.start, hit.end))
    return list(seen.values())


@cache
def _lexicon() -> Lexicon:
    return Lexicon(terms())


def terms() -> list[Term]:
    """The shipped words with their lists; weight 0: a harmless expression around one."""
    words = yaml.safe_load(files("wenguo.text").joinpath("words/feelings.yaml").read_text("utf-8"))
    return [
        *(Term(term, label, 1.0) for label, terms in words["terms"].items() for term in str(terms).split()),
        *(Term(term, label, 0.0) for label, terms in words["harmless"].items() for term in str(terms).split()),
    ]
