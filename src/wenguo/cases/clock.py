"""Promises: when each was started, when it is due, what stops it, and what moves it.

A clock is a row. Its rule comes from the pack the case was received under; its due time is derived from start,
allowance, calendar and its own pauses, so it can always be explained. `next_fire_at` is the earliest moment at which
anything must happen; one partial index over it lets any number of workers take due rows, and a row per (clock, percent)
makes each firing happen once, also after the workers were down (`sweep.py`). Source: TR-8, IN-2, TR-5,
RS-8, FIELD §2.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case, Happening, record, record_all
from wenguo.cases.lifecycle import require
from wenguo.compiled import ask, run
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.policy import promise
from wenguo.policy.calendar import Calendar
from wenguo.policy.parts import ClockRule
from wenguo.policy.told import told
from wenguo.policy.versions import calendar as calendar_of
from wenguo.spoken import counted
from wenguo.text.normal import one_line
from wenguo.together import Together, instance

RANKS = ("supervisor", "manager", "executive")  # who hears of a breach where the rule names nobody


class State(models.TextChoices):
    RUNNING = "running", _lazy("计时中")
    PAUSED = "paused", _lazy("已暂停")
    MET = "met", _lazy("已完成")
    CANCELLED = "cancelled", _lazy("已取消")


class Clocks(models.QuerySet["Clock"]):
    def live(self) -> Self:
        return self.filter(state__in=[State.RUNNING, State.PAUSED])

    def running(self) -> Self:
        return self.filter(state=State.RUNNING)


class Clock(models.Model):
    """One promise. `about` tells clocks of one kind apart (`handover:12`); `first_due_at` is what was promised at
    first.
    """

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="clocks", db_index=False)
    round = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(_lazy("种类"), max_length=16)
    about = models.CharField(max_length=40, blank=True, default="")
    rule = models.CharField(_lazy("依据"), max_length=40)
    title = models.CharField(max_length=120)
    allowance = models.JSONField()
    calendar = models.CharField(max_length=40)
    pausable = models.BooleanField()
    started_at = models.DateTimeField()
    first_due_at = models.DateTimeField()
    extended_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.RUNNING)
    ended_at = models.DateTimeField(null=True)
    fired_percent = models.PositiveSmallIntegerField(default=0)
    next_fire_at = models.DateTimeField(null=True)

    objects = Clocks.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["next_fire_at"], name="cases_clock_due", condition=Q(next_fire_at__isnull=False)),
            models.Index(fields=["case", "kind"], name="cases_clock_case"),
            models.Index(  # which promises fell due in a stretch of time, and whether they were kept
                fields=["due_at"],
                name="cases_clock_fell_due",
                include=["kind", "case", "state", "ended_at"],
                condition=Q(state__in=["met", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "kind", "about"],
                name="cases_clock_one_live",
                condition=Q(state__in=["running", "paused"]),
            ),
            models.CheckConstraint(
                condition=Q(kind="statutory", pausable=False) | ~Q(kind="statutory"),
                name="cases_statutory_never_pauses",
            ),
        ]

    @property
    def is_on_time(self) -> bool | None:
        """Whether it was met in time; None while it may still be."""
        if self.state == State.MET and self.due_at and self.ended_at:
            return self.ended_at <= self.due_at
        return None

    def terms(self) -> Terms:
        pauses = tuple(self.pauses.order_by("since").values_list("since", "until"))
        return Terms(self.started_at, promise.Allowance.from_spec(self.allowance), self.hours(), pauses)

    def hours(self) -> Calendar:
        """The working hours this promise counts in: those of the policy the case was received under."""
        return calendar_of(self.calendar, version_id=self.case.policy_id)


class Pause(models.Model):
    """A stretch in which a clock stands still, for a reason of the pack. `until` None: it still does."""

    clock = models.ForeignKey(Clock, on_delete=models.CASCADE, related_name="pauses")
    reason = models.CharField(max_length=40)
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clock"], condition=Q(until=None), name="cases_pause_one_open"),
        ]


class Extension(models.Model):
    """A later date the customer agreed to, or the law allows: who consented, when, over which channel."""

    clock = models.ForeignKey(Clock, on_delete=models.CASCADE, related_name="extensions")
    old_due_at = models.DateTimeField()
    new_due_at = models.DateTimeField()
    consent_by = models.CharField(max_length=80, blank=True)
    consent_at = models.DateTimeField(null=True)
    consent_channel = models.CharField(max_length=16, blank=True)
    granted_by = models.ForeignKey("people.Person", on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField()


class Firing(models.Model):
    """A clock passed `percent` of its time and that was acted upon; the unique row makes it happen once."""

    clock = models.ForeignKey(Clock, on_delete=models.CASCADE, related_name="firings")
    percent = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField()
    fired_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["clock", "percent"], name="cases_firing_once")]


@dataclass(frozen=True)
class Terms:
    """What a due time is derived from."""

    start: datetime
    allowance: promise.Allowance
    calendar: Calendar
    pauses: Sequence[tuple[datetime, datetime | None]] = ()

    def due(self) -> datetime | None:
        return promise.due(self.start, self.allowance, self.calendar, self.pauses)

    def moment_at(self, percent: int, due: datetime) -> datetime:
        return promise.moment_at(percent, self.start, due, self.calendar, self.allowance, self.pauses)


# Sums


def next_percent(fired: int, warnings: Sequence[int], beyond_step: int, ranks: int) -> int | None:
    """The percentage that fires after `fired`: the warnings, 100, then a step for each of `ranks` of management, and
    one more for all of them together. None: nobody is left to tell."""
    later = [p for p in (*warnings, 100) if p > fired]
    percent = later[0] if later else fired + beyond_step
    return percent if percent <= 100 + ranks * beyond_step else None


def marks(rule: ClockRule | None) -> tuple[Sequence[int], int, int]:
    """The warnings, the step beyond, and how many ranks are told, of a rule; of none the usual ones."""
    if rule is None:
        return (50, 75, 90), 50, len(RANKS)
    return rule.warnings, rule.beyond_step, len(rule.escalate or RANKS)


# Acts


def _calendar_code(case: Case, rule: ClockRule) -> str:
    unit = case.unit or case.intake_unit
    return rule.calendar or (unit.calendar if unit else "standard")


def start(
    case: Case, kind: str, *, by: Any, at: datetime, about: str = "", title: str = "", regime: str | None = None,
    step: int | None = None, rule: ClockRule | None = None, since: datetime | None = None,
) -> Clock | None:  # fmt: skip
    """Start the promise of this kind that the case's pack makes from `since` (or `at`); None when it makes none.

    A promise that is running already stays as it is: it is not promised anew. Part of an act: in its transaction.
    """
    hand = Hand(case)
    if (running := next((c for c in hand.live if (c.kind, c.about) == (kind, about)), None)) is not None:
        return running
    rule = rule or case.pack.clock(kind, level=case.level, channel=case.channel, regime=regime, step=step)
    if rule is None:
        return None
    clock = promise_of(case, kind, rule, since or at, about=about, title=title)
    record_all(case, hand.begin(clock), by=by, at=at)
    return clock


def promised(case: Case, kinds: Sequence[str], *, at: datetime) -> list[Clock]:
    """The promises of these kinds that a new case is born with, not yet kept in the database."""
    rules = ((kind, case.pack.clock(kind, level=case.level, channel=case.channel)) for kind in kinds)
    return [promise_of(case, kind, rule, at) for kind, rule in rules if rule is not None]


def born(clocks: Sequence[Clock], rows: Together) -> list[Happening]:
    """Keep the promises of a new case, with its other rows; what its journal says of them, one after the other."""
    for clock in clocks:
        clock.pk = rows.id(Clock)
        rows.add(clock)
    shown = nearest([])
    return [_happening("clock.started", clock, shown, clocks[:n]) for n, clock in enumerate(clocks, 1)]


def promise_of(
    case: Case, kind: str, rule: ClockRule, since: datetime, *, about: str = "", title: str = ""
) -> Clock:  # fmt: skip
    """A promise as the rule has it, not yet kept in the database."""
    clock = instance(
        Clock, case=case, round=case.round, kind=kind, about=about, rule=rule.id, title=title or rule.title,
        allowance=rule.allowance.spec, calendar=_calendar_code(case, rule), pausable=rule.pausable, started_at=since,
    )  # fmt: skip
    terms = _terms_of_new(clock)
    due = terms.due()
    assert due is not None
    clock.due_at = clock.first_due_at = due
    clock.next_fire_at = next_fire(clock, terms, rule)
    return clock


class Hand:
    """The clocks of a case in the hands of one act: read and held once, ended and begun together.

    The act writes what `end` and `begin` return into the journal of the case, in this order, beside what else happened.
    """

    def __init__(self, case: Case) -> None:
        self.case, self.live, self._shown = case, _live(case), _shown(case)

    def begin(self, clock: Clock, rows: Together | None = None) -> list[Happening]:
        """Keep this new promise, at once or with the other `rows`."""
        if rows is None:
            Clock.objects.bulk_create([clock])
        else:
            clock.pk = rows.id(Clock)
            rows.add(clock)
        self.live.append(clock)
        return [_happening("clock.started", clock, self._shown, self.live)]

    def end(
        self, *kinds: str, at: datetime, about: str | None = None, cancel: bool = False, rows: Together | None = None
    ) -> list[Happening]:  # fmt: skip
        """The promises of these kinds are kept, or with `cancel` no longer owed; written at once or with the other
        `rows`, none of which may then be a promise of the same kind.
        """
        ended = [c for kind in kinds for c in self.live if c.kind == kind and about in (None, c.about)]
        if not ended:
            return []
        state = State.CANCELLED if cancel else State.MET
        for clock in ended:
            if clock.state == State.PAUSED:
                _close_pause(clock, at)
                due = _due(clock, clock.terms())
                Clock.objects.filter(pk=clock.pk).update(due_at=due)
                clock.due_at = due
            clock.state, clock.ended_at, clock.next_fire_at = state, at, None
        given = [state.value, at, [c.pk for c in ended]]
        if rows is not None:
            rows.change(_ENDED, *given)
        else:
            run(_ENDED, given)
        happenings = []
        for clock in ended:
            self.live.remove(clock)
            happenings.append(_happening("clock.cancelled" if cancel else "clock.met", clock, self._shown, self.live))
        return happenings


def carry_over(old: Clock, case: Case, *, by: Any, at: datetime) -> None:
    """The same promise with the same date on a case that was split from the one it was made for. Part of an act."""
    new = Clock(
        case=case, round=case.round, kind=old.kind, about=old.about, rule=old.rule, title=old.title,
        allowance=old.allowance, calendar=old.calendar, pausable=old.pausable, started_at=old.started_at,
        due_at=old.due_at, first_due_at=old.first_due_at,
    )  # fmt: skip
    rule = next((r for r in case.pack.clocks.rules if r.id == old.rule), None)
    new.next_fire_at = next_fire(new, _terms_of_new(new), rule)
    record_all(case, Hand(case).begin(new), by=by, at=at)


_ENDED = "UPDATE cases_clock SET state = %s, ended_at = %s, next_fire_at = NULL WHERE id = ANY(%s::bigint[])"


def _held(case_id: int) -> Clocks:
    return Clock.objects.live().filter(case=case_id).select_for_update().order_by("pk")


def _live(case: Case) -> list[Clock]:
    """The clocks of the case that run or stand, held until the transaction ends."""
    clocks = ask("live clocks, held", _held, case.pk)
    for clock in clocks:
        clock.case = case
    return clocks


def _terms_of_new(clock: Clock) -> Terms:
    return Terms(clock.started_at, promise.Allowance.from_spec(clock.allowance), clock.hours())


@transaction.atomic
def start_until(
    case: Case, kind: str, due: datetime, *, by: Any, at: datetime, title: str, rule: str, about: str = ""
) -> Clock:
    """Start a promise whose due time somebody else set, such as the date on a regulator's letter. Never pausable."""
    if due <= at:
        raise Invalid(_("期限须晚于当前时间"))
    minutes = max(1, round((due - at).total_seconds() / 60))
    clock = Clock(
        case=case, round=case.round, kind=kind, about=about, rule=rule, title=title,
        allowance={"minutes_24x7": minutes}, calendar=next(c.code for c in case.pack.calendars if c.always),
        pausable=False, started_at=due - timedelta(minutes=minutes), due_at=due, first_due_at=due,
    )  # fmt: skip
    clock.next_fire_at = next_fire(clock, _terms_of_new(clock), None)
    record_all(case, Hand(case).begin(clock), by=by, at=at)
    return clock


@transaction.atomic
def set_deadline(
    case: Case, *, regime: str = "", until: datetime | None = None, title: str = "", by: Any, at: datetime
) -> Clock:
    """登记法定期限: the deadline a regime of the pack sets, or the date on an authority's letter (`until`, `title`).

    It is never paused by waiting for the customer. NotNow: this one runs already. Source: FIELD §2, SP-3.
    """
    require(case, "set_deadline", by=by, at=at)
    if regime:
        rule = next((r for r in case.pack.clocks.rules if r.kind == "statutory" and r.regime == regime), None)
        if rule is None:
            raise Invalid(_("请从政策的法定时限中选择"), fields={"regime": _("请从政策的法定时限中选择")})
        about, since = f"law:{regime}"[:40], case.received_at if rule.starts == "received" else at
    else:
        title = one_line(title, 100)
        wrong = {} if title else {"title": _("请写来件机关与文号")}
        wrong |= {} if until else {"until": _("请填写来件时限")}
        if wrong:
            raise Invalid(_("请选择法定时限，或写明来件机关、文号和时限"), fields=wrong)
        rule, since, about = None, at, f"letter:{case.clocks.filter(kind='statutory').count() + 1}"
    if rule is not None and case.clocks.live().filter(kind="statutory", about=about).exists():
        raise NotNow(_("该法定时限已在计时"))
    if rule is not None:
        clock = start(case, "statutory", by=by, at=at, about=about, rule=rule, since=since)
        assert clock is not None
        return clock
    assert until is not None
    return start_until(case, "statutory", until, by=by, at=at, title=title, rule="LETTER", about=about)


def stop(case: Case, *kinds: str, by: Any, at: datetime, about: str | None = None, cancel: bool = False) -> int:
    """These promises are kept (or with `cancel` no longer owed). Returns how many clocks ended. Part of an act."""
    if ended := Hand(case).end(*kinds, at=at, about=about, cancel=cancel):
        record_all(case, ended, by=by, at=at)
    return len(ended)


def stop_all(case: Case, *, by: Any, at: datetime, cancel: bool = True) -> None:
    """The case is over: nothing is promised any more."""
    hand = Hand(case)
    if ended := hand.end(*dict.fromkeys(c.kind for c in hand.live), at=at, cancel=cancel):
        record_all(case, ended, by=by, at=at)


@transaction.atomic
def pause(case: Case, reason: str, words: str, *, by: Any, at: datetime) -> list[Clock]:
    """Stop counting what the reason allows, visibly. NotNow: nothing that runs may be paused for it.

    A statutory clock never pauses. Source: TR-8 "only while the customer owes something", FIELD §2.0.
    """
    require(case, "pause", by=by, at=at)
    rule = next((r for r in case.pack.pause_reasons if r.code == reason), None)
    if rule is None:
        raise Invalid(_("请选择暂停原因"), fields={"reason": _("请选择暂停原因")})
    if not words.strip():
        raise Invalid(_("请写明在等什么"), fields={"words": _("请写明在等什么")})
    clocks = list(case.clocks.running().select_for_update().filter(kind__in=rule.pauses, pausable=True))
    if not clocks:
        raise NotNow(_("没有可以因「{reason}」暂停的时限").format(reason=rule.title))
    for clock in clocks:
        Pause.objects.create(clock=clock, reason=reason, since=at)
        clock.state, clock.next_fire_at, clock.due_at = State.PAUSED, None, None
        clock.save()
    record(
        case, "clock.paused", by=by, at=at, because=reason, data={"clocks": [c.pk for c in clocks], "reason": reason},
        private={"words": words},
        set={"waiting_since": at if rule.waits_for_customer else case.waiting_since, **next_due(case)},
    )  # fmt: skip
    return clocks


@transaction.atomic
def resume(case: Case, *, by: Any, at: datetime, words: str = "") -> None:
    """Count again. NotNow: nothing is paused."""
    require(case, "resume", by=by, at=at)
    clocks = list(case.clocks.select_for_update().filter(state=State.PAUSED))
    if not clocks:
        raise NotNow(_("没有暂停中的时限"))
    _resume(case, clocks, by=by, at=at, words=words)


def customer_spoke(case: Case, *, by: Any, at: datetime) -> None:
    """What we waited for has come: resume the clocks that waited for the customer."""
    waiting = {r.code for r in case.pack.pause_reasons if r.waits_for_customer}
    clocks = list(
        case.clocks.select_for_update().filter(
            state=State.PAUSED, pk__in=Pause.objects.filter(until=None, reason__in=waiting).values("clock")
        )
    )
    if clocks:
        _resume(case, clocks, by=by, at=at)


def _resume(case: Case, clocks: list[Clock], *, by: Any, at: datetime, words: str = "") -> None:
    for clock in clocks:
        _close_pause(clock, at)
        terms = clock.terms()
        clock.state, clock.due_at = State.RUNNING, _due(clock, terms)
        clock.next_fire_at = next_fire(clock, terms, rule_of(clock))
        clock.save()
    record(
        case, "clock.resumed", by=by, at=at, data={"clocks": {str(c.pk): c.due_at for c in clocks}},
        private={"words": words} if words else None, set={"waiting_since": None, **next_due(case)},
    )  # fmt: skip


def _close_pause(clock: Clock, at: datetime) -> None:
    clock.pauses.filter(until=None).update(until=at)


@dataclass(frozen=True)
class Consent:
    """The customer's word that a later date is agreed: who said it, over which channel, when."""

    by: str
    channel: str
    at: datetime


@transaction.atomic
def extend(
    case: Case, clock: Clock, until: datetime, reason: str, *, consent: Consent | None, by: Any, at: datetime
) -> Extension:
    """Promise a later date. Before the old one runs out, and with the customer's recorded consent (TR-8).

    A statutory clock is extended as its regime allows, by the role it names; consent does not replace that.
    """
    require(case, "extend", by=by, at=at)
    clock = Clock.objects.select_for_update().get(pk=clock.pk, case=case)
    if clock.state != State.RUNNING or clock.due_at is None:
        raise NotNow(_("该时限未在计时，不能延期"))
    if at > clock.due_at:
        raise NotNow(_("已过原定时限，不能再延期；请向客户说明并尽快办理"))
    if until <= clock.due_at:
        raise Invalid(_("新期限须晚于原期限"), fields={"until": _("新期限须晚于原期限")})
    if not reason.strip():
        raise Invalid(_("请写明延期原因"), fields={"reason": _("请写明延期原因")})
    count = clock.extensions.count()
    if clock.kind == "statutory":
        _lawful(case, clock, until, count, by=by)
    else:
        _consented(case, consent, count, at=at)
    extension = Extension.objects.create(
        clock=clock, old_due_at=clock.due_at, new_due_at=until, granted_by=by, granted_at=at,
        consent_by=consent.by if consent else "", consent_at=consent.at if consent else None,
        consent_channel=consent.channel if consent else "",
    )  # fmt: skip
    clock.extended_until = clock.due_at = until
    clock.next_fire_at = next_fire(clock, clock.terms(), rule_of(clock))
    clock.save()
    record(
        case, "clock.extended", by=by, at=at, because=clock.rule,
        data={"clock": clock.pk, "kind": clock.kind, "old_due_at": extension.old_due_at, "new_due_at": until,
              "consent_at": extension.consent_at, "consent_channel": extension.consent_channel},
        private={"reason": reason, "consent_by": extension.consent_by}, set=next_due(case),
    )  # fmt: skip
    return extension


def _consented(case: Case, consent: Consent | None, count: int, *, at: datetime) -> None:
    if consent is None or not consent.by.strip() or not consent.channel:
        raise Invalid(
            _("延期须先取得客户同意：请登记谁、何时、通过什么渠道同意"), fields={"consent": _("请登记客户的同意")}
        )
    if consent.at > at:
        raise Invalid(_("同意时间不能晚于现在"), fields={"consent_at": _("同意时间不能晚于现在")})
    days = case.pack.thresholds.extension_consent_days
    if at - consent.at > timedelta(days=days):
        raise Invalid(_("客户的同意已超过 {days} 天，请重新征得同意").format(days=days))
    if count >= case.pack.thresholds.extensions_max:
        raise NotNow(counted("已延期 {n} 次，达到上限", count))


def _lawful(case: Case, clock: Clock, until: datetime, count: int, *, by: Any) -> None:
    regime = next((r.regime for r in case.pack.clocks.rules if r.id == clock.rule), None)
    lawful = case.pack.regime(regime).extensions if regime else ()
    if count >= len(lawful):
        raise NotNow(_("该法定时限不能再延长"))
    if not by.holds(lawful[count].approver):
        raise NotYours(_("须由{role}批准延长").format(role=case.pack.role_title(lawful[count].approver)))
    assert clock.due_at is not None
    adds = promise.Allowance.from_spec(lawful[count].adds.spec)
    latest = promise.due(clock.due_at, adds, clock.hours())
    if latest is not None and until > latest:
        raise Invalid(_("最多延至 {date}").format(date=latest.date().isoformat()))


@transaction.atomic
def rederive(case: Case, kinds: Sequence[str], *, by: Any, at: datetime) -> None:
    """The level, the unit or the calendar changed: derive these running promises anew from their old start. TR-4."""
    live = _live(case)
    for clock in live:
        rule = case.pack.clock(clock.kind, level=case.level, channel=case.channel) if clock.kind in kinds else None
        if rule is None:
            continue
        old = clock.due_at
        clock.rule, clock.title, clock.allowance = rule.id, rule.title, rule.allowance.spec
        clock.calendar, clock.pausable = _calendar_code(case, rule), rule.pausable
        terms = clock.terms()
        if clock.state == State.RUNNING:
            due = terms.due()
            assert due is not None
            if clock.extended_until and due > clock.first_due_at:
                due = max(due, clock.extended_until)
            else:
                clock.extended_until = None
            clock.due_at = due
            clock.fired_percent = _passed(clock, terms, rule, at)
            clock.next_fire_at = next_fire(clock, terms, rule)
        clock.save()
        if clock.due_at != old:
            happening = _happening("clock.rederived", clock, _shown(case), live, old_due_at=old)
            record_all(case, [happening], by=by, at=at)


def _passed(clock: Clock, terms: Terms, rule: ClockRule, at: datetime) -> int:
    """The greatest percentage already fired that the new terms also put in the past; what lies between fires anew."""
    assert clock.due_at is not None
    fired = clock.fired_percent
    while fired and terms.moment_at(fired, clock.due_at) > at:
        fired = max((p for p in (*rule.warnings, 100) if p < fired), default=0)
    return fired


def rule_of(clock: Clock) -> ClockRule | None:
    return next((r for r in clock.case.pack.clocks.rules if r.id == clock.rule), None)


def _due(clock: Clock, terms: Terms) -> datetime | None:
    """The due time after a pause: as promised, or counted on from the date agreed in an extension."""
    if not clock.extended_until:
        return terms.due()
    granted = clock.extensions.order_by("-granted_at").values_list("granted_at", flat=True).first()
    gauge = terms.allowance.gauge(terms.calendar)
    stood = [gauge.elapsed(since, until) for since, until in terms.pauses if until and granted and since >= granted]
    return gauge.advance(clock.extended_until, sum(stood, timedelta(0)))


def next_fire(clock: Clock, terms: Terms, rule: ClockRule | None) -> datetime | None:
    percent = next_percent(clock.fired_percent, *marks(rule))
    if percent is None or clock.due_at is None:
        return None
    return terms.moment_at(percent, clock.due_at)


def next_due(case: Case) -> dict[str, Any]:
    """The columns of the case that show its nearest promise. Source: SCREENS "the clock is always visible"."""
    return nearest(list(case.clocks.running().only("state", "due_at", "kind")))


def nearest(clocks: Iterable[Clock]) -> dict[str, Any]:
    """The same columns, of these clocks."""
    running = [c for c in clocks if c.state == State.RUNNING and c.due_at]
    first = min(running, key=lambda c: (c.due_at, c.pk or 0), default=None)
    return {"next_due_at": first.due_at if first else None, "next_clock": first.kind if first else ""}


def _shown(case: Case) -> dict[str, Any]:
    return {"next_due_at": case.next_due_at, "next_clock": case.next_clock}


def _happening(type: str, clock: Clock, shown: dict[str, Any], live: Iterable[Clock], **more: Any) -> Happening:
    """What the journal says of a clock. `shown`: what the case shows of the clocks `live`, brought up to date here."""
    now = nearest(live)
    changed = {name: value for name, value in now.items() if shown[name] != value}
    shown.update(changed)
    data = {"clock": clock.pk, "kind": clock.kind, "about": clock.about, "due_at": clock.due_at, **more}
    return Happening(type, clock.rule, data, set=changed)


# What a page shows


@dataclass(frozen=True)
class Explained:
    """Why a clock is due when it is: `stretches` of counted, uncounted and paused time from start to due."""

    clock: Clock
    basis: str
    stretches: Sequence[promise.Interval]
    extensions: Sequence[Extension]


def explain(clock: Clock, *, at: datetime) -> Explained:
    """The stretches between start and due (for a paused clock: until `at`). Source: SCREENS "explains itself"."""
    rule, terms = rule_of(clock), clock.terms()
    until = clock.due_at or max(at, terms.start)
    stretches = promise.explain(terms.start, until, terms.calendar, terms.allowance, terms.pauses)
    basis = _basis(rule) if rule else told(clock.title)
    return Explained(clock, basis, stretches, list(clock.extensions.order_by("granted_at")))


def _basis(rule: ClockRule) -> str:
    """The `basis` of a rule in the reader's language."""
    said = told(rule.allowance.words)
    if rule.stated and rule.stated != rule.allowance.words:
        said = _("{said}({stated})").format(said=said, stated=told(rule.stated))
    return _("{name}：{said}").format(name=told(rule.title), said=said)
