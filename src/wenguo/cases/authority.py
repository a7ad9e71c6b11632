"""Whose signature counts where: roles and ranks, the units of a case and those above, deputies. Source: RS-8, SY-1."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from wenguo.breath import once
from wenguo.people.deputies import standing_in_for
from wenguo.people.roles import Role
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.versions import in_force


def ranks_of_day(at: datetime) -> tuple[str, ...]:
    """All ranks, rising, in the policy of the day. One query."""
    return in_force(at).pack.approval.ranks


def ranks_from(role: str, ranks: tuple[str, ...]) -> tuple[str, ...]:
    """The role and all that stand above it."""
    return ranks[ranks.index(role) :] if role in ranks else (role,)


def units_above(units: Iterable[Unit | None]) -> frozenset[int]:
    """These units, all they belong to, and the units of the same function that hang under one of those. One query."""
    real = [u for u in units if u]
    line = {pk for u in real for pk in u.ancestry}
    same = {u.function for u in real if u.function}
    if not same:
        return frozenset(line)
    alike = once(
        ("alike", frozenset(same), frozenset(line)),
        lambda: list(
            Unit.objects.filter(function__in=same, parent_id__in=line).values_list("pk", "function", "parent_id")
        ),
    )
    return frozenset(line).union(
        pk for pk, function, parent in alike if any(u.function == function and parent in u.ancestry[:-1] for u in real)
    )


def name_for(
    roles: tuple[str, ...], units: frozenset[int], barred: set[int], by: Person, at: datetime
) -> Person | None:
    """In whose name `by` may sign: their own, else that of a colleague they stand in for; None if in nobody's."""
    if by.pk in barred:
        return None
    for holder in (by, *standing_in_for(by, at)):
        posts = [p for p in by.standing.posts.get(holder.pk, ()) if p.active(at) and p.role.code in roles]
        if holder.pk not in barred and any(p.role.scope == Role.Scope.ALL or p.unit_id in units for p in posts):
            return holder
    return None
