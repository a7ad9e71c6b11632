"""The sweep: what happens when the time of a promise runs out. Marks are fired, written down, and people hear of them.

It takes due clocks together with the journal of their case, works a batch out, and writes it down as one, so that any
number of workers may run it and none waits. Source: TR-8, IN-2.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils.translation import gettext_noop as _noop

from wenguo import journal
from wenguo.cases.case import Case, Happening, Involvement
from wenguo.cases.clock import RANKS, Clock, Pause, Terms, marks, next_fire, next_percent, rule_of
from wenguo.cases.notice import Notice, notices_for, post_up
from wenguo.people.actor import SYSTEM
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy import promise
from wenguo.policy.parts import ClockRule


@transaction.atomic
def sweep(*, at: datetime, limit: int = 500, case: Case | None = None) -> int:
    """Fire what is due at `at`, up to `limit` clocks; returns how many were taken. Any number of workers may run it.
    `case`: of this one only.

    A clock and the journal of its case are taken together, skipping what others hold, so that nobody waits for anybody.
    Whatever the number, the queries are the same: a batch is read, worked out, and written down as one.
    """
    due = Clock.objects.filter(next_fire_at__lte=at, **({"case": case} if case else {}))
    due = due.order_by("next_fire_at", "pk").defer("case__search")
    taken = list(
        due.select_related("case__stream", "case__owner", "case__unit", "case__intake_unit").select_for_update(
            skip_locked=True, of=("self", "case__stream")
        )[:limit]
    )
    if taken:
        models.prefetch_related_objects(taken, models.Prefetch("pauses", Pause.objects.order_by("since")))
        fired = _fired(taken, at)
        _write_firings(fired, at)
    return len(taken)


@dataclass
class _Fired:
    """What a clock has passed since it last fired: `percents`, in order. People hear only of the last."""

    clock: Clock
    rule: ClockRule | None
    percents: list[int]


def _fired(taken: Sequence[Clock], at: datetime) -> list[_Fired]:
    """Move each clock on over all marks it has passed by `at`."""
    fired = []
    for clock in taken:
        one = _Fired(clock, rule_of(clock), [])
        pauses = tuple((pause.since, pause.until) for pause in clock.pauses.all())
        terms = Terms(clock.started_at, promise.Allowance.from_spec(clock.allowance), clock.hours(), pauses)
        while (percent := next_percent(clock.fired_percent, *marks(one.rule))) is not None and clock.due_at:
            if terms.moment_at(percent, clock.due_at) > at:
                break
            clock.fired_percent = percent
            one.percents.append(percent)
        clock.next_fire_at = next_fire(clock, terms, one.rule)
        fired.append(one)
    return fired


_NEW_FIRINGS = """
    INSERT INTO cases_firing (clock_id, percent, due_at, fired_at)
    SELECT *, %s FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[])
    ON CONFLICT (clock_id, percent) DO NOTHING RETURNING clock_id, percent
"""
_MOVED_ON = """
    UPDATE cases_clock c SET fired_percent = moved.percent, next_fire_at = moved.next
    FROM unnest(%s::bigint[], %s::int[], %s::timestamptz[]) AS moved (id, percent, next) WHERE c.id = moved.id
"""


def _write_firings(fired: Sequence[_Fired], at: datetime) -> None:
    passed = [(one.clock.pk, percent, one.clock.due_at) for one in fired for percent in one.percents]
    moved = [(one.clock.pk, one.clock.fired_percent, one.clock.next_fire_at) for one in fired]
    with connection.cursor() as cursor:
        cursor.execute(_MOVED_ON, [list(column) for column in zip(*moved, strict=True)])
        if not passed:
            return
        cursor.execute(_NEW_FIRINGS, [at, *(list(column) for column in zip(*passed, strict=True))])
        new = set(cursor.fetchall())
    _escalate([(one, last) for one in fired if (last := _newest(one, new)) is not None], at)


def _newest(one: _Fired, new: Collection[tuple[int, int]]) -> int | None:
    """The last mark nobody was told of. After a pause or a regrade a clock may pass a mark again; it is told once."""
    return max((p for p in one.percents if (one.clock.pk, p) in new), default=None)


def _escalate(passed: Sequence[tuple[_Fired, int]], at: datetime) -> None:
    """Write it into the journals of the cases, let those who are told see them, and tell them."""
    entries: dict[int, list[journal.Entry]] = {}
    streams = {one.clock.case.stream_id: one.clock.case.stream for one, _percent in passed}
    notices: list[Notice] = []
    seers: dict[tuple[int, int], Involvement] = {}
    known: dict[Any, list[Any]] = {}
    for one, percent in passed:
        clock, case, late = one.clock, one.clock.case, percent >= 100
        told = _whom(case, percent, one.rule, at, known)
        data = {"clock": clock.pk, "kind": clock.kind, "percent": percent, "due_at": clock.due_at,
                "told": [p.pk for p in told]}  # fmt: skip
        happening = Happening("clock.breached" if late else "clock.warned", clock.rule, data)
        entries.setdefault(case.stream_id, []).append(happening.entry(SYSTEM, at))
        words = _noop("{title}已超时（{percent}%）") if late else _noop("{title}已用 {percent}%")
        names = {"title": clock.title, "percent": percent}
        notices += notices_for(case, told, f"clock.{clock.kind}", words, names, at)
        seers |= {(case.pk, p.pk): Involvement(case=case, person=p, since=at) for p in told}
    journal.append_all([(streams[pk], some) for pk, some in entries.items()])
    Involvement.objects.bulk_create(seers.values(), ignore_conflicts=True)
    post_up(notices)


def _whom(
    case: Case, percent: int, rule: ClockRule | None, at: datetime, known: dict[Any, list[Any]]
) -> list[Any]:  # fmt: skip
    """The owner; from 100 % on one more rank of management at each step. Source: TR-8. `known`: asked before."""
    told = [case.owner] if case.owner else []
    if percent >= 100 or not told:
        roles = rule.escalate if rule and rule.escalate else RANKS
        ranks = 1 + max(0, (percent - 100) // (rule.beyond_step if rule else 50))
        unit = case.unit or case.intake_unit
        for role in roles[:ranks] if percent >= 100 else roles[:1]:
            if (unit, role) not in known:
                above = superiors(unit, role, at=at) if unit else []
                known[unit, role] = above or list(Person.objects.holding(role, at=at)[:3])
            told += known[unit, role]
    return list(dict.fromkeys(told))
