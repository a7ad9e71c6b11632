"""Where a person stands: posts held and colleagues stood in for, over all time, asked for a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wenguo.compiled import run
from wenguo.people.deputies import Deputy
from wenguo.people.staff import Person, Post


@dataclass
class Standing:
    """`posts`: person id → their posts, for the person and everybody ever stood in for. `reached`: see `scope`.
    `permitted`: what `permits` worked out last, and from when until when it holds; shared by all of the same rows.
    """

    person_id: int
    posts: dict[int, list[Post]]
    deputyships: list[Deputy]
    reached: dict[object, frozenset[int]] = field(default_factory=dict)

    permitted: list[tuple[datetime, datetime, frozenset[str], frozenset[str]]] = field(default_factory=list)

    def permits(self, at: datetime) -> tuple[frozenset[str], frozenset[str]]:
        """What the own posts permit then, and what these and those of the colleagues stood in for do. The same from
        one beginning or end of a post to the next.
        """
        known = self.permitted[0] if self.permitted else None
        if known is None or not known[0] <= at < known[1]:
            spans: list[Any] = [*(post for posts in self.posts.values() for post in posts), *self.deputyships]
            edges = [edge for span in spans for edge in (span.since, span.until) if edge is not None]
            known = (
                max((e for e in edges if e <= at), default=at),
                min((e for e in edges if e > at), default=at + timedelta(hours=1)),
                frozenset(p for post in self.own(at) for p in post.role.permissions),
                frozenset(p for post in self.effective(at) for p in post.role.permissions),
            )
            self.permitted[:] = [known]
        return known[2:]

    def own(self, at: datetime) -> list[Post]:
        return [post for post in self.posts.get(self.person_id, ()) if post.active(at)]

    def absent(self, at: datetime) -> list[Person]:
        """Whom this person stands in for then."""
        return list({d.absent_id: d.absent for d in self.deputyships if d.active(at)}.values())

    def effective(self, at: datetime) -> list[Post]:
        """Own posts, then those of the colleagues stood in for."""
        lent = (post for person in self.absent(at) for post in self.posts.get(person.pk, ()) if post.active(at))
        return [*self.own(at), *lent]


# Every row a standing is read from, as the version of it that is visible now (xmin and ctid), for the person of {id}. A
# row that was changed, by whomever and however, is another version.
ROWS = """
    WITH stood AS (
        SELECT d.*, d.xmin AS x, d.ctid AS c FROM people_deputy d WHERE d.deputy_id = {id})
    SELECT string_agg(version, ' ' ORDER BY version) FROM (
        SELECT concat_ws(' ', 'deputy', d.id, d.x, d.c, a.xmin, a.ctid) AS version
        FROM stood d JOIN people_person a ON a.id = d.absent_id
        UNION ALL
        SELECT concat_ws(' ', 'post', p.id, p.xmin, p.ctid, r.xmin, r.ctid, u.xmin, u.ctid)
        FROM people_post p JOIN people_role r ON r.id = p.role_id JOIN people_unit u ON u.id = p.unit_id
        WHERE p.person_id = {id} OR p.person_id IN (SELECT absent_id FROM stood)) AS versions
"""
_ROWS = "WITH asked AS (SELECT %s::bigint AS id) " + ROWS.replace("WITH ", ", ", 1).format(id="(SELECT id FROM asked)")
_kept: dict[int, tuple[str, Standing]] = {}
KEPT = 2000  # persons


def standing_of(person: Person, rows: str | None = None) -> Standing:
    """One small query where nothing changed since it was read last in this process; else two more. `rows`: what `ROWS`
    just told, asked along with something else.
    """
    if rows is None:
        rows = run(_ROWS, [person.pk])[0][0] or ""
    kept = _kept.get(person.pk)
    if kept is None or kept[0] != rows:
        if len(_kept) >= KEPT:
            _kept.clear()
        kept = _kept[person.pk] = (rows, _read(person))
    for deputyship in kept[1].deputyships:
        deputyship.absent.forget()  # where they stand themselves is asked anew
    return Standing(kept[1].person_id, kept[1].posts, kept[1].deputyships, permitted=kept[1].permitted)


def _read(person: Person) -> Standing:
    deputyships = list(Deputy.objects.filter(deputy=person).select_related("absent"))
    return Standing(person.pk, _posts({person.pk, *(d.absent_id for d in deputyships)}), deputyships)


def _posts(person_ids: Iterable[int]) -> dict[int, list[Post]]:
    posts: dict[int, list[Post]] = {}
    for post in Post.objects.filter(person__in=list(person_ids)).select_related("unit", "role"):
        posts.setdefault(post.person_id, []).append(post)
    return posts
