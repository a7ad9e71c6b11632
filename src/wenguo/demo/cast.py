"""Who works where in the demonstration company, and whom the driver sends for each job."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property

from wenguo.demo.corpus import load
from wenguo.people.deputies import Deputy
from wenguo.people.staff import Person
from wenguo.people.units import Unit

WORKERS = ("handler", "investigator", "senior_agent", "agent", "supervisor", "manager")
HEAD = "总部"


class Cast:
    """The people and units by their names in the corpus, read once; rows are shared by all scenes of a process."""

    def __init__(self) -> None:
        self.people = {one.username: one for one in Person.objects.filter(is_active=True)}
        self.units = {unit.code: unit for unit in Unit.objects.select_related("parent")}
        self.codes = {unit.pk: unit.code for unit in self.units.values()}

    @cached_property
    def posts(self) -> dict[tuple[str, str], list[Person]]:
        """(unit, role) → who holds it."""
        held: dict[tuple[str, str], list[Person]] = {}
        for one in load().company.staff:
            if one.username in self.people:
                for post in one.posts:
                    held.setdefault((post.unit, post.role), []).append(self.people[one.username])
        return held

    @cached_property
    def deputies(self) -> list[Deputy]:
        return list(Deputy.objects.all())

    def as_of(self, at: datetime) -> None:
        """From here on everybody answers for this moment."""
        for person in self.people.values():
            person.as_of(at)

    def holding(self, unit: Unit, *roles: str) -> list[Person]:
        """Who has one of these posts at the unit, in the order of the roles."""
        code = self.codes[unit.pk]
        return list(dict.fromkeys(person for role in roles for person in self.posts.get((code, role), [])))

    def at_home(self, unit: Unit, *roles: str) -> list[Person]:
        """Those of `holding` whose first post is there, so that what they take down comes in at this unit."""
        code = self.codes[unit.pk]
        own = {one.username for one in load().company.staff if one.posts[0].unit == code}
        return [person for person in self.holding(unit, *roles) if person.username in own]

    def workers(self, unit: Unit, *roles: str) -> list[Person]:
        """Those of the first role that the unit has."""
        return next((held for role in roles or WORKERS if (held := self.holding(unit, role))), [])

    def leads(self, unit: Unit, *roles: str) -> list[Person]:
        """Who holds one of these roles at the unit or above, nearest first; else at the customer service centre."""
        found: list[Person] = []
        place: Unit | None = unit
        while place is not None:
            found += self.holding(place, *roles)
            place = self.units[self.codes[place.parent_id]] if place.parent_id else None
        return list(dict.fromkeys([*found, *self.holding(self.units["hq-cs"], *roles)]))

    def near(self, function: str, region: str, outlet: str) -> Unit:
        """The unit that does this for customers of a region; the head office where the region has none of its own."""
        if function == "retail":
            return self.units[outlet]
        alike = [unit for unit in self.units.values() if unit.function == function]
        return next((u for u in alike if u.region == region), None) or next(u for u in alike if u.region == HEAD)

    def is_away(self, person: Person, at: datetime) -> bool:
        return any(one.absent_id == person.pk and one.active(at) for one in self.deputies)

    def stands_in(self, person: Person, at: datetime) -> bool:
        return any(one.deputy_id == person.pk and one.active(at) for one in self.deputies)
