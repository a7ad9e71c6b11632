"""How grave a text and its facts are, heard with the word lists of the pack. Source: TR-3."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from wenguo.cases import model
from wenguo.policy import severity
from wenguo.policy.schema import Pack
from wenguo.policy.versions import pack as pack_of
from wenguo.text.lexicon import Lexicon, Term
from wenguo.text.reading import understand


@lru_cache(maxsize=8)
def _lexicon(version_id: int) -> Lexicon:
    return listening(pack_of(version_id))


def assess(version_id: int, text: str, facts: Mapping[str, Any]) -> severity.Score:
    """The score of a text (its first 20 000 characters) and facts under one version of the policy. How strongly the
    text is felt, and what it is probably about while nobody has said so, are facts too."""
    text = text[:20_000]
    heard = _heard(text, model.in_force(), version_id)
    return severity.score(pack_of(version_id), _lexicon(version_id).scan(text), {**heard, **facts})


def listening(pack: Pack) -> Lexicon:
    """The words of a pack's signals, ready to be looked for."""
    return Lexicon([Term(text, label, weight) for text, label, weight in severity.terms(pack)])


def danger_percent(version_id: int, text: str) -> int:
    """How probable the model finds it that a text speaks of a danger."""
    percent: int = _heard(text[:20_000], model.in_force(), version_id)["danger_percent"]
    return percent


def dangers(version_id: int, text: str) -> list[tuple[int, int]]:
    """Where the words of a danger stand in a text, the gravest first."""
    pack = pack_of(version_id)
    codes = {signal.code for signal in pack.severity.signals if signal.dimension == "safety"}
    hits = [hit for hit in _lexicon(version_id).scan(text[:20_000]) if hit.label in codes and hit.weight > 0]
    meant = [hit for hit in hits if hit.standing not in {"denied", "quoted"}]
    return [(hit.start, hit.end) for hit in sorted(meant, key=lambda hit: -hit.weight)]


@lru_cache(maxsize=64)
def _heard(text: str, by: model.InForce, version_id: int) -> Mapping[str, Any]:
    return understand(text, reasons=False, model=by.model, own=pack_of(version_id).own).gravity


def as_rows(score: severity.Score) -> dict[str, Any]:
    """The score as JSON to keep beside a grading: dimensions with points, bands and reasons, and the floors."""
    return {
        "total": score.total,
        "level_by_total": score.level_by_total,
        "because": score.because,
        "dimensions": [{"code": code, **asdict(d)} for code, d in score.dimensions.items()],
        "floors": [asdict(f) for f in score.floors],
    }
