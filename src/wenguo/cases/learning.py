"""Learning from what people decided: a candidate model from the enterprise's own cases, measured before anybody may put
it in force. Source: TR-1 "later from the enterprise's own corrected cases", TR-2 "every correction is training data".

What a case teaches is the category a person stands for: set or confirmed by a person, or left standing when a person
sent the case on. What the program applied by itself teaches nothing. One text in five is held out, by what it says, so
the same words never stand on both sides; such cases are never applied unseen either, so the measure stays honest.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2s
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.cases import model as models_of
from wenguo.cases.case import Case
from wenguo.cases.lifecycle import Outcome, Stage
from wenguo.cases.model import InForce, ModelVersion
from wenguo.errors import NotNow
from wenguo.people.actor import Actor
from wenguo.policy.versions import in_force as policy_in_force
from wenguo.spoken import counted, counted_noop
from wenguo.text import category, linear, network, personal
from wenguo.text.evaluation import Evaluation, compare
from wenguo.text.features import READ
from wenguo.text.linear import Linear, Said

BY_PROGRAM = "program_category"
"""The flag of a case whose category the program applied and no person has confirmed."""

MOST = 100_000
MOST_MEASURED = 10_000
"""The newest so many decided cases teach; the newest so many held-out ones are measured."""

MOST_MEASURED_SLOWLY = 2_000
"""So many where a network reads them too."""

HELD_OUT_OF = 5
CORRECTED = 1.5
"""How much a case counts where the person decided otherwise than was suggested, against one where they agreed."""

FEW_OF_A_CLASS = 3
LOCK = 0x77656E67
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Decided:
    """A case a person decided: its words with personal data covered, and whether the program had said otherwise."""

    text: str
    category: str
    corrected: bool
    held_out: bool


def held_out(text: str) -> bool:
    """Does this text belong to those that measure and never teach?"""
    return _side(_core(text))


_LOOSE = re.compile(r"[\W\d_*]+")


def _core(text: str) -> str:
    return _LOOSE.sub("", text)[:READ]


def _side(core: str) -> bool:
    return int.from_bytes(blake2s(core.encode(), digest_size=6).digest()) % HELD_OUT_OF == 0


def words_of(case_words: tuple[str, str]) -> str:
    """What a reading sees of a case: description and wish."""
    return "\n".join(case_words)


def decided(since: datetime | None = None) -> Any:
    """The cases whose category a person stands for. `since`: only those that changed after it came."""
    by_a_person = journal.Event.objects.filter(
        stream_id=OuterRef("stream_id"), type="case.classified", by__startswith="staff:"
    )
    sent_on = ~Q(stage__in=[Stage.RECEIVED, Stage.TRIAGE]) & Q(outcome__in=["", Outcome.RESOLVED])
    found = Case.objects.exclude(category="").exclude(flags__contains=[BY_PROGRAM])
    found = found.filter(sent_on | Q(Exists(by_a_person)))
    if since is not None:
        fresh = journal.Event.objects.filter(stream_id=OuterRef("stream_id"), at__gt=since, type__in=_DECIDES)
        found = found.filter(Exists(fresh))
    return found


_DECIDES = ("case.classified", "case.assigned", "reply.sent")


def collect(progress: Progress | None = None) -> list[Decided]:
    """The newest decided cases, their words masked."""
    rows = decided().order_by("-received_at").values_list(
        "record__description", "record__wish", "category", "reading__category"
    )[:MOST]  # fmt: skip
    total = rows.count()
    found: list[Decided] = []
    for n, (description, wish, code, suggested) in enumerate(rows.iterator(chunk_size=2000), 1):
        text = words_of((description, wish))[:READ]
        if core := _core(text):
            corrected = bool(suggested) and suggested != code
            found.append(Decided(personal.mask(text), code, corrected, _side(core)))
        if progress is not None and n % 200 == 0:
            progress(n, total, "collect")
    return found


def teach(cases: Sequence[Decided], note: Mapping[str, Any], progress: Progress | None = None) -> Linear:
    """A model of the shipped texts and these cases, calibrated on the cases. The other questions (emotion, level) stay
    as the shipped texts teach them; a class of the enterprise's own is learned from three cases on. Where the network
    is installed, how far it is trusted is found on the cases too."""
    from wenguo.text import teach as teacher  # scikit-learn: only where a model is made

    base = category.examples()
    counts = Counter(one.category for one in cases)
    known = {e.labels["category"] for e in base if "category" in e.labels} | {
        code for code, n in counts.items() if n >= FEW_OF_A_CLASS
    }
    own = [
        teacher.Example(one.text, {"category": one.category}, CORRECTED if one.corrected else 1.0)
        for one in cases
        if one.category in known
    ]
    kept = {head: factor for head, factor in category.SHARPNESS.items() if head != "category"}
    show = None if progress is None else lambda done, of: progress(done, of, "teach")
    recipe = teacher.Recipe(sharpness=kept, sure={"danger": category.DANGERS}, apart=category.APART)
    other = teacher.Other("category", network.classes(), _asking(progress)) if network.installed() else None
    return teacher.teach(own, recipe, note, base=base, other=other, progress=show)


def _asking(progress: Progress | None) -> Callable[[Sequence[str]], list[Said]]:
    show = None if progress is None else lambda done, of: progress(done, of, "network")
    return lambda texts: network.of(texts, show)


def evaluated(ours: Linear, before: InForce, cases: Sequence[Decided], progress: Progress | None) -> dict[str, Any]:
    """Both models on the same held-out cases. {own, before: `Evaluation.data`; before_number; only_own, only_before:
    how many only this one got right; words: of one that listens to the network, what it is without}."""
    listening = any(models_of.listens(model) for model in (ours, before.model))
    cases = cases[: MOST_MEASURED_SLOWLY if listening else MOST_MEASURED]
    labels = [one.category for one in cases]
    said = _asking(progress)([one.text for one in cases]) if listening else [None] * len(cases)
    mine, theirs, words = _Asked(ours), _Asked(before.model), _Asked(ours)
    for n, (one, heard) in enumerate(zip(cases, said, strict=True), 1):
        mine.ask(one.text, heard)
        theirs.ask(one.text, heard)
        if ours.beside:
            words.ask(one.text, None)
        if progress is not None and n % 100 == 0:
            progress(n, len(cases), "measure")
    ok, was_ok = mine.right(labels), theirs.right(labels)
    return {
        "own": mine.figures(labels).data, "before": theirs.figures(labels).data, "before_number": before.number,
        "only_own": int((ok & ~was_ok).sum()), "only_before": int((was_ok & ~ok).sum()),
        **({"words": words.figures(labels).data} if ours.beside else {}),
    }  # fmt: skip


class _Asked:
    """A model and what it said of each text."""

    def __init__(self, model: Linear) -> None:
        self.model, self.classes, self.said = model, model.heads["category"].classes, []

    model: Linear
    classes: tuple[str, ...]
    said: list[Any]

    def ask(self, text: str, heard: Said | None) -> None:
        self.said.append(self.model.probabilities(self.model.vector(text), "category", said=heard))

    def right(self, labels: Sequence[str]) -> Any:
        return np.array([self.classes[int(p.argmax())] == label for p, label in zip(self.said, labels, strict=True)])

    def figures(self, labels: Sequence[str]) -> Evaluation:
        return compare(np.array(self.said), self.classes, labels)


def train(*, by: Actor, at: datetime, progress: Progress | None = None) -> ModelVersion:
    """Teach a candidate with what is decided and keep it with its figures. Nothing is kept before the end.

    NotNow: nothing decided yet, too little, or another process is at it.
    """
    pack = policy_in_force(at).pack
    with _alone():
        cases = collect(progress)
        teaching = [one for one in cases if not one.held_out]
        measuring = [one for one in cases if one.held_out]
        least = pack.thresholds.classify_least_examples
        if not cases:
            raise NotNow(_("还没有人工定类的投诉件，没有可学的；随附模型继续使用"))
        if len(cases) < least or not measuring:
            words = counted_noop("人工定类的投诉件有 {n} 件，至少要 {least} 件才训练；随附模型继续使用")
            raise NotNow(counted(words, len(cases), least=least))
        note = {"version": f"own {at:%Y%m%d%H%M}"}
        content = linear.dump(teach(teaching, note, progress))
        made = linear.parse(content)  # what is measured is what is kept, with its rounded weights
        models_of.forget()
        evaluation = evaluated(made, models_of.in_force(), measuring, progress)
        evaluation["taught"] = dict(Counter(one.category for one in teaching))
        return models_of.keep(
            content, by=by, at=at, until=at, examples=len(teaching), held_out=evaluation["own"]["texts"],
            corrections=sum(one.corrected for one in teaching), evaluation=evaluation,
            recipe={
                "corrected": CORRECTED, "held_out_of": HELD_OUT_OF, "most": MOST,
                "network": network.name() if network.installed() else "",
            },
        )  # fmt: skip


def has_news(at: datetime) -> bool:
    """Was anything decided since the last candidate was taught?"""
    last = ModelVersion.objects.order_by("-number").values_list("until", flat=True).first()
    return decided(last).exists()


@contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            raise NotNow(_("另一个进程正在训练，请稍后再试"))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
