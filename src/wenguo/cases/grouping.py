"""What a person decides about a group: it is one, it is none, this case joins it or leaves it, two groups are one.

Confirmed, its cases carry the flag `group` and say so in their journals, and one of them leads; dismissed, it does not
come back for the same people. Source: SP-4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from wenguo.cases.case import Case, flag, record, unflag
from wenguo.cases.group import Group, Member, grown
from wenguo.cases.lifecycle import Stage, require
from wenguo.errors import Invalid, NotNow
from wenguo.later import later
from wenguo.policy.versions import in_force
from wenguo.text.normal import clean


@transaction.atomic
def confirm(group: Group, case_ids: Sequence[int], lead_id: int, *, by: Any, at: datetime) -> Group:
    """These cases are one group, led by one of them. Of the others this person may see it is said that they are not.

    Cases out of this person's sight stay suggested, for those who see them. Invalid: fewer than two, or the lead is
    not among them. NotNow: it was dismissed.
    """
    group = Group.objects.select_for_update().get(pk=group.pk)
    _live(group)
    seen = _seen(group, by, at)
    chosen = [m for m in seen if m.case_id in set(case_ids)]
    inside = set(group.members.filter(state=Member.State.IN).values_list("case_id", flat=True))
    if len(inside | {m.case_id for m in chosen}) < 2:
        raise Invalid(_("请至少选择两件"), fields={"cases": _("请至少选择两件")})
    if lead_id not in inside | {m.case_id for m in chosen}:
        raise Invalid(_("请从列入的投诉中选一件牵头"), fields={"lead": _("请从列入的投诉中选一件牵头")})
    group.state, group.lead_id, group.decided_by, group.decided_at = Group.State.CONFIRMED, lead_id, by, at
    group.save(update_fields=["state", "lead", "decided_by", "decided_at"])
    number = Case.objects.values_list("number", flat=True).get(pk=lead_id)
    for member in seen:
        if member in chosen and member.state != Member.State.IN:
            _take_in(member, number, by=by, at=at)
        elif member not in chosen and member.state == Member.State.SUGGESTED:
            member.state = Member.State.OUT
            member.save(update_fields=["state"])
    return group


@transaction.atomic
def add(group: Group, case: Case, *, by: Any, at: datetime) -> Member:
    """A case of the same matter that the program did not suggest joins a confirmed group.

    NotNow: the group is not confirmed, or the case is in a group already. NotYours: this person may not decide.
    """
    group = Group.objects.select_for_update(of=["self"]).select_related("lead").get(pk=group.pk)
    require(case, "group", by=by, at=at)
    if group.state != Group.State.CONFIRMED or group.lead is None:
        raise NotNow(_("请先确认这组是群诉，再添别的投诉"))
    there = case.groups.filter(state=Member.State.IN).select_related("group__lead").first()
    if there is not None:
        led = there.group.lead.number if there.group.lead else ""
        raise NotNow(_("{number} 已列入由 {lead} 牵头的群诉").format(number=case.number, lead=led))
    member, _new = Member.objects.update_or_create(
        group=group, case=case, defaults={"state": Member.State.SUGGESTED}, create_defaults={"at": at}
    )
    _take_in(member, group.lead.number, by=by, at=at)
    grown(group, in_force(at).pack.thresholds.join_likeness)
    return member


@transaction.atomic
def merge(group: Group, into: Group, *, by: Any, at: datetime) -> Group:
    """Both tell of one matter: what is in this group, and what waits to be decided, goes on in the other one.

    Cases out of this person's sight go along as they are: suggested stay suggested. Invalid: the same group.
    NotNow: one of them is decided otherwise, or this one is confirmed and the other is not.
    """
    if group.pk == into.pk:
        raise Invalid(_("请选择另一组"), fields={"into": _("请选择另一组")})
    both = {g.pk: g for g in Group.objects.select_for_update(of=["self"]).select_related("lead").filter(
        pk__in=[group.pk, into.pk]
    ).order_by("pk")}  # fmt: skip
    group, into = both[group.pk], both[into.pk]
    _live(group)
    _live(into)
    if group.state == Group.State.CONFIRMED and into.state != Group.State.CONFIRMED:
        raise NotNow(_("已确认的群诉只能并入已确认的；请从疑似的那一组并过来"))
    for member in _seen(group, by, at):
        require(member.case, "group", by=by, at=at)
    theirs = {member.case_id: member for member in into.members.all()}
    for member in group.members.select_related("case").order_by("case_id"):
        other = theirs.get(member.case_id)
        if other is not None and (other.state == Member.State.IN or member.state == Member.State.OUT):
            member.delete()
            continue
        if other is not None:
            other.delete()
        member.group = into
        member.save(update_fields=["group"])
        if member.state == Member.State.IN and into.lead is not None and member.case.stage != Stage.ARCHIVED:
            _tell_joined(member, into.lead.number, by=by, at=at)
    group.state, group.merged_into, group.decided_by, group.decided_at = Group.State.MERGED, into, by, at
    group.save(update_fields=["state", "merged_into", "decided_by", "decided_at"])
    grown(into, in_force(at).pack.thresholds.join_likeness)
    return into


@transaction.atomic
def dismiss(group: Group, reason: str, *, by: Any, at: datetime) -> Group:
    """It is no group, and why. It comes back only when as many other people say the same. NotNow: already decided."""
    group = Group.objects.select_for_update().get(pk=group.pk)
    if group.state != Group.State.SUGGESTED:
        raise NotNow(_("这组已经有结论"))
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明理由"), fields={"reason": _("请写明理由")})
    for member in _seen(group, by, at):
        require(member.case, "group", by=by, at=at)
        record(
            member.case, "group.dismissed", by=by, at=at, because=f"group:{group.pk}", data={"group": group.pk},
            private={"reason": reason},
        )  # fmt: skip
    group.state, group.decided_by, group.decided_at, group.reason = Group.State.DISMISSED, by, at, reason
    group.save(update_fields=["state", "decided_by", "decided_at", "reason"])
    return group


@transaction.atomic
def take_out(member: Member, reason: str, *, by: Any, at: datetime) -> None:
    """This case does not belong to the group after all. Invalid: it leads, or there is no reason."""
    group = Group.objects.select_for_update().get(pk=member.group_id)
    member = Member.objects.select_related("case").get(pk=member.pk)
    require(member.case, "ungroup", by=by, at=at)
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明理由"), fields={"reason": _("请写明理由")})
    if member.state != Member.State.IN:
        raise NotNow(_("这件没有列入群诉"))
    if group.lead_id == member.case_id:
        raise NotNow(_("牵头的投诉不能移出，请先换一件牵头"))
    member.state = Member.State.OUT
    member.save(update_fields=["state"])
    record(
        member.case, "group.left", by=by, at=at, because=f"group:{group.pk}", data={"group": group.pk},
        private={"reason": reason}, set={"flags": unflag(member.case, ["group"])},
    )  # fmt: skip


def _seen(group: Group, by: Any, at: datetime) -> list[Member]:
    """The members this person may see and that may still change, in the order of their cases."""
    of_mine = group.members.filter(case__in=Case.objects.visible_to(by, at)).exclude(state=Member.State.OUT)
    members = of_mine.exclude(case__stage=Stage.ARCHIVED).select_related("case").order_by("case_id")
    return list(members)


def _live(group: Group) -> None:
    """NotNow: it was dismissed, or goes on in another."""
    if group.state == Group.State.DISMISSED:
        raise NotNow(_("这组已被判断为不是群诉"))
    if group.state == Group.State.MERGED:
        raise NotNow(_("这组已并入另一组，请到那一组里办"))


def _take_in(member: Member, lead: str, *, by: Any, at: datetime) -> None:
    """`lead`: the number of the case that leads."""
    require(member.case, "group", by=by, at=at)
    member.state = Member.State.IN
    _tell_joined(member, lead, by=by, at=at)
    member.save(update_fields=["state"])
    later("cases.look_for_major", case_id=member.case_id)


def _tell_joined(member: Member, lead: str, *, by: Any, at: datetime) -> None:
    record(
        member.case, "group.joined", by=by, at=at, because=f"group:{member.group_id}",
        data={"group": member.group_id, "lead": lead}, set={"flags": flag(member.case, "group")},
    )  # fmt: skip
