"""Several people about one matter: what is suggested, and a person's word on it. Source: SP-4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, Number, On, find
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Id
from wenguo.cases import group
from wenguo.cases.case import Case
from wenguo.cases.group import Group, Member

chapter = Chapter("groups")


class GroupIn(Body):
    group: Id
    cases: Annotated[list[Number], Field(max_length=group.MOST, description="列入的投诉编号；本件牵头，不必写")] = []


class GroupReason(Reason):
    group: Id


class GroupOut(Schema):
    id: int
    state: str = Field(description="suggested 疑似 · confirmed 已确认 · dismissed 不是群诉")
    people: int = Field(description="不同的投诉人")
    lead: str = Field(description="牵头的投诉编号；未确认时为空")
    cases: list[str] = Field(description="其中您看得见的投诉编号")
    newest_at: datetime


@chapter.rows("groups", GroupOut, "群诉")
def groups(on: On) -> Any:
    return [
        GroupOut(
            id=one.pk, state=one.state, people=one.people, lead=one.lead.number if one.lead else "",
            cases=list(
                Case.objects.visible_to(on.by, on.at)
                .filter(pk__in=one.members.exclude(state=Member.State.OUT).values("case"))
                .order_by("pk").values_list("number", flat=True)
            ),
            newest_at=one.newest_at,
        )
        for one in _of(on).select_related("lead").order_by("pk")[:20]
    ]  # fmt: skip


@chapter.act("group")
def confirm(on: On, body: GroupIn) -> None:
    """确认疑似群诉，由本件牵头；您看得见而没有写上的，即不列入。"""
    ids = [on.case.pk, *(find(on.request, number).pk for number in dict.fromkeys(body.cases))]
    group.confirm(on.row(_of(on), body.group, "群诉"), ids, on.case.pk, by=on.by, at=on.at)


@chapter.act("dismiss_group", of=["group"], summary="不是群诉")
def dismiss(on: On, body: GroupReason) -> None:
    group.dismiss(on.row(_of(on), body.group, "群诉"), body.reason, by=on.by, at=on.at)


@chapter.act("ungroup")
def take_out(on: On, body: GroupReason) -> None:
    found = on.row(_of(on), body.group, "群诉")
    group.take_out(on.case.groups.get(group=found), body.reason, by=on.by, at=on.at)


def _of(on: On) -> Any:
    """The groups this case is in or suggested to."""
    return Group.objects.filter(members__in=on.case.groups.exclude(state=Member.State.OUT))
