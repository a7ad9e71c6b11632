"""What the program understood of a case when it arrived, kept beside what people decided. Source: TR-1, TR-2, TR-10.

A reading is a proposal; comparing it with the decision shows how good it is. It holds codes, numbers and places in the
text, no words, so nothing personal outlives the record it was read from.

Where the first suggestion is within the error budget of the policy, the program sets the category of a case nobody has
classified (`apply`): the journal says so with `by` system, the case carries the flag `program_category` until a person
confirms or corrects it. Everything else waits for a person.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import alike, group, major
from wenguo.cases import danger as possible
from wenguo.cases import model as models_of
from wenguo.cases.case import Case, add_words, flag, record
from wenguo.cases.learning import BY_PROGRAM, held_out, words_of
from wenguo.cases.lifecycle import Stage
from wenguo.errors import Overtaken
from wenguo.later import task
from wenguo.people.actor import SYSTEM
from wenguo.policy.schema import Pack
from wenguo.text import network
from wenguo.text import reading as texts
from wenguo.text.category import OTHER
from wenguo.text.lexicon import Hit, Lexicon, Term
from wenguo.text.linear import Linear, Said

LONGEST = 20_000
HUNDREDTHS = 100


class Reading(models.Model):
    """The reading of a case's own words. `category` and `probability`: the first suggestion, empty: cannot tell or no
    complaint; `seen`: further suggestions, wishes, threats, signs and facts, each with its places, how strongly a
    danger was heard that nobody has judged (`danger.py`), what a network made of it where the model in force listens to
    one, and the version of the policy whose words it was read with.
    """

    case = models.OneToOneField(Case, on_delete=models.CASCADE, related_name="reading")
    by_model = models.CharField(max_length=40)
    category = models.CharField(_lazy("建议分类"), max_length=80, blank=True, default="")
    probability = models.FloatField(default=0)
    emotion = models.PositiveSmallIntegerField(_lazy("情绪强度"), default=0)
    seen = models.JSONField(default=dict)
    at = models.DateTimeField()

    objects: ClassVar[models.Manager[Reading]] = models.Manager()

    @property
    def said(self) -> Said | None:
        """What a network made of the words, where one read them."""
        by, scores = self.seen.get("network") or ("", [])
        return Said(by, np.array(scores, np.float32) / np.float32(HUNDREDTHS)) if by else None

    @property
    def agrees(self) -> bool | None:
        """With the person's category; None while one of both is missing."""
        return self.category == self.case.category if self.category and self.case.category else None


@task("cases.read")
def read_job(case_id: int) -> None:
    at = timezone.now()
    if (reading := read(case_id, at=at)) is not None:
        apply(reading, at=at)
    group.meet(case_id, at=at)
    major.look(case_id, at=at)
    alike.keep_meaning([case_id])


def read(case_id: int, *, at: datetime) -> Reading | None:
    """Read the words of a case and keep what was understood. Run twice, the later reading stands."""
    case = Case.objects.select_related("record", "customer", "stream").filter(pk=case_id).first()
    if case is None:
        return None
    text = words_of((case.record.description, case.record.wish))[:LONGEST]
    by = models_of.in_force()
    day = timezone.localtime(case.received_at).date()
    said = _sense(text, by.model)
    understood = texts.understand(text, day, model=by.model, own=case.pack.own, said=said)
    best = understood.judgement.best
    told = best is not None and best.code != OTHER
    dangers = possible.heard(case, text)
    reading, _made = Reading.objects.update_or_create(
        case=case,
        defaults={
            "by_model": by.name,
            "category": best.code if best and told else "",
            "probability": best.probability if best else 0,
            "emotion": understood.emotion,
            "seen": {
                **_places(understood),
                **({"danger": dangers} if dangers else {}),
                **({"network": [said.by, (said.scores * HUNDREDTHS).round().astype(int).tolist()]} if said else {}),
                "policy": case.policy_id,
            },
            "at": at,
        },
    )
    return reading


def _sense(text: str, model: Linear) -> Said | None:
    """What the network makes of the whole text, where the model listens to one and it can be read here."""
    beside = model.beside.get("category")
    return network.of([text])[0] if beside is not None and network.reads_as(beside.by) else None


@transaction.atomic
def apply(reading: Reading, *, at: datetime) -> bool:
    """Set the category of a case nobody has classified, if the reading is within the error budget. TR-2.

    Not applied: what measures the models (`learning.held_out`), and what speaks of a danger but was read otherwise.
    A person who acts at the same moment is first; then nothing happens.
    """
    case = Case.objects.select_related("record").get(pk=reading.case_id)
    by = models_of.in_force()
    least = by.applies_from(case.pack)
    words = words_of((case.record.description, case.record.wish))
    if (
        case.category
        or case.stage not in {Stage.RECEIVED, Stage.TRIAGE}
        or least is None
        or reading.probability < least
        or all(sub.code != reading.category for sub in case.pack.subs)
        or held_out(words)
        or (reading.category != DANGER and danger(case.pack, words))
    ):
        return False
    try:
        with transaction.atomic():
            record(
                case, "case.classified", by=SYSTEM, at=at, because=f"model:{by.name}",
                data={"from": "", "to": reading.category, "permille": int(reading.probability * 1000)},
                set={"category": reading.category, "flags": flag(case, BY_PROGRAM)},
            )  # fmt: skip
    except Overtaken:
        return False
    add_words(case, case.category_words)
    return True


DANGER = "product.safety"


def danger(pack: Pack, text: str) -> list[Hit]:
    """Where the text says that a danger is there, by the hint words of the pack: rather one look too many."""
    if all(sub.code != DANGER for sub in pack.subs):
        return []
    hints = _hints(tuple(pack.sub(DANGER).hints))
    return [hit for hit in hints.scan(text) if hit.standing in {"said", "nearly"}]


@lru_cache(maxsize=4)
def _hints(words: tuple[str, ...]) -> Lexicon:
    return Lexicon([Term(word, DANGER) for word in words])


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
