"""Where a person stands: posts held and colleagues stood in for, over all time, asked for a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from wenguo.people.deputies import Deputy
from wenguo.people.staff import Person, Post


@dataclass
class Standing:
    """`posts`: person id → their posts, for the person and everybody ever stood in for. `reached`: see `scope`."""

    person_id: int
    posts: dict[int, list[Post]]
    deputyships: list[Deputy]
    reached: dict[object, frozenset[int]] = field(default_factory=dict)

    def own(self, at: datetime) -> list[Post]:
        return [post for post in self.posts.get(self.person_id, ()) if post.active(at)]

    def absent(self, at: datetime) -> list[Person]:
        """Whom this person stands in for then."""
        return list({d.absent_id: d.absent for d in self.deputyships if d.active(at)}.values())

    def effective(self, at: datetime) -> list[Post]:
        """Own posts, then those of the colleagues stood in for."""
        lent = (post for person in self.absent(at) for post in self.posts.get(person.pk, ()) if post.active(at))
        return [*self.own(at), *lent]


def standing_of(person: Person) -> Standing:
    """Two queries: deputyships, posts."""
    deputyships = list(Deputy.objects.filter(deputy=person).select_related("absent"))
    return Standing(person.pk, _posts({person.pk, *(d.absent_id for d in deputyships)}), deputyships)


def _posts(person_ids: Iterable[int]) -> dict[int, list[Post]]:
    posts: dict[int, list[Post]] = {}
    for post in Post.objects.filter(person__in=list(person_ids)).select_related("unit", "role"):
        posts.setdefault(post.person_id, []).append(post)
    return posts
