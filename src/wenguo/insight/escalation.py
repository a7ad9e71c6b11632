"""Was the escalation risk right? Each case as it stood at one fixed age, compared with what happened to it later.

The age is the same for all (policy: so many hours after receipt), the history is cut there, and what counts as having
happened is a list of events (`signs.escalated_at`) or a later complaint of the same customer to a regulator, the
association or in public, within so many days. Left out: what was outside from the beginning, what was over or taken
higher before that age, and what is not old enough to tell. Source: PV-2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from wenguo.cases import weights as versions
from wenguo.cases.case import Case, Nature
from wenguo.cases.risk import others_of, past_of, stories_of
from wenguo.cases.signs import OUTSIDE, Weights, counted, escalated_at, measure, told, weights_of
from wenguo.cases.weights import RiskCheck, RiskModel
from wenguo.insight.calibration import cross_predicted, fit, goodness
from wenguo.later import task
from wenguo.people.actor import SYSTEM
from wenguo.policy.escalation import Escalation
from wenguo.policy.versions import in_force

MOST = 20_000  # of the newest cases that can tell
AT_ONCE = 300
LEFT_OUT = ("outside", "over", "before")


@dataclass(frozen=True)
class Seen:
    """One case at the fixed age: the amounts of its signs as they count, and how it was taken higher later ("" if it
    was not)."""

    case: int
    customer: int
    amounts: dict[str, int]
    how: str


def observe(rules: Escalation, silence_days: int, window_days: int, at: datetime) -> tuple[list[Seen], Counter[str]]:
    """Every case that can tell, and how many were left out for which reason."""
    age = timedelta(hours=rules.calibration.observe_after_hours)
    follow = timedelta(days=rules.calibration.follow_days)
    felt = in_force(at).pack.felt
    cases = list(
        Case.objects.filter(received_at__lte=at - age - follow, nature=Nature.COMPLAINT)
        .order_by("-received_at")
        .values("pk", "stream_id", "customer_id", "channel", "received_at", "closed_at", "customer__vulnerable")[:MOST]
    )
    found: list[Seen] = []
    left: Counter[str] = Counter()
    for n in range(0, len(cases), AT_ONCE):
        some = cases[n : n + AT_ONCE]
        stories = stories_of([c["stream_id"] for c in some])
        others = others_of([c["pk"] for c in some], min(c["received_at"] for c in some) - timedelta(days=window_days))
        for c in some:
            moment, until = c["received_at"] + age, c["received_at"] + age + follow
            events = stories[c["stream_id"]]
            happened = escalated_at(events)
            happened += [(o.received_at, "outside") for o in others[c["pk"]] if o.channel in OUTSIDE
                         and o.received_at > c["received_at"]]  # fmt: skip
            if c["channel"] in OUTSIDE:
                left["outside"] += 1
            elif any(when <= moment for when, _how in happened):
                left["before"] += 1
            elif _is_over(events, moment):
                left["over"] += 1
            else:
                recent = [o for o in others[c["pk"]] if o.received_at > c["received_at"] - timedelta(days=window_days)]
                past = past_of(recent, c["received_at"], moment, bool(c["customer__vulnerable"]))
                signs = measure(told(events, moment, felt), past, rules, silence_days)
                later = sorted((when, how) for when, how in happened if moment < when <= until)
                amounts = {s.code: counted(s, rules) for s in signs}
                found.append(Seen(c["pk"], c["customer_id"], amounts, later[0][1] if later else ""))
    return found, left


def _is_over(events: Any, moment: datetime) -> bool:
    """Closed at that moment, and not opened again before it."""
    ends = ("case.closed", "case.refused", "case.merged", "case.withdrawn")
    told_of = (*ends, "case.reopened", "case.reconsidered")
    state = [e.type in ends for e in events if e.at <= moment and e.type in told_of]
    return bool(state and state[-1])


@task("insight.check_risks", lock="risk_check")
def check_job(timestamp: int = 0) -> None:
    check(at=timezone.now())


def check(*, at: datetime) -> RiskCheck:
    """Compare, and fit a model when there are outcomes enough. Nothing but the record of it changes by this."""
    version = in_force(at)
    pack = version.pack
    rules = pack.escalation
    seen, left = observe(rules, pack.thresholds.silence_days, pack.thresholds.repeat_window_days, at)
    report: dict[str, Any] = {
        "policy": version.pk, "n": len(seen), "k": sum(bool(s.how) for s in seen), "left_out": dict(left),
        "how": dict(Counter(s.how for s in seen if s.how)), "enough": rules.calibration.enough_outcomes,
        "hours": rules.calibration.observe_after_hours, "days": rules.calibration.follow_days,
    }  # fmt: skip
    if seen:
        report["of_policy"] = _of(weights_of(rules, ""), seen, rules)
        model = RiskModel.objects.filter(state=RiskModel.State.IN_FORCE).first()
        if model is not None:
            report["of_model"] = {"model": model.pk, **_of(versions.of_model(model, version.pk), seen, rules)}
        if report["enough"] <= report["k"] < report["n"]:
            _propose(seen, rules, report, at)
    return RiskCheck.objects.create(at=at, report=report)


def _of(weights: Weights, seen: list[Seen], rules: Escalation) -> dict[str, Any]:
    codes = [s.code for s in rules.signs]
    x, y = _table(seen, codes)
    w = np.array([weights.of.get(code, 0.0) for code in codes])
    p = 1 / (1 + np.exp(-(weights.start + x @ w)))
    return goodness(p, y, rules.calibration.bins).plain()


def _table(seen: list[Seen], codes: Sequence[str]) -> tuple[Any, Any]:
    x = np.array([[float(s.amounts.get(code, 0)) for code in codes] for s in seen])
    return x, np.array([float(bool(s.how)) for s in seen])


def _propose(seen: list[Seen], rules: Escalation, report: dict[str, Any], at: datetime) -> None:
    """A fit to all of them; how good it is is told by fits that did not see the case in question."""
    codes = [s.code for s in rules.signs]
    x, y = _table(seen, codes)
    prior = np.array([s.weight for s in rules.signs])
    shrink, folds = rules.calibration.shrink, rules.calibration.folds
    crossed = cross_predicted(x, y, np.array([s.customer for s in seen]), prior, shrink, folds)
    found = goodness(crossed, y, rules.calibration.bins).plain()
    start, w = fit(x, y, prior, shrink)
    versions.propose(
        start=round(start, 4), weights={code: round(float(v), 4) for code, v in zip(codes, w, strict=True)},
        n=len(seen), k=int(y.sum()), report={"model": found, "policy": report["of_policy"]}, by=SYSTEM, at=at,
    )  # fmt: skip
