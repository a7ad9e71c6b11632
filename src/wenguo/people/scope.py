"""How far a person's eye reaches: pure data from which other rooms build `visible_to`. Source: SY-1, FIELD 8.3."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from wenguo.people.actor import System
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.units import Unit


@dataclass(frozen=True)
class Reach:
    """`everything`, or work of the units in `unit_ids`, or work of the persons in `person_ids`."""

    everything: bool
    unit_ids: Collection[int]
    person_ids: Collection[int]

    def __bool__(self) -> bool:
        """Whether it reaches anything at all."""
        return self.everything or bool(self.unit_ids) or bool(self.person_ids)

    def covers(self, *, unit_ids: frozenset[int] | set[int], person_ids: frozenset[int] | set[int]) -> bool:
        """Whether something that belongs to these units and persons lies within."""
        return self.everything or not unit_ids.isdisjoint(self.unit_ids) or not person_ids.isdisjoint(self.person_ids)

    @property
    def values(self) -> tuple[list[int], list[int]]:
        """For a compiled query; `like` puts them together again. What else it depends on is `everything`."""
        return [*self.unit_ids], [*self.person_ids]

    def like(self, unit_ids: Collection[int], person_ids: Collection[int]) -> Reach:
        """As far as this, with these values in place of one's own."""
        return Reach(self.everything, unit_ids, person_ids)


EVERYTHING = Reach(True, frozenset(), frozenset())
NOTHING = Reach(False, frozenset(), frozenset())


def reach(person: Person | System, at: datetime, permission: str = "case.see") -> Reach:
    """The union over those active posts, own and of absent colleagues stood in for, whose role grants `permission`.

    The role's scope counts from the unit of the post. Whoever reaches anything reaches their own work, and that of
    those they stand in for. At most three queries, the third only for scopes below a unit or chosen by hand; asked
    again on the same instance, none.
    """
    if isinstance(person, System):
        return EVERYTHING
    if not person.may(permission, at):
        return NOTHING
    posts = [post for post in person.standing.effective(at) if permission in post.role.permissions]
    persons = frozenset({person.pk, *(absent.pk for absent in person.standing.absent(at))})
    if any(post.role.scope == Role.Scope.ALL for post in posts):
        return Reach(True, frozenset(), persons)
    at_unit = {post.unit_id for post in posts if post.role.scope in {Role.Scope.UNIT, Role.Scope.UNIT_BELOW}}
    return Reach(False, frozenset(at_unit) | _spread(person, posts), persons)


def _spread(person: Person, posts: list[Post]) -> frozenset[int]:
    """Units below those of the posts with scope UNIT_BELOW, and units chosen by hand for the CUSTOM roles."""
    paths = frozenset(post.unit.path for post in posts if post.role.scope == Role.Scope.UNIT_BELOW)
    custom = frozenset(post.role_id for post in posts if post.role.scope == Role.Scope.CUSTOM)
    if not paths and not custom:
        return frozenset()
    known = person.standing.reached
    if (paths, custom) not in known:
        wanted = Q(pk__in=Role.custom_units.through.objects.filter(role__in=custom).values("unit")) if custom else Q()
        for path in paths:
            wanted |= Q(path__startswith=path)
        known[paths, custom] = frozenset(Unit.objects.filter(wanted).values_list("pk", flat=True))
    return known[paths, custom]
