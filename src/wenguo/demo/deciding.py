"""What the supervisor has decided of the groups that the program suggested while the year was lived: one is a group,
one is none. The others wait for whoever visits the company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction

from wenguo.breath import in_one_breath
from wenguo.cases import grouping, major
from wenguo.cases.case import Case
from wenguo.cases.group import Group
from wenguo.cases.lifecycle import Stage
from wenguo.demo.cast import Cast
from wenguo.people.staff import Person

ENOUGH, PAIR = 3, 2
WHY_NOT = "说法相近，买的却不是同一批，毛病也各有各的原因，已分别核对，不是同一件事。"


@transaction.atomic
def decide(scenarios: Mapping[int, str], cast: Cast, *, at: datetime) -> None:
    """Of the groups that tell of one scenario and are seen by one supervisor the greatest is one, the smallest is none.

    `scenarios`: what each case tells of. With fewer than `PAIR` such groups nothing is decided.
    """
    cast.as_of(at)
    supervisors = [one for (_unit, role), held in cast.posts.items() if role == "supervisor" for one in held]
    found = []
    for group in (
        Group.objects.filter(state=Group.State.SUGGESTED).prefetch_related("members").order_by("-people", "pk")
    ):
        if len({scenarios.get(member.case_id) for member in group.members.all()}) == 1:
            by, seen = _who_sees_most(group, supervisors, at)
            if len(seen) >= ENOUGH:
                found.append((group, by, seen))
    if len(found) < PAIR:
        return
    (one, by, seen), (none, whoever, _seen) = found[0], found[-1]
    with in_one_breath():
        grouping.confirm(one, [case.pk for case in seen], seen[0].pk, by=by, at=at)
        for case in seen:
            major.look(case.pk, at=at)
        grouping.dismiss(none, WHY_NOT, by=whoever, at=at)


def _who_sees_most(group: Group, people: Sequence[Person], at: datetime) -> tuple[Person, list[Case]]:
    """Who sees most of its cases that still go on, and these, the oldest first."""
    going = Case.objects.filter(pk__in=[m.case_id for m in group.members.all()]).exclude(stage=Stage.ARCHIVED)
    seen = [(one, list(going.visible_to(one, at).order_by("received_at"))) for one in dict.fromkeys(people)]
    return max(seen, key=lambda pair: len(pair[1]))
