"""Escalation risk of every open case: score, level and reasons, kept beside it and renewed as its story goes on.

The score is a projection of the journal and the policy, so it is not a column of the case: acts know nothing of it and
pay nothing for it. A sweep takes the cases whose journal has grown since they were weighed (found among the newest
events), and those whose signs grow with time alone (`next_look_at`). Crossing into another level is an event, and who
must act hears of it once. Source: PV-2, TR-11.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connection, models, transaction
from django.db.models import Case as Where
from django.db.models import Q, Value, When
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo import journal
from wenguo.cases.case import Case, Involvement, plain
from wenguo.cases.lifecycle import OPEN
from wenguo.cases.notice import Notice, notices_for, post_up
from wenguo.cases.signs import (
    OUTSIDE,
    SPEAKING,
    UNREAD,
    Happened,
    Past,
    Sign,
    Story,
    Weights,
    counted,
    customer_words,
    first_growth,
    measure,
    score,
    told,
)
from wenguo.cases.weights import weights_in_force
from wenguo.people.actor import SYSTEM
from wenguo.people.units import superiors
from wenguo.policy.escalation import Escalation, SignRule, WarningLevel
from wenguo.policy.versions import in_force

STAGES = [stage.value for stage in OPEN]
OVERLAP = timedelta(minutes=10)  # an act may commit after one that began later: so far back the sweep looks again
NEW = timedelta(days=1)  # an older case weighed for the first time is nobody's news


class Risk(models.Model):
    """The latest weighing of a case. `score` 0 … 1; `reasons`: [{code, amount, part, places: [[seq, moment]]}], the
    heaviest first, where `part` is weight × amount; `seq`: the last event it knows; `weighed_by`: policy and model.
    """

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="risk")
    score = models.FloatField(_lazy("升级风险"))
    level = models.CharField(_lazy("风险等级"), max_length=8)
    since = models.DateTimeField()  # it has this level
    reasons = models.JSONField(default=list)
    seq = models.BigIntegerField()
    weighed_by = models.CharField(max_length=60)
    at = models.DateTimeField()
    next_look_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Risk]] = models.Manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_look_at"], name="cases_risk_look", condition=Q(next_look_at__isnull=False)),
            # What is rare is found without reading the rest.
            models.Index(fields=["case"], name="cases_risk_high", condition=Q(level="high")),
        ]


# ── what is read ──────────────────────────────────────────────────────────────────────────────────────────────────


def stories_of(stream_ids: Collection[int]) -> dict[int, list[Happened]]:
    """{stream: its events as signs read them, in order}. One query."""
    found: dict[int, list[Happened]] = {pk: [] for pk in stream_ids}
    rows = (
        journal.Event.objects.filter(stream_id__in=stream_ids)
        .exclude(type__in=UNREAD)
        .annotate(said=Where(When(type__in=SPEAKING, then="private"), default=Value(None)))
        .order_by("stream_id", "seq")
        .values_list("stream_id", "seq", "type", "at", "because", "data", "said")
    )
    for stream, seq, type, at, because, data, said in rows.iterator(chunk_size=2000):
        found[stream].append(Happened(seq, type, at, because, data, customer_words(type, said)))
    return found


_PAST = """
WITH RECURSIVE asked AS (
  SELECT c.id AS case_id, c.customer_id, c.received_at FROM cases_case c WHERE c.id = ANY(%(ids)s)),
up(start, id, into_id) AS (
  SELECT DISTINCT k.id, k.id, k.merged_into_id FROM customers_customer k JOIN asked a ON a.customer_id = k.id
  UNION SELECT up.start, k.id, k.merged_into_id FROM customers_customer k JOIN up ON k.id = up.into_id),
family(start, id) AS (
  SELECT start, id FROM up WHERE into_id IS NULL
  UNION SELECT f.start, k.id FROM customers_customer k JOIN family f ON k.merged_into_id = f.id)
SELECT a.case_id, o.received_at, o.channel,
       (SELECT min(e.at) FROM journal_event e WHERE e.stream_id = o.stream_id AND (
          e.type IN ('case.reopened', 'case.reassessed', 'case.continued')
          OR (e.type IN ('case.reminded', 'message.received') AND (e.data->>'higher')::boolean)
          OR (e.type = 'case.joined' AND e.data->>'channel' = ANY(%(outside)s))))
FROM asked a JOIN family f ON f.start = a.customer_id JOIN cases_case o ON o.customer_id = f.id AND o.id <> a.case_id
WHERE o.received_at > %(since)s
"""


@dataclass(frozen=True)
class Other:
    """Another case of the same customer: when it came, by which channel, when it was first taken higher."""

    received_at: datetime
    channel: str
    escalated_at: datetime | None


def others_of(case_ids: Collection[int], since: datetime) -> dict[int, list[Other]]:
    """{case: the other cases of its customer, through all merges, received after `since`}. One query."""
    found: dict[int, list[Other]] = {pk: [] for pk in case_ids}
    with connection.cursor() as cursor:
        cursor.execute(_PAST, {"ids": list(case_ids), "outside": sorted(OUTSIDE), "since": since})
        for case_id, received_at, channel, escalated in cursor.fetchall():
            found[case_id].append(Other(received_at, channel, escalated))
    return found


def past_of(others: Iterable[Other], received_at: datetime, at: datetime, vulnerable: bool) -> Past:
    """What was known of the customer at `at`; nothing that came later."""
    earlier = [o for o in others if o.received_at < received_at]
    gone = [o for o in earlier if o.channel in OUTSIDE or (o.escalated_at is not None and o.escalated_at <= at)]
    return Past(len(earlier), len(gone), vulnerable)


# ── weighing ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Reason:
    """A sign with what it weighs. `part` below 0 speaks for calm."""

    rule: SignRule
    amount: int
    part: float
    places: tuple[tuple[int, datetime], ...]


@dataclass(frozen=True)
class Weighing:
    """What the signs of a case come to. `level`: with the one it had before taken into account."""

    score: float
    level: WarningLevel
    reasons: Sequence[Reason]
    look_at: datetime | None


def weigh(story: Story, past: Past, rules: Escalation, weights: Weights, silence_days: int, before: str) -> Weighing:
    """A sum over the story."""
    signs = measure(story, past, rules, silence_days)
    total = score(signs, rules, weights)
    growing = [m for m in first_growth(story, rules, silence_days) if m > story.at]
    return Weighing(total, rules.level_of(total, before), reasons_of(signs, rules, weights), min(growing, default=None))


def reasons_of(signs: Iterable[Sign], rules: Escalation, weights: Weights) -> list[Reason]:
    reasons = [
        Reason(rules.sign(s.code), s.amount, weights.of.get(s.code, 0.0) * counted(s, rules), s.places) for s in signs
    ]
    return sorted((r for r in reasons if r.part), key=lambda r: -abs(r.part))


def read_reasons(kept: Sequence[Mapping[str, Any]], rules: Escalation) -> list[Reason]:
    """The reasons as they were kept."""
    known = {rule.code: rule for rule in rules.signs}
    return [
        Reason(
            known[r["code"]], r["amount"], r["part"],
            tuple((seq, datetime.fromisoformat(at)) for seq, at in r["places"]),
        )
        for r in kept
        if r["code"] in known
    ]  # fmt: skip


def rules_at(at: datetime) -> tuple[Escalation, Weights, int]:
    """The rules of the policy in force, the weights that count, and the days of silence. A risk is judged by today's
    policy, not by that of the case: it promises nothing."""
    version = in_force(at)
    rules = version.pack.escalation
    return rules, weights_in_force(rules, version.pk), version.pack.thresholds.silence_days


def look(case: Case, *, at: datetime) -> Weighing:
    """The risk of one case as it stands now, worked out anew and not kept."""
    rules, weights, silence = rules_at(at)
    events = stories_of([case.stream_id])[case.stream_id]
    others = others_of([case.pk], _horizon(case.pack.thresholds.repeat_window_days, case.received_at))[case.pk]
    past = past_of(others, case.received_at, at, bool(case.customer.vulnerable))
    kept = Risk.objects.filter(case=case).values_list("level", flat=True).first()
    return weigh(told(events, at, in_force(at).pack.felt), past, rules, weights, silence, kept or "")


def _horizon(days: int, received_at: datetime) -> datetime:
    return received_at - timedelta(days=days)


# ── the sweep ─────────────────────────────────────────────────────────────────────────────────────────────────────

_GROWN = """
SELECT c.id FROM (SELECT DISTINCT stream_id FROM journal_event WHERE id > %(upto)s) e
JOIN journal_stream s ON s.id = e.stream_id JOIN cases_case c ON c.stream_id = s.id
LEFT JOIN cases_risk r ON r.case_id = c.id
WHERE c.stage = ANY(%(open)s) AND (r.seq IS NULL OR r.seq < s.seq) ORDER BY c.id LIMIT %(limit)s
"""
_STALE = """
SELECT c.id FROM cases_case c JOIN journal_stream s ON s.id = c.stream_id LEFT JOIN cases_risk r ON r.case_id = c.id
WHERE c.stage = ANY(%(open)s) AND (r.seq IS NULL OR r.seq < s.seq OR r.weighed_by <> %(by)s)
ORDER BY c.id LIMIT %(limit)s
"""


def sweep(*, at: datetime, limit: int = 200) -> int:
    """Weigh what has changed since the last look, or changes by itself at `at`; how many were written. The newest
    events are found by the upper end of the last but newest Merkle root, so the cost follows what happened."""
    root = journal.Root.objects.filter(at__lt=at - OVERLAP).order_by("-pk").values_list("upto", flat=True).first()
    ids = _asked(_GROWN, {"upto": root or 0, "open": STAGES, "limit": limit})
    due = Risk.objects.filter(next_look_at__lte=at).order_by("next_look_at")
    ids += [pk for pk in due.values_list("pk", flat=True)[: limit - len(ids)] if pk not in ids]
    return _weigh_all(ids, at) if ids else 0


def sweep_all(*, at: datetime, limit: int = 200) -> int:
    """The same for whatever the sweep cannot see: another policy, a model put in force, a journal restored."""
    _rules, weights, _silence = rules_at(at)
    ids = _asked(_STALE, {"by": weights.name, "open": STAGES, "limit": limit})
    return _weigh_all(ids, at) if ids else 0


def _asked(sql: str, given: Mapping[str, Any]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return [row[0] for row in cursor.fetchall()]


def _weigh_all(ids: Sequence[int], at: datetime) -> int:
    """Weigh these cases and keep it; how many. Read first, then locked where a level changes: nobody waits for it."""
    rules, weights, silence = rules_at(at)
    cases = list(
        Case.objects.filter(pk__in=ids)
        .defer("search")
        .select_related("stream", "customer", "owner", "unit", "intake_unit", "risk")
    )
    open_ = [case for case in cases if case.is_open]
    pack = in_force(at).pack
    window, felt = pack.thresholds.repeat_window_days, pack.felt
    first = min((case.received_at for case in open_), default=at)
    others = others_of([case.pk for case in open_], _horizon(window, first)) if open_ else {}
    stories = stories_of([case.stream_id for case in open_]) if open_ else {}
    weighed: list[tuple[Case, Weighing]] = []
    for case in open_:
        recent = [o for o in others[case.pk] if o.received_at > _horizon(window, case.received_at)]
        past = past_of(recent, case.received_at, at, bool(case.customer.vulnerable))
        before = case.risk.level if hasattr(case, "risk") else ""
        weighed.append((case, weigh(told(stories[case.stream_id], at, felt), past, rules, weights, silence, before)))
    with transaction.atomic():
        Risk.objects.filter(pk__in=[c.pk for c in cases if not c.is_open]).update(next_look_at=None)
        return len(cases) - len(open_) + _keep(weighed, rules, weights, at)


def _keep(weighed: Sequence[tuple[Case, Weighing]], rules: Escalation, weights: Weights, at: datetime) -> int:
    crossing = [(case, w) for case, w in weighed if _before(case, rules) != w.level.code]
    held = _held([case for case, _w in crossing])
    crossing = [(case, w) for case, w in crossing if case.pk in held]
    _announce(crossing, rules, at)
    left = {case.pk for case, _w in crossing}
    rows = [
        Risk(
            case=case, score=w.score, level=w.level.code, at=at, weighed_by=weights.name, next_look_at=w.look_at,
            seq=case.stream.seq, reasons=_plain(w.reasons),
            since=case.risk.since if hasattr(case, "risk") and case.pk not in left else at,
        )
        for case, w in weighed
        if case.pk in left or _before(case, rules) == w.level.code
    ]  # fmt: skip
    Risk.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["case"],
        update_fields=["score", "level", "since", "reasons", "seq", "weighed_by", "at", "next_look_at"],
    )
    return len(rows)


def _before(case: Case, rules: Escalation) -> str:
    """The level the case had; one that was never weighed was calm."""
    return case.risk.level if hasattr(case, "risk") else rules.levels[0].code


def _held(cases: Sequence[Case]) -> set[int]:
    """Take the journals of these cases; those that somebody holds, or that have grown since, come next time."""
    free = {
        s.pk: s
        for s in journal.Stream.objects.select_for_update(skip_locked=True, no_key=True).filter(
            pk__in=[case.stream_id for case in cases]
        )
    }
    held = set()
    for case in cases:
        stream = free.get(case.stream_id)
        if stream is not None and stream.seq == case.stream.seq:
            case.stream = stream
            held.add(case.pk)
    return held


def _plain(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [
        {
            "code": r.rule.code,
            "amount": r.amount,
            "part": round(r.part, 4),
            "places": [[seq, plain(moment)] for seq, moment in r.places],
        }
        for r in reasons
    ]


def _announce(crossing: Sequence[tuple[Case, Weighing]], rules: Escalation, at: datetime) -> None:
    """Write it into the journals, and tell who must act when it rises."""
    order: list[str] = [level.code for level in rules.levels]
    notices: list[Notice] = []
    seers: list[Involvement] = []
    known: dict[Any, list[Any]] = {}
    ends: list[tuple[journal.Stream, list[journal.Entry]]] = []
    for case, w in crossing:
        before = _before(case, rules)
        rises = order.index(w.level.code) > order.index(before)
        told_ = _whom(case, w.level, at, known) if rises and _is_news(case, at) else []
        data = {
            "from": before, "to": w.level.code, "score": round(100 * w.score),
            "signs": [r.rule.code for r in w.reasons], "told": [p.pk for p in told_],
        }  # fmt: skip
        entry = journal.Entry("risk.raised" if rises else "risk.lowered", SYSTEM.journal_ref, at, "", data)
        ends.append((case.stream, [entry]))
        notices += notices_for(case, told_, "risk.raised", _RAISED, _names(w), at)
        seers += [Involvement(case=case, person=p, since=at) for p in told_]
    events = journal.append_all(ends)
    for (case, _w), event in zip(crossing, events, strict=True):
        case.stream.seq = event.seq
    Involvement.objects.bulk_create(seers, ignore_conflicts=True)
    post_up(notices)


_RAISED = _noop("升级风险升为{level}（{score}）：{why}。{action}")


def _names(w: Weighing) -> dict[str, Any]:
    why = [r.rule.title for r in w.reasons[:3] if r.part > 0]
    return {"level": w.level.title, "score": f"{w.score:.2f}", "why": why, "action": w.level.measures[0]}


def _is_news(case: Case, at: datetime) -> bool:
    return hasattr(case, "risk") or case.received_at > at - NEW


def _whom(case: Case, level: WarningLevel, at: datetime, known: dict[Any, list[Any]]) -> list[Any]:
    told_: list[Any] = []
    unit = case.unit or case.intake_unit
    for who in level.tells:
        if who == "owner":
            told_ += [case.owner] if case.owner else []
        elif unit is not None:
            if (unit, who) not in known:
                known[unit, who] = superiors(unit, who, at=at)
            told_ += known[unit, who]
    return list(dict.fromkeys(told_))


def at_level(level: str) -> Q:
    """The cases of this level, for a filter; only open ones are weighed."""
    return Q(risk__level=level)
