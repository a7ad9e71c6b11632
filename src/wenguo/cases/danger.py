"""Is a danger spoken of? What the reading may have heard is shown to a person first, who says yes or no with one key.

Such a sign says only that somebody should look: it raises no level. Who says yes gives the policy a fact
(`danger_confirmed`), and the case gets at least the level asked for; who says no has it gone for good. There is no sign
where words, class or a person have made the case urgent already. What was heard stands in the reading, as numbers; its
words are looked up when the page is made. Source: TR-3, TR-10.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.cases import gravity, model, triage
from wenguo.cases.case import Case, flag, record
from wenguo.cases.intake import facts_of_case
from wenguo.cases.learning import words_of
from wenguo.cases.lifecycle import Stage, require
from wenguo.errors import NotNow

CONFIRMED = "danger"
URGENT = 2
"""From this level on a case is looked at first in any case."""

UNTRIAGED = (Stage.RECEIVED, Stage.TRIAGE)
MOST = 4


def heard(case: Case, text: str) -> dict[str, int] | None:
    """How strongly a danger is heard in the words of a case: points by the policy, and per cent by the model. None:
    nothing to ask about."""
    score = gravity.assess(case.policy_id, text, facts_of_case(case))
    points = score.dimensions["safety"].points
    if not points or score.level <= URGENT or _answered(case):
        return None
    return {"points": points, "percent": gravity.danger_percent(case.policy_id, text)}


def _answered(case: Case) -> bool:
    return journal.Event.objects.filter(stream_id=case.stream_id, type="case.danger_answered").exists()


def waiting(cases: models.QuerySet[Case]) -> models.QuerySet[Case]:
    """Those of `cases` with a sign nobody has answered, the strongest first."""
    found = cases.filter(stage__in=UNTRIAGED, level__gt=URGENT, reading__seen__has_key="danger")
    return found.order_by("-reading__seen__danger__points", "-reading__seen__danger__percent", "received_at", "pk")


def sign(case: Case) -> dict[str, int] | None:
    """What `heard` found when the case was read, until a person has answered."""
    if case.stage not in UNTRIAGED or case.level <= URGENT:
        return None
    read = getattr(case, "reading", None)
    return read.seen.get("danger") if read is not None else None


def places(case: Case, text: str) -> list[tuple[int, int]]:
    """Where `text` may speak of it: words of the policy, else what spoke most for it to the model. None overlap."""
    found = gravity.dangers(case.policy_id, text)
    if not found:
        by = model.in_force().model
        found = [(r.start, r.end) for r in by.reasons(text, "danger", "1")] if "danger" in by.heads else []
    kept: list[tuple[int, int]] = []
    for start, end in found:
        if all(end <= s or e <= start for s, e in kept):
            kept.append((start, end))
    return sorted(kept[:MOST])


@transaction.atomic
def answer(case: Case, there: bool, *, by: Any, at: datetime) -> None:
    """A person says whether a danger is spoken of. Yes: the preliminary level rises to what the policy asks for; it is
    still theirs to grade. NotNow: nothing was asked, or somebody has answered."""
    require(case, "answer_danger", by=by, at=at)
    asked = sign(case)
    if asked is None:
        raise NotNow(_("没有要核实的危险提示"))
    old, level = case.level, _level_with_danger(case) if there else case.level
    record(
        case, "case.danger_answered", by=by, at=at, data={"there": there, "from": old, "to": level, **asked},
        set={"flags": flag(case, CONFIRMED), "level": level} if there else None,
    )  # fmt: skip
    read = case.reading
    read.seen = {name: value for name, value in read.seen.items() if name != "danger"}
    read.save(update_fields=["seen"])
    if level != old:
        triage.regraded(case, old, by=by, at=at)


def _level_with_danger(case: Case) -> int:
    """What the policy asks for where a danger is there; never less grave than now."""
    text = words_of((case.record.description, case.record.wish))
    score = gravity.assess(case.policy_id, text, {**facts_of_case(case), "danger_confirmed": True})
    return min(case.level, score.level)
