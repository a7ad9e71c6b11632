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

ONE_MATTER = "points-expired-silently"
ALIKE_ONLY = "color-mismatch"
WHY_NOT = "几位买的是不同的产品，颜色各有各的偏差，已分别核对，不是同一件事。"


@transaction.atomic
def decide(scenarios: Mapping[int, str], cast: Cast, *, at: datetime) -> None:
    """`scenarios`: what each case tells of. Where nothing fits, nothing is decided; what is decided stays."""
    cast.as_of(at)
    supervisors = [one for (_unit, role), held in cast.posts.items() if role == "supervisor" for one in held]
    suggested = list(Group.objects.filter(state=Group.State.SUGGESTED).prefetch_related("members").order_by("pk"))
    told = {group.pk: {scenarios.get(member.case_id) for member in group.members.all()} for group in suggested}
    for scenario in (ONE_MATTER, ALIKE_ONLY):
        group = next((one for one in suggested if told[one.pk] == {scenario}), None)
        if group is None:
            continue
        by, seen = _who_sees_most(group, supervisors, at)
        if len(seen) < 2:
            continue
        with in_one_breath():
            if scenario == ONE_MATTER:
                grouping.confirm(group, [case.pk for case in seen], seen[0].pk, by=by, at=at)
                for case in seen:
                    major.look(case.pk, at=at)
            else:
                grouping.dismiss(group, WHY_NOT, by=by, at=at)


def _who_sees_most(group: Group, people: Sequence[Person], at: datetime) -> tuple[Person, list[Case]]:
    """Who sees most of its cases that still go on, and these, the oldest first."""
    going = Case.objects.filter(pk__in=[m.case_id for m in group.members.all()]).exclude(stage=Stage.ARCHIVED)
    seen = [(one, list(going.visible_to(one, at).order_by("received_at"))) for one in dict.fromkeys(people)]
    return max(seen, key=lambda pair: len(pair[1]))
