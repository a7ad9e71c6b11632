"""What a text is probably about, shown so that a person can check it: the words that decided, and how sure it is."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from wenguo.cases import danger as possible
from wenguo.cases import gravity, model, reading
from wenguo.cases.reading import DANGER
from wenguo.text import category, words
from wenguo.text.linear import Said

CLEAR = 0.5
"""From this probability on the entry form fills the category in by itself; the agent sees why and may change it."""


class Suggested(NamedTuple):
    """A sub-class of the pack, the words that speak for it, and its probability (None: found by hint words only).
    `by_sense`: the words alone would have said otherwise."""

    sub: Any
    words: list[str]
    probability: float | None
    by_sense: bool = False

    @property
    def sure(self) -> str:
        """How sure, in words: a number alone says more than is known."""
        if self.probability is None:
            return _("按提示词")
        share = f"{self.probability:.0%}"
        if self.probability >= category.APPLY:
            return _("把握大 {share}").format(share=share)
        return _("供参考 {share}").format(share=share)

    @property
    def why(self) -> str:
        """In words, beside those of the text."""
        said = _("依据：{words}").format(words=_("、").join(self.words))
        return _("{said}；主要看整句的意思").format(said=said) if self.by_sense else said


def suggest(pack: Any, text: str, said: Said | None = None, most: int = 3) -> list[Suggested]:
    """The sub-classes `text` is most probably about. Nothing where it cannot be told, or where it is no complaint.

    Sub-classes of the pack that the model was not taught are searched for by their hint words. `said`: what a network
    made of it when the case was read; while somebody types, none is asked.
    """
    known = {sub.code: sub for sub in pack.subs}
    by = model.in_force().model
    judged = category.judge(text, by, most=most, own=pack.own, said=said)
    made = [
        Suggested(known[s.code], _words(text, s), s.probability, judged.by_sense and s == judged.best)
        for s in judged.suggestions
        if s.code in known and s.probability >= category.FURTHER
    ]
    if danger := _danger(pack, text):
        made = [danger, *(one for one in made if one.sub.code != DANGER)]
    elif judged.best is not None and judged.best.code == category.OTHER:
        return []
    own = [sub for code, sub in known.items() if code not in by.heads["category"].classes]
    lower = text.lower()
    hinted = [(sub, [hint for hint in sub.hints if hint.lower() in lower]) for sub in own]
    return [*(Suggested(sub, words, None) for sub, words in hinted if words), *made][:most]


def _danger(pack: Any, text: str) -> Suggested | None:
    """A danger that is said to be there comes first, whatever else the text is about."""
    hits = reading.danger(pack, text)
    if not hits:
        return None
    return Suggested(pack.sub(DANGER), list(dict.fromkeys(text[hit.start : hit.end] for hit in hits)), None)


def _words(text: str, suggestion: category.Suggestion) -> list[str]:
    return list(
        dict.fromkeys(text[r.start : r.end].strip() for r in suggestion.reasons if text[r.start : r.end].strip())
    )


def marked(text: str, spans: list[tuple[int, int]], around: int = 160) -> list[tuple[str, bool]]:
    """The text in pieces (words, is it a reason?), for a page to show the reasons where they stand; not more than a
    page needs."""
    pieces: list[tuple[str, bool]] = []
    at = max(0, min((start for start, _end in spans), default=0) - around // 2)
    if at:
        pieces.append(("…", False))
    until = min(len(text), at + around * 2)
    for start, end in sorted(spans):
        if start < at or end > until:
            continue
        pieces += [(text[at:start], False), (text[start:end], True)]
        at = end
    pieces.append((text[at:until] + ("…" if until < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]


def heard(case: Any) -> Said | None:
    """What a network made of the words of a case, where it read them."""
    read = getattr(case, "reading", None)
    return read.said if read is not None else None


class Proposal(NamedTuple):
    """What the case page shows before a category is set."""

    suggested: list[Suggested]
    text: list[tuple[str, bool]]


def proposal(case: Any) -> Proposal | None:
    """For a case in triage without a category; None when there is nothing to propose."""
    text, said = case.record.description, heard(case)
    suggested = suggest(case.pack, text, said)
    if not suggested:
        return None
    judged = category.judge(text, model.in_force().model, most=1, own=case.pack.own, said=said)
    spans = [(r.start, r.end) for r in judged.suggestions[0].reasons] if judged.suggestions else []
    if suggested[0].sub.code == DANGER and suggested[0].probability is None:
        spans = [(at, at + len(word)) for word in suggested[0].words if (at := text.find(word)) >= 0]
    return Proposal(suggested, marked(text, words.whole(text, spans)))


SLIGHT = 10  # per cent


class DangerSign(NamedTuple):
    """A danger that may be spoken of: how probable the model finds it (0: heard by words alone), and where.
    `is_slight`: no word of the policy was heard and the model is far from sure; one line asks, without alarm."""

    percent: int
    text: list[tuple[str, bool]]
    is_slight: bool


def danger_sign(case: Any) -> DangerSign | None:
    """None: nothing to ask about, or somebody has said so."""
    asked = possible.sign(case)
    if asked is None:
        return None
    text = reading.words_of((case.record.description, case.record.wish))[: reading.LONGEST]
    slight = 0 < asked["percent"] < SLIGHT and not gravity.dangers(case.policy_id, text)
    return DangerSign(asked["percent"], marked(text, words.whole(text, possible.places(case, text))), slight)
