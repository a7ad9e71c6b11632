"""What the program understood of a case when it arrived, kept beside what people decided. Source: TR-1, TR-2, TR-10.

A reading is a proposal and never changes the case; comparing it with the decision shows how good it is. It holds codes,
numbers and places in the text, no words, so nothing personal outlives the record it was read from.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case
from wenguo.later import task
from wenguo.text import reading as texts
from wenguo.text.category import OTHER, built

LONGEST = 20_000


class Reading(models.Model):
    """The reading of a case's own words. `category` and `probability`: the first suggestion, empty: cannot tell or no
    complaint; `seen`: further suggestions, wishes, threats, signs and facts, each with its places."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="reading")
    by_model = models.CharField(max_length=40)
    category = models.CharField(_lazy("建议分类"), max_length=80, blank=True, default="")
    probability = models.FloatField(default=0)
    emotion = models.PositiveSmallIntegerField(_lazy("情绪强度"), default=0)
    seen = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Reading]] = models.Manager()

    @property
    def agrees(self) -> bool | None:
        """With the person's category; None while one of both is missing."""
        return self.category == self.case.category if self.category and self.case.category else None


@task("cases.read")
def read_job(case_id: int) -> None:
    read(case_id, at=timezone.now())


def read(case_id: int, *, at: datetime) -> Reading | None:
    """Read the words of a case and keep what was understood. Run twice, the later reading stands."""
    case = Case.objects.select_related("record").filter(pk=case_id).first()
    if case is None:
        return None
    text = f"{case.record.description}\n{case.record.wish}"[:LONGEST]
    understood = texts.understand(text, timezone.localtime(case.received_at).date())
    best = understood.judgement.best
    told = best is not None and best.code != OTHER
    reading, _made = Reading.objects.update_or_create(
        case=case,
        defaults={
            "by_model": str(built().note.get("version", ""))[:40],
            "category": best.code if best and told else "",
            "probability": best.probability if best else 0,
            "emotion": understood.emotion,
            "seen": _places(understood),
            "at": at,
        },
    )
    return reading


def _places(read: texts.Reading) -> dict[str, Any]:
    return {
        "known": round(read.judgement.known, 3),
        "suggestions": [
            {"code": s.code, "probability": round(s.probability, 4), "reasons": [[r.start, r.end] for r in s.reasons]}
            for s in read.judgement.suggestions
        ],
        "mood": [list(place) for place in read.mood.places],
        "wishes": [[s.kind, s.start, s.end, s.fen] for s in read.wishes],
        "threats": [[s.kind, s.start, s.end] for s in read.threats],
        "signs": [[s.kind, s.start, s.end] for s in read.signs],
        "facts": [[f.kind, f.start, f.end] for f in read.facts],
    }
