"""Several people about one matter: what is suggested, and a person's word on it. Source: SP-4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.utils.translation import gettext as _
from ninja import Field, Schema

from wenguo.api.acting import Chapter, Number, On, find
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Id
from wenguo.cases import group, grouping
from wenguo.cases.case import Case
from wenguo.cases.group import Group, Member
from wenguo.errors import Invalid

chapter = Chapter("groups")


class GroupIn(Body):
    group: Id
    cases: Annotated[list[Number], Field(max_length=group.MOST, description="列入的投诉编号；本件牵头，不必写")] = []


class GroupReason(Reason):
    group: Id


class GroupId(Body):
    group: Id


class GroupMerge(GroupId):
    into: Id


class GroupOut(Schema):
    id: int
    state: str = Field(description="suggested 疑似 · confirmed 已确认 · dismissed 不是群诉 · merged 已并入另一组")
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
    grouping.confirm(on.row(_of(on), body.group, "群诉"), ids, on.case.pk, by=on.by, at=on.at)


@chapter.act("dismiss_group", of=["group"], summary="不是群诉")
def dismiss(on: On, body: GroupReason) -> None:
    grouping.dismiss(on.row(_of(on), body.group, "群诉"), body.reason, by=on.by, at=on.at)


@chapter.act("join_group", of=["group"], summary="列入已确认的群诉")
def join(on: On, body: GroupId) -> None:
    """程序没有提出的，由人列入；群诉须已确认。"""
    grouping.add(_another(on, body.group, "group"), on.case, by=on.by, at=on.at)


@chapter.act("merge_group", of=["group"], summary="群诉并入另一组")
def merge(on: On, body: GroupMerge) -> None:
    """本件所在的一组并入另一组，成员和待确认的一起过去。"""
    into = _another(on, body.into, "into")
    grouping.merge(on.row(_of(on), body.group, "群诉"), into, by=on.by, at=on.at)


@chapter.act("ungroup")
def take_out(on: On, body: GroupReason) -> None:
    found = on.row(_of(on), body.group, "群诉")
    grouping.take_out(on.case.groups.get(group=found), body.reason, by=on.by, at=on.at)


def _of(on: On) -> Any:
    """The groups this case is in or suggested to."""
    return Group.objects.filter(members__in=on.case.groups.exclude(state=Member.State.OUT))


def _another(on: On, pk: int, field: str) -> Group:
    """A group with a case this person may see. Invalid: there is none."""
    found: Group | None = Group.objects.visible_to(on.by, on.at).filter(pk=pk).first()
    if found is None:
        words = _("没有编号为 {id} 的群诉，或者它不在您可以查看的范围内").format(id=pk)
        raise Invalid(words, fields={field: words})
    return found
