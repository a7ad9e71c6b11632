"""How grave: points on six dimensions from words and facts, each with its reasons; floors win. Source: TR-3, TR-4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .parts import Condition
from .schema import Pack, covers


class Hit(Protocol):
    """What `text.lexicon` finds: the term, the code of its signal as label, its weight, and how the text means it."""

    @property
    def term(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def weight(self) -> float: ...
    @property
    def standing(self) -> str: ...


@dataclass(frozen=True)
class Reason:
    """Why points were given. rule: signal code or rule id; words: for people; evidence: the words heard (personal)."""

    rule: str
    points: int
    words: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True)
class DimensionScore:
    """points 0–3 (the strongest reason counts, reasons do not add up), weight, and the band reached in words."""

    title: str
    points: int
    weight: int
    band: str
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Floor:
    """At least this level: rule id, why, and what set it off: words heard (personal), facts as (name, value)."""

    rule: str
    level: int
    because: str
    evidence: tuple[str, ...] = ()
    facts: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Score:
    dimensions: Mapping[str, DimensionScore]
    total: int
    level: int  # after floors
    level_by_total: int
    floors: tuple[Floor, ...] = field(default=())

    @property
    def data(self) -> dict[str, Any]:
        """Numbers and rule ids only, fit for the hashed part of the journal."""
        return {
            "total": self.total,
            "level": self.level,
            "level_by_total": self.level_by_total,
            "dimensions": {code: d.points for code, d in self.dimensions.items()},
            "because": [r.rule for d in self.dimensions.values() for r in d.reasons],
            "floors": [f.rule for f in self.floors],
        }

    @property
    def because(self) -> str:
        """One line for the page: which floor or which dimensions decided."""
        if self.level < self.level_by_total:
            return next(f.because for f in self.floors if f.level == self.level)
        strong = [f"{d.title}：{d.band}" for d in self.dimensions.values() if d.points]
        return "；".join(strong) or "没有发现加重的情节"


def terms(pack: Pack) -> list[tuple[str, str, float]]:
    """(text, signal code, points) of every signal word, to build the lexicon from; 0 points: a harmless expression."""
    return [
        (term, signal.code, points)
        for signal in pack.severity.signals
        for terms, points in ((signal.terms, float(signal.points)), (signal.unless, 0.0))
        for term in terms
    ]


def score(pack: Pack, text_hits: Iterable[Hit], facts: Mapping[str, Any]) -> Score:
    """Score a text and its facts.

    `text_hits`: from the lexicon; what is denied or quoted does not count, a danger only feared or just avoided counts
    less. `facts`: by the names of `FactName`; a fact that is missing or None is simply not known.
    """
    severity = pack.severity
    heard = _heard(text_hits, {s.code for s in severity.signals if s.dimension == "safety"})
    reasons: dict[str, list[Reason]] = {d.code: [] for d in severity.dimensions}
    for signal in severity.signals:
        if found := heard.get(signal.code):
            points = min(signal.points, max(found.values()))
            reasons[signal.dimension].append(Reason(signal.code, points, signal.title, tuple(found)))
    for rule in severity.facts:
        if holds(rule.when, facts):
            reasons[rule.dimension].append(Reason(rule.id, rule.points, rule.because))
    dimensions: dict[str, DimensionScore] = {}
    for d in severity.dimensions:
        strongest = sorted(reasons[d.code], key=lambda r: -r.points)
        points = strongest[0].points if strongest else 0
        dimensions[d.code] = DimensionScore(d.title, points, d.weight, d.bands[points], tuple(strongest))
    total = sum(d.points * d.weight for d in dimensions.values())
    by_total = min(b.level for b in severity.bands if total >= b.from_total)
    floors = tuple(_floors(pack, heard, facts))
    return Score(dimensions, total, min([by_total, *(f.level for f in floors)]), by_total, floors)


FEARED, NEARLY, MEANT = 1, 2, 3
"""At most so many points for a danger that is only feared, that was just avoided or shall not come again, and that is
meant as said."""


def _heard(hits: Iterable[Hit], dangers: set[str]) -> dict[str, dict[str, int]]:
    """{signal: {term: at most so many points}}. A threat is no less one for being conditional: 不退就去投诉."""
    heard: dict[str, dict[str, int]] = {}
    for hit in hits:
        if hit.weight <= 0 or hit.standing in {"denied", "quoted"}:
            continue
        if hit.standing == "again" and hit.label not in dangers:
            continue
        meant = {"supposed": FEARED, "nearly": NEARLY, "again": NEARLY}.get(hit.standing, MEANT)
        strength = meant if hit.label in dangers else MEANT
        terms = heard.setdefault(hit.label, {})
        terms[hit.term] = max(strength, terms.get(hit.term, 0))
    return heard


def _floors(pack: Pack, heard: Mapping[str, Mapping[str, int]], facts: Mapping[str, Any]) -> Iterable[Floor]:
    """A danger just avoided is no crisis but urgent; one only feared sets no floor."""
    for rule in pack.severity.floors:
        said = [found for code in rule.signals for found in heard.get(code, {}).items()]
        evidence = tuple(dict.fromkeys(term for term, strength in said if strength > FEARED))
        meant = tuple((c.fact, facts[c.fact]) for c in rule.when if holds(c, facts))
        if evidence or meant:
            only_nearly = not meant and max(strength for _term, strength in said) < MEANT
            level = max(rule.level, 2) if only_nearly else rule.level
            yield Floor(rule.id, level, rule.because, evidence, meant)


def holds(condition: Condition, facts: Mapping[str, Any]) -> bool:
    """Whether a condition holds; a fact that is not known holds for nothing."""
    value = facts.get(condition.fact)
    if value is None:
        return False
    if condition.at_least is not None:
        return int(value) >= condition.at_least
    if condition.is_true is not None:
        return bool(value) is condition.is_true
    if condition.fact == "category":
        return any(covers(wanted, str(value)) for wanted in condition.any_of)
    return str(value) in condition.any_of
