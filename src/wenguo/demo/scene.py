"""One story on its way through time: nothing happens out of order, nothing outside working hours, nothing after now.

Between two acts the clocks of the case fire at their own moments, and what lies in between (a message, a reminder, a
progress call) is done at its own. When the present is reached `Present` ends the play, and the case stays where it is.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from wenguo import journal
from wenguo.cases import letters
from wenguo.cases.clock import Clock
from wenguo.cases.sweep import sweep
from wenguo.demo import words
from wenguo.demo.cast import Cast
from wenguo.demo.corpus import Woven
from wenguo.demo.corpus.filling import fits
from wenguo.demo.corpus.weaving import addressed
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.calendar import Calendar
from wenguo.policy.versions import calendar as calendar_of

SHIFT = Calendar({day: ((time(8, 0), time(21, 0)),) for day in range(7)}, known_years=None)  # the hotline's people
MINUTE = timedelta(minutes=1)
KEEPS_IN_TOUCH = 0.88
MOVING = ("clock.", "handover.", "case.graded", "case.assigned")  # after these the clocks may stand differently
Meanwhile = Callable[["Scene", datetime], Any]


class Present(Exception):
    """What comes next has not happened yet."""


class Running(NamedTuple):
    """A clock that will fire; `due_at` of a paused one is None."""

    pk: int
    kind: str
    due_at: datetime | None
    fires_at: datetime


@dataclass
class Scene:
    """`at`: the moment of the last act; `now`: the present. `stop`: where this one is to stand still, for the desks."""

    woven: Woven
    rng: random.Random
    cast: Cast
    now: datetime
    external_id: str
    at: datetime
    stop: str = ""
    case: Any = None  # the Case, once received
    first: Any = None  # the first-responsible Person
    lead: Any = None  # the Person who works on it
    hours: Calendar = SHIFT
    anchor: datetime | None = None
    target: datetime | None = None
    between: list[tuple[datetime, int, Meanwhile]] = field(default_factory=list)
    planned: int = 0
    silent: set[int] = field(default_factory=set)
    clocks: list[Running] = field(default_factory=list)
    looked: bool = False  # `clocks` is how they are now

    # -- time ----------------------------------------------------------------------------------------------------------

    def go(self, moment: datetime) -> datetime:
        """Let time pass until `moment` (or a little later than the last act); everything due in between happens."""
        moment = max(moment, self.at + timedelta(seconds=self.rng.randint(25, 110))).replace(microsecond=0)
        while (earlier := self._next_between(moment)) is not None:
            when, act = earlier
            self._pass(when)
            act(self, self.at)
        self._pass(moment)
        return self.at

    def after(self, low: int, high: int) -> datetime:
        """So many working minutes later."""
        return self.go(self.hours.add(self.at, self.rng.randint(low, high)))

    def days(self, low: float, high: float) -> datetime:
        """So many days later, at some working hour."""
        day = self.at + timedelta(days=self.rng.uniform(low, high))
        return self.go(day if self.hours.is_open(day) else self.hours.add(day, self.rng.randint(5, 240)))

    def share(self, part: float) -> datetime:
        """When this part of the planned work is done; at least some minutes after what came before."""
        assert self.anchor is not None and self.target is not None
        whole = max(60, self.hours.between(self.anchor, self.target))
        part = max(0.0, part + self.rng.uniform(-0.02, 0.02))
        soonest = self.hours.add(self.at, self.rng.randint(2, 9))
        return self.go(max(self.hours.add(self.anchor, int(whole * part)), soonest))

    def finish(self) -> None:
        """Bring the case to the present: what fires until now has fired."""
        self._look()
        self._fire(self.now)

    def halt(self, place: str, chance: float = 0.0, within: float = 0.0) -> None:
        """Stand still here if this scene is to; or by chance, if it began not more than `within` days ago."""
        recent = self.now - self.woven.received_at <= timedelta(days=within)
        if self.stop == place or (not self.stop and recent and self.rng.random() < chance):
            self.go(self.now + MINUTE)

    def meanwhile(self, moment: datetime, act: Meanwhile) -> None:
        """Do `act` when that moment comes, whatever else is going on."""
        self.planned += 1
        heapq.heappush(self.between, (moment.replace(microsecond=0), self.planned, act))

    def _next_between(self, moment: datetime) -> tuple[datetime, Meanwhile] | None:
        planned = self.between[0][0] if self.between else None
        contact = self._next_contact(moment)
        if contact is not None and (planned is None or contact < planned):
            return contact, _keep_in_touch
        if planned is not None and planned <= moment:
            when, _n, act = heapq.heappop(self.between)
            return max(when, self.at), act
        return None

    def _next_contact(self, moment: datetime) -> datetime | None:
        """Shortly before a promised progress report is due; sometimes it is forgotten."""
        self._look()
        due = next((c for c in self.clocks if c.kind == "progress" and c.due_at and c.due_at <= moment), None)
        if self.lead is None or due is None or due.pk in self.silent:
            return None
        if not self.stop and self.rng.random() > KEEPS_IN_TOUCH:
            self.silent.add(due.pk)
            return None
        assert due.due_at is not None
        when = self.hours.subtract(due.due_at, self.rng.randint(6, 80)).replace(microsecond=0)
        if when < self.at + 20 * MINUTE:  # due while nobody is there: first thing next morning
            when = self.hours.add(max(due.due_at, self.at), self.rng.randint(3, 25))
        return when if when <= moment else None

    def _look(self) -> None:
        """Read the running clocks of the case, if something may have moved them since."""
        if self.looked or self.case is None:
            return
        rows = Clock.objects.filter(case=self.case, next_fire_at__isnull=False).order_by("pk")
        told = rows.values_list("pk", "kind", "due_at", "next_fire_at")
        self.clocks = [Running(pk, kind, due, fires) for pk, kind, due, fires in told if fires]
        self.looked = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of what moves clocks."""

        def hear(stream: journal.Stream, event: journal.Event) -> None:
            self.looked = self.looked and not event.type.startswith(MOVING)

        stop = journal.subscribe("", hear)
        try:
            yield
        finally:
            stop()

    def _pass(self, moment: datetime) -> None:
        if moment > self.now:
            raise Present
        self._fire(moment)
        self.at = max(self.at, moment)
        self.cast.as_of(self.at)

    def _fire(self, moment: datetime) -> None:
        """Let the clocks of the case fire, each mark at its own moment."""
        while (mark := min((c.fires_at for c in self.clocks), default=moment + MINUTE)) <= moment:
            sweep(at=max(mark, self.at), case=self.case)  # a mark may have passed when terms were derived anew
            self.looked = False
            self._look()

    def plan(self, unit: Unit, late: bool, part: tuple[float, float] = (0.45, 0.88)) -> None:
        """From here on work towards an end before (or after) the solution is due."""
        self.hours = working_hours(unit)
        have = max(self.hours.between(self.at, self.due()), 90)
        share = self.rng.uniform(1.06, 1.7) if late else self.rng.uniform(*part)
        self.anchor, self.target = self.at, self.hours.add(self.at, int(have * share))

    def due(self) -> datetime:
        """When the solution is due; while that clock stands still, some days from here."""
        due = self.case.clocks.live().filter(kind="solve").values_list("due_at", flat=True).first()
        return due or self.at + timedelta(days=3)

    def stretch(self, part: float) -> None:
        """Work so slowly that in the present only this part is done."""
        assert self.anchor is not None
        self.target = self.hours.add(self.anchor, int(max(30, self.hours.between(self.anchor, self.now)) / part))

    # -- words ---------------------------------------------------------------------------------------------------------

    def says(self, pool: str, key: str = "", **slots: str) -> str:
        return words.pick(self.rng, pool, key, fits=self.fits, **slots)

    def fits(self, text: str) -> bool:
        """May this sentence of the common pools be said of the story?"""
        woven = self.woven
        kinds = {measure.kind for measure in woven.measures}
        return fits(text, category=woven.category, kinds=kinds, heated=woven.voice == "rant")

    def own(self, text: str) -> str:
        """A text of the story, with the person who really answers for it in the place of the one it was woven for."""
        return text.replace(self.woven.handler, self.first.name) if self.first else text

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def unit(self, function: str) -> Unit:
        return self.cast.near(function, self.woven.customer.region, self.woven.outlet)

    def a(self, people: list[Person]) -> Person:
        """One of them; where a visitor is told to look, the first."""
        return people[0] if self.stop else self.rng.choice(people)

    @property
    def place(self) -> Unit:
        """The unit that has the case: where it came in, until somebody else was made responsible."""
        unit: Unit = self.case.unit or self.case.intake_unit
        return unit

    @property
    def dear(self) -> str:
        return addressed(self.woven.customer)

    @property
    def writes(self) -> bool:
        """Whether this customer is answered in writing rather than called."""
        return self.woven.channel in {"web", "app", "mail", "wechat"}


def working_hours(unit: Unit) -> Calendar:
    """When people of this unit are at work: the round-the-clock hotline by shifts of the day."""
    return SHIFT if unit.calendar == "hotline" else calendar_of(unit.calendar)


def _reached(scene: Scene) -> str:
    """How far the work has come, as a part of the pool `progress`."""
    stage = str(scene.case.stage)
    if stage in {"execution", "reply"}:
        return stage
    states = set(scene.case.options.values_list("state", flat=True)) if stage == "resolution" else set()
    if "offered" in states:
        return "offered"
    return "approval" if "submitted" in states else "draft" if stage == "resolution" else "investigation"


def _keep_in_touch(scene: Scene, at: datetime) -> None:
    """Tell the customer how far we are, before it is owed."""
    what = scene.says("progress", _reached(scene))
    who = scene.lead if scene.lead.may("case.message", at) else scene.first
    if scene.writes:
        letters.say(scene.case, "", scene.says("progress_said", dear=scene.dear, what=what), by=who, at=at)
    else:
        text = scene.says("progress_called", dear=scene.dear, what=what)
        letters.called(scene.case, "reached", text, by=who, at=at, minutes=scene.rng.randint(2, 6))
